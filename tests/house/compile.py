#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""compile.py ROOT MODE COMPILER...: compiles the headers as users might.

alone      every header is a translation unit of its own, warnings as errors; in long runs with each compiler: what one
           of them lacks, it lacks with both, whose standard library is the same (by day the first, which reads faster)
linked     two translation units with every header in both link into one program and agree on its addresses
gnu        all headers with -std=gnu++20, where `linux` and `unix` are macros
cost       each umbrella compiles in at most 1.5e9 instructions: 0.5 s at three a nanosecond, whatever else the machine
           does; in long runs with each compiler
"""
import itertools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import tree

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
INSTRUCTION_LIMIT = 1_500_000_000


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    return None if done.returncode == 0 else f"{' '.join(map(str, command))}\n{done.stderr}"


def unit(scratch, name, headers, rest=""):
    path = scratch / name
    path.write_text("".join(f"#include <{header}>\n" for header in headers) + rest, encoding="utf-8")
    return path


def alone(source, compilers, scratch):
    jobs = []
    for number, header in enumerate(source.headers()):
        # Twice: #pragma once must hold.
        path = unit(scratch, f"{number}.cpp", [header, header])
        jobs += [[compiler, "-std=c++20", *WARNINGS, "-I", source.include, "-fsyntax-only", path]
                 for compiler in compilers]
    return [failure for failure in map(run, jobs) if failure], len(jobs)


def linked(source, compilers, scratch):
    # Addresses of inline entities must be the same in both units.
    probe = "const void* {}() {{ return &ashlar::version_major; }}\n"
    first = unit(scratch, "first.cpp", source.headers(), probe.format("first"))
    second = unit(scratch, "second.cpp", source.headers(), probe.format("second") +
                  "const void* first();\nint main() { return first() == second() ? 0 : 1; }\n")
    failures = []
    for compiler in compilers:
        program = scratch / "program"
        failures.append(run([compiler, "-std=c++20", "-O0", "-I", source.include, first, second, "-o", program])
                        or run([program]))
    return [failure for failure in failures if failure], len(failures)


def gnu(source, compilers, scratch):
    path = unit(scratch, "gnu.cpp", source.headers(), "static_assert(linux == 1, \"extensions are on\");\n")
    failures = [run([compiler, "-std=gnu++20", *WARNINGS, "-I", source.include, "-fsyntax-only", path])
                for compiler in compilers]
    return [failure for failure in failures if failure], len(failures)


def cost(source, compilers, scratch):
    if not shutil.which("valgrind"):
        print("left out: no valgrind, which counts the instructions")
        sys.exit(77)
    failures = []
    for compiler, name in itertools.product(compilers, tree.UMBRELLAS):
        path = unit(scratch, "umbrella.cpp", [f"ashlar/{name}"])
        command = [compiler, "-std=c++20", "-O2", "-I", source.include, "-c", path, "-o", scratch / "umbrella.o"]
        done = subprocess.run(["valgrind", "--tool=cachegrind", "--cache-sim=no", "--trace-children=yes",
                               "--cachegrind-out-file=/dev/null", *command], capture_output=True, text=True)
        counts = re.findall(r"I\s+refs:\s+([\d,]+)", done.stderr)  # of the compiler and of what it calls
        instructions = sum(int(count.replace(",", "")) for count in counts)
        print(f"{compiler}: <ashlar/{name}> in {instructions / 1e9:.2f}e9 instructions, "
              f"at most {INSTRUCTION_LIMIT / 1e9}e9")
        if done.returncode or not counts:
            failures.append(done.stderr)
        elif instructions > INSTRUCTION_LIMIT:
            failures.append(f"{compiler}: too much to compile")
    return failures, len(compilers) * len(tree.UMBRELLAS)


def main():
    source = tree.Tree(sys.argv[1])
    mode = {"alone": alone, "linked": linked, "gnu": gnu, "cost": cost}[sys.argv[2]]
    compilers = sorted({shutil.which(name) for name in sys.argv[3:]} - {None})
    if not os.environ.get("ASHLAR_LONG"):
        compilers = {"alone": compilers[:1], "cost": compilers[-1:]}.get(sys.argv[2], compilers)
    with tempfile.TemporaryDirectory() as scratch:
        tree.finish(*mode(source, compilers, pathlib.Path(scratch)))


main()
