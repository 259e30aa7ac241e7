#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Weakens the memory orders of the shipped headers one by one, and expects that an exploration notices.

orders.py SOURCE BUILD WORK [--share I/N] [--only PART]... [--list]

Each place that names a memory order other than relaxed gets the next weaker ones: seq_cst acq_rel; acq_rel acquire, and
release; these relaxed. One build of each judge does for all places: in a copy of the headers each asks whether it is the
one. Each test case of a judge is run once as it is, which tells how long it takes and which places it comes by with weak
memory; a weaker order is shown to the cases that come by, the quickest first, until one fails. A case that takes a
hundred times as long as it does with the right order has noticed nothing.

A place has to be noticed with each weaker order, or stand in orders_kept.txt, which says why it stays as it is, or, if no
exploration comes by, in orders_unexplored.txt, which says what checks it instead. That a place is in a list and should not
be is an error, too.

WORK keeps what was seen: a run that was stopped goes on where it was, and one after a change tries again what judges that
read a changed file have seen. Several runs may share WORK: --share I/N takes every Nth place from the Ith on. Without
ASHLAR_LONG nothing is done: it takes an hour.
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
import time

import judges

JUDGES = ["interleaving-hint-tree", "interleaving-radix", "interleaving-radix-large", "interleaving-presence",
          "interleaving-cpu-rows", "interleaving-cpu-magazines", "interleaving-accepted",
          "interleaving-ownership-checked", "interleaving-zones", "interleaving-tenant", "interleaving-paging",
          "interleaving-windows", "interleaving-reaiming", "interleaving-remap", "interleaving-migration",
          "interleaving-movers", "interleaving-bump"]
WEAKER = {"seq_cst": ["acq_rel"], "acq_rel": ["acquire", "release"], "acquire": ["relaxed"], "release": ["relaxed"]}
ORDER = re.compile(r"(//[^\n]*)|\bmemory_order::(seq_cst|acq_rel|acquire|release)\b")

# In the copy, core/atomic.hpp knows which place is weakened, and notes which ones an exploration comes by.
ATOMIC = "/// An atomic word over the compiler's builtins."
SWITCH = """
struct weakened_place {
    static inline int number = -1;
    static inline memory_order order = memory_order::relaxed;
    static inline bool reached[4096] = {};
    static inline bool explores = false;
};
template <int Number>
[[nodiscard]] constexpr memory_order weakened(memory_order stated) noexcept {
    if (std::is_constant_evaluated()) return stated;
    if (weakened_place::explores) weakened_place::reached[Number] = true;
    return weakened_place::number == Number ? weakened_place::order : stated;
}

"""
READ = """
#include <cstdio>
#include <cstdlib>
namespace ashlar::testing {
inline const bool weakened_place_is_read = [] {
    if (const char* place = std::getenv("ASHLAR_WEAKEN")) {
        int order = 0;
        (void)std::sscanf(place, "%d:%d", &weakened_place::number, &order);
        weakened_place::order = static_cast<memory_order>(order);
    }
    if (std::getenv("ASHLAR_REACHED") != nullptr) {
        (void)std::atexit([] {
            std::FILE* out = std::fopen(std::getenv("ASHLAR_REACHED"), "w");
            for (int i = 0; i < 4096; ++i) {
                if (weakened_place::reached[i]) (void)std::fprintf(out, "%d\\n", i);
            }
            (void)std::fclose(out);
        });
    }
    return true;
}();
"""
# Of headers that are not weakened. With sequentially consistent memory an order is worth nothing.
CHANGES = [
    ("core/atomic.hpp", ATOMIC, SWITCH + ATOMIC),
    ("testing/stepped_atomic.hpp", "\nnamespace ashlar::testing {\n", READ),
    ("testing/stepped_programs.hpp", "scheduler::current = this;",
     "scheduler::current = this;\n        weakened_place::explores = weak_;"),
    ("testing/stepped_programs.hpp", "scheduler::current = nullptr;",
     "scheduler::current = nullptr;\n        weakened_place::explores = false;"),
]
VALUES = {"relaxed": 0, "acquire": 2, "release": 3, "acq_rel": 4}

LIMIT = 100  # times as long as with the right order
FEWEST = 20  # seconds

# `text`: the line; `nth`: of the orders in lines of this text of the file. `number`: the same in each run in one WORK.
Place = collections.namedtuple("Place", "number file line text order nth")
Case = collections.namedtuple("Case", "seconds judge number name")


def name_of(file, text, nth):
    return f"{file} | {text}" + (f" | {nth}" if nth > 1 else "")


def title(place):
    return name_of(place.file, place.text, place.nth)


def instrument(source, include, numbers):
    """Writes a copy of the headers to `include`; the places in it. `numbers`: of places that had one before."""
    copies = include.with_name("copying")
    shutil.rmtree(copies, ignore_errors=True)
    shutil.copytree(source / "include", copies)
    places = []
    for header in sorted(copies.rglob("*.hpp")):
        name = header.relative_to(copies / "ashlar").as_posix()
        if name.startswith(("testing/", "linux_backend/", "core/")):
            continue
        text = header.read_text(encoding="utf-8")
        lines = text.splitlines()
        seen = collections.Counter()

        def ask(match):
            if match.group(1):
                return match.group(1)
            line = text.count("\n", 0, match.start()) + 1
            words = " ".join(lines[line - 1].split())
            seen[words] += 1
            number = numbers.setdefault(name_of(name, words, seen[words]), len(numbers))
            places.append(Place(number, name, line, words, match.group(2), seen[words]))
            return f"::ashlar::weakened<{number}>({match.group(0)})"
        header.write_text(ORDER.sub(ask, text), encoding="utf-8")
    for name, old, new in CHANGES:
        header = copies / "ashlar" / name
        text = header.read_text(encoding="utf-8")
        if text.count(old) != 1:
            sys.exit(f"{name}: '{old}' is {text.count(old)} times in it, not once")
        header.write_text(text.replace(old, new), encoding="utf-8")
    shutil.rmtree(include, ignore_errors=True)
    copies.rename(include)
    return places


def read_kept(path):
    """Places that are kept, and why."""
    kept = {}
    reason = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            continue
        if line.startswith("because "):
            reason = line.removeprefix("because ")
        elif line.strip():
            kept[line] = reason
    return kept


class Trial:
    """The judges, built once, what their cases come by, and what has been seen so far; all of it lies in `work`."""

    def __init__(self, arguments):
        self.work = arguments.work
        self.made = judges.Judges(arguments.build, self.work)
        self.results = self.work / "results.jsonl"
        with open(self.work / "lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self.work / "state.json"
            known = json.loads(state.read_text(encoding="utf-8")) if state.exists() else {"numbers": {}, "judges": {}}
            include = self.work / "include"
            self.places = instrument(arguments.source, include, known["numbers"])
            state.write_text(json.dumps(known), encoding="utf-8")
            self.made.program(JUDGES[0], include, "first")  # and with it what all share
            with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
                looked = pool.map(lambda judge: self.look_at(judge, include, known["judges"].get(judge)), JUDGES)
                for judge, seen in zip(JUDGES, looked):
                    known["judges"][judge] = seen
                    state.write_text(json.dumps(known), encoding="utf-8")
        self.digests = {judge: known["judges"][judge]["digest"] for judge in JUDGES}
        self.reached = collections.defaultdict(list)
        for judge in JUDGES:
            for number, case in enumerate(known["judges"][judge]["cases"], 1):
                for place in case["reached"]:
                    self.reached[place].append(Case(case["seconds"], judge, number, case["name"]))
        self.seen = {}
        for line in self.results.read_text(encoding="utf-8").splitlines() if self.results.exists() else []:
            name, order, judge, case, digest, what = json.loads(line)
            if digest == self.digests.get(judge):
                self.seen[name, order, judge, case] = what

    def look_at(self, judge, include, known):
        """Builds a judge if what it reads has changed, and runs each of its cases."""
        binary = self.work / "orders" / judge
        if known and binary.exists() and known["digest"] == self.digest_of(judge):
            return known
        begun = time.time()
        self.made.program(judge, include, "orders")
        print(f"built  {judge} ({time.time() - begun:.0f} s)", flush=True)
        listed = subprocess.run([binary, "--list-test-cases"], capture_output=True, text=True, check=True).stdout
        cases = []
        log = self.work / "orders" / f"{judge}.reached"
        for number, name in enumerate(listed.split("=" * 79)[1].strip().splitlines(), 1):
            begun = time.time()
            verdict, output = self.run_case(judge, number, 3600, {"ASHLAR_REACHED": str(log)})
            if verdict != "passed":
                raise ValueError(f"{judge} fails as it is: {name}: {verdict}\n{output}")
            reached = [int(line) for line in log.read_text(encoding="utf-8").split()]
            cases.append({"name": name, "seconds": time.time() - begun, "reached": reached})
            print(f"as is  {judge}: {name}: {len(reached)} places ({time.time() - begun:.1f} s)", flush=True)
        return {"digest": self.digest_of(judge), "cases": cases}

    def digest_of(self, judge):
        """Of all that a judge is built from, but for comments."""
        digest = hashlib.sha256()
        for listed in sorted((self.work / "orders").glob(f"{judge}-[0-9].d")):
            for file in listed.read_text(encoding="utf-8").replace("\\\n", " ").split()[1:]:
                text = pathlib.Path(file).read_text(encoding="utf-8") if pathlib.Path(file).exists() else "gone"
                digest.update(re.sub(r"(?m)^\s*//.*\n", "", text).encode())
        return digest.hexdigest()

    def run_case(self, judge, number, seconds, environment):
        return judges.run(self.work / "orders" / judge, [f"--first={number}", f"--last={number}"], seconds,
                          environment | {"ASHLAR_WEAK_ALONE": "1"})

    def notice(self, place, order):
        """Which case notices, and what; None if none does."""
        cases = sorted(self.reached[place.number])
        known = [self.seen.get((title(place), order, case.judge, case.name)) for case in cases]
        for case, what in zip(cases, known):
            if what:
                return case, what
        for case, what in zip(cases, known):
            if what is not None:
                continue
            verdict, output = self.run_case(case.judge, case.number, FEWEST + LIMIT * case.seconds,
                                            {"ASHLAR_WEAKEN": f"{place.number}:{VALUES[order]}"})
            what = ""
            if verdict == "does not end":
                print(f"cut off  {place.file}:{place.line} {order}: {case.judge}: {case.name}", flush=True)
            elif verdict != "passed":
                what = next((line.strip() for line in output.splitlines() if ", for example" in line), verdict)
            with open(self.results, "a", encoding="utf-8") as out:
                row = [title(place), order, case.judge, case.name, self.digests[case.judge], what]
                out.write(json.dumps(row) + "\n")
            if what:
                return case, what
        return None


def try_place(trial, place, stays):
    """Whether it is as it has to be; `stays`: it is known not to be noticed."""
    unnoticed = 0
    for order in WEAKER[place.order]:
        begun = time.time()
        noticed = trial.notice(place, order)
        unnoticed += noticed is None
        mark = "dead " if noticed else "kept " if stays else "ALIVE"
        where = f"{noticed[0].judge}: {noticed[0].name}: {noticed[1]}" if noticed else \
            f"nobody of {len(trial.reached[place.number])} cases"
        print(f"{mark}  {place.file}:{place.line} {place.order} -> {order} ({time.time() - begun:.0f} s) {where}", flush=True)
    return (unnoticed != 0) == stays


def main():
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(description="Weakens memory orders, and expects that explorations notice.")
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
        trial = Trial(arguments)
    except judges.Missing as missing:
        judges.leave_out(missing)
    kept = read_kept(here / "orders_kept.txt")
    unexplored = read_kept(here / "orders_unexplored.txt")
    known = {title(place): bool(trial.reached[place.number]) for place in trial.places}
    lists = [f"GONE, though kept:  {name}" for name in kept if not known.get(name)]
    lists += [f"EXPLORED, or gone, though listed as unexplored:  {name}" for name in unexplored if known.get(name, True)]
    lists += [f"UNEXPLORED:  {name}" for name in known if not known[name] and name not in unexplored]
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
    print(f"{len(places)} of {total} explored places, {len(unexplored)} unexplored, {wrong} wrong")
    sys.exit(1 if wrong and not arguments.list else 0)


if __name__ == "__main__":
    main()
