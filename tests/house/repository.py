#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rules for every file: licence line, nothing tied to one machine, the layout of the top level."""
import re
import sys

import tree

LICENCE = "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"
SOURCES = tree.CPP | {".py", ".sh", ".cmake", ".S", ".ld", ".yml", ".yaml"}
SOURCE_NAMES = {"CMakeLists.txt", "run", ".clang-tidy"}
TOP = {"CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE", "include", "examples", "bench", "tests", "cmake"}
# In pieces, so that this file passes its own check.
FORBIDDEN = {
    "a path of one machine": re.compile("(?<![\\w.])/(?:ro" + "ot|ho" + "me|wo" + "rk|Us" + "ers)/"),
    "a package registry's host": re.compile("deb\\." + "debian\\.org|registry\\." + "npmjs|py" + "pi\\.org"),
    "a merge's leftover": re.compile("^(?:<{7}|>{7}) ", re.MULTILINE),
}


def check(source, path):
    if not path.parts[0].startswith(".") and path.parts[0] not in TOP:
        yield "not part of the top level's layout"
    try:
        text = source.text(path)
    except UnicodeDecodeError:
        return  # binary test data
    if (path.suffix in SOURCES or path.name in SOURCE_NAMES) and LICENCE not in "\n".join(text.split("\n", 3)[:3]):
        yield f"does not begin with {LICENCE}"
    # Logs and tables of real machines may say anything.
    if path.suffix in SOURCES | {".md", ".json"} or path.name in SOURCE_NAMES:
        for what, pattern in FORBIDDEN.items():
            for match in pattern.finditer(text):
                yield f"line {text.count(chr(10), 0, match.start()) + 1}: {what}"


def main():
    source = tree.Tree(sys.argv[1])
    files = source.files()
    tree.finish([f"{path}: {what}" for path in files for what in check(source, path)], len(files))


main()
