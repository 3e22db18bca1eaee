#!/usr/bin/env bash
# USAGE: cluster-start.sh [--dir DIR] [--brokers N] [--zookeepers N] [--broker-port P] [--zookeeper-port P]
#
# Starts a cluster on this machine in the background, on loopback only: three ZooKeeper servers on ports 2181-2183 and three brokers on ports
# 9092-9094, and waits until it is complete. What runs already is left running. Data, configuration (made at the first start, yours from then
# on) and process ids are below DIR (default: cluster/ in the tree, or QUOKKA_CLUSTER_DIR), logs below LOG_DIR (default: DIR/logs).
# cluster-stop.sh stops it; the data stays.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=scripts/locate.sh
. "$here/locate.sh"
# shellcheck source=scripts/cluster.sh
. "$here/cluster.sh"

directory="" brokers=3 zookeepers=3 broker_port=9092 zookeeper_port=2181
while [ $# -gt 0 ]; do
  print_help_if_asked "$1"
  if [ $# -lt 2 ]; then
    sed -n '2s/^# //p' "$0" >&2
    exit 1
  fi
  case $1 in
    --dir) directory=$2 ;;
    --brokers) brokers=$2 ;;
    --zookeepers) zookeepers=$2 ;;
    --broker-port) broker_port=$2 ;;
    --zookeeper-port) zookeeper_port=$2 ;;
    *) sed -n '2s/^# //p' "$0" >&2; exit 1 ;;
  esac
  shift 2
done
need_number() {  # option, its value, least, most
  if ! [[ $2 =~ ^[0-9]{1,5}$ ]] || [ "$((10#$2))" -lt "$3" ] || [ "$((10#$2))" -gt "$4" ]; then
    fail "$1 $2: a number from $3 to $4 is needed"
  fi
}
need_number --brokers "$brokers" 1 100
need_number --zookeepers "$zookeepers" 1 9
need_number --broker-port "$broker_port" 1024 $((65535 - 552 - brokers))
need_number --zookeeper-port "$zookeeper_port" 1024 $((65535 - 30))
program quokka-broker > /dev/null
zookeeper_class_path > /dev/null
java_program > /dev/null
directory=$(realpath -m "${directory:-$(cluster_directory_default)}")
mkdir -p "$directory"
logs=$(realpath -m "${LOG_DIR:-$directory/logs}")
wait_seconds=90
stop_command="$here/cluster-stop.sh$([ "$directory" = "$(cluster_directory_default)" ] || echo " --dir $directory")"

# A start that ends half-way leaves what it started.
say_what_runs() {
  local server running=""
  for server in "$directory"/zookeeper-* "$directory"/broker-*; do
    if running_pid "$server" > /dev/null; then running+="${running:+, }$(basename "$server")"; fi
  done
  if [ -n "$running" ]; then echo "$PROGRAM: still running: $running. Start again when the cause is removed, or stop them with $stop_command" >&2; fi
}
trap '[ $? -eq 0 ] || say_what_runs' EXIT

is_listening() { (: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

# Before anything is written or started: else what is there already would go on with the ports that are not free.
need_free_ports() {  # its directory, its properties file, the port if that is not there yet, for whom
  local port=$3 advice="choose other ports: --broker-port, --zookeeper-port"
  running_pid "$1" > /dev/null && return
  if [ -e "$2" ]; then
    port=$(configured_port "$2")
    advice="change it in $2"
  fi
  if is_listening "$port"; then fail "port $port, which $4 needs, is taken by another program. Stop that, or $advice"; fi
}

configured_port() {  # properties file of a server
  if [[ $1 == */zookeeper.properties ]]; then property "$1" clientPort; else property "$1" listeners | sed 's/.*://'; fi
}

# shellcheck disable=SC2016
# One answer of a ZooKeeper server's "srvr", or of a broker's HTTP endpoint; nothing if there is none.
ask_zookeeper() { timeout 2 bash -c 'exec 3<> "/dev/tcp/127.0.0.1/$0"; echo srvr >&3; cat <&3' "$1" 2> /dev/null || true; }
# shellcheck disable=SC2016
ask_ready() { timeout 2 bash -c 'exec 3<> "/dev/tcp/127.0.0.1/$0"; printf "GET /health/ready HTTP/1.0\r\n\r\n" >&3; head -1 <&3' "$1" 2> /dev/null || true; }
zookeeper_serves() { [[ $(ask_zookeeper "$1") == *Mode:* ]]; }
broker_is_ready() { [[ $(ask_ready "$1") == *" 200 "* ]]; }

wait_until() {  # what, its directory, that of its logs, condition...
  local what=$1 server=$2 log_dir=$3 until=$((SECONDS + wait_seconds))
  shift 3
  until "$@"; do
    if ! running_pid "$server" > /dev/null; then
      print_ends_of_logs "$log_dir"
      fail "$what has ended; its logs are in $log_dir"
    fi
    [ "$SECONDS" -lt "$until" ] || fail "$what is not ready after $wait_seconds s; its logs are in $log_dir"
    sleep 0.1
  done
}

# Copies a properties file with some keys set: in their place if they are there, commented out or not, else at the end.
write_properties() {  # from, to, key=value...
  local from=$1 to=$2 setting key
  shift 2
  cp "$from" "$to.new"
  for setting in "$@"; do
    key=${setting%%=*}
    if grep -qE "^#?${key//./\\.}=" "$to.new"; then
      sed -i -E "0,/^#?${key//./\\.}=.*/s||${setting//&/\\&}|" "$to.new"
    else
      echo "$setting" >> "$to.new"
    fi
  done
  mv "$to.new" "$to"
}

start_zookeeper() {  # number from 1
  local server=$directory/zookeeper-$1 settings=() peer i
  mkdir -p "$server/data"
  if [ ! -e "$server/zookeeper.properties" ]; then
    settings=("dataDir=$server/data" "clientPort=$((zookeeper_port + $1 - 1))" clientPortAddress=127.0.0.1 tickTime=2000 initLimit=10 syncLimit=5
      autopurge.snapRetainCount=3 autopurge.purgeInterval=24)
    if [ "$zookeepers" -gt 1 ]; then
      for ((i = 1; i <= zookeepers; i++)); do
        peer="server.$i=127.0.0.1:$((zookeeper_port + 10 + i)):$((zookeeper_port + 20 + i))"
        settings+=("$peer")
      done
    fi
    write_properties "$base/config/zookeeper.properties" "$server/zookeeper.properties" "${settings[@]}"
    echo "$1" > "$server/data/myid"
  fi
  running_pid "$server" > /dev/null && return
  start_daemon "$logs/zookeeper-$1/zookeeper.out" "$here/zookeeper-server-start.sh" "$server/zookeeper.properties"
  echo "$daemon_pid" > "$server/pid"
}

start_broker() {  # id
  local server=$directory/broker-$1 copies=$((brokers < 3 ? brokers : 3)) connect="" i
  mkdir -p "$server"
  if [ ! -e "$server/server.properties" ]; then
    for ((i = 1; i <= zookeepers; i++)); do
      connect+="${connect:+,}127.0.0.1:$(configured_port "$directory/zookeeper-$i/zookeeper.properties")"
    done
    write_properties "$base/config/server.properties" "$server/server.properties" "broker.id=$1" \
      "listeners=PLAINTEXT://127.0.0.1:$((broker_port + $1 - 1))" "log.dirs=$server/data" "zookeeper.connect=$connect" \
      "default.replication.factor=$copies" "offsets.topic.replication.factor=$copies" "transaction.state.log.replication.factor=$copies" \
      "min.insync.replicas=$((copies > 2 ? 2 : 1))" "transaction.state.log.min.isr=$((copies > 1 ? 2 : 1))" "quokka.admin.port=$((broker_port + 552 + $1 - 1))"
  fi
  running_pid "$server" > /dev/null && return
  LOG_DIR=$logs/broker-$1 QUOKKA_LOG_CONSOLE=no start_daemon "$logs/broker-$1/kafkaServer.out" \
    "$here/kafka-server-start.sh" "$server/server.properties"
  echo "$daemon_pid" > "$server/pid"
}

for ((i = 1; i <= zookeepers; i++)); do
  need_free_ports "$directory/zookeeper-$i" "$directory/zookeeper-$i/zookeeper.properties" $((zookeeper_port + i - 1)) "ZooKeeper server $i"
done
for ((i = 1; i <= brokers; i++)); do
  need_free_ports "$directory/broker-$i" "$directory/broker-$i/server.properties" $((broker_port + i - 1)) "broker $i"
done
for ((i = 1; i <= zookeepers; i++)); do start_zookeeper "$i"; done
for ((i = 1; i <= zookeepers; i++)); do
  wait_until "ZooKeeper server $i" "$directory/zookeeper-$i" "$logs/zookeeper-$i" \
    zookeeper_serves "$(configured_port "$directory/zookeeper-$i/zookeeper.properties")"
done
for ((i = 1; i <= brokers; i++)); do start_broker "$i"; done
bootstrap=""
for ((i = 1; i <= brokers; i++)); do
  wait_until "broker $i" "$directory/broker-$i" "$logs/broker-$i" \
    broker_is_ready "$(property "$directory/broker-$i/server.properties" quokka.admin.port)"
  bootstrap+="${bootstrap:+,}$(property "$directory/broker-$i/server.properties" listeners | sed 's|.*://||')"
done

echo "Bootstrap servers: $bootstrap"
echo "ZooKeeper:         $(property "$directory/broker-1/server.properties" zookeeper.connect)"
echo "Data and settings: $directory"
echo "Logs:              $logs"
echo "Stop it with:      $stop_command"
