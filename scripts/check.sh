#!/usr/bin/env bash
# usage: check.sh [--no-install] [--with-asan]
#
# Installs what the tests need, builds with warnings as errors, and runs unit tests, integration tests, a thousand seeds of the
# simulation, tidy, clang's thread-safety analysis and a minute of fuzzing of each kind; with --with-asan the unit tests once more under
# AddressSanitizer and UBSan. The last line sums it all up, alone on a line: "N passed, N failed". The exit status is 0 if nothing failed.
set -euo pipefail
cd "$(dirname "$0")/.."
PROGRAM=check.sh
. scripts/packages.sh

install=1 asan=0
for argument in "$@"; do
  case $argument in
    --no-install) install=0 ;;
    --with-asan) asan=1 ;;
    *) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done

if [ "$install" = 1 ]; then
  release=$(debian_release)
  # shellcheck disable=SC2046
  install_packages $(build_packages "$release") $(run_packages) $(test_packages "$release")
fi

export WERROR=1 FUZZ_SECONDS=${FUZZ_SECONDS:-60}
jobs=$(nproc)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

note() { echo "$2 $3 $4 $1" >> "$work/results"; }  # name, passed, failed, seconds

# A step that passes or fails as a whole.
step() {  # name, command...
  local name=$1 begin=$SECONDS status=0 log
  shift
  log=$(mktemp -p "$work")
  echo "== $name"
  "$@" > "$log" 2>&1 || status=$?
  grep -vE '^(c\+\+|link) ' "$log" | tail -n 200 || true
  if [ "$status" -eq 0 ]; then note "$name" 1 0 $((SECONDS - begin)); else note "$name" 0 1 $((SECONDS - begin)); fi
  return 0
}

# A step whose last line counts.
counted_step() {  # name, command...
  local name=$1 begin=$SECONDS status=0 log p f
  shift
  log=$(mktemp -p "$work")
  echo "== $name"
  "$@" > "$log" 2>&1 || status=$?
  grep -vE '^(c\+\+|link) ' "$log" | tail -n 400 || true
  p=$(sed -n 's/^\([0-9]*\) passed, [0-9]* failed$/\1/p' "$log" | tail -1)
  f=$(sed -n 's/^[0-9]* passed, \([0-9]*\) failed$/\1/p' "$log" | tail -1)
  # A build that broke counted nothing.
  if [ "$status" -ne 0 ] && [ "${f:-0}" -eq 0 ]; then f=1; fi
  note "$name" "${p:-0}" "${f:-0}" $((SECONDS - begin))
  return 0
}

# What only computes.
compute() {
  step simulation make -s -j"$jobs" simulation SEEDS=1-1000
  step "build of the fuzzers" make -s -j"$jobs" VARIANT=asan fuzz-programs
  # Which analyses the locks too.
  if [ "$asan" = 1 ]; then step "thread-safety, ASan" make -s -j"$jobs" VARIANT=asan all unit-programs; else step thread-safety make -s -j"$jobs" thread-safety; fi
}

step tidy make -s tidy
step build make -s -j"$jobs" all
counted_step "unit tests" make -s -j"$jobs" unit-test
step "build, integration" make -s -j"$jobs" integration-programs
# Integration tests mostly wait: what computes runs beside them, behind them in priority.
(
  renice -n 19 -p "$BASHPID" > /dev/null
  compute
) > "$work/computed" 2>&1 &
counted_step "integration tests" make -s integration-test
wait $!
cat "$work/computed"
counted_step fuzzing make -s -j"$jobs" fuzz
if [ "$asan" = 1 ]; then counted_step "unit tests, ASan" make -s -j"$jobs" asan; fi

echo
awk '{ name = $0; sub(/^([0-9]+ ){3}/, "", name); printf "%-24s %6d passed %4d failed %5d s\n", name, $1, $2, $3 }' "$work/results"
awk '{ passed += $1; failed += $2 } END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 }' "$work/results"
