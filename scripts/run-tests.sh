#!/usr/bin/env bash
# usage: run-tests.sh [-j N] PROGRAM...
#
# Runs GoogleTest programs, N at a time (1), sums their results, and ends with "N passed, N failed". A program that dies counts as one failure.
# Of one that passes, the lines that begin with "> " are shown.
set -u
jobs=1
if [ "${1:-}" = -j ]; then
  jobs=$2
  shift 2
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() {  # program; prints how it went and adds "passed failed" to the results
  local log status p f
  log=$(mktemp -p "$work")
  "$1" --gtest_brief=1 > "$log" 2>&1
  status=$?
  p=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log" | tail -1)
  f=$(grep -c '^\[  FAILED  \] .* ms)$' "$log")
  if [ "$status" -ne 0 ]; then
    echo "${p:-0} $((f > 0 ? f : 1))" >> "$work/results"
    echo "--- $1 ended with $status"
    cat "$log"
  else
    echo "${p:-0} 0" >> "$work/results"
    echo "ok  ${p:-0} tests  $1"
    sed -n "s/^> /    /p" "$log"
  fi
}

: > "$work/results"
for program in "$@"; do
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
  run "$program" &
done
wait
awk '{ passed += $1; failed += $2 } END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 }' "$work/results"
