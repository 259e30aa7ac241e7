#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Weakens the memory orders of the shipped headers one by one, and expects that an exploration notices.

orders.py SOURCE BUILD WORK [--share I/N] [--only PART]... [--list]

Each place that names a memory order other than relaxed gets the next weaker ones: seq_cst acq_rel; acq_rel acquire, and
release; these relaxed. The judges are the explorations, with weak memory; one that does not end has noticed nothing, for
it may have more to explore. switches.py has how it is done. Places that stay though nobody notices are in
orders_kept.txt, those that no exploration comes by in orders_unexplored.txt. Without ASHLAR_LONG nothing is done: it
takes an hour.
"""
import re

import switches

JUDGES = ["interleaving-hint-tree", "interleaving-radix", "interleaving-radix-large", "interleaving-presence",
          "interleaving-cpu-rows", "interleaving-cpu-magazines", "interleaving-accepted",
          "interleaving-ownership-checked", "interleaving-zones", "interleaving-tenant", "interleaving-paging",
          "interleaving-windows", "interleaving-reaiming", "interleaving-remap", "interleaving-migration",
          "interleaving-movers", "interleaving-bump"]
WEAKER = {"seq_cst": ["acq_rel"], "acq_rel": ["acquire", "release"], "acquire": ["relaxed"], "release": ["relaxed"]}
VALUES = {"relaxed": 0, "acquire": 2, "release": 3, "acq_rel": 4}  # of the enumerators
ORDER = re.compile(r"(//[^\n]*)|\bmemory_order::(seq_cst|acq_rel|acquire|release)\b")

ATOMIC = "/// An atomic word over the compiler's builtins."
WEAKENED = """
template <int Number>
[[nodiscard]] constexpr memory_order weakened(memory_order stated) noexcept {
    return switched::is_broken(Number) ? static_cast<memory_order>(switched::value) : stated;
}

"""
# Of headers that are not weakened. With sequentially consistent memory an order is worth nothing, and only what an
# exploration runs is seen by it.
CHANGES = [
    ("core/atomic.hpp", "#pragma once\n", "#pragma once\n#include <ashlar/switched.hpp>\n"),
    ("core/atomic.hpp", ATOMIC, WEAKENED + ATOMIC),
    ("testing/stepped_programs.hpp", "#pragma once\n", """#pragma once
#include <ashlar/switched.hpp>
namespace ashlar::switched {
inline const bool notes_nothing_yet = notes = false;
}
"""),
    ("testing/stepped_programs.hpp", "scheduler::current = this;",
     "scheduler::current = this;\n        switched::notes = weak_;"),
    ("testing/stepped_programs.hpp", "scheduler::current = nullptr;",
     "scheduler::current = nullptr;\n        switched::notes = false;"),
]


def weaken(text, add):
    lines = text.splitlines()

    def ask(match):
        if match.group(1):
            return match.group(1)
        line = lines[text.count("\n", 0, match.start())]
        order = match.group(2)
        breakages = {f"{order} -> {weaker}": VALUES[weaker] for weaker in WEAKER[order]}
        return f"::ashlar::weakened<{add(match.start(), line, breakages)}>({match.group(0)})"
    return ORDER.sub(ask, text)


def make_copy(source, include, numbers):
    copy = switches.Copy(source, include, numbers)
    copy.rewrite(("testing/", "linux_backend/", "core/"), weaken)
    for name, old, new in CHANGES:
        copy.replace(name, old, new)
    return copy


if __name__ == "__main__":
    switches.run("Weakens memory orders, and expects that explorations notice.", "orders_kept.txt",
                 "orders_unexplored.txt", make_copy, lambda targets: JUDGES, {"ASHLAR_WEAK_ALONE": "1"}, may_hang=True)
