#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""clang-tidy (.clang-tidy) finds nothing in the headers: one unit that includes and instantiates all of them.

Its static analyzer (clang-analyzer-*) follows calls as far as it does by default in long runs; by day not so far, which
takes a third of the time.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import tree


def main():
    source = tree.Tree(sys.argv[1])
    tidy = shutil.which("clang-tidy-14") or shutil.which("clang-tidy")
    if not tidy:
        print("left out: clang-tidy is missing")
        sys.exit(77)
    reach = [] if os.environ.get("ASHLAR_LONG") else ["-Xclang", "-analyzer-config", "-Xclang", "mode=shallow"]
    with tempfile.TemporaryDirectory() as scratch:
        hosted_too = pathlib.Path(scratch) / "headers.hpp"
        hosted_too.write_text("".join(f"#include <{header}>\n" for header in source.headers()), encoding="utf-8")
        done = subprocess.run(
            [tidy, "--quiet", f"--config-file={source.root}/.clang-tidy", "--warnings-as-errors=*",
             f"--header-filter={re.escape(str(source.include))}/", source.root / "tests/freestanding/everything.cpp",
             "--", "-std=c++20", "-I", source.include, "-include", hosted_too, *reach],
            capture_output=True, text=True)
    defects = [line for line in done.stdout.splitlines() if re.search(r" (error|warning): ", line)]
    if done.returncode and not defects:
        defects = [done.stderr]
    tree.finish(defects, len(source.headers()))


main()
