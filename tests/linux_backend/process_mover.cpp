// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The frames of a process move under its running threads.
#include <ashlar/linux_backend/process_pages.hpp>
//
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ashlar/linux_backend/signalled_writers.hpp>
#include <ashlar/linux_backend/userfault_writers.hpp>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <thread>

#include "linux_backend/dimms.hpp"
#include "linux_backend/faults.hpp"
#include "linux_backend/slow_pages.hpp"
#include "linux_backend/writers.hpp"

namespace {

using ashlar::errc;
using ashlar::frame;
using ashlar::process_mapping;
using ashlar::process_page_mover;
using ashlar::signalled_writers;
using ashlar::used_block;
using ashlar::userfault_writers;

constexpr std::uint64_t pages = 64;

bool start(signalled_writers& writers, process_mapping& memory) {
    REQUIRE(writers.watch(memory.bytes()) == errc::ok);
    return true;
}
bool start(userfault_writers& writers, process_mapping&) {
    const errc opened = writers.open();
    if (opened == errc::unsupported)
        MESSAGE("left out: no userfaultfd with write protection of shared memory here");
    return opened == errc::ok;
}

/// Around the DIMMs `rounds` times, slowly, while threads write; ends in DIMM 1. How many stores were lost.
template <class Hold>
std::uint64_t lost_stores(three_dimms& machine, process_mapping& memory, Hold& writers, int rounds) {
    slow_pages<Hold> moved(memory, writers);
    ashlar::copy_mover mover(moved, ashlar::memory_file_copy{memory.memory()});
    writer_threads threads(memory.bytes(), memory.page_bytes(), 2);
    for (int round = 0; round < rounds; ++round) {
        for (const std::uint64_t d : {1u, 2u, 0u}) {
            threads.wait_for(pages);
            machine.move_all(memory, mover, d);
        }
    }
    machine.move_all(memory, mover, 1);
    threads.wait_for(pages);
    threads.stop();
    return threads.lost();
}

TEST_CASE_TEMPLATE("no write is lost, wherever the frames go", Hold, signalled_writers, userfault_writers) {
    for (const unsigned order : {0u, 4u}) {
        three_dimms machine(pages);
        process_mapping memory;
        machine.fill(memory, order);
        Hold writers;
        if (!start(writers, memory)) return;
        CHECK(lost_stores(machine, memory, writers, 1) == 0);
        for (std::uint64_t page = 0; page < pages; ++page) {
            CHECK(memory.frame_of(page).value() == machine.at(1, page));
            CHECK(machine.dimm[0].user_of(machine.at(0, page)) == 0);
        }
    }
}

TEST_CASE_TEMPLATE("a DIMM that was emptied is taken away under the threads", Hold, signalled_writers,
                   userfault_writers) {
    three_dimms machine(pages);
    process_mapping memory;
    machine.fill(memory);
    Hold writers;
    if (!start(writers, memory)) return;
    process_page_mover mover(memory, writers);
    writer_threads threads(memory.bytes(), memory.page_bytes(), 2);
    threads.wait_for(10 * pages);
    machine.move_all(memory, mover, 1);
    CHECK(machine.dimm[0].remove() == errc::ok);
    threads.wait_for(10 * pages);
    machine.move_all(memory, mover, 2);
    CHECK(machine.dimm[1].punch(machine.dimm[1].frames()) == errc::ok);
    threads.wait_for(10 * pages);
    threads.stop();
    CHECK(threads.lost() == 0);
}

TEST_CASE("with the protection left out writes are lost") {
    std::uint64_t lost = 0;
    for (int attempt = 0; attempt < 50 && lost == 0; ++attempt) {
        three_dimms machine(pages);
        process_mapping memory;
        machine.fill(memory);
        unheld_writers writers;
        lost = lost_stores(machine, memory, writers, 1 + attempt);
    }
    CHECK(lost > 0);
}

TEST_CASE_TEMPLATE("a block that is pinned stays, and so does one that was pinned meanwhile", Hold,
                   signalled_writers, userfault_writers) {
    three_dimms machine(4);
    process_mapping memory;
    machine.fill(memory);
    Hold writers;
    if (!start(writers, memory)) return;
    int asked = 0;
    int pinned_from = 1;
    const auto pinned = [&](used_block<> block) {
        if (block.first != machine.at(0, 2)) return false;
        return ++asked >= pinned_from;
    };
    process_page_mover<Hold, std::function<bool(used_block<>)>> mover(memory, writers, pinned);
    CHECK(mover.block_of(machine.at(0, 2)).error() == errc::busy);
    CHECK(mover.block_of(machine.at(0, 1)).value() == used_block<>{machine.at(0, 1), 0});
    CHECK(mover.block_of(machine.at(1, 1)).error() == errc::not_owned);
    CHECK(mover.move(machine.at(0, 2), machine.at(1, 2), 0) == errc::busy);
    asked = 0;
    pinned_from = 2;
    CHECK(mover.move(machine.at(0, 2), machine.at(1, 2), 0) == errc::busy);
    CHECK(asked == 2);
    CHECK(memory.frame_of(2).value() == machine.at(0, 2));
    touch(memory.block_bytes(2).data());  // nobody is held
    CHECK(mover.move(machine.at(0, 1), machine.at(1, 1), 0) == errc::ok);
    pinned_from = 100;
    CHECK(mover.move(machine.at(0, 2), machine.at(1, 2), 0) == errc::ok);
}

TEST_CASE_TEMPLATE("a move that fails leaves all as it was, and nobody waiting", Hold, signalled_writers,
                   userfault_writers) {
    three_dimms machine(4);
    process_mapping memory;
    machine.fill(memory);
    Hold writers;
    if (!start(writers, memory)) return;
    process_page_mover mover(memory, writers);
    const auto is_as_it_was = [&](std::uint64_t page) {
        CHECK(memory.frame_of(page).value() == machine.at(0, page));
        std::byte* const at = memory.block_bytes(page).data();
        *at = static_cast<std::byte>(0x40 + page);
        CHECK(*machine.dimm[0].bytes_of(machine.at(0, page)) == static_cast<std::byte>(0x40 + page));
    };
    CHECK(mover.move(machine.at(0, 0), machine.at(0, 1), 0) == errc::busy);  // somebody is there
    is_as_it_was(0);
    CHECK(mover.move(machine.at(0, 0), {1}, 0) == errc::not_owned);
    is_as_it_was(0);
    CHECK(mover.move(machine.at(0, 0), machine.at(1, 0), 1) == errc::invalid);
    is_as_it_was(0);
    CHECK(mover.move(machine.at(1, 0), machine.at(2, 0), 0) == errc::busy);  // nobody uses it (any more)
    // The memory of page 3 fails: it is cut off.
    const auto rest = static_cast<off_t>(3 * memory.page_bytes());
    REQUIRE(ftruncate(machine.dimm[0].descriptor(), rest) == 0);
    CHECK(mover.move(machine.at(0, 3), machine.at(1, 3), 0) == errc::unreadable);
    CHECK(memory.frame_of(3).value() == machine.at(0, 3));
    CHECK(machine.dimm[1].user_of(machine.at(1, 3)) == 0);
    is_as_it_was(2);
    CHECK(mover.move(machine.at(0, 2), machine.at(1, 3), 0) == errc::ok);
    // Blocks are moved from their start.
    three_dimms large(8);
    process_mapping blocks;
    large.fill(blocks, 2);
    Hold others;
    if (!start(others, blocks)) return;
    process_page_mover block_mover(blocks, others);
    CHECK(block_mover.block_of(large.at(0, 7)).value() == used_block<>{large.at(0, 4), 2});
    CHECK(block_mover.move(large.at(0, 5), large.at(1, 4), 2) == errc::misaligned);
    CHECK(block_mover.move(large.at(0, 4), large.at(1, 2), 2) == errc::misaligned);
    CHECK(block_mover.move(large.at(0, 4), large.at(1, 0), 2) == errc::ok);
    CHECK(blocks.frame_of(6).value() == large.at(1, 2));
}

/// A thread that reads a file into a page, again and again, while the page moves: stores of the kernel. How
/// many reads failed; `on_failure` may wait for better times.
template <class Hold, class Failed>
std::uint64_t failed_reads(Hold& writers, three_dimms& machine, process_mapping& memory, Failed on_failure) {
    process_page_mover mover(memory, writers);
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> failed{0};
    std::uint64_t wrong = 0;
    std::thread reader([&] {
        auto* const word = static_cast<std::uint64_t*>(static_cast<void*>(memory.bytes().data()));
        for (std::uint64_t i = 1; !stop.load(); ++i) {
            if (write(ends[1], &i, sizeof i) != static_cast<ssize_t>(sizeof i)) ++wrong;
            while (read(ends[0], word, sizeof i) < 0) {
                failed.fetch_add(1);
                if (errno != EFAULT) ++wrong;
                on_failure(word);
            }
            if (__atomic_load_n(word, __ATOMIC_RELAXED) != i) ++wrong;
        }
    });
    for (int i = 0; i < 1500; ++i) {
        const frame<> from = memory.frame_of(0).value();
        if (mover.move(from, machine.at((from.number >> 16) % 3, 0), 0) != errc::ok) ++wrong;
    }
    stop.store(true);
    reader.join();
    close(ends[0]);
    close(ends[1]);
    CHECK(wrong == 0);
    return failed.load();
}

TEST_CASE("a system call that stores into a page that moves sleeps, or fails and is repeated") {
    three_dimms machine(1);
    {
        process_mapping memory;
        machine.fill(memory);
        userfault_writers writers;
        if (start(writers, memory) && writers.holds_kernel()) {
            CHECK(failed_reads(writers, machine, memory, [](const void*) {}) == 0);
        }
    }
    process_mapping memory;
    machine.fill(memory);
    signalled_writers writers;
    REQUIRE(writers.watch(memory.bytes()) == errc::ok);
    const std::uint64_t failed =
        failed_reads(writers, machine, memory, [&](const void* at) { writers.wait_until_released(at); });
    MESSAGE("reads that failed with EFAULT, and were repeated: " << failed);
}

TEST_CASE("faults that are not of a move go to whom they belong") {
    three_dimms machine(4);
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* const foreign = mmap(nullptr, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(foreign != MAP_FAILED);
    struct sigaction before {};
    REQUIRE(sigaction(SIGSEGV, nullptr, &before) == 0);
    process_mapping memory;
    machine.fill(memory);
    CHECK(signal_of([&] {
              signalled_writers writers;  // over a handler of the program
              CHECK(writers.watch(memory.bytes()) == errc::ok);
              touch(memory.bytes().data());
              struct sigaction now {};
              (void)sigaction(SIGSEGV, nullptr, &now);
              CHECK((now.sa_flags & SA_SIGINFO) != 0);
              writers.unwatch();
              (void)sigaction(SIGSEGV, nullptr, &now);
              CHECK((now.sa_flags & SA_SIGINFO) == 0);
          }) == 0);
    auto kept = std::make_unique<signalled_writers>();
    // In the stretch, but not ours: a page without a frame. Elsewhere: a page that nobody may write to.
    const errc gone = memory.withdraw(1);
    CHECK(gone == errc::ok);
    CHECK(signal_of([&] {
              (void)kept->watch(memory.bytes());
              touch(memory.block_bytes(1).data());
          }) == SIGSEGV);
    kept = std::make_unique<signalled_writers>();
    CHECK(signal_of([&] {
              (void)kept->watch(memory.bytes());
              touch(static_cast<std::byte*>(foreign));
          }) == SIGSEGV);
    kept.reset();
    struct sigaction after {};
    REQUIRE(sigaction(SIGSEGV, nullptr, &after) == 0);
    CHECK((after.sa_sigaction == before.sa_sigaction));
    munmap(foreign, page);
}

TEST_CASE("a fault that was sent ends the program, or is ignored, as without us, and the handler stays") {
    const auto watched = [](void (*before)(int)) {
        return end_of([before] {
            signal(SIGSEGV, before);
            three_dimms machine(4);
            process_mapping memory;
            machine.fill(memory);
            signalled_writers writers;
            if (writers.watch(memory.bytes()) != errc::ok) return 1;
            raise(SIGSEGV);
            struct sigaction now {};
            if (sigaction(SIGSEGV, nullptr, &now) != 0 || (now.sa_flags & SA_SIGINFO) == 0) return 2;
            return 0;
        });
    };
    CHECK(dies_of(watched(SIG_DFL), SIGSEGV));
    CHECK(watched(SIG_IGN) == 0);
}

TEST_CASE("what holds writers back refuses what is not its") {
    three_dimms machine(4);
    process_mapping memory;
    machine.fill(memory);
    signalled_writers one;
    CHECK(one.hold(memory.block_bytes(0)) == errc::invalid);  // watches nothing
    CHECK(one.watch({}) == errc::invalid);
    REQUIRE(one.watch(memory.bytes()) == errc::ok);
    CHECK(one.watch(memory.bytes()) == errc::busy);
    std::byte elsewhere[1]{};
    CHECK(one.hold({elsewhere}) == errc::invalid);
    CHECK(one.hold({}) == errc::invalid);
    REQUIRE(one.hold(memory.block_bytes(0)) == errc::ok);
    CHECK(one.hold(memory.block_bytes(1)) == errc::busy);
    one.wait_until_released(memory.block_bytes(1).data());  // it is not held
    one.release(memory.block_bytes(0), false);
    touch(memory.bytes().data());

    // Pages of which one is not mapped: none of them stays held.
    const std::size_t page = memory.page_bytes();
    ashlar::mapped_region holed;
    REQUIRE(holed.map_zeros(4 * page) == errc::ok);
    std::byte* const hole = holed.bytes().data() + 2 * page;
    REQUIRE(munmap(hole, page) == 0);
    signalled_writers fails;
    REQUIRE(fails.watch(holed.bytes()) == errc::ok);
    CHECK(fails.hold(holed.bytes().subview(page, 3 * page)) == errc::exhausted);
    touch(holed.bytes().data() + page);
    CHECK(fails.hold(holed.bytes().subview(0, page)) == errc::ok);
    fails.release(holed.bytes().subview(0, page), false);
    fails.unwatch();
    REQUIRE(mmap(hole, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == hole);

    signalled_writers many[16];
    for (int i = 0; i < 15; ++i)
        CHECK(many[i].watch(memory.block_bytes(static_cast<std::uint64_t>(i % 4))) == errc::ok);
    CHECK(many[15].watch(memory.block_bytes(3)) == errc::limit);
    many[3].unwatch();
    CHECK(many[15].watch(memory.block_bytes(3)) == errc::ok);

    userfault_writers other;
    if (!start(other, memory)) return;
    CHECK(other.open() == errc::busy);
    CHECK(other.hold(memory.block_bytes(0).subview(1)) != errc::ok);  // not whole pages
    userfault_writers third;
    REQUIRE(third.open() == errc::ok);
    REQUIRE(other.hold(memory.block_bytes(0)) == errc::ok);
    CHECK(third.hold(memory.block_bytes(0)) == errc::busy);
    other.release(memory.block_bytes(0), false);
    touch(memory.bytes().data());
}

}  // namespace
