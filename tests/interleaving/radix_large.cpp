// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving, with weak memory, of blocks of several rows and of several words of whole lines, in the
// shipped radix_buddy on the smallest geometries that have them.
#include <doctest/doctest.h>

#include <ashlar/source/radix_buddy.hpp>
#include <string>

#include "interleaving/world.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

/// A line of four rows of two frames.
constexpr buddy_shape four_rows{
    .top_order = 4, .row_order = 1, .line_order = 3, .pageblock_order = 3, .hole_entries = 8, .rescans = 1};
using rows = world<radix_buddy<stepped_platform, four_rows>, 8>;

TEST_CASE("blocks of two rows") {
    rows w;
    run("order 2 and order 0 on a whole line, both given back", w, {take_and_give(w, 2), take_and_give(w, 0)},
        anything, 3);
    run("order 2, order 2", w, {take(w, 2), take(w, 2)}, nobody_exhausted);
    run("order 2, order 1, order 0", w, {take(w, 2), take(w, 1), take(w, 0)}, anything, 2);
    lend(w, {{8}, 4});
    run("a free of order 2 that completes the line, a taker that gives back", w,
        {give(w, 8, 2), take_and_give(w, 0)}, nobody_exhausted, 4);
    run("a free of order 2 that completes the line, a taker of the line", w, {give(w, 8, 2), take(w, 3)},
        anything);
    run("a free of order 2 and told, a taker of the line that is told", w,
        {then_tell(w, give(w, 8, 2)), if_told(w, take(w, 3))}, all_served);
    rows empty;
    lend(empty, {{8}, 4});
    lend(empty, {{12}, 4});
    run("frees of order 2 and order 2, a taker of order 2", empty,
        {give(empty, 8, 2), give(empty, 12, 2), take(empty, 2)}, anything, 2);
    rows half;
    half.hold({{14}, 2});
    lend(half, {{8}, 4});
    run("a free of order 2 and told, a taker that is told", half,
        {then_tell(half, give(half, 8, 2)), if_told(half, take(half, 2))}, all_served);
    lend(half, {{12}, 2});
    run("a free of order 2, a free of order 1, a taker of order 2", half,
        {give(half, 8, 2), give(half, 12, 1), take(half, 2)}, anything, 3);
}
TEST_CASE("blocks of two rows: whoever fills the second row hints at both") {
    rows w;
    // The first row is in use: nobody looks further for a merge.
    w.hold({{8}, 4});
    lend(w, {{12}, 1});
    lend(w, {{14}, 1});
    REQUIRE_FALSE(w.memory.allocate({.order = 2}).has_value());  // the hint is as low as can be
    run("frees that fill two rows", w, {give(w, 12), give(w, 14)}, all_served);
}
TEST_CASE("blocks of two rows: what was taken in vain is put back") {
    rows w;
    w.hold({{14}, 2});
    const auto take_in_second_row = take_this(w, 10);
    run("order 2, a frame of its second row", w, {take(w, 2), take_in_second_row}, anything);
    rows last;
    lend(last, {{14}, 1});
    const auto take_these = [&] {
        const range<> wanted{{11}, 4};
        const errc answer = last.memory.allocate_at(wanted);
        if (answer == errc::ok) last.use(wanted);
        return outcome{answer == errc::ok ? mask_of(wanted) : 0, code(answer)};
    };
    run("allocate_at over three rows, free of its last frame", last, {take_these, give(last, 14)}, anything);
}
TEST_CASE("blocks of two rows: what is taken in vain is there at each moment") {
    rows w;
    w.hold({{12}, 4});
    // Whoever takes both frames of the second row leaves the first one to be put back.
    const auto take_three = [&] {
        outcome all{};
        for (unsigned i = 0; i < 3; ++i) {
            const auto got = w.memory.allocate({});
            if (!got) return outcome{all[held], code(got.error())};
            w.use({*got, 1});
            all[held] |= mask_of({*got, 1});
        }
        return all;
    };
    run("order 2, three frames one by one", w, {take(w, 2), take_three},
        [](const std::vector<outcome>& results) -> std::string {
            const bool none = results[1][told] == code(errc::exhausted);
            return none && results[0][held] == 0 ? "false exhausted" : "";
        });
}
TEST_CASE("blocks of two rows: isolation, a range by number, revocation of half of it") {
    rows w;
    lend(w, {{8}, 4});
    const auto isolate = [&] { return outcome{0, code(w.memory.isolate(rows::frames))}; };
    run("isolate, free of order 2", w, {isolate, give(w, 8, 2)},
        [&](const std::vector<outcome>& results) -> std::string {
            return w.memory.allocate({}).has_value() ? "an isolated frame was handed out"
                                                     : all_served(results);
        });
    const auto take_these = [&] {
        const range<> wanted{{11}, 4};
        const errc answer = w.memory.allocate_at(wanted);
        if (answer == errc::ok) w.use(wanted);
        return outcome{answer == errc::ok ? mask_of(wanted) : 0, code(answer)};
    };
    run("allocate_at over three rows, free of order 2", w, {take_these, give(w, 8, 2)}, anything);
    const auto revoke = [&] {
        return outcome{0, code(w.memory.revoke({{8}, 2}).has_value() ? errc::ok : errc::busy)};
    };
    const auto judge = [&](const std::vector<outcome>& results) -> std::string {
        std::string wrong;
        w.memory.visit_free([&](range<> run) {
            if (run.overlaps({{8}, 2})) wrong = "a revoked frame is free";
        });
        return wrong.empty() ? told_nothing_but(results, {errc::ok, errc::revoked}) : wrong;
    };
    explore_weak("revoke of a row, free of order 2 with it", w.bytes(), {revoke, give(w, 8, 2)}, judge,
                 {.name_of = rows::name_of});
}

/// Words of 32 lines of two rows of two frames: a block of order 8 is two of them.
constexpr buddy_shape two_words{.top_order = 8,
                                .word_bits = 32,
                                .row_order = 1,
                                .line_order = 2,
                                .pageblock_order = 2,
                                .hole_entries = 8,
                                .rescans = 1};

/// Outcomes: the first frame that a program holds, what it was told, how many frames it holds.
struct large_world {
    using buddy = radix_buddy<stepped_platform, two_words>;
    static constexpr std::size_t count = 2;
    static constexpr std::uint64_t word_frames = 128;

    struct alignas(64) shared_memory {
        buddy::word words[buddy::metadata_words({{256}, 4 * word_frames})] = {};
        owned_cell<std::uint8_t> byte;  ///< of the first frame: who holds that writes to it
    };
    shared_memory shared;
    range<> frames;
    buddy memory;
    std::vector<range<>> held_at_start;

    explicit large_world(std::uint64_t word_count = 2) : frames{{256}, word_count * word_frames} {
        REQUIRE(memory.attach(frames, shared.words, start::fresh) == errc::ok);
        REQUIRE(memory.online(frames) == errc::ok);
    }
    void hold(range<> some) {
        REQUIRE(memory.allocate_at(some) == errc::ok);
        held_at_start.push_back(some);
    }
    void lend(range<> some) { REQUIRE(memory.allocate_at(some) == errc::ok); }
    void use(frame<> first) {
        if (first == frames.first) shared.byte.set(1);
    }
    explorer::program take(unsigned order) {
        return [this, order] {
            const auto got = memory.allocate({.order = order});
            if (got) use(*got);
            return got ? outcome{got->number, code(errc::ok), std::uint64_t{1} << order}
                       : outcome{0, code(got.error())};
        };
    }
    explorer::program take_and_give(unsigned order) {
        return [this, order] {
            const auto got = memory.allocate({.order = order});
            if (got) use(*got);
            return outcome{0, code(got ? memory.free(*got, order) : got.error())};
        };
    }
    explorer::program give(std::uint64_t first, unsigned order) {
        return [this, first, order] {
            use({first});
            return outcome{0, code(memory.free({first}, order))};
        };
    }
    [[nodiscard]] std::string judge(const std::vector<outcome>& results) const {
        std::vector<int> places(frames.count);
        const auto add = [&](range<> some) {
            for (std::uint64_t i = 0; i < some.count; ++i)
                ++places[some.first.number + i - frames.first.number];
        };
        memory.visit_free(add);
        for (const range<> some : held_at_start) add(some);
        for (const outcome& each : results) {
            if (each[count] != 0 && each[held] % each[count] != 0) return "a block that is not aligned";
            add({{each[held]}, each[count]});
        }
        for (const int each : places) {
            if (each != 1) return each == 0 ? "a frame lost" : "a frame twice";
        }
        return memory.validate() == errc::ok ? "" : "the metadata disagree";
    }
    void run(const char* name, const std::vector<explorer::program>& programs,
             const judgement_of_results& also, std::uint32_t deviations = no_bound) {
        const auto both = [&](const std::vector<outcome>& results) {
            const std::string wrong = judge(results);
            return wrong.empty() ? also(results) : wrong;
        };
        explore_weak(name, {reinterpret_cast<std::byte*>(&shared), sizeof shared}, programs, both,
                     {.name_of =
                          [this](std::size_t offset) {
                              return name_of_word<buddy>(frames, offset / sizeof(buddy::word));
                          }},
                     deviations);
    }
};

TEST_CASE("blocks of two words of lines") {
    large_world w;
    w.run("order 8 against a line", {w.take(8), w.take(2)}, anything);
    w.run("order 8 against order 7", {w.take(8), w.take(7)}, anything);
    w.run("order 8 against a frame, both given back", {w.take_and_give(8), w.take_and_give(0)}, anything, 4);
    w.run("order 8 against order 7, both given back", {w.take_and_give(8), w.take_and_give(7)}, anything);
    w.run("order 8, order 8, a line", {w.take(8), w.take(8), w.take(2)}, anything, 2);
    large_world lent;
    lent.lend({{508}, 4});
    lent.run("a free of the last line, a taker of order 8", {lent.give(508, 2), lent.take(8)}, anything);
}
TEST_CASE("blocks of two words of lines are found as they were left") {
    large_world w;
    w.lend({{256}, 256});
    w.run("a free of order 8, a taker of order 8", {w.give(256, 8), w.take(8)}, frees_succeed);
}
TEST_CASE("blocks of two words of lines are aligned to two words") {
    large_world w(4);
    w.hold({{256}, 4});
    w.run("order 8, order 7", {w.take(8), w.take(7)}, anything);
}
TEST_CASE("the last block of two words is another one than when the search began: exhausted is not said") {
    large_world w(4);
    w.lend({{512}, 256});
    w.run("the second two words come back, the first two are taken, order 8",
          {one_then(w.give(512, 8), w.take(8)), w.take(8)},
          [](const std::vector<outcome>& results) -> std::string {
              return results[1][told] == code(errc::exhausted) ? "false exhausted" : "";
          });
}
TEST_CASE("the last whole line is another one than when the search began: exhausted is not said") {
    large_world w;
    w.lend({{256}, 4});
    w.lend({{504}, 4});
    w.hold({{260}, 244});
    // A line of the second word goes to a CPU, which no walk and no move tells of.
    const auto take_near = [&] {
        const auto taken = w.memory.take_lines({}, 0, {508});
        return taken ? outcome{taken->first.number, code(errc::ok), 4} : outcome{0, code(taken.error())};
    };
    const auto give_both = [&] {
        (void)w.memory.free({256}, 2);
        return outcome{0, code(w.memory.free({504}, 2))};
    };
    w.run(
        "frees in the first and the second word, the line of the second, a taker of a frame",
        {give_both, take_near, w.take(0)},
        [](const std::vector<outcome>& results) -> std::string {
            return results[2][told] == code(errc::exhausted) ? "false exhausted" : "";
        },
        3);
}

}  // namespace
