#!/usr/bin/env bash
# USAGE: zookeeper-server-stop.sh
#
# Sends SIGNAL (default TERM) to every ZooKeeper server of this machine. Does not wait.
set -euo pipefail
# shellcheck source=scripts/locate.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/locate.sh"

stopped=0
for pid in $(processes_matching '^[^ ]*java .*org\.apache\.zookeeper\.server\.quorum\.QuorumPeerMain'); do
  if kill -s "${SIGNAL:-TERM}" "$pid"; then stopped=$((stopped + 1)); fi
done
if [ "$stopped" -eq 0 ]; then
  echo "No zookeeper server to stop"
  exit 1
fi
