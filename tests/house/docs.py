#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""docs.py ROOT links | snippets COMPILER | sizes: what the Markdown pages say is so.

links      relative links lead to files, and files named in backquotes with a slash exist
snippets   every ```cpp block of README.md with a main() compiles, runs and returns 0; any other one is part,
           line by line, of a file in examples/ or tests/, where it is compiled and run
sizes      the table of code sizes has every target and composition of its script, and the compositions compile
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap

import tree

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
NAMED = re.compile(r"`((?:include|examples|bench|tests|cmake|\.ci)/[\w./-]+)`")
BLOCK = re.compile(r"^```cpp\n(.*?)^```", re.MULTILINE | re.DOTALL)


def links(source):
    pages = [path for path in source.files() if path.suffix == ".md"]
    defects = []
    for page in pages:
        text = source.text(page)
        targets = [(name, page.parent) for name in LINK.findall(text) if ":" not in name]
        targets += [(name, pathlib.PurePath()) for name in NAMED.findall(text)]
        defects += [f"{page}: {name} does not exist" for name, base in targets
                    if not (source.root / base / name).exists()]
    return defects, len(pages)


def lines_of(text):
    """Without indentation and empty lines: a snippet may stand deeper in its file."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def part_of_a_file(block, files):
    return any("\n".join(block) in text for text in files)


def runs(block, source, compiler):
    with tempfile.TemporaryDirectory() as scratch:
        unit, program = pathlib.Path(scratch, "snippet.cpp"), pathlib.Path(scratch, "snippet")
        unit.write_text(block, encoding="utf-8")
        for command in ([compiler, "-std=c++20", "-Wall", "-Wextra", "-Werror", "-I", source.include, unit,
                         "-o", program], [program]):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                return f"returns {done.returncode}\n{done.stdout}{done.stderr}"
    return None


def snippets(source, compiler):
    compiled = ["\n".join(lines_of(source.text(path))) for path in source.cpp_files()
                if path.parts[0] in {"examples", "tests"}]
    readme = source.text("README.md")
    defects = []
    blocks = list(BLOCK.finditer(readme))
    for match in blocks:
        where = f"README.md:{readme.count(chr(10), 0, match.start()) + 1}"
        block = textwrap.dedent(match.group(1))
        if re.search(r"\bint main\(", block):
            failure = runs(block, source, compiler)
            if failure:
                defects.append(f"{where}: {failure}")
        elif not part_of_a_file(lines_of(block), compiled):
            defects.append(f"{where}: no file in examples/ or tests/ has these lines")
    return defects, len(blocks)


def sizes(source):
    sys.path.insert(0, str(source.root / "cmake"))
    import size_table
    table = re.search(r"<!-- table size -->(.*?)<!-- end -->", source.text("README.md"), re.DOTALL).group(1)
    heads, *rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("| ")]
    heads, titles = [head.strip() for head in heads], [row[0].strip() for row in rows]
    defects = [f"README.md: the table of sizes has no {name}" for name in size_table.COMPOSITIONS if name not in heads]
    for target in size_table.shown().values():
        compiler = "Clang" if "clang" in target.compiler else "GCC"
        if not any(title.startswith(f"{target.title}, {compiler} ") for title in titles):
            defects.append(f"README.md: the table of sizes has no {target.title} by {compiler}")
    for name, text in size_table.COMPOSITIONS.items():
        try:
            if size_table.text_size(size_table.targets.TARGETS["gcc-x86_64"], "-Os", text) == 0:
                defects.append(f"{name} has no code")
        except size_table.targets.Failed as failed:
            defects.append(f"{name} does not compile: {failed}")
    return defects, len(heads) + len(titles)


def main():
    source = tree.Tree(sys.argv[1])
    if not (source.root / "README.md").exists():
        print("left out: there is no README.md")
        sys.exit(77)
    tree.finish(*{"links": links, "snippets": snippets, "sizes": sizes}[sys.argv[2]](source, *sys.argv[3:]))


main()
