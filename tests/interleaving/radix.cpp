// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving of the shipped radix_buddy on one line of two rows of two frames.
#include <doctest/doctest.h>

#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/explorer.hpp>
#include <bit>
#include <cstdio>
#include <string>

namespace {

using namespace ashlar;
using namespace ashlar::testing;

using buddy = radix_buddy<stepped_platform, buddy_shape{.top_order = 3,
                                                        .row_order = 1,
                                                        .line_order = 2,
                                                        .pageblock_order = 2,
                                                        .hole_entries = 8,
                                                        .rescans = 1}>;
constexpr range<> frames{{8}, 4};
constexpr range<> two_lines{{8}, 8};

/// Outcomes: what each program holds at its end, as a mask of frames from frame 8 on, and what it was told.
constexpr std::size_t held = 0;
constexpr std::size_t told = 1;

template <std::size_t Words>
struct world {
    alignas(64) buddy::word words[Words] = {};
    buddy source;
    std::uint64_t held_at_start = 0;  ///< frames that are nobody's and stay allocated

    explicit world(range<> all) {
        REQUIRE(source.attach(all, words, start::fresh) == errc::ok);
        REQUIRE(source.online(all) == errc::ok);
    }
    void hold(std::uint64_t first, std::uint64_t count) {
        REQUIRE(source.allocate_at({{first}, count}) == errc::ok);
    }
    [[nodiscard]] std::uint64_t free_mask() const {
        std::uint64_t mask = 0;
        source.visit_free([&](range<> run) {
            for (std::uint64_t i = 0; i < run.count; ++i)
                mask |= std::uint64_t{1} << (run.first.number + i - 8);
        });
        return mask;
    }
    /// No frame lost or twice; the metadata agree with themselves (no lost merge, no hint stale low, no move
    /// open).
    [[nodiscard]] std::string judge(const std::vector<outcome>& results, std::uint64_t total) const {
        std::uint64_t all = free_mask() | held_at_start;
        for (const auto& result : results) {
            if ((all & result[held]) != 0) return "a frame twice";
            all |= result[held];
        }
        if (all != total) return "a frame lost";
        if (source.validate() != errc::ok) return "lost merge, stale hint or open move";
        return "";
    }
};
using small = world<buddy::metadata_words(frames)>;
using large = world<buddy::metadata_words(two_lines)>;

std::uint64_t mask_of(frame<> f, unsigned order) {
    return ((std::uint64_t{1} << (1U << order)) - 1) << (f.number - 8);
}
std::uint64_t code(errc error) {
    return static_cast<std::uint64_t>(error);
}

/// Programs.
template <class World>
explorer::program take(World& w, unsigned order) {
    return [&w, order] {
        const auto got = w.source.allocate({.order = order});
        return got ? outcome{mask_of(*got, order), code(errc::ok)} : outcome{0, code(got.error())};
    };
}
template <class World>
explorer::program take_and_give(World& w, unsigned order) {
    return [&w, order] {
        const auto got = w.source.allocate({.order = order});
        return outcome{0, code(got ? w.source.free(*got, order) : got.error())};
    };
}
template <class World>
explorer::program give(World& w, std::uint64_t first, unsigned order) {
    return [&w, first, order] { return outcome{0, code(w.source.free({first}, order))}; };
}
/// What a per-CPU layer does: all of a row that is in use in part, else of a line, of which one frame is
/// kept.
template <class World>
explorer::program take_row_keep_one(World& w) {
    return [&w] {
        const auto row = w.source.take_row({}, no_limit<>);
        if (row) {
            const std::uint64_t kept = row->mask & (~row->mask + 1);
            const auto refused =
                w.source.give_row(row->first, static_cast<buddy::row_bits>(row->mask ^ kept));
            return outcome{kept << (row->first.number - 8),
                           code(refused == 0 ? errc::ok : errc::double_free)};
        }
        const auto lines = w.source.take_lines({}, 0, no_limit<>);
        if (!lines) return outcome{0, code(lines.error())};
        buddy::row_bits refused = w.source.give_row(lines->first, 0b10);
        refused |= w.source.give_row(lines->first + 2, 0b11);
        return outcome{std::uint64_t{1} << (lines->first.number - 8),
                       code(refused == 0 ? errc::ok : errc::double_free)};
    };
}
/// A window of whole lines, of which one is kept.
template <class World>
explorer::program take_lines_keep_one(World& w) {
    return [&w] {
        const auto lines = w.source.take_lines({}, 1, no_limit<>);
        if (!lines) return outcome{0, code(lines.error())};
        const std::uint64_t kept = lines->mask & (~lines->mask + 1);
        const auto refused =
            w.source.give_lines(lines->first, static_cast<buddy::row_bits>(lines->mask ^ kept));
        const std::uint64_t first = lines->first.number + 4 * static_cast<unsigned>(std::countr_zero(kept));
        return outcome{std::uint64_t{15} << (first - 8), code(refused == 0 ? errc::ok : errc::double_free)};
    };
}

template <class World>
exploration run(const char* name, World& w, std::vector<explorer::program> programs,
                const std::function<std::string(const std::vector<outcome>&)>& also, std::uint64_t total) {
    const auto seen = explore({reinterpret_cast<std::byte*>(w.words), sizeof w.words}, std::move(programs),
                              [&](const std::vector<outcome>& results) {
                                  const std::string wrong = w.judge(results, total);
                                  return wrong.empty() ? also(results) : wrong;
                              });
    std::printf("%-60s %9zu states %7zu end states %s\n", name, seen.states, seen.end_states,
                seen.complete ? "" : "(cut off)");
    for (const auto& f : seen.findings) {
        std::printf("  %s, %zu end states, for example\n%s", f.what.c_str(), f.end_states,
                    f.schedule.c_str());
    }
    CHECK(seen.complete);
    CHECK(seen.findings.empty());
    CHECK(seen.end_states > 0);
    return seen;
}

std::string nobody_exhausted(const std::vector<outcome>& results) {
    for (const auto& result : results) {
        if (result[told] == code(errc::exhausted)) return "false exhausted";
    }
    return "";
}
std::string all_ok(const std::vector<outcome>& results) {
    for (const auto& result : results) {
        if (result[told] != code(errc::ok)) return "an error that cannot be: " + std::to_string(result[told]);
    }
    return "";
}
std::string anything(const std::vector<outcome>&) {
    return "";
}

TEST_CASE("the last frame comes back while others allocate: merge against take") {
    small w(frames);
    w.hold(11, 1);
    run("free of the last frame, two takers", w, {give(w, 11, 0), take(w, 0), take(w, 0)}, nobody_exhausted,
        15);
    run("free of the last frame, a taker that gives back", w, {give(w, 11, 0), take_and_give(w, 0)},
        nobody_exhausted, 15);
    run("free of the last frame, a pair taker that gives back", w, {give(w, 11, 0), take_and_give(w, 1)},
        anything, 15);
}

TEST_CASE("two rows fill at the same time: somebody merges") {
    small w(frames);
    w.hold(8, 1);
    w.hold(10, 1);
    run("frees into two rows, a pair taker", w, {give(w, 8, 0), give(w, 10, 0), take(w, 1)}, anything, 15);
    run("frees into two rows, a taker of the whole line", w, {give(w, 8, 0), give(w, 10, 0), take(w, 2)},
        anything, 15);
}

TEST_CASE("a whole line is split by three at once") {
    small w(frames);
    run("three takers of order 0 on a whole line", w, {take(w, 0), take(w, 0), take(w, 0)}, nobody_exhausted,
        15);
    run("two that take and give back", w, {take_and_give(w, 0), take_and_give(w, 0)}, nobody_exhausted, 15);
}

TEST_CASE("split against a taker of the whole line") {
    small w(frames);
    run("order 2 and two of order 0", w, {take(w, 2), take(w, 0), take(w, 0)}, anything, 15);
    run("order 2 against order 0, both given back", w, {take_and_give(w, 2), take_and_give(w, 0)}, anything,
        15);
}

TEST_CASE("pairs are put back when a frame of them is gone") {
    small w(frames);
    run("order 1, 1 and 0", w, {take(w, 1), take(w, 1), take(w, 0)}, anything, 15);
    run("order 1 against order 0, both given back", w, {take_and_give(w, 1), take_and_give(w, 0)}, anything,
        15);
}

TEST_CASE("a frame moves from row to row under a search: exhausted is not said") {
    small w(frames);
    w.hold(8, 3);
    w.held_at_start = 0b0110;
    // Frame 11 is free, then 8 too, then one of them is taken: at every moment there is one.
    run("free then allocate, against a taker", w,
        {[&] {
             (void)w.source.free({8}, 0);
             return take(w, 0)();
         },
         take(w, 0)},
        nobody_exhausted, 15);
}

TEST_CASE("a hint is lowered while a row fills") {
    small w(frames);
    w.hold(8, 4);
    w.held_at_start = 0b1100;
    run("frees of two frames of one row, a taker", w, {give(w, 8, 0), take(w, 0), give(w, 9, 0)}, anything,
        15);
}

TEST_CASE("rows are taken and given whole") {
    small w(frames);
    run("a row holder and a taker", w, {take_row_keep_one(w), take(w, 0)}, anything, 15);
    run("two row holders", w, {take_row_keep_one(w), take_row_keep_one(w)}, anything, 15);
}

TEST_CASE("windows of lines are taken and given whole") {
    large w(two_lines);
    run("a holder of lines and a taker of a line", w, {take_lines_keep_one(w), take(w, 2)}, anything, 255);
    run("two holders of lines", w, {take_lines_keep_one(w), take_lines_keep_one(w)}, anything, 255);
    run("a holder of lines and a taker of a frame", w, {take_lines_keep_one(w), take(w, 0)}, anything, 255);
    REQUIRE(w.source.allocate_at({{8}, 4}) == errc::ok);
    run("a holder of lines and a free", w, {take_lines_keep_one(w), give(w, 8, 2)}, anything, 255);
}

TEST_CASE("isolation: what is freed stays out, what was taken before stays taken") {
    small w(frames);
    w.hold(8, 1);
    run(
        "isolate, free, take", w,
        {explorer::program{[&] {
             return outcome{0, code(w.source.isolate(frames))};
         }},
         give(w, 8, 0), take(w, 0)},
        [&](const std::vector<outcome>& results) -> std::string {
            if (results[0][told] != code(errc::ok) || results[1][told] != code(errc::ok))
                return "isolate or free";
            if (w.source.allocate({}).has_value()) return "an isolated frame was handed out";
            return "";
        },
        15);
}

TEST_CASE("readmission: a free that raced it can be found") {
    small w(frames);
    w.hold(8, 4);
    w.held_at_start = 0b1110;
    REQUIRE(w.source.isolate(frames) == errc::ok);
    run(
        "readmit and free", w,
        {explorer::program{[&] {
             return outcome{0, code(w.source.readmit(frames))};
         }},
         give(w, 8, 0)},
        [&](const std::vector<outcome>& results) { return all_ok(results); }, 15);
}

TEST_CASE("offline takes all or nothing") {
    small w(frames);
    w.hold(8, 1);
    REQUIRE(w.source.isolate(frames) == errc::ok);
    const auto judge = [&](const std::vector<outcome>& results) -> std::string {
        if (results[1][told] != code(errc::ok)) return "the free failed";
        const std::uint64_t free = w.free_mask();
        if (w.source.validate() != errc::ok) return "invalid";
        if (results[0][told] == code(errc::ok)) {
            return free == 0 && !w.source.owns({8}) ? "" : "offline left something";
        }
        return results[0][told] == code(errc::busy) && free == 15 ? "" : "busy changed something";
    };
    const auto seen = explore({reinterpret_cast<std::byte*>(w.words), sizeof w.words},
                              {explorer::program{[&] {
                                   return outcome{0, code(w.source.offline(frames))};
                               }},
                               give(w, 8, 0)},
                              judge);
    std::printf("%-60s %9zu states %7zu end states\n", "offline and free", seen.states, seen.end_states);
    CHECK(seen.complete);
    CHECK(seen.findings.empty());
}

TEST_CASE("exact frames against a search and a merge") {
    small w(frames);
    w.hold(11, 1);
    run("allocate_at, free of the last frame, take", w,
        {[&] {
             const errc error = w.source.allocate_at({{9}, 2});
             return outcome{error == errc::ok ? std::uint64_t{0b0110} : 0, code(error)};
         },
         give(w, 11, 0), take(w, 0)},
        anything, 15);
}

TEST_CASE("two lines: blocks of two lines against frames of one") {
    large w(two_lines);
    run("order 3, order 2 and order 0 on two lines", w, {take(w, 3), take(w, 2), take(w, 0)}, anything, 255);
}

TEST_CASE("a double free that races nothing else is told, and changes nothing") {
    small w(frames);
    w.hold(8, 1);
    run("free, take, and a free of a free frame", w, {give(w, 8, 0), take_and_give(w, 1)}, anything, 15);
    CHECK(w.source.free({9}, 0) == errc::double_free);
    CHECK(w.source.validate() == errc::ok);
}

}  // namespace
