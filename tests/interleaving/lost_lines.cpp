// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving, with weak memory, of the shipped list of lost lines alone: who lists them while the
// mover adds some.
#include <doctest/doctest.h>

#include <ashlar/migrate/error_counter.hpp>
#include <ashlar/migrate/lost_lines.hpp>
#include <string>

#include "interleaving/run.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

using lines_type = lost_lines<stepped_platform>;
constexpr std::uint64_t origin = 0x3'0000'0005;

TEST_CASE("who lists lost lines while the mover adds some finds them of their own frame") {
    struct alignas(64) shared_memory {
        lines_type::entry entries[2];
        lines_type lines{entries};
    } shared;
    const auto move = [&shared] {
        const errc answer = shared.lines.add({origin}, 4, 0b110);
        shared.lines.publish();
        shared.lines.settle(true);
        return outcome{static_cast<std::uint64_t>(answer)};
    };
    const auto list = [&shared] {
        outcome seen{};
        shared.lines.for_each([&seen](frame<os> f, std::uint64_t group, std::uint32_t mask) {
            ++seen[0];
            seen[1] += f.number == origin && group == 4 && mask == 0b110 ? 0 : 1;
        });
        return seen;
    };
    explore_weak("lines are lost, somebody lists them",
                 {reinterpret_cast<std::byte*>(&shared), sizeof shared}, {move, list},
                 [&shared](const std::vector<outcome>& results) -> std::string {
                     if (results[0][0] != 0) return "no room";
                     if (results[1][0] > 1 || results[1][1] != 0) return "lines that were not lost";
                     return shared.lines.find({origin}, 4) == 0b110 ? "" : "not told of";
                 },
                 {});
}

/// A clock that one at a time may ask.
struct clocked_platform : stepped_platform {
    static inline owned_cell<std::uint64_t>* clock = nullptr;
    static std::uint64_t now() noexcept {
        clock->set(1);
        return 1;
    }
};
TEST_CASE("errors counted by two: one is inside, the other one is told that he missed") {
    struct alignas(64) shared_memory {
        error_counter<clocked_platform> errors{{}};  // without buckets: all are forgotten
        owned_cell<std::uint64_t> clock;
    } shared;
    clocked_platform::clock = &shared.clock;
    const auto note = [&shared] {
        return outcome{shared.errors.note({7}) == error_verdict::missed ? 1U : 0U};
    };
    explore_weak("two errors", {reinterpret_cast<std::byte*>(&shared), sizeof shared}, {note, note},
                 [&shared](const std::vector<outcome>& results) -> std::string {
                     const std::uint64_t missed = results[0][0] + results[1][0];
                     return missed <= 1 && shared.errors.missed() == missed ? "" : "not counted and not told";
                 },
                 {});
}

}  // namespace
