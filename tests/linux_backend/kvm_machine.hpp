// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include <ashlar/linux_backend/file_descriptor.hpp>
#include <ashlar/linux_backend/mapped_region.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

/// Ends the test as left out, unless guests can be run here.
inline void need_kvm() {
    const ashlar::file_descriptor kvm(open("/dev/kvm", O_RDWR | O_CLOEXEC));
    const ashlar::file_descriptor vm(kvm ? ioctl(kvm.number(), KVM_CREATE_VM, 0) : -1);
    if (vm) return;
    std::printf("left out: /dev/kvm %s\n", kvm ? "makes no machine" : "cannot be opened");
    std::fflush(stdout);
    std::_Exit(77);
}

/// A CPU of a virtual machine, in 64-bit mode, without a kernel.
struct kvm_cpu {
    ashlar::file_descriptor file;
    ashlar::mapped_region shared;

    [[nodiscard]] kvm_run& run() const {
        return *static_cast<kvm_run*>(static_cast<void*>(shared.bytes().data()));
    }
    /// What a port is written, or is to be read as.
    [[nodiscard]] std::byte* port_data() const { return shared.bytes().data() + run().io.data_offset; }
};

/// A virtual machine without memory.
class kvm_machine {
 public:
    kvm_machine() {
        kvm_ = ashlar::file_descriptor(open("/dev/kvm", O_RDWR | O_CLOEXEC));
        REQUIRE(kvm_);
        vm_ = ashlar::file_descriptor(ioctl(kvm_.number(), KVM_CREATE_VM, 0));
        REQUIRE(vm_);
        (void)ioctl(vm_.number(), KVM_SET_TSS_ADDR, 0xfffbd000);  // Intel wants it, AMD does not know it
    }

    [[nodiscard]] int number() const { return vm_.number(); }

    /// It begins at `registers`, over the page tables at `tables`, which users may use; flat segments, no
    /// interrupts. In ring 3, where it may use ports: some KVMs have no hardware that runs ring 0, and
    /// emulate each instruction of it, a hundred times slower.
    [[nodiscard]] kvm_cpu make_cpu(unsigned number, std::uint64_t tables, kvm_regs registers) const {
        kvm_cpu made;
        made.file = ashlar::file_descriptor(ioctl(vm_.number(), KVM_CREATE_VCPU, number));
        REQUIRE(made.file);
        const int size = ioctl(kvm_.number(), KVM_GET_VCPU_MMAP_SIZE, 0);
        REQUIRE(size > 0);
        REQUIRE(made.shared.map_file(made.file.number(), 0, static_cast<std::size_t>(size)) ==
                ashlar::errc::ok);
        // Long mode is there if the guest's CPUID has it. struct kvm_cpuid2 is two words and then entries of
        // ten; in C++ the kernel's header makes it longer, and with it the numbers of the calls.
        constexpr std::uint32_t entries = 256;
        std::vector<std::uint32_t> leaves(2 + entries * 10);
        leaves[0] = entries;
        constexpr unsigned long supported = _IOC(_IOC_READ | _IOC_WRITE, KVMIO, 0x05, 8);
        constexpr unsigned long set = _IOC(_IOC_WRITE, KVMIO, 0x90, 8);
        REQUIRE(ioctl(kvm_.number(), supported, leaves.data()) == 0);
        REQUIRE(ioctl(made.file.number(), set, leaves.data()) == 0);

        kvm_sregs system{};
        REQUIRE(ioctl(made.file.number(), KVM_GET_SREGS, &system) == 0);
        kvm_segment flat{};
        flat.limit = 0xffffffff;
        flat.present = flat.s = flat.g = 1;
        flat.dpl = 3;
        system.cs = flat;
        system.cs.selector = 0x1b;
        system.cs.type = 11;  // code, accessed
        system.cs.l = 1;
        flat.selector = 0x23;
        flat.type = 3;  // data, writable, accessed
        flat.db = 1;
        system.ds = system.es = system.fs = system.gs = system.ss = flat;
        system.cr3 = tables;
        system.cr4 = 1 << 5;                 // PAE
        system.cr0 = 0x80000011;             // paging, extension type, protected mode
        system.efer = (1 << 8) | (1 << 10);  // long mode enabled, active
        REQUIRE(ioctl(made.file.number(), KVM_SET_SREGS, &system) == 0);
        registers.rflags = 0x3002;  // ports from ring 3 on
        REQUIRE(ioctl(made.file.number(), KVM_SET_REGS, &registers) == 0);
        return made;
    }

 private:
    ashlar::file_descriptor kvm_;
    ashlar::file_descriptor vm_;
};
