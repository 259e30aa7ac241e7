#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""readme_tables.py BENCH | --size: measures, and writes the tables of README.md anew.

BENCH is the program ashlar-bench (it runs for some minutes) or the JSON file that it wrote. --size writes only the
table of code sizes, see size_table.py (some minutes too; targets whose compiler is missing are left out, and named). What
stands between <!-- table NAME --> and <!-- end --> in README.md is replaced.
"""
import datetime
import json
import pathlib
import re
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True
import size_table  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent


def output(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True,
                          env={"LC_ALL": "C", "PATH": "/usr/bin:/bin:/usr/local/bin"}).stdout


def markdown(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]


def processor():
    info = pathlib.Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.exists() else ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    guest = " (a virtual machine)" if re.search(r"^flags\b.*\bhypervisor\b", text, re.MULTILINE) else ""
    return (model.group(1) if model else "unknown processor") + guest


class Runs:
    """What ashlar-bench measured: medians by name, over the repetitions."""

    def __init__(self, report):
        self.context = report["context"]
        self.runs = {}
        for run in report["benchmarks"]:
            if run["run_type"] == "iteration":
                if "error_message" in run:
                    raise SystemExit(f"{run['run_name']}: {run['error_message']}")
                self.runs.setdefault(run["run_name"], []).append(run)
        if not self.runs:
            raise SystemExit("no single runs in the report: --benchmark_report_aggregates_only hides them")

    def median(self, name, figure):
        return statistics.median(run[figure] for run in self.runs[name])

    def spread(self, name, figure):
        """Half the distance of the quartiles, as a share of the median."""
        values = [run[figure] for run in self.runs[name]]
        quartiles = statistics.quantiles(values, n=4)
        return (quartiles[2] - quartiles[0]) / 2 / self.median(name, figure)

    def __iter__(self):
        return iter(self.runs)

    def conditions(self):
        repetitions = max(len(runs) for runs in self.runs.values())
        day = datetime.date.fromisoformat(self.context["date"][:10])
        return (f"{processor()}, {self.context['num_cpus']} CPUs; {self.context['compiler']}; {day}; median of "
                f"{repetitions}, in CPU time; load average at the start {self.context['load_avg'][0]:.1f}.")


def boot_table(runs):
    rows = [["machine", "time to boot", "zones", "metadata", "bits a frame (radix words)"]]
    for name in runs:
        if name.startswith("boot/"):
            rows.append([f"`{name}`", f"{runs.median(name, 'cpu_time'):.2f} ms", f"{runs.median(name, 'zones'):.0f}",
                         f"{runs.median(name, 'metadata_bytes') / 2**20:.2f} MiB",
                         f"{runs.median(name, 'bits_per_frame'):.4f}"])
    return markdown(rows) + ["", runs.conditions()]


def speed_table(runs):
    """Rows: workload and parameters. Columns: source and contract, or peer."""
    figures = {}
    for name in runs:
        found = re.fullmatch(r"(\w+)/(peer:[^/]+|\w+/\w+)(/.+)?/threads:(\d+)", name)
        if not found:
            continue
        workload, subject, parameters, threads = found.groups(default="")
        row = figures.setdefault(f"`{workload}{parameters}`, {threads} thread{'s' if threads != '1' else ''}", {})
        row[subject] = f"{runs.median(name, 'cpu_time'):.0f}"
    subjects = list(dict.fromkeys(subject for row in figures.values() for subject in row))
    rows = [["ns", *(f"`{subject}`" for subject in subjects)]]
    rows += [[name] + [row.get(subject, "") for subject in subjects] for name, row in figures.items()]
    spread = statistics.median(runs.spread(name, "cpu_time") for name in runs)
    return markdown(rows) + ["", f"{runs.conditions()} Spread of the repetitions: ± {100 * spread:.0f} % (median)."]


def replace(text, name, lines):
    pattern = re.compile(rf"(<!-- table {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"README.md has no table {name}")
    return pattern.sub(lambda found: found.group(1) + "\n" + "\n".join(lines) + "\n\n" + found.group(2), text)


def report_of(bench):
    if bench.suffix == ".json":
        return json.loads(bench.read_text(encoding="utf-8"))
    return json.loads(output(bench, "--trace", ROOT / "tests/data/traces/linux-6.18-compile-350k.tsv.xz",
                             "--benchmark_format=json", "--benchmark_display_aggregates_only=false"))


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    tables = {}
    if sys.argv[1] != "--size":
        runs = Runs(report_of(pathlib.Path(sys.argv[1]).resolve()))
        tables = {"boot": boot_table(runs), "speed": speed_table(runs)}
    tables["size"] = markdown(size_table.size_rows())
    # Read late: measuring takes minutes.
    page = ROOT / "README.md"
    text = page.read_text(encoding="utf-8")
    for name, lines in tables.items():
        text = replace(text, name, lines)
    page.write_text(text, encoding="utf-8")


main()
