#!/usr/bin/env bash
# Runs GoogleTest programs one after another, sums their results, and ends with "N passed, N failed". A program that dies counts as one failure.
# Of one that passes, the lines that begin with "> " are shown.
set -u
passed=0 failed=0
for program in "$@"; do
  log=$(mktemp)
  "$program" --gtest_brief=1 > "$log" 2>&1
  status=$?
  p=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log" | tail -1)
  f=$(sed -n 's/^ \?\([0-9]*\) FAILED TEST.*/\1/p' "$log" | tail -1)
  passed=$((passed + ${p:-0}))
  if [ "$status" -ne 0 ]; then
    failed=$((failed + ${f:-1}))
    echo "--- $program ended with $status"
    cat "$log"
  else
    echo "ok  ${p:-0} tests  $program"
    sed -n 's/^> /    /p' "$log"
  fi
  rm -f "$log"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
