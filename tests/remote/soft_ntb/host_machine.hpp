// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "remote/soft_ntb/host_bridge.hpp"
//
#include <pthread.h>
#include <ashlar/linux_backend/mapped_region.hpp>
#include <ashlar/remote/hand_shake.hpp>
#include <ashlar/remote/link_guard.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "linux_backend/kvm_machine.hpp"

namespace soft_ntb {

/// Three servers: A is a virtual machine that runs the library, B and C are memory of this process, and what
/// joins them is in soft_bridge.
class three_servers {
    using b_model = ashlar::testing::intel_gen3_model;
    using c_model = ashlar::testing::switchtec_model;
    using scratchpads = ashlar::scratchpad_words<ashlar::testing::simulated_bridge<b_model>>;
    using hand_shake = ashlar::hand_shake<scratchpads>;

    kvm_machine machine_;
    ashlar::mapped_region memory_[3];
    ashlar::kvm_memory_slot ram_;

 public:
    soft_bridge<b_model> to_b{b, machine_.number(), 1, memory(1, b.peer_bytes)};
    soft_bridge<c_model> to_c{c, machine_.number(), 8, memory(2, c.peer_bytes)};

    /// What is in a server's memory when it starts.
    using filler = std::function<void(three_servers&, std::uint32_t server, std::uint32_t epoch)>;

    explicit three_servers(filler fill = {}) : fill_(std::move(fill)) {
        REQUIRE(ram_.set(machine_.number(), 0, {0}, memory(0, ram_bytes)) == ashlar::errc::ok);
        make_tables();
        load_image();
        for (const std::uint32_t server : {server_a, server_b, server_c}) start(server);
    }

    [[nodiscard]] orders& told() { return *static_cast<orders*>(static_cast<void*>(ram(orders_at))); }
    [[nodiscard]] std::byte* ram(std::uint64_t at) { return memory_[0].bytes().data() + at; }
    /// A word of a server's memory, by the server's own addresses.
    [[nodiscard]] std::uint64_t word(std::uint32_t server, std::uint64_t at) {
        std::uint64_t value = 0;
        std::memcpy(&value, place_of(server, at), sizeof value);
        return value;
    }
    void set_word(std::uint32_t server, std::uint64_t at, std::uint64_t value) {
        std::memcpy(place_of(server, at), &value, sizeof value);
    }

    /// The server's next start, with memory as it is then: another epoch, which its canary tells.
    void start(std::uint32_t server) {
        const std::uint32_t epoch = ++epochs_[server];
        if (server == server_b) std::memset(to_b.peer().data(), 0, to_b.peer().size());
        if (server == server_c) std::memset(to_c.peer().data(), 0, to_c.peer().size());
        if (fill_) fill_(*this, server, epoch);
        if (server == server_b) set_word(server, b.peer_first + canary_offset, ashlar::canary_of(epoch));
        if (server == server_c) set_word(server, c.peer_first + canary_offset, ashlar::canary_of(epoch));
        if (server != server_b) return;
        const std::lock_guard locked(hand_shake_);
        b_says_.emplace(
            b_scratchpads_,
            ashlar::hello{epoch, 0, {{b.peer_first}, b.peer_bytes}, {b.peer_first + canary_offset}});
    }
    void drop_link(std::uint32_t server) { server == server_b ? to_b.drop_link() : to_c.drop_link(); }
    void raise_link(std::uint32_t server) {
        if (server != server_b) return to_c.raise_link([] {});
        const std::lock_guard locked(hand_shake_);
        to_b.raise_link([&] { (void)b_says_->step(); });
    }

    /// A's CPUs begin. `finish` returns when they have ended: what was not so, or nothing.
    void begin(scenario what, std::uint32_t variant, std::uint64_t seed, std::uint64_t count,
               unsigned cpus = 1) {
        told() = {what, variant, seed, count, {}};
        for (unsigned i = 0; i < cpus; ++i) {
            kvm_regs registers{};
            registers.rip = image_at;
            registers.rdi = i;
            registers.rsp = stacks_end - i * stack_bytes - 8;
            cpus_.push_back(machine_.make_cpu(i, tables_at, registers));
        }
        at_work_ = cpus;
        for (kvm_cpu& cpu : cpus_) {
            threads_.emplace_back([this, &cpu] {
                run(cpu);
                --at_work_;
            });
        }
    }
    [[nodiscard]] std::string finish() {
        struct sigaction nothing {};
        nothing.sa_handler = [](int) {};
        REQUIRE(sigaction(SIGUSR1, &nothing, nullptr) == 0);
        while (at_work_ != 0) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            if (!has_failed_) continue;
            // The others may wait for the one that has ended.
            for (std::size_t i = 0; i < cpus_.size(); ++i) {
                cpus_[i].run().immediate_exit = 1;
                (void)pthread_kill(threads_[i].native_handle(), SIGUSR1);
            }
        }
        for (std::thread& each : threads_) each.join();
        threads_.clear();
        return failure_;
    }
    [[nodiscard]] bool has_failed() const { return has_failed_; }

 private:
    ashlar::view<std::byte> memory(unsigned server, std::uint64_t bytes) {
        REQUIRE(memory_[server].map_zeros(static_cast<std::size_t>(bytes)) == ashlar::errc::ok);
        return memory_[server].bytes();
    }
    [[nodiscard]] std::byte* place_of(std::uint32_t server, std::uint64_t at) {
        if (server == server_b) return to_b.peer().data() + (at - b.peer_first);
        if (server == server_c) return to_c.peer().data() + (at - c.peer_first);
        return ram(at);
    }
    /// Everything that A addresses, at its own address, in pages of 2 MiB.
    void make_tables() {
        constexpr std::uint64_t large = 2 * mib;
        constexpr std::uint64_t directories = tables_at + 0x1000;
        std::uint64_t next = directories + 0x1000;
        set_word(server_a, tables_at, directories | 7);
        const auto show = [&](std::uint64_t first, std::uint64_t bytes) {
            for (std::uint64_t at = first / large * large; at < first + bytes; at += large) {
                std::uint64_t entry = word(server_a, directories + (at >> 30) * 8);
                if (entry == 0) {
                    entry = next | 7;
                    set_word(server_a, directories + (at >> 30) * 8, entry);
                    next += 0x1000;
                }
                set_word(server_a, (entry & ~std::uint64_t{0xfff}) + (at >> 21 & 511) * 8, at | 0x87);
            }
        };
        show(0, ram_bytes);
        for (const bridge_place* each : {&b, &c}) {
            show(each->registers, each->registers_bytes);
            show(each->windows, 3 * each->aperture);
        }
        REQUIRE(next <= orders_at);
    }
    void load_image() {
        const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(SOFT_NTB_GUEST, "rb"),
                                                                   &std::fclose);
        REQUIRE(file != nullptr);
        REQUIRE(std::fread(ram(image_at), 1, static_cast<std::size_t>(stacks_end - image_at), file.get()) >
                0);
    }

    void run(kvm_cpu& cpu) {
        kvm_run& shared = cpu.run();
        while (!has_failed_) {
            if (ioctl(cpu.file.number(), KVM_RUN, 0) != 0) {
                if (errno != EINTR && errno != EAGAIN) return fail("KVM_RUN: " + std::to_string(errno));
            } else if (shared.exit_reason == KVM_EXIT_MMIO) {
                auto& one = shared.mmio;
                const bool is_write = one.is_write != 0;
                if (!to_b.access(one.phys_addr, one.len, is_write, one.data) &&
                    !to_c.access(one.phys_addr, one.len, is_write, one.data)) {
                    return fail("an address that nobody has: " + std::to_string(one.phys_addr));
                }
                if (one.phys_addr - b.registers < b.registers_bytes) listen();
            } else if (shared.exit_reason == KVM_EXIT_IO) {
                std::uint32_t value = 0;
                std::memcpy(&value, cpu.port_data(), sizeof value);
                if (shared.io.port == port_ended) return;
                if (shared.io.port == port_failed)
                    return fail(value < ram_bytes ? static_cast<char*>(static_cast<void*>(ram(value))) : "?");
                obey(value);
            } else {
                return fail("the guest left: " + std::to_string(shared.exit_reason));
            }
        }
    }
    /// B hears what A says in its scratchpads.
    void listen() {
        const std::lock_guard locked(hand_shake_);
        if (b_says_) (void)b_says_->step();
    }
    void obey(std::uint32_t asked) {
        const std::uint32_t server = asked & 0xff;
        switch (static_cast<call>(asked >> 8)) {
            case call::drop_link:
                return drop_link(server);
            case call::raise_link:
                return raise_link(server);
            case call::start_again:
                return start(server);
        }
    }
    void fail(const std::string& what) {
        const std::lock_guard locked(failure_lock_);
        if (failure_.empty()) failure_ = what;
        has_failed_ = true;
    }

    filler fill_;
    std::uint32_t epochs_[3]{};
    scratchpads b_scratchpads_{to_b.registers(), own_scratchpads, b_scratchpads};
    std::mutex hand_shake_;
    std::optional<hand_shake> b_says_;
    std::vector<kvm_cpu> cpus_;
    std::vector<std::thread> threads_;
    std::mutex failure_lock_;
    std::string failure_;
    std::atomic<bool> has_failed_{false};
    std::atomic<unsigned> at_work_{0};
};

}  // namespace soft_ntb
