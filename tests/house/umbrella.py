#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ashlar.hpp includes every freestanding header. With --write: makes it so."""
import sys

import tree

UMBRELLA = "include/ashlar/ashlar.hpp"


def main():
    source = tree.Tree(sys.argv[1])
    wanted = sorted(str(header) for header in source.headers()
                    if tree.folder_of(header) not in tree.HOSTED and header.name != "ashlar.hpp"
                    and header.suffix == ".hpp")
    text = source.text(UMBRELLA)
    listed = [name for _, _, name in tree.includes(text)]
    if "--write" in sys.argv:
        head = text[:text.index("#include")]
        body = "".join(f"#include <{name}>\n" for name in wanted)
        (source.root / UMBRELLA).write_text(head + body, encoding="utf-8")
        return
    defects = [f"{UMBRELLA}: does not include <{name}>" for name in wanted if name not in listed]
    defects += [f"{UMBRELLA}: should not include <{name}>" for name in listed if name not in wanted]
    tree.finish(defects, len(wanted))


main()
