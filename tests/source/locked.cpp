// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/layer/locked.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <atomic>
#include <thread>
#include <vector>

namespace ashlar {
namespace {

/// In user space a waiting thread gives way.
struct yielding : platform {
    static inline std::atomic<std::uint64_t> yields{0};
    static void relax() noexcept {
        ++yields;
        std::this_thread::yield();
    }
};
constexpr buddy_shape shape{.top_order = 6, .pageblock_order = 3};
constexpr range<> frames{{64}, 512};
using zone = locked<list_buddy<yielding, shape>>;

struct attached {
    attached() {
        REQUIRE(memory.attach(frames, storage.words(), start::fresh) == errc::ok);
        REQUIRE(memory.online(frames) == errc::ok);
    }
    testing::word_buffer<zone::word> storage{zone::metadata_words(frames)};
    zone memory;
};

TEST_CASE("the example of the class comment") {
    using my_platform = platform;
    using memory_type = locked<list_buddy<my_platform>>;
    static memory_type::word words[memory_type::metadata_words({{256}, 1024})];
    static constinit memory_type memory;
    REQUIRE(memory.attach({{256}, 1024}, words, start::fresh) == errc::ok);
    REQUIRE(memory.online({{256}, 1024}) == errc::ok);
    const auto page = memory.allocate({.order = 0});
    REQUIRE(page);
    CHECK(memory.free(*page, 0) == errc::ok);
}

TEST_CASE("threads that allocate and free do not meet inside the source") {
    attached a;
    // One owner a frame, whatever the threads do.
    std::vector<std::atomic<int>> owners(frames.count);
    std::atomic<std::uint64_t> served{0};
    std::atomic<int> wrong{0};
    const auto work = [&](std::uint64_t seed) {
        testing::random_bits dice(seed);
        struct held_block {
            frame<> first;
            unsigned order;
        };
        std::vector<held_block> held;
        const auto mark = [&](held_block b, int from, int to) {
            for (std::uint64_t i = 0; i < std::uint64_t{1} << b.order; ++i) {
                int expected = from;
                if (!owners[b.first.number + i - frames.first.number].compare_exchange_strong(expected, to))
                    ++wrong;
            }
        };
        for (int step = 0; step < 20'000; ++step) {
            const auto order = static_cast<unsigned>(dice() % 4);
            if (dice() % 2 == 0) {
                if (const auto got = a.memory.allocate({.order = order})) {
                    held.push_back({*got, order});
                    mark(held.back(), 0, 1);
                    ++served;
                }
            } else if (!held.empty()) {
                mark(held.back(), 1, 0);
                if (a.memory.free(held.back().first, held.back().order) != errc::ok) ++wrong;
                held.pop_back();
            }
            if (step % 64 == 0 && !a.memory.owns(frames.first + dice() % frames.count)) ++wrong;
            if (step % 1024 == 0 && a.memory.validate() != errc::ok) ++wrong;
        }
        for (const auto& each : held) {
            mark(each, 1, 0);
            if (a.memory.free(each.first, each.order) != errc::ok) ++wrong;
        }
    };
    std::vector<std::thread> threads;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) threads.emplace_back(work, seed);
    for (auto& each : threads) each.join();
    CHECK(wrong == 0);
    CHECK(served > 10'000);
    CHECK(a.memory.free_frames() == frames.count);
    CHECK(a.memory.validate() == errc::ok);
}

TEST_CASE("one thread waits for the other, and relaxes meanwhile") {
    attached a;
    std::atomic<bool> inside{false};
    std::atomic<bool> leave{false};
    // A visitor stays inside the lock until it is told to leave.
    std::thread visitor([&] {
        bool first = true;
        a.memory.visit_free([&](range<>) {
            if (!first) return;
            first = false;
            inside = true;
            while (!leave) std::this_thread::yield();
        });
    });
    while (!inside) std::this_thread::yield();
    std::atomic<bool> done{false};
    std::thread waiter([&] {
        (void)a.memory.allocate({});
        done = true;
    });
    const std::uint64_t before = yielding::yields;
    while (yielding::yields < before + 10) std::this_thread::yield();
    CHECK_FALSE(done);
    // Who only asks does not wait.
    CHECK(a.memory.owns(frames.first));
    leave = true;
    visitor.join();
    waiter.join();
    CHECK(done);
    CHECK(a.memory.free_frames() == frames.count - 1);
}

TEST_CASE("two instances over one state exclude each other") {
    attached a;
    // A view of the same words: what `attach` made, copied.
    zone other = a.memory;
    std::atomic<int> wrong{0};
    const auto work = [&](zone& mine) {
        for (int step = 0; step < 5'000; ++step) {
            const auto got = mine.allocate({.order = 1});
            if (!got || mine.free(*got, 1) != errc::ok) ++wrong;
        }
    };
    std::thread first(work, std::ref(a.memory));
    std::thread second(work, std::ref(other));
    first.join();
    second.join();
    CHECK(wrong == 0);
    CHECK(other.free_frames() == frames.count);
    CHECK(a.memory.validate() == errc::ok);
}

TEST_CASE("recovery frees a lock whose holder is gone") {
    attached a;
    a.storage.words()[0].store(1, memory_order::relaxed);
    zone other;
    REQUIRE(other.attach(frames, a.storage.words(), start::recover) == errc::ok);
    CHECK(other.allocate({}));
}

}  // namespace
}  // namespace ashlar
