#!/usr/bin/env python3
"""break-guards.py [--simulation] [ID ...]: switches the guards of hazards off, one after another, and says which turn a test red.

A source that has guards (guards.py lists them) is compiled once: each function with a guard gets, before its own body, one without it, which runs
instead if the environment names the guard. The objects are linked before the archives. Without --simulation they join their folders' unit tests, of
which those that an entry names must turn red: fail, crash or hang; unchanged they must pass. With --simulation they join the simulation, which runs
from seed 1 on until a violation, SEEDS=400 in the environment at most. An ID may be a row's: `H14` is `H14 a` and `H14 b`. Run `make unit-programs`
first, or `make build/release/integration-tests/simulation/simulate`. An entry whose text is not in its file any more is an error. The tree itself is
not changed.

Each line: id, red or NOT RED, seconds, what was seen. The last: `N red, M not red`; the exit status is 1 if M is not 0.
"""
import functools
import glob
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from guards import SIMULATION, UNIT

OUT, BROKEN = "build/release", f"build/broken-guards/{os.getpid()}"
SIMULATE = f"{OUT}/integration-tests/simulation/simulate"
SWITCH = "QUOKKA_GUARD_OFF"
SOURCE = "<the source>"
COMPILATIONS = 2  # at a time
SEEDS_A_RUN = 20
CPU_SECONDS_MAX, SECONDS_MAX = 60, 600  # a test that takes more hangs
FAILED = "[  FAILED  ] "


# --- Sources with switches

def function_at(text, at, where):
    """Begin and end of the body of the function around `at`, and whether it may end without a return. Functions begin and end in the first column."""
    begin = max(found.start() for found in re.finditer(r"^[A-Za-z]", text[:at + 1], re.MULTILINE))
    line = text[begin:text.index("\n", begin)]
    is_void = re.match(r"(inline |static )*void |[\w:]+\(", line) is not None
    if line.endswith("}"):
        return begin + line.index("{") + 1, begin + len(line) - 1, is_void
    body = text.index("{\n", begin) + 2
    if line.startswith(("class", "struct", "namespace")):
        sys.exit(f"{where}: a guard is switched off inside a function that begins in the first column")
    return body, text.index("\n}\n", body) + 1, is_void


def with_switches(path, guards):
    """The text of the source, with the functions that have guards twice: without each guard, and as they are."""
    text = open(path).read()
    added = {}  # by where a body begins
    for identity, _, there, instead, *_ in guards:
        if text.count(there) != 1:
            sys.exit(f"{identity}: {path} has this text {text.count(there)} times: {there}")
        at = text.index(there)
        without = text.replace(there, instead)
        begin, end, is_void = function_at(without, at, identity)
        switched = f'if (static const bool off = guard_is_off("{identity}"); off) {{\n{without[begin:end]}{"return;" if is_void else ""}\n}}\n'
        begin = function_at(text, at, identity)[0]
        added[begin] = added.get(begin, "") + switched
    for begin in sorted(added, reverse=True):
        text = text[:begin] + "\n" + added[begin] + text[begin:]
    return (f'#include <cstdlib>\n#include <string_view>\n\nstatic bool guard_is_off(std::string_view guard) {{\n  const char* off = std::getenv("{SWITCH}");\n'
            f'  return off != nullptr && guard == off;\n}}\n\n{text}')


# --- Programs with switches

@functools.cache
def steps_after(changed, program):
    """What make would do if `changed` were newer than it is."""
    if subprocess.run(["make", "-q", program], capture_output=True).returncode:
        sys.exit(f"{program} is not up to date: make {program}")
    return subprocess.run(["make", "-n", "-W", changed, program], capture_output=True, text=True, check=True).stdout.splitlines()


def object_of(path, guards, compile_step):
    source = f"{BROKEN}/{path}"
    if not os.path.exists(f"{source}.o"):
        os.makedirs(os.path.dirname(source), exist_ok=True)
        with open(source, "w") as out:
            out.write(with_switches(path, guards))
        if subprocess.run(f"{compile_step.replace(SOURCE, source)} -o {source}.o", shell=True).returncode:
            sys.exit(f"{path} cannot be compiled with its guards off: {', '.join(guard[0] for guard in guards)}")
    return f"{source}.o"


def program_with_switches(program, stand_in, guards, every):
    """A copy of `program`, with the sources of `guards` compiled as `stand_in` is. They get switches for `every` guard: other programs use them, too."""
    steps = steps_after(stand_in, program)
    compile_step = next(step for step in steps if f" -c {stand_in} " in step).rsplit(" -o ", 1)[0]
    compile_step = compile_step.replace(f" -c {stand_in}", f" -c {SOURCE}").replace(" -MMD -MP ", " -w ")
    link_step = next(step for step in reversed(steps) if f" -o {program} " in step).split("; ", 1)[-1]
    with ThreadPoolExecutor(COMPILATIONS) as pool:
        objects = list(pool.map(lambda path: object_of(path, [guard for guard in every if guard[1] == path], compile_step), sorted({guard[1] for guard in guards})))
    copy = f"{BROKEN}/{os.path.relpath(program, OUT)}"
    os.makedirs(os.path.dirname(copy), exist_ok=True)
    subprocess.run(link_step.replace(f" -o {program} ", f" -o {copy} {' '.join(objects)} "), shell=True, check=True)
    return copy


# --- Unit tests

def why_red(program, tests, guard_off=""):
    """What is wrong with the tests; None if they pass."""
    limit = functools.partial(resource.setrlimit, resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
    try:
        done = subprocess.run([program, f"--gtest_filter={tests}", "--gtest_brief=1"], capture_output=True, text=True, errors="replace",
                              timeout=SECONDS_MAX, preexec_fn=limit, env={**os.environ, SWITCH: guard_off})
    except subprocess.TimeoutExpired:
        return "hangs"
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return "hangs"
    if done.returncode < 0:
        return f"crashes: {signal.Signals(-done.returncode).name}"
    if done.returncode == 0:
        return None
    failed = [line[len(FAILED):].split(" (")[0].split(",")[0] for line in done.stdout.splitlines() if line.startswith(FAILED) and "." in line]
    return ", ".join(dict.fromkeys(failed)) or f"exit status {done.returncode}"


@functools.cache
def wrong_unchanged(program, tests):
    listed = subprocess.run([program, f"--gtest_filter={tests}", "--gtest_list_tests"], capture_output=True, text=True).stdout
    if not any(line.startswith("  ") for line in listed.splitlines()):
        return f"no test is named {tests}"
    why = why_red(program, tests)
    return why and f"red with the guard, too: {why}"


def folder_of(guard):
    return guard[5] if len(guard) > 5 else os.path.dirname(guard[1])


def unit_tests(guards):
    for folder in dict.fromkeys(folder_of(guard) for guard in guards):
        program, here = f"{OUT}/{folder}/unit-tests", [guard for guard in guards if folder_of(guard) == folder]
        broken = program_with_switches(program, sorted(glob.glob(f"{folder}/*_test.cc"))[0], here, guards)
        for guard in here:
            wrong = wrong_unchanged(program, guard[4])
            why = None if wrong else why_red(broken, guard[4], guard[0])
            yield guard, why is not None, wrong or why or f"{guard[4]} passed"


# --- The simulation

def simulation(guards):
    program, seeds_max = program_with_switches(SIMULATE, "integration-tests/simulation/main.cc", guards, guards), int(os.environ.get("SEEDS", "400"))
    for guard in guards:
        yield guard, *first_violation(program, guard[0], seeds_max)


def first_violation(program, guard_off, seeds_max):
    for first in range(1, seeds_max + 1, SEEDS_A_RUN):
        out = subprocess.run([program, f"{first}-{min(first + SEEDS_A_RUN - 1, seeds_max)}"], capture_output=True, text=True,
                             env={**os.environ, SWITCH: guard_off}).stdout
        found = sorted((line for line in out.splitlines() if line.startswith("seed ")), key=lambda line: int(line.split()[1].rstrip(":")))
        if found:
            return True, f"seed {found[0].split()[1].rstrip(':')}: {found[0].split('acknowledged, ', 1)[-1]}"
        if "a process fell" in out:
            return True, "a process fell"
    return False, "found by no seed"


def main():
    is_simulation, wanted = "--simulation" in sys.argv[1:], [each for each in sys.argv[1:] if each != "--simulation"]
    guards = SIMULATION if is_simulation else UNIT
    is_wanted = lambda guard: not wanted or guard[0] in wanted or guard[0].split()[0] in wanted
    unknown = [each for each in wanted if not any(each in (guard[0], guard[0].split()[0]) for guard in guards)]
    if unknown:
        sys.exit(f"guards.py has no such entry: {', '.join(unknown)}")
    red = missed = 0
    begin = time.monotonic()
    try:
        for guard, is_red, what in (simulation if is_simulation else unit_tests)([guard for guard in guards if is_wanted(guard)]):
            red, missed = red + is_red, missed + (not is_red)
            print(f"{guard[0]}\t{'red' if is_red else 'NOT RED'}\t{time.monotonic() - begin:.0f} s\t{what}", flush=True)
            begin = time.monotonic()
    finally:
        shutil.rmtree(BROKEN, ignore_errors=True)
    print(f"{red} red, {missed} not red")
    sys.exit(1 if missed else 0)


main()
