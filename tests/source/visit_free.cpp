// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What `visit_free` is for: the free ranges of a crashed machine, and reports of free blocks to a hypervisor.
#include <doctest/doctest.h>
#include <algorithm>
#include <ashlar/layer/accepted.hpp>
#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/locked.hpp>
#include <ashlar/source/blocks.hpp>
#include <ashlar/source/bump.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <atomic>
#include <set>
#include <thread>
#include <vector>

namespace ashlar {
namespace {

using ranges = std::vector<range<>>;

/// A guest whose frames can be accepted.
struct guest_platform : platform {
    [[nodiscard]] static constexpr errc accept(range<>) noexcept { return errc::ok; }
};
constexpr range<> frames{{0x1000}, 0x4000};

template <class Source>
struct attached {
    attached() {
        REQUIRE(memory.attach(frames, storage.words(), start::fresh) == errc::ok);
        REQUIRE(memory.online(frames) == errc::ok);
    }
    testing::word_buffer<typename Source::word> storage{Source::metadata_words(frames)};
    Source memory;
};

/// What a dump leaves out: the free ranges of a state that was copied out of a machine, maximal, ascending.
/// The machine may have stopped in the middle of anything; its words are not changed, and nothing of it runs.
template <class Source>
ranges free_ranges_of_dump(testing::word_buffer<typename Source::word>& state) {
    testing::word_buffer<typename Source::word> copy(Source::metadata_words(frames));
    copy.copy_from(state);
    Source reader;
    if (reader.attach(frames, copy.words(), start::recover) != errc::ok) return {};
    ranges all;
    reader.visit_free([&](range<> each) {
        if (!all.empty() && all.back().end() == each.first) {
            all.back().count += each.count;
        } else {
            all.push_back(each);
        }
    });
    return all;
}

template <class Source>
void dump() {
    attached<Source> a;
    REQUIRE(a.memory.allocate_at({{0x1100}, 0x23}) == errc::ok);
    REQUIRE(a.memory.allocate_at({{0x2000}, 0x1000}) == errc::ok);
    REQUIRE(a.memory.isolate({{0x4000}, 0x200}) == errc::ok);
    REQUIRE(a.memory.offline({{0x4000}, 0x200}) == errc::ok);
    REQUIRE(a.memory.revoke({{0x4800}, 0x10}));
    testing::word_buffer<typename Source::word> before(Source::metadata_words(frames));
    before.copy_from(a.storage);
    CHECK(
        free_ranges_of_dump<Source>(a.storage) ==
        ranges{
            {{0x1000}, 0x100}, {{0x1123}, 0xedd}, {{0x3000}, 0x1000}, {{0x4200}, 0x600}, {{0x4810}, 0x7f0}});
    CHECK(a.storage.equals(before));
    // A state that nobody can read has no free range: such a dump holds everything.
    a.storage.words()[0].store(0, memory_order::relaxed);
    CHECK(free_ranges_of_dump<Source>(a.storage).empty());
}
TEST_CASE("a crash dump: the free ranges of a copied state") {
    dump<radix_buddy<platform>>();
    dump<list_buddy<platform>>();
    dump<counted<locked<list_buddy<platform>>>>();
    dump<accepted<counted<radix_buddy<guest_platform>>>>();
}

TEST_CASE("a lock that was held when the machine stopped does not matter to a dump") {
    attached<locked<list_buddy<platform>>> a;
    a.storage.words()[0].store(1, memory_order::relaxed);
    CHECK(free_ranges_of_dump<locked<list_buddy<platform>>>(a.storage) == ranges{frames});
}

TEST_CASE("a dump of a confidential guest also leaves out what was never accepted") {
    using zone = accepted<radix_buddy<guest_platform>>;
    testing::word_buffer<zone::word> words(zone::metadata_words(frames));
    zone memory;
    REQUIRE(memory.attach(frames, words.words(), start::fresh) == errc::ok);
    REQUIRE(memory.mark_unaccepted({{0x3000}, 0x2000}) == errc::ok);
    REQUIRE(memory.online(frames) == errc::ok);
    REQUIRE(memory.allocate_at({{0x3200}, 1}) == errc::ok);
    zone reader;
    REQUIRE(reader.attach(frames, words.words(), start::recover) == errc::ok);
    ranges untouchable;
    reader.visit_unaccepted([&](range<> each) { untouchable.push_back(each); });
    CHECK(untouchable == ranges{{{0x3000}, 0x200}, {{0x3400}, 0x1c00}});
}

/// Free page reporting: every free block of at least `order` is told to the host, which may take its memory
/// away until it is touched. A block is taken while it is reported, so nobody can have put data into it.
template <class Source, class Report>
std::uint64_t report_free_blocks(Source& memory, unsigned order, Report&& report) {
    struct candidate {
        frame<> first;
        unsigned order;
    };
    std::vector<candidate> found;  // not acted upon inside the sink: the source may hold a lock
    memory.visit_free([&](range<> each) {
        for_each_block(each, Source::top_order, [&](frame<> first, unsigned found_order) {
            if (found_order >= order) found.push_back({first, found_order});
        });
    });
    std::uint64_t reported = 0;
    for (const candidate& each : found) {
        const range<> taken = block(each.first, each.order);
        if (memory.allocate_at(taken) != errc::ok) continue;  // in use by now: next time
        report(taken);
        reported += taken.count;
        (void)memory.free(each.first, each.order);
    }
    return reported;
}

template <class Source>
void reporting() {
    attached<Source> a;
    std::set<std::uint64_t> in_use{0x1001, 0x1a00, 0x33ff};
    for (const std::uint64_t each : in_use) REQUIRE(a.memory.allocate_at({{each}, 1}) == errc::ok);
    ranges told;
    const std::uint64_t count = report_free_blocks(a.memory, 9, [&](range<> each) { told.push_back(each); });
    // Three of the 32 pieces of 512 frames are in use in part.
    CHECK(count == frames.count - 3 * 512);
    std::uint64_t sum = 0;
    for (const auto& each : told) {
        CHECK(each.count >= 512);
        CHECK(each.count % 512 == 0);
        CHECK(each.first.number % each.count == 0);
        for (const std::uint64_t used : in_use) CHECK_FALSE(each.contains(frame<>{used}));
        sum += each.count;
    }
    CHECK(sum == count);
    CHECK(std::is_sorted(told.begin(), told.end(),
                         [](range<> x, range<> y) { return x.end() <= y.first && x.first != y.first; }));
    CHECK(a.memory.free_frames() == frames.count - 3);
    CHECK(a.memory.validate() == errc::ok);
    CHECK(report_free_blocks(a.memory, Source::top_order, [](range<>) {}) == 0);
}
TEST_CASE("free page reporting: blocks of order 9 and more, none of them in use") {
    reporting<radix_buddy<platform>>();
    reporting<locked<list_buddy<platform>>>();
    reporting<counted<radix_buddy<platform>>>();
}

TEST_CASE("threads: what is reported is in nobody's hands") {
    using zone = counted<radix_buddy<platform>>;
    attached<zone> a;
    std::vector<std::atomic<int>> owners(frames.count / 512);
    std::atomic<int> wrong{0};
    std::atomic<bool> done{false};
    const auto take = [&](range<> some, int by) {
        for (std::uint64_t at = some.first.number; at < some.end().number; at += 512) {
            if (owners[(at - frames.first.number) / 512].fetch_add(by) != (by > 0 ? 0 : 1)) ++wrong;
        }
    };
    std::thread reporter([&] {
        while (!done) {
            (void)report_free_blocks(a.memory, 9, [&](range<> each) {
                take(each, 1);
                std::this_thread::yield();
                take(each, -1);
            });
        }
    });
    testing::random_bits dice(3);
    std::vector<frame<>> held;
    for (int step = 0; step < 20'000; ++step) {
        if (dice() % 2 == 0) {
            if (const auto got = a.memory.allocate({.order = 9})) {
                take(block(*got, 9), 1);
                held.push_back(*got);
            }
        } else if (!held.empty()) {
            take(block(held.back(), 9), -1);
            if (a.memory.free(held.back(), 9) != errc::ok) ++wrong;
            held.pop_back();
        }
    }
    done = true;
    reporter.join();
    CHECK(wrong == 0);
    CHECK(a.memory.free_frames() == frames.count - 512 * held.size());
}

TEST_CASE("bump tells what is left of its pieces") {
    using early_memory = bump<platform>;
    testing::word_buffer<early_memory::word> words(early_memory::metadata_words(frames));
    early_memory early;
    REQUIRE(early.attach(frames, words.words(), start::fresh) == errc::ok);
    REQUIRE(early.online({{0x2000}, 0x1000}) == errc::ok);
    REQUIRE(early.online({{0x4000}, 0x1000}) == errc::ok);
    REQUIRE(early.allocate_at({{0x2000}, 0x10}) == errc::ok);
    std::uint64_t sum = 0;
    early.visit_free([&](range<> each) { sum += each.count; });
    CHECK(sum == 0x2000 - 0x10);
    CHECK(sum == early.free_frames());
}

}  // namespace
}  // namespace ashlar
