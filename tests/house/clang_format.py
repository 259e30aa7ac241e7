#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every C++ file is as clang-format leaves it."""
import shutil
import subprocess
import sys

import tree


def main():
    source = tree.Tree(sys.argv[1])
    # Versions differ in details; the project is formatted by Debian 12's.
    formatter = shutil.which("clang-format-14") or shutil.which("clang-format")
    if not formatter:
        print("left out: clang-format is missing")
        sys.exit(77)
    files = [str(path) for path in source.cpp_files()]
    done = subprocess.run([formatter, "--style=file", "--dry-run", "-Werror", *files], cwd=source.root,
                          capture_output=True, text=True)
    defects = [line for line in done.stderr.splitlines() if " error: " in line]
    if done.returncode and not defects:
        defects = [done.stderr]
    tree.finish(defects, len(files))


main()
