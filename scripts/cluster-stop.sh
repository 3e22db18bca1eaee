#!/usr/bin/env bash
# USAGE: cluster-stop.sh [--dir DIR] [--kill]
#
# Stops the cluster that cluster-start.sh started in DIR: the brokers, which hand over and flush first, then the ZooKeeper servers. With
# --kill they are killed at once, as a power cut would, for trying that out. The data stays.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=scripts/locate.sh
. "$here/locate.sh"
# shellcheck source=scripts/cluster.sh
. "$here/cluster.sh"

directory="" signal=TERM
while [ $# -gt 0 ]; do
  print_help_if_asked "$1"
  case $1 in
    --dir) directory=${2:?--dir takes a directory}; shift 2 ;;
    --kill) signal=KILL; shift ;;
    *) sed -n '2s/^# //p' "$0" >&2; exit 1 ;;
  esac
done
directory=$(realpath -m "${directory:-$(cluster_directory_default)}")
[ -d "$directory" ] || fail "there is no cluster in $directory"
stopped=0

stop_all() {  # directories...
  local server pid until
  for server in "$@"; do
    if pid=$(running_pid "$server") && kill -s "$signal" "$pid" 2> /dev/null; then stopped=$((stopped + 1)); fi
  done
  until=$((SECONDS + 60))
  for server in "$@"; do
    while pid=$(running_pid "$server"); do
      if [ "$SECONDS" -ge "$until" ]; then
        echo "$PROGRAM: $(basename "$server") does not stop after 60 s: killing it" >&2
        kill -s KILL "$pid" || true
      fi
      sleep 0.1
    done
    rm -f "$server/pid"
  done
}

shopt -s nullglob
stop_all "$directory"/broker-*
stop_all "$directory"/zookeeper-*
echo "Stopped $stopped servers. The data is in $directory."
