#!/usr/bin/env bash
# USAGE: kafka-server-stop.sh [--node-id=ID]
#
# Sends SIGNAL (default TERM, a clean stop) to every broker of this machine, or to the one with that broker.id. Does not wait.
set -euo pipefail
# shellcheck source=scripts/locate.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/locate.sh"

node_id=""
for argument in "$@"; do
  print_help_if_asked "$argument"
  case $argument in
    --node-id=*) node_id=${argument#--node-id=} ;;
    --process-role=*) ;;  # all are brokers
    *) sed -n '2s/^# //p' "$0" >&2; exit 1 ;;
  esac
done

# True if the process was started with the id that is looked for: in an --override, else in its file.
has_node_id() {  # process id
  local words file id
  mapfile -d '' -t words < "/proc/$1/cmdline"
  id=$(printf '%s\n' "${words[@]}" | sed -nE 's/^(--override=)?(broker|node)\.id=//p' | tail -1)
  if [ -z "$id" ]; then
    file=${words[1]:-}
    [ "${file:0:1}" = / ] || file=$(readlink "/proc/$1/cwd")/$file
    id=$(sed -nE 's/^[[:space:]]*(broker|node)\.id[[:space:]]*[=:][[:space:]]*([0-9]+).*/\2/p' "$file" 2> /dev/null | tail -1)
  fi
  [ "$id" = "$node_id" ]
}

stopped=0
for pid in $(processes_matching '^[^ ]*quokka-broker '); do
  if [ -n "$node_id" ] && ! has_node_id "$pid"; then continue; fi
  if kill -s "${SIGNAL:-TERM}" "$pid"; then stopped=$((stopped + 1)); fi
done
if [ "$stopped" -eq 0 ]; then
  echo "No kafka server to stop"
  exit 1
fi
