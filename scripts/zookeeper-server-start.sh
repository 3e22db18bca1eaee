#!/usr/bin/env bash
# USAGE: zookeeper-server-start.sh [-daemon] zookeeper.properties
#
# Runs a ZooKeeper server (Debian's package zookeeper): in the foreground, logging to the console, or with -daemon in the background,
# logging to zookeeper.out in LOG_DIR (default: logs/ beside scripts/).
set -euo pipefail
# shellcheck source=scripts/locate.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/locate.sh"

print_help_if_asked "${1:-}"
daemon=0
if [ "${1:-}" = -daemon ]; then
  daemon=1
  shift
fi
if [ $# -lt 1 ]; then
  sed -n '2s/^# //p' "$0" >&2
  exit 1
fi

# Java options are words separated by blanks, as in Kafka's scripts.
read -r -a options <<< "${KAFKA_HEAP_OPTS:--Xmx512M -Xms64M} ${KAFKA_JVM_PERFORMANCE_OPTS:--XX:+UseSerialGC} ${KAFKA_GC_LOG_OPTS:-} ${KAFKA_JMX_OPTS:-} ${KAFKA_LOG4J_OPTS:--Dlog4j.configuration=file:$base/config/log4j.properties} ${KAFKA_OPTS:-}"
command=("$(java_program)" "${options[@]}" -Dzookeeper.jmx.log4j.disable=true -cp "$(zookeeper_class_path)"
  org.apache.zookeeper.server.quorum.QuorumPeerMain "$@")
if [ "$daemon" = 0 ]; then exec "${command[@]}"; fi
logs=${LOG_DIR:-$base/logs}
start_daemon "$logs/zookeeper.out" "${command[@]}"
fail_if_ended_at_once "$logs"
