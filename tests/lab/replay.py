# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""replay.py ROOT ASHLAR_LAB: the same trace gives the same figures in every run and every form that it is written in,
and they are what the trace and the machine say."""
import csv
import pathlib
import re
import sys
import tempfile

import lab

EVENT = re.compile(rb"\[(\d+)\].*? kmem:mm_page_(alloc|free): page=\S+ pfn=0x([0-9a-f]+) order=(\d+)")
NAMES = [f"{source}/{order}/{choice}" for source in ("rows", "radix", "list")
         for order in ("reliability_first", "locality_first", "mirror_off") for choice in ("nearest", "interleave")]
NAMES.insert(6, "rows_by_mobility/reliability_first/nearest")


def events_kept(perf_script):
    """How many lines the compact form has for these: frees of frames never seen allocated are left out."""
    live, kept = set(), 0
    for _, verb, frame, order in EVENT.findall(perf_script):
        frames = range(int(frame, 16), int(frame, 16) + (1 << int(order)))
        if verb == b"alloc":
            live.update(frames)
        elif frames[0] not in live:
            continue
        else:
            live.difference_update(frames)
        kept += 1
    return kept


def model(compact):
    """(most frames live at once, frames live at the end)"""
    live, peak = set(), 0
    for line in compact.splitlines():
        _, _, verb, frame, order, _, _ = line.split(b"\t")
        frames = range(int(frame, 16), int(frame, 16) + (1 << int(order)))
        (live.update if verb == b"a" else live.difference_update)(frames)
        peak = max(peak, len(live))
    return peak, len(live)


def check_form(replay, names):
    lab.same(list(replay), ["compositions", "oracle"], "keys")
    lab.same(list(replay["oracle"]), ["failures", "whole_blocks_share"], "keys of the oracle")
    lab.same([row["composition"] for row in replay["compositions"]], names, "compositions")
    for row in replay["compositions"]:
        lab.same(list(row), lab.KEYS, "keys of a composition")
        lab.check(row["ns_per_event"] > 0, f"{row}")
        lab.check(all(0 <= row[share] <= 1 for share in lab.SHARES), f"{row}")


def by_name(replay):
    return {row["composition"]: row for row in replay["compositions"]}


def main():
    tool = lab.Lab(*sys.argv[1:3])
    with tempfile.TemporaryDirectory() as scratch:
        check_forms(tool, pathlib.Path(scratch))
        check_partial_frees(tool, pathlib.Path(scratch))
        check_csv(tool, pathlib.Path(scratch))
    check_mirror(tool)
    print("ok")


def check_forms(tool, scratch):
    perf_script = lab.unpacked(tool.perf_script)
    (scratch / "perf.txt").write_bytes(perf_script)
    compact = b"".join(lab.unpacked(tool.compact).splitlines(keepends=True)[:events_kept(perf_script)])
    (scratch / "compact.tsv").write_bytes(compact)

    packed, printed = tool.json("replay", "--trace", tool.perf_script)
    check_form(packed, NAMES)
    peak, left = model(compact)
    lab.check(f"at most {peak:,} frames live at once, {left:,} at the end" in printed, printed)
    for what in (tool.perf_script, scratch / "perf.txt", scratch / "compact.tsv"):
        again = tool.json("replay", "--trace", what)[0]
        lab.same((lab.without_time(again), again["oracle"]), (lab.without_time(packed), packed["oracle"]), what)
    for row in packed["compositions"]:
        # One node without mirrored memory, of twice the frames that are needed.
        lab.same((row["mirrored_kernel_share"], row["local_share"], row["fallbacks"], row["failures"]), (0, 1, 0, 0),
                 row["composition"])
    apart, mixed = (by_name(packed)[f"{name}/reliability_first/nearest"] for name in ("rows_by_mobility", "rows"))
    lab.check(apart["pinned_blocks_share"] < mixed["pinned_blocks_share"], "classes keep pageblocks movable")
    for row in packed["compositions"]:
        lab.check(row["compacted_blocks_share"] >= row["whole_blocks_share"], row)
        # Nothing is worth more moves than there are frames in use.
        lab.check(row["compaction_moves"] < left, row)
    lab.check(apart["compaction_moves"] > 0 and apart["compacted_blocks_share"] > apart["whole_blocks_share"], apart)
    # Who knows the future packs what is left at the end.
    oracle, machine = packed["oracle"], 1 << (2 * peak - 1).bit_length()
    best = 512 * (machine // 512 - -(-left // 512)) / (machine - left)
    lab.same((oracle["failures"], oracle["whole_blocks_share"]), (0, round(best, 6)), "the oracle")
    lab.check(re.search(r"^  oracle( +-){5} +0 +[\d.]+ %( +-){3}$", printed, re.MULTILINE), printed)


def check_partial_frees(tool, scratch):
    trace = scratch / "pieces.tsv"
    trace.write_text("0\t0\ta\t100\t3\t0\tk\n1\t0\tf\t106\t1\t-\t-\n2\t9\ta\t106\t1\t1\tu\n3\t0\tf\t100\t2\t-\t-\n"
                     "4\t0\tf\t7000\t2\t-\t-\n5\t0\tf\t104\t1\t-\t-\n6\t3\ta\t400\t9\t1\tu\n", encoding="ascii")
    replay, printed = tool.json("replay", "--trace", trace)
    lab.check("at most 514 frames live at once, 514 at the end" in printed, printed)
    lab.check("1 free of frames that were allocated before" in printed, printed)
    for row in replay["compositions"]:
        # Of 2,048 frames 512 are one whole block in use, and two are in use in another block.
        lab.same((row["failures"], row["whole_blocks_share"]), (0, round(1024 / 1534, 6)), row["composition"])
        # What was unmovable has been freed.
        lab.same(row["pinned_blocks_share"], 0, row["composition"])
        # There is no other pageblock in use in part that they could go to.
        lab.same((row["compacted_blocks_share"], row["compaction_moves"]), (row["whole_blocks_share"], 0),
                 row["composition"])


def check_csv(tool, scratch):
    names = ["list/mirror_off/nearest", "radix/reliability_first/interleave"]
    path = scratch / "out.csv"
    replay, _ = tool.json("replay", "--trace", tool.perf_script, "--csv", path,
                          *(word for name in names for word in ("--composition", name)))
    check_form(replay, names)
    with path.open(encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    oracle = rows.pop()
    lab.same({key: value for key, value in oracle.items() if value}, {
        "composition": "oracle", "failures": "0", "whole_blocks_share": f"{replay['oracle']['whole_blocks_share']:.6f}"},
        "the oracle")
    for row, expected in zip(rows, replay["compositions"], strict=True):
        for key, value in expected.items():
            lab.same(row[key] if key == "composition" else float(row[key]), value, key)


def check_mirror(tool):
    tables = tool.tables("mirror_numa4", "dmesg.txt")
    ample = by_name(tool.json("replay", "--trace", tool.perf_script, *tables)[0])
    for source in ("rows", "radix", "list"):
        for order in ("reliability_first", "locality_first"):
            row = ample[f"{source}/{order}/nearest"]
            lab.same((row["mirrored_kernel_share"], row["fallbacks"], row["failures"]), (1, 0, 0), row)
        # Both nodes with CPUs have mirrored memory only: users are served from the others.
        lab.same(ample[f"{source}/mirror_off/nearest"]["local_share"], 1, "local share without mirror")
        lab.check(ample[f"{source}/reliability_first/nearest"]["local_share"] < 1, "local share with mirror")
        lab.same(ample[f"{source}/mirror_off/nearest"]["fallbacks"], 0, "fallbacks without mirror")

    # 2 MiB on each node are too little for the kernel: the orders part.
    scarce = by_name(tool.json("replay", "--trace", tool.perf_script, *tables, "--mirror-limit", "2M")[0])
    for source in ("rows", "radix", "list"):
        reliable, local = (scarce[f"{source}/{order}_first/nearest"] for order in ("reliability", "locality"))
        lab.same(local["local_share"], 1, "local share of locality first")
        lab.check(reliable["local_share"] < 1, f"{reliable}")
        lab.check(reliable["mirrored_kernel_share"] > local["mirrored_kernel_share"] > 0, f"{reliable} {local}")
        lab.check(0 < reliable["fallbacks"] < local["fallbacks"], f"{reliable} {local}")


main()
