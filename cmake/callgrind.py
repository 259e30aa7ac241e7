# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Instructions that a program executes, by Valgrind's callgrind: how many, how many of them are atomic
read-modify-writes, and which lines they come from.

Source of the format: Valgrind, Callgrind Format Specification (manual, section "Callgrind Format Specification").
"""
import collections
import functools
import pathlib
import platform
import re
import shutil
import subprocess
import tempfile

POSITION = re.compile(r"(\*|[+-]?(?:0x)?[0-9a-f]+) (\*|[+-]?\d+) (\d+)")
FILE = re.compile(r"(c?)(ob|fl|fi|fe)=\((\d+)\)(?: (.*))?")


class Missing(Exception):
    """A program that is not installed."""


class Counts:
    """What was executed: `by_place[object, address, file, line]` is how often."""

    def __init__(self, text=""):
        self.by_place = collections.Counter()
        names = {"ob": {}, "fl": {}}
        current = {"ob": "", "fl": ""}
        address = line = 0
        calls = False
        for row in text.splitlines():
            if row.startswith("calls="):
                calls = True  # the next line is what was called, which has lines of its own
            elif found := FILE.fullmatch(row):
                of_callee, kind, number, name = found.groups()
                kind = "ob" if kind == "ob" else "fl"
                if name is not None:
                    names[kind][number] = name
                if not of_callee:
                    current[kind] = names[kind][number]
            elif found := POSITION.fullmatch(row):
                address, line = step(address, found[1], 16), step(line, found[2], 10)
                if not calls:
                    self.by_place[current["ob"], address, current["fl"], line] += int(found[3])
                calls = False

    def __sub__(self, other):
        more = Counts()
        more.by_place.update(self.by_place)
        more.by_place.subtract(other.by_place)
        return more

    @property
    def instructions(self):
        return sum(self.by_place.values())

    def atomics(self, negligible=0):
        """Atomic read-modify-writes, but for objects of which no more instructions than `negligible` were executed. None
        where it is not known which they are."""
        if platform.machine() != "x86_64":
            return None
        of_objects = collections.Counter()
        for (program, _, _, _), count in self.by_place.items():
            of_objects[program] += abs(count)
        return sum(count for (program, address, _, _), count in self.by_place.items()
                   if of_objects[program] > negligible and address in atomics_of(program))

    def by_line(self):
        lines = collections.Counter()
        for (_, _, file, line), count in self.by_place.items():
            lines[file, line] += count
        return lines


def step(before, text, base):
    """A position: as before, so much further, or by itself."""
    if text == "*":
        return before
    if text[0] in "+-":
        return before + int(text, 0 if "x" in text else 10)
    return int(text, base)


@functools.cache
def atomics_of(program):
    """Addresses of the atomic read-modify-writes of a program or library of x86-64: instructions with a lock prefix, and
    exchanges with memory, which need none."""
    if not program or not pathlib.Path(program).exists():
        return frozenset()
    listing = output("objdump", "--disassemble", "--no-show-raw-insn", program)
    found = re.findall(r"^\s*([0-9a-f]+):\s+(?:lock\b|xchg\s+[^\n]*\()", listing, re.MULTILINE)
    return frozenset(int(address, 16) for address in found)


def output(*command, environment=None):
    if not shutil.which(command[0]):
        raise Missing(command[0])
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stderr}")
    return done.stdout


def run(command, environment, inside=None):
    """Counts of a run; with `inside`, a pattern of a function's name, only of what runs inside it."""
    with tempfile.TemporaryDirectory() as scratch:
        written = pathlib.Path(scratch, "counts")
        words = ["valgrind", "--quiet", "--tool=callgrind", "--dump-instr=yes", "--dump-line=yes",
                 f"--callgrind-out-file={written}"]
        if inside:
            words.append(f"--toggle-collect={inside}")
        output(*words, *command, environment=environment)
        return Counts(written.read_text(encoding="utf-8", errors="replace"))
