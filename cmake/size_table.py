# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sizes of code: compositions as an embedding would write them, for each target of tests/freestanding/targets.py."""
import concurrent.futures
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "freestanding"))
import targets  # noqa: E402

LEVELS = ("-Os", "-O2")
FLAGS = ["-fno-asynchronous-unwind-tables", "-Wall", "-Wextra", "-Werror", "-I", str(ROOT / "include")]

VERBS = """
constinit composed memory;
extern "C" std::uint64_t take(unsigned order, std::uint16_t node) {
    const auto got = memory.allocate({.order = order, .node = node});
    return got ? got->number : 0;
}
extern "C" unsigned give(std::uint64_t first, unsigned order) {
    return static_cast<unsigned>(memory.free({first}, order));
}
"""
ONE_RANGE = """
extern "C" unsigned start(std::uint64_t first, std::uint64_t count, composed::word* words, std::size_t size) {
    const auto answer = memory.attach({{first}, count}, {words, size}, ashlar::start::fresh);
    return static_cast<unsigned>(answer == ashlar::errc::ok ? memory.online({{first}, count}) : answer);
}
"""
MACHINE = """
extern "C" unsigned start(const std::byte* tables, const std::size_t* sizes, std::byte* metadata, std::size_t size) {
    ashlar::memory_entry entries[256];
    ashlar::memory_map map{entries};
    ashlar::defect found[32];
    ashlar::defects defects{found};
    ashlar::topology nodes;
    (void)ashlar::read_uefi({tables, sizes[0]}, 48, map, defects);
    (void)ashlar::read_srat({tables + sizes[0], sizes[1]}, map, nodes, defects);
    (void)ashlar::read_slit({tables + sizes[0] + sizes[1], sizes[2]}, nodes, defects);
    return static_cast<unsigned>(memory.boot(map, nodes, {metadata, size}));
}
"""


def unit(composed, start):
    return f"#include <ashlar/ashlar.hpp>\nusing namespace ashlar;\nusing composed = {composed};\n{VERBS}{start}"


# The head of a column, and a unit with three functions: start, take, give.
COMPOSITIONS = {
    "`bump`": unit("bump<platform>", ONE_RANGE),
    "`locked<list_buddy>`": unit("locked<list_buddy<platform>>", ONE_RANGE),
    "`radix_buddy`": unit("radix_buddy<platform>", ONE_RANGE),
    "`cpu_rows<counted<radix_buddy>>`": unit("cpu_rows<counted<radix_buddy<platform>>>", ONE_RANGE),
    "a machine": unit("physical_memory<zone<cpu_rows<counted<radix_buddy<platform>>>>>", MACHINE),
}


def text_size(target, level, text):
    """Bytes of machine code in the object, without libc on the include path."""
    with tempfile.TemporaryDirectory() as scratch:
        built = pathlib.Path(scratch, "unit.o")
        targets.output(target.compiler, *targets.FREESTANDING, level, *target.flags, *targets.include_path(target, False),
                       *FLAGS, "-c", "-x", "c++", "-", "-o", built, stdin=text)
        sections = [line.split() for line in targets.output("size", "-A", built).splitlines()]
    return sum(int(part[1]) for part in sections if part and part[0].startswith(".text"))


def version(compiler):
    if "clang" in compiler:
        return "Clang " + targets.output(compiler, "-dumpversion").strip()
    return "GCC " + targets.output(compiler, "-dumpfullversion").strip().removesuffix("-win32")


def shown():
    """The targets that the default platform is for."""
    return {name: target for name, target in targets.TARGETS.items() if target.source == "everything.cpp"}


def size_rows():
    """A row for each target whose compiler is here, a column for each composition. Names what is left out."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        rows = [["bytes of code, `-Os` / `-O2`", *COMPOSITIONS]]
        for name, target in shown().items():
            try:
                title = f"{target.title}, {version(target.compiler)}"
                measured = {(head, level): pool.submit(text_size, target, level, text)
                            for head, text in COMPOSITIONS.items() for level in LEVELS}
                rows.append([title] + [" / ".join(f"{measured[head, level].result():,}" for level in LEVELS)
                                       for head in COMPOSITIONS])
            except targets.Missing as missing:
                print(f"{name} is left out: {missing}", file=sys.stderr)
        return rows
