# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""instructions.py ROOT ASHLAR_BENCH: cmake/instructions.py counts what it says, and what does not depend on compilers is
as the class comments say: no atomic operation in an exclusive slot, the lock's two in a shared one."""
import json
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

# Function a of prog: 3 + 4 instructions on lines 7 and 8, a call of b, 1 on line 8 again; function b of lib: 5.
CALLGRIND = """\
version: 1
positions: instr line
events: Ir

ob=(1) bin/prog
fl=(1) a.cpp
fn=(1) a
0x10 7 3
+4 +1 4
cob=(2) bin/lib
cfi=(2) b.cpp
cfn=(2) b
calls=1 0x100 20
* * 5
+8 * 1

ob=(2)
fl=(2)
fn=(2)
0x100 20 5
"""


def check_format(callgrind):
    counts = callgrind.Counts(CALLGRIND)
    wanted = {("bin/prog", 0x10, "a.cpp", 7): 3, ("bin/prog", 0x14, "a.cpp", 8): 4, ("bin/prog", 0x1c, "a.cpp", 8): 1,
              ("bin/lib", 0x100, "b.cpp", 20): 5}
    assert counts.by_place == wanted, counts.by_place
    assert counts.instructions == 13, counts.instructions
    assert (counts - callgrind.Counts(CALLGRIND.replace("0x10 7 3", "0x10 7 1"))).instructions == 2
    assert counts.by_line() == {("a.cpp", 7): 3, ("a.cpp", 8): 5, ("b.cpp", 20): 5}, counts.by_line()


def main():
    root, bench = sys.argv[1:]
    script = pathlib.Path(root) / "cmake/instructions.py"
    sys.path.insert(0, str(script.parent))
    import callgrind
    check_format(callgrind)
    for tool in ("valgrind", "objdump"):
        if not shutil.which(tool):
            print(f"left out: {tool} is missing")
            sys.exit(77)
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch, "out.json")
        done = subprocess.run([sys.executable, "-B", script, bench, "--json", path, "--filter",
                               "same/radix/(exclusive|shared)/order:0"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        costs = json.loads(path.read_text(encoding="ascii"))
    assert sorted(costs) == [f"same/radix/{contract}/order:0/threads:1" for contract in ("exclusive", "shared")], costs
    assert re.search(r"^\| `same/radix/exclusive/order:0/threads:1` \| \d+\.\d \|", done.stdout, re.MULTILINE), done.stdout
    for cost in costs.values():
        assert 20 < cost["instructions"] < 2000, costs
    if platform.machine() == "x86_64":
        assert costs["same/radix/exclusive/order:0/threads:1"]["atomics"] == 0, costs
        assert costs["same/radix/shared/order:0/threads:1"]["atomics"] == 2, costs
    nothing = subprocess.run([sys.executable, "-B", script, bench, "--filter", "no such"], capture_output=True, text=True,
                             check=False)
    assert nothing.returncode == 1 and "no benchmark" in nothing.stderr, nothing.stderr
    print("ok")


main()
