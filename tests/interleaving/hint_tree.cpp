// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving, with weak memory, of the shipped hint_tree on words of 16 bits (4 entries, 2 of them in
// the root), with one and two levels below the root: what is free is a word per leaf here.
#include <doctest/doctest.h>

#include <ashlar/core/errc.hpp>
#include <ashlar/source/hint_tree.hpp>
#include <ashlar/testing/explorer.hpp>
#include <string>

#include "interleaving/run.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

using word = stepped_atomic<std::uint16_t>;
using tree = detail::hint_tree<word>;
using moves = detail::transit<word>;

constexpr std::size_t held = 0;
constexpr std::size_t told = 1;

std::uint64_t code(errc error) {
    return static_cast<std::uint64_t>(error);
}

/// `Leaves` leaves, each of which has free what its word of `truth` says, as a rank.
template <std::size_t Leaves>
struct rig {
    struct shared_memory {
        word truth[Leaves];
        word levels[tree::words_for(Leaves)];
        word root;
        word transit;
        word note;
    };
    shared_memory shared;
    tree hints{shared.levels, shared.root, shared.transit, 0, Leaves};

    [[nodiscard]] auto truth_of(std::size_t leaf) {
        return [this, leaf]() -> unsigned { return shared.truth[leaf].load(memory_order::seq_cst); };
    }
    /// A rank is free, or only the hint says so.
    void set(std::size_t leaf, unsigned rank, unsigned hint) {
        shared.truth[leaf].store(static_cast<std::uint16_t>(rank), memory_order::relaxed);
        hints.raise(leaf, hint);
    }
    explorer::program give(std::size_t leaf, unsigned rank) {
        return [this, leaf, rank] {
            (void)shared.truth[leaf].exchange(static_cast<std::uint16_t>(rank), memory_order::seq_cst);
            hints.raise(leaf, rank);
            return outcome{0, code(errc::ok)};
        };
    }
    /// Takes what a leaf has, of at least a rank. As radix_take::find does, it believes that there is nothing
    /// if nothing moved.
    explorer::program take(unsigned rank) {
        return [this, rank] {
            const std::uint16_t before = moves::read(shared.transit);
            std::uint64_t got = 0;
            hints.walk(rank, 0, Leaves, [&](std::size_t leaf) {
                std::uint16_t seen = shared.truth[leaf].load(memory_order::relaxed);
                while (seen >= rank) {
                    if (!shared.truth[leaf].compare_exchange(seen, 0, memory_order::acq_rel)) continue;
                    got = 1 + leaf;
                    return true;
                }
                hints.settle(leaf, truth_of(leaf));
                return false;
            });
            if (got != 0) return outcome{got, code(errc::ok)};
            const bool none = hints.none_in(shared.root.load(memory_order::seq_cst), rank);
            const bool quiet = moves::quiet(before) && moves::read(shared.transit) == before;
            return outcome{0, code(none && quiet ? errc::exhausted : errc::busy)};
        };
    }
    /// The scan that lowers a hint does not believe it; the next one does.
    explorer::program take_or_take_again(unsigned rank) {
        return [first = take(rank)] {
            const outcome got = first();
            return got[held] != 0 ? got : first();
        };
    }
    explorer::program then_tell(const explorer::program& first) {
        return [this, first] {
            const outcome result = first();
            shared.note.store(1, memory_order::release);
            return result;
        };
    }
    explorer::program if_told(const explorer::program& then) {
        return [this, then] {
            return shared.note.load(memory_order::acquire) == 0 ? outcome{0, code(errc::ok)} : then();
        };
    }
    [[nodiscard]] std::string judge() {
        if (!hints.bounds_hold()) return "an entry is lower than one below it";
        for (std::size_t leaf = 0; leaf < Leaves; ++leaf) {
            if (hints.peek(leaf) < truth_of(leaf)()) return "a leaf is lower than what is free";
        }
        return moves::quiet(moves::read(shared.transit)) ? "" : "a move is left open";
    }
};

template <class Rig>
void run(const char* name, Rig& r, const std::vector<explorer::program>& programs,
         const judgement_of_results& also, std::uint32_t deviations = no_bound) {
    const auto judge = [&](const std::vector<outcome>& results) {
        const std::string wrong = r.judge();
        return wrong.empty() ? also(results) : wrong;
    };
    const auto name_of = [](std::size_t offset) {
        using memory = typename Rig::shared_memory;
        const auto within = [offset](std::size_t from) {
            return std::to_string((offset - from) / sizeof(word));
        };
        if (offset >= offsetof(memory, note)) return std::string("note");
        if (offset >= offsetof(memory, transit)) return std::string("transit");
        if (offset >= offsetof(memory, root)) return std::string("root");
        if (offset >= offsetof(memory, levels)) return "hints " + within(offsetof(memory, levels));
        return "truth " + within(0);
    };
    explore_weak(name, {reinterpret_cast<std::byte*>(&r.shared), sizeof r.shared}, programs, judge,
                 {.name_of = name_of}, deviations);
}
std::string anything(const std::vector<outcome>&) {
    return "";
}
/// There was enough at each moment.
std::string nobody_exhausted(const std::vector<outcome>& results) {
    for (const outcome& each : results) {
        if (each[told] == code(errc::exhausted)) return "false exhausted";
    }
    return "";
}
std::string all_served(const std::vector<outcome>& results) {
    for (const outcome& each : results) {
        if (each[told] != code(errc::ok)) return "not served";
    }
    return "";
}

TEST_CASE("one level: a leaf is lowered while it fills") {
    rig<6> r;
    r.set(0, 0, 1);
    run("give 0, take", r, {r.give(0, 1), r.take(1)}, anything);
    run("give 0, take, take", r, {r.give(0, 1), r.take(1), r.take(1)}, anything);
    run("give 0 and give a larger one to 1, take", r, {r.give(0, 1), r.give(1, 2), r.take(1)}, anything);
}
TEST_CASE("one level: who is told of a give finds it, whoever lowers hints meanwhile") {
    rig<6> r;
    r.set(0, 0, 1);
    r.set(5, 0, 2);
    run("give 0 and tell, a taker that is told", r, {r.then_tell(r.give(0, 1)), r.if_told(r.take(1))},
        all_served);
    run("give 5 and tell, a taker of more, a taker that is told", r,
        {r.then_tell(r.give(5, 1)), r.take(2), r.if_told(r.take_or_take_again(1))},
        [](const std::vector<outcome>& results) -> std::string {
            return results[2][told] == code(errc::exhausted) ? "false exhausted" : "";
        });
}
TEST_CASE("one level: something is free at each moment") {
    rig<6> r;
    r.set(3, 1, 1);
    // What moves is elsewhere before it is gone.
    const auto move = [&] {
        (void)r.shared.truth[0].exchange(1, memory_order::seq_cst);
        r.hints.raise(0, 1);
        std::uint16_t expected = 1;
        (void)r.shared.truth[3].compare_exchange(expected, 0, memory_order::acq_rel);
        return outcome{0, code(errc::ok)};
    };
    run("what is in 3 moves to 0, take", r, {move, r.take(1)}, nobody_exhausted);
}
TEST_CASE("two levels: hints are lowered up to the root while leaves fill") {
    rig<9> r;
    r.set(0, 0, 1);
    r.set(8, 0, 1);
    run("give 0, take", r, {r.give(0, 1), r.take(1)}, anything);
    run("give 8, take", r, {r.give(8, 1), r.take(1)}, anything);
    run("give 0 and tell, a taker that is told", r, {r.then_tell(r.give(0, 1)), r.if_told(r.take(1))},
        all_served);
    run("give 8 and tell, a taker that is told", r, {r.then_tell(r.give(8, 1)), r.if_told(r.take(1))},
        all_served);
    run("give 0, give 8, take", r, {r.give(0, 1), r.give(8, 2), r.take(1)}, anything);
}

}  // namespace
