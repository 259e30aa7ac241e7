#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""guests.py ROOT NEAR FAR MEBIBYTES: two guests under QEMU, one of which has the other one's memory behind a BAR.

FAR runs without a system in MEBIBYTES of memory, which are a file; NEAR is the init of a Linux that has the file as
BAR 2 of an ivshmem device, and two devices that do DMA. NEAR's exit status is the verdict; it asks for what only the
host can do by lines that begin with @. ASHLAR_ACCELERATOR=kvm instead of emulation, where a Linux guest runs well so.
"""
import ctypes
import glob
import os
import pathlib
import platform
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time

QEMU = "qemu-system-x86_64"
SECONDS = 100
COMMON = ["-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot",
          "-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
ENDED_WELL = 1  # isa-debug-exit: 2 * 0 + 1


def leave_out(why):
    print(f"left out: {why}")
    sys.exit(77)


def need_devices():
    if not shutil.which(QEMU):
        leave_out(f"{QEMU} is missing")
    known = subprocess.run([QEMU, "-device", "help"], capture_output=True, text=True, check=True).stdout
    for device in ("edu", "ivshmem-plain"):
        if f'"{device}"' not in known:
            leave_out(f"this {QEMU} has no {device}")


def kernel(root):
    """A kernel's image that may be read: the one that cmake/test.sh has fetched, else one of this machine."""
    asked = os.environ.get("ASHLAR_GUEST_KERNEL")
    fetched = glob.glob(f"{glob.escape(root)}/build/guest-kernel/boot/vmlinuz-*")
    for each in [asked] if asked else [*fetched, *sorted(glob.glob("/boot/vmlinuz-*"), reverse=True)]:
        if os.access(each, os.R_OK):
            return each
    leave_out("no Linux kernel may be read in /boot (`sh cmake/test.sh` fetches one; else ASHLAR_GUEST_KERNEL=FILE)")


def archive(init):
    """A file system for the kernel: /init alone. The format is "newc", see cpio(5)."""
    def entry(name, mode, content):
        name = name.encode() + b"\0"
        fields = [1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0]
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
        return b"".join(part + bytes(-len(part) % 4) for part in (head, content))
    return entry("init", 0o100755, init) + entry("TRAILER!!!", 0, b"")


def die_with_us():
    """In the new process: it goes when this one does, however that ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Guest:
    def __init__(self, name, arguments):
        accelerator = os.environ.get("ASHLAR_ACCELERATOR", "tcg")
        processor = "max" if accelerator == "tcg" else "host"
        self.name = name
        self.said = b""
        self.process = subprocess.Popen([QEMU, *COMMON, "-accel", accelerator, "-cpu", processor, *map(str, arguments)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        preexec_fn=die_with_us)

    def lines(self, more):
        """What it has said since, as far as lines are whole."""
        self.said += more
        *whole, self.said = self.said.split(b"\n")
        return [line.decode(errors="replace").rstrip("\r") for line in whole]

    def kill(self):
        self.process.kill()
        self.process.wait()


class Pair:
    def __init__(self, folder, image, near, far, mebibytes):
        self.memory = folder / "memory"
        self.far_image = far
        self.mebibytes = mebibytes
        self.selector = selectors.DefaultSelector()
        self.starts = 0
        self.guests = []
        with self.memory.open("wb") as file:
            file.truncate(mebibytes << 20)
        files = folder / "files"
        files.write_bytes(archive(near.read_bytes()))
        self.far = self.start_far()
        self.near = self.start("near", ["-machine", "q35", "-m", "256M", "-kernel", image, "-initrd", files,
                                        "-append", "console=ttyS0 quiet panic=-1 nokaslr",
                                        "-object", self.backend("far"),
                                        "-device", "ivshmem-plain,memdev=far,addr=0x10",
                                        "-device", "edu,dma_mask=0xffffffffffffffff,addr=0x11", "-device", "edu,addr=0x12"])

    def backend(self, name):
        return f"memory-backend-file,id={name},size={self.mebibytes}M,mem-path={self.memory},share=on"

    def start(self, name, arguments):
        guest = Guest(name, arguments)
        self.guests.append(guest)
        self.selector.register(guest.process.stdout, selectors.EVENT_READ, guest)
        return guest

    def start_far(self):
        self.starts += 1
        return self.start("far", ["-machine", "q35,memory-backend=ram", "-m", f"{self.mebibytes}M", "-object",
                                  self.backend("ram"), "-kernel", self.far_image, "-append", self.starts])

    def do(self, request):
        if request == "kill":
            self.far.kill()
        elif request == "ones":
            # What a bridge reads as whose link is down.
            with self.memory.open("r+b") as file:
                file.write(b"\xff" * (self.mebibytes << 20))
        elif request == "start":
            self.far = self.start_far()
        elif request == "ended":
            self.far.process.wait(timeout=20)
        self.near.process.stdin.write(b"done\n")
        self.near.process.stdin.flush()

    def run(self):
        """Whether the near guest has ended well."""
        until = time.monotonic() + SECONDS
        while self.selector.get_map():
            ready = self.selector.select(max(0, until - time.monotonic()))
            if not ready:
                print(f"no end in {SECONDS} s")
                return False
            for key, _ in ready:
                guest = key.data
                more = os.read(guest.process.stdout.fileno(), 1 << 16)
                for line in guest.lines(more or b"\n"):
                    print(f"{guest.name}: {line}", flush=True)
                    if guest is self.near and line.startswith("@"):
                        self.do(line[1:])
                if more:
                    continue
                self.selector.unregister(guest.process.stdout)
                status = guest.process.wait()
                if guest is self.near:
                    return status == ENDED_WELL
                if status not in (-signal.SIGKILL, ENDED_WELL):
                    print(f"the far guest has ended ({status})")
                    return False
        return False

    def end(self):
        for guest in self.guests:
            guest.kill()


def main():
    root, near, far, mebibytes = sys.argv[1:]
    if platform.machine() not in ("x86_64", "AMD64"):
        leave_out("the guests are x86-64")
    need_devices()
    if not os.path.isabs(near):
        leave_out("the program of the guest that runs Linux has to be linked statically, and cannot be here")
    image = kernel(root)
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > 512 << 20 else None
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        pair = None
        try:
            pair = Pair(pathlib.Path(folder), image, pathlib.Path(near), far, int(mebibytes))
            ended_well = pair.run()
        finally:
            if pair:
                pair.end()
    print(f"{'passed' if ended_well else 'failed'} in {time.monotonic() - began:.1f} s, with {image}")
    sys.exit(0 if ended_well else 1)


main()
