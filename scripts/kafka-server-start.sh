#!/usr/bin/env bash
# USAGE: kafka-server-start.sh [-daemon] server.properties [--override property=value]*
#
# Runs a broker: in the foreground, logging to the console (and to LOG_DIR/server.log if LOG_DIR is set), or with -daemon in the background,
# logging to server.log in LOG_DIR (default: logs/ beside scripts/). SIGTERM and Ctrl-C stop it cleanly.
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

broker=$(program quokka-broker)
if [ "$daemon" = 0 ]; then exec "$broker" "$@"; fi

export LOG_DIR=${LOG_DIR:-$base/logs} QUOKKA_LOG_CONSOLE=no
start_daemon "$LOG_DIR/kafkaServer.out" "$broker" "$@"
fail_if_ended_at_once "$LOG_DIR"
