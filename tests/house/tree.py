# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the house checks share: the files of the source tree, and how a check reports."""
import os
import pathlib
import re
import subprocess
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
CPP = {".hpp", ".cpp", ".h"}
# Folders of include/ashlar/ that need an operating system; no other folder includes them.
HOSTED = {"testing", "linux_backend"}
# What includes a whole: remote/ has its own, for only who joins servers compiles it.
UMBRELLAS = ("ashlar.hpp", "remote.hpp")


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.include = self.root / "include"

    def files(self):
        """Every file that is tracked or would be, relative to the root."""
        try:
            git = subprocess.run(["git", "-C", self.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                 capture_output=True, check=True)
            names = git.stdout.decode().split("\0")
        except (OSError, subprocess.CalledProcessError):  # an unpacked archive
            names = [os.path.relpath(os.path.join(folder, name), self.root)
                     for folder, _, found in os.walk(self.root) for name in found]
            names = [name for name in names if not re.match(r"\.git/|build[-/]", name)]
        paths = sorted({pathlib.PurePath(name) for name in names if name})
        return [path for path in paths if (self.root / path).is_file()]

    def cpp_files(self):
        return [path for path in self.files() if path.suffix in CPP]

    def headers(self):
        """Public headers as a user writes them: ashlar/core/frame.hpp."""
        return [path.relative_to("include") for path in self.cpp_files() if path.parts[0] == "include"]

    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8")


def folder_of(header):
    """core for ashlar/core/frame.hpp, the empty string for ashlar/version.hpp."""
    return header.parts[1] if len(header.parts) > 2 else ""


def includes(text):
    """(line number, '<' or '"', name) of every include."""
    return [(text.count("\n", 0, m.start(1)) + 1, m.group(1), m.group(2)) for m in INCLUDE.finditer(text)]


def finish(defects, checked):
    """Reports and ends: a check that looked at nothing has failed."""
    for defect in defects:
        print(defect)
    print(f"{checked} checked, {len(defects)} wrong")
    sys.exit(1 if defects or not checked else 0)
