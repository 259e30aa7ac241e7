# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""errors.py ROOT ASHLAR_LAB: inputs that cannot be read or used end the program with a sentence on stderr that names
them, and nothing on stdout; inputs that are only odd do not."""
import gzip
import os
import pathlib
import sys
import tempfile

import lab


def main():
    tool = lab.Lab(*sys.argv[1:3])
    mirror = tool.firmware / "mirror_numa4"
    efi_map = tool.firmware / "ovmf-q35-6G.efimap"
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        write(scratch)
        cut = scratch / "cut.xz"
        cut.write_bytes(tool.perf_script.read_bytes()[:5000])

        # (exit status, what stderr says, words)
        wrong = [
            (2, "machine, replay or lab", []),
            (2, "frob is none of", ["frob"]),
            (2, "needs a file", ["machine"]),
            (2, "does not know --frob", ["machine", "--frob"]),
            (2, "--json needs a value", ["machine", mirror / "dmesg.txt", "--json"]),
            (2, "--stride 0", ["machine", "--uefi", efi_map, "--stride", "0"]),
            (2, "--stride x", ["machine", "--uefi", efi_map, "--stride", "x"]),
            (2, "needs --stride", ["machine", "--uefi", efi_map]),
            (2, "--mirror-limit 3X", ["machine", mirror / "dmesg.txt", "--mirror-limit", "3X"]),
            (2, "needs --trace", ["replay"]),
            (2, "--composition radix", ["replay", "--trace", tool.compact, "--composition", "radix"]),
            (1, "missing: No such file", ["machine", scratch / "missing"]),
            (1, "Is a directory", ["machine", scratch]),
            (1, "Is a directory", ["machine", scratch / "unnumbered"]),
            (1, "half/0/end: No such file", ["machine", scratch / "half"]),
            (1, "empty: the file is empty", ["machine", scratch / "empty"]),
            (1, "garbage: neither", ["machine", scratch / "garbage"]),
            (1, "prose: no line of a memory table", ["machine", scratch / "prose"]),
            (1, "packed by gzip: unpack it first", ["machine", scratch / "gzip"]),
            (1, "a tar archive: unpack it first", ["machine", scratch / "tar"]),
            (1, "UTF-16 text: convert it", ["machine", scratch / "utf16"]),
            (1, "acpixtract", ["machine", scratch / "acpidump"]),
            (1, "a listing of /proc/iomem", ["machine", scratch / "iomem"]),
            (1, "no BIOS-e820, efi: memNN or node range line", ["machine", scratch / "srat-log"]),
            (1, "No memory node of this device tree", ["machine", scratch / "tree"]),
            (1, "JSON is what --json writes", ["machine", scratch / "json"]),
            (1, "garbage: no E820 entries", ["machine", "--e820", scratch / "garbage"]),
            (1, "empty: the file is empty", ["machine", "--e820", scratch / "empty"]),
            (1, "SRAT.dat: no usable memory", ["machine", mirror / "SRAT.dat"]),
            (1, "short-srat: ", ["machine", mirror / "dmesg.txt", scratch / "short-srat"]),
            (1, "hmat-9: a revision", ["machine", mirror / "dmesg.txt", scratch / "hmat-9"]),
            (1, "it cannot be written", ["machine", mirror / "dmesg.txt", "--json", scratch / "no" / "where"]),
            (1, "missing: No such file", ["replay", "--trace", scratch / "missing"]),
            (1, "empty: the file is empty", ["replay", "--trace", scratch / "empty"]),
            (1, "garbage: no page allocation", ["replay", "--trace", scratch / "garbage"]),
            (1, "prose: no page allocation", ["replay", "--trace", scratch / "prose"]),
            (1, "frees: there are frees in it, but no allocation", ["replay", "--trace", scratch / "frees"]),
            (1, "prose: no line of a memory table", ["replay", "--trace", tool.perf_script, scratch / "prose"]),
            (1, "cut.xz: xz cannot unpack it", ["replay", "--trace", cut]),
        ]
        for status, sentence, words in wrong:
            done = tool.run(*words)
            lab.same(done.returncode, status, words)
            lab.check(sentence in done.stderr, f"{words}: {done.stderr!r} does not say {sentence!r}")
            lab.check(done.stderr.startswith("ashlar-lab: ") and done.stderr.count("\n") == 1, done.stderr)
            if "--json" not in words:
                lab.same(done.stdout, "", words)

        done = tool.run("replay", "--trace", tool.perf_script, env={**os.environ, "PATH": str(scratch)})
        lab.check(done.returncode == 1 and "it takes the program xz" in done.stderr, f"without xz: {done.stderr}")

        odd = [
            ("FACP, which is ignored", ["machine", mirror / "dmesg.txt", scratch / "facp"]),
            ("left out: 1 line that cannot be read", ["replay", "--trace", scratch / "half-line", "--composition",
                                       "radix/mirror_off/nearest"]),
        ]
        for sentence, words in odd:
            done = tool.run(*words)
            lab.check(done.returncode == 0 and sentence in done.stderr, f"{words}: {done.stderr}")
        check_other_inputs(tool, efi_map, scratch)
        check_help(tool)
    print(f"{len(wrong)} wrong inputs are told from right ones")


def write(scratch):
    (scratch / "empty").write_bytes(b"")
    (scratch / "garbage").write_bytes(bytes(range(256)) * 20)
    (scratch / "prose").write_text("It was a dark and stormy night.\n", encoding="ascii")
    (scratch / "json").write_text(' \n{"nodes": []}\n', encoding="ascii")
    (scratch / "frees").write_text("0\t0\tf\t100\t0\t-\t-\n", encoding="ascii")
    (scratch / "half-line").write_text("0\t0\ta\t100\t0\t1\tu\n1\t0\ta\t10", encoding="ascii")
    (scratch / "short-srat").write_bytes(b"SRAT" + (40).to_bytes(4, "little") + bytes(32))
    (scratch / "hmat-9").write_bytes(b"HMAT" + (40).to_bytes(4, "little") + b"\x09" + bytes(31))
    (scratch / "facp").write_bytes(b"FACP" + (64).to_bytes(4, "little") + bytes(56))
    (scratch / "gzip").write_bytes(gzip.compress(b"BIOS-e820:"))
    (scratch / "tar").write_bytes(b"dmesg.txt".ljust(257, b"\0") + b"ustar\x0000" + bytes(255))
    (scratch / "utf16").write_bytes("BIOS-e820:".encode("utf-16"))
    (scratch / "acpidump").write_text("SRAT @ 0x00000000\n    0000: 53 52 41 54\n", encoding="ascii")
    (scratch / "iomem").write_text("00001000-0009fbff : System RAM\n", encoding="ascii")
    (scratch / "srat-log").write_text("SRAT: Node 0 PXM 0 [mem 0x00000000-0x0009ffff]\n", encoding="ascii")
    # A header, no reservation, a root without anything.
    words = [0xd00dfeed, 72, 56, 72, 40, 17, 16, 0, 0, 16] + [0] * 4 + [1, 0, 2, 9]
    (scratch / "tree").write_bytes(b"".join(word.to_bytes(4, "big") for word in words))
    for number, folder in (("0", "half"), ("zero", "unnumbered")):
        (scratch / folder / number).mkdir(parents=True)
        (scratch / folder / number / "start").write_text("0x0\n", encoding="ascii")


def check_other_inputs(tool, efi_map, scratch):
    """A map is the same whether it comes with its header or without."""
    machine, _ = tool.json("machine", efi_map)
    (scratch / "raw").write_bytes(efi_map.read_bytes()[16:])
    lab.same(tool.json("machine", "--uefi", scratch / "raw", "--stride=48")[0], machine, "raw descriptors")
    lab.check(machine["zones"] and not machine["defects"], machine)
    e820, _ = tool.json("machine", "--e820", tool.firmware / "pvh-q35-6G-kvm.bin")
    lab.same(sum(zone["present_frames"] for zone in e820["zones"]), 1572735, "frames of a raw E820 table")
    printed = tool.json("machine", tool.firmware / "patent-48g-printed.txt")[0]
    lab.same([defect["kind"] for defect in printed["defects"]],
             ["digits", "hole", "inverted", "inverted", "label_mismatch"], "defects of the printed map")


def check_help(tool):
    done = tool.run("--help")
    lab.same(done.returncode, 0, "--help")
    for word in ("--mirror-limit", "device tree", "Multiboot", "--buddyinfo", "--zoneinfo", "--watermarks",
                 "radix/reliability_first/nearest", "list/mirror_off/interleave", "fallbacks", "--machine NAME",
                 "--peer FILE.so", "ashlar-lab.html", "kernel_mirrored_share"):
        lab.check(word in done.stdout, f"--help does not tell of {word}")


main()
