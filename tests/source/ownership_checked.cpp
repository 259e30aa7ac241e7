// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/cpu_magazines.hpp>
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/layer/locked.hpp>
#include <ashlar/layer/ownership_checked.hpp>
#include <ashlar/layer/scrubbed.hpp>
#include <ashlar/linux_backend/user_platform.hpp>
#include <ashlar/source/bump.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "source/hammer.hpp"
#include "source/three_cpus.hpp"

namespace ashlar {
namespace {

constexpr magazine_shape few{.batch = 8, .high = 32, .frames_per_cpu = 1};
constexpr buddy_shape words_32{.top_order = 12, .word_bits = 32, .row_order = 5, .line_order = 8};

using rows = ownership_checked<cpu_rows<radix_buddy<three_cpus>, rows_shape{.frames_per_cpu = 1}>>;
using rows_32 =
    ownership_checked<cpu_rows<radix_buddy<three_cpus, words_32>, rows_shape{.frames_per_cpu = 1}>>;
using stacks = ownership_checked<cpu_magazines<locked<list_buddy<three_cpus>>, few>>;
static_assert(frame_source<rows> && free_checking_source<rows> && !row_source<rows>);
static_assert(counted_source<ownership_checked<counted<list_buddy<platform>>>>);
// It answers for those who cannot tell what a free would answer.
static_assert(free_checking_source<ownership_checked<bump<platform>>>);

// The first frame lies inside of a word.
constexpr range<> frames{{0x1005}, 0x1ffb};

template <class Source>
struct attached : attached_to<Source> {
    attached() : attached_to<Source>(frames) {}
};

TEST_CASE("the example of the class comment") {
    using my_platform = platform;
    using zone = ownership_checked<cpu_rows<radix_buddy<my_platform>>>;
    static zone::word words[zone::metadata_words(frames)];
    static constinit zone memory;
    REQUIRE(memory.attach(frames, words, start::fresh) == errc::ok);
    REQUIRE(memory.online(frames) == errc::ok);
    const auto page = memory.allocate({});
    REQUIRE(page);
    CHECK(memory.free(*page, 0) == errc::ok);
    CHECK(memory.free(*page, 0) == errc::double_free);
}

TEST_CASE("one bit a frame, and a line") {
    using plain = radix_buddy<three_cpus>;
    constexpr range<> large{{std::uint64_t{1} << 20}, std::uint64_t{1} << 20};
    CHECK((ownership_checked<plain>::metadata_words(large) - plain::metadata_words(large)) * 64 ==
          large.count + 512);
}

TEST_CASE_TEMPLATE("a double free is told wherever the frame lies, by whatever CPU", Source, rows, rows_32,
                   stacks) {
    attached<Source> a;
    REQUIRE(a.memory.allocate_at({{0x1800}, 64}) == errc::ok);
    CHECK(a.memory.held_by_users() == 64);
    three_cpus::cpu = 1;
    REQUIRE(a.memory.free({0x1800}, 2) == errc::ok);  // it lies in the slot of CPU 1
    three_cpus::cpu = 0;
    for (const cpu_id cpu : {0U, 1U, 2U}) {
        three_cpus::cpu = cpu;
        for (unsigned order = 0; order <= 6; ++order) {
            CHECK(a.memory.would_free({0x1800}, order) == errc::double_free);
            CHECK(a.memory.free({0x1800}, order) == errc::double_free);
        }
        CHECK(a.memory.free({0x1803}, 0) == errc::double_free);
        CHECK(a.memory.free({0x1801}, 1) == errc::misaligned);
        CHECK(a.memory.free({0x1000}, 3) == errc::not_owned);
        CHECK(a.memory.free({0x1000}, 60) == errc::unsupported);
        CHECK(a.memory.would_free({0x1801}, 1) == errc::misaligned);
        CHECK(a.memory.would_free({0x1000}, 3) == errc::not_owned);
        CHECK(a.memory.would_free({0x1000}, 60) == errc::unsupported);
        CHECK(a.memory.would_free({0x1804}, 2) == errc::ok);
    }
    // The refused ones have changed nothing: what is held can be freed.
    CHECK(a.memory.held_by_users() == 60);
    REQUIRE(a.memory.free({0x1820}, 5) == errc::ok);
    REQUIRE(a.memory.free({0x1810}, 4) == errc::ok);
    REQUIRE(a.memory.free({0x1808}, 3) == errc::ok);
    REQUIRE(a.memory.free({0x1804}, 2) == errc::ok);
    CHECK(a.memory.held_by_users() == 0);
    for (cpu_id cpu = 0; cpu < 3; ++cpu) a.memory.drain(cpu);
    CHECK(a.memory.inner().inner().free_frames() == frames.count);
    CHECK(three_cpus::defects.empty());
    CHECK(a.memory.validate() == errc::ok);
}

TEST_CASE_TEMPLATE("random frees by random CPUs, right and wrong ones: each is told for what it is", Source,
                   rows, rows_32, stacks) {
    attached<Source> a;
    testing::random_bits dice(5);
    std::vector<bool> held(frames.count);
    std::map<errc, int> answers;
    const auto all = [&](range<> some, bool value) {
        for (std::uint64_t i = 0; i < some.count; ++i) {
            if (held[some.first.number + i - frames.first.number] != value) return false;
        }
        return true;
    };
    const auto set = [&](range<> some, bool value) {
        REQUIRE(all(some, !value));
        for (std::uint64_t i = 0; i < some.count; ++i) {
            held[some.first.number + i - frames.first.number] = value;
        }
    };
    for (int step = 0; step < 100'000; ++step) {
        three_cpus::cpu = static_cast<cpu_id>(dice() % 4);  // the last one has no slot
        const auto order = static_cast<unsigned>(dice() % 4 == 0 ? dice() % 8 : 0);
        if (dice() % 2 == 0) {
            if (const auto got = a.memory.allocate({.order = order})) set(block(*got, order), true);
            continue;
        }
        // Near the first of the range, where the frames in use are, or anywhere.
        const std::uint64_t span = dice() % 4 == 0 ? frames.count : 1024;
        const frame<> first{(frames.first.number + dice() % span) >> order << order};
        const range<> some = block(first, order);
        const errc answer = a.memory.free(first, order);
        ++answers[answer];
        if (!frames.contains(some)) {
            REQUIRE(answer == errc::not_owned);
        } else if (all(some, true)) {
            REQUIRE(answer == errc::ok);
            set(some, false);
        } else {
            REQUIRE(answer == errc::double_free);
        }
        if (step % 4096 == 0) REQUIRE(a.memory.validate() == errc::ok);
    }
    CHECK(answers[errc::ok] > 10'000);
    CHECK(answers[errc::double_free] > 5'000);
    CHECK(answers[errc::not_owned] > 10);
    std::uint64_t in_use = 0;
    for (const bool each : held) in_use += each ? 1 : 0;
    CHECK(a.memory.held_by_users() == in_use);
    CHECK(a.memory.free_frames() == frames.count - in_use);
    CHECK(three_cpus::defects.empty());
}

TEST_CASE_TEMPLATE("revoked frames: who holds one is told so as often as he asks, and so is who does not",
                   Source, rows, stacks) {
    attached<Source> a;
    REQUIRE(a.memory.allocate_at({{0x1800}, 8}) == errc::ok);
    REQUIRE(a.memory.revoke({{0x1804}, 8}));
    for (int again = 0; again < 2; ++again) {
        CHECK(a.memory.would_free({0x1804}, 1) == errc::revoked);
        CHECK(a.memory.free({0x1804}, 1) == errc::revoked);  // was in use
        CHECK(a.memory.free({0x1809}, 0) == errc::revoked);  // was free
        CHECK(a.memory.held_by_users() == 8);
    }
    CHECK(a.memory.free({0x1800}, 2) == errc::ok);
    CHECK(a.memory.validate() == errc::ok);
}

TEST_CASE("a source that hands out frames twice is found out, and the frames are kept out of circulation") {
    attached<ownership_checked<list_buddy<three_cpus>>> a;
    const auto f = a.memory.allocate({.order = 1});
    REQUIRE(f);
    // Somebody frees past the layer.
    REQUIRE(a.memory.inner().free(*f, 1) == errc::ok);
    CHECK(a.memory.validate() == errc::corrupt);
    CHECK(a.memory.allocate_at({*f, 2}) == errc::corrupt);
    CHECK(three_cpus::defects == defect_reports{{errc::corrupt, f->number}});
    CHECK(a.memory.validate() == errc::ok);
    // Its first owner still has it.
    CHECK(a.memory.held_by_users() == 2);
    CHECK(a.memory.free(*f, 1) == errc::ok);
    // As it is where only one frame of a larger block is in use.
    REQUIRE(a.memory.allocate_at({*f, 1}) == errc::ok);
    REQUIRE(a.memory.inner().free(*f, 0) == errc::ok);
    CHECK(a.memory.allocate_at({*f, 200}) == errc::corrupt);
    CHECK(a.memory.held_by_users() == 1);
    CHECK(three_cpus::defects.size() == 2);
    // Or the last one.
    REQUIRE(a.memory.allocate_at({{0x1fff}, 1}) == errc::ok);
    REQUIRE(a.memory.inner().free({0x1fff}, 0) == errc::ok);
    CHECK(a.memory.allocate_at({{0x1f00}, 256}) == errc::corrupt);
    CHECK(a.memory.held_by_users() == 2);
}

TEST_CASE("a request for a block that is in use elsewhere is corrupt") {
    attached<ownership_checked<list_buddy<three_cpus>>> a;
    REQUIRE(a.memory.allocate_at(frames) == errc::ok);
    REQUIRE(a.memory.inner().free({0x1800}, 3) == errc::ok);
    CHECK(a.memory.allocate({.order = 3}).error() == errc::corrupt);
    CHECK(a.memory.allocate({.order = 3}).error() == errc::exhausted);
    CHECK(a.memory.held_by_users() == frames.count);
}

TEST_CASE_TEMPLATE("recovery loses nothing: what slots held and what was on its way is nobody's", Source,
                   rows, stacks) {
    attached<Source> a;
    std::vector<std::pair<frame<>, unsigned>> held;
    for (const cpu_id cpu : {0U, 1U, 2U}) {
        three_cpus::cpu = cpu;
        for (unsigned order = 0; order < 4; ++order) {
            const auto got = a.memory.allocate({.order = order});
            REQUIRE(got);
            held.emplace_back(*got, order);
        }
    }
    const std::uint64_t in_use = a.memory.held_by_users();
    REQUIRE(a.memory.inner().held_frames() > 0);
    testing::word_buffer<typename Source::word> copy(Source::metadata_words(frames));
    copy.copy_from(a.storage);
    Source next;
    REQUIRE(next.attach(frames, copy.words(), start::recover) == errc::ok);
    CHECK(next.free_frames() == frames.count - in_use);
    CHECK(next.validate() == errc::ok);
    for (const auto& [first, order] : held) CHECK(next.free(first, order) == errc::ok);
    CHECK(next.free_frames() == frames.count);
    CHECK(next.held_by_users() == 0);
    // The caller knows better, of some.
    copy.copy_from(a.storage);
    Source knowing;
    REQUIRE(knowing.attach(frames, copy.words(), start::recover,
                           [&](frame<> each) { return each == held[0].first; }) == errc::ok);
    CHECK(knowing.held_by_users() == 1);
    CHECK(knowing.free_frames() == frames.count - 1);
    CHECK(knowing.free(held[1].first, held[1].second) == errc::double_free);
    CHECK(knowing.free(held[0].first, 0) == errc::ok);
    // Foreign words.
    copy.copy_from(a.storage);
    copy.words()[0].store(77, memory_order::relaxed);
    Source refused;
    CHECK(refused.attach(frames, copy.words(), start::recover) == errc::corrupt);
}

TEST_CASE("who is told at a fresh start who lives is not asked") {
    using checked = ownership_checked<list_buddy<three_cpus>>;
    testing::word_buffer<checked::word> storage(checked::metadata_words(frames));
    checked memory;
    unsigned asked = 0;
    const auto everybody = [&](frame<>) {
        ++asked;
        return true;
    };
    REQUIRE(memory.attach(frames, storage.words(), start::fresh, everybody) == errc::ok);
    REQUIRE(memory.online(frames) == errc::ok);
    CHECK(asked == 0);
    CHECK(memory.held_by_users() == 0);
    CHECK(memory.free_frames() == frames.count);
    CHECK(memory.free(frames.first, 0) == errc::double_free);
}

TEST_CASE("what is refused when it is recovered can be recovered still") {
    using checked = ownership_checked<list_buddy<three_cpus>>;
    testing::word_buffer<checked::word> storage(checked::metadata_words(frames));
    std::vector<frame<>> held;
    {
        checked memory;
        REQUIRE(memory.attach(frames, storage.words(), start::fresh) == errc::ok);
        REQUIRE(memory.online(frames) == errc::ok);
        for (int i = 0; i < 5; ++i) held.push_back(*memory.allocate({}));
    }
    // The source's words are found damaged, then they are as they were.
    auto& identity =
        storage.words()[checked::metadata_words(frames) - list_buddy<three_cpus>::metadata_words(frames)];
    const auto sound = identity.load(memory_order::relaxed);
    identity.store(sound + 1, memory_order::relaxed);
    const auto everybody = [](frame<>) { return true; };
    checked again;
    REQUIRE(again.attach(frames, storage.words(), start::recover, everybody) == errc::corrupt);
    identity.store(sound, memory_order::relaxed);
    REQUIRE(again.attach(frames, storage.words(), start::recover) == errc::ok);
    CHECK(again.held_by_users() == held.size());
    for (const frame<> each : held) CHECK(again.free(each, 0) == errc::ok);
    CHECK(again.free_frames() == frames.count);
}

/// As `list_buddy`, without the predicate.
struct forgetful : list_buddy<three_cpus> {
    constexpr errc attach(range<> some, view<word> words, start how) noexcept {
        return list_buddy<three_cpus>::attach(some, words, how);
    }
};
TEST_CASE("where the source takes no predicate, a bit is cleared where it has the frame free") {
    attached<ownership_checked<forgetful>> a;
    const auto kept = a.memory.allocate({});
    const auto lost = a.memory.allocate({});
    REQUIRE(kept);
    REQUIRE(lost);
    REQUIRE(a.memory.inner().free(*lost, 0) == errc::ok);
    REQUIRE(a.memory.detach(frames) == errc::ok);
    REQUIRE(a.memory.attach(frames, a.storage.words(), start::recover) == errc::ok);
    CHECK(a.memory.held_by_users() == 1);
    CHECK(a.memory.validate() == errc::ok);
    CHECK(a.memory.free(*lost, 0) == errc::double_free);
    CHECK(a.memory.free(*kept, 0) == errc::ok);
}

TEST_CASE("a fresh start forgets who held what") {
    attached<rows> a;
    REQUIRE(a.memory.allocate_at(frames) == errc::ok);
    REQUIRE(a.memory.detach(frames) == errc::ok);
    REQUIRE(a.memory.attach(frames, a.storage.words(), start::fresh) == errc::ok);
    CHECK(a.memory.held_by_users() == 0);
    REQUIRE(a.memory.online(frames) == errc::ok);
    CHECK(a.memory.allocate_at(frames) == errc::ok);
}

TEST_CASE("around a source that cannot tell what a free would answer") {
    attached<ownership_checked<bump<three_cpus>>> a;
    const auto f = a.memory.allocate({.order = 2});
    REQUIRE(f);
    CHECK(a.memory.would_free(*f, 2) == errc::ok);
    CHECK(a.memory.free(*f, 2) == errc::unsupported);
    CHECK(a.memory.held_by_users() == 4);
    CHECK(a.memory.would_free(*f + 8, 0) == errc::double_free);
    CHECK(a.memory.free(*f + 8, 0) == errc::double_free);
    REQUIRE(a.memory.isolate(frames) == errc::ok);
    REQUIRE(a.memory.offline({{frames.end().number - 1}, 1}) == errc::ok);
    CHECK(a.memory.free({frames.end().number - 1}, 0) == errc::not_owned);
}

TEST_CASE("threads: two free the same frames, every frame is freed by one of them") {
    using zone = ownership_checked<cpu_magazines<locked<list_buddy<thread_platform<4>>>, few>>;
    testing::word_buffer<zone::word> words(zone::metadata_words(frames));
    zone memory;
    REQUIRE(memory.attach(frames, words.words(), start::fresh) == errc::ok);
    REQUIRE(memory.online(frames) == errc::ok);
    for (int round = 0; round < 20; ++round) {
        REQUIRE(memory.allocate_at({{0x1800}, 0x400}) == errc::ok);
        std::atomic<std::uint64_t> freed{0};
        std::atomic<int> wrong{0};
        std::atomic<int> ready{0};
        const auto work = [&] {
            const thread_platform<4>::registration slot;
            ++ready;
            while (ready < 2) std::this_thread::yield();
            for (std::uint64_t i = 0; i < 0x400; ++i) {
                const errc answer = memory.free({0x1800 + i}, 0);
                if (answer == errc::ok) ++freed;
                if (answer != errc::ok && answer != errc::double_free) ++wrong;
            }
            memory.drain();
        };
        std::thread first(work);
        std::thread second(work);
        first.join();
        second.join();
        CHECK(freed == 0x400);
        CHECK(wrong == 0);
        CHECK(memory.inner().inner().free_frames() == frames.count);
    }
    CHECK(memory.validate() == errc::ok);
}

TEST_CASE("threads: everything at random, in both contracts") {
    using two_slots = thread_platform<2>;
    hammer<ownership_checked<cpu_magazines<locked<list_buddy<two_slots>>, few>>>(
        [] { return two_slots::registration(); });
    constexpr magazine_shape shared{.contract = slot_contract::shared, .frames_per_cpu = 1};
    hammer<ownership_checked<cpu_magazines<counted<radix_buddy<cpu_platform<8>>>, shared>>>([] { return 0; });
}

}  // namespace
}  // namespace ashlar
