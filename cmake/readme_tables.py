#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""readme_tables.py BENCH [--peer FILE.so]... [--trace FILE] [--results FOLDER] [--quick] [--only NAME]...
readme_tables.py --size

Measures, and writes the tables of README.md anew: what stands between <!-- table NAME --> and <!-- end --> there is
replaced. BENCH is the program ashlar-bench, with its peers, and ashlar-lab, beside it; a machine that does nothing else
takes half an hour for it. Other allocators to compare with are given by --peer (bench/peer/peer.h).

  --results FOLDER   keeps what was measured; what is there already is not measured again
  --quick            to try it out: few and short repetitions, little memory
  --only NAME        this table, and no other; any number of times
  --size             only the table of code sizes, see size_table.py (some minutes; targets whose compiler is missing are
                     left out, and named)
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import bench_results  # noqa: E402
import instructions  # noqa: E402
import size_table  # noqa: E402
import speed_tables as tables  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
TRACE = ROOT / "tests/data/traces/linux-6.18-compile-350k.tsv.xz"
NAMES = ("boot", "shared", "exclusive", "inlined", "trace", "placement", "worst", "memory", "fail", "heaps", "instructions",
         "remap", "remote", "move", "batch", "size")
PLACED = ("rows", "rows_by_mobility", "radix", "list")
ONE_GIBIBYTE = "BIOS-e820: [mem 0x0000000100000000-0x000000013fffffff] usable\n"


class Tables:
    """Each of the tables, with what is measured for it."""

    def __init__(self, bench, peers, trace, results, quick):
        self.bench, self.results, self.quick = bench, results, quick
        own = [bench.with_name(f"ashlar-{contract}.so") for contract in ("exclusive", "shared")]
        self.peers = [pathlib.Path(peer).resolve() for peer in peers]
        self.trace = pathlib.Path(trace).resolve()
        self.words = [f"--trace={self.trace}", "--memory=1G" if quick else "--memory=8G",
                      *(f"--peer={peer}" for peer in (*own, *self.peers))]
        self.others = [f"peer:{peer.stem}" for peer in self.peers]
        self.compared = ["radix/exclusive", "radix/shared", "list/exclusive", *self.others]

    def all(self, only):
        """By name, those in `only`, or each."""
        if not only or "remap" in only:
            yield "remap", self.remap()
        if not only or "remote" in only:
            yield "remote", tables.remote(self.results.runs("remote", "--benchmark_filter=^remote/",
                                                            repetitions=None if self.quick else 25))
        if not only or "move" in only:
            yield "move", tables.move(self.results.runs("move", "--benchmark_filter=^move/"))
        if not only or "batch" in only:
            yield "batch", tables.batch(self.results.runs("batch", "--benchmark_filter=^batch"))
        if not only or set(only) - {"remap", "remote", "move", "batch"}:
            yield from ((name, lines) for name, lines in self.of_allocators() if not only or name in only)

    def remap(self):
        wanted = "^remap/.*/1000$" if self.quick else "^remap/"
        # A few ns each: more of them.
        repetitions = None if self.quick else 25
        return tables.remap(self.results.runs("remap", f"--benchmark_filter={wanted}", repetitions=repetitions))

    def of_allocators(self):
        speed = self.results.runs("speed", *self.words, "--benchmark_filter=-^(remap|remote|move|batch)")
        yield "boot", tables.boot(speed)
        yield "shared", tables.headline(speed, "peer:ashlar-shared")
        yield "exclusive", tables.headline(speed, "peer:ashlar-exclusive")
        yield "inlined", tables.inlined(speed)
        yield "trace", tables.trace(speed)
        if placed := self.placement():
            yield "placement", tables.placement(placed, self.trace.name)
        yield "worst", tables.worst(self.results.runs("each", "--each", *self.words, "--benchmark_filter=threads:1"),
                                    self.compared)
        sizes = self.results.runs("sizes", "--sizes=" + ("1G,16G" if self.quick else "1G,64G,1T,16T"),
                                  "--benchmark_filter=(radix/(exclusive|shared)|list/exclusive)/", interleaved=False)
        yield "memory", tables.memory(sizes, self.compared)
        yield "fail", tables.failing(sizes, self.compared)
        heaps = [heap for name in tables.HEAPS if (heap := self.bench.with_name(f"{name}.so")).exists()]
        yield "heaps", tables.heaps(
            self.results.runs("heaps", "--memory=1G", *(f"--peer={heap}" for heap in heaps),
                              "--benchmark_filter=(bulk|random|churn|same)/(radix/shared|peer:.*)/order:[09]"),
            "radix/shared")
        counted = self.results.other("instructions", self.instructions)
        yield "instructions", tables.instructions(counted["costs"], bench_results.parse, counted["machine"])

    def instructions(self):
        bench = instructions.Bench(self.bench, self.peers)
        workloads = "same" if self.quick else "same|bulk|random|churn"
        names = bench.names(f"({workloads})/(radix/|list/exclusive|peer:).*order:[09](/load:50)?/threads:1$")
        return {"costs": {name: cost._asdict() for name, cost in instructions.costs(bench, names).items()},
                "machine": {verb: count for verb, (count, _) in instructions.zone_selection(bench).items()}}

    def placement(self):
        """What compositions, peers and a placement that knows the future leave at the end; None without ashlar-lab."""
        lab = self.bench.with_name("ashlar-lab")
        if not lab.exists():
            print("placement is left out: ashlar-lab is not there", file=sys.stderr)
            return None

        def replay():
            with tempfile.TemporaryDirectory() as scratch:
                log, told = pathlib.Path(scratch, "kernel.log"), pathlib.Path(scratch, "told.json")
                log.write_text(ONE_GIBIBYTE, encoding="ascii")

                def run(command, *words):
                    names = [word for name in PLACED for word in ("--composition", f"{name}/reliability_first/nearest")]
                    subprocess.run([lab, command, "--trace", self.trace, log, "--json", told, *names, *words],
                                   check=True, cwd=scratch, stdout=subprocess.DEVNULL, env=bench_results.ENVIRONMENT)
                    return json.loads(told.read_text(encoding="ascii"))
                alone = run("replay")
                placed = dict(zip(PLACED, alone["compositions"], strict=True))
                if self.peers:
                    peers = [word for peer in self.peers for word in ("--peer", peer)]
                    (scenario,) = run("lab", *peers, "--repetitions", "1")["scenarios"]
                    placed |= {each["subject"]: each for each in scenario["runs"] if each["subject"] in self.others}
                figures = ("whole_blocks_share", "pinned_blocks_share", "compacted_blocks_share", "compaction_moves")
                return {who: {figure: told[figure] for figure in figures if told.get(figure) is not None}
                        for who, told in {**placed, "oracle": alone["oracle"]}.items()}
        return self.results.other("placement", replay)


def replace(text, name, lines):
    pattern = re.compile(rf"(<!-- table {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"README.md has no table {name}")
    return pattern.sub(lambda found: found.group(1) + "\n" + "\n".join(lines) + "\n\n" + found.group(2), text)


def write(page, made):
    # Read late: measuring takes long.
    text = page.read_text(encoding="utf-8")
    for name, lines in made:
        text = replace(text, name, lines)
    page.write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("bench", nargs="?")
    parser.add_argument("--peer", action="append", default=[])
    parser.add_argument("--trace", default=TRACE)
    parser.add_argument("--results")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--size", action="store_true")
    parser.add_argument("--only", action="append", default=[], choices=NAMES[:-1])
    parser.add_argument("--page", default=ROOT / "README.md", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.size == bool(wanted.bench):
        parser.error("wants ashlar-bench or --size")
    page = pathlib.Path(wanted.page)
    if wanted.size:
        write(page, [("size", tables.markdown(size_table.size_rows()))])
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(wanted.results or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        bench = pathlib.Path(wanted.bench).resolve()
        repetitions, min_time = (2, 0.001) if wanted.quick else (9, 0.03)
        results = bench_results.Results(folder, bench, repetitions, min_time)
        write(page, list(Tables(bench, wanted.peer, wanted.trace, results, wanted.quick).all(wanted.only)))


if __name__ == "__main__":
    main()
