#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""instructions.py BENCH [--peer FILE.so]... [--filter REGEX] [--json FILE]
instructions.py BENCH --zone [--lines]

How many instructions one allocation and its free (`trace`: one event) execute, and how many of them are atomic
read-modify-writes, by Valgrind's callgrind: on 1 GiB, one thread, each workload with two numbers of
iterations, so that what comes before and after cancels out. REGEX chooses benchmarks by their names; else all that run
one thread. Hardware counters (cache misses) are not asked: what runs here is a simulated processor.

--zone: what a machine adds to an allocation, and to a free, of its first zone; --lines also says which lines it is
(BENCH is then best compiled with -g).
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
import callgrind  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
TRACE = ROOT / "tests/data/traces/linux-6.18-compile-350k.tsv.xz"
# With as many digits, for the names of all benchmarks have them in; the first is enough for CPUs to have what they keep.
FEW, MANY = 10_000, 30_000

Cost = collections.namedtuple("Cost", "instructions atomics")


class Bench:
    def __init__(self, program, peers):
        self.words = [program, "--memory", "1G", *(word for peer in peers for word in ("--peer", peer))]
        # As peers with storage of their own for each thread want it.
        self.environment = {**os.environ, "GLIBC_TUNABLES": "glibc.rtld.optional_static_tls=16384"}

    def names(self, pattern):
        listed = callgrind.output(*self.words, f"--trace={TRACE}", "--benchmark_list_tests=true",
                                  f"--benchmark_filter={pattern}", environment=self.environment)
        return [name for name in listed.split() if name.endswith("/threads:1")]

    def counts(self, name, iterations, *more, inside=None):
        """(callgrind.Counts, iterations that were run)"""
        wanted = name.replace("/threads:1", f"/iterations:{iterations}/threads:1").replace(".", r"\.")
        if name.startswith("trace/"):
            more = (*more, f"--trace={TRACE}")
        with tempfile.NamedTemporaryFile(suffix=".json") as told:
            # Not from what is printed: peers may print, too.
            counts = callgrind.run(
                [*self.words, *more, "--iterations", iterations, f"--benchmark_filter=^{wanted}$",
                 "--benchmark_repetitions=1", f"--benchmark_out={told.name}"], self.environment, inside)
            (run,) = json.load(told)["benchmarks"]
        if "error_message" in run:
            raise SystemExit(f"{name}: {run['error_message']}")
        return counts, run["iterations"]

    def between(self, name, *more, inside=None):
        """(what so many more iterations execute, how many they are). Where they all come at once: once more all."""
        few, done = self.counts(name, FEW, *more, inside=inside)
        many, all_done = self.counts(name, max(MANY, done + 1), *more, inside=inside)
        return many - few, all_done - done

    def cost(self, name):
        counts, iterations = self.between(name)
        atomics = counts.atomics(negligible=iterations // 10)
        return Cost(counts.instructions / iterations, None if atomics is None else atomics / iterations)


def stay_on(processors):
    """This thread and what it starts run on the next of `processors`: who moves to another CPU takes its slot, and
    executes what filling that takes."""
    os.sched_setaffinity(0, {processors.pop()})


def costs(bench, names, progress=sys.stderr):
    """Cost by name."""
    found = {}
    processors = sorted(os.sched_getaffinity(0))
    with concurrent.futures.ThreadPoolExecutor(len(processors), initializer=stay_on, initargs=(processors,)) as pool:
        for name, cost in zip(names, pool.map(bench.cost, names)):
            print(f"{len(found) + 1} of {len(names)}: {name}: {cost.instructions:.1f}", file=progress)
            found[name] = cost
    return found


def zone_selection(bench):
    """{verb: (instructions that the machine adds, their lines)}"""
    added = {}
    for verb in ("allocate", "free"):
        lines = collections.Counter()
        for subject, sign in (("machine", 1), ("zone", -1)):
            counts, iterations = bench.between(f"same/{subject}/exclusive/order:0/threads:1", "--each",
                                               inside=f"bench::erased<*>::{verb}(*")
            for line, executed in counts.by_line().items():
                lines[line] += sign * executed / iterations
        added[verb] = sum(lines.values()), lines
    return added


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("bench")
    parser.add_argument("--peer", action="append", default=[])
    parser.add_argument("--filter", default="threads:1$")
    parser.add_argument("--json")
    parser.add_argument("--zone", action="store_true")
    parser.add_argument("--lines", action="store_true")
    wanted = parser.parse_args()
    bench = Bench(pathlib.Path(wanted.bench).resolve(), wanted.peer)
    if wanted.zone:
        for verb, (instructions, lines) in zone_selection(bench).items():
            print(f"{verb}: a machine adds {instructions:.1f} instructions to its zone's own")
            for (file, line), count in lines.most_common() if wanted.lines else ():
                if abs(count) >= 0.5:
                    print(f"  {count:6.1f}  {file}:{line}")
        return
    names = bench.names(wanted.filter)
    if not names:
        raise SystemExit(f"no benchmark with one thread is called {wanted.filter}")
    found = costs(bench, names)
    print("| an allocation and its free | instructions | atomic read-modify-writes |\n|---|---|---|")
    for name, cost in found.items():
        atomics = "not counted here" if cost.atomics is None else f"{cost.atomics:.2f}"
        print(f"| `{name}` | {cost.instructions:.1f} | {atomics} |")
    if wanted.json:
        pathlib.Path(wanted.json).write_text(
            json.dumps({name: cost._asdict() for name, cost in found.items()}, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    try:
        main()
    except callgrind.Missing as missing:
        raise SystemExit(f"{missing} is missing") from None
