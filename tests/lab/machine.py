# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""machine.py ROOT ASHLAR_LAB MACHINE: what `ashlar-lab machine` makes of a real machine's tables is what Linux made of
them, as its zoneinfo counts pages. Linux does not use page 0."""
import collections
import pathlib
import re
import struct
import sys
import tempfile

import lab

KINDS = {"DMA": "dma", "DMA32": "dma32", "Normal": "normal", "Movable": "movable"}
MAPS = {"mirror_numa4": [["dmesg.txt"], ["efi-memmap.txt"], ["e820.txt", "efi-memmap.txt"],
                         ["sysfs-memmap.txt", "efi-memmap.txt"]],
        "ovmf_numa4": [["e820.txt"], ["efi-memmap.txt"], ["efi-memmap.txt", "e820.txt"], ["sysfs-memmap.txt"]],
        "sb_numa4": [["e820.txt"], ["sysfs-memmap.txt"]]}


def zoneinfo(path):
    """{(node, kind): {"spanned": pages, "present": pages}}"""
    zones = {}
    for line in path.read_text(encoding="ascii").splitlines():
        heading = re.match(r"Node (\d+), zone\s+(\w+)", line)
        if heading:
            counts = zones[int(heading[1]), KINDS.get(heading[2], heading[2])] = {}
        else:
            name, pages = line.split()
            counts[name] = int(pages)
    return zones


def slit(path):
    table = path.read_bytes()
    (count,) = struct.unpack_from("<Q", table, 36)
    return [list(table[44 + row * count:44 + (row + 1) * count]) for row in range(count)]


def movable_starts(log):
    """{node: first frame} of what follows "Movable zone start for each node"."""
    block = re.search(r"Movable zone start for each node\n((?:\[.*\]\s+Node \d+: 0x[0-9a-f]+\n)+)", log)
    return {int(node): int(address, 16) >> 12
            for node, address in re.findall(r"Node (\d+): 0x([0-9a-f]+)", block[1])}


def check_form(machine):
    lab.same(list(machine), ["nodes", "zones", "bytes_by_kind", "defects"], "keys")
    for node in machine["nodes"]:
        lab.same(list(node), ["id", "cpus", "present_frames", "distances"], "keys of a node")
    for zone in machine["zones"]:
        lab.same(list(zone), ["node", "kind", "mirrored", "first_frame", "spanned_frames", "present_frames"],
                 "keys of a zone")
        lab.check(zone["kind"] in KINDS.values() and isinstance(zone["mirrored"], bool), f"{zone}")


def check_sysfs(tool, name):
    """The folders of /sys/firmware/memmap are what their listing is."""
    listing = tool.firmware / name / "sysfs-memmap.txt"
    with tempfile.TemporaryDirectory() as scratch:
        for line in listing.read_text(encoding="ascii").splitlines():
            number, start, end, kind = line.split(" ", 3)
            folder = pathlib.Path(scratch, number)
            folder.mkdir()
            for file, content in (("start", start), ("end", end), ("type", kind)):
                (folder / file).write_text(content + "\n", encoding="ascii")
        lab.same(tool.json("machine", scratch)[0], tool.json("machine", listing)[0], "the tree of sysfs")


def check_performance(tool, name, inputs, machine):
    """An HMAT changes no zone; what is printed of the nearest initiators is what Linux says of them."""
    shown, text = tool.json("machine", tool.firmware / name / "HMAT.dat", *inputs)
    lab.same(shown, machine, "with an HMAT")
    figures = {(int(initiator), int(memory)): (float(read), float(write), reads, writes)
               for initiator, memory, read, write, reads, writes
               in re.findall(r"^ +(\d+) +(\d+) +([\d.]+) ns +([\d.]+) ns +([\d,]+) MB/s +([\d,]+) MB/s$", text, re.MULTILINE)}
    lab.same(len(figures), 8, "pairs")
    nodes = (tool.firmware / name / "nodes.txt").read_text(encoding="ascii")
    nearest = dict(re.findall(r"node(\d)/access0/initiators node(\d)", nodes))
    theirs = {(node, what): int(value)
              for node, what, value in re.findall(r"node(\d)/access0/initiators/(\w+):(\d+)", nodes)}
    for node, initiator in nearest.items():
        figure = figures[int(initiator), int(node)]
        lab.same(figure[:2], (theirs[node, "read_latency"], theirs[node, "write_latency"]), f"latency of node {node}")
        lab.same([int(cell.replace(",", "")) for cell in figure[2:]],
                 [theirs[node, "read_bandwidth"], theirs[node, "write_bandwidth"]], f"bandwidth of node {node}")
    lab.check("Nearest initiator: 0 of node 2, 1 of node 3\n" in text, text)
    lab.same([nearest["2"], nearest["3"]], ["0", "1"], "Linux's nearest initiators")
    lab.same(text.count("Memory-side cache of node "), 2, "caches")


def main():
    root, program, name = sys.argv[1:4]
    tool = lab.Lab(root, program)
    folder = tool.firmware / name
    zones = zoneinfo(folder / "zoneinfo.txt")
    check_sysfs(tool, name)
    for maps in MAPS[name]:
        inputs = tool.tables(name, *maps)
        machine, _ = tool.json("machine", *inputs)
        check_form(machine)
        lab.same(tool.json("machine", *reversed(inputs))[0], machine, f"{maps} in the opposite order")
        lab.same(machine["defects"], [], "defects")
        lab.same([node["id"] for node in machine["nodes"]], [0, 1, 2, 3], "nodes")
        lab.same([node["cpus"] for node in machine["nodes"]], [2, 2, 0, 0], "CPUs")
        lab.same([node["distances"] for node in machine["nodes"]], slit(folder / "SLIT.dat"), "distances")
        for node in machine["nodes"]:
            theirs = sum(counts["present"] for (owner, _), counts in zones.items() if owner == node["id"])
            lab.same(node["present_frames"], theirs + (node["id"] == 0), f"present frames of node {node['id']}")
        if name == "mirror_numa4":
            check_mirrored(machine, zones, movable_starts((folder / "dmesg.txt").read_text(encoding="utf-8")))
        else:
            check_ordinary(machine, zones)
        check_performance(tool, name, inputs, machine)
        print(f"{name} from {maps}: {len(machine['zones'])} zones are as Linux counted them")


def check_mirrored(machine, zones, starts):
    """With kernelcore=mirror, Linux's zones but Movable are the mirrored memory."""
    ours = collections.Counter()
    for zone in machine["zones"]:
        ours[zone["node"], zone["mirrored"]] += zone["present_frames"]
    ours[0, True] -= 1
    for node in range(4):
        mirrored = sum(zones[node, kind]["present"] for kind in ("dma", "dma32", "normal"))
        lab.same(ours[node, True], mirrored, f"mirrored frames of node {node}")
        lab.same(ours[node, False], zones[node, "movable"]["present"], f"ordinary frames of node {node}")
    ordinary = {zone["node"]: zone["first_frame"] for zone in machine["zones"] if not zone["mirrored"]}
    lab.same(ordinary, starts, "where ordinary zones start")
    lab.check(all((zone["kind"] == "movable") != zone["mirrored"] for zone in machine["zones"]), "movable zones")


def check_ordinary(machine, zones):
    """Without mirrored memory our zones are Linux's, one by one."""
    ours = {(zone["node"], zone["kind"]): zone for zone in machine["zones"]}
    lab.same(len(ours), len(machine["zones"]), "zones of a node and kind")
    theirs = {key: counts for key, counts in zones.items() if counts["present"] > 0}
    lab.same(sorted(ours), sorted(theirs), "zones")
    for key, zone in ours.items():
        page_0 = key == (0, "dma")
        lab.same(zone["present_frames"], theirs[key]["present"] + page_0, f"present frames of {key}")
        lab.same(zone["spanned_frames"], theirs[key]["spanned"] + page_0, f"spanned frames of {key}")
        lab.check(not zone["mirrored"], f"{key} is mirrored")


main()
