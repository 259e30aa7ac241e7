#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Each folder of include/ashlar/ includes only the folders below it, by paths from the include root."""
import pathlib
import sys

import tree

ALL = {"core", "firmware", "source", "layer", "zone", "paging", "migrate", "remote", "lazy", "hotplug", "capi"}

# Folder: what it may include beside itself and version.hpp.
MAY_INCLUDE = {
    "core": set(),
    "testing": ALL,
    "firmware": {"core"},
    "source": {"core"},
    "layer": {"core", "source"},
    "zone": {"core", "firmware", "source", "layer"},
    "paging": {"core"},
    "migrate": {"core", "zone", "paging"},
    "remote": {"core", "zone"},
    "lazy": {"core", "paging"},
    "hotplug": {"core", "zone", "migrate"},
    "capi": {"core", "zone"},
    "linux_backend": ALL,
    "": ALL,  # the umbrellas
}


def main():
    source = tree.Tree(sys.argv[1])
    defects = []
    headers = source.headers()
    for header in headers:
        folder = tree.folder_of(header)
        if folder not in MAY_INCLUDE:
            defects.append(f"include/{header}: {folder}/ is not a folder of the house")
            continue
        for line, quote, name in tree.includes(source.text("include" / header)):
            where = f"include/{header}:{line}"
            included = pathlib.PurePath(name)
            if quote == '"':
                defects.append(f'{where}: "{name}": headers include by <ashlar/...>')
            elif included.parts[0] == "ashlar":
                target = tree.folder_of(included)
                umbrella = included.name in tree.UMBRELLAS and target == ""
                if umbrella and folder in tree.HOSTED:
                    continue
                if umbrella or (target not in {"", folder} and target not in MAY_INCLUDE[folder]):
                    defects.append(f"{where}: {folder or 'the umbrella'} may not include <{name}>")
    tree.finish(defects, len(headers))


main()
