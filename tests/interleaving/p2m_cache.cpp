// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving, with weak memory, of the shipped cache of a P2M: who walks and notes, who looks up, who
// changes the table and has the old place forgotten.
#include <doctest/doctest.h>

#include <ashlar/remote/p2m_cache.hpp>
#include <string>
#include <vector>

#include "interleaving/run.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

using cache_type = p2m_cache<stepped_platform, 1>;

constexpr std::uint64_t one = 0x1'0000'0007;  ///< two frames at one place, of words that all differ
constexpr std::uint64_t other = 0x2'0000'0009;
constexpr std::uint64_t beyond = 0x10'0000'0000;

/// The table of one entry that is walked: the target of `one`.
struct world {
    struct alignas(64) shared_memory {
        stepped_atomic<std::uint32_t> entry;
        cache_type::word words[cache_type::metadata_words(1)];
    };
    shared_memory shared{};
    cache_type cache;

    world() {
        REQUIRE(cache.attach(shared.words) == errc::ok);
        shared.entry.store(1, memory_order::relaxed);
    }
    [[nodiscard]] view<std::byte> bytes_of() {
        return {reinterpret_cast<std::byte*>(&shared), sizeof shared};
    }
    /// As `remote_space` does it.
    [[nodiscard]] std::uint64_t locate() {
        const std::uint32_t version = cache.version();
        if (const auto known = cache.find({one})) return known->number;
        const std::uint64_t target = beyond * shared.entry.load(memory_order::relaxed) + one;
        cache.insert({one}, {target}, version);
        return target;
    }
};

[[nodiscard]] bool is_right(std::uint64_t target) {
    return target == beyond + one || target == beyond * 2 + one;
}

explorer::program walker(world& w, int times) {
    return [&w, times] {
        outcome seen{};
        for (int i = 0; i < times; ++i) seen[0] += is_right(w.locate()) ? 0 : 1;
        return seen;
    };
}
/// Uses the place for another frame.
explorer::program neighbour(world& w) {
    return [&w] {
        outcome seen{};
        w.cache.insert({other}, {beyond * 5 + other}, w.cache.version());
        if (const auto known = w.cache.find({other})) seen[0] = known->number == beyond * 5 + other ? 0 : 1;
        return seen;
    };
}
/// Changes the table; once it was forgotten, who looks finds the new target.
explorer::program changer(world& w) {
    return [&w] {
        outcome seen{};
        w.shared.entry.store(2, memory_order::relaxed);
        if (w.cache.forget({{one}, 1}) != errc::ok) return seen;
        seen[1] = 1;
        seen[0] = w.locate() == beyond * 2 + one ? 0 : 1;
        return seen;
    };
}

void run(const char* name, std::vector<explorer::program> (*programs)(world&), std::uint32_t deviations) {
    world w;
    (void)w.locate();
    explore_weak(
        name, w.bytes_of(), programs(w),
        [&](const std::vector<outcome>& results) -> std::string {
            bool is_forgotten = false;
            for (const outcome& each : results) {
                if (each[0] != 0) return "a frame that it never was, or is no more";
                is_forgotten = is_forgotten || each[1] != 0;
            }
            const auto known = w.cache.find({one});
            if (is_forgotten && known && known->number != beyond * 2 + one)
                return "what was forgotten is there";
            return {};
        },
        {}, deviations);
}

TEST_CASE("a place that is used for another frame under who reads it") {
    run(
        "two frames at one place",
        [](world& w) {
            return std::vector{walker(w, 1), neighbour(w)};
        },
        5);
}
TEST_CASE("a table that changes while it is walked") {
    run(
        "an entry changes and is forgotten",
        [](world& w) {
            return std::vector{walker(w, 1), changer(w)};
        },
        5);
}

/// A place that has one frame gets another one, while somebody looks for that: he finds it, or nothing.
void run_torn(const char* name, std::uint64_t before, std::uint64_t after, std::uint32_t epoch) {
    world w;
    w.cache.insert({before}, {beyond + before}, w.cache.version());
    const std::uint32_t version = w.cache.version();
    explore_weak(name, w.bytes_of(),
                 {[&w, after, epoch, version] {
                      w.cache.insert({after}, {beyond * 3 + after}, version, epoch);
                      return outcome{};
                  },
                  [&w, after, epoch] {
                      const auto known = w.cache.find({after}, epoch);
                      return outcome{known && known->number != beyond * 3 + after ? std::uint64_t{1} : 0};
                  }},
                 [](const std::vector<outcome>& results) -> std::string {
                     return results[1][0] == 0 ? "" : "a target of another frame, or of another epoch";
                 },
                 {});
}
TEST_CASE("a place that is written while it is read is not half believed") {
    run_torn("frames that differ in their low words", one, one + 2, 0);
    run_torn("frames that differ in their high words", one, one + 0x1'0000'0000, 0);
    run_torn("a frame of another epoch", one, one, 2);
}
TEST_CASE("what was noted by one is forgotten by another") {
    world w;
    explore_weak(
        "an entry that nobody has noted changes and is forgotten", w.bytes_of(), {walker(w, 1), changer(w)},
        [&](const std::vector<outcome>& results) -> std::string {
            for (const outcome& each : results) {
                if (each[0] != 0) return "a frame that it never was, or is no more";
            }
            const auto known = w.cache.find({one});
            return results[1][1] != 0 && known && known->number != beyond * 2 + one
                       ? "what was forgotten is there"
                       : "";
        },
        {}, 6);
}

}  // namespace
