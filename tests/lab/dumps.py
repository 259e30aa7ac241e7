# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""dumps.py ROOT ASHLAR_LAB: `ashlar-lab machine` recognises every dump of tests/data/firmware by its content and tells
what the guest itself said of its memory; booted, the machine has all of it free."""
import collections
import pathlib
import re
import sys

import lab

ORDERS = 11


def usable_pages(claims):
    """Whole pages that are usable and nothing else: {(begin, end, usable)} -> number."""
    edges = {edge >> 12 for begin, end, _ in claims for edge in (begin, end)}
    cuts = sorted(edges | {page + 1 for page in edges})
    total = 0
    for page, following in zip(cuts, cuts[1:]):
        begin, end = page << 12, (page + 1) << 12
        inside = [(max(b, begin), min(e, end), usable) for b, e, usable in claims if b < end and begin < e]
        covered = sum(e - b for b, e, usable in inside if usable)
        if covered == end - begin and all(usable for *_, usable in inside):
            total += following - page
    return total


def e820_text(text):
    return [(int(begin, 16), int(begin, 16) + int(size, 16), int(kind, 16) == 1)
            for begin, size, kind in re.findall(r"0x([0-9a-f]+) \+ 0x([0-9a-f]+) type 0x([0-9a-f]+)", text)]


def uefi_text(text):
    return [(int(begin, 16), int(begin, 16) + (int(pages, 16) << 12),
             int(kind, 16) in (1, 2, 3, 4, 7) and int(attributes, 16) & 8 != 0)
            for begin, pages, kind, attributes
            in re.findall(r"0x([0-9a-f]+) pages 0x([0-9a-f]+) type 0x([0-9a-f]+) attr 0x([0-9a-f]+)", text)]


def tree_source(text):
    claims = []
    for name, body in re.findall(r"\n\s*(memory|mmode_resv\d)@[0-9a-f]+ \{([^{}]*)\}", text):
        reg = [int(cell, 16) for cell in re.search(r"\breg = <([^>]*)>", body)[1].split()]
        begin = reg[0] << 32 | reg[1]
        claims.append((begin, begin + (reg[2] << 32 | reg[3]), name == "memory"))
    return claims


def kernel_log(path):
    """Pages that Linux counts: all but page 0."""
    total = re.search(r"Memory: \d+K/(\d+)K available", path.read_text(encoding="utf-8"))
    return int(total[1]) // 4 + 1


def expected_pages(path):
    """What the guest said, None for a dump without a text of its own."""
    for ending, read in ((".txt", uefi_text if path.suffix == ".efimap" else e820_text), (".dts", tree_source)):
        text = path.with_suffix(ending)
        if text != path and text.exists():
            return usable_pages(read(text.read_text(encoding="utf-8")))
    return None


def check_views(tool, path, machine):
    """The three views of the booted machine against its zones."""
    done = tool.run("machine", path, "--buddyinfo", "--zoneinfo", "--watermarks")
    lab.same(done.returncode, 0, f"{path.name}: {done.stderr}")
    ours = collections.Counter()
    for zone in machine["zones"]:
        ours[zone["node"], zone["kind"]] += zone["present_frames"]
    free = collections.Counter()
    for node, kind, counts in re.findall(r"^Node (\d+), zone +(\w+)((?: +\d+)+) *$", done.stdout, re.MULTILINE):
        blocks = [int(count) for count in counts.split()]
        lab.same(len(blocks), ORDERS, f"{path.name}: orders in buddyinfo")
        free[int(node), kind.lower()] += sum(count << order for order, count in enumerate(blocks))
    lab.same(free, ours, f"{path.name}: frames in buddyinfo")
    zoneinfo = re.findall(r"^Node (\d+), zone +(\w+)\n  pages free +(\d+)\n +min +(\d+)\n +low +(\d+)\n +high +(\d+)\n"
                          r" +spanned +(\d+)\n +present +(\d+)\n +managed +(\d+)", done.stdout, re.MULTILINE)
    lab.same(len(zoneinfo), len(machine["zones"]), f"{path.name}: zones in zoneinfo")
    for line, zone in zip(zoneinfo, machine["zones"]):
        lowest, low, high, spanned, present, managed = map(int, line[3:])
        lab.check(lowest < low < high, f"{path.name}: marks {lowest}, {low}, {high}")
        lab.same((spanned, present, managed), (zone["spanned_frames"], zone["present_frames"], zone["present_frames"]),
                 f"{path.name}: frames of a zone in zoneinfo")
    marks = re.search(r"^Watermarks in frames\n.*\n((?: +\d.*\n)+)", done.stdout, re.MULTILINE)[1]
    lab.same([[int(cell.replace(",", "")) for cell in row.split()[4:]] for row in marks.splitlines()],
             [[int(cell) for cell in line[3:6]] for line in zoneinfo], f"{path.name}: the table of marks")


def check_beside_the_map(tool):
    """Tables of memory that no memory map has."""
    folder = tool.firmware
    plain, _ = tool.json("machine", folder / "pvh-q35-1G-nvdimm.bin", folder / "acpi-nvdimm-SRAT.bin")
    machine, text = tool.json("machine", folder / "acpi-nvdimm-NFIT.bin", folder / "pvh-q35-1G-nvdimm.bin",
                              folder / "acpi-nvdimm-SRAT.bin")
    lab.same(machine["zones"], plain["zones"], "zones with an NVDIMM")
    lab.same(machine["bytes_by_kind"].get("persistent"), 256 << 20, "bytes of the NVDIMM")
    lab.check("Hot-plug windows: 0x110000000-" in text, text)

    machine, text = tool.json("machine", folder / "acpi-cxl-CEDT.bin", folder / "pvh-q35-1G-cxl.bin",
                              folder / "acpi-cxl-SRAT.bin")
    regions = re.findall(r"([0-9a-f]{16})-([0-9a-f]{16}) .*cxl-fixed-memory-region",
                         (folder / "acpi-cxl-CEDT.txt").read_text(encoding="ascii"))
    lab.same(len(regions), 2, "windows of CXL")
    for node, (first, last) in enumerate(regions, 2):
        lab.check(f"{int(first, 16):#x}-{int(last, 16):#x} of node {node}" in text, text)
    lab.same([node["present_frames"] > 0 for node in machine["nodes"]], [True, True, False, False], "nodes with memory")
    lab.same(machine["defects"], [], "defects of the CXL machine")


def main():
    tool = lab.Lab(*sys.argv[1:3])
    folder = pathlib.Path(tool.firmware)
    patterns = ("pvh-*.bin", "multiboot?-*.bin", "*.dtb", "*.efimap")
    dumps = [path for pattern in patterns for path in folder.glob(pattern)]
    lab.check(len(dumps) >= 40, f"only {len(dumps)} dumps")
    compared = 0
    for path in sorted(dumps):
        machine, _ = tool.json("machine", path)
        present = sum(zone["present_frames"] for zone in machine["zones"])
        lab.same(sum(node["present_frames"] for node in machine["nodes"]), present, f"{path.name}: frames of nodes")
        lab.check(machine["bytes_by_kind"]["usable"] >= present << 12, f"{path.name}: usable bytes")
        pages = expected_pages(path)
        if pages is not None:
            compared += 1
            lab.same(present, pages, f"{path.name}: frames that the guest has")
        check_views(tool, path, machine)
    lab.check(compared >= 37, f"only {compared} dumps have a text")

    for name in ("mirror_numa4", "ovmf_numa4", "sb_numa4"):
        log = folder / name / "dmesg.txt"
        for inputs in ([log], tool.tables(name, "dmesg.txt")):
            machine, _ = tool.json("machine", *inputs)
            total = sum(zone["present_frames"] for zone in machine["zones"])
            lab.same(total, kernel_log(log), f"{name}: the log's total")
        check_views(tool, log, tool.json("machine", log)[0])
    check_beside_the_map(tool)
    print(f"{len(dumps)} dumps and 3 logs are recognised, {compared} compared with what their guests printed")


main()
