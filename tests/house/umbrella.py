#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ashlar.hpp includes every freestanding header but those of remote/, remote.hpp these. With --write: makes it so."""
import sys

import tree


def wanted_by(umbrella, source):
    return sorted(str(header) for header in source.headers()
                  if tree.folder_of(header) not in tree.HOSTED and header.name not in tree.UMBRELLAS
                  and (tree.folder_of(header) == "remote") == (umbrella == "remote.hpp") and header.suffix == ".hpp")


def main():
    source = tree.Tree(sys.argv[1])
    defects, checked = [], 0
    for name in tree.UMBRELLAS:
        path, wanted = f"include/ashlar/{name}", wanted_by(name, source)
        text = source.text(path)
        if "--write" in sys.argv:
            body = "".join(f"#include <{each}>\n" for each in wanted)
            (source.root / path).write_text(text[:text.index("#include")] + body, encoding="utf-8")
            continue
        listed = [each for _, _, each in tree.includes(text)]
        defects += [f"{path}: does not include <{each}>" for each in wanted if each not in listed]
        defects += [f"{path}: should not include <{each}>" for each in listed if each not in wanted]
        checked += len(wanted)
    if "--write" not in sys.argv:
        tree.finish(defects, checked)


main()
