// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A pattern that is written before, during (by other threads) and after frames move: no write is lost. The
// same without protection loses writes.
#include <doctest/doctest.h>

#include <ashlar/testing/unprotected.hpp>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <vector>

#include "migrate/migration_rig.hpp"

namespace {

using namespace migrate_tests;

struct alignas(64) slot {
    std::atomic<std::uint32_t> held{0};
};

/// Bytes are read and written as words, by as many threads as there are; each has a guard of its own, odd
/// while it is held.
struct thread_memory : array_platform<> {
    static constexpr unsigned threads = 4;
    static inline slot slots[threads];
    static inline thread_local unsigned self = 0;
    static inline unsigned copies = 0;  ///< the mover's

    struct cpu_guard {
        cpu_guard() noexcept { slots[self].held.fetch_add(1, std::memory_order_acq_rel); }
        ~cpu_guard() { slots[self].held.fetch_add(1, std::memory_order_acq_rel); }
    };
    static void quiesce() noexcept {
        for (unsigned i = 0; i < threads; ++i) {
            if (i == self) continue;
            const std::uint32_t seen = slots[i].held.fetch_add(0, std::memory_order_acq_rel);
            while (seen % 2 != 0 && slots[i].held.load(std::memory_order_acquire) == seen)
                std::this_thread::yield();
        }
    }
    using word = builtin_atomic<std::uint64_t>;
    [[nodiscard]] static word& word_at(std::byte* content) noexcept {
        return *reinterpret_cast<word*>(content);
    }
    static copy_result copy_part(frame<machine> from, frame<machine> to, frame_part part) noexcept {
        for (std::uint64_t at = part.offset; at < part.offset + part.count; at += 8) {
            const auto in = memory + from.number * frame_bytes + at;
            const auto out = memory + to.number * frame_bytes + at;
            word_at(out).store(word_at(in).load(memory_order::relaxed), memory_order::relaxed);
        }
        // Where there are fewer processors than threads, somebody comes in between all the same.
        if (++copies % 4 == 0) std::this_thread::yield();
        return {part.count, errc::ok};
    }
};

constexpr range<os> origins{{0x800}, 2};
constexpr std::uint64_t words = 2 * 4096 / 8;

struct outcome {
    std::uint64_t moves = 0;
    std::uint64_t written = 0;
    std::uint64_t lost = 0;       ///< words that did not have what was last written to them
    std::uint64_t backwards = 0;  ///< words that went back to an older value
};

/// Moves the frames so many times, or until a write is lost.
template <class Protection>
outcome hammer(std::uint64_t moves, bool until_lost) {
    rig<Protection, thread_memory, cpu_part_copy<thread_memory>, shipped_table<remap_table<>>> r(
        {.spares = {.ordinary = 8, .mirrored = 0}});
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> lost{0};
    std::atomic<std::uint64_t> written{0};
    std::uint64_t backwards = 0;
    std::vector<std::uint64_t> last(words);  // what the writer wrote

    const auto access = [&](std::uint64_t i, access_kind kind, auto use) {
        const auto use_word = [&use](std::byte* content, std::uint64_t, std::uint64_t) {
            use(thread_memory::word_at(content));
        };
        const frame<os> f = origins.first + i / 512;
        while (r.access.visit(f, {i % 512 * 8, 8}, kind, use_word) == errc::busy) std::this_thread::yield();
    };
    const auto get = [&](std::uint64_t i) {
        std::uint64_t got = 0;
        access(i, access_kind::read, [&](auto& word) { got = word.load(memory_order::relaxed); });
        return got;
    };
    for (std::uint64_t i = 0; i < words; ++i) {
        last[i] = i + 1;
        access(i, access_kind::write, [&](auto& word) { word.store(last[i], memory_order::relaxed); });
    }
    std::thread writer([&] {
        thread_memory::self = 1;
        for (std::uint64_t at = 0; !stop.load(std::memory_order_relaxed); at = (at + 67) % words) {
            if (get(at) != last[at]) lost.fetch_add(1, std::memory_order_relaxed);
            last[at] += words;
            access(at, access_kind::write, [&](auto& word) { word.store(last[at], memory_order::relaxed); });
            written.fetch_add(1, std::memory_order_relaxed);
        }
    });
    std::thread reader([&] {
        thread_memory::self = 2;
        std::vector<std::uint64_t> seen(words);
        for (std::uint64_t at = 0; !stop.load(std::memory_order_relaxed); at = (at + 129) % words) {
            const std::uint64_t now = get(at);
            if (now < seen[at] || now % words != (at + 1) % words) ++backwards;
            seen[at] = now;
        }
    });
    outcome done;
    bool failed = false;
    const auto is_enough = [&] {
        if (until_lost) return lost.load(std::memory_order_relaxed) != 0 || done.moves >= moves;
        return done.moves >= moves && written.load(std::memory_order_relaxed) >= 10 * moves;
    };
    while (!is_enough()) {
        // Into spares, into others, given up half-way, and back.
        const std::uint64_t turn = done.moves++ % 4;
        errc answer = errc::ok;
        if (turn == 2) {
            answer = r.mover.begin(origins);
            failed = failed || !r.mover.step(4096);
            failed = failed || r.mover.abort() != errc::ok;
        } else {
            answer = turn == 3 ? r.mover.restore(origins) : r.mover.migrate(origins);
        }
        failed = failed || answer != errc::ok;
    }
    stop = true;
    writer.join();
    reader.join();
    CHECK(!failed);
    for (std::uint64_t i = 0; i < words; ++i) {
        if (get(i) != last[i]) lost.fetch_add(1);
        last[i] += words;
        access(i, access_kind::write, [&](auto& word) { word.store(last[i], memory_order::relaxed); });
        if (get(i) != last[i]) lost.fetch_add(1);
    }
    done.lost = lost;
    done.written = written;
    done.backwards = backwards;
    return done;
}

std::uint64_t moves() {
    return std::getenv("ASHLAR_LONG") != nullptr ? 200'000 : 60;
}

TEST_CASE_TEMPLATE("no write is lost", Protection, trap_and_retry, copy_cursor<16>, copy_cursor<5>,
                   dirty_recopy<>) {
    const outcome seen = hammer<Protection>(moves(), false);
    MESSAGE("moves " << seen.moves << ", writes meanwhile " << seen.written);
    CHECK(seen.lost == 0);
    CHECK(seen.backwards == 0);
    CHECK(seen.written > 0);
}

TEST_CASE("without protection writes are lost") {
    const outcome seen = hammer<testing::unprotected>(1'000'000, true);
    MESSAGE("a write lost after " << seen.moves << " moves");
    CHECK(seen.lost != 0);
}

}  // namespace
