#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""check.py ROOT TARGET libc|nolibc|refused: the library compiles freestanding and needs next to nothing.

TARGET     one of targets.py, which says what source is compiled: everything.cpp, where nothing else is said
nolibc     optimised (-Og, in long runs -O2); libstdc++'s headers, the compiler's own, and nolibc/features.h are all there is
           on the include path
libc       not optimised (all that the optimiser would remove is there); the headers of a libc are on the path
           By day a target may be translated one way and parsed the other way: targets.py says so.
refused    wide_atomics.cpp, optimised: the allow-list finds the calls that it should find
"""
import os
import pathlib
import re
import shutil
import sys
import tempfile

import targets

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


def headers_are_as_wanted(command, libc):
    """errno.h is a libc's alone: it is there, or it is not."""
    probe = "#include <cstdint>\n#if __has_include(<errno.h>)\nhas_libc\n#endif\n"
    try:
        has_libc = "has_libc" in targets.output(*command, "-E", "-x", "c++", "-", stdin=probe)
    except targets.Failed as failed:
        raise targets.Missing(f"no C++ headers for this target\n{failed}")
    if libc and not has_libc:
        raise targets.Missing("no libc's headers for this target")
    if has_libc and not libc:
        fail("there is a libc on the include path")


def symbols_of(target, mode, root):
    """(defined functions, undefined symbols) of the object."""
    source = "wide_atomics.cpp" if mode == "refused" else target.source
    by_day = "both" if mode == "refused" or os.environ.get("ASHLAR_LONG") else target.by_day
    own_way = "plain" if mode == "libc" else "optimised"
    # A target without a mode libc has its one translation in the other one.
    plain = own_way == "plain" or (by_day == "plain" and target.libc_of is None)
    optimised = "-O2" if os.environ.get("ASHLAR_LONG") else "-Og"
    command = [target.compiler, *targets.FREESTANDING, "-O0" if plain else optimised, *WARNINGS, *target.flags,
               *targets.include_path(target, mode == "libc")]
    headers_are_as_wanted(command, mode == "libc")
    if by_day not in ("both", own_way) and target.libc_of is not None:
        targets.output(*command, "-fsyntax-only", "-I", root / "include", targets.FOLDER / source)
        print("compiles; not translated in a short run")
        sys.exit(0)
    with tempfile.TemporaryDirectory() as scratch:
        built = pathlib.Path(scratch, "object.o")
        targets.output(*command, "-I", root / "include", "-c", targets.FOLDER / source, "-o", built)
        listed = targets.output("nm" if shutil.which("nm") else "llvm-nm", "-p", built)
    symbols = [line.split() for line in listed.splitlines() if line.strip()]
    return (sum(kind in "TW" for *_, kind, name in symbols),
            sorted(name for *_, kind, name in symbols if kind == "U"))


def main():
    root, name, mode = sys.argv[1:]
    try:
        defined, needed = symbols_of(targets.TARGETS[name], mode, pathlib.Path(root))
    except targets.Missing as missing:
        fail(f"left out: {missing}", 77)
    except targets.Failed as failed:
        fail(str(failed))
    wrong = [symbol for symbol in needed if not ALLOWED.fullmatch(symbol)]
    print(f"{defined} functions; needs: {' '.join(needed) or 'nothing'}; not allowed: {' '.join(wrong) or 'none'}")
    if not defined:
        fail("nothing is instantiated")
    if mode == "refused":
        sys.exit(not wrong or not all(symbol.startswith("__atomic_") for symbol in wrong))
    sys.exit(bool(wrong))


main()
