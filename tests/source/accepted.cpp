// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <array>
#include <ashlar/layer/accepted.hpp>
#include <ashlar/layer/locked.hpp>
#include <ashlar/layer/scrubbed.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/observed_atomic.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <ashlar/testing/request_stream.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace ashlar {
namespace {

constexpr range<> frames{{60}, 520};

/// A guest of 64-byte frames. Acceptance wipes them, and how often each was accepted is counted.
struct guest_platform : platform {
    static constexpr std::uint64_t frame_bytes = 64;
    static inline std::array<std::byte, 520 * 64> memory{};
    static inline std::array<int, 520> times{};  // not atomic: acceptance of a frame happens once at a time
    static inline std::vector<range<>> asked;
    static inline bool record = true;
    static inline errc (*refuse)(range<>) = nullptr;

    [[nodiscard, gnu::noinline]] static std::byte* bytes_of(frame<> f) noexcept {
        return memory.data() + (f.number - frames.first.number) * frame_bytes;
    }
    [[nodiscard]] static errc accept(range<> some) noexcept {
        if (record) asked.push_back(some);
        if (refuse != nullptr) {
            if (const errc answer = refuse(some); answer != errc::ok) return answer;
        }
        for (std::uint64_t i = 0; i < some.count; ++i) {
            ++times[static_cast<std::size_t>(some.first.number + i - 60)];
            std::memset(bytes_of(some.first + i), 0, frame_bytes);
        }
        return errc::ok;
    }
    static void relax() noexcept { std::this_thread::yield(); }
};

constexpr buddy_shape list_shape{.top_order = 6, .pageblock_order = 4};
constexpr buddy_shape radix_shape{.top_order = 8, .row_order = 2, .line_order = 4, .pageblock_order = 4};
using list = accepted<locked<list_buddy<guest_platform, list_shape>>>;
using radix = accepted<radix_buddy<guest_platform, radix_shape>>;

template <class Source>
struct attached {
    attached() {
        guest_platform::asked.clear();
        guest_platform::times.fill(0);
        guest_platform::refuse = nullptr;
        guest_platform::record = true;
        REQUIRE(memory.attach(frames, storage.words(), start::fresh) == errc::ok);
    }
    ~attached() { guest_platform::refuse = nullptr; }
    attached(const attached&) = delete;
    attached& operator=(const attached&) = delete;
    /// From frame 64 on nothing is accepted.
    void mark_and_bring_online() {
        REQUIRE(memory.mark_unaccepted({{64}, 516}) == errc::ok);
        REQUIRE(memory.online(frames) == errc::ok);
    }
    [[nodiscard]] std::vector<range<>> unaccepted() const {
        std::vector<range<>> all;
        memory.visit_unaccepted([&](range<> each) { all.push_back(each); });
        return all;
    }
    testing::word_buffer<typename Source::word> storage{Source::metadata_words(frames)};
    Source memory;
};
using ranges = std::vector<range<>>;

TEST_CASE("the example of the class comment") {
    struct my_platform : platform {
        [[nodiscard]] static errc accept(range<>) noexcept { return errc::ok; }
    };
    using zone = accepted<radix_buddy<my_platform>>;
    static zone::word words[zone::metadata_words({{0x1000}, 0x1000})];
    static constinit zone memory;
    REQUIRE(memory.attach({{0x1000}, 0x1000}, words, start::fresh) == errc::ok);
    REQUIRE(memory.mark_unaccepted({{0x1400}, 0xc00}) == errc::ok);
    REQUIRE(memory.online({{0x1000}, 0x1000}) == errc::ok);
    CHECK(memory.unaccepted_frames() == 0xc00);
    // Wherever it comes from: what was accepted is the unit of the block, or nothing.
    REQUIRE(memory.allocate_at({{0x1400}, 1}) == errc::ok);
    CHECK(memory.unaccepted_frames() == 0xc00 - 512);
    const auto page = memory.allocate({});
    REQUIRE(page);
    memory.visit_unaccepted([&](range<> each) { CHECK_FALSE(each.contains(*page)); });
}

TEST_CASE("it works at compile time") {
    struct constant_platform : platform {
        [[nodiscard]] static constexpr errc accept(range<>) noexcept { return errc::ok; }
    };
    using zone = accepted<list_buddy<constant_platform, list_shape>>;
    constexpr auto left = [] {
        zone::word words[zone::metadata_words({{64}, 64})];
        zone memory;
        (void)memory.attach({{64}, 64}, words, start::fresh);
        (void)memory.mark_unaccepted({{80}, 48});
        (void)memory.online({{64}, 64});
        (void)memory.allocate_at({{95}, 2});
        return memory.unaccepted_frames();
    }();
    static_assert(left == 16);
}

template <class Source>
void mark_rules() {
    attached<Source> a;
    auto& memory = a.memory;
    CHECK(memory.unaccepted_frames() == 0);
    CHECK(memory.mark_unaccepted({{64}, 0}) == errc::invalid);
    CHECK(memory.mark_unaccepted({{~std::uint64_t{0}}, 2}) == errc::invalid);
    CHECK(memory.mark_unaccepted({{48}, 32}) == errc::not_owned);
    CHECK(memory.mark_unaccepted({{64}, 15}) == errc::misaligned);
    CHECK(memory.mark_unaccepted({{65}, 15}) == errc::misaligned);
    REQUIRE(memory.online({{100}, 1}) == errc::ok);
    CHECK(memory.mark_unaccepted({{64}, 64}) == errc::busy);
    CHECK(memory.unaccepted_frames() == 0);
    // Ends of the range may be ragged; twice is once.
    CHECK(memory.mark_unaccepted({{60}, 4}) == errc::ok);
    CHECK(memory.mark_unaccepted({{576}, 4}) == errc::ok);
    CHECK(memory.mark_unaccepted({{128}, 32}) == errc::ok);
    CHECK(memory.mark_unaccepted({{128}, 48}) == errc::ok);
    CHECK(a.unaccepted() == ranges{{{60}, 4}, {{128}, 48}, {{576}, 4}});
    CHECK(memory.unaccepted_frames() == 56);
    CHECK(memory.validate() == errc::ok);
    // Ahead of any taker.
    CHECK(memory.accept_ahead({{0}, 64}) == errc::not_owned);
    CHECK(memory.accept_ahead({{140}, 0}) == errc::invalid);
    CHECK(memory.accept_ahead({{62}, 82}) == errc::ok);
    CHECK(guest_platform::asked == ranges{{{60}, 4}, {{128}, 16}});
    CHECK(a.unaccepted() == ranges{{{144}, 32}, {{576}, 4}});
    // A fresh start forgets.
    REQUIRE(memory.detach(frames) == errc::ok);
    CHECK(memory.unaccepted_frames() == 0);
    CHECK(memory.mark_unaccepted({{128}, 16}) == errc::not_owned);
    REQUIRE(memory.attach(frames, a.storage.words(), start::fresh) == errc::ok);
    CHECK(memory.unaccepted_frames() == 0);
}
TEST_CASE("what can be marked, and what is told") {
    mark_rules<list>();
    mark_rules<radix>();
}

template <class Source>
void first_taker() {
    attached<Source> a;
    a.mark_and_bring_online();
    auto& memory = a.memory;
    // Each unit once, whichever of its frames come first; larger blocks take several.
    REQUIRE(memory.allocate_at({{70}, 1}) == errc::ok);
    REQUIRE(memory.allocate_at({{71}, 1}) == errc::ok);
    CHECK(guest_platform::asked == ranges{{{64}, 16}});
    REQUIRE(memory.allocate_at({{79}, 18}) == errc::ok);
    CHECK(guest_platform::asked == ranges{{{64}, 16}, {{80}, 16}, {{96}, 16}});
    REQUIRE(memory.free({70}, 0) == errc::ok);
    REQUIRE(memory.allocate_at({{70}, 1}) == errc::ok);
    CHECK(guest_platform::asked.size() == 3);
    guest_platform::asked.clear();
    const auto got = memory.allocate({.order = 6});
    REQUIRE(got);
    CHECK(guest_platform::asked.size() == 4);
    for (std::uint64_t i = 0; i < 64; ++i) CHECK(guest_platform::times[got->number + i - 60] == 1);
    // What failed has accepted nothing.
    guest_platform::asked.clear();
    CHECK(memory.allocate_at({{70}, 100}) == errc::busy);
    CHECK(memory.allocate({.order = 30}).error() == errc::unsupported);
    CHECK(guest_platform::asked.empty());
    // In the end everything was accepted, once.
    while (memory.allocate({})) {
    }
    CHECK(memory.unaccepted_frames() == 0);
    for (std::uint64_t i = 0; i < frames.count; ++i) {
        const bool was_marked = i >= 4;
        REQUIRE(guest_platform::times[i] == (was_marked ? 1 : 0));
    }
    CHECK(memory.validate() == errc::ok);
}
TEST_CASE("the first taker of a unit accepts it, once") {
    first_taker<list>();
    first_taker<radix>();
}

template <class Source>
void refusals() {
    attached<Source> a;
    a.mark_and_bring_online();
    auto& memory = a.memory;
    REQUIRE(memory.allocate_at({{60}, 4}) == errc::ok);
    const std::uint64_t whole = memory.free_frames();
    // By name: the error, and everything is as it was.
    guest_platform::refuse = [](range<> some) {
        return some.contains(frame<>{100}) ? errc::limit : errc::ok;
    };
    CHECK(memory.allocate_at({{90}, 20}) == errc::limit);
    CHECK(memory.free_frames() == whole);
    CHECK(memory.allocate_at({{90}, 4}) == errc::ok);
    CHECK(memory.free({90}, 1) == errc::ok);
    CHECK(memory.free({92}, 1) == errc::ok);
    // An allocation goes elsewhere: one unit is out of order, all the rest can be had.
    std::uint64_t served = 0;
    errc last = errc::ok;
    for (;;) {
        const auto got = memory.allocate({});
        last = got.error();
        if (!got) break;
        REQUIRE_FALSE(range<>{{96}, 16}.contains(*got));
        ++served;
    }
    CHECK(last == errc::exhausted);
    CHECK(served == whole - 16);
    CHECK(memory.free_frames() == 16);
    CHECK(a.unaccepted() == ranges{{{96}, 16}});
    CHECK(memory.validate() == errc::ok);
    // Another chance.
    CHECK(memory.readmit({{96}, 16}) == errc::ok);
    CHECK(memory.allocate({}).error() == errc::limit);
    CHECK(memory.allocate({}).error() == errc::exhausted);
    guest_platform::refuse = nullptr;
    CHECK(memory.readmit({{96}, 16}) == errc::ok);
    CHECK(memory.allocate({}));
    CHECK(memory.unaccepted_frames() == 0);
}
TEST_CASE("what the platform refuses goes back, and the request is served elsewhere") {
    refusals<list>();
    refusals<radix>();
}

template <class Source>
void refused_everywhere() {
    attached<Source> a;
    a.mark_and_bring_online();
    auto& memory = a.memory;
    REQUIRE(memory.allocate_at({{60}, 4}) == errc::ok);
    const std::uint64_t whole = memory.free_frames();
    // `busy` is passed on, and changes nothing.
    guest_platform::refuse = [](range<>) { return errc::busy; };
    for (int i = 0; i < 100; ++i) REQUIRE(memory.allocate({.order = 4}).error() == errc::busy);
    CHECK(guest_platform::asked.size() == 100);
    CHECK(memory.free_frames() == whole);
    // Four units are tried, then it is said.
    guest_platform::asked.clear();
    guest_platform::refuse = [](range<>) { return errc::limit; };
    CHECK(memory.allocate({}).error() == errc::limit);
    CHECK(guest_platform::asked.size() == 4);
    CHECK(memory.free_frames() == whole);
    CHECK(memory.unaccepted_frames() == 516);
    CHECK(memory.validate() == errc::ok);
    CHECK(memory.accept_ahead(frames) == errc::limit);
    guest_platform::refuse = nullptr;
    CHECK(memory.allocate({.order = 4}));
    CHECK(memory.accept_ahead(frames) == errc::ok);
    CHECK(memory.unaccepted_frames() == 0);
}
TEST_CASE("refused everywhere: the platform's error, and nothing is lost") {
    refused_everywhere<list>();
    refused_everywhere<radix>();
}

TEST_CASE("recovery takes what was being accepted for unaccepted, and refuses foreign words") {
    attached<radix> a;
    a.mark_and_bring_online();
    REQUIRE(a.memory.allocate_at({{64}, 1}) == errc::ok);
    testing::word_buffer<radix::word> copy(radix::metadata_words(frames));
    copy.copy_from(a.storage);
    // The state of the third unit, frames 80 to 95: unaccepted (1) becomes accepting (2).
    const std::size_t line = 64 / sizeof(radix::word);
    copy.words()[line].fetch_add(std::uint64_t{1} << 4, memory_order::relaxed);
    radix other;
    REQUIRE(other.attach(frames, copy.words(), start::recover) == errc::ok);
    CHECK(other.validate() == errc::ok);
    CHECK(other.unaccepted_frames() == 500);
    CHECK(other.allocate_at({{80}, 1}) == errc::ok);
    CHECK(other.unaccepted_frames() == 484);
    REQUIRE(other.detach(frames) == errc::ok);
    copy.words()[line].fetch_or(3, memory_order::relaxed);
    testing::word_buffer<radix::word> before(radix::metadata_words(frames));
    before.copy_from(copy);
    CHECK(other.attach(frames, copy.words(), start::recover) == errc::corrupt);
    CHECK(other.attach({{60}, 500}, a.storage.words(), start::recover) == errc::corrupt);
    CHECK(copy.equals(before));
    copy.words()[0].store(7, memory_order::relaxed);
    CHECK(other.attach(frames, copy.words(), start::recover) == errc::corrupt);
}

TEST_CASE("a unit that somebody is accepting for too long: busy, and the block goes back") {
    using impatient =
        accepted<radix_buddy<guest_platform, radix_shape>, accept_shape{.polls = 3, .attempts = 2}>;
    attached<impatient> a;
    a.mark_and_bring_online();
    const std::size_t line = 64 / sizeof(impatient::word);
    a.storage.words()[line].fetch_add(std::uint64_t{1} << 4, memory_order::relaxed);
    CHECK(a.memory.allocate_at({{80}, 1}) == errc::busy);
    CHECK(a.memory.accept_ahead({{80}, 1}) == errc::busy);
    CHECK(a.memory.validate() == errc::corrupt);
    CHECK(a.memory.free_frames() == frames.count);
    CHECK(a.memory.mark_unaccepted({{60}, 4}) == errc::busy);
    CHECK(guest_platform::asked.empty());
}
TEST_CASE(
    "a unit that somebody is accepting is not marked, nor what is beside it, though nothing is online") {
    attached<accepted<radix_buddy<guest_platform, radix_shape>>> a;
    REQUIRE(a.memory.mark_unaccepted({{64}, 64}) == errc::ok);
    const std::uint64_t before = a.memory.unaccepted_frames();
    static errc told = errc::ok;
    static decltype(a.memory)* marked = nullptr;
    marked = &a.memory;
    guest_platform::refuse = [](range<>) {
        told = marked->mark_unaccepted({{64}, 516});
        return errc::limit;
    };
    CHECK(a.memory.accept_ahead({{64}, 1}) == errc::limit);
    CHECK(told == errc::busy);
    CHECK(a.memory.unaccepted_frames() == before);
    guest_platform::refuse = nullptr;
    CHECK(a.memory.mark_unaccepted({{64}, 516}) == errc::ok);
    CHECK(a.memory.unaccepted_frames() == 516);
}

/// A guest whose stores are watched, for crashes; its acceptances are not counted.
struct observed_guest : platform {
    template <class T>
    using atomic = testing::observed_atomic<T>;
    static inline range<> in_progress{};
    [[nodiscard]] static errc accept(range<> some) noexcept {
        in_progress = some;
        testing::write_observer::tell();  // a crash in the middle
        in_progress = {};
        return some.first.number % 64 == 0 ? errc::limit : errc::ok;
    }
};

TEST_CASE("a crash at any store: what is in use stays accepted, the rest is accepted anew") {
    using zone = accepted<list_buddy<observed_guest, list_shape>>;
    static testing::word_buffer<zone::word> words(zone::metadata_words(frames));
    static testing::word_buffer<zone::word> copy(zone::metadata_words(frames));
    static std::vector<bool> in_use(1024);
    static std::vector<bool> was_unaccepted(1024);
    static int crashes = 0;
    static std::string wrong;
    const auto crash = [](void*) {
        testing::write_observer::written = nullptr;
        ++crashes;
        copy.copy_from(words);
        zone other;
        if (other.attach(frames, copy.words(), start::recover) != errc::ok) wrong = "it does not recover";
        if (other.validate() != errc::ok) wrong = "what was recovered does not validate";
        std::vector<bool> unaccepted(1024);
        other.visit_unaccepted([&](range<> each) {
            for (std::uint64_t i = 0; i < each.count; ++i) unaccepted[each.first.number + i] = true;
        });
        for (std::uint64_t f = 60; f < 580; ++f) {
            if (in_use[f] && unaccepted[f]) wrong = "in use and unaccepted";
            if (unaccepted[f] && !was_unaccepted[f]) wrong = "accepted before, and no longer";
            if (observed_guest::in_progress.contains(frame<>{f}) && !unaccepted[f])
                wrong = "accepted before it was";
        }
    };
    const auto note_unaccepted = [](const zone& memory) {
        was_unaccepted.assign(1024, false);
        memory.visit_unaccepted([&](range<> each) {
            for (std::uint64_t i = 0; i < each.count; ++i) was_unaccepted[each.first.number + i] = true;
        });
    };
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        in_use.assign(1024, false);
        zone memory;
        REQUIRE(memory.attach(frames, words.words(), start::fresh) == errc::ok);
        REQUIRE(memory.mark_unaccepted(frames) == errc::ok);
        REQUIRE(memory.online(frames) == errc::ok);
        testing::random_bits dice(seed);
        struct piece {
            frame<> first;
            unsigned order;
        };
        std::vector<piece> held;
        for (int step = 0; step < 200 && wrong.empty(); ++step) {
            note_unaccepted(memory);
            testing::write_observer::written = crash;
            const auto order = static_cast<unsigned>(dice() % 6);
            if (dice() % 3 != 0) {
                const auto got = memory.allocate({.order = order});
                testing::write_observer::written = nullptr;
                if (got) held.push_back({*got, order});
            } else if (!held.empty()) {
                const piece last = held.back();
                held.pop_back();
                for (std::uint64_t i = 0; i < std::uint64_t{1} << last.order; ++i)
                    in_use[last.first.number + i] = false;
                CHECK(memory.free(last.first, last.order) == errc::ok);
            }
            testing::write_observer::written = nullptr;
            for (const auto& each : held) {
                for (std::uint64_t i = 0; i < std::uint64_t{1} << each.order; ++i)
                    in_use[each.first.number + i] = true;
            }
        }
    }
    CHECK(wrong == "");
    CHECK(crashes > 1500);
}

TEST_CASE("around a layer that scrubs, it would not compile; inside of one it accepts first") {
    using zone = scrubbed<radix>;
    attached<radix> clear;  // resets the counters
    testing::word_buffer<zone::word> words(zone::metadata_words(frames));
    zone memory;
    REQUIRE(memory.attach(frames, words.words(), start::fresh) == errc::ok);
    REQUIRE(memory.inner().mark_unaccepted({{64}, 512}) == errc::ok);
    REQUIRE(memory.online({{64}, 512}) == errc::ok);
    const auto got = memory.allocate({.order = 5});
    REQUIRE(got);
    for (std::uint64_t i = 0; i < 32; ++i) CHECK(guest_platform::times[got->number + i - 60] == 1);
}

TEST_CASE("threads: each unit is accepted once, before anybody has a frame of it") {
    for (std::uint64_t round = 1; round <= 30; ++round) {
        attached<radix> a;
        guest_platform::record = false;
        guest_platform::memory.fill(std::byte{0xee});
        // Every third unit is refused for good.
        guest_platform::refuse = [](range<> some) {
            return some.first.number % 48 == 0 ? errc::limit : errc::ok;
        };
        a.mark_and_bring_online();
        std::atomic<int> wrong{0};
        const auto work = [&](std::uint64_t seed) {
            testing::random_bits dice(seed);
            std::vector<range<>> held;
            for (int step = 0; step < 300; ++step) {
                const auto order = static_cast<unsigned>(dice() % 4);
                const auto got = a.memory.allocate({.order = order});
                if (got) {
                    const range<> taken = block(*got, order);
                    for (std::uint64_t i = 0; i < taken.count; ++i) {
                        std::byte* const bytes = guest_platform::bytes_of(taken.first + i);
                        const auto n = (*got).number + i;
                        if (n >= 64 && guest_platform::times[n - 60] != 1) ++wrong;
                        if (n >= 64 && bytes[5] == std::byte{0xee}) ++wrong;
                        bytes[5] = std::byte{static_cast<unsigned char>(seed)};
                    }
                    held.push_back(taken);
                } else if (!held.empty()) {
                    const range<> last = held.back();
                    held.pop_back();
                    for (std::uint64_t i = 0; i < last.count; ++i) {
                        if (guest_platform::bytes_of(last.first + i)[5] !=
                            std::byte{static_cast<unsigned char>(seed)})
                            ++wrong;
                        if (a.memory.free(last.first + i, 0) != errc::ok) ++wrong;
                    }
                }
                if (step % 50 == 0) (void)a.memory.accept_ahead({{64 + dice() % 500}, 1});
            }
        };
        std::vector<std::thread> threads;
        for (std::uint64_t seed = 1; seed <= 3; ++seed) threads.emplace_back(work, seed + 8 * round);
        for (auto& each : threads) each.join();
        CHECK(wrong == 0);
        CHECK(a.memory.validate() == errc::ok);
        std::array<int, 520> told{};
        told.fill(1);
        a.memory.visit_unaccepted([&](range<> each) {
            for (std::uint64_t i = 0; i < each.count; ++i) told[each.first.number + i - 60] = 0;
        });
        for (std::size_t at = 4; at < 520; ++at) REQUIRE(told[at] == guest_platform::times[at]);
    }
}

}  // namespace
}  // namespace ashlar
