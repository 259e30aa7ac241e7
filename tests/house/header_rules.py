#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rules that every public header keeps: standard headers, guards, macros, a comment for readers."""
import re
import sys

import tree

# They compile without a libc on every supported compiler and target (GCC 12, Clang 14); see the freestanding tests.
STANDARD = {"array", "bit", "compare", "concepts", "cstddef", "cstdint", "initializer_list", "limits", "new",
            "optional", "tuple", "type_traits", "utility", "variant", "version"}
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')


def without_comments(text):
    """Comments and strings blanked, so that line numbers stay."""
    blank = lambda match: re.sub(r"[^\n]", " ", match.group())
    return STRING.sub(blank, COMMENT.sub(blank, text))


def check(header, text):
    freestanding = tree.folder_of(header) not in tree.HOSTED
    if "#pragma once" not in text:
        yield "no #pragma once"
    if "\n///" not in text and header.name not in tree.UMBRELLAS:
        yield "no /// comment: what is it for?"
    for line, _, name in tree.includes(text):
        if freestanding and not name.startswith("ashlar/") and name not in STANDARD:
            yield f"line {line}: <{name}> does not work without a libc everywhere"
    code = without_comments(text)
    for match in re.finditer(r"^\s*#\s*(define|undef)\b.*", code, re.MULTILINE):
        yield f"line {code.count(chr(10), 0, match.start(1)) + 1}: headers define no macros"
    if re.search(r"^\s*using\s+namespace\b", code, re.MULTILINE):
        yield "a using-directive"
    if not re.search(r"\bnamespace ashlar\b", code) and header.name not in tree.UMBRELLAS and header.suffix != ".h":
        yield "nothing in namespace ashlar"


def main():
    source = tree.Tree(sys.argv[1])
    headers = source.headers()
    defects = [f"include/{header}: {what}" for header in headers
               for what in check(header, source.text("include" / header))]
    tree.finish(defects, len(headers))


main()
