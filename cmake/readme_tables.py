#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""readme_tables.py BENCH: measures, and writes the tables of README.md anew.

BENCH is the program ashlar-bench (it runs for some minutes) or the JSON file that it wrote. The sizes are those of
objects that each compiler at hand makes of three compositions, without a libc. What stands between
<!-- table NAME --> and <!-- end --> in README.md is replaced.
"""
import datetime
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

COMMON = ["-std=c++20", "-ffreestanding", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics",
          "-fno-asynchronous-unwind-tables", "-Wall", "-Wextra", "-Werror", "-I", ROOT / "include"]
TARGETS = {
    "x86-64": {
        "g++": ["-m64", "-mno-red-zone", "-mgeneral-regs-only", "-fno-pie"],
        "clang++": ["--target=x86_64-linux-gnu", "-mno-red-zone", "-mno-sse", "-mno-mmx", "-msoft-float"],
    },
    "riscv64": {
        "riscv64-linux-gnu-g++": ["-march=rv64gc", "-mabi=lp64d", "-mcmodel=medany"],
        "clang++": ["--target=riscv64-linux-gnu", "-march=rv64gc", "-mabi=lp64d", "-mcmodel=medany"],
    },
}

VERBS = """
constinit composed memory;
extern "C" std::uint64_t take(unsigned order, std::uint16_t node) {
    const auto got = memory.allocate({.order = order, .node = node});
    return got ? got->number : 0;
}
extern "C" unsigned give(std::uint64_t first, unsigned order) {
    return static_cast<unsigned>(memory.free({first}, order));
}
"""
ONE_RANGE = """
extern "C" unsigned start(std::uint64_t first, std::uint64_t count, composed::word* words, std::size_t size) {
    const auto answer = memory.attach({{first}, count}, {words, size}, ashlar::start::fresh);
    return static_cast<unsigned>(answer == ashlar::errc::ok ? memory.online({{first}, count}) : answer);
}
"""
MACHINE = """
extern "C" unsigned start(const std::byte* tables, const std::size_t* sizes, std::byte* metadata, std::size_t size) {
    ashlar::memory_entry entries[256];
    ashlar::memory_map map{entries};
    ashlar::defect found[32];
    ashlar::defects defects{found};
    ashlar::topology nodes;
    (void)ashlar::read_uefi({tables, sizes[0]}, 48, map, defects);
    (void)ashlar::read_srat({tables + sizes[0], sizes[1]}, map, nodes, defects);
    (void)ashlar::read_slit({tables + sizes[0] + sizes[1], sizes[2]}, nodes, defects);
    return static_cast<unsigned>(memory.boot(map, nodes, {metadata, size}));
}
"""
# What it is, and a unit with these three functions: start, take, give.
COMPOSITIONS = {
    "`radix_buddy`, one range": "using composed = ashlar::radix_buddy<ashlar::platform>;" + VERBS + ONE_RANGE,
    "`locked<list_buddy>`, one range":
        "using composed = ashlar::locked<ashlar::list_buddy<ashlar::platform>>;" + VERBS + ONE_RANGE,
    "a machine of `cpu_rows<counted<radix_buddy>>` zones, UEFI, SRAT and SLIT readers":
        "using composed = ashlar::physical_memory<ashlar::zone<ashlar::cpu_rows<ashlar::counted<"
        "ashlar::radix_buddy<ashlar::platform>>>>>;" + VERBS + MACHINE,
}


def output(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True,
                          env={"LC_ALL": "C", "PATH": "/usr/bin:/bin:/usr/local/bin"}).stdout


def version(compiler):
    first = output(compiler, "--version").splitlines()[0]
    number = re.findall(r"\b\d+\.\d+\.\d+\b", first)[0]
    return ("Clang " if "clang" in first else "GCC ") + number


def text_size(unit, compiler, flags):
    with tempfile.TemporaryDirectory() as scratch:
        built = pathlib.Path(scratch) / "unit.o"
        output(compiler, *COMMON, *flags, "-c", unit, "-o", built)
        sections = [line.split() for line in output("size", "-A", built).splitlines()]
    return sum(int(part[1]) for part in sections if part and part[0].startswith(".text"))


def size_table():
    columns = [(target, compiler, flags) for target, compilers in TARGETS.items()
               for compiler, flags in compilers.items() if shutil.which(compiler)]
    rows = [["bytes of code, `-Os` / `-O2`"] + [f"{target}, {version(compiler)}" for target, compiler, _ in columns]]
    with tempfile.TemporaryDirectory() as scratch:
        unit = pathlib.Path(scratch) / "unit.cpp"
        for name, text in COMPOSITIONS.items():
            unit.write_text("#include <ashlar/ashlar.hpp>\n" + text, encoding="utf-8")
            sizes = [[text_size(unit, compiler, [level, *flags]) for level in ("-Os", "-O2")]
                     for _, compiler, flags in columns]
            rows.append([name] + [f"{small:,} / {fast:,}" for small, fast in sizes])
    return markdown(rows)


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


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    bench = pathlib.Path(sys.argv[1]).resolve()
    if bench.suffix == ".json":
        report = json.loads(bench.read_text(encoding="utf-8"))
    else:
        report = json.loads(output(bench, "--trace", ROOT / "tests/data/traces/linux-6.18-compile-350k.tsv.xz",
                                   "--benchmark_format=json", "--benchmark_display_aggregates_only=false"))
    runs = Runs(report)
    page = ROOT / "README.md"
    text = page.read_text(encoding="utf-8")
    text = replace(text, "boot", boot_table(runs))
    text = replace(text, "speed", speed_table(runs))
    text = replace(text, "size", size_table())
    page.write_text(text, encoding="utf-8")


main()
