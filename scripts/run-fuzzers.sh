#!/usr/bin/env bash
# usage: run-fuzzers.sh SECONDS PROGRAM...
#
# Runs each libFuzzer program for so long, as many at a time as there are processors. Seeds of build/asan/x/y_fuzz are read from
# x/testdata/y_fuzz_seeds and build/asan/x/y_fuzz_seeds, where these are there; what is found is kept in build/fuzz/corpus. Ends with "N passed, N failed".
set -euo pipefail
seconds=$1
shift
passed=0 failed=0

fuzz() {  # program
  local program=$1 name corpus seeds arguments
  name=${program#build/asan/}
  corpus=build/fuzz/corpus/$name
  mkdir -p "$corpus"
  arguments=("$corpus")
  for seeds in "$(dirname "$name")/testdata/$(basename "$name")_seeds" "${program}_seeds"; do
    if [ -d "$seeds" ]; then arguments+=("$seeds"); fi
  done
  "$program" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -artifact_prefix="build/fuzz/corpus/$(basename "$name")-" \
    -verbosity=1 "${arguments[@]}" > "$program.log" 2>&1
}

running=() names=()
reap() {
  local i
  for i in "${!running[@]}"; do
    if wait "${running[$i]}"; then
      passed=$((passed + 1))
      echo "ok  ${names[$i]}: $(grep -E '^#[0-9]+' "${names[$i]}.log" | tail -1 | tr '\t' ' ')"
    else
      failed=$((failed + 1))
      echo "--- ${names[$i]} failed"
      tail -60 "${names[$i]}.log"
    fi
  done
  running=() names=()
}

for program in "$@"; do
  fuzz "$program" &
  running+=($!)
  names+=("$program")
  [ "${#running[@]}" -ge "$(nproc)" ] && reap
done
reap
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
