# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""workloads.py ROOT ASHLAR_BENCH PEER.so...: every workload runs for every source, contract and peer, under the names
that are promised, and none loses a frame. Counters are there and say what can be."""
import json
import os
import pathlib
import platform
import subprocess
import sys

SOURCES = ["radix/exclusive", "radix/shared", "radix/direct", "list/exclusive", "list/shared", "list/locked"]
if platform.machine() == "x86_64":
    SOURCES.append("radix/guarded")
BULK = ("radix/exclusive", "radix/guarded", "radix/shared")  # have verbs for many blocks
ZONES = ["zone/exclusive", "machine/exclusive"]  # only `same`
HEAPS = ("mimalloc", "jemalloc", "tbb")  # peers without a range of frames that could be full
SIZES = ("64M", "128M")
wrong = []


def check(truth, what):
    if not truth:
        wrong.append(what)


def same_runs(subject):
    return [f"same/{subject}/order:{order}/threads:{threads}" for order in (0, 3, 9) for threads in (1, 2)]


def expected(subjects):
    for subject in subjects:
        yield from same_runs(subject)
        if subject in ZONES:
            continue
        for threads in (1, 2):
            for order in (0, 3, 9):
                for workload in ("bulk", "random"):
                    yield f"{workload}/{subject}/order:{order}/threads:{threads}"
                for load in (50, 90):
                    yield f"churn/{subject}/order:{order}/load:{load}/threads:{threads}"
            if subject in BULK:
                yield from (f"{workload}/{subject}/order:{order}/threads:{threads}"
                            for workload in ("batch", "batch_one_by_one") for order in (0, 3, 9))
            yield f"mixed/{subject}/threads:{threads}"
        yield f"handover/{subject}/order:0/threads:2"
        yield f"trace/{subject}/threads:1"


STRUCTURES = ("remap_table", "remap_hash", "upper_bound", "map", "eytzinger", "radix")


def expected_remap(entries):
    for structure in STRUCTURES:
        for workload in ("not_remapped", "hit", "local", *(("with_writer",) if structure.startswith("remap_") else ())):
            for count in entries:
                yield f"remap/{structure}/{workload}/{count}"


def expected_sizes(subjects):
    for subject in subjects:
        for size in SIZES:
            for order in (0, 3, 9):
                for workload in ("bulk", "same", "random", "churn"):
                    yield f"{workload}/{subject}/order:{order}/memory:{size}/threads:1"
            for order in (3, 9):
                yield f"fail/{subject}/order:{order}/memory:{size}/iterations:1/manual_time/threads:1"


def check_remap(runs):
    """A TiB of 4 KiB frames; the bytes are those of the structure."""
    for name, run in runs.items():
        check("error_message" not in run, f"{name}: {run.get('error_message')}")
        check(run.get("cpu_time", 0) > 0, f"{name}: took no time")
        _, structure, _, entries = name.split("/")
        least = 8 * int(entries)
        check(run.get("bytes", 0) >= least, f"{name}: {run.get('bytes')} bytes")
        if structure.startswith("remap_") and entries == "10000":
            check(run["bytes"] <= 2**20, f"{name}: {run['bytes']} bytes")


class Bench:
    def __init__(self, program, peers):
        self.words = [program, "--benchmark_repetitions=1", "--benchmark_min_time=0.001",
                      "--benchmark_display_aggregates_only=false", "--benchmark_format=json",
                      *(word for peer in peers for word in ("--peer", peer))]

    def run(self, *words):
        """Runs by name."""
        # Room for what jemalloc keeps for each thread.
        there = {**os.environ, "GLIBC_TUNABLES": "glibc.rtld.optional_static_tls=16384"}
        done = subprocess.run([*self.words, *words], capture_output=True, text=True, timeout=300, check=False, env=there)
        if done.returncode:
            sys.exit(f"exit status {done.returncode}\n{done.stderr}")
        return {run["run_name"]: run for run in json.loads(done.stdout)["benchmarks"]}


def check_names(runs, names):
    wanted = set(names)
    wrong.extend(f"{name}: is missing" for name in sorted(wanted - set(runs)))
    wrong.extend(f"{name}: nobody asked for it" for name in sorted(set(runs) - wanted))


def check_runs(runs):
    for name, run in runs.items():
        check("error_message" not in run, f"{name}: {run.get('error_message')}")
        check(run.get("cpu_time", 1) > 0, f"{name}: took no time")
        workload, memory = name.split("/")[0], "peer" not in name
        if workload in ("bulk", "random"):
            check(run.get("allocate_ns", 0) > 0 and run.get("free_ns", 0) > 0, f"{name}: allocations and frees in one")
        if workload in ("churn", "mixed", "trace") and memory:
            check(0 < run.get("whole_blocks_share", 0) <= 1, f"{name}: {run.get('whole_blocks_share')} in whole blocks")


def check_sizes(runs):
    for name, run in runs.items():
        if any(f"/peer:{heap}/" in name for heap in HEAPS):
            reason = "not all memory can be taken" if name.startswith("fail") else "hands out more memory"
            check(reason in run.get("error_message", ""), f"{name}: {run.get('error_message', 'is measured')}")
            continue
        check("error_message" not in run, f"{name}: {run.get('error_message')}")
        if name.startswith("fail"):
            check(run.get("next_ns", 0) > 0, f"{name}: no request after the first")
            if "/peer:" not in name:
                check(run.get("sections", 0) >= 1 and run.get("section_ns", 0) > 0, f"{name}: no sections")


def check_each(runs):
    for name, run in runs.items():
        check("error_message" not in run, f"{name}: {run.get('error_message')}")
        check(0 < run.get("p9999_ns", 0) <= run.get("worst_ns", 0), f"{name}: no time of each operation")


def check_movers(runs):
    """Which movers of programs there are depends on the kernel; one is always there under Linux."""
    for what in ("memcpy", "evacuation", "promotion"):
        check(f"move/{what}/order:0" in runs, f"no move/{what}")
    if sys.platform.startswith("linux"):
        check("move/process_page_signalled/order:0" in runs, "no mover of a program's pages")
    for name, run in runs.items():
        check("error_message" not in run, f"{name}: {run.get('error_message')}")
        check(run.get("cpu_time", 0) > 0 and run.get("frames_per_second", 0) > 0, f"{name}: took no time")


def main():
    root, program, *peers = sys.argv[1:]
    trace = pathlib.Path(root) / "tests/data/traces/linux-6.18-compile-head.perf-script.txt.xz"
    heaps = [peer for peer in peers if pathlib.Path(peer).stem in HEAPS]
    peers = [peer for peer in peers if peer not in heaps]
    subjects = SOURCES + ["peer:" + pathlib.Path(peer).stem for peer in peers]
    total = 0
    # Where blocks of all orders come and go, little memory is full now and then. Heaps are slow and never full.
    for memory, these, names, pattern in (("256M", peers, [*subjects, *ZONES], "threads"),
                                          ("64M", heaps, ["peer:" + pathlib.Path(heap).stem for heap in heaps], "peer")):
        bench = Bench(program, these)
        common = ("--memory", memory, f"--trace={trace}", f"--benchmark_filter={pattern}")
        runs = bench.run(*common)
        check_names(runs, expected(names))
        check_runs(runs)
        each = bench.run(*common, "--each")
        check_names(each, (name for name in expected(names) if not name.startswith("batch")))
        check_each(each)
        sizes = bench.run("--sizes=" + ",".join(SIZES), f"--benchmark_filter={pattern}")
        check_names(sizes, expected_sizes([name for name in names if name not in ZONES]))
        check_sizes(sizes)
        total += len(runs) + len(each) + len(sizes)

    bench = Bench(program, [])
    remap = bench.run("--benchmark_filter=^remap/.*/10000?$")
    check_names(remap, expected_remap((1000, 10000)))
    check_remap(remap)
    listed = subprocess.run([program, "--benchmark_list_tests=true", "--benchmark_filter=^remap/"], capture_output=True, text=True,
                            timeout=60, check=True).stdout.split()
    check(sorted(listed) == sorted(expected_remap((1000, 10000, 100000, 1000000))), f"listed are {listed}")
    total += len(remap)
    remote = bench.run("--benchmark_filter=^remote/")
    check_names(remote, [f"remote/hit/{each}" for each in ("window_cache", "map_mutex", "map_mutex_once", "identity_window")] +
                [f"remote/identity/{access}/{unit}" for access in ("raw", "local_of", "pin") for unit in ("word", "page")])
    check_runs(remote)
    total += len(remote)
    movers = bench.run("--benchmark_filter=^move/")
    check_movers(movers)
    total += len(movers)

    # So many iterations and no more.
    for name, run in Bench(program, []).run("--iterations=7", "--benchmark_filter=same/radix").items():
        check("/iterations:7/" in name and run["iterations"] == 7 * int(name[-1]), f"{name}: {run['iterations']}")

    print(f"{total} runs, {len(wrong)} wrong")
    sys.exit("\n".join(wrong) or 0)


main()
