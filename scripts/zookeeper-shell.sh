#!/usr/bin/env bash
# USAGE: zookeeper-shell.sh zookeeper_host:port[/path] [-zk-tls-config-file file] [command [args...]]
#
# ZooKeeper's own command line: one command, or without one a prompt. Commands: ls, get, set, create, delete, deleteall, stat, getAcl, ...
set -euo pipefail
# shellcheck source=scripts/locate.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/locate.sh"

if [ $# -lt 1 ]; then
  sed -n '2s/^# //p' "$0" >&2
  exit 1
fi
server=$1
shift
tls=()
if [ "${1:-}" = -zk-tls-config-file ]; then
  [ $# -ge 2 ] || fail "-zk-tls-config-file takes a file"
  # ZooKeeper's client reads its TLS settings as system properties of these names.
  while IFS='=' read -r key value; do
    case $key in zookeeper.*) tls+=("-D$key=$value") ;; esac
  done < "$2"
  shift 2
fi
# Older notes say rmr for what is deleteall now.
if [ "${1:-}" = rmr ]; then
  shift
  set -- deleteall "$@"
fi
read -r -a options <<< "${KAFKA_HEAP_OPTS:--Xmx256M} -XX:+UseSerialGC -XX:TieredStopAtLevel=1 ${KAFKA_LOG4J_OPTS:--Dlog4j.configuration=file:$base/config/tools-log4j.properties} ${KAFKA_OPTS:-}"
exec "$(java_program)" "${options[@]}" "${tls[@]}" -cp "$(zookeeper_class_path)" org.apache.zookeeper.ZooKeeperMain -server "$server" "$@"
