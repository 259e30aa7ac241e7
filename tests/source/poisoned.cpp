// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <array>
#include <ashlar/layer/locked.hpp>
#include <ashlar/layer/poisoned.hpp>
#include <ashlar/layer/scrubbed.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/fault_injected.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <ashlar/testing/request_stream.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "harness/by_day.hpp"

namespace ashlar {
namespace {

constexpr range<> frames{{60}, 520};

/// A shadow of one flag a frame; frames outside the range must not be named.
struct shadowed : platform {
    static inline std::array<std::atomic<bool>, 520> shadow{};
    static inline std::atomic<int> outside{0};
    static void set(frame<> first, std::uint64_t count, bool value) noexcept {
        for (std::uint64_t i = 0; i < count; ++i) {
            if (!frames.contains(first + i)) {
                ++outside;
            } else {
                shadow[static_cast<std::size_t>(first.number + i - 60)] = value;
            }
        }
    }
    static void poison(frame<> first, std::uint64_t count) noexcept { set(first, count, true); }
    static void unpoison(frame<> first, std::uint64_t count) noexcept { set(first, count, false); }
};
bool is_poisoned(frame<> f) {
    return shadowed::shadow[static_cast<std::size_t>(f.number - 60)];
}
std::uint64_t poisoned_in(range<> some) {
    std::uint64_t count = 0;
    for (std::uint64_t i = 0; i < some.count; ++i) count += is_poisoned(some.first + i) ? 1U : 0U;
    return count;
}

constexpr buddy_shape list_shape{.top_order = 6, .pageblock_order = 3};
constexpr buddy_shape radix_shape{.top_order = 8, .row_order = 2, .line_order = 4, .pageblock_order = 4};
using list = list_buddy<shadowed, list_shape>;
using radix = radix_buddy<shadowed, radix_shape>;

template <class Source>
struct attached {
    attached() {
        shadowed::set(frames.first, frames.count, false);
        shadowed::outside = 0;
        REQUIRE(memory.attach(frames, storage.words(), start::fresh) == errc::ok);
    }
    /// Poisoned are exactly the frames that are free.
    [[nodiscard]] std::string wrong() const {
        std::vector<bool> is_free(static_cast<std::size_t>(frames.count));
        memory.visit_free([&](range<> each) {
            for (std::uint64_t i = 0; i < each.count; ++i)
                is_free[static_cast<std::size_t>(each.first.number + i - 60)] = true;
        });
        for (std::uint64_t i = 0; i < frames.count; ++i) {
            const bool free = is_free[static_cast<std::size_t>(i)];
            if (free != is_poisoned(frames.first + i))
                return std::string(free ? "free and not poisoned: " : "poisoned and not free: ") +
                       std::to_string(60 + i);
        }
        return shadowed::outside == 0 ? "" : "a foreign frame was named";
    }
    testing::word_buffer<typename Source::word> storage{Source::metadata_words(frames)};
    Source memory;
};

template <class Source>
void through_the_verbs() {
    attached<Source> a;
    auto& memory = a.memory;
    CHECK(poisoned_in(frames) == 0);
    REQUIRE(memory.online({{60}, 260}) == errc::ok);
    CHECK(poisoned_in(frames) == 260);
    CHECK(a.wrong() == "");
    // Frames that are in use stay usable when somebody tries to bring them online again.
    REQUIRE(memory.allocate_at({{64}, 32}) == errc::ok);
    CHECK(poisoned_in({{64}, 32}) == 0);
    CHECK(memory.online({{64}, 8}) == errc::busy);
    CHECK(memory.online({{300}, 60}) == errc::busy);
    CHECK(memory.online({{570}, 60}) == errc::not_owned);
    CHECK(memory.online({{570}, 0}) == errc::invalid);
    CHECK(a.wrong() == "");
    // Wrong frees poison nothing.
    CHECK(memory.free({64}, 6) == errc::double_free);
    CHECK(memory.free({65}, 1) == errc::misaligned);
    CHECK(memory.free({400}, 1) == errc::not_owned);
    CHECK(a.wrong() == "");
    CHECK(memory.free({64}, 3) == errc::ok);
    CHECK(a.wrong() == "");
    const auto got = memory.allocate({.order = 4});
    REQUIRE(got);
    CHECK(poisoned_in(block(*got, 4)) == 0);
    CHECK(a.wrong() == "");
    // Frames that leave are not poisoned.
    REQUIRE(memory.isolate({{256}, 32}) == errc::ok);
    CHECK(memory.offline({{256}, 64}) == errc::busy);
    CHECK(a.wrong() == "");
    REQUIRE(memory.offline({{256}, 32}) == errc::ok);
    CHECK(a.wrong() == "");
    REQUIRE(memory.revoke({{64}, 24}));
    CHECK(a.wrong() == "");
    CHECK(memory.free({72}, 0) == errc::revoked);
    CHECK(memory.online({{64}, 4}) == errc::revoked);
    CHECK(a.wrong() == "");
    // Recovery poisons anew what is free, and only that.
    REQUIRE(memory.detach({{60}, 519}) == errc::invalid);
    CHECK(a.wrong() == "");
    REQUIRE(memory.detach(frames) == errc::ok);
    CHECK(poisoned_in(frames) == 0);
    shadowed::set({120}, 4, true);
    REQUIRE(memory.attach(frames, a.storage.words(), start::recover) == errc::ok);
    CHECK(a.wrong() == "");
    REQUIRE(memory.detach(frames) == errc::ok);
    REQUIRE(memory.attach(frames, a.storage.words(), start::recover, [](frame<>) { return false; }) ==
            errc::ok);
    CHECK(a.wrong() == "");
    CHECK(poisoned_in(block(*got, 4)) == 16);
}

TEST_CASE("poisoned exactly while free, through every verb") {
    through_the_verbs<poisoned<list>>();
    through_the_verbs<poisoned<radix>>();
    through_the_verbs<locked<poisoned<list>>>();
    through_the_verbs<poisoned<locked<list>>>();
}

TEST_CASE("an online that the source refuses leaves no poison") {
    // No room for more edges than the table of holes has.
    using narrow = poisoned<radix_buddy<
        shadowed,
        buddy_shape{
            .top_order = 8, .row_order = 2, .line_order = 4, .pageblock_order = 4, .hole_entries = 8}>>;
    attached<narrow> a;
    int limits = 0;
    for (std::uint64_t at = 64; at < 560; at += 16) {
        const errc answer = a.memory.online({{at + 3}, 5});
        limits += answer == errc::limit ? 1 : 0;
        REQUIRE(a.wrong() == "");
    }
    CHECK(limits > 0);
}

TEST_CASE("a free that fails after all is undone, where it can be told apart") {
    // Another caller gets in between what is asked and what is done.
    struct late {
        errc said;
        bool stays;
    };
    for (const late each :
         {late{errc::revoked, false}, late{errc::busy, false}, late{errc::double_free, true}}) {
        struct answering : list {
            errc answer = errc::ok;
            errc free(frame<> first, unsigned order) noexcept {
                return answer == errc::ok ? list::free(first, order) : answer;
            }
        };
        attached<poisoned<answering>> a;
        REQUIRE(a.memory.online(frames) == errc::ok);
        REQUIRE(a.memory.allocate_at({{64}, 4}) == errc::ok);
        a.memory.inner().answer = each.said;
        CHECK(a.memory.free({64}, 2) == each.said);
        CHECK(poisoned_in({{64}, 4}) == (each.stays ? 4 : 0));
    }
}

template <class Source>
void model(std::uint64_t seed) {
    attached<Source> a;
    REQUIRE(a.memory.online({{60}, 400}) == errc::ok);
    testing::request_stream<> stream(
        {.frames = frames, .top_order = Source::top_order, .isolation_order = Source::isolation_order}, seed);
    testing::holdings<> held(Source::top_order);
    std::uint64_t failed = 0;
    const std::uint64_t steps = harness::by_day(20'000, 100'000);
    for (std::uint64_t step = 0; step < steps; ++step) {
        const auto next = stream.next(held);
        if (next.which == testing::verb::revoke && step % 32 != 0) continue;
        const auto got = testing::make(a.memory, next);
        REQUIRE(a.wrong() == "");
        failed += got.error == errc::ok ? 0U : 1U;
        const bool gone = next.which == testing::verb::free && got.error == errc::revoked;
        if (gone || (next.which == testing::verb::free && got.error == errc::ok))
            held.remove(block(next.frames.first, next.order));
        if (got.error != errc::ok) continue;
        if (next.which == testing::verb::allocate) held.add(block(got.first, next.wanted.order));
        if (next.which == testing::verb::allocate_at) held.add(next.frames);
    }
    CHECK(failed > steps / 20);
}

TEST_CASE("model: after every call, poisoned is what is free") {
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
        model<poisoned<list>>(seed);
        model<poisoned<radix>>(seed);
    }
}

TEST_CASE("threads: nobody gets a poisoned frame, and none is poisoned under its owner") {
    attached<poisoned<radix>> a;
    REQUIRE(a.memory.online(frames) == errc::ok);
    std::atomic<int> wrong{0};
    const auto work = [&](std::uint64_t seed) {
        testing::random_bits dice(seed);
        std::vector<range<>> held;
        for (int step = 0; step < 20'000; ++step) {
            const auto order = static_cast<unsigned>(dice() % 4);
            if (dice() % 2 == 0) {
                const auto got = a.memory.allocate({.order = order});
                if (got) held.push_back(block(*got, order));
            } else if (!held.empty()) {
                const range<> last = held.back();
                held.pop_back();
                if (a.memory.free(last.first, static_cast<unsigned>(std::countr_zero(last.count))) !=
                    errc::ok)
                    ++wrong;
            }
            for (const auto& each : held) wrong += poisoned_in(each) == 0 ? 0 : 1;
            if (held.size() > 40) held.resize(40);
        }
    };
    std::vector<std::thread> threads;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) threads.emplace_back(work, seed);
    for (auto& each : threads) each.join();
    CHECK(wrong == 0);
    CHECK(a.wrong() == "");
}

}  // namespace
}  // namespace ashlar
