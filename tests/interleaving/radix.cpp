// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving, and every value that weak memory lets a load find, of the shipped radix_buddy on one or
// two lines of two rows of two frames.
#include <doctest/doctest.h>

#include <ashlar/source/radix_buddy.hpp>
#include <bit>
#include <initializer_list>
#include <string>

#include "interleaving/world.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

using buddy = radix_buddy<stepped_platform, tiny>;
using small = world<buddy, 4>;
using large = world<buddy, 8>;

/// What a per-CPU layer does: all of a row that is in use in part, else of a line, of which one frame is
/// kept.
template <class World>
explorer::program take_row_keep_one(World& w) {
    return [&w] {
        const auto row = w.memory.take_row({}, no_limit<>);
        if (row) {
            const std::uint64_t kept = row->mask & (~row->mask + 1);
            w.use({row->first + static_cast<unsigned>(std::countr_zero(kept)), 1});
            const auto refused =
                w.memory.give_row(row->first, static_cast<buddy::row_bits>(row->mask ^ kept));
            return outcome{kept << (row->first.number - 8),
                           code(refused == 0 ? errc::ok : errc::double_free)};
        }
        const auto lines = w.memory.take_lines({}, 0, no_limit<>);
        if (!lines) return outcome{0, code(lines.error())};
        w.use({lines->first, 4});
        buddy::row_bits refused = w.memory.give_row(lines->first, 0b10);
        refused |= w.memory.give_row(lines->first + 2, 0b11);
        return outcome{std::uint64_t{1} << (lines->first.number - 8),
                       code(refused == 0 ? errc::ok : errc::double_free)};
    };
}
/// A window of whole lines, of which one is kept.
template <class World>
explorer::program take_lines_keep_one(World& w) {
    return [&w] {
        const auto lines = w.memory.take_lines({}, 1, no_limit<>);
        if (!lines) return outcome{0, code(lines.error())};
        const std::uint64_t kept = lines->mask & (~lines->mask + 1);
        const frame<> first = lines->first + 4 * static_cast<unsigned>(std::countr_zero(kept));
        w.use({first, 4});
        const auto refused =
            w.memory.give_lines(lines->first, static_cast<buddy::row_bits>(lines->mask ^ kept));
        return outcome{mask_of({first, 4}), code(refused == 0 ? errc::ok : errc::double_free)};
    };
}
/// What the programs were told, one by one.
judgement_of_results told_are(std::vector<errc> answers) {
    return [answers](const std::vector<outcome>& results) -> std::string {
        for (std::size_t i = 0; i < answers.size(); ++i) {
            if (results[i][told] != code(answers[i]))
                return "program " + std::to_string(i) + " was told " + std::to_string(results[i][told]);
        }
        return "";
    };
}

TEST_CASE("the last frame comes back while others allocate: merge against take") {
    small w;
    lend(w, {{11}, 1});
    run("free of the last frame, two takers", w, {give(w, 11), take(w, 0), take(w, 0)}, nobody_exhausted, 2);
    run("free of the last frame, a taker that gives back", w, {give(w, 11), take_and_give(w, 0)},
        nobody_exhausted);
    run("free of the last frame, a pair taker that gives back", w, {give(w, 11), take_and_give(w, 1)},
        anything);
    const auto takes_pairs = one_and(one_and(take(w, 0), take(w, 1)), take(w, 1));
    // Who got a frame of the second row finds the pair of the first one: it is out of sight, but nobody has
    // it.
    run("free of the last frame, a taker of a frame and twice of a pair", w, {give(w, 11), takes_pairs},
        [](const std::vector<outcome>& results) -> std::string {
            const std::uint64_t got = results[1][held];
            const bool none = results[1][told] == code(errc::exhausted);
            return none && std::popcount(got) == 1 && (got & 0b1100) != 0 ? "false exhausted" : "";
        });
}

TEST_CASE("two rows fill at the same time: somebody merges") {
    small w;
    lend(w, {{8}, 1});
    lend(w, {{10}, 1});
    run("frees into two rows, a pair taker", w, {give(w, 8), give(w, 10), take(w, 1)}, anything, 2);
    run("frees into two rows, a taker of the whole line", w, {give(w, 8), give(w, 10), take(w, 2)}, anything,
        2);
}

TEST_CASE("a whole line is split by three at once") {
    small w;
    run("three takers of order 0 on a whole line", w, {take(w, 0), take(w, 0), take(w, 0)}, nobody_exhausted,
        2);
    run("two that take and give back", w, {take_and_give(w, 0), take_and_give(w, 0)}, nobody_exhausted);
}

TEST_CASE("split against a taker of the whole line") {
    small w;
    run("order 2 and two of order 0", w, {take(w, 2), take(w, 0), take(w, 0)}, anything, 2);
    run("order 2 against order 0, both given back", w, {take_and_give(w, 2), take_and_give(w, 0)}, anything);
}

TEST_CASE("pairs are put back when a frame of them is gone") {
    small w;
    run("order 1, 1 and 0", w, {take(w, 1), take(w, 1), take(w, 0)}, anything, 2);
    run("order 1 against order 0, both given back", w, {take_and_give(w, 1), take_and_give(w, 0)}, anything);
}

TEST_CASE("a frame moves from row to row under a search: exhausted is not said") {
    small w;
    w.hold({{9}, 2});
    lend(w, {{8}, 1});
    // Frame 11 is free, then 8 too, then one of them is taken: at every moment there is one.
    run("free then allocate, against a taker", w, {one_then(give(w, 8), take(w, 0)), take(w, 0)},
        nobody_exhausted);
}

TEST_CASE("who learns that a frame is free gets it") {
    small w;
    w.hold({{8}, 3});
    lend(w, {{11}, 1});
    const auto served = told_are({errc::ok, errc::ok});
    run("the only frame is freed and told, a taker", w, {then_tell(w, give(w, 11)), if_told(w, take(w, 0))},
        served);
    run(
        "the only frame is freed and told, a taker before and a taker", w,
        {then_tell(w, give(w, 11)), take_and_give(w, 0), if_told(w, take(w, 0))},
        [](const std::vector<outcome>& results) -> std::string {
            return results[2][told] == code(errc::exhausted) && results[1][told] != code(errc::ok)
                       ? "false exhausted"
                       : "";
        },
        3);
    small whole;
    lend(whole, {{8}, 4});
    run("the only line is freed and told, a taker of a frame", whole,
        {then_tell(whole, give(whole, 8, 2)), if_told(whole, take(whole, 0))}, served);
    run("the only line is freed and told, a taker of the line", whole,
        {then_tell(whole, give(whole, 8, 2)), if_told(whole, take(whole, 2))}, served);
    small merged;
    lend(merged, {{8}, 1});
    run("the last frame is freed, merged and told, a taker of the line", merged,
        {then_tell(merged, give(merged, 8)), if_told(merged, take(merged, 2))}, served);
}

TEST_CASE("a hint is lowered while a row fills") {
    small w;
    w.hold({{10}, 2});
    lend(w, {{8}, 2});
    run("frees of two frames of one row, a taker", w, {give(w, 8), take(w, 0), give(w, 9)}, anything);
    run("a free of a row as a block, two takers", w, {give(w, 8, 1), take(w, 0), take(w, 1)}, anything, 3);
}

/// A line that is whole while its hint says that its rows have something.
template <class World>
void make_hint_stale(World& w) {
    for (std::uint64_t i = 0; i < 4; ++i) {
        const auto got = w.memory.allocate({});
        REQUIRE(got.has_value());
        REQUIRE(got->number < 12);
    }
    REQUIRE(w.memory.free({8}, 2) == errc::ok);
}
TEST_CASE("a line whose rows are hinted at is split") {
    small w;
    make_hint_stale(w);
    run("two takers of a whole line with a high hint", w, {take(w, 0), take(w, 0)}, nobody_exhausted);
    run("a pair and a taker that gives back, with a high hint", w, {take(w, 1), take_and_give(w, 0)},
        anything);
    if (is_long_run())
        run("three takers of a whole line with a high hint", w, {take(w, 0), take(w, 1), take(w, 1)},
            anything);
}

TEST_CASE("rows are taken and given whole") {
    small w;
    run("a row holder and a taker", w, {take_row_keep_one(w), take(w, 0)}, anything);
    run("two row holders", w, {take_row_keep_one(w), take_row_keep_one(w)}, anything);
}

TEST_CASE("windows of lines are taken and given whole") {
    large w;
    run("a holder of lines and a taker of a line", w, {take_lines_keep_one(w), take(w, 2)}, anything);
    run("two holders of lines", w, {take_lines_keep_one(w), take_lines_keep_one(w)}, anything);
    run("a holder of lines and a taker of a frame", w, {take_lines_keep_one(w), take(w, 0)}, anything);
    lend(w, {{8}, 4});
    run("a holder of lines and a free", w, {take_lines_keep_one(w), give(w, 8, 2)}, anything);
}

template <class World>
explorer::program isolate(World& w) {
    return [&w] { return outcome{0, code(w.memory.isolate(World::unit))}; };
}
TEST_CASE("isolation: what is freed stays out, what was taken before stays taken") {
    small w;
    lend(w, {{8}, 1});
    const auto stays_out = [&](const std::vector<outcome>& results) -> std::string {
        if (results[0][told] != code(errc::ok) || results[1][told] != code(errc::ok))
            return "isolate or free";
        return w.memory.allocate({}).has_value() ? "an isolated frame was handed out" : "";
    };
    run("isolate, free, take", w, {isolate(w), give(w, 8), take(w, 0)}, stays_out, 2);
    run("isolate, free, take of a pair", w, {isolate(w), give(w, 8), take(w, 1)}, stays_out, 2);
    small all;
    run("isolate and tell, a taker that is told gets nothing", all,
        {then_tell(all, isolate(all)), if_told(all, take(all, 0))},
        [](const std::vector<outcome>& results) -> std::string {
            return results[1][held] != 0 ? "an isolated frame was handed out" : "";
        });
}

TEST_CASE("readmission: a free that raced it can be found") {
    small w;
    w.hold({{9}, 3});
    lend(w, {{8}, 1});
    REQUIRE(w.memory.isolate(small::frames) == errc::ok);
    const auto readmit = [&] { return outcome{0, code(w.memory.readmit(small::frames))}; };
    run("readmit and free", w, {readmit, give(w, 8)}, all_served);
    small line;
    lend(line, {{8}, 4});
    REQUIRE(line.memory.isolate(small::frames) == errc::ok);
    const auto readmit_line = [&] { return outcome{0, code(line.memory.readmit(small::frames))}; };
    run("readmit and free of the line", line, {readmit_line, give(line, 8, 2)}, all_served);
    run("readmit and free of a row", line, {readmit_line, one_then(give(line, 8, 1), give(line, 10, 1))},
        all_served);
    run("readmit, free of a row, free of the other row", line,
        {readmit_line, give(line, 8, 1), give(line, 10, 1)}, all_served, 2);
    small idle;
    const auto isolate_and_readmit = [&] {
        const errc answer = idle.memory.isolate(small::frames);
        return outcome{0, code(answer == errc::ok ? idle.memory.readmit(small::frames) : answer)};
    };
    run("isolate and readmit, take", idle, {isolate_and_readmit, take(idle, 0)}, anything);
    run("isolate and readmit, take of the line", idle, {isolate_and_readmit, take(idle, 2)}, anything);
    run("isolate and readmit, take and give", idle, {isolate_and_readmit, take_and_give(idle, 0)}, anything);
    make_hint_stale(idle);
    run("isolate and readmit with a high hint, take", idle, {isolate_and_readmit, take(idle, 1)}, anything);
    run("readmit and tell, free, and a taker that is told", w,
        {then_tell(w, readmit), give(w, 8), if_told(w, take(w, 0))}, anything);
}

TEST_CASE("offline takes all or nothing") {
    small w;
    lend(w, {{8}, 1});
    REQUIRE(w.memory.isolate(small::frames) == errc::ok);
    const auto offline = [&] {
        const errc answer = w.memory.offline(small::frames);
        return outcome{answer == errc::ok ? mask_of(small::frames) : 0, code(answer)};
    };
    run("offline and free", w, {offline, give(w, 8)},
        [&](const std::vector<outcome>& results) -> std::string {
            if (results[1][told] != code(errc::ok)) return "the free failed";
            if (results[0][told] == code(errc::ok)) return w.memory.owns({8}) ? "offline left something" : "";
            return results[0][told] == code(errc::busy) ? "" : "an answer that cannot be";
        });
    small both;
    run("isolate and offline, take and give", both, {leave(both), take_and_give(both, 0)}, frees_succeed);
    run("isolate and offline, take", both, {leave(both), take(both, 0)}, frees_succeed);
    run("isolate and offline, isolate and offline", both, {leave(both), leave(both)},
        [](const std::vector<outcome>& results) -> std::string {
            return results[0][held] != 0 && results[1][held] != 0 ? "gone twice" : "";
        });
}

/// Revokes frames.
template <class World>
explorer::program revoke(World& w, range<> some) {
    return [&w, some] {
        const auto left = w.memory.revoke(some);
        return left.has_value() ? outcome{0, code(errc::ok), *left} : outcome{0, code(left.error())};
    };
}
/// No revoked frame is free, or owned; every other one is free, or held: by whoever is refused a free, too.
template <class World>
std::string are_gone(const World& w, range<> some, const std::vector<outcome>& results) {
    std::uint64_t all = w.held_at_start | mask_of(some);
    std::string wrong;
    w.memory.visit_free([&](range<> run) {
        if (run.overlaps(some)) wrong = "a revoked frame is free";
        all |= mask_of(run);
    });
    for (const outcome& each : results) all |= each[held];
    for (std::uint64_t i = 0; i < some.count; ++i) {
        if (w.memory.owns(some.first + i)) wrong = "a revoked frame is owned";
    }
    const bool refused = results[1][told] == code(errc::revoked);
    if (wrong.empty() && !refused && all != mask_of(World::frames)) wrong = "a frame lost";
    return wrong.empty() && w.memory.validate() != errc::ok ? "the metadata disagree" : wrong;
}
template <class World>
void run_revocation(const char* name, World& w, range<> some, const explorer::program& other) {
    const auto judge = [&](const std::vector<outcome>& results) {
        const std::string wrong = are_gone(w, some, results);
        return wrong.empty()
                   ? told_nothing_but(results, {errc::ok, errc::revoked, errc::exhausted, errc::busy})
                   : wrong;
    };
    explore_weak(name, w.bytes(), {revoke(w, some), other}, judge, {.name_of = World::name_of});
}
TEST_CASE("revocation: what is freed then is gone, or was free before") {
    small w;
    w.hold({{9}, 1});
    lend(w, {{8}, 1});
    run_revocation("revoke and free", w, small::frames, give(w, 8));
    run_revocation("revoke of a row and free", w, {{8}, 2}, give(w, 8));
    small row;
    lend(row, {{8}, 2});
    run_revocation("revoke of half a row and free of it", row, {{8}, 1}, give(row, 8, 1));
    small whole;
    lend(whole, {{8}, 4});
    run_revocation("revoke and free of the line", whole, small::frames, give(whole, 8, 2));
    run_revocation("revoke of half a line and free of it", whole, {{8}, 2}, give(whole, 8, 2));
    small idle;
    run_revocation("revoke and take of the line", idle, small::frames, take(idle, 2));
    run_revocation("revoke and take and give of the line", idle, small::frames, take_and_give(idle, 2));
}
TEST_CASE("revocation against revocation: one at a time, and what each was told is so") {
    large w;
    w.hold({{8}, 8});
    const range<> first{{8}, 1};
    const range<> second{{10}, 1};
    const auto judge = [&](const std::vector<outcome>& results) -> std::string {
        for (std::uint64_t number = 8; number < 16; ++number) {
            const bool gone = (results[0][told] == code(errc::ok) && first.contains(frame<>{number})) ||
                              (results[1][told] == code(errc::ok) && second.contains(frame<>{number}));
            if (w.memory.owns({number}) == gone)
                return "frame " + std::to_string(number) + " in the wrong state";
        }
        if (results[0][told] != code(errc::ok) && results[1][told] != code(errc::ok)) return "nobody revoked";
        if (w.memory.validate() != errc::ok) return "the metadata disagree";
        return told_nothing_but(results, {errc::ok, errc::busy});
    };
    explore_weak("revoke frame 8, revoke frame 10", w.bytes(), {revoke(w, first), revoke(w, second)}, judge,
                 {.name_of = large::name_of});
}
TEST_CASE("revocation against a merge") {
    small w;
    lend(w, {{8}, 2});
    run_revocation("revoke and free of a row that completes a line", w, small::frames, give(w, 8, 1));
    run_revocation("revoke of a frame and free of a row that completes a line", w, {{10}, 1}, give(w, 8, 1));
    run_revocation("revoke of a frame, free of a row that completes a line, take", w, {{10}, 1},
                   one_and(give(w, 8, 1), take(w, 0)));
}
TEST_CASE("revocation against a split") {
    small w;
    run_revocation("revoke and take of a frame of a whole line", w, small::frames, take(w, 0));
    run_revocation("revoke of half a line and take of a frame of it", w, {{8}, 2}, take(w, 0));
    run_revocation("revoke of a frame and take of a pair", w, {{11}, 1}, take(w, 1));
}

TEST_CASE("exact frames against a search and a merge") {
    small w;
    lend(w, {{11}, 1});
    const auto take_two = [&] {
        const range<> wanted{{9}, 2};
        const errc answer = w.memory.allocate_at(wanted);
        if (answer != errc::ok) return outcome{0, code(answer)};
        w.use(wanted);
        return outcome{mask_of(wanted), code(answer)};
    };
    run("allocate_at, free of the last frame, take", w, {take_two, give(w, 11), take(w, 0)}, anything, 3);
}

TEST_CASE("two lines: blocks of two lines against frames of one") {
    large w;
    run("order 3, order 2 and order 0 on two lines", w, {take(w, 3), take(w, 2), take(w, 0)}, anything);
    run("order 3 against order 0, both given back", w, {take_and_give(w, 3), take_and_give(w, 0)}, anything);
}

TEST_CASE("a double free that races nothing else is told, and changes nothing") {
    small w;
    lend(w, {{8}, 1});
    run("free, take, and a free of a free frame", w, {give(w, 8), take_and_give(w, 1)}, anything);
    CHECK(w.memory.free({9}, 0) == errc::double_free);
    CHECK(w.memory.validate() == errc::ok);
    small whole;
    lend(whole, {{8}, 1});
    run("a free that is told, and a second one", whole,
        {then_tell(whole, give(whole, 8)), if_told(whole, give_unused(whole, 8))},
        [&](const std::vector<outcome>& results) -> std::string {
            return told_nothing_but(results, {errc::ok, errc::double_free});
        });
}
/// A wrong free of a frame that is free all the time.
template <class World>
void run_wrong_free(const char* name, World& w, std::uint64_t wrong, const explorer::program& other) {
    run(name, w,
        {[&w, wrong] {
             return outcome{0, code(w.memory.free({wrong}, 0))};
         },
         other},
        [](const std::vector<outcome>& results) {
            return results[0][told] == code(errc::double_free) ? "" : "a double free was not told";
        });
}
// For a moment the frame is in neither place.
TEST_CASE("a double free of a frame that moves from its row to the line" * doctest::should_fail()) {
    small w;
    lend(w, {{10}, 1});
    run_wrong_free("a wrong free of 8 against a free of 10", w, 8, give(w, 10));
}
TEST_CASE("a double free of a frame that moves from the line to its row" * doctest::should_fail()) {
    small w;
    run_wrong_free("a wrong free of 11 against a take of another frame", w, 11, take(w, 0));
}

}  // namespace
