# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builds and runs a test program of the build tree against headers that are not those of the source tree."""
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys


class Missing(Exception):
    """There is nothing to build it with."""


class Judges:
    """`build`: a configured build tree with compile_commands.json. Programs are put into `work`."""

    def __init__(self, build, work):
        self.build = pathlib.Path(build)
        self.work = pathlib.Path(work)
        database = self.build / "compile_commands.json"
        if not database.exists():
            raise Missing("no compile_commands.json: configure with -DCMAKE_EXPORT_COMPILE_COMMANDS=ON")
        self.commands = json.loads(database.read_text(encoding="utf-8"))

    def compile_commands(self, target):
        found = [entry for entry in self.commands if f"/CMakeFiles/{target}.dir/" in self.output(entry)]
        if not found:
            raise Missing(f"no test program {target} in this build tree")
        return found

    def targets(self):
        """All programs of the build tree."""
        folders = (re.search(r"/CMakeFiles/([^/]+)\.dir/", self.output(entry)) for entry in self.commands)
        return sorted({folder.group(1) for folder in folders if folder})

    @staticmethod
    def output(entry):
        words = shlex.split(entry["command"])
        return "/" + words[words.index("-o") + 1]

    def object_of(self, entry, include, into):
        """Compiles one source; `include` comes before all other include directories."""
        words = shlex.split(entry["command"])
        into.parent.mkdir(parents=True, exist_ok=True)
        words[words.index("-o") + 1] = str(into)
        words[1:1] = ["-I", str(include)] if include else []
        # -w: a change may leave something unused, which is not what it is judged by. -O1: a judge runs once.
        words += ["-w", "-O1", "-MMD", "-MF", str(into.with_suffix(".d"))]
        done = subprocess.run(words, cwd=entry["directory"], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ValueError(f"does not compile:\n{done.stderr[:4000]}")
        return into, words[0]

    def main(self):
        """doctest's own code, which includes none of the headers: as it was built, where it was."""
        entry = self.compile_commands("ashlar_test_main")[0]
        built = pathlib.Path(entry["directory"] + self.output(entry))
        if built.exists():
            return built
        main = self.work / "main.o"
        if not main.exists():
            made, _ = self.object_of(entry, None, self.work / f"main-{os.getpid()}.o")
            made.rename(main)
        return main

    def program(self, target, include, name):
        """The test program `target`, built with the headers of `include` where it has some."""
        folder = self.work / name
        objects = []
        for index, entry in enumerate(self.compile_commands(target)):
            made, compiler = self.object_of(entry, include, folder / f"{target}-{index}.o")
            objects.append(made)
        main = self.main()
        binary = folder / target
        subprocess.run([compiler, *objects, main, "-pthread", "-o", binary], check=True)
        for each in objects:
            each.unlink()
        return binary


def run(binary, arguments=(), seconds=600, environment=None):
    """What a program answers: "passed", or why not in a line, and its output."""
    # What is broken has to be noticed by day.
    surroundings = {key: value for key, value in os.environ.items() if key != "ASHLAR_LONG"} | (environment or {})
    try:
        done = subprocess.run([binary, "--abort-after=1", *arguments], capture_output=True, text=True, errors="replace",
                              timeout=seconds, env=surroundings, check=False)
    except subprocess.TimeoutExpired as late:
        return "does not end", (late.stdout or b"").decode(errors="replace")
    if done.returncode == 0:
        return "passed", done.stdout
    return f"exit status {done.returncode}", done.stdout + done.stderr


def leave_out(why):
    print(f"left out: {why}")
    sys.exit(77)
