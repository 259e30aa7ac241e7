# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""tables.py ROOT: the tables of README.md from reports that are made up, figure by figure."""
import pathlib
import sys
import tempfile

OURS, OTHER = "peer:ashlar-shared", "peer:other"


def report(times, **figures):
    """What Google Benchmark writes: `times` are the CPU times of the repetitions, by name; an error is a text."""
    benchmarks = []
    for name, values in times.items():
        if isinstance(values, str):
            benchmarks.append({"run_name": name, "run_type": "iteration", "error_occurred": True, "error_message": values})
            continue
        benchmarks += [{"run_name": name, "run_type": "iteration", "cpu_time": value, "real_time": 2 * value, **figures}
                       for value in values]
        benchmarks.append({"run_name": name, "run_type": "aggregate", "cpu_time": 1e9})
    return {"processor": "a processor", "benchmarks": benchmarks,
            "context": {"date": "2026-01-31T12:00:00+00:00", "num_cpus": 2, "compiler": "GCC 1", "load_avg": [0.25, 0, 0],
                        "trace": "some.tsv.xz"}}


def same(got, expected):
    assert got == expected, f"{got}\nnot\n{expected}"


def check_names(results):
    name = results.Name
    for text, parsed in (
            ("bulk/radix/exclusive/order:0/threads:2", name("bulk", "radix/exclusive", 0, None, None, 2)),
            ("churn/peer:a-b.c/order:9/load:90/threads:1", name("churn", "peer:a-b.c", 9, 90, None, 1)),
            ("mixed/list/locked/threads:1", name("mixed", "list/locked", None, None, None, 1)),
            ("same/peer:x/order:3/memory:16T/threads:1", name("same", "peer:x", 3, None, "16T", 1)),
            ("same/peer:x/order:3/iterations:7/threads:1", name("same", "peer:x", 3, None, None, 1)),
            ("fail/peer:x/order:3/memory:1T/iterations:1/manual_time/threads:1", name("fail", "peer:x", 3, None, "1T", 1)),
            ("boot/1TiB", None), ("remap/radix/hit/1000", None)):
        same(results.parse(text), parsed)


def check_headline(results, tables):
    runs = results.Runs(report({
        f"bulk/{OTHER}/order:0/threads:1": [60, 50, 40], f"bulk/{OURS}/order:0/threads:1": [10, 12, 11],
        f"bulk/{OURS}/order:0/threads:2": [20], f"bulk/{OTHER}/order:0/threads:2": [30],
        f"same/{OURS}/order:9/threads:1": [120.5], f"random/{OTHER}/order:0/threads:1": "refuses"}))
    same(runs.errors, {f"random/{OTHER}/order:0/threads:1": "refuses"})
    lines = tables.headline(runs, OURS)
    same(lines[:3], ["| ns, 1 / 2 threads | `peer:ashlar-shared` | `peer:other` | ratio |", "|---|---|---|---|",
                     "| `bulk 0` | 11.0 / 20.0 | 50.0 / 30.0 | 4.5 x / 1.5 x |"])
    assert "| `same 9` | 120 | - | - |" in lines, lines
    assert "| `random 0` | - | - | - |" in lines, lines
    assert lines[-1].startswith("`peer:other` to `peer:ashlar-shared`, the least ratio: 1.5 x, of `bulk 0` with 2 threads."), lines
    assert lines[-1].endswith("a processor, 2 CPUs; GCC 1; 2026-01-31; median of 3, in CPU time of a thread; spread (half the "
                              "quartiles' distance) ± 0 % in the middle, ± 20 % at most; load average at the start 0.2."), lines


def check_others(results, tables):
    runs = results.Runs(report({"trace/radix/exclusive/threads:1": [10], f"trace/{OTHER}/threads:1": [60]},
                               whole_blocks_share=0.8))
    same(tables.trace(runs)[2:4], ["| `radix/exclusive` | 10.0 | 6.0 x |", "| `peer:other` | 60.0 | 1.0 x |"])
    same(tables.placement({"rows": {"whole_blocks_share": 0.8, "pinned_blocks_share": 0.1, "compacted_blocks_share": 0.99,
                                    "compaction_moves": 1234},
                           "oracle": {"whole_blocks_share": 0.95}}, "some.tsv.xz")[2:],
         ["| `rows` | 80.0 % | 10.0 % | 99.0 %, 1,234 |", "| `oracle` | 95.0 % | - | - |"])
    runs = results.Runs(report({f"same/radix/shared/order:0/memory:{size}/threads:1": [time]
                                for size, time in (("1G", 20), ("16T", 30))}))
    same(tables.memory(runs, ["radix/shared"])[2], "| `radix/shared`, `same 0` | 20.0 | 30.0 | 1.5 x |")
    runs = results.Runs(report({"fail/radix/shared/order:3/memory:1G/iterations:1/manual_time/threads:1": [2500, 1500]},
                               next_ns=70.4, section_ns=1.25e7))
    same(tables.failing(runs, ["radix/shared"])[2], "| `radix/shared`, order 3 | 3 µs / 70 ns / 12.5 ms |")
    runs = results.Runs(report({f"churn/{OTHER}/order:0/load:50/threads:1": [5, 5]}, p9999_ns=900, worst_ns=2e9))
    same(tables.worst(runs, [OTHER])[2], "| `churn 0 at 50 %` | 900 ns / 2 s |")
    costs = {"same/radix/exclusive/order:0/threads:1": {"instructions": 50.4, "atomics": 0.0},
             f"same/{OTHER}/order:0/threads:1": {"instructions": 700, "atomics": None}}
    same(tables.instructions(costs, results.parse, {"allocate": 15})[2], "| `same 0` | 50 (0.0) | 700 (not counted) |")


def check_remap(tables, results):
    times = {"remap/remap_table/not_remapped/1000": [3], "remap/upper_bound/not_remapped/1000": [60],
             "remap/remap_table/with_writer/1000": [3.5], "remap/remap_table/hit/1000": [7], "remap/upper_bound/hit/1000": [70],
             "remap/remap_table/local/1000": [4], "remap/upper_bound/local/1000": [20],
             "remap/radix/hit/10000": [8], "remap/radix/not_remapped/10000": "refuses"}
    lines = tables.remap(results.Runs(report(times, bytes=2**19)))
    same(lines[:5], ["| ns: not remapped / hit / local | 1,000 frames | 10,000 frames |", "|---|---|---|",
                     "| `remap_table` | 3.0 / 7.0 / 4.0, 0.50 MiB | - |",
                     "| `upper_bound` | 60.0 / 70.0 / 20.0, 0.50 MiB | - |", "| `radix` | - | - / 8.0 / -, 0.50 MiB |"])
    assert lines[-1].startswith("Not remapped, `upper_bound` to `remap_table`: 20.0 x with 1,000. A writer who changes a mapping "
                                "each millisecond adds to `remap_table`, not remapped: +0.5 ns with 1,000. a processor"), lines


def check_move(tables, results):
    lines = []
    for name, speed in (("memcpy", 2e6), ("evacuation", 1.9e6)):
        lines += report({f"move/{name}/order:0": [1]}, frames_per_second=speed)["benchmarks"]
    both = {**report({}), "benchmarks": lines}
    same(tables.move(results.Runs(both))[2:4], ["| `memcpy` | 500, 100 % | - |", "| `evacuation` | 526, 95 % | - |"])


def check_remote(tables, results):
    lines = tables.remote(results.Runs({**report({}), "benchmarks": [
        *report({"remote/hit/window_cache": [12], "remote/hit/map_mutex": [30]})["benchmarks"],
        *report({"remote/identity/raw/word": [27], "remote/identity/pin/word": [32.4]}, a_word=6e-9)["benchmarks"]]}))
    same(lines[2:8], ["| `window_cache` | 12.0 | 0.40 |", "| `std::map, std::mutex` | 30.0 | 1.00 |", "",
                      "| through `identity_window` | ns a word, anywhere | of the mapping | ns a word, by pages | of the mapping |",
                      "|---|---|---|---|---|", "| the mapping itself | 6.00 | 1.00 | - | - |"])
    same(lines[8], "| `pin` | 6.00 | 1.20 | - | - |")


def check_page(readme_tables):
    with tempfile.TemporaryDirectory() as scratch:
        page = pathlib.Path(scratch, "page.md")
        page.write_text("a\n<!-- table x -->\nold\n<!-- end -->\nb\n", encoding="utf-8")
        readme_tables.write(page, [("x", ["new"])])
        same(page.read_text(encoding="utf-8"), "a\n<!-- table x -->\n\nnew\n\n<!-- end -->\nb\n")
        try:
            readme_tables.write(page, [("y", ["new"])])
        except SystemExit as error:
            same(str(error), "README.md has no table y")
        else:
            raise AssertionError("a table that is not there is written")


def check_kept(results):
    """What is in the folder is not measured again."""
    with tempfile.TemporaryDirectory() as scratch:
        kept = results.Results(scratch, "/no/such/program", 9, 0.1)
        same(kept.other("x", lambda: [1]), [1])
        same(kept.other("x", lambda: [2]), [1])


def main():
    root = pathlib.Path(sys.argv[1])
    sys.path.insert(0, str(root / "cmake"))
    import bench_results
    import readme_tables
    import speed_tables
    check_names(bench_results)
    check_headline(bench_results, speed_tables)
    check_others(bench_results, speed_tables)
    check_remap(speed_tables, bench_results)
    check_move(speed_tables, bench_results)
    check_remote(speed_tables, bench_results)
    check_page(readme_tables)
    check_kept(bench_results)
    # Each table that is made has its place.
    text = (root / "README.md").read_text(encoding="utf-8")
    for name in readme_tables.NAMES:
        assert f"<!-- table {name} -->" in text, f"README.md has no table {name}"
    print("ok")


main()
