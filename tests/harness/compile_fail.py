#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""compile_fail.py INCLUDE_DIR SOURCE REGEX COMPILER...: SOURCE must not compile, and the first error must say REGEX.

A user reads the first line, so that is the one which has to tell what is wrong.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile


def first_error(compiler, include, source):
    with tempfile.TemporaryDirectory() as scratch:
        # To assembler: -fsyntax-only leaves some instantiations out.
        run = subprocess.run(
            [compiler, "-std=c++20", "-I", include, "-S", "-o", scratch + "/out.s", source],
            capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    if run.returncode == 0:
        return None
    errors = [line for line in run.stderr.splitlines() if " error: " in line]
    return errors[0] if errors else run.stderr


def main():
    include, source, sentence = sys.argv[1:4]
    compilers = sorted({shutil.which(name) for name in sys.argv[4:]} - {None})
    failed = not compilers
    for compiler in compilers:
        error = first_error(compiler, include, source)
        good = error is not None and re.search(sentence, error) is not None
        failed = failed or not good
        print(f"{compiler}: {'ok' if good else 'WRONG'}: {error if error is not None else 'it compiles'}")
    if failed:
        print(f"expected: {sentence}")
    return 1 if failed else 0


sys.exit(main())
