# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""workloads.py ROOT ASHLAR_BENCH PEER.so...: every workload runs for every source, contract and peer, under the names
that are promised, and none loses a frame."""
import json
import pathlib
import subprocess
import sys


def expected(peers):
    subjects = ["radix/exclusive", "radix/shared", "radix/direct", "list/exclusive", "list/shared", "list/locked"]
    subjects += ["peer:" + pathlib.Path(peer).stem for peer in peers]
    for subject in subjects:
        for threads in (1, 2):
            for order in (0, 3, 9):
                for workload in ("bulk", "same", "random"):
                    yield f"{workload}/{subject}/order:{order}/threads:{threads}"
                for load in (50, 90):
                    yield f"churn/{subject}/order:{order}/load:{load}/threads:{threads}"
            yield f"mixed/{subject}/threads:{threads}"
        yield f"handover/{subject}/order:0/threads:2"
        yield f"trace/{subject}/threads:1"


def main():
    root, bench, *peers = sys.argv[1:]
    trace = pathlib.Path(root) / "tests/data/traces/linux-6.18-compile-head.perf-script.txt.xz"
    words = [bench, "--memory", "64M", f"--trace={trace}", "--benchmark_repetitions=1", "--benchmark_min_time=0.001",
             "--benchmark_display_aggregates_only=false", "--benchmark_format=json", "--benchmark_filter=threads"]
    for peer in peers:
        words += ["--peer", peer]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        sys.exit(f"exit status {done.returncode}\n{done.stderr}")
    runs = {run["run_name"]: run for run in json.loads(done.stdout)["benchmarks"]}
    wrong = [f"{name}: {run['error_message']}" for name, run in runs.items() if "error_message" in run]
    wanted = set(expected(peers))
    wrong += [f"{name}: is missing" for name in sorted(wanted - set(runs))]
    wrong += [f"{name}: nobody asked for it" for name in sorted(set(runs) - wanted)]
    wrong += [f"{name}: took no time" for name, run in runs.items() if run.get("cpu_time", 1) <= 0]
    for name in ("bulk", "random"):
        run = runs.get(f"{name}/radix/shared/order:3/threads:2", {})
        if not (run.get("allocate_ns", 0) > 0 and run.get("free_ns", 0) > 0):
            wrong.append(f"{name}: does not tell allocations and frees apart")
    print(f"{len(runs)} runs, {len(wrong)} wrong")
    sys.exit("\n".join(wrong) or 0)


main()
