// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving, with weak memory, of frames that leave the shipped radix_buddy while others take and
// free: a line that is emptied into another one, and frames that fail.
#include <doctest/doctest.h>

#include <ashlar/migrate/evacuation.hpp>
#include <ashlar/migrate/retirement.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <string>

#include "interleaving/run.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

constexpr range<> frames{{8}, 8};
constexpr range<> line{{8}, 4};
using source = radix_buddy<stepped_platform, buddy_shape{.top_order = 3,
                                                         .row_order = 1,
                                                         .line_order = 2,
                                                         .pageblock_order = 2,
                                                         .hole_entries = 8,
                                                         .rescans = 1}>;
using failures = retirement<source>;

/// Outcomes: the frames a program holds at its end, what its last call answered.
constexpr std::size_t held = 0;
constexpr std::size_t told = 1;

struct world {
    struct alignas(64) shared_words {
        source::word words[source::metadata_words(frames)] = {};
        failures::word errors[2] = {};
        /// What the reporter of an error wrote down before, for who works on it.
        owned_cell<std::uint8_t> record;
        /// What the frames hold.
        owned_cell<std::uint8_t> bytes[frames.count];
    };
    shared_words shared;
    source memory;

    world() {
        REQUIRE(memory.attach(frames, shared.words, start::fresh) == errc::ok);
        REQUIRE(memory.online(frames) == errc::ok);
    }
    [[nodiscard]] static std::uint64_t mask_of(range<> run) {
        return ((std::uint64_t{1} << run.count) - 1) << (run.first.number - frames.first.number);
    }
    /// `kept`: frames that nobody has any more.
    [[nodiscard]] std::string judge(const std::vector<outcome>& results, std::uint64_t kept = 0) const {
        std::uint64_t all = kept;
        std::uint64_t free = 0;
        memory.visit_free([&](range<> run) { free |= mask_of(run); });
        for (const auto& result : results) {
            if ((all & result[held]) != 0) return "a frame twice";
            all |= result[held];
        }
        if ((free & all) != 0) return "a frame is held and free";
        if ((free | all) != mask_of(frames)) return "a frame lost";
        return memory.validate() == errc::ok ? "" : "the source is damaged";
    }
};
std::uint64_t code(errc error) {
    return static_cast<std::uint64_t>(error);
}

constexpr std::uint64_t reported = 13;  ///< the frame of an error with a record

/// One user, whose block is where the program last put it.
struct one_user {
    using space = machine;
    used_block<> home{};
    world* w = nullptr;  ///< of which it reads what errors are noted, and the bytes that it moves

    result<used_block<>> block_of(frame<> f) const noexcept {
        if (w != nullptr && f.number == reported) (void)w->shared.record.get();
        return block(home.first, home.order).contains(f) ? result<used_block<>>(home) : errc::not_owned;
    }
    errc move(frame<> from, frame<> to, unsigned) noexcept {
        if (w != nullptr) (void)w->shared.bytes[from.number - frames.first.number].get();
        home.first = to;
        return errc::ok;
    }
    [[nodiscard]] std::uint64_t mask() const { return world::mask_of(block(home.first, home.order)); }
};

explorer::program take(source& from, unsigned order) {
    return [&from, order] {
        const auto got = from.allocate({.order = order});
        if (!got) return outcome{0, code(got.error())};
        return outcome{world::mask_of(block(*got, order)), code(errc::ok)};
    };
}
explorer::program give(source& to, range<> frames_of_block, unsigned order) {
    return [&to, frames_of_block, order] {
        const errc answer = to.free(frames_of_block.first, order);
        return outcome{answer == errc::ok ? 0 : world::mask_of(frames_of_block), code(answer)};
    };
}
/// Empties the first line, in which a user has a block.
explorer::program empty(source& memory, used_block<> home) {
    return [&memory, home] {
        one_user user{home};
        evacuation<source> emptied(memory);
        errc answer = emptied.begin(line);
        if (answer == errc::ok) answer = emptied.evacuate(allocated_destination<source>{memory}, user);
        // Empty, and nobody gets it: it is taken as a whole, and given back.
        if (answer == errc::ok) answer = memory.allocate_at(line);
        if (answer == errc::ok) answer = memory.free(line.first, 2);
        emptied.end();
        return outcome{user.mask(), code(answer)};
    };
}

void run(const char* name, world& w, const std::vector<explorer::program>& programs,
         const judgement_of_results& judge, std::uint32_t deviations = no_bound) {
    explore_weak(name, {reinterpret_cast<std::byte*>(&w.shared), sizeof w.shared}, programs, judge, {},
                 deviations);
}

TEST_CASE("a line is emptied while a frame is taken: it is empty, or something in it is not the mover's") {
    world w;
    REQUIRE(w.memory.allocate_at({{8}, 1}) == errc::ok);
    run(
        "a line emptied, a frame taken", w, {empty(w.memory, {{8}, 0}), take(w.memory, 0)},
        [&](const std::vector<outcome>& results) -> std::string {
            const bool taken_there = (results[1][held] & world::mask_of(line)) != 0;
            const bool emptied = results[0][told] == code(errc::ok);
            if (emptied && (results[0][held] & world::mask_of(line)) != 0)
                return "the user's block did not move";
            if (!emptied && !taken_there && results[0][told] != code(errc::busy))
                return "not emptied for no reason";
            return w.judge(results);
        },
        3);
}

TEST_CASE("a line is emptied while a block of it is freed") {
    world w;
    REQUIRE(w.memory.allocate_at({{8}, 4}) == errc::ok);
    run(
        "a line emptied, the other half freed", w, {empty(w.memory, {{8}, 1}), give(w.memory, {{10}, 2}, 1)},
        [&](const std::vector<outcome>& results) -> std::string {
            if (results[1][told] != code(errc::ok)) return "a right free refused";
            return w.judge(results);
        },
        3);
}

explorer::program note(failures& list, frame<> f) {
    return [&list, f] { return outcome{0, code(list.note(f))}; };
}

TEST_CASE("two CPUs report errors at the same moment: each is listed once") {
    for (const frame<> other : {frame<>{8}, frame<>{9}}) {
        world w;
        failures list(w.memory, w.shared.errors);
        run("two errors reported", w, {note(list, {8}), note(list, other)},
            [&](const std::vector<outcome>& results) -> std::string {
                if (results[0][told] != code(errc::ok) || results[1][told] != code(errc::ok))
                    return "refused";
                unsigned first = 0;
                unsigned all = 0;
                list.visit([&](frame<> f, retirement_state) {
                    first += f.number == 8 ? 1 : 0;
                    ++all;
                });
                return first == 1 && all == (other.number == 8 ? 1 : 2) ? "" : "not listed once";
            });
    }
}

TEST_CASE("a frame is retired while others take and report") {
    world w;
    REQUIRE(w.memory.allocate_at({{9}, 1}) == errc::ok);
    failures list(w.memory, w.shared.errors);
    REQUIRE(list.note({9}) == errc::ok);
    const auto work = [&] {
        one_user user{{{9}, 0}, &w};
        const errc answer = list.work(allocated_destination<source>{w.memory}, user);
        return outcome{user.mask(), code(answer)};
    };
    const auto retired = [&](const std::vector<outcome>& results) -> std::string {
        std::uint64_t kept = 0;
        list.visit([&](frame<> f, retirement_state state) {
            if (state == retirement_state::retired) kept |= world::mask_of({f, 1});
        });
        if (results[0][told] == code(errc::ok) && (kept & 2) == 0) return "not retired";
        return w.judge(results, kept);
    };
    run("a frame retired, another taken", w, {work, take(w.memory, 0)}, retired, 3);
    run("a frame retired, another reported", w, {work, note(list, {12})}, retired);
    const auto reset = [&] {
        std::uint64_t seen = 0;
        list.visit([&](frame<> f, retirement_state state) {
            if (f.number != 9 || state != retirement_state::retired) return;
            w.shared.bytes[9 - frames.first.number].set(0);
            seen = 1;
        });
        return outcome{0, code(errc::ok), seen};
    };
    run("a frame retired, who sees it resets the frame", w, {work, reset}, retired);
    // Somebody's, whom the mover does not know: it stays in use.
    REQUIRE(w.memory.allocate_at({{reported}, 1}) == errc::ok);
    const auto report = [&] {
        w.shared.record.set(1);
        return outcome{world::mask_of({{reported}, 1}), code(list.note({reported}))};
    };
    run("a frame retired, an error reported with a record", w, {work, report}, retired);
}

}  // namespace
