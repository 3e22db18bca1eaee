#!/usr/bin/env bash
# Structure, names and forbidden constructs of the whole tree, in seconds. Ends with "tidy: ok" or a list.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v python3 > /dev/null || { echo "tidy: python3 is needed: apt-get install python3-minimal" >&2; exit 1; }
exec python3 scripts/tidy.py "$@"
