# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What ashlar-bench measured: run once, kept as JSON in a folder, read from there again."""
import collections
import datetime
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Room for what some allocators keep for each thread (jemalloc does).
ENVIRONMENT = {**os.environ, "LC_ALL": "C", "GLIBC_TUNABLES": "glibc.rtld.optional_static_tls=16384"}

Name = collections.namedtuple("Name", "workload subject order load memory threads")
NAME = re.compile(r"(?P<workload>\w+)/(?P<subject>peer:[^/]+|\w+/\w+)(?:/order:(?P<order>\d+))?(?:/load:(?P<load>\d+))?"
                  r"(?:/memory:(?P<memory>\w+))?(?:/iterations:\d+)?(?:/manual_time)?/threads:(?P<threads>\d+)")
SUBJECTS = ["radix/exclusive", "radix/guarded", "radix/shared", "radix/direct", "list/exclusive", "list/shared",
            "list/locked", "zone/exclusive", "machine/exclusive"]


def parse(name):
    """The parts of a benchmark's name; None if it is no workload."""
    found = NAME.fullmatch(name)
    if not found:
        return None
    number = {part: int(found[part]) if found[part] else None for part in ("order", "load", "threads")}
    return Name(found["workload"], found["subject"], number["order"], number["load"], found["memory"], number["threads"])


def processor():
    info = pathlib.Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.exists() else ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    guest = " (a virtual machine)" if re.search(r"^flags\b.*\bhypervisor\b", text, re.MULTILINE) else ""
    return (model.group(1) if model else "unknown processor") + guest


class Runs:
    """Repetitions by benchmark; `errors` has what could not be run, and why."""

    def __init__(self, report):
        self.context = report["context"]
        self.processor = report.get("processor", "unknown processor")
        self.errors = {}
        self.runs = {}
        for run in report["benchmarks"]:
            if run["run_type"] != "iteration":
                continue
            if "error_message" in run:
                self.errors[run["run_name"]] = run["error_message"]
            else:
                self.runs.setdefault(run["run_name"], []).append(run)
        if not self.runs:
            raise SystemExit("no single runs in the report: --benchmark_report_aggregates_only hides them")
        self.parsed = {parsed: name for name in self.runs if (parsed := parse(name))}

    def find(self, workload, subject, order=None, load=None, memory=None, threads=1):
        """The name of that benchmark, or None."""
        return self.parsed.get(Name(workload, subject, order, load, memory, threads))

    def values(self, name, figure):
        return [run[figure] for run in self.runs[name] if figure in run]

    def median(self, name, figure="cpu_time"):
        """None if there is no such benchmark, or it has no such figure."""
        values = self.values(name, figure) if name in self.runs else []
        return statistics.median(values) if values else None

    def least(self, name, figure):
        values = self.values(name, figure) if name in self.runs else []
        return min(values) if values else None

    def spread(self, name):
        """Half the distance of the quartiles of the time, as a share of the median."""
        times = self.values(name, "cpu_time")
        if len(times) < 2:
            return 0.0
        quartiles = statistics.quantiles(times, n=4)
        return (quartiles[2] - quartiles[0]) / 2 / self.median(name)

    def subjects(self):
        """Ashlar's, with what is fastest first, then peers."""
        found = dict.fromkeys(parsed.subject for parsed in self.parsed)
        return [*(subject for subject in SUBJECTS if subject in found),
                *sorted(subject for subject in found if subject not in SUBJECTS)]

    def conditions(self):
        repetitions = max(len(runs) for runs in self.runs.values())
        day = datetime.date.fromisoformat(self.context["date"][:10])
        spreads = [self.spread(name) for name in self.runs]
        return (f"{self.processor}, {self.context['num_cpus']} CPUs; {self.context['compiler']}; {day}; median of "
                f"{repetitions}, in CPU time of a thread; spread (half the quartiles' distance) "
                f"± {100 * statistics.median(spreads):.0f} % in the middle, ± {100 * max(spreads):.0f} % at most; load "
                f"average at the start {self.context['load_avg'][0]:.1f}.")


class Results:
    """The reports of one folder; what is missing is measured."""

    def __init__(self, folder, bench, repetitions, min_time):
        self.folder, self.bench, self.repetitions, self.min_time = pathlib.Path(folder), bench, repetitions, min_time

    def path(self, name):
        return self.folder / f"{name}.json"

    def runs(self, name, *words, repetitions=None, interleaved=True):
        """ashlar-bench with these words. Repetitions of all benchmarks are mixed, unless each benchmark prepares what the
        next one needs: so what else the machine does meets all of them alike."""
        path = self.path(name)
        if not path.exists():
            unfinished = path.with_suffix(".unfinished")
            command = [self.bench, f"--benchmark_out={unfinished}", f"--benchmark_min_time={self.min_time}",
                       f"--benchmark_repetitions={repetitions or self.repetitions}",
                       f"--benchmark_enable_random_interleaving={str(interleaved).lower()}", *words]
            print(f"measuring: {name}", file=sys.stderr, flush=True)
            done = subprocess.run([str(word) for word in command], env=ENVIRONMENT, stdout=sys.stderr, check=False)
            if done.returncode:
                raise SystemExit(f"{' '.join(map(str, command))}: exit status {done.returncode}")
            report = json.loads(unfinished.read_text(encoding="utf-8"))
            report["processor"] = processor()
            path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
            unfinished.unlink()
        found = Runs(json.loads(path.read_text(encoding="utf-8")))
        for benchmark, error in found.errors.items():
            print(f"{benchmark}: {error}", file=sys.stderr)
        return found

    def other(self, name, measure):
        """What `measure()` gives, which is for JSON."""
        path = self.path(name)
        if not path.exists():
            print(f"measuring: {name}", file=sys.stderr, flush=True)
            path.write_text(json.dumps(measure(), indent=1) + "\n", encoding="utf-8")
        return json.loads(path.read_text(encoding="utf-8"))
