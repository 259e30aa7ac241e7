#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Guests under QEMU, x86-64, whose output and exit status are the verdict.

guests.py ROOT NEAR memory FAR MEBIBYTES
    Two of them. FAR runs without a system in MEBIBYTES of memory, which are a file. NEAR is the init of a Linux that
    has the file as BAR 2 of an ivshmem device, and two devices that do DMA. It asks for what only the host can do by
    lines that begin with @.
guests.py ROOT NEAR drivers DEVICES
    A Linux with such devices and the drivers that give them to programs; NEAR runs DEVICES for each.

ASHLAR_GUEST_KERNEL=FILE: another kernel. ASHLAR_ACCELERATOR=kvm: no emulation, where a Linux runs well so.
"""
import ctypes
import glob
import gzip
import lzma
import os
import pathlib
import re
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
# Each after what it needs; older kernels have one for events of VFIO.
MODULES = ["uio", "uio_cif", "irqbypass", "vfio", "vfio_virqfd", "vfio_iommu_type1", "vfio-pci-core", "vfio-pci"]


def leave_out(why):
    print(f"left out: {why}")
    sys.exit(77)


def need_qemu():
    if not shutil.which(QEMU):
        leave_out(f"{QEMU} is missing")
    known = subprocess.run([QEMU, "-device", "help"], capture_output=True, text=True, check=True).stdout
    for device in ("edu", "ivshmem-plain"):
        if f'"{device}"' not in known:
            leave_out(f"this {QEMU} has no {device}")


def find_kernel(root):
    """A kernel's image that may be read: the one that cmake/test.sh has fetched, else one of this machine."""
    asked = os.environ.get("ASHLAR_GUEST_KERNEL")
    fetched = glob.glob(f"{glob.escape(root)}/build/guest-kernel/boot/vmlinuz-*")
    for each in [asked] if asked else [*fetched, *sorted(glob.glob("/boot/vmlinuz-*"), reverse=True)]:
        if os.access(each, os.R_OK):
            return pathlib.Path(each)
    leave_out("no Linux kernel may be read in /boot (`sh cmake/test.sh` fetches one; else ASHLAR_GUEST_KERNEL=FILE)")


def modules(kernel):
    """The kernel's own, in the order in which they are loaded."""
    folder = kernel.parent.parent / "lib/modules" / kernel.name.removeprefix("vmlinuz-")
    readers = {".ko": pathlib.Path.read_bytes, ".xz": lambda file: lzma.decompress(file.read_bytes()),
               ".gz": lambda file: gzip.decompress(file.read_bytes())}
    files = {}
    for number, name in enumerate(MODULES):
        found = [file for spelt in {name, name.replace("-", "_")} for file in folder.rglob(f"{spelt}.ko*")]
        if found and found[0].suffix in readers:
            files[f"modules/{number:02}-{name}"] = readers[found[0].suffix](found[0])
        elif name in ("uio_cif", "vfio-pci"):
            leave_out(f"{folder} has no {name} that may be loaded")
    return files


def with_libraries(name, program):
    """The program, and what it is linked to, where it looks for that."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    libraries = re.findall(r"(?:^|=>)\s*(/\S+)", listed, re.MULTILINE)
    return {name: pathlib.Path(program).read_bytes(),
            **{library.lstrip("/"): pathlib.Path(library).read_bytes() for library in libraries}}


def archive(files):
    """A file system for the kernel. The format is "newc", see cpio(5)."""
    def entry(number, name, mode, content=b""):
        name = name.encode() + b"\0"
        fields = [number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0]
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
        return b"".join(part + bytes(-len(part) % 4) for part in (head, content))
    folders = {str(parent): None for name in files for parent in pathlib.PurePath(name).parents if parent.name}
    entries = [(name, 0o040755) for name in sorted(folders)] + [(name, 0o100755, files[name]) for name in files]
    return b"".join(entry(number, *each) for number, each in enumerate([*entries, ("TRAILER!!!", 0)], 1))


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


class Host:
    """Guests that run, and what the near one asks for."""

    def __init__(self, folder, kernel):
        self.folder = folder
        self.kernel = kernel
        self.selector = selectors.DefaultSelector()
        self.guests = []
        self.near = None

    def start(self, name, arguments):
        guest = Guest(name, arguments)
        self.guests.append(guest)
        self.selector.register(guest.process.stdout, selectors.EVENT_READ, guest)
        return guest

    def start_near(self, files, command_line, arguments):
        """A Linux with these devices: where near.hpp says."""
        (self.folder / "files").write_bytes(archive(files))
        # Emulated timers come late on a busy machine: they are not to be judged.
        line = f"console=ttyS0 quiet panic=-1 nokaslr no_timer_check {command_line}"
        self.near = self.start("near", ["-machine", "q35", "-m", "256M", "-kernel", self.kernel,
                                        "-initrd", self.folder / "files", "-append", line, *arguments,
                                        "-device", "ivshmem-plain,memdev=far,addr=0x10",
                                        "-device", "edu,dma_mask=0xffffffffffffffff,addr=0x11", "-device", "edu,addr=0x12"])

    def do(self, request):
        raise ValueError(request)

    def run(self):
        """Whether the near guest has ended well."""
        until = time.monotonic() + SECONDS
        while True:
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
                        guest.process.stdin.write(b"done\n")
                        guest.process.stdin.flush()
                if more:
                    continue
                self.selector.unregister(guest.process.stdout)
                status = guest.process.wait()
                if guest is self.near:
                    return status == ENDED_WELL
                if status not in (-signal.SIGKILL, ENDED_WELL):
                    print(f"the far guest has ended ({status})")
                    return False

    def end(self):
        for guest in self.guests:
            guest.kill()


class Memory(Host):
    def __init__(self, folder, kernel, near, far, mebibytes):
        super().__init__(folder, kernel)
        self.memory = folder / "memory"
        self.far_image = far
        self.mebibytes = int(mebibytes)
        self.starts = 0
        with self.memory.open("wb") as file:
            file.truncate(self.mebibytes << 20)
        self.start_far()
        self.start_near(near, "", ["-object", self.backend("far")])

    def backend(self, name):
        return f"memory-backend-file,id={name},size={self.mebibytes}M,mem-path={self.memory},share=on"

    def start_far(self):
        self.starts += 1
        self.far = self.start("far", ["-machine", "q35,memory-backend=ram", "-m", f"{self.mebibytes}M", "-object",
                                      self.backend("ram"), "-kernel", self.far_image, "-append", self.starts])

    def do(self, request):
        if request == "kill":
            self.far.kill()
        elif request == "ones":
            # What a bridge reads as whose link is down.
            with self.memory.open("r+b") as file:
                file.write(b"\xff" * (self.mebibytes << 20))
        elif request == "start":
            self.start_far()
        elif request == "ended":
            self.far.process.wait(timeout=20)
        else:
            super().do(request)


class Drivers(Host):
    def __init__(self, folder, kernel, near, devices):
        super().__init__(folder, kernel)
        files = {**near, **with_libraries("devices", devices), **modules(kernel)}
        # VFIO wants to know that devices are kept apart.
        self.start_near(files, "intel_iommu=on -- drivers",
                        ["-object", "memory-backend-ram,id=far,size=1M,share=on", "-device", "intel-iommu"])


def main():
    root, near, case, *rest = sys.argv[1:]
    need_qemu()
    kernel = find_kernel(root)
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > 512 << 20 else None
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        host = {"memory": Memory, "drivers": Drivers}[case](pathlib.Path(folder), kernel, with_libraries("init", near), *rest)
        try:
            ended_well = host.run()
        finally:
            host.end()
    print(f"{'passed' if ended_well else 'failed'} in {time.monotonic() - began:.1f} s, with {kernel}")
    sys.exit(0 if ended_well else 1)


main()
