// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The frames of a running guest move, its code and page tables among them.
#include <ashlar/linux_backend/kvm_memory_slot.hpp>
//
#include <doctest/doctest.h>

#include <ashlar/linux_backend/kvm_slot_path.hpp>
#include <ashlar/linux_backend/process_pages.hpp>
#include <ashlar/linux_backend/signalled_writers.hpp>
#include <ashlar/linux_backend/userfault_writers.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "linux_backend/dimms.hpp"
#include "linux_backend/firmware.hpp"
#include "linux_backend/slow_pages.hpp"
#include "linux_backend/tiny_guest.hpp"

namespace {

using ashlar::errc;
using ashlar::kvm_memory_slot;
using ashlar::process_mapping;
using ashlar::process_page_mover;
using ashlar::signalled_writers;
using ashlar::userfault_writers;

constexpr std::uint64_t frames = 512;  // 2 MiB; the guest writes all but the first 64 KiB

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

TEST_CASE("a firmware migrates a guest's frames while it writes, and copies again what KVM's log tells") {
    need_kvm();
    running_guest host(2);
    userfault_writers writers;
    if (writers.open() != errc::ok || !writers.holds_kernel()) {
        MESSAGE("left out: no userfaultfd that holds vCPUs here");
        return;
    }
    std::vector<std::uint64_t> words(2 * kvm_memory_slot::log_words(frames));
    using path_type = ashlar::kvm_slot_path<file_platform, userfault_writers>;
    path_type path(host.ram, host.memory, writers, {host.machine.at(0, 0).number},
                   {words.data(), words.size()});
    using engine = firmware<path_type, ashlar::dirty_recopy<4, 64>>;
    const auto fw = std::make_unique<engine>(host.machine, path);
    REQUIRE(host.guest.wait_for(1));
    // Slices, in between which the guest writes.
    std::uint64_t recopied = 0;
    for (std::uint64_t i = 0; i < frames; i += 128) {
        REQUIRE(fw->mover.begin({{host.machine.at(0, i).number}, 128}) == errc::ok);
        if (i == 0) REQUIRE(host.guest.wait_for(1));  // at least once
        for (;;) {
            const auto progress = fw->mover.step(64 * 4096);
            REQUIRE(progress);
            if (*progress == ashlar::move_progress::ready) break;
        }
        REQUIRE(fw->mover.commit() == errc::ok);
        recopied += fw->mover.report().recopied_lines;
    }
    CHECK(recopied > 0);
    CHECK(host.ram.logs_writes());
    CHECK(host.machine.dimm[0].remove() == errc::ok);
    REQUIRE(host.guest.wait_for(1));
    fw->migrate_all(host.machine, 64);
    REQUIRE(host.guest.wait_for(1));
    CHECK(host.guest.stop());
    CHECK(host.guest.other_exits() == 0);
    CHECK(host.guest.held_back() == 0);
    for (std::uint64_t page = 0; page < frames; ++page) {
        CHECK(host.memory.frame_of(page).value() == fw->table.translate({host.machine.at(0, page).number}));
    }
}

/// The log left out.
struct deaf_path : ashlar::kvm_slot_path<file_platform, userfault_writers> {
    using kvm_slot_path::kvm_slot_path;
    [[nodiscard]] std::uint32_t take_dirty(std::uint64_t) noexcept { return 0; }
};

TEST_CASE("with the log left out the guest finds that a store is lost") {
    need_kvm();
    running_guest host(1);
    userfault_writers writers;
    if (writers.open() != errc::ok || !writers.holds_kernel()) return;
    std::vector<std::uint64_t> words(2 * kvm_memory_slot::log_words(frames));
    deaf_path path(host.ram, host.memory, writers, {host.machine.at(0, 0).number},
                   {words.data(), words.size()});
    const auto fw = std::make_unique<firmware<deaf_path, ashlar::dirty_recopy<>>>(host.machine, path);
    REQUIRE(fw->mover.begin({{host.machine.at(0, 0).number}, 128}) == errc::ok);
    REQUIRE(fw->mover.step(~std::uint64_t{0}));
    REQUIRE(host.guest.wait_for(2));
    REQUIRE(fw->mover.commit() == errc::ok);
    CHECK_FALSE(host.guest.stop());
    CHECK(host.guest.wrong_at() >= tiny_guest::pattern_begin);
}

TEST_CASE("a slot refuses what is not memory, and tells what was written") {
    need_kvm();
    three_dimms machine(64);
    process_mapping memory;
    machine.fill(memory);
    tiny_guest guest;
    kvm_memory_slot ram;
    CHECK(ram.set(guest.vm(), 0, {0}, {}) == errc::invalid);
    CHECK(ram.set(guest.vm(), 0, {~std::uint64_t{0}}, memory.bytes()) == errc::invalid);
    CHECK(ram.set(guest.vm(), 0, {0}, memory.bytes().subview(1)) == errc::misaligned);
    CHECK(ram.set(-1, 0, {0}, memory.bytes()) != errc::ok);
    CHECK(ram.log_writes(true) == errc::invalid);
    REQUIRE(ram.set(guest.vm(), 0, {16}, memory.bytes()) == errc::ok);
    CHECK(ram.set(guest.vm(), 1, {16}, memory.bytes()) == errc::busy);
    CHECK(ram.frames() == ashlar::range<ashlar::guest>{{16}, 64});
    kvm_memory_slot other;
    CHECK(other.set(guest.vm(), 1, {20}, memory.bytes()) == errc::invalid);  // overlaps
    std::uint64_t words[1]{};
    CHECK(ram.fetch_written({words}) == errc::invalid);
    REQUIRE(ram.log_writes(true) == errc::ok);
    CHECK(ram.fetch_written({}) == errc::limit);
    CHECK(ram.fetch_written({words}) == errc::ok);
    CHECK(words[0] == 0);
    CHECK(ram.log_writes(false) == errc::ok);
    ram.reset();
    CHECK(ram.frames().empty());
    CHECK(other.set(guest.vm(), 1, {20}, memory.bytes()) == errc::ok);
}

// Where KVM walks the guest's page tables itself it takes a page that it may not write to for a fault of the
// guest: one reason why guests are held by userfaultfd. Here the tables need no writes.
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
