// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The frames of a running guest move, its code and page tables among them.
#include <ashlar/linux_backend/kvm_memory_slot.hpp>
//
#include <doctest/doctest.h>

#include <ashlar/linux_backend/process_pages.hpp>
#include <ashlar/linux_backend/signalled_writers.hpp>
#include <ashlar/linux_backend/userfault_writers.hpp>
#include <chrono>
#include <cstdint>
#include <thread>

#include "linux_backend/dimms.hpp"
#include "linux_backend/tiny_guest.hpp"

namespace {

using ashlar::errc;
using ashlar::kvm_memory_slot;
using ashlar::process_mapping;
using ashlar::process_page_mover;
using ashlar::signalled_writers;
using ashlar::userfault_writers;

constexpr std::uint64_t frames = 512;  // 2 MiB; the guest writes all but the first 64 KiB

/// The protection left out.
struct unheld_writers {
    errc hold(ashlar::view<std::byte>) { return errc::ok; }
    void release(ashlar::view<std::byte>, bool) {}
};

/// Takes its time between copy and re-point, so that also a slow guest stores meanwhile.
template <class Hold>
struct slow_pages : ashlar::process_pages<Hold> {
    using ashlar::process_pages<Hold>::process_pages;

    errc repoint(ashlar::used_block<> held, ashlar::frame<> to) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));
        return ashlar::process_pages<Hold>::repoint(held, to);
    }
};

/// A guest whose memory lies in DIMM 0.
struct running_guest {
    three_dimms machine{frames};
    process_mapping memory;
    tiny_guest guest;
    kvm_memory_slot ram;

    explicit running_guest(unsigned cpus, unsigned order = 0, bool tables_used = false) {
        machine.fill(memory, order);
        tiny_guest::load(memory.bytes(), tables_used);
        REQUIRE(ram.set(guest.vm(), 0, {0}, memory.bytes()) == errc::ok);
        guest.start(memory.bytes(), cpus);
    }
    ~running_guest() { (void)guest.stop(); }
};

TEST_CASE("a guest's frames migrate three times, and a DIMM is taken away: it notices nothing") {
    need_kvm();
    for (const unsigned order : {0u, 4u}) {
        running_guest host(2, order);
        userfault_writers writers;
        if (writers.open() != errc::ok || !writers.holds_kernel()) {
            MESSAGE("left out: no userfaultfd that holds vCPUs here");
            return;
        }
        process_page_mover mover(host.memory, writers);
        REQUIRE(host.guest.wait_for(1));
        host.machine.move_all(host.memory, mover, 1);
        CHECK(host.machine.dimm[0].remove() == errc::ok);
        REQUIRE(host.guest.wait_for(1));
        host.machine.move_all(host.memory, mover, 2);
        host.machine.move_all(host.memory, mover, 1);
        CHECK(host.machine.dimm[2].punch(host.machine.dimm[2].frames()) == errc::ok);
        REQUIRE(host.guest.wait_for(1));
        CHECK(host.guest.stop());
        CHECK(host.guest.wrong_at() == 0);
        CHECK(host.guest.other_exits() == 0);
        CHECK(host.guest.held_back() == 0);
        for (std::uint64_t page = 0; page < frames; ++page) {
            CHECK(host.memory.frame_of(page).value() == host.machine.at(1, page));
        }
    }
}

// Where KVM walks the guest's page tables itself it takes a page that it may not write to for a fault of the guest:
// one reason why guests are held by userfaultfd. Here the tables need no writes.
TEST_CASE("with mprotect a vCPU's store fails, and is repeated") {
    need_kvm();
    running_guest host(1, 0, true);
    signalled_writers writers;
    REQUIRE(writers.watch(host.memory.bytes()) == errc::ok);
    slow_pages<signalled_writers> pages(host.memory, writers);
    ashlar::copy_mover mover(pages, ashlar::memory_file_copy{host.memory.memory()});
    for (std::uint64_t i = 1; i <= 60 && (host.guest.held_back() == 0 || i <= 3); ++i) {
        host.machine.move_all(host.memory, mover, i % 3);
    }
    CHECK(host.guest.held_back() > 0);
    host.machine.move_all(host.memory, mover, 2);
    CHECK(host.machine.dimm[1].remove() == errc::ok);
    REQUIRE(host.guest.wait_for(1));
    CHECK(host.guest.stop());
    CHECK(host.guest.other_exits() == 0);
    CHECK(host.guest.exit_reason() == 0);
}

TEST_CASE("with the protection left out the guest finds that a store is lost") {
    need_kvm();
    bool lost = false;
    for (int attempt = 0; attempt < 50 && !lost; ++attempt) {
        running_guest host(2);
        unheld_writers writers;
        slow_pages<unheld_writers> pages(host.memory, writers);
        ashlar::copy_mover mover(pages, ashlar::memory_file_copy{host.memory.memory()});
        for (const std::uint64_t d : {1u, 2u, 0u}) {
            if (!host.guest.wait_for(1)) break;
            host.machine.move_all(host.memory, mover, d);
        }
        lost = !host.guest.stop();
        if (lost) CHECK(host.guest.wrong_at() >= tiny_guest::pattern_begin);
    }
    CHECK(lost);
}

}  // namespace
