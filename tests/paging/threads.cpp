// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Threads that map, unmap, split and re-point in the same tables, and one that sets flags as hardware does.
#include <doctest/doctest.h>

#include <ashlar/layer/locked.hpp>
#include <ashlar/paging/aarch64.hpp>
#include <ashlar/paging/page_mapper.hpp>
#include <ashlar/paging/x86_64.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "paging/rig.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

using platform_type = arena_platform<12>;
using source_type = locked<list_buddy<platform_type, buddy_shape{.top_order = 4, .pageblock_order = 4}>>;
struct counted_flushes {
    std::atomic<std::uint64_t>* count;
    void operator()(std::uint64_t, unsigned) const noexcept { count->fetch_add(1); }
};

constexpr std::uint64_t block_bytes = 0x20'0000;
constexpr unsigned pages_each = 8;
constexpr unsigned rounds = 40000;

/// Thread t has pages t * 8 to t * 8 + 7 of every block; frames tell whose they are.
template <class Format>
void threads_share_tables() {
    source_type source;
    std::vector<typename source_type::word> words(source_type::metadata_words(platform_type::frames));
    REQUIRE(source.attach(platform_type::frames, {words.data(), words.size()}, start::fresh) == errc::ok);
    REQUIRE(source.online(platform_type::frames) == errc::ok);
    std::atomic<std::uint64_t> flushes = 0;
    using mapper_type = page_mapper<Format, platform_type, source_type, counted_flushes>;
    mapper_type pages(*mapper_type::make_root(source), source, counted_flushes{&flushes});
    const auto writable = typename Format::permissions{.write = true};
    for (std::uint64_t block = 1; block < 4; ++block) {
        REQUIRE(pages.map(block * block_bytes,
                          {.first = {block << 9}, .level = 1, .permissions = writable}) == errc::ok);
    }
    std::atomic<std::uint64_t> wrong = 0;
    std::atomic<bool> stop = false;
    const auto work = [&](std::uint64_t thread) {
        random_bits random(thread);
        const auto expect = [&](bool holds) { wrong += holds ? 0 : 1; };
        for (std::uint64_t block = 1; block < 4; ++block) {
            errc split = errc::busy;
            while (split == errc::busy) split = pages.split(block * block_bytes, 1);
            expect(split == errc::ok);
        }
        std::uint64_t frames[4][pages_each];
        for (std::uint64_t block = 0; block < 4; ++block) {
            for (std::uint64_t i = 0; i < pages_each; ++i) {
                frames[block][i] = block == 0 ? 0 : (block << 9) + thread * pages_each + i;
            }
        }
        for (unsigned round = 0; round < rounds; ++round) {
            const std::uint64_t block = random() % 4;
            const std::uint64_t i = random() % pages_each;
            const std::uint64_t address = block * block_bytes + ((thread * pages_each + i) << 12);
            std::uint64_t& known = frames[block][i];
            const std::uint64_t next = (thread + 1) << 16 | round;
            if (known == 0) {
                expect(pages.map(address, {.first = {next}, .permissions = writable}) == errc::ok);
                known = next;
            } else if (random() % 2 == 0) {
                expect(pages.re_point(address, {known}, {next}) == errc::ok);
                known = next;
            } else {
                const auto last = pages.unmap(address);
                expect(last && Format::frame_of(*last, 0) == known);
                known = 0;
            }
            const auto found = pages.find(address);
            expect(found && found->is_mapped() == (known != 0));
            if (found && known != 0) expect(found->target().number == known);
        }
    };
    const auto hardware = [&] {
        random_bits random(99);
        while (!stop) {
            const std::uint64_t address = random() % 4 * block_bytes + (random() % 16 << 12);
            const auto found = pages.find(address);
            if (!found || !found->is_mapped()) continue;
            std::uint64_t seen = found->entry;
            const std::uint64_t flagged = Format::with_dirty(Format::with_accessed(seen, true), true);
            auto* const table =
                static_cast<builtin_atomic<std::uint64_t>*>(platform_type::bytes_of(found->table));
            (void)table[static_cast<std::size_t>(found->index)].compare_exchange(seen, flagged,
                                                                                 memory_order::acq_rel);
        }
    };
    std::thread flags(hardware);
    std::thread other(work, std::uint64_t{1});
    work(0);
    other.join();
    stop = true;
    flags.join();
    CHECK(wrong == 0);
    CHECK(flushes >= 3);
    // A root, two tables above the pages, four tables of pages.
    CHECK(platform_type::frames.count - source.free_frames() == 7);
    CHECK(pages.find(2 * block_bytes + 0x10'0000)->target().number == (2 << 9) + 0x100);
    CHECK(pages.release() == errc::ok);
    CHECK(source.free_frames() == platform_type::frames.count);
}

TEST_CASE("threads map, unmap, split and re-point in the same tables") {
    threads_share_tables<x86_64>();
    threads_share_tables<aarch64>();
}

}  // namespace
