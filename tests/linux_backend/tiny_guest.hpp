// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include <ashlar/core/view.hpp>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "linux_backend/kvm_machine.hpp"

// The guest: 64-bit code without a kernel. It fills words with a pattern that depends on address
// and round, in each round checks what the last one stored, stores the next, and tells the round's number to
// port 0x10; until port 0x11 reads as other than 0. Then it checks once more. Port 0x12: all was as it stored
// it; 0x13: the low half of the address of a word that was not.
//
// rsi, rdi: begin and end; r11: bytes from word to word; r8: what the pattern's key grows by; rbx: round
__asm__(R"(
    .pushsection .rodata
    .globl ashlar_test_guest_begin, ashlar_test_guest_end
ashlar_test_guest_begin:
    xorl %ebx, %ebx
    xorl %r9d, %r9d             # the key of the last round
    movq %r8, %r10              # the key of this one
    movq %rsi, %rcx
1:  movq %rcx, %rdx             # the first round stores without looking
    xorq %r10, %rdx
    movq %rdx, (%rcx)
    addq %r11, %rcx
    cmpq %rdi, %rcx
    jb 1b
2:  movq %r10, %r9
    addq %r8, %r10
    incl %ebx
    movl %ebx, %eax
    outl %eax, $0x10
    inl $0x11, %eax
    testl %eax, %eax
    jnz 4f
    movq %rsi, %rcx
3:  movq %rcx, %rdx
    xorq %r9, %rdx
    cmpq %rdx, (%rcx)
    jne 6f
    xorq %r9, %rdx
    xorq %r10, %rdx
    movq %rdx, (%rcx)
    addq %r11, %rcx
    cmpq %rdi, %rcx
    jb 3b
    jmp 2b
4:  movq %rsi, %rcx             # the last look
5:  movq %rcx, %rdx
    xorq %r9, %rdx
    cmpq %rdx, (%rcx)
    jne 6f
    addq %r11, %rcx
    cmpq %rdi, %rcx
    jb 5b
    movl %ebx, %eax
    outl %eax, $0x12
    hlt
6:  movl %ecx, %eax
    outl %eax, $0x13
    hlt
ashlar_test_guest_end:
    .popsection
)");
extern "C" const char ashlar_test_guest_begin[];
extern "C" const char ashlar_test_guest_end[];

/// A machine with the guest in it, whose memory somebody else has mapped. Page tables and code are in its
/// first 64 KiB, so they move with the rest of it; the pattern is in all that comes after, in every page.
class tiny_guest {
 public:
    static constexpr std::uint64_t pattern_begin = 1 << 16;
    static constexpr std::uint64_t page = 4096;
    /// From word to word of one CPU.
    static constexpr std::uint64_t stride = 1024;

    ~tiny_guest() { (void)stop(); }

    [[nodiscard]] int vm() const { return machine_.number(); }

    /// Page tables of 4 KiB pages, all of the memory at its own address, and the code. `used`: the tables
    /// say already that each page was accessed and is dirty, so that walking them writes nothing.
    static void load(ashlar::view<std::byte> memory, bool used = false) {
        auto* const words = static_cast<std::uint64_t*>(static_cast<void*>(memory.data()));
        const std::uint64_t tables = memory.size() / (512 * page);
        const std::uint64_t present_writable = used ? 0x67 : 7;
        words[0x1000 / 8] = 0x2000 | present_writable;
        words[0x2000 / 8] = 0x3000 | present_writable;
        for (std::uint64_t t = 0; t < tables; ++t)
            words[0x3000 / 8 + t] = (0x4000 + t * page) | present_writable;
        for (std::uint64_t p = 0; p < tables * 512; ++p) words[0x4000 / 8 + p] = p * page | present_writable;
        std::memcpy(memory.data() + code_at, ashlar_test_guest_begin,
                    static_cast<std::size_t>(ashlar_test_guest_end - ashlar_test_guest_begin));
    }
    /// So many CPUs over the same pages, each with words of its own.
    void start(ashlar::view<std::byte> memory, unsigned cpus) {
        memory_ = memory;
        for (unsigned c = 0; c < cpus; ++c) cpus_.push_back(make_cpu(c));
        for (auto& one : cpus_) one.thread = std::thread([this, &one] { run(one); });
    }
    /// Returns when each CPU has gone through `more` rounds more; false if the guest has ended.
    [[nodiscard]] bool wait_for(std::uint32_t more) {
        for (cpu& one : cpus_) {
            const std::uint32_t until = one.rounds.load() + more;
            while (one.rounds.load() < until) {
                if (one.ended.load()) return false;
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
        }
        return true;
    }
    /// Lets the guest look a last time. Whether each CPU found all as it had stored it.
    [[nodiscard]] bool stop() {
        stop_.store(true);
        bool right = !cpus_.empty();
        for (cpu& one : cpus_) {
            if (one.thread.joinable()) one.thread.join();
            right = right && one.verified;
        }
        return right;
    }
    [[nodiscard]] std::uint32_t rounds() const { return cpus_.front().rounds.load(); }
    /// Exits that the guest did not ask for: of all CPUs.
    [[nodiscard]] std::uint64_t other_exits() const { return other_exits_.load(); }
    /// The reason of the last of them (KVM_EXIT_...).
    [[nodiscard]] std::uint32_t exit_reason() const { return exit_reason_.load(); }
    /// Stores that KVM was not let do: KVM_RUN failed with EFAULT and was repeated, or the store came as
    /// MMIO and was done here.
    [[nodiscard]] std::uint64_t held_back() const { return held_back_.load(); }
    /// Where the guest found a word that it had not stored; 0 if it has not.
    [[nodiscard]] std::uint32_t wrong_at() const { return wrong_at_.load(); }

 private:
    static constexpr std::uint64_t code_at = 0xf000;

    struct cpu {
        kvm_cpu vcpu;
        std::thread thread;
        std::atomic<std::uint32_t> rounds{0};
        std::atomic<bool> ended{false};
        bool verified = false;

        cpu() = default;
        cpu(cpu&& other) noexcept : vcpu(std::move(other.vcpu)) {}
    };

    cpu make_cpu(unsigned number) {
        kvm_regs registers{};
        registers.rip = code_at;
        registers.rsi = pattern_begin + 8 * number;  // two share a line
        registers.rdi = memory_.size();
        registers.r8 = 0x9e3779b97f4a7c15;
        registers.r11 = stride;
        cpu made;
        made.vcpu = machine_.make_cpu(number, 0x1000, registers);
        return made;
    }
    void run(cpu& mine) {
        kvm_run* const shared = &mine.vcpu.run();
        while (!mine.ended.load()) {
            if (ioctl(mine.vcpu.file.number(), KVM_RUN, 0) != 0) {
                if (errno == EFAULT) {  // a store that was held back: the same instruction again
                    held_back_.fetch_add(1);
                    std::this_thread::yield();
                } else if (errno != EINTR && errno != EAGAIN) {
                    mine.ended.store(true);
                }
            } else if (shared->exit_reason == KVM_EXIT_IO) {
                port(mine, *shared);
            } else if (shared->exit_reason == KVM_EXIT_MMIO && shared->mmio.is_write != 0 &&
                       shared->mmio.phys_addr + shared->mmio.len <= memory_.size()) {
                // A store that an emulating KVM was not let do. Here it is one of this process.
                held_back_.fetch_add(1);
                std::memcpy(memory_.data() + shared->mmio.phys_addr, shared->mmio.data, shared->mmio.len);
            } else {
                other_exits_.fetch_add(1);
                exit_reason_.store(shared->exit_reason);
                mine.ended.store(true);
            }
        }
    }
    void port(cpu& mine, kvm_run& shared) {
        std::byte* const at = mine.vcpu.port_data();
        std::uint32_t value = 0;
        std::memcpy(&value, at, sizeof value);
        if (shared.io.port == 0x10) {
            mine.rounds.store(value);
        } else if (shared.io.port == 0x11) {
            value = stop_.load() ? 1 : 0;
            std::memcpy(at, &value, sizeof value);
        } else {
            mine.verified = shared.io.port == 0x12 && value == mine.rounds.load();
            if (!mine.verified) wrong_at_.store(value);
            mine.ended.store(true);
        }
    }

    kvm_machine machine_;
    std::vector<cpu> cpus_;
    ashlar::view<std::byte> memory_;
    std::atomic<bool> stop_{false};
    std::atomic<std::uint64_t> other_exits_{0};
    std::atomic<std::uint32_t> exit_reason_{0};
    std::atomic<std::uint64_t> held_back_{0};
    std::atomic<std::uint32_t> wrong_at_{0};
};
