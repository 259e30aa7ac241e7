# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Breaks headers in one place at a time without a build for each: in a copy of them each place asks whether it is the one.

Each judge is built once. Each of its test cases is run once as it is, which tells how long it takes and which places it
comes by; a broken place is shown to the cases that come by, the quickest first, until one fails. Each gets a hundred times
as long as it takes with the right headers.

A place has to be noticed with each of its breakages, or stand in a list of what is kept, with the reason; if no case
comes by, in another list, with what checks it instead. That a place is in a list and should not be is an error, too.

The folder WORK keeps what was seen: a run that was stopped goes on where it was, and one after a change tries again what
judges that read a changed file have seen. Several runs may share WORK: --share I/N takes every Nth place from the Ith on.
"""
import argparse
import collections
import concurrent.futures
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time

import judges

MOST = 8192  # places
LIMIT = 100  # times as long as with the right headers
FEWEST = 20  # seconds

# In the copy; what is asked for is noted in a file that children of a test write to, too. Its name and the place that is
# broken, and how, are in the environment.
SWITCH = """// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <type_traits>
#include <unistd.h>
namespace ashlar::switched {
inline int number = -1;
inline int value = 0;
inline bool notes = true;
inline char nowhere[%(most)d] = {};
inline char* reached = nowhere;
inline const bool is_read = [] {
    if (const char* place = std::getenv("ASHLAR_BROKEN")) (void)std::sscanf(place, "%%d:%%d", &number, &value);
    if (const char* log = std::getenv("ASHLAR_REACHED")) {
        const int file = open(log, O_RDWR);
        void* const at = mmap(nullptr, %(most)d, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (at != MAP_FAILED) reached = static_cast<char*>(at);
        (void)close(file);
    }
    return true;
}();
[[nodiscard]] constexpr bool is_broken(int place) noexcept {
    if (std::is_constant_evaluated()) return false;
    if (notes) __atomic_store_n(reached + place, 1, __ATOMIC_RELAXED);
    return place == number;
}
}  // namespace ashlar::switched
""" % {"most": MOST}

# `text`: what is broken; `nth`: of those with this text in the file. `number`: the same in each run in one WORK.
# `breakages`: the names of what it is replaced by, and the value of each.
Place = collections.namedtuple("Place", "number file line text breakages nth")
Case = collections.namedtuple("Case", "seconds judge number name")


def name_of(file, text, nth):
    return f"{file} | {text}" + (f" | {nth}" if nth > 1 else "")


def title(place):
    return name_of(place.file, place.text, place.nth)


class Copy:
    """A copy of the headers, and the places in it. `numbers`: of places that had one before."""

    def __init__(self, source, include, numbers):
        self.include = include
        self.numbers = numbers
        self.places = []
        shutil.rmtree(include, ignore_errors=True)
        shutil.copytree(source / "include", include)
        (include / "ashlar" / "switched.hpp").write_text(SWITCH, encoding="utf-8")

    def rewrite(self, excluded, change):
        """`change(text, add)` for each header: the new text. `add(position, text, breakages)` is a place's number."""
        for header in sorted((self.include / "ashlar").rglob("*.hpp")):
            name = header.relative_to(self.include / "ashlar").as_posix()
            if name.startswith(excluded) or name == "switched.hpp":
                continue
            text = header.read_text(encoding="utf-8")
            seen = collections.Counter()

            def add(position, words, breakages, name=name, text=text, seen=seen):
                words = " ".join(words.split())
                seen[words] += 1
                number = self.numbers.setdefault(name_of(name, words, seen[words]), len(self.numbers))
                if number >= MOST:
                    sys.exit(f"more than {MOST} places")
                line = text.count("\n", 0, position) + 1
                self.places.append(Place(number, name, line, words, breakages, seen[words]))
                return number
            changed = change(text, add)
            if seen:
                changed = changed.replace("#pragma once\n", "#pragma once\n#include <ashlar/switched.hpp>\n", 1)
                header.write_text(changed, encoding="utf-8")

    def replace(self, name, old, new):
        header = self.include / "ashlar" / name
        text = header.read_text(encoding="utf-8")
        if text.count(old) != 1:
            sys.exit(f"{name}: '{old}' is {text.count(old)} times in it, not once")
        header.write_text(text.replace(old, new), encoding="utf-8")


def read_list(path):
    """Places, and why they are in the list."""
    listed = {}
    reason = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            continue
        if line.startswith("because "):
            reason = line.removeprefix("because ")
        elif line.strip():
            listed[line] = reason
    return listed


class Trial:
    """The judges, built once, what their cases come by, and what has been seen so far; all of it lies in `work`.

    `make_copy(source, include, numbers)`: a Copy. `choose(targets)`: the judges of all test programs. `may_hang`: a case
    that does not end has noticed nothing.
    """

    def __init__(self, arguments, make_copy, choose, environment, may_hang):
        self.work = arguments.work
        self.made = judges.Judges(arguments.build, self.work)
        self.environment = environment
        self.may_hang = may_hang
        self.judges = choose(self.made.targets())
        self.results = self.work / "results.jsonl"
        with open(self.work / "lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self.work / "state.json"
            known = json.loads(state.read_text(encoding="utf-8")) if state.exists() else {"numbers": {}, "judges": {}}
            include = self.work / "include"
            self.places = make_copy(arguments.source, include, known["numbers"]).places
            state.write_text(json.dumps(known), encoding="utf-8")
            self.made.program(self.judges[0], include, "first")  # and with it what all share
            writing = threading.Lock()

            def look_and_keep(judge):
                seen = self.look_at(judge, include, known["judges"].get(judge))
                with writing:
                    known["judges"][judge] = seen
                    state.write_text(json.dumps(known), encoding="utf-8")
            with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(look_and_keep, self.judges))
        self.digests = {judge: known["judges"][judge]["digest"] for judge in self.judges}
        self.reached = collections.defaultdict(list)
        for judge in self.judges:
            for number, case in enumerate(known["judges"][judge]["cases"], 1):
                for place in case["reached"]:
                    self.reached[place].append(Case(case["seconds"], judge, number, case["name"]))
        self.seen = {}
        for line in self.results.read_text(encoding="utf-8").splitlines() if self.results.exists() else []:
            name, breakage, judge, case, digest, what = json.loads(line)
            if digest == self.digests.get(judge):
                self.seen[name, breakage, judge, case] = what

    def look_at(self, judge, include, known):
        """Builds a judge if what it reads has changed, and runs each of its cases."""
        binary = self.work / "judges" / judge
        if known and binary.exists() and known["digest"] == self.digest_of(judge):
            return known
        begun = time.time()
        self.made.program(judge, include, "judges")
        print(f"built  {judge} ({time.time() - begun:.0f} s)", flush=True)
        listed = subprocess.run([binary, "--list-test-cases"], capture_output=True, text=True, check=True).stdout
        cases = []
        log = self.work / "judges" / f"{judge}.reached"
        for number, name in enumerate(listed.split("=" * 79)[1].strip().splitlines(), 1):
            begun = time.time()
            log.write_bytes(bytes(MOST))
            verdict, output = self.run_case(judge, number, 3600, {"ASHLAR_REACHED": str(log)})
            if verdict != "passed":
                raise ValueError(f"{judge} fails as it is: {name}: {verdict}\n{output}")
            reached = [place for place, asked in enumerate(log.read_bytes()) if asked]
            cases.append({"name": name, "seconds": time.time() - begun, "reached": reached})
            print(f"as is  {judge}: {name}: {len(reached)} places ({time.time() - begun:.1f} s)", flush=True)
        return {"digest": self.digest_of(judge), "cases": cases}

    def digest_of(self, judge):
        """Of all that a judge is built from, but for comments."""
        digest = hashlib.sha256()
        for listed in sorted((self.work / "judges").glob(f"{judge}-[0-9].d")):
            for file in listed.read_text(encoding="utf-8").replace("\\\n", " ").split()[1:]:
                text = pathlib.Path(file).read_text(encoding="utf-8") if pathlib.Path(file).exists() else "gone"
                digest.update(re.sub(r"(?m)^\s*//.*\n", "", text).encode())
        return digest.hexdigest()

    def run_case(self, judge, number, seconds, environment):
        return judges.run(self.work / "judges" / judge, [f"--first={number}", f"--last={number}"], seconds,
                          environment | self.environment)

    def notice(self, place, breakage, value):
        """Which case notices, and what; None if none does."""
        cases = sorted(self.reached[place.number])
        known = [self.seen.get((title(place), breakage, case.judge, case.name)) for case in cases]
        for case, what in zip(cases, known):
            if what:
                return case, what
        for case, what in zip(cases, known):
            if what is not None:
                continue
            verdict, output = self.run_case(case.judge, case.number, FEWEST + LIMIT * case.seconds,
                                            {"ASHLAR_BROKEN": f"{place.number}:{value}"})
            what = ""
            if verdict == "does not end" and self.may_hang:
                print(f"cut off  {place.file}:{place.line} {breakage}: {case.judge}: {case.name}", flush=True)
            elif verdict != "passed":
                what = next((line.strip() for line in output.splitlines() if ", for example" in line), verdict)
            with open(self.results, "a", encoding="utf-8") as out:
                row = [title(place), breakage, case.judge, case.name, self.digests[case.judge], what]
                out.write(json.dumps(row) + "\n")
            if what:
                return case, what
        return None


def try_place(trial, place, stays):
    """Whether it is as it has to be; `stays`: it is known not to be noticed."""
    unnoticed = 0
    for breakage, value in place.breakages.items():
        begun = time.time()
        noticed = trial.notice(place, breakage, value)
        unnoticed += noticed is None
        mark = "dead " if noticed else "kept " if stays else "ALIVE"
        where = f"{noticed[0].judge}: {noticed[0].name}: {noticed[1]}" if noticed else \
            f"nobody of {len(trial.reached[place.number])} cases"
        print(f"{mark}  {place.file}:{place.line} {breakage} ({time.time() - begun:.0f} s) {where}", flush=True)
    return (unnoticed != 0) == stays


def run(description, kept, unreached, make_copy, choose, environment=None, may_hang=False):
    """The main program of a script beside this one. `kept`, `unreached`: names of its lists. Does not return."""
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--share", default="1/1")
    parser.add_argument("--only", action="append", help="places with this in their name")
    parser.add_argument("--list", action="store_true", help="print what is to be listed, and end well")
    arguments = parser.parse_args()
    if "ASHLAR_LONG" not in os.environ:
        judges.leave_out("it takes an hour; with ASHLAR_LONG=1 it is done")
    arguments.work.mkdir(parents=True, exist_ok=True)
    try:
        trial = Trial(arguments, make_copy, choose, environment or {}, may_hang)
    except judges.Missing as missing:
        judges.leave_out(missing)
    kept = read_list(here / kept)
    unreached = read_list(here / unreached)
    known = {title(place): bool(trial.reached[place.number]) for place in trial.places}
    lists = [f"GONE, though kept:  {name}" for name in kept if not known.get(name)]
    lists += [f"REACHED, or gone, though listed as unreached:  {name}" for name in unreached if known.get(name, True)]
    lists += [f"UNREACHED:  {name}" for name in known if not known[name] and name not in unreached]
    wrong = len(lists)
    print("\n".join(lists), flush=True)
    places = [place for place in trial.places if known[title(place)]]
    total = len(places)
    if arguments.only:
        places = [place for place in places if any(part in title(place) for part in arguments.only)]
    share, shares = map(int, arguments.share.split("/"))
    places = places[share - 1::shares]
    for place in places:
        stays = title(place) in kept
        if not try_place(trial, place, stays):
            wrong += 1
            print(f"{'NOTICED, though kept:' if stays else 'ALIVE'}  {title(place)}", flush=True)
    print(f"{len(places)} of {total} places that a test comes by, {len(unreached)} others, {wrong} wrong")
    sys.exit(1 if wrong and not arguments.list else 0)
