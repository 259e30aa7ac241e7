#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""reference.py ROOT CMAKE COMPILER: Doxygen's pages of the headers are made without a warning, by the target `docs`.

Beyond that: classes, concepts, functions and constants of a namespace are described. A member of a class need not be:
the verbs are the contract's. And a comment that is wrong makes the target fail.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import tree

WRONG = "/// \\param nobody there is no such parameter\nvoid with_a_wrong_comment(int somebody);\n"


def run(*command, stdin=""):
    done = subprocess.run([str(word) for word in command], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env={**os.environ, "LC_ALL": "C"})
    return done.returncode, done.stdout


def warnings(said):
    return [line for line in said.splitlines() if re.search(r"\b(warning|error): ", line)]


def built(source, cmake, compiler, build):
    """The defects of a build of the target, whose pages are looked at."""
    options = [f"-DASHLAR_{part}=OFF" for part in ("TESTS", "BENCHMARKS", "LAB", "EXAMPLES")]
    status, said = run(cmake, "-S", source.root, "-B", build, f"-DCMAKE_CXX_COMPILER={compiler}", *options)
    if status == 0:
        status, said = run(cmake, "--build", build, "--target", "docs")
    if status:
        return warnings(said) or [said]
    pages = build / "docs" / "html"
    return [f"there is no {page}" for page in ("index.html", "classashlar_1_1radix__buddy.html",
                                               "conceptashlar_1_1frame__source.html") if not (pages / page).is_file()]


def described(entity):
    return any("".join(entity.find(part).itertext()).strip() for part in ("briefdescription", "detaileddescription"))


def place(entity):
    location = entity.find("location")
    return f"include/{location.get('file')}:{location.get('line')}"


def undescribed(settings, folder):
    """What has no comment, of the classes, concepts and members of namespaces; and how many there are."""
    status, said = run("doxygen", "-", stdin=settings + f'OUTPUT_DIRECTORY = "{folder}"\nGENERATE_HTML = NO\n'
                       "GENERATE_XML = YES\nXML_PROGRAMLISTING = NO\n")
    if status:
        return [said], 0
    entities = {}
    for page in (folder / "xml").glob("*.xml"):
        for compound in xml.etree.ElementTree.parse(page).iter("compounddef"):
            name = compound.findtext("compoundname")
            # A specialisation is what its template says.
            if compound.get("prot") == "private" or "<" in name:
                continue
            if compound.get("kind") in {"class", "struct", "union", "concept"}:
                entities[name] = compound
            elif compound.get("kind") == "namespace":
                entities.update({f"{name}::{member.findtext('name')}{member.findtext('argsstring') or ''}": member
                                 for member in compound.iter("memberdef")})
    silent = [f"{place(entity)}: {name} is not described" for name, entity in sorted(entities.items())
              if not described(entity)]
    return silent, len(entities)


def wrong_is_found(settings, scratch):
    header = scratch / "wrong.hpp"
    header.write_text("/** \\file */\n" + WRONG, encoding="utf-8")
    status, said = run("doxygen", "-", stdin=settings + f'INPUT = "{header}"\nUSE_MDFILE_AS_MAINPAGE =\n'
                       f'OUTPUT_DIRECTORY = "{scratch}"\n')
    return [] if status and "nobody" in said else [f"a wrong comment is not found\n{said}"]


def main():
    source = tree.Tree(sys.argv[1])
    cmake, compiler = sys.argv[2:]
    if not shutil.which("doxygen"):
        print("left out: doxygen is missing")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        defects, entities = built(source, cmake, compiler, scratch / "build"), 0
        if not defects:
            settings = (scratch / "build/docs/Doxyfile").read_text(encoding="utf-8") + "\n"
            silent, entities = undescribed(settings, scratch)
            defects = silent + wrong_is_found(settings, scratch)
    tree.finish(defects, entities)


main()
