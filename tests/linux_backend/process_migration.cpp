// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A firmware migrates the frames of a program into spares: by a table that each access consults, and by
// re-pointing.
#include <ashlar/linux_backend/process_path.hpp>
//
#include <doctest/doctest.h>
#include <unistd.h>

#include <ashlar/linux_backend/signalled_writers.hpp>
#include <ashlar/linux_backend/userfault_writers.hpp>
#include <ashlar/migrate/remapped_access.hpp>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "linux_backend/dimms.hpp"
#include "linux_backend/firmware.hpp"
#include "linux_backend/writers.hpp"

namespace {

using ashlar::errc;
using ashlar::frame;
using ashlar::process_mapping;

constexpr std::uint64_t pages = 64;

/// Threads that add to words of all frames, each time by way of the table. Each has its own words, and all
/// share one.
template <class Access>
struct consulting_threads {
    static constexpr unsigned count = 2;

    three_dimms& machine;
    const Access& access;
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> rounds[count]{};
    std::atomic<std::uint64_t> waits{0};
    std::atomic<std::uint64_t> wrong{0};
    std::vector<std::thread> threads{};

    void start() {
        for (unsigned t = 0; t < count; ++t) threads.emplace_back([this, t] { run(t); });
    }
    void end() {
        stop.store(true);
        for (std::thread& thread : threads) thread.join();
    }
    void wait_for(std::uint64_t more) const {
        for (const auto& one : rounds) {
            const std::uint64_t until = one.load() + more;
            while (one.load() < until) std::this_thread::yield();
        }
    }
    void add(frame<ashlar::os> f, std::uint64_t word) {
        for (;;) {
            const errc done = access.visit(f, {word * 8, 8}, ashlar::access_kind::write,
                                           [](std::byte* at, std::uint64_t, std::uint64_t) noexcept {
                                               auto* const here =
                                                   static_cast<std::uint64_t*>(static_cast<void*>(at));
                                               __atomic_fetch_add(here, 1, __ATOMIC_RELAXED);
                                           });
            if (done == errc::ok) return;
            if (done != errc::busy) wrong.fetch_add(1);
            waits.fetch_add(1);
            std::this_thread::yield();  // what traps is tried again
        }
    }
    void run(unsigned t) {
        file_platform::mine = t + 1;
        while (!stop.load()) {
            for (std::uint64_t p = 0; p < pages; ++p) {
                const frame<ashlar::os> f{machine.at(0, p).number};
                add(f, t * 8 + p % 8);
                add(f, 511);
            }
            rounds[t].fetch_add(1);
        }
    }
    /// Additions that are not there.
    [[nodiscard]] std::uint64_t lost() const {
        std::uint64_t missing = 0;
        for (std::uint64_t p = 0; p < pages; ++p) {
            const std::uint64_t address = machine.at(0, p).number * 4096;
            const auto read = [&](std::uint64_t word) {
                std::uint64_t value = 0;
                auto* const into = static_cast<std::byte*>(static_cast<void*>(&value));
                CHECK(access.read(address + word * 8, {into, sizeof value}) == errc::ok);
                return value;
            };
            std::uint64_t shared = 0;
            for (unsigned t = 0; t < count; ++t) {
                missing += rounds[t].load() - read(t * 8 + p % 8);
                shared += rounds[t].load();
            }
            missing += shared - read(511);
        }
        return missing;
    }
};

TEST_CASE(
    "accesses that consult a table: frames migrate, and the DIMM of the operating system is taken away") {
    using path_type = ashlar::consulting_path<file_platform>;
    three_dimms machine(pages);
    path_type path;
    firmware<path_type> fw(machine, path);
    const ashlar::remapped_access access(fw.table, path, fw.book, fw.lost);
    consulting_threads<decltype(access)> threads{machine, access};
    threads.start();
    threads.wait_for(2);
    fw.migrate_all(machine, 1);
    CHECK(fw.table.size() == pages);
    CHECK(machine.dimm[0].remove() == errc::ok);  // nobody goes there any more
    threads.wait_for(2);
    fw.migrate_all(machine, 8, {.poison_old = true});  // on, and no frame of them is used again
    threads.wait_for(2);
    threads.end();
    CHECK(threads.wrong == 0);
    CHECK(threads.lost() == 0);
    CHECK(fw.book.count(ashlar::spare_state::poisoned) == pages);
    CHECK(fw.book.count(ashlar::spare_state::active) == pages);
    MESSAGE("writes that waited: " << threads.waits.load());
    // The spares themselves are nobody's to access.
    std::byte one[1];
    CHECK(access.read(machine.at(1, 0).number * 4096, one) == errc::not_owned);
}

/// A DIMM all of whose spares are free again.
[[nodiscard]] bool is_unused(const ashlar::memory_file& dimm) {
    for (std::uint64_t i = 0; i < dimm.frames().count; ++i) {
        if (dimm.user_of(dimm.frames().first + i) != 0) return false;
    }
    return true;
}

template <class Hold>
bool start(Hold& writers, process_mapping& memory) {
    if constexpr (requires { writers.watch(memory.bytes()); }) {
        REQUIRE(writers.watch(memory.bytes()) == errc::ok);
    } else if (writers.open() != errc::ok) {
        MESSAGE("left out: no userfaultfd with write protection of shared memory here");
        return false;
    }
    return true;
}

TEST_CASE_TEMPLATE("mappings that are re-pointed: the same under loads and stores of the processor", Hold,
                   ashlar::signalled_writers, ashlar::userfault_writers) {
    three_dimms machine(pages);
    process_mapping memory;
    machine.fill(memory);
    Hold writers;
    if (!start(writers, memory)) return;
    ashlar::process_path path(memory, writers, frame<ashlar::os>{machine.at(0, 0).number});
    firmware<ashlar::process_path<Hold>> fw(machine, path);
    {
        writer_threads threads(memory.bytes(), memory.page_bytes(), 2);
        threads.wait_for(10 * pages);
        fw.migrate_all(machine, 1);
        threads.wait_for(10 * pages);
        CHECK(is_unused(machine.dimm[0]));
        for (std::uint64_t p = 0; p < pages; ++p) {  // repaired: back home, without a trace
            CHECK(fw.mover.restore(frame<ashlar::os>{machine.at(0, p).number}) == errc::ok);
            CHECK(memory.frame_of(p).value() == machine.at(0, p));
        }
        CHECK(fw.table.size() == 0);
        threads.wait_for(10 * pages);
        fw.migrate_all(machine, 16);
        CHECK(machine.dimm[0].remove() == errc::ok);
        threads.wait_for(10 * pages);
        fw.migrate_all(machine, 16);  // from spares to spares
        threads.wait_for(10 * pages);
        threads.stop();
        CHECK(threads.lost() == 0);
    }
    for (std::uint64_t p = 0; p < pages; ++p) {
        const frame<ashlar::os> origin{machine.at(0, p).number};
        CHECK(memory.frame_of(p).value() == fw.table.translate(origin));
    }
}

TEST_CASE("a move that fails on the way leaves the mapping as it was") {
    three_dimms machine(pages);
    process_mapping memory;
    machine.fill(memory);
    ashlar::signalled_writers writers;
    REQUIRE(writers.watch(memory.bytes()) == errc::ok);
    const frame<ashlar::os> first{machine.at(0, 0).number};
    ashlar::process_path path(memory, writers, first);
    firmware<decltype(path)> fw(machine, path);
    writer_threads threads(memory.bytes(), memory.page_bytes(), 2);
    threads.wait_for(pages);

    // Somebody else uses a spare of the run: the mapping refuses it, at the last moment.
    process_mapping other;
    REQUIRE(other.reserve(machine.files(), 1) == errc::ok);
    const auto next = fw.pool.allocate_contiguous({.count = 8});
    REQUIRE(next.has_value());
    REQUIRE(other.assign(0, next->first + 3) == errc::ok);
    for (std::uint64_t i = 0; i < 8; ++i) REQUIRE(fw.pool.free(next->first + i, 0) == errc::ok);
    CHECK(fw.mover.migrate({first, 8}) == errc::busy);
    CHECK(fw.mover.report().obstacle == ashlar::move_obstacle::path);
    CHECK(fw.table.size() == 0);
    CHECK(memory.frame_of(2).value() == machine.at(0, 2));
    CHECK(machine.dimm[1].user_of(next->first + 2) == 0);
    threads.wait_for(pages);
    other.reset();

    // Memory that cannot be read.
    const std::uint64_t page = memory.page_bytes();
    CHECK(fw.mover.begin({first, 8}) == errc::ok);
    CHECK(fw.mover.abort() == errc::ok);
    threads.wait_for(pages);
    threads.stop();
    CHECK(threads.lost() == 0);
    REQUIRE(ftruncate(machine.dimm[0].descriptor(), static_cast<off_t>(5 * page)) == 0);
    CHECK(fw.mover.migrate({first, 8}) == errc::unreadable);
    CHECK(fw.mover.report().obstacle == ashlar::move_obstacle::source_unreadable);
    CHECK(fw.mover.report().first_lost == 5 * page);
    CHECK(fw.mover.migrate({first, 5}) == errc::ok);
    // Frames that are not of the stretch, or not by pages.
    CHECK(path.hold({{{first.number - 1}, 1}, {}}) == errc::invalid);
    CHECK(path.hold({{first, pages + 1}, {}}) == errc::invalid);
    three_dimms large(8);
    process_mapping blocks;
    large.fill(blocks, 2);
    ashlar::process_path by_blocks(blocks, writers, first);
    CHECK(by_blocks.hold({{first, 4}, {}}) == errc::invalid);
}

}  // namespace
