// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/locked.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/probe.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <thread>
#include <utility>
#include <vector>

namespace ashlar {
namespace {

constexpr buddy_shape shape{.top_order = 6, .pageblock_order = 3};
constexpr range<> frames{{256}, 1024};

/// Four CPUs; a thread says which one it runs on.
struct four_cpus : platform {
    static inline thread_local cpu_id cpu = 0;
    [[nodiscard]] static cpu_id this_cpu() noexcept { return cpu; }
    [[nodiscard]] static constexpr cpu_id max_cpus() noexcept { return 4; }
};
using counting = counted<locked<list_buddy<four_cpus, shape>>, count_shape{.delta = 8}>;

struct attached {
    attached() {
        REQUIRE(memory.attach(frames, words, start::fresh) == errc::ok);
        REQUIRE(memory.online(frames) == errc::ok);
    }
    testing::word_buffer<counting::word> storage{counting::metadata_words(frames) + 64};
    view<counting::word> words = storage.words();
    counting memory;
};

std::uint64_t distance(std::uint64_t a, std::uint64_t b) {
    return a < b ? b - a : a - b;
}

TEST_CASE("the example of the class comment") {
    using my_platform = platform;
    using zone = counted<locked<list_buddy<my_platform>>>;
    static zone::word words[zone::metadata_words({{256}, 1024})];
    static constinit zone memory;
    REQUIRE(memory.attach({{256}, 1024}, words, start::fresh) == errc::ok);
    REQUIRE(memory.online({{256}, 1024}) == errc::ok);
    CHECK_FALSE(memory.approximate_free_frames() < 32 + zone::largest_error());
    REQUIRE(memory.allocate_at({{256}, 1000}) == errc::ok);
    CHECK(memory.approximate_free_frames() < 32 + zone::largest_error());
}

TEST_CASE("deltas stay within D, and one load tells the count to within D x CPUs") {
    attached a;
    CHECK(counting::largest_error() == 32);
    testing::random_bits dice(11);
    std::vector<frame<>> held;
    std::uint64_t worst = 0;
    for (int step = 0; step < 20'000; ++step) {
        // Frames are taken on one CPU and given back on another; 4 is beyond max_cpus.
        four_cpus::cpu = static_cast<cpu_id>(dice() % 5);
        if (dice() % 2 == 0 || held.empty()) {
            const auto got = a.memory.allocate({});
            if (got) held.push_back(*got);
        } else {
            REQUIRE(a.memory.free(held.back(), 0) == errc::ok);
            held.pop_back();
        }
        REQUIRE(a.memory.free_frames() == frames.count - held.size());
        const std::uint64_t error = distance(a.memory.approximate_free_frames(), a.memory.free_frames());
        REQUIRE(error <= counting::largest_error());
        worst = error > worst ? error : worst;
    }
    // The bound is one that is come near: deltas are kept back at all.
    CHECK(worst > 8);
    CHECK(a.memory.validate() == errc::ok);
    four_cpus::cpu = 0;
}

TEST_CASE("a full and an empty zone read as that, however far the deltas are out") {
    attached a;
    four_cpus::cpu = 1;
    for (int i = 0; i < 7; ++i)
        REQUIRE(a.memory.allocate_at({frames.first + static_cast<unsigned>(i), 1}) == errc::ok);
    four_cpus::cpu = 2;
    REQUIRE(a.memory.allocate_at({frames.first + 7, frames.count - 7}) == errc::ok);
    CHECK(a.memory.free_frames() == 0);
    CHECK(a.memory.approximate_free_frames() <= counting::largest_error());
    four_cpus::cpu = 3;
    for (std::uint64_t i = 0; i < frames.count; ++i) REQUIRE(a.memory.free(frames.first + i, 0) == errc::ok);
    CHECK(a.memory.free_frames() == frames.count);
    CHECK(a.memory.approximate_free_frames() <= frames.count);
    four_cpus::cpu = 0;
}

TEST_CASE("recovery reads the count from the source and drops the deltas") {
    attached a;
    four_cpus::cpu = 2;
    for (int i = 0; i < 5; ++i) REQUIRE(a.memory.allocate({}));
    counting other;
    REQUIRE(a.memory.detach(frames) == errc::ok);
    REQUIRE(other.attach(frames, a.words, start::recover) == errc::ok);
    CHECK(other.free_frames() == frames.count - 5);
    CHECK(other.approximate_free_frames() == frames.count - 5);
    REQUIRE(other.detach(frames) == errc::ok);
    REQUIRE(other.attach(frames, a.words, start::recover, [](frame<>) { return false; }) == errc::ok);
    CHECK(other.free_frames() == frames.count);
    four_cpus::cpu = 0;
}

TEST_CASE("the deltas of another number of CPUs are not recovered") {
    struct five_cpus : four_cpus {
        [[nodiscard]] static constexpr cpu_id max_cpus() noexcept { return 5; }
    };
    using other_counting = counted<locked<list_buddy<five_cpus, shape>>, count_shape{.delta = 8}>;
    attached a;
    other_counting other;
    CHECK(other.attach(frames, a.words, start::recover) == errc::corrupt);
}

TEST_CASE("a source that has more free frames than were counted is corrupt") {
    counted<testing::probe<>> layer;
    testing::probe<>::word words[64];
    layer.inner().answers.count = 0;
    REQUIRE(layer.attach(frames, words, start::fresh) == errc::ok);
    CHECK(layer.validate() == errc::ok);
    layer.inner().answers.count = 8;
    CHECK(layer.validate() == errc::corrupt);
}

TEST_CASE("a range whose count does not fit a word is refused") {
    counted<testing::probe<>> layer;
    testing::probe<>::word words[64];
    CHECK(layer.attach({{0}, std::uint64_t{1} << 32}, words, start::fresh) == errc::limit);
    CHECK(layer.attach({{0}, 0xffff'ffff - 4 * 64}, words, start::fresh) == errc::ok);
}

TEST_CASE("no frame is lost from the count between threads") {
    attached a;
    const auto work = [&](cpu_id cpu) {
        four_cpus::cpu = cpu;
        std::vector<frame<>> held;
        for (int round = 0; round < 200; ++round) {
            for (int i = 0; i < 40; ++i) {
                if (const auto got = a.memory.allocate({})) held.push_back(*got);
            }
            // Half of them on another CPU's delta.
            four_cpus::cpu = (cpu + static_cast<cpu_id>(round)) % 5;
            for (const auto each : held) (void)a.memory.free(each, 0);
            held.clear();
            (void)a.memory.approximate_free_frames();
        }
    };
    std::vector<std::thread> threads;
    for (cpu_id cpu = 0; cpu < 3; ++cpu) threads.emplace_back(work, cpu);
    for (auto& each : threads) each.join();
    CHECK(a.memory.free_frames() == frames.count);
    CHECK(distance(a.memory.approximate_free_frames(), frames.count) <= counting::largest_error());
    CHECK(a.memory.validate() == errc::ok);
}

/// Atomics that let somebody else go first, once, before a row is written.
void (*before_fetch_or)() = nullptr;
template <class T>
struct interrupted_atomic : builtin_atomic<T> {
    T fetch_or(T value, memory_order order) noexcept {
        if (const auto call = std::exchange(before_fetch_or, nullptr); call != nullptr) call();
        return builtin_atomic<T>::fetch_or(value, order);
    }
};
struct interrupted_platform : platform {
    template <class T>
    using atomic = interrupted_atomic<T>;
};
using interrupted_zone = counted<radix_buddy<interrupted_platform>>;
interrupted_zone* interrupted = nullptr;
constexpr range<> interrupted_range{{0x1'0000}, 1024};

TEST_CASE("a pageblock that is split while it is revoked is not counted as free") {
    testing::word_buffer<interrupted_zone::word> words(interrupted_zone::metadata_words(interrupted_range));
    interrupted_zone memory;
    REQUIRE(memory.attach(interrupted_range, words.words(), start::fresh) == errc::ok);
    REQUIRE(memory.online(interrupted_range) == errc::ok);
    interrupted = &memory;
    before_fetch_or = [] {
        const auto left = interrupted->revoke(interrupted_range);
        CHECK((left && *left == 512));  // the other pageblock
    };
    const auto got = memory.allocate({.order = 1});
    CHECK((before_fetch_or == nullptr));
    CHECK(memory.free_frames() == 0);
    if (got) CHECK(memory.free(*got, 1) == errc::revoked);
    CHECK(memory.free_frames() == 0);
    CHECK(memory.validate() == errc::ok);
}

}  // namespace
}  // namespace ashlar
