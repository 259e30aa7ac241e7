// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving, with weak memory, of tenants over the shipped radix_buddy: four frames, whose they are,
// and how many there may be.
#include <doctest/doctest.h>

#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/zone/tenant.hpp>
#include <string>

#include "interleaving/run.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

constexpr range<> frames{{8}, 4};
using source = radix_buddy<stepped_platform, buddy_shape{.top_order = 3,
                                                         .row_order = 1,
                                                         .line_order = 2,
                                                         .pageblock_order = 2,
                                                         .hole_entries = 8,
                                                         .rescans = 1}>;
using book = owner_table<stepped_platform>;
using owner = tenant<source>;

/// Outcomes: the frames a program holds at its end, what its last call answered.
constexpr std::size_t held = 0;
constexpr std::size_t told = 1;

struct world {
    struct alignas(64) shared_words {
        source::word words[source::metadata_words(frames)] = {};
        book::word fields[book::metadata_words(frames)] = {};
        owner one, two;
    };
    shared_words shared;
    source memory;
    book owners;
    std::uint64_t kept = 0;  ///< frames that a tenant holds and no program has

    explicit world(std::uint64_t limit) {
        REQUIRE(memory.attach(frames, shared.words, start::fresh) == errc::ok);
        REQUIRE(memory.online(frames) == errc::ok);
        REQUIRE(owners.attach(frames, shared.fields) == errc::ok);
        REQUIRE(shared.one.open(memory, owners, 1) == errc::ok);
        REQUIRE(shared.two.open(memory, owners, 2) == errc::ok);
        REQUIRE(shared.one.set_limit(limit) == errc::ok);
    }
    [[nodiscard]] static std::uint64_t mask_of(range<> run) {
        return ((std::uint64_t{1} << run.count) - 1) << (run.first.number - frames.first.number);
    }
    [[nodiscard]] std::string judge(std::uint64_t limit, const std::vector<outcome>& results) const {
        std::uint64_t all = kept;
        std::uint64_t free = 0;
        memory.visit_free([&](range<> run) { free |= mask_of(run); });
        for (const auto& result : results) {
            if ((all & result[held]) != 0) return "a frame twice";
            all |= result[held];
        }
        std::uint64_t booked = 0;
        for (const owner* each : {&shared.one, &shared.two}) {
            each->visit_held([&](range<> run) { booked |= mask_of(run); });
            if (each->validate() != errc::ok) return "the counters are not what the book says";
        }
        if (booked != all) return "the book does not say who holds what";
        if ((free & all) != 0) return "a frame is held and free";
        if ((free | all) != 15) return "a frame lost";
        if (shared.one.figures().held > limit) return "more than the limit";
        return memory.validate() == errc::ok ? "" : "the source is damaged";
    }
};
std::uint64_t code(errc error) {
    return static_cast<std::uint64_t>(error);
}
explorer::program take(owner& by, unsigned order) {
    return [&by, order] {
        const auto got = by.allocate({.order = order});
        if (!got) return outcome{0, code(got.error())};
        return outcome{world::mask_of({*got, std::uint64_t{1} << order}), code(errc::ok)};
    };
}
/// `keeps`: what the program holds when the free is refused.
explorer::program give(owner& by, range<> block, unsigned order, std::uint64_t keeps) {
    return [&by, block, order, keeps] {
        const errc answer = by.free(block.first, order);
        return outcome{answer == errc::ok ? 0 : keeps, code(answer)};
    };
}
explorer::program limit_to(owner& by, std::uint64_t most) {
    return [&by, most] { return outcome{0, code(by.set_limit(most))}; };
}

void run(const char* name, world& w, std::uint64_t limit, const std::vector<explorer::program>& programs,
         const judgement_of_results& also) {
    const auto judge = [&](const std::vector<outcome>& results) {
        const std::string wrong = w.judge(limit, results);
        return wrong.empty() ? also(results) : wrong;
    };
    explore_weak(name, {reinterpret_cast<std::byte*>(&w.shared), sizeof w.shared}, programs, judge, {});
}
std::string anything(const std::vector<outcome>&) {
    return "";
}

TEST_CASE("one frees twice: the frame is freed once") {
    world w(4);
    owner& one = w.shared.one;
    REQUIRE(one.allocate_at({{8}, 1}) == errc::ok);
    const auto once = [](const std::vector<outcome>& results) -> std::string {
        const bool first = results[0][told] == code(errc::ok);
        const bool second = results[1][told] == code(errc::ok);
        if (first == second) return "not freed once";
        return results[first ? 1 : 0][told] == code(errc::double_free) ? "" : "not told that it was free";
    };
    run("the same frame, freed twice", w, 4, {give(one, {{8}, 1}, 0, 0), give(one, {{8}, 1}, 0, 0)}, once);
}

TEST_CASE("what one frees another one takes; a stranger's free finds nothing") {
    world w(4);
    owner& one = w.shared.one;
    owner& two = w.shared.two;
    REQUIRE(one.allocate_at({{8}, 2}) == errc::ok);
    REQUIRE(one.allocate_at({{10}, 2}) == errc::ok);
    const auto refused = [](const std::vector<outcome>& results) -> std::string {
        return results[1][told] == code(errc::not_owned) ? "" : "a stranger freed it";
    };
    run("a free, and a stranger's", w, 4, {give(one, {{8}, 2}, 1, 3), give(two, {{10}, 2}, 1, 12)}, refused);
    run("two frees in one word", w, 4, {give(one, {{8}, 2}, 1, 3), give(one, {{10}, 2}, 1, 12)}, anything);
    w.kept = 12;
    run("a free, and one takes", w, 4, {give(one, {{8}, 2}, 1, 3), take(two, 0)}, anything);
}

TEST_CASE("limits hold whoever comes first") {
    world w(2);
    owner& one = w.shared.one;
    run("two takers of a block, room for one", w, 2, {take(one, 1), take(one, 1)},
        [](const std::vector<outcome>& results) -> std::string {
            for (const auto& result : results) {
                const bool known = result[told] == code(errc::ok) || result[told] == code(errc::limit);
                if (!known) return "an error that cannot be";
            }
            return results[0][held] != 0 || results[1][held] != 0 ? "" : "nobody was served";
        });
    run("a taker, and a lower limit", w, 2, {take(one, 1), limit_to(one, 1)},
        [&w](const std::vector<outcome>& results) -> std::string {
            const bool lowered = results[1][told] == code(errc::ok);
            if (w.shared.one.figures().limit != (lowered ? 1U : 2U)) return "not the limit that was answered";
            return lowered && results[0][held] != 0 ? "above the limit" : "";
        });
}

}  // namespace
