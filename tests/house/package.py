#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""package.py ROOT BUILD CMAKE COMPILER: what `cmake --install` leaves is enough for a consumer.

The consumer compiles as gnu++20; it is built against the installed package and with add_subdirectory, where none of
the project's own targets, options and flags may show.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import tree


def run(command, **more):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, env={**os.environ, "LC_ALL": "C"}, **more)
    if done.returncode:
        print(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.returncode == 0


def main():
    source = tree.Tree(sys.argv[1])
    build, cmake, compiler = sys.argv[2:5]
    consumer = source.root / "tests" / "house" / "consumer"
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        defects = []
        if not run([cmake, "--install", build, "--prefix", scratch / "prefix"]):
            defects.append("cmake --install fails")
        ways = {"find_package": [f"-DCMAKE_PREFIX_PATH={scratch / 'prefix'}"],
                "add_subdirectory": [f"-DASHLAR_SOURCE={source.root}"]}
        for way, options in ways.items():
            folder = scratch / way
            good = (run([cmake, "-S", consumer, "-B", folder, f"-DCMAKE_CXX_COMPILER={compiler}", *options]) and
                    run([cmake, "--build", folder]) and run([folder / "consumer"]))
            if not good:
                defects.append(f"a consumer by {way} fails")
    tree.finish(defects, 1 + len(ways))


main()
