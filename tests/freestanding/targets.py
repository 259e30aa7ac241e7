#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The targets that the library is built for, each with the compiler and the flags that a kernel or firmware uses there.

Run, it prints a line for each test: a target and whose headers are on the include path, `libc` or `nolibc`.
"""
import os
import pathlib
import shutil
import subprocess
import typing

FOLDER = pathlib.Path(__file__).resolve().parent
FREESTANDING = ["-std=c++20", "-ffreestanding", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"]


class Target(typing.NamedTuple):
    title: str
    compiler: str
    flags: list
    # The compiler whose C++ and libc headers are used with a libc: its own if empty, no such test if None.
    libc_of: typing.Optional[list] = []
    source: str = "everything.cpp"
    # What is translated by day, and not only parsed: "optimised", "plain" (not optimised) or "both". Of two compilers
    # for one processor each does one of them; in long runs each does both.
    by_day: str = "both"


# No red zone, no floating-point registers: interrupts may arrive at any instruction.
# Clang has no -mgeneral-regs-only here: with it <limits> does not compile.
CLANG_X86 = ["-mno-sse", "-mno-mmx", "-msoft-float"]
# UEFI's data model: `long` has 32 bits. Frames on the stack may be larger than a page; nothing probes them.
# Clang takes __STRICT_ANSI__ back on this target, which libstdc++ remarks on, and does not know [[no_unique_address]]:
# empty members cost a byte.
UEFI = ["-mno-red-zone", "-mno-stack-arg-probe"]
CLANG_UEFI = ["--target=x86_64-unknown-windows", "-Wno-#warnings", "-Wno-unknown-attributes"]

TARGETS = {
    "gcc-x86_64": Target("x86-64", "g++", ["-m64", "-mno-red-zone", "-mgeneral-regs-only", "-fno-pie"],
                         by_day="optimised"),
    "clang-x86_64": Target("x86-64", "clang++", ["--target=x86_64-linux-gnu", "-mno-red-zone", *CLANG_X86],
                           by_day="plain"),
    # -fno-pie: position-independent code would need a global offset table.
    "gcc-i686": Target("i686", "g++", ["-m32", "-march=i686", "-mgeneral-regs-only", "-fno-pie"], ["g++"],
                       by_day="optimised"),
    "clang-i686": Target("i686", "clang++", ["--target=i686-unknown-elf", *CLANG_X86], ["g++"], by_day="plain"),
    "gcc-aarch64": Target("AArch64", "aarch64-linux-gnu-g++",
                          ["-mgeneral-regs-only", "-mno-outline-atomics", "-mstrict-align"], by_day="optimised"),
    "clang-aarch64": Target("AArch64", "clang++",
                            ["--target=aarch64-none-elf", "-mno-outline-atomics", "-mstrict-align"],
                            ["aarch64-linux-gnu-g++"], by_day="plain"),
    "gcc-riscv64": Target("RISC-V 64", "riscv64-linux-gnu-g++", ["-march=rv64gc", "-mabi=lp64d", "-mcmodel=medany"],
                          by_day="optimised"),
    "clang-riscv64": Target("RISC-V 64", "clang++",
                            ["--target=riscv64-linux-gnu", "-march=rv64gc", "-mabi=lp64d", "-mcmodel=medany"],
                            by_day="plain"),
    # Without floating point; glibc has no headers for this ABI.
    "clang-riscv64-imac": Target("RISC-V 64, rv64imac", "clang++",
                                 ["--target=riscv64-unknown-elf", "-march=rv64imac", "-mabi=lp64", "-mcmodel=medany"],
                                 None, by_day="plain"),
    # 64-bit atomics are inline here (ldrexd) ...
    "clang-cortex-a7": Target("Cortex-A7", "clang++", ["--target=arm-none-eabi", "-mcpu=cortex-a7"],
                              ["arm-none-eabi-g++", "-mcpu=cortex-a7"]),
    # ... and calls to libatomic here. M4 and M7 are one architecture.
    "gcc-cortex-m4": Target("Cortex-M4", "arm-none-eabi-g++", ["-mcpu=cortex-m4", "-mthumb"], by_day="plain"),
    "gcc-cortex-m33": Target("Cortex-M33", "arm-none-eabi-g++", ["-mcpu=cortex-m33", "-mthumb"],
                             by_day="optimised"),
    "clang-cortex-m33": Target("Cortex-M33", "clang++",
                               ["--target=thumbv8m.main-none-eabi", "-mcpu=cortex-m33", "-mthumb"],
                               ["arm-none-eabi-g++", "-mcpu=cortex-m33", "-mthumb"], by_day="plain"),
    # No read-modify-write is inline.
    "gcc-cortex-m0": Target("Cortex-M0", "arm-none-eabi-g++", ["-mcpu=cortex-m0", "-mthumb", "-Wno-psabi"],
                            source="own_atomics.cpp"),
    "gcc-uefi": Target("UEFI x86-64", "x86_64-w64-mingw32-g++", [*UEFI, "-mgeneral-regs-only"],
                       by_day="optimised"),
    "clang-uefi": Target("UEFI x86-64", "clang++", [*CLANG_UEFI, *UEFI, *CLANG_X86], ["x86_64-w64-mingw32-g++"],
                         by_day="plain"),
}


class Missing(Exception):
    """A compiler or its headers are not on this machine."""


class Failed(Exception):
    """A command failed: the command, and what it printed."""


def output(*command, stdin=""):
    command = [str(word) for word in command]
    if not shutil.which(command[0]):
        raise Missing(f"{command[0]} is missing")
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        raise Failed(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def own_headers(compiler):
    """The folder of <stddef.h> and the like, which belong to the compiler."""
    if "clang" in compiler:
        return pathlib.Path(output(compiler, "-print-resource-dir").strip(), "include")
    return pathlib.Path(output(compiler, "-print-file-name=include").strip())


def searched(compiler, *flags):
    """The folders where g++ looks for headers."""
    said = output(compiler, *flags, "-E", "-v", "-x", "c++", os.devnull)
    listed = said[said.index("#include <...>"):said.index("End of search list")].splitlines()[1:]
    return [pathlib.Path(line.strip()) for line in listed if not line.endswith(("/backward", "/include-fixed"))]


def include_path(target, libc):
    """The switches for the system's headers. Without a libc: nolibc/, those of g++'s libstdc++, the compiler's own."""
    if not libc:
        # MinGW's <stddef.h> begins with its libc's; that of GCC for the machine at hand says the same.
        own = own_headers("g++" if "mingw" in target.compiler else target.compiler)
        folders = [FOLDER / "nolibc", *(folder for folder in searched("g++") if "c++" in folder.parts), own]
    elif target.libc_of:
        others = own_headers(target.libc_of[0])
        folders = [own_headers(target.compiler) if folder.samefile(others) else folder
                   for folder in searched(*target.libc_of)]
    else:
        return []
    return ["-nostdinc"] + [part for folder in folders for part in ("-isystem", str(folder))]


def main():
    for name, target in TARGETS.items():
        for mode in ["nolibc"] if target.libc_of is None else ["libc", "nolibc"]:
            print(name, mode)


if __name__ == "__main__":
    main()
