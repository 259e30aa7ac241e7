#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Weakens the memory orders of the shipped headers one by one, and expects that an exploration notices.

orders.py SOURCE BUILD WORK [--share I/N] [--only PART] [--list]

Each place that names a memory order other than relaxed, and that an exploration comes by, gets the next weaker ones:
seq_cst acq_rel; acq_rel acquire, and release; these relaxed. One build of each judge does for all places: in a copy of the
headers each asks whether it is the one. Places that are stronger than the explorations show to be needed stand in
orders_kept.txt with the reason; that another one is not noticed is an error, and that one of them is noticed, or gone, too.
--share I/N takes every Nth place from the Ith on. Without ASHLAR_LONG nothing is done: it takes half an hour.
"""
import argparse
import collections
import os
import pathlib
import re
import shutil
import sys
import time

import judges

JUDGES = ["interleaving-hint-tree", "interleaving-radix", "interleaving-radix-large", "interleaving-cpu-rows",
          "interleaving-cpu-magazines", "interleaving-accepted", "interleaving-tenant", "interleaving-ownership-checked",
          "interleaving-remap", "interleaving-migration"]
WEAKER = {"seq_cst": ["acq_rel"], "acq_rel": ["acquire", "release"], "acquire": ["relaxed"], "release": ["relaxed"]}
ORDER = re.compile(r"(//[^\n]*)|\bmemory_order::(seq_cst|acq_rel|acquire|release)\b")

# In the copy, core/atomic.hpp knows which place is weakened, and notes which ones an exploration comes by.
SWITCH = """
struct weakened_place {
    static inline int number = -1;
    static inline memory_order order = memory_order::relaxed;
    static inline bool reached[4096] = {};
    static inline bool (*explores)() = nullptr;
};
template <int Number>
[[nodiscard]] constexpr memory_order weakened(memory_order stated) noexcept {
    if (std::is_constant_evaluated()) return stated;
    if (weakened_place::explores != nullptr && weakened_place::explores()) weakened_place::reached[Number] = true;
    return weakened_place::number == Number ? weakened_place::order : stated;
}

"""
READ = """
#include <cstdio>
#include <cstdlib>
namespace ashlar::testing {
inline const bool weakened_place_is_read = [] {
    weakened_place::explores = [] { return scheduler::current != nullptr; };
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
}  // namespace ashlar::testing
"""
VALUES = {"relaxed": 0, "acquire": 2, "release": 3, "acq_rel": 4}

# `text`: the line; `nth`: of the orders in lines of this text of the file.
Place = collections.namedtuple("Place", "number file line text order nth")


def name_of(place):
    return f"{place.file} | {place.text}" + (f" | {place.nth}" if place.nth > 1 else "")


def instrument(source, work):
    """A copy of the headers in `work`, and the places in it."""
    include = work / "include"
    shutil.rmtree(include, ignore_errors=True)
    shutil.copytree(source / "include", include)
    places = []
    for header in sorted(include.rglob("*.hpp")):
        name = header.relative_to(include / "ashlar").as_posix()
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
            places.append(Place(len(places), name, line, words, match.group(2), seen[words]))
            return f"::ashlar::weakened<{places[-1].number}>({match.group(0)})"
        header.write_text(ORDER.sub(ask, text), encoding="utf-8")
    atomic = include / "ashlar/core/atomic.hpp"
    text = atomic.read_text(encoding="utf-8")
    at = text.index("/// An atomic word over the compiler's builtins.")
    atomic.write_text(text[:at] + SWITCH + text[at:], encoding="utf-8")
    stepped = include / "ashlar/testing/stepped_atomic.hpp"
    stepped.write_text(stepped.read_text(encoding="utf-8") + READ, encoding="utf-8")
    return include, places


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
    """The judges, built once, and what they reach."""

    def __init__(self, arguments):
        include, self.places = instrument(arguments.source, arguments.work)
        made = judges.Judges(arguments.build, arguments.work)
        self.programs = {judge: made.program(judge, include, "orders") for judge in JUDGES}
        self.reached = collections.defaultdict(list)
        log = arguments.work / "reached.txt"
        for judge, program in self.programs.items():
            begun = time.time()
            verdict, output = judges.run(program, environment={"ASHLAR_REACHED": str(log)})
            if verdict != "passed":
                sys.exit(f"{judge} fails as it is: {verdict}\n{output}")
            seconds = time.time() - begun
            for number in log.read_text(encoding="utf-8").split():
                self.reached[int(number)].append((seconds, judge))

    def notice(self, place, order):
        """Who notices, and what; None if nobody."""
        weakened = {"ASHLAR_WEAKEN": f"{place.number}:{VALUES[order]}"}
        for _, judge in sorted(self.reached[place.number]):
            verdict, output = judges.run(self.programs[judge], environment=weakened)
            if verdict != "passed":
                return judge, next((line.strip() for line in output.splitlines() if ", for example" in line), verdict)
        return None


def main():
    parser = argparse.ArgumentParser(description="Weakens memory orders, and expects that explorations notice.")
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--share", default="1/1")
    parser.add_argument("--only", help="places with this in their name")
    parser.add_argument("--list", action="store_true", help="print kept places as they are to be listed, and end well")
    arguments = parser.parse_args()
    if "ASHLAR_LONG" not in os.environ:
        judges.leave_out("it takes half an hour; with ASHLAR_LONG=1 it is done")
    arguments.work.mkdir(parents=True, exist_ok=True)
    try:
        trial = Trial(arguments)
    except judges.Missing as missing:
        judges.leave_out(missing)
    kept = read_kept(pathlib.Path(__file__).parent / "orders_kept.txt")
    places = [place for place in trial.places if trial.reached[place.number]]
    wrong = 0
    for name in sorted(set(kept) - {name_of(place) for place in places}):
        print(f"GONE   {name}")
        wrong += 1
    total = len(places)
    if arguments.only:
        places = [place for place in places if arguments.only in name_of(place)]
    share, shares = map(int, arguments.share.split("/"))
    for place in places[share - 1::shares]:
        noticed = {}
        for order in WEAKER[place.order]:
            begun = time.time()
            noticed[order] = trial.notice(place, order)
            judge, what = noticed[order] or ("nobody", "")
            mark = "dead " if noticed[order] else "kept " if name_of(place) in kept else "ALIVE"
            print(f"{mark}  {place.file}:{place.line} {place.order} -> {order}: {judge} ({time.time() - begun:.0f} s) {what}",
                  flush=True)
        stays = not all(noticed.values())
        if stays != (name_of(place) in kept):
            wrong += 1
            print(f"{'ALIVE' if stays else 'NOTICED, though kept:'}  {name_of(place)}", flush=True)
    print(f"{len(places[share - 1::shares])} of {total} places, {wrong} wrong")
    sys.exit(1 if wrong and not arguments.list else 0)


if __name__ == "__main__":
    main()
