#!/usr/bin/env bash
# kafka-consumer-groups, with Kafka's options: see --help.
set -euo pipefail
# shellcheck source=scripts/locate.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/locate.sh"
tools=$(program quokka-tools)
exec "$tools" kafka-consumer-groups "$@"
