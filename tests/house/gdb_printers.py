#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""gdb_printers.py ROOT COMPILER...: gdb with cmake/gdb/ashlar.py prints gdb_values.cpp as stated here."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import tree

PRINTED = {
    "first": "frame 0x1200",
    "of_guest": "guest frame 0x10",
    "same_frame": "guest frame 0x10",
    "bank": "frames [0x1000, 0x2000), 4096",
    "nothing": "os frames [0x0, 0x0), 0",
    "answer": "double_free",
    "garbage": "errc 200",
    "seen": "double_free",
    "got": "frame 0x200",
    "failed": "error: exhausted",
    "number": "7",
    "everywhere": "all nodes",
    "two": "nodes {0, 2}",
    "nowhere": "nodes {}",
    "plain": "request",
    "of_guests": "guest request",
    "huge": "request = {order = 9, node = 1, mirror = ashlar::mirror::required}",
    "whole": "request = {order = 1, node = 0, nodes = nodes {3}, below = frame 0x100000, "
             "mirror = ashlar::mirror::preferred, mobility = ashlar::mobility::movable, urgent = true, effort = 8}",
    "nested": "{where = frame 0x40, last = ok}",
    "borrowed": "{where = frame 0x40, last = ok}",
}


def run(*command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def printed_by_gdb(source, compiler, scratch):
    """What gdb says of each variable. The program does not run: they are read from the file."""
    program, script = scratch / "values", scratch / "script"
    run(compiler, "-g", "-std=c++20", "-I", source.include, source.root / "tests/house/gdb_values.cpp", "-o", program)
    script.write_text("".join(f"output {name}\necho \\n\n" for name in PRINTED), encoding="utf-8")
    said = run("gdb", "--batch", "-nx", "-ex", "set width 0", "-ex", f"source {source.root}/cmake/gdb/ashlar.py",
               "-x", script, program)
    # A reference also shows its type and address.
    lines = [re.sub(r"^\([^)]*&\) @0x[0-9a-f]+: ", "", line) for line in said.splitlines()]
    return dict(zip(PRINTED, lines)) if len(lines) == len(PRINTED) else sys.exit(f"{compiler}: {said}")


def main():
    source = tree.Tree(sys.argv[1])
    if not shutil.which("gdb"):
        print("left out: gdb is missing")
        sys.exit(77)
    if "Python" not in run("gdb", "--batch", "-nx", "-ex", "python print('Python')"):
        print("left out: this gdb has no Python")
        sys.exit(77)
    compilers = sorted({shutil.which(name) for name in sys.argv[2:]} - {None})
    defects = []
    for compiler in compilers:
        with tempfile.TemporaryDirectory() as scratch:
            printed = printed_by_gdb(source, compiler, pathlib.Path(scratch))
        defects += [f"{compiler}: {name} is {printed[name]}, not {wanted}" for name, wanted in PRINTED.items()
                    if printed[name] != wanted]
    tree.finish(defects, len(compilers) * len(PRINTED))


main()
