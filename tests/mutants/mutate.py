#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Breaks the shipped headers in one place at a time, and expects that a test notices.

mutate.py SOURCE BUILD WORK [--list FILE] [--only NAME]... [--share I/N] [--daily COUNT] [--traces] [--keep]

FILE (mutants.txt) has a block for each mutant:

    mutant NAME
    in HEADER                  below include/ashlar/
    judge TEST [ARGUMENTS...]  a test program of the build tree, and what to pass to it
    what WHAT IS WRONG THEN
    - the text as it is, a line or several; spaces count as one
    + the text instead

The text must be in the header exactly once, or the list is out of date, which is an error. The judge is built with the
broken header before all others and has to fail, or not to end; that it passes with the right one is its own test.
--share I/N takes every Nth mutant from the Ith on, so that N tests share the work. --daily COUNT takes only so many of
all, chosen by the commit, unless ASHLAR_LONG is set.
"""
import argparse
import collections
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

import judges

SECONDS = 300
Mutant = collections.namedtuple("Mutant", "name header judge arguments what old new")


def read_list(path):
    """The mutants of a list."""
    mutants = []
    for block in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
        lines = [line for line in block.splitlines() if line.strip() and not line.startswith("#")]
        if not lines:
            continue
        fields = collections.defaultdict(list)
        for line in lines:
            key, _, rest = line.partition(" ")
            fields[key].append(rest)
        unknown = set(fields) - {"mutant", "in", "judge", "what", "-", "+"}
        single = all(len(fields[key]) == 1 for key in ("mutant", "in", "judge", "what"))
        if unknown or not single or not fields["-"]:
            raise ValueError(f"{path.name}: not a mutant:\n{block}")
        judge, *arguments = fields["judge"][0].split(" ", 1)
        mutants.append(Mutant(fields["mutant"][0], fields["in"][0], judge, [arg for arg in arguments if arg],
                              fields["what"][0], "\n".join(fields["-"]), "\n".join(fields["+"])))
    names = collections.Counter(mutant.name for mutant in mutants)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise ValueError(f"{path.name}: twice: {', '.join(twice)}")
    return mutants


def broken(text, mutant):
    """A header's text with the mutant in it."""
    pattern = r"\s+".join(re.escape(word) for word in mutant.old.split())
    found = list(re.finditer(pattern, text))
    if len(found) != 1:
        raise ValueError(f"{mutant.name}: the text to replace is {len(found)} times in {mutant.header}, not once")
    return text[:found[0].start()] + mutant.new.strip() + text[found[0].end():]


def try_mutant(mutant, source, made, work):
    """What the judge answers, what it says, and how many seconds it took."""
    header = source / "include/ashlar" / mutant.header
    folder = work / mutant.name
    patched = folder / "include/ashlar" / mutant.header
    patched.parent.mkdir(parents=True, exist_ok=True)
    patched.write_text(broken(header.read_text(encoding="utf-8"), mutant), encoding="utf-8")
    program = made.program(mutant.judge, folder / "include", mutant.name)
    begun = time.time()
    verdict, output = judges.run(program, mutant.arguments, SECONDS)
    return verdict, output, time.time() - begun


def trace_in(output):
    """The first finding of an exploration, with its schedule."""
    lines = output.splitlines()
    first = next((i for i, line in enumerate(lines) if ", for example" in line), None)
    if first is None:
        return output
    last = next((i for i in range(first, len(lines)) if lines[i].startswith("====")), len(lines))
    return "\n".join(lines[max(first - 1, 0):last])


def commit_of(source):
    done = subprocess.run(["git", "-C", source, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "no commit"


def main():
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(description="Breaks headers, and expects that tests notice.")
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--list", type=pathlib.Path, default=here / "mutants.txt")
    parser.add_argument("--only", action="append")
    parser.add_argument("--share", default="1/1")
    parser.add_argument("--daily", type=int)
    parser.add_argument("--traces", action="store_true", help="print what was found")
    parser.add_argument("--keep", action="store_true", help="leave programs and output in WORK")
    arguments = parser.parse_args()
    mutants = read_list(arguments.list)
    for mutant in mutants:  # A list that is out of date is told whichever mutants are chosen.
        broken((arguments.source / "include/ashlar" / mutant.header).read_text(encoding="utf-8"), mutant)
    total = len(mutants)
    if arguments.only:
        mutants = [mutant for mutant in mutants if mutant.name in arguments.only]
    if arguments.daily and "ASHLAR_LONG" not in os.environ:
        mutants = random.Random(commit_of(arguments.source)).sample(mutants, min(arguments.daily, total))
    share, shares = map(int, arguments.share.split("/"))
    mutants = mutants[share - 1::shares]
    try:
        made = judges.Judges(arguments.build, arguments.work)
    except judges.Missing as missing:
        judges.leave_out(missing)
    alive = 0
    for mutant in mutants:
        try:
            verdict, output, seconds = try_mutant(mutant, arguments.source, made, arguments.work)
        except (ValueError, judges.Missing) as error:
            verdict, output, seconds = f"error: {error}", "", 0
        dead = not verdict.startswith(("passed", "error"))
        alive += not dead
        print(f"{'dead ' if dead else 'ALIVE'}  {mutant.name}: {mutant.what}; {mutant.judge}: {verdict}, {seconds:.1f} s",
              flush=True)
        if arguments.traces:
            print(trace_in(output), flush=True)
        if arguments.keep:
            (arguments.work / mutant.name / "output.txt").write_text(output, encoding="utf-8")
        else:
            shutil.rmtree(arguments.work / mutant.name, ignore_errors=True)
    print(f"{len(mutants)} of {total} mutants, {alive} alive")
    sys.exit(1 if alive or not mutants else 0)


if __name__ == "__main__":
    main()
