#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""boot.py ROOT IMAGE CASE: boots examples/firmware under QEMU. Its output and QEMU's exit status are the verdict.

CASE: `nodes N`, or a tree that the firmware has to refuse: `broken-tree`, `no-memory`.
"""
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

QEMU = "qemu-system-riscv64"
COMPILER = "riscv64-linux-gnu-g++"
MEBIBYTES = 256
FRAMES = MEBIBYTES * 256
OPENSBI_FRAMES = 128
# Tree, image, initrd and metadata have some 200 frames.
MOST_USED = 512


def fail(reason, status=1):
    print(reason)
    sys.exit(status)


def qemu(*arguments, machine="virt"):
    """What it printed, and its exit status."""
    command = [QEMU, "-machine", machine, "-m", f"{MEBIBYTES}M", "-display", "none", "-serial", "stdio", "-monitor", "none",
               "-bios", "default", *map(str, arguments)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    except subprocess.TimeoutExpired as late:
        fail(f"{(late.stdout or b'').decode(errors='replace')}\nno end in a minute")
    said = done.stdout.decode(errors="replace")
    if "Unable to find the RISC-V BIOS" in said:
        fail("left out: opensbi is missing", 77)
    print(said)
    return said.replace("\r", "").splitlines(), done.returncode


def numa(count):
    # The interrupt controller that is the default cannot be had for more than two nodes.
    arguments = ["-machine", "aia=aplic", "-smp", count]
    for node in range(count):
        arguments += ["-object", f"memory-backend-ram,id=ram{node},size={MEBIBYTES // count}M",
                      "-numa", f"node,nodeid={node},cpus={node},memdev=ram{node}"]
    return arguments


def expect(holds, what):
    if not holds:
        fail(f"not so: {what}")


def matches(pattern, lines):
    return [[int(number) for number in found.groups()] for found in map(re.compile(pattern).fullmatch, lines) if found]


def boots(image, initrd, count):
    lines, status = qemu("-kernel", image, "-initrd", initrd, *(numa(count) if count > 1 else []))
    expect(status == 0 and lines[-1] == "done", f"it ends well (status {status})")
    zones = matches(r"zone dma32 of node (\d+): frames (\d+) to (\d+), free (\d+)", lines)
    expect([zone[0] for zone in zones] == list(range(count)), f"{count} nodes with a zone each, ascending")
    for node, first, end, free in zones:
        share = FRAMES // count
        start = 0x80000 + node * share
        expect(start <= first < end <= start + share, f"zone of node {node} lies in its memory")
        expect(share - MOST_USED < free <= end - first, f"nearly all of node {node} is free")
    total = sum(zone[3] for zone in zones)
    expect(total <= FRAMES - OPENSBI_FRAMES, "OpenSBI's memory is reserved")
    expect(matches(r"wrote (\d+) frames", lines) == [[total]], "every free frame was written")
    expect(matches(r"node (\d+) offline: free (\d+)", lines) == [[count - 1, total - zones[-1][3]]], "the last node leaves")
    expect(matches(r"node (\d+) online: free (\d+)", lines) == [[count - 1, total]], "and comes back")
    orders = matches(r"node (\d+): blocks of (\d+) orders", lines)
    expect([node for node, _ in orders] == list(range(count)) and all(each >= 13 for _, each in orders),
           "each node has blocks up to half its size, whatever is in use")
    recovered = matches(r"recovered: free (\d+)", lines)
    expect(len(recovered) == 1 and total - 64 < recovered[0][0] < total, "the copy lacks what was taken for it")


def refuses(lines, status, *said):
    expect(status == 1, f"the failing status 1 (it was {status})")
    for line in said:
        expect(any(re.fullmatch(line, each) for each in lines), f"it says: {line}")
    expect("done" not in lines, "it stops there")


def with_value(tree, name, old, new):
    """The tree with another value of a property, where it stands first. QEMU and OpenSBI do without it."""
    strings, = struct.unpack_from(">I", tree, 12)
    head = struct.pack(">III", 3, len(old), tree.index(name + b"\0", strings) - strings)
    expect(head + old in tree and len(old) == len(new), f"the tree has {name}")
    return tree.replace(head + old, head + new, 1)


def boots_not(image, property, *said):
    with tempfile.TemporaryDirectory() as scratch:
        tree = pathlib.Path(scratch) / "tree.dtb"
        qemu(machine=f"virt,dumpdtb={tree}")
        tree.write_bytes(with_value(tree.read_bytes(), *property))
        refuses(*qemu("-kernel", image, "-dtb", tree), *said)


def main():
    root, image, case, *count = sys.argv[1:]
    if not shutil.which(QEMU):
        fail(f"left out: {QEMU} is missing", 77)
    if not pathlib.Path(image).exists():
        if not shutil.which(COMPILER):
            fail(f"left out: {COMPILER} is missing", 77)
        fail(f"{image} is missing: build the target `firmware` (if there is none, configure again)")
    if case == "nodes":
        boots(image, pathlib.Path(root) / "LICENSE", int(count[0]))
    elif case == "broken-tree":
        boots_not(image, (b"#address-cells", bytes([0, 0, 0, 2]), bytes([0, 0, 0, 3])), "failed: read_fdt: invalid",
                  r"device tree, byte \d+: addresses and sizes have one cell or two")
    else:
        boots_not(image, (b"device_type", b"memory\0", b"memoir\0"), "failed: usable memory: exhausted")


main()
