"""Checks what a program can check about the tree: who includes whom, names, lengths, forbidden words and constructs.

Prints one line for each offence, `file:line: what, and what to do`, and ends with `tidy: ok` or the number of offences.
"""

import os
import re
import subprocess
import sys

# Who may include whom. A folder may always include itself; "*" stands for all folders below. The longest matching row counts.
BROKER_LOG = ["protocol/*", "broker/disk", "broker/producer", "broker/epochs"]
BROKER_REPLICA = BROKER_LOG + ["coord/*", "broker/log", "broker/config", "broker/metrics", "broker/request"]
INCLUDES = {
    "protocol/base": [],
    "protocol/wire": ["protocol/base"],
    "protocol/messages": ["protocol/base", "protocol/wire", "protocol/records"],
    "protocol/records": ["protocol/base", "protocol/wire"],
    "protocol/records/stored": ["protocol/base", "protocol/wire", "protocol/messages"],
    "protocol/client": ["protocol/*"],
    "coord": ["protocol/*", "coord/*"],
    "coord/znodes": ["protocol/base", "protocol/records", "coord/view"],
    "coord/view": ["protocol/base", "protocol/records", "coord/znodes"],
    "coord/session": ["protocol/base", "coord/znodes"],
    "broker/disk": ["protocol/*"],
    "broker/request": ["protocol/*", "broker/disk"],
    "broker/producer": ["protocol/base", "protocol/records"],
    "broker/epochs": ["protocol/base", "protocol/records"],
    "broker/metrics": ["protocol/*"],
    "broker/log": BROKER_LOG + ["broker/metrics"],
    "broker/cleaner": BROKER_LOG + ["broker/log", "broker/metrics"],
    "broker/config": ["protocol/*", "broker/log"],
    "broker/net": ["protocol/*", "broker/disk", "broker/request", "broker/metrics", "broker/config", "broker/security", "broker/quota"],
    "broker/admin": ["protocol/*", "coord/view", "broker/metrics", "broker/config"],
    "broker/security": ["protocol/*", "coord/*", "broker/config", "broker/request", "broker/metrics"],
    "broker/quota": ["protocol/*", "coord/*", "broker/config", "broker/request", "broker/metrics"],
    "broker/peers": BROKER_REPLICA + ["broker/replica", "broker/quota"],
    "broker/replica": BROKER_REPLICA,
    "broker/journal": BROKER_REPLICA + ["broker/replica"],
    "broker/group": BROKER_REPLICA + ["broker/replica", "broker/journal"],
    "broker/txn": BROKER_REPLICA + ["broker/replica", "broker/peers", "broker/journal"],
    "broker/handlers": BROKER_REPLICA + ["broker/replica", "broker/peers", "broker/journal", "broker/group", "broker/txn", "broker/security", "broker/quota"],
    "broker/node": BROKER_REPLICA + ["broker/cleaner", "broker/replica", "broker/peers", "broker/handlers", "broker/journal", "broker/group", "broker/txn", "broker/security", "broker/quota"],
    "broker": ["protocol/*", "coord/*", "broker/*"],
    "tools": ["protocol/*", "coord/*", "tools/*"],
    "integration-tests": ["protocol/*", "coord/*", "broker/*", "tools/*", "integration-tests/*"],
}

# Cores: they decide and perform nothing. Besides the standard library they include these only.
PURE = re.compile(r"^(broker/(producer|epochs)/|coord/(znodes|view)/|coord/controller/(core|effects|election|picture|placement|reassignment)[a-z_]*\.|broker/replica/(leader|follower)\.|broker/group/(group|group_values|group_joining|group_rebalance|group_offsets|group_consumer|group_migration)\.|broker/group/consumer/(?!consumer_records)|broker/txn/transaction\.|broker/(group|txn)/\w*core|broker/cleaner/(offset_map|log_choice)\.)")
PURE_INCLUDES = ("protocol/base/", "protocol/records/", "coord/znodes/", "coord/view/")
PURE_FORBIDDEN_BASE = ("protocol/base/loop.h", "protocol/base/log_capture.h")
PURE_FORBIDDEN_STD = {"thread", "fstream", "iostream", "filesystem", "random", "chrono", "condition_variable", "future", "mutex"}

# Libraries and the places that may include them.
LIBRARIES = [
    (re.compile(r"^spdlog/"), re.compile(r"^protocol/base/log\.cc$")),
    (re.compile(r"^zookeeper"), re.compile(r"^coord/session/.*\.cc$")),
    (re.compile(r"^prometheus/"), re.compile(r"^broker/metrics/.*\.cc$")),
    (re.compile(r"^boost/(asio|beast)"), re.compile(r"^(broker/(net|admin)|protocol/client|tools|integration-tests)/")),
    (re.compile(r"^boost/json"), re.compile(r"\.cc$")),
    (re.compile(r"^librdkafka/"), re.compile(r"^integration-tests/")),
]

TOP_LEVEL = {
    ".ci", ".clang-format", ".gitattributes", ".gitignore", "ARCHITECTURE.md", "LICENSE", "Makefile", "README.md", "broker", "config", "coord",
    "docs", "integration-tests", "protocol", "scripts", "tools",
}
FORBIDDEN_NAMES = {"manager", "helper", "helpers", "util", "utils", "common", "impl", "data", "info", "process"}
LINES_MAX, TEST_LINES_MAX, FUNCTION_LINES_MAX = 800, 1500, 70
CODE = (".cc", ".h")

FORBIDDEN_CODE = [
    (re.compile(r"\bstd::(recursive_|shared_|timed_)?mutex\b|\bstd::(lock_guard|scoped_lock|shared_lock)\b"), "use Mutex and MutexLock of protocol/base/mutex.h",
     re.compile(r"^protocol/base/mutex\.h$")),
    (re.compile(r"\bco_(await|return|yield)\b"), "no coroutines: shells are callbacks on a Loop", None),
    (re.compile(r"\bthread_local\b"), "no thread_local", None),
    (re.compile(r"\busing namespace\b(?! std::(string_view|chrono)?_?literals)"), "no using namespace", re.compile(r".*/main\.cc$")),
    (re.compile(r"\bsleep_for\b|\bsleep_until\b|\busleep\("), "wait for a condition with a deadline, do not sleep",
     re.compile(r"^integration-tests/cluster/|^broker/log/log_directories\.cc$")),  # a flush on the pool
]
# Put together here so that this file does not contain them.
FORBIDDEN_TEXT = [
    (re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b"), "finish it or leave it out"),
    (re.compile("/wo" + r"rk/|/ro" + r"ot/plan"), "a path of one machine"),
    (re.compile(r"\b(work" + r"tree|sub" + r"agent|HAZ" + r"ARDS\.md|USE" + r"RS\.md|CL" + r"I\.md|STY" + r"LE\.md|kafka-" + r"facts)\b"), "does not belong here"),
]
HOSTS = re.compile(r"https?://(?!127\.0\.0\.1|localhost|\$|\[)")


class Tree:
    def __init__(self):
        listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True, text=True, check=True)
        self.files = sorted(f for f in set(listed.stdout.split("\n")) if f and os.path.isfile(f))
        self.offences = []
        self.includes = {}  # file -> [(line, path)] of our own headers

    def say(self, file, line, text):
        self.offences.append(f"{file}:{line}: {text}")


def folder_of(path):
    return os.path.dirname(path)


def row_of(folder):
    while folder:
        if folder in INCLUDES:
            return folder
        folder = os.path.dirname(folder)
    return None


def may_include(file, target):
    folder, wanted = folder_of(file), folder_of(target)
    row = row_of(folder)
    if row is None or wanted == folder or wanted == row or wanted.startswith(row + "/"):
        return True
    for allowed in INCLUDES[row]:
        if wanted == allowed or (allowed.endswith("/*") and wanted.startswith(allowed[:-1])) or wanted.startswith(allowed + "/"):
            return True
    return False


def is_test(file):
    return re.search(r"_(test|fuzz|bench)\.cc$|_(testing|harness|fixture)\.(h|cc)$", file) is not None or file.startswith("integration-tests/")


def check_names(tree, file):
    if file.split("/")[0] not in TOP_LEVEL:
        tree.say(file, 1, f"'{file.split('/')[0]}' is not among the names allowed at the top")
    if "/testdata/" in file:
        return
    stem = os.path.basename(file).split(".")[0]
    for part in re.split(r"[_\-]", stem):
        if part.lower() in FORBIDDEN_NAMES and stem != "process_metrics":  # of the operating system's process
            tree.say(file, 1, f"'{part}' in a file's name says nothing: name the thing")
    if stem.startswith("do_"):
        tree.say(file, 1, "do_ in a file's name says nothing: name the thing")


def check_type_names(tree, file, number, line):
    if file.startswith(("protocol/messages/", "protocol/records/stored/")):
        return  # Kafka's own names
    match = re.match(r"^\s*(?:template\s*<.*>\s*)?(?:class|struct|enum class|enum|union)\s+(?:\[\[\w+\]\]\s+)?(?:[A-Z_]+\([^)]*\)\s+)?([A-Z]\w*)\b(?!\s*;)", line)
    if not match:
        return
    for part in re.findall(r"[A-Z][a-z0-9]*", match.group(1)):
        if part.lower() in FORBIDDEN_NAMES:
            tree.say(file, number, f"'{part}' in the name of {match.group(1)} says nothing: name the thing")


def check_includes(tree, file, number, line):
    match = re.match(r'^\s*#\s*include\s+([<"])([^">]+)[">]', line)
    if not match:
        return
    quoted, path = match.group(1) == '"', match.group(2)
    if not quoted:
        for library, places in LIBRARIES:
            if library.match(path) and not places.search(file):
                tree.say(file, number, f"<{path}> is not included here: keep it behind its own room")
        if PURE.match(file) and not is_test(file):
            if path in PURE_FORBIDDEN_STD:
                tree.say(file, number, f"<{path}> in a core: cores have no thread, file, clock or random numbers")
            elif "/" in path and not path.startswith("fmt/") and not (path.startswith("boost/json") and file.startswith("coord/znodes/")):
                tree.say(file, number, f"<{path}> in a core")
        return
    if not os.path.isfile(path):
        if os.path.isfile(os.path.join(folder_of(file), path)):
            tree.say(file, number, f'write the path from the root: "{folder_of(file)}/{path}"')
        else:
            tree.say(file, number, f'there is no "{path}"')
        return
    tree.includes.setdefault(file, []).append((number, path))
    if not is_test(file) and not may_include(file, path):
        tree.say(file, number, f'{folder_of(file)} may not include "{path}"')
    if PURE.match(file) and not is_test(file):
        if path in PURE_FORBIDDEN_BASE or not (path.startswith(PURE_INCLUDES) or PURE.match(path) or folder_of(path) == folder_of(file)):
            tree.say(file, number, f'"{path}" in a core: cores include protocol/base, protocol/records, coord/znodes, coord/view only')


def check_functions(tree, file, lines):
    begin = None
    for number, line in enumerate(lines, 1):
        if begin is None:
            if re.match(r"^[A-Za-z~].*[)a-zA-Z] \{$", line) and "(" in line and not re.match(r"^(namespace|class|struct|enum|union|extern|const|constexpr|static const)\b", line):
                begin = number
        elif line.startswith("}"):
            if number - begin + 1 > FUNCTION_LINES_MAX:
                tree.say(file, begin, f"a function of {number - begin + 1} lines: {FUNCTION_LINES_MAX} fit a screen")
            begin = None


def check_code(tree, file, lines):
    longest = TEST_LINES_MAX if is_test(file) else LINES_MAX
    if len(lines) > longest:
        tree.say(file, longest, f"{len(lines)} lines: a file stops at {longest}")
    if file.endswith(".h"):
        if not lines or not lines[0].startswith("//"):
            tree.say(file, 1, "a header begins with a comment: what it decides or does")
        rest = [line for line in lines if line.strip() and not line.startswith("//")]
        if (not rest or rest[0] != "#pragma once") and file != "protocol/base/precompiled.h":  # compiled, not included
            tree.say(file, 1, "#pragma once comes first after the comment")
    for number, line in enumerate(lines, 1):
        check_includes(tree, file, number, line)
        code = re.sub(r'"(\\.|[^"\\])*"', '""', line).split("//")[0]
        check_type_names(tree, file, number, code)
        for pattern, what, except_in in FORBIDDEN_CODE:
            if pattern.search(code) and not (except_in and except_in.match(file)) and not (is_test(file) and ("using" in what or "Mutex" in what)):
                tree.say(file, number, what)
    if not is_test(file):
        check_functions(tree, file, lines)


def check_cycles(tree):
    done, path = set(), []

    def visit(file):
        if file in path:
            cycle = path[path.index(file):] + [file]
            tree.say(file, 1, "a cycle of includes: " + " -> ".join(cycle))
            return
        if file in done:
            return
        path.append(file)
        for _, target in tree.includes.get(file, []):
            visit(target)
        path.pop()
        done.add(file)

    for file in sorted(tree.includes):
        visit(file)


def check_scripts(tree):
    scripts = [f for f in tree.files if f.endswith(".sh") or f == ".ci/run"]
    for file in scripts:
        with open(file, encoding="utf-8") as opened:
            text = opened.read()
        if not text.startswith("#!/usr/bin/env bash\n") and "shellcheck shell=bash" not in text:
            tree.say(file, 1, "a script begins with #!/usr/bin/env bash")
        if text.startswith("#!") and not os.access(file, os.X_OK):
            tree.say(file, 1, "not executable: chmod +x")


def main():
    tree = Tree()
    for file in tree.files:
        check_names(tree, file)
        if "/testdata/" in file or file == "LICENSE":
            continue
        try:
            with open(file, encoding="utf-8") as opened:
                lines = opened.read().split("\n")
        except UnicodeDecodeError:
            tree.say(file, 1, "not text: such files live in a testdata folder")
            continue
        if lines[-1] != "" and len(lines) > 0:
            tree.say(file, len(lines), "the last line has no end")
        lines = lines[:-1] if lines[-1] == "" else lines
        for number, line in enumerate(lines, 1):
            if line != line.rstrip():
                tree.say(file, number, "blanks at the end of the line")
            for pattern, what in FORBIDDEN_TEXT:
                if pattern.search(line):
                    tree.say(file, number, f"'{pattern.search(line).group(0)}': {what}")
            if HOSTS.search(line) and (file.startswith(("scripts/", "config/", ".ci/")) or file == "Makefile"):
                tree.say(file, number, "the name of a host of the internet")
        if file.endswith(CODE):
            check_code(tree, file, lines)
    check_cycles(tree)
    check_scripts(tree)
    for offence in tree.offences:
        print(offence)
    print("tidy: ok" if not tree.offences else f"tidy: {len(tree.offences)} offences")
    return 1 if tree.offences else 0


if __name__ == "__main__":
    sys.exit(main())
