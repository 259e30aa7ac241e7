#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""check.py ROOT libc|nolibc COMPILER FLAGS...: everything.cpp compiles freestanding and needs next to nothing.

nolibc: libstdc++'s headers, the compiler's own, and nolibc/features.h are all there is on the include path.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

FREESTANDING = ["-std=c++20", "-O2", "-ffreestanding", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]

# What a compiler may call on its own, and every embedding has or links from libgcc. Never an __atomic_* call.
ALLOWED = re.compile("|".join([
    "mem(cpy|move|set|cmp)",
    "__(popcount|clz|ctz|ffs|parity|bswap)[sdt]i2",
    "__(ashl|ashr|lshr|mul)[sdt]i3",
    "__u?(div|mod)[sdt]i3", "__u?divmod[sdt]i4", "__u?cmp[sdt]i2",
    "__aeabi_(mem(cpy|move|set|clr)[48]?|u?l?div(mod)?|u?idiv(mod)?|u?ldivmod|l(lsl|lsr|asr|mul))",
]))


def fail(reason, status=1):
    print(reason)
    sys.exit(status)


def output(*command):
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        fail(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def libstdcxx_folders():
    """Where g++ finds C++ headers: .../c++/12 and its configuration."""
    said = output("g++", "-E", "-v", "-x", "c++", "/dev/null")
    listed = said[said.index("#include <...>"):said.index("End of search list")]
    return [line.strip() for line in listed.splitlines() if "c++" in line and not line.strip().endswith("backward")]


def include_path(libc, compiler, folder):
    if libc == "libc":
        return []
    system = [folder / "nolibc", *libstdcxx_folders()]
    if "clang" in compiler:
        switches = ["-nostdinc++", "-nostdlibinc"]
    else:
        switches = ["-nostdinc"]
        system.append(output(compiler, "-print-file-name=include").strip())
    return switches + [part for path in system for part in ("-isystem", path)]


def main():
    root, libc, compiler, *flags = sys.argv[1:]
    folder = pathlib.Path(root) / "tests" / "freestanding"
    if not shutil.which(compiler):
        fail(f"left out: {compiler} is missing", 77)
    with tempfile.TemporaryDirectory() as scratch:
        built = pathlib.Path(scratch) / "everything.o"
        output(compiler, *FREESTANDING, *WARNINGS, *flags, *include_path(libc, compiler, folder),
               "-I", pathlib.Path(root) / "include", "-c", folder / "everything.cpp", "-o", built)
        listed = output(shutil.which("nm") or "llvm-nm", "-p", built)
    symbols = [line.split() for line in listed.splitlines() if line.strip()]
    needed = sorted(name for *_, kind, name in symbols if kind == "U")
    defined = sum(kind in "TW" for *_, kind, name in symbols)
    wrong = [name for name in needed if not ALLOWED.fullmatch(name)]
    print(f"{defined} functions; needs: {' '.join(needed) or 'nothing'}")
    if not defined:
        fail("everything.cpp instantiates nothing")
    if wrong:
        fail(f"not allowed: {' '.join(wrong)}")


main()
