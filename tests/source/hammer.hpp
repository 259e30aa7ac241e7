// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>
#include <ashlar/core/source.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <utility>
#include <vector>

namespace ashlar {

/// Pageblocks leave and come back while others allocate: isolated, where all is free offline and online
/// again, readmitted. In the end all are back.
template <class Source>
void take_turns_offline(Source& source, range<> all, const std::atomic<int>& working) {
    const std::uint64_t size = std::uint64_t{1} << Source::isolation_order;
    testing::random_bits dice(99);
    while (working != 0) {
        const range<> some{all.first + dice() % (all.count / size) * size, size};
        if (source.isolate(some) == errc::ok && source.offline(some) == errc::ok) {
            while (source.online(some) == errc::busy) std::this_thread::yield();
        }
        while (source.readmit(some) == errc::busy) std::this_thread::yield();
        std::this_thread::yield();
    }
}

/// Four threads allocate and free blocks of 2^0 to 2^7 frames at random, while pageblocks go offline and come
/// back; every frame has one owner at a time, no free is refused, and in the end all is there. Each thread
/// holds what `enter()` answers while it works. ASHLAR_LONG: for a hundred times as long.
template <class Source, class Enter>
void hammer(Enter enter) {
    const int steps = std::getenv("ASHLAR_LONG") != nullptr ? 2'000'000 : 20'000;
    static constexpr range<> few{{0x40000}, 0x4000};
    testing::word_buffer<typename Source::word> words(Source::metadata_words(few));
    Source source;
    REQUIRE(source.attach(few, words.words(), start::fresh) == errc::ok);
    REQUIRE(source.online(few) == errc::ok);
    std::vector<std::atomic<std::uint8_t>> owned(few.count);
    std::atomic<int> wrong{0};
    std::atomic<int> working{4};
    const auto mark = [&](frame<> first, unsigned order, std::uint8_t from, std::uint8_t to) {
        for (std::uint64_t i = 0; i < std::uint64_t{1} << order; ++i) {
            std::uint8_t expected = from;
            if (!owned[first.number - few.first.number + i].compare_exchange_strong(expected, to)) ++wrong;
        }
    };
    std::vector<std::thread> threads;
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
        threads.emplace_back([&, seed] {
            [[maybe_unused]] const auto slot = enter();
            testing::random_bits dice(seed + 1);
            std::vector<std::pair<frame<>, unsigned>> held;
            for (int step = 0; step < steps; ++step) {
                if (held.size() < 300 && dice() % 2 == 0) {
                    const auto order = static_cast<unsigned>(dice() % 8);
                    const auto kind = static_cast<mobility>(dice() % 3);
                    if (const auto got = source.allocate({.order = order, .mobility = kind})) {
                        mark(*got, order, 0, 1);
                        held.emplace_back(*got, order);
                    }
                } else if (!held.empty()) {
                    std::swap(held[dice() % held.size()], held.back());
                    mark(held.back().first, held.back().second, 1, 0);
                    if (source.free(held.back().first, held.back().second) != errc::ok) ++wrong;
                    held.pop_back();
                }
                if (step % 1000 == 0) source.drain();
            }
            for (const auto& [first, order] : held) {
                mark(first, order, 1, 0);
                if (source.free(first, order) != errc::ok) ++wrong;
            }
            source.drain();
            --working;
        });
    }
    threads.emplace_back([&] {
        [[maybe_unused]] const auto slot = enter();
        take_turns_offline(source, few, working);
        source.drain();
    });
    for (auto& each : threads) each.join();
    CHECK(wrong == 0);
    CHECK(source.validate() == errc::ok);
    for (cpu_id cpu = 0; cpu < Source::platform_type::max_cpus(); ++cpu) source.drain(cpu);
    CHECK(source.free_frames() == few.count);
    CHECK(source.validate() == errc::ok);
}

}  // namespace ashlar
