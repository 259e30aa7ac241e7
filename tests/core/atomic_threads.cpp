// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/core/atomic.hpp>
#include <cstdint>
#include <thread>
#include <vector>

using namespace ashlar;

namespace {
constexpr unsigned threads = 4;
constexpr std::uint32_t rounds = 20'000;

template <class Task>
void on_threads(Task task) {
    std::vector<std::thread> running;
    for (unsigned id = 0; id < threads; ++id) running.emplace_back([&task, id] { task(id); });
    for (auto& each : running) each.join();
}
}  // namespace

TEST_CASE("additions by several threads all count") {
    builtin_atomic<std::uint64_t> added;
    builtin_atomic<std::uint32_t> exchanged;
    on_threads([&](unsigned) {
        for (std::uint32_t i = 0; i < rounds; ++i) {
            added.fetch_add(1, memory_order::relaxed);
            std::uint32_t seen = exchanged.load(memory_order::relaxed);
            while (!exchanged.compare_exchange(seen, seen + 1, memory_order::acq_rel)) {
            }
        }
    });
    CHECK(added.load(memory_order::acquire) == std::uint64_t{threads} * rounds);
    CHECK(exchanged.load(memory_order::acquire) == threads * rounds);
}

TEST_CASE("bits set and cleared by several threads do not disturb each other") {
    builtin_atomic<std::uint32_t> bits;
    builtin_atomic<std::uint32_t> wrong;
    on_threads([&](unsigned id) {
        const std::uint32_t mine = 1u << id;
        for (std::uint32_t i = 0; i < rounds; ++i) {
            if ((bits.fetch_or(mine, memory_order::acq_rel) & mine) != 0)
                wrong.fetch_add(1, memory_order::relaxed);
            if ((bits.fetch_and(~mine, memory_order::acq_rel) & mine) == 0)
                wrong.fetch_add(1, memory_order::relaxed);
        }
    });
    CHECK(wrong.load(memory_order::acquire) == 0);
    CHECK(bits.load(memory_order::acquire) == 0);
}

TEST_CASE("a release store publishes what was written before it") {
    std::uint32_t payload = 0;  // not atomic: the thread sanitizer objects if the order below is too weak
    builtin_atomic<std::uint32_t> turn;
    std::uint32_t sum = 0;
    on_threads([&](unsigned id) {
        for (std::uint32_t i = 0; i < 200; ++i) {
            while (turn.load(memory_order::acquire) % threads != id) std::this_thread::yield();
            sum += payload == i * threads + id ? 1 : 0;
            ++payload;
            turn.store(turn.load(memory_order::relaxed) + 1, memory_order::release);
        }
    });
    CHECK(sum == threads * 200);
}
