// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving, with weak memory, of readers of a table of remapped frames and its writer: whoever
// looks for an origin that is mapped finds it, wherever its entry goes meanwhile, and its data with it.
#include <doctest/doctest.h>

#include <ashlar/migrate/remap_hash.hpp>
#include <ashlar/migrate/remap_table.hpp>
#include <initializer_list>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "interleaving/run.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

constexpr range<os> origins{{16}, 64};
constexpr range<> targets{{64}, 8};
constexpr std::size_t capacity = 4;

/// Two cells a line, three levels of lines below each of eight cells of the root.
constexpr remap_shape tiny{.filter_order = 2, .word_bits = 64, .line_order = 1};
using tree = remap_table<stepped_platform, tiny>;
using hash = remap_hash<stepped_platform, tiny>;

/// What a reader found: a target's place + 1.
constexpr std::uint64_t nothing = 0;
constexpr std::size_t busy_calls = 3;

template <class Table>
struct world {
    static constexpr std::size_t words = Table::metadata_words(origins, targets, capacity);
    struct alignas(64) shared_words {
        typename Table::word words[world::words] = {};
        /// The bytes of the targets: their writer's until the mapping, then the reader's.
        owned_cell<std::uint8_t> bytes[targets.count];
        /// Those of one origin: the writer's until he unmaps it.
        owned_cell<std::uint8_t> home;
    };
    shared_words shared;
    Table table;

    explicit world(std::initializer_list<std::uint64_t> mapped) {
        REQUIRE(table.attach(origins, targets, capacity, shared.words) == errc::ok);
        std::uint64_t target = 0;
        for (const std::uint64_t each : mapped) REQUIRE(assign(each, target++) == errc::ok);
    }
    errc assign(std::uint64_t origin, std::uint64_t target) {
        return table.assign({origin}, targets.first + target);
    }
    /// Copies, then maps.
    errc move(std::uint64_t origin, std::uint64_t target) {
        shared.bytes[target].set(1);
        return assign(origin, target);
    }
    [[nodiscard]] std::uint64_t find(std::uint64_t origin) const {
        const auto found = table.find({origin});
        return found ? found->number - targets.first.number + 1 : nothing;
    }
};
template <class World>
explorer::program reader(const World& w, std::uint64_t origin) {
    return [&w, origin] { return outcome{w.find(origin)}; };
}
/// Looks twice; uses what it finds the second time.
template <class World>
explorer::program user(World& w, std::uint64_t origin) {
    return [&w, origin] {
        const std::uint64_t first = w.find(origin);
        const std::uint64_t second = w.find(origin);
        if (second != nothing) (void)w.shared.bytes[second - 1].get();
        return outcome{first, second};
    };
}

template <class World>
void run(const std::string& name, World& w, const std::vector<explorer::program>& programs,
         const judgement_of_results& judge) {
    explore_weak(name.c_str(), {reinterpret_cast<std::byte*>(&w.shared), sizeof w.shared}, programs, judge,
                 {});
}
/// The first program found one of these.
judgement_of_results finds(std::initializer_list<std::uint64_t> targets_or_nothing) {
    return [allowed = std::vector<std::uint64_t>(targets_or_nothing)](const std::vector<outcome>& results) {
        for (const std::uint64_t each : allowed) {
            if (results[0][0] == each) return std::string();
        }
        return "found " + std::to_string(results[0][0]);
    };
}
std::uint64_t code(errc error) {
    return static_cast<std::uint64_t>(error);
}

/// Mapped or not, and restored, the data are where the reader is sent.
template <class Table>
void explore_moves(const std::string& kind) {
    {
        world<Table> w({16});
        run(kind + ": mapped elsewhere, seen twice, used", w,
            {user(w, 16), [&w] { return outcome{code(w.move(16, 5))}; }},
            [](const std::vector<outcome>& results) -> std::string {
                const auto [first, second] = std::pair(results[0][0], results[0][1]);
                if (first == 6 && second == 1) return "the old target after the new one";
                return (first == 1 || first == 6) && (second == 1 || second == 6) ? "" : "neither target";
            });
    }
    {
        world<Table> w({20});
        run(kind + ": mapped for the first time, used", w,
            {user(w, 16), [&w] { return outcome{code(w.move(16, 5))}; }},
            [](const std::vector<outcome>& results) -> std::string {
                const auto [first, second] = std::pair(results[0][0], results[0][1]);
                if (first == 6 && second == nothing) return "gone again";
                return (first == nothing || first == 6) && (second == nothing || second == 6)
                           ? ""
                           : "another target";
            });
    }
    for (const bool alone : {true, false}) {
        // What unmaps it is the filter, or its cell.
        world<Table> w({16});
        if (!alone) REQUIRE(w.assign(18, 1) == errc::ok);
        run(kind + (alone ? ": restored, used where it was" : ": restored, another one stays"), w,
            {[&w] {
                 const std::uint64_t found = w.find(16);
                 if (found == nothing) (void)w.shared.home.get();
                 return outcome{found};
             },
             [&w] {
                 w.shared.home.set(1);
                 return outcome{code(w.table.erase({16}))};
             }},
            finds({nothing, 1}));
    }
    {
        // The same word of the filter is stored to for another one.
        world<Table> w({16});
        run(kind + ": restored, then another one mapped", w,
            {[&w] {
                 const std::uint64_t found = w.find(16);
                 if (found == nothing) (void)w.shared.home.get();
                 return outcome{found};
             },
             [&w] {
                 w.shared.home.set(1);
                 const errc answer = w.table.erase({16});
                 return outcome{code(answer), code(w.assign(70, 5))};
             }},
            finds({nothing, 1}));
    }
    {
        world<Table> w({17});
        run(kind + ": mapped, another one goes", w,
            {user(w, 16),
             [&w] {
                 const errc answer = w.move(16, 5);
                 return outcome{code(answer), code(w.table.erase(frame<os>{17}))};
             }},
            finds({nothing, 6}));
    }
    {
        world<Table> w({16, 17});
        run(kind + ": two writers", w,
            {[&w] { return outcome{code(w.assign(18, 4))}; },
             [&w] { return outcome{code(w.table.erase(frame<os>{17}))}; }},
            [&w](const std::vector<outcome>& results) -> std::string {
                const bool mapped = results[0][0] == code(errc::ok);
                const bool erased = results[1][0] == code(errc::ok);
                if (!mapped && results[0][0] != code(errc::busy)) return "an error that cannot be";
                if (!erased && results[1][0] != code(errc::busy)) return "an error that cannot be";
                if (!mapped && !erased) return "nobody had his turn";
                if (w.find(16) != 1 || w.find(17) != (erased ? nothing : 2)) return "the wrong one is gone";
                if (w.find(18) != (mapped ? 5U : nothing)) return "not what was answered";
                return w.table.size() == 2U + (mapped ? 1U : 0U) - (erased ? 1U : 0U) ? "" : "miscounted";
            });
    }
}

TEST_CASE("a tree: mappings change by one store") {
    explore_moves<tree>("tree");
}
TEST_CASE("a hash: mappings change by one store") {
    explore_moves<hash>("hash");
}

TEST_CASE("a tree: what is mapped is found while lines come above it and go") {
    for (const std::uint64_t other : {17U, 18U, 23U}) {
        world<tree> w({16});
        run("tree: a line for 16 and " + std::to_string(other), w,
            {reader(w, 16), [&w, other] { return outcome{code(w.assign(other, 5))}; }}, finds({1}));
    }
    for (const std::uint64_t other : {17U, 21U}) {
        world<tree> w({16, other});
        run("tree: " + std::to_string(other) + " goes", w,
            {reader(w, 16), [&w, other] { return outcome{code(w.table.erase(frame<os>{other}))}; }},
            finds({1}));
    }
    {
        // 16 and 17 keep their line, and get another one above it.
        world<tree> w({16, 17});
        run("tree: a line above a line", w, {reader(w, 17), [&w] { return outcome{code(w.assign(19, 5))}; }},
            finds({2}));
    }
    {
        world<tree> w({16, 17, 19});
        run("tree: the line above a line goes", w,
            {reader(w, 17), [&w] { return outcome{code(w.table.erase(frame<os>{19}))}; }}, finds({2}));
    }
}

/// Erases, so that a line is free, and has it used again at once.
template <class World>
explorer::program use_again(World& w, std::uint64_t goes, std::uint64_t comes, unsigned times) {
    return [&w, goes, comes, times] {
        std::uint64_t refused = 0;
        for (unsigned i = 0; i < times; ++i) {
            if (w.table.erase({i % 2 == 0 ? goes : comes}) != errc::ok) break;
            if (w.assign(i % 2 == 0 ? comes : goes, 5) == errc::ok) continue;
            ++refused;
            break;
        }
        return outcome{0, 0, 0, refused};
    };
}
std::string busy_or_not(const std::vector<outcome>& results, std::uint64_t expected, bool* seen_busy) {
    *seen_busy = *seen_busy || results[1][busy_calls] != 0;
    return results[0][0] == expected ? "" : "found " + std::to_string(results[0][0]);
}

TEST_CASE("a tree: a line that is used again under a reader") {
    bool busy = false;
    {
        // The line of 16 and 17 becomes that of 40 and 41.
        world<tree> w({16, 17, 40});
        run("tree: the line of 16 becomes another's", w, {reader(w, 16), use_again(w, 17, 41, 1)},
            [&](const auto& results) { return busy_or_not(results, 1, &busy); });
        run("tree: the line of 40 was another's", w, {reader(w, 40), use_again(w, 17, 41, 1)},
            [&](const auto& results) { return busy_or_not(results, 3, &busy); });
        run("tree: 41 comes into a line that was another's", w, {reader(w, 41), use_again(w, 17, 41, 1)},
            finds({nothing, 6}));
        run("tree: 17 goes, its line becomes another's", w, {reader(w, 17), use_again(w, 17, 41, 1)},
            finds({nothing, 2}));
        CHECK(!busy);
    }
    {
        // A line in the midst becomes one of another cell, while what was below it comes up.
        world<tree> w({16, 17, 20});
        run("tree: a line above a line becomes another's", w, {reader(w, 17), use_again(w, 20, 21, 2)},
            finds({2}));
        run("tree: a line below a line becomes another's", w, {reader(w, 20), use_again(w, 17, 22, 2)},
            finds({3}));
    }
    {
        // Often enough for the reader to say that he is overtaken.
        world<tree> w({16, 17, 40});
        run("tree: a line used again and again", w, {reader(w, 16), use_again(w, 17, 41, 5)},
            [&](const auto& results) { return busy_or_not(results, 1, &busy); });
        CHECK(busy);
        // Two at once, each of whom may be overtaken.
        run("tree: two readers, a line used again and again", w,
            {reader(w, 16), reader(w, 40), use_again(w, 17, 41, 4)},
            [](const std::vector<outcome>& results) -> std::string {
                return results[0][0] == 1 && results[1][0] == 3 ? "" : "not found";
            });
    }
}

TEST_CASE("a hash: entries stay where they are, whatever goes before them") {
    // Of every four origins some share a slot.
    for (const auto& [first, second, third] :
         {std::tuple{16U, 17U, 18U}, {16U, 19U, 24U}, {18U, 21U, 26U}, {20U, 23U, 31U}, {17U, 25U, 30U}}) {
        const std::string names =
            std::to_string(first) + ", " + std::to_string(second) + ", " + std::to_string(third);
        for (const std::uint64_t stays : {first, second, third}) {
            world<hash> w({first, second, third});
            const std::uint64_t goes = stays == first ? second : first;
            run("hash: of " + names + " goes " + std::to_string(goes) + ", another one comes", w,
                {reader(w, stays), use_again(w, goes, 60, 2)},
                finds({stays == first    ? 1U
                       : stays == second ? 2U
                                         : 3U}));
        }
    }
}

/// Who lists a table finds what was mapped all the time, and where he is sent the data are.
template <class Table>
void explore_listing(const std::string& kind) {
    world<Table> w({16, 40});
    const auto list = [&w] {
        outcome seen{};
        w.table.for_each([&](frame<os> from, frame<machine> to) {
            const std::uint64_t target = to.number - targets.first.number;
            if (from.number == 16) ++seen[0];
            if (from.number == 40) seen[1] = target + 1;
            if (target >= 5) (void)w.shared.bytes[target].get();
        });
        return seen;
    };
    const auto judge = [](const std::vector<outcome>& results) -> std::string {
        if (results[1][0] != code(errc::ok)) return "not mapped";
        if (results[0][0] != 1) return "what stays is not found once";
        return results[0][1] == 2 || results[0][1] == 6 ? "" : "neither target";
    };
    run(kind + ": one mapped elsewhere, listed", w, {list, [&w] { return outcome{code(w.move(40, 5))}; }},
        judge);
    run(kind + ": a new one, listed", w, {list, [&w] { return outcome{code(w.move(41, 5))}; }},
        [](const std::vector<outcome>& results) -> std::string {
            if (results[1][0] != code(errc::ok)) return "not mapped";
            return results[0][0] <= 1 && (results[0][1] == 2 || results[0][1] == 0) ? "" : "another target";
        });
}
TEST_CASE("a tree: who lists it finds data") {
    explore_listing<tree>("tree");
    world<tree> line({16, 40, 41});
    const auto list = [&line] {
        outcome seen{};
        line.table.for_each([&](frame<os> from, frame<machine> to) {
            const std::uint64_t target = to.number - targets.first.number;
            if (from.number == 41) seen[0] = target + 1;
            if (target >= 5) (void)line.shared.bytes[target].get();
        });
        return seen;
    };
    run("tree: one of a line mapped elsewhere, listed", line,
        {list, [&line] { return outcome{code(line.move(41, 5))}; }}, finds({3, 6}));
}
TEST_CASE("a hash: who lists it finds data") {
    explore_listing<hash>("hash");
}

}  // namespace
