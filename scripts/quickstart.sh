#!/usr/bin/env bash
# USAGE: quickstart.sh [OPTION VALUE ...]
#
# From a bare Debian 12 or 13 to a running cluster: installs the missing packages (as root or with sudo), builds a release, starts three
# ZooKeeper servers and three brokers on this machine (cluster-start.sh), writes some lines to a topic and reads them back. Running it again
# does no harm. Options are those of cluster-start.sh: --broker-port P and --zookeeper-port P where 9092 or 2181 are taken.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
cd "$here/.."
PROGRAM=quickstart.sh
# shellcheck source=scripts/packages.sh
. scripts/packages.sh
# shellcheck source=scripts/cluster.sh
base=$PWD
. scripts/cluster.sh

case ${1:-} in
  -h | --help) exec scripts/cluster-start.sh --help ;;
esac

release=$(debian_release)
# shellcheck disable=SC2046
install_packages $(build_packages "$release") $(run_packages)

echo "$PROGRAM: building a release (a few minutes the first time)"
make -s -j"$(nproc)" all | { grep -vE '^(c\+\+|link) ' || true; }

started=$(scripts/cluster-start.sh "$@")
bootstrap=$(sed -n 's/^Bootstrap servers: *//p' <<< "$started")
topic=quickstart

if [ -x build/release/quokka-tools ]; then
  scripts/kafka-topics.sh --bootstrap-server "$bootstrap" --create --if-not-exists --topic "$topic" --partitions 3 --replication-factor 3
fi
# The lines of this run can be told from those of earlier ones.
run="$(date +%s)-$$"
lines=$(printf 'line %d of run '"$run"'\n' {1..100})
kcat -b "$bootstrap" -t "$topic" -P -X acks=all <<< "$lines" || fail "writing to the topic $topic failed"
read_back=$(kcat -b "$bootstrap" -t "$topic" -C -o beginning -e -q | grep -F "of run $run" || true)
if [ "$(sort <<< "$lines")" != "$(sort <<< "$read_back")" ]; then
  fail "wrote 100 lines to the topic $topic and read $(grep -c . <<< "$read_back") back"
fi

echo
echo "Three brokers run. 100 lines were written to the topic $topic and read back."
echo "$started"
echo
echo "Try:  kcat -b ${bootstrap%%,*} -L                     the brokers and topics"
echo "      kcat -b ${bootstrap%%,*} -t $topic -C -e       the lines"
