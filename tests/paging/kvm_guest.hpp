// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

// A virtual machine of one processor in long mode, over page tables that a test has built in its memory.
namespace ashlar::testing {

/// The guest's memory: frame n lies at n * 4096.
struct guest_platform : platform {
    static constexpr std::uint64_t frame_bytes = 4096;
    static constexpr std::uint64_t frame_count = 4096;
    static inline std::byte* memory = nullptr;
    [[nodiscard]] static void* bytes_of(frame<> f) noexcept {
        return f.number < frame_count ? memory + f.number * frame_bytes : nullptr;
    }
};

class kvm_guest {
 public:
    kvm_guest() {
        system_ = open("/dev/kvm", O_RDWR | O_CLOEXEC);
        if (system_ < 0) {
            std::puts("left out: /dev/kvm is missing or may not be opened");
            std::fflush(stdout);
            std::_Exit(77);
        }
        machine_ = ioctl(system_, KVM_CREATE_VM, 0);
        if (machine_ < 0) {
            std::puts("left out: /dev/kvm makes no virtual machine");
            std::fflush(stdout);
            std::_Exit(77);
        }
        constexpr std::size_t bytes = guest_platform::frame_count * guest_platform::frame_bytes;
        void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        REQUIRE(memory != MAP_FAILED);
        guest_platform::memory = static_cast<std::byte*>(memory);
        kvm_userspace_memory_region region{};
        region.memory_size = bytes;
        region.userspace_addr = reinterpret_cast<std::uintptr_t>(memory);
        REQUIRE(ioctl(machine_, KVM_SET_USER_MEMORY_REGION, &region) == 0);
        processor_ = ioctl(machine_, KVM_CREATE_VCPU, 0);
        REQUIRE(processor_ >= 0);
        run_bytes_ = static_cast<std::size_t>(ioctl(system_, KVM_GET_VCPU_MMAP_SIZE, 0));
        void* const run = mmap(nullptr, run_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, processor_, 0);
        REQUIRE(run != MAP_FAILED);
        run_ = static_cast<kvm_run*>(run);
        REQUIRE(ioctl(processor_, KVM_GET_SREGS, &reset_) == 0);
    }
    kvm_guest(const kvm_guest&) = delete;
    kvm_guest& operator=(const kvm_guest&) = delete;
    ~kvm_guest() {
        munmap(run_, run_bytes_);
        munmap(guest_platform::memory, guest_platform::frame_count * guest_platform::frame_bytes);
        close(processor_);
        close(machine_);
        close(system_);
    }

    /// Long mode, paging on, writes of the supervisor heed the tables, NX; tables at `gdt` and `idt`.
    void enter_long_mode(frame<> root, std::uint64_t gdt, std::uint64_t idt, std::uint16_t idt_bytes) {
        kvm_sregs s = reset_;
        s.cr3 = root.number << 12;
        s.cr4 = 1 << 5;                       // PAE
        s.cr0 = 0x8001'0033;                  // PG, WP, NE, ET, MP, PE
        s.efer = 1 << 8 | 1 << 10 | 1 << 11;  // LME, LMA, NXE
        kvm_segment code{};
        code.limit = 0xffff'ffff;
        code.selector = 8;
        code.type = 11;
        code.present = 1;
        code.s = 1;
        code.l = 1;
        code.g = 1;
        kvm_segment data = code;
        data.selector = 16;
        data.type = 3;
        data.l = 0;
        data.db = 1;
        s.cs = code;
        s.ds = s.es = s.fs = s.gs = s.ss = data;
        s.gdt.base = gdt;
        s.gdt.limit = 23;
        s.idt.base = idt;
        s.idt.limit = idt_bytes == 0 ? 0 : static_cast<std::uint16_t>(idt_bytes - 1);
        REQUIRE(ioctl(processor_, KVM_SET_SREGS, &s) == 0);
    }
    /// Runs until the guest halts or dies; answers why it left, with the registers.
    [[nodiscard]] std::uint32_t run(kvm_regs& registers) {
        registers.rflags = 2;
        if (ioctl(processor_, KVM_SET_REGS, &registers) != 0) return KVM_EXIT_FAIL_ENTRY;
        while (ioctl(processor_, KVM_RUN, 0) != 0) {
        }
        if (ioctl(processor_, KVM_GET_REGS, &registers) != 0) return KVM_EXIT_FAIL_ENTRY;
        return run_->exit_reason;
    }

 private:
    int system_ = -1;
    int machine_ = -1;
    int processor_ = -1;
    std::size_t run_bytes_ = 0;
    kvm_run* run_ = nullptr;
    kvm_sregs reset_{};
};

}  // namespace ashlar::testing
