# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the tests of ashlar-lab share: they run the program and read what it writes."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

SHARES = ("mirrored_kernel_share", "local_share", "whole_blocks_share", "pinned_blocks_share",
          "compacted_blocks_share")
KEYS = ["composition", "ns_per_event", "mirrored_kernel_share", "local_share", "fallbacks", "failures",
        "whole_blocks_share", "pinned_blocks_share", "compacted_blocks_share", "compaction_moves"]


class Lab:
    def __init__(self, root, program):
        self.program = program
        self.firmware = pathlib.Path(root, "tests/data/firmware")
        self.traces = pathlib.Path(root, "tests/data/traces")
        self.compact = self.traces / "linux-6.18-compile-350k.tsv.xz"
        self.perf_script = self.traces / "linux-6.18-compile-head.perf-script.txt.xz"

    def run(self, *words, env=None, cwd=None):
        return subprocess.run([self.program, *map(str, words)], capture_output=True, text=True, env=env, cwd=cwd)

    def json(self, *words):
        """(what --json wrote, what was printed)"""
        with tempfile.TemporaryDirectory() as scratch:
            path = pathlib.Path(scratch, "out.json")
            done = self.run(*words, "--json", path)
            check(done.returncode == 0, f"{words} returns {done.returncode}: {done.stderr}")
            return json.loads(path.read_text(encoding="ascii")), done.stdout

    def tables(self, name, *maps):
        """Inputs of a machine of tests/data/firmware: maps, SRAT, SLIT."""
        return [self.firmware / name / file for file in (*maps, "SRAT.dat", "SLIT.dat")]


def check(truth, what):
    if not truth:
        sys.exit(f"WRONG: {what}")


def same(got, expected, what):
    check(got == expected, f"{what}: {got}, not {expected}")


def unpacked(path):
    """The bytes of an .xz file; ends the test as left out where there is no xz."""
    if not shutil.which("xz"):
        print("left out: xz is missing")
        sys.exit(77)
    return subprocess.run(["xz", "-dc", path], capture_output=True, check=True).stdout


def without_time(replay):
    """The figures that are the same in every run."""
    return [{key: value for key, value in row.items() if key != "ns_per_event"} for row in replay["compositions"]]
