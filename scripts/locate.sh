# Sourced by the scripts: where the tree, the programs and Java are.
# shellcheck shell=bash

PROGRAM=$(basename "$0")
# The tree, or <prefix>/share/quokka where it is installed.
base=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

fail() {
  echo "$PROGRAM: $*" >&2
  exit 1
}

# What the head of the script says, for --help.
print_help_if_asked() {  # an argument
  case $1 in
    -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0 ;;
  esac
}

# Prints the path of quokka-broker or quokka-tools.
program() {
  local candidate
  for candidate in "${QUOKKA_BIN:-}" "$base/build/${VARIANT:-release}" "$base/../../bin"; do
    if [ -n "$candidate" ] && [ -x "$candidate/$1" ]; then
      echo "$candidate/$1"
      return
    fi
  done
  fail "there is no $1: build it with 'make -j2' in $base, or set QUOKKA_BIN to the directory it is in"
}

# Prints the java to run ZooKeeper with.
java_program() {
  if [ -n "${JAVA_HOME:-}" ] && [ -x "$JAVA_HOME/bin/java" ]; then
    echo "$JAVA_HOME/bin/java"
  else
    command -v java || fail "ZooKeeper runs on Java, and there is none: apt-get install default-jre-headless"
  fi
}

# Prints the class path of ZooKeeper: its jar names those it needs, but not the one that writes the log.
zookeeper_class_path() {
  local jar=${ZOOKEEPER_JAR:-/usr/share/java/zookeeper.jar} path logger
  [ -r "$jar" ] || fail "there is no $jar: apt-get install zookeeper, or set ZOOKEEPER_JAR"
  path=$jar
  for logger in slf4j-log4j12 log4j-1.2; do
    if [ -r "$(dirname "$jar")/$logger.jar" ]; then path+=:$(dirname "$jar")/$logger.jar; fi
  done
  echo "$path"
}

# Runs a command in the background, detached from the terminal. Sets `daemon_pid`, which is the command's own, as long as it execs.
start_daemon() {  # output file, command...
  local output=$1
  shift
  mkdir -p "$(dirname "$output")"
  setsid nohup "$@" >> "$output" 2>&1 < /dev/null &
  # shellcheck disable=SC2034
  daemon_pid=$!
  # Until it has become setsid it looks like this script.
  while cmp -s "/proc/$$/cmdline" "/proc/$daemon_pid/cmdline" 2> /dev/null; do sleep 0.01; done
}

print_ends_of_logs() {  # directory
  local log
  for log in "$1"/*.out "$1"/*.log; do
    if [ -s "$log" ]; then tail -n 8 "$log" >&2; fi
  done
}

# After start_daemon: a program that finds its settings wrong has ended by now, and nobody looks into its output.
fail_if_ended_at_once() {  # directory of its logs
  local i
  for i in 1 2 3 4 5; do
    sleep 0.1
    if ! kill -0 "$daemon_pid" 2> /dev/null; then
      print_ends_of_logs "$1"
      fail "it has ended; its logs are in $1"
    fi
  done
}

# Prints the ids of running processes whose command line, words separated by blanks, matches a pattern.
processes_matching() {  # extended regular expression
  local directory line
  for directory in /proc/[0-9]*; do
    line=$(tr '\0' ' ' 2> /dev/null < "$directory/cmdline") || continue
    if [[ $line =~ $1 ]]; then echo "${directory#/proc/}"; fi
  done
}
