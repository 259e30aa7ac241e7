#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""package.py ROOT WAY BUILD CMAKE COMPILER: a consumer outside the tree gets the headers by WAY, compiles and runs.

find_package      from what `cmake --install` leaves, after the installed tree was moved
pkg-config        the same, by a compiler alone
add_subdirectory  from the source tree; none of the project's own targets, options and flags may show
FetchContent      the same, declared with SOURCE_DIR: nothing is downloaded
include-path      -I and a compiler
versions          find_package takes any version of the same major, up to the one installed (here a copy of the tree that
                  calls itself 3.2.1); any other is refused with a message that names both
"""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import tree


class Failed(Exception):
    pass


def run(*command, environment=None):
    """(exit status, output)."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "LC_ALL": "C", **(environment or {})})
    return done.returncode, done.stdout


def must(*command, environment=None):
    status, said = run(*command, environment=environment)
    if status:
        raise Failed(f"{' '.join(map(str, command))}\n{said}")
    return said


class Consumer:
    def __init__(self, root, build, cmake, compiler, scratch):
        self.root, self.build, self.cmake, self.compiler = root, build, cmake, compiler
        self.scratch = pathlib.Path(scratch)
        self.sources = root / "tests" / "house" / "consumer"

    def version(self):
        text = (self.root / "include/ashlar/version.hpp").read_text(encoding="utf-8")
        return [int(re.search(rf"version_{part} = (\d+);", text).group(1)) for part in ("major", "minor", "patch")]

    def installed(self):
        """The installed tree, moved: nothing in it may know where it was put first."""
        must(self.cmake, "--install", self.build, "--prefix", self.scratch / "first")
        moved = (self.scratch / "first").rename(self.scratch / "moved")
        for name in ("share/ashlar/gdb/ashlar.py", "share/doc/ashlar/LICENSE"):
            if not (moved / name).is_file():
                raise Failed(f"{name} is not installed")
        return moved

    def by_cmake(self, way, *options):
        folder = self.scratch / "build"
        must(self.cmake, "-S", self.sources, "-B", folder, f"-DCMAKE_CXX_COMPILER={self.compiler}",
             f"-DASHLAR_BY={way}", *options)
        must(self.cmake, "--build", folder)
        must(folder / "consumer")

    def by_compiler(self, *flags):
        program = self.scratch / "consumer"
        must(self.compiler, "-std=gnu++20", *flags, self.sources / "main.cpp", self.sources / "other.cpp", "-o", program)
        must(program)

    def find_package(self):
        self.by_cmake("find_package", f"-DCMAKE_PREFIX_PATH={self.installed()}")

    def add_subdirectory(self):
        self.by_cmake("add_subdirectory", f"-DASHLAR_SOURCE={self.root}")

    def fetch_content(self):
        self.by_cmake("FetchContent", f"-DASHLAR_SOURCE={self.root}")

    def include_path(self):
        self.by_compiler("-I", self.root / "include")

    def pkg_config(self):
        if not shutil.which("pkg-config"):
            print("left out: pkg-config is missing")
            sys.exit(77)
        environment = {"PKG_CONFIG_LIBDIR": str(self.installed() / "share" / "pkgconfig"), "PKG_CONFIG_PATH": ""}

        def ask(*words):
            return must("pkg-config", *words, environment=environment).strip()

        said, wanted = ask("--modversion", "ashlar"), ".".join(map(str, self.version()))
        if said != wanted:
            raise Failed(f"pkg-config says version {said}, the headers say {wanted}")
        if ask("--libs", "ashlar"):
            raise Failed("pkg-config names libraries")
        self.by_compiler(*shlex.split(ask("--cflags", "ashlar")))

    def as_version(self, major, minor, patch):
        """The installed tree of a copy of this one that calls itself so."""
        copy, build = self.scratch / "copy", self.scratch / "copy-build"
        for part in ("include", "cmake"):
            shutil.copytree(self.root / part, copy / part)
        for part in ("CMakeLists.txt", "LICENSE"):
            shutil.copy(self.root / part, copy)
        header = copy / "include" / "ashlar" / "version.hpp"
        text = header.read_text(encoding="utf-8")
        for part, number in (("major", major), ("minor", minor), ("patch", patch)):
            text = re.sub(rf"(version_{part} = )\d+;", rf"\g<1>{number};", text)
        header.write_text(text, encoding="utf-8")
        parts = [f"-DASHLAR_{part}=OFF" for part in ("TESTS", "BENCHMARKS", "LAB", "EXAMPLES")]
        must(self.cmake, "-S", copy, "-B", build, f"-DCMAKE_CXX_COMPILER={self.compiler}", *parts)
        must(self.cmake, "--install", build, "--prefix", self.scratch / "versioned")
        return self.scratch / "versioned"

    def versions(self):
        prefix = self.as_version(3, 2, 1)
        accepted, refused = ["3", "3.0", "3.2", "3.2.1"], ["2", "2.9", "3.2.2", "3.3", "4", "99"]
        for asked in accepted + refused:
            status, said = run(self.cmake, "-S", self.sources, "-B", self.scratch / asked, "-DASHLAR_BY=find_package",
                               f"-DASHLAR_VERSION={asked}", f"-DCMAKE_CXX_COMPILER={self.compiler}",
                               f"-DCMAKE_PREFIX_PATH={prefix}")
            if (status == 0) != (asked in accepted):
                raise Failed(f"find_package(ashlar {asked}) should be {'taken' if status else 'refused'}\n{said}")
            if status and not (f'version "{asked}"' in " ".join(said.split()) and "version: 3.2.1" in said):
                raise Failed(f"find_package(ashlar {asked}) does not say why\n{said}")


WAYS = {"find_package": Consumer.find_package, "add_subdirectory": Consumer.add_subdirectory,
        "FetchContent": Consumer.fetch_content, "include-path": Consumer.include_path,
        "pkg-config": Consumer.pkg_config, "versions": Consumer.versions}


def main():
    root, way, build, cmake, compiler = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        try:
            WAYS[way](Consumer(tree.Tree(root).root, build, cmake, compiler, scratch))
            defects = []
        except Failed as failed:
            defects = [f"a consumer by {way} fails: {failed}"]
    tree.finish(defects, 1)


main()
