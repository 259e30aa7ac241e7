# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""errors.py ROOT ASHLAR_BENCH: what cannot be run ends the program with status 2 and a sentence on stderr."""
import pathlib
import subprocess
import sys
import tempfile


def main():
    bench = sys.argv[2]
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        text = pathlib.Path(folder) / "text.so"
        text.write_text("no library\n", encoding="utf-8")
        cases = [
            (["--peer"], "--peer wants a value"),
            (["--peer", f"{folder}/missing.so"], "missing.so"),
            (["--peer", str(text)], "text.so"),
            (["--memory", "1M"], "wants a size from 64M to 16T"),
            (["--memory=lots"], "wants a size from 64M to 16T"),
            (["--memory=32T"], "wants a size from 64M to 16T"),
            (["--trace", f"{folder}/missing"], "missing"),
            (["--trace", str(text)], "text.so"),
            (["--sizes"], "--sizes wants a value"),
            (["--sizes", "1G,1M"], "--sizes 1M: wants a size from 64M to 16T"),
            (["--sizes=1G,"], "wants a size from 64M to 16T"),
            (["--each", "--sizes", "1G"], "--each"),
            (["--iterations", "0"], "--iterations 0: wants a number"),
            (["--iterations=few"], "--iterations few: wants a number"),
            (["--frob"], "frob"),
        ]
        for words, sentence in cases:
            done = subprocess.run([bench, *words], capture_output=True, text=True, timeout=60, check=False)
            if done.returncode != 2 or sentence not in done.stderr:
                wrong.append(f"{' '.join(words)}: status {done.returncode}, says: {done.stderr}{done.stdout}")
    told = subprocess.run([bench, "--help"], capture_output=True, text=True, timeout=60, check=False)
    if told.returncode or "--peer FILE.so" not in told.stdout:
        wrong.append(f"--help: status {told.returncode}, says: {told.stdout}")
    print(f"{len(cases) + 1} checked, {len(wrong)} wrong")
    sys.exit("\n".join(wrong) or 0)


main()
