// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random histories of tables of remapped frames against std::map: every answer, and every frame.
#include <doctest/doctest.h>

#include <ashlar/testing/random_bits.hpp>
#include <map>

#include "migrate/remap_types.hpp"

namespace {

using namespace ashlar;
using namespace remap_tests;

/// How origins are chosen.
enum class spread { near, far, runs, clash };

struct setting {
    range<os> origins;
    range<> targets;
    std::size_t capacity;
    spread how;
};

class chooser {
 public:
    chooser(setting what, std::uint64_t seed) : what_(what), random_(seed) {}
    [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
    [[nodiscard]] frame<os> origin() {
        const std::uint64_t count = what_.origins.count;
        std::uint64_t place = below(count);
        switch (what_.how) {
            case spread::near:
                place = below(count < 64 ? count : 64);
                break;
            case spread::far:
                break;
            case spread::runs:
                place = (below(8) * (count / 8) + below(48)) % count;
                break;
            case spread::clash:
                // Few bits apart, everywhere in the number.
                place = ((std::uint64_t{1} << below(18)) ^ (std::uint64_t{1} << below(18))) % count;
                break;
        }
        return what_.origins.first + place;
    }
    [[nodiscard]] frame<> target() { return what_.targets.first + below(what_.targets.count); }

 private:
    setting what_;
    testing::random_bits random_;
};

template <class Table>
void compare(const Table& table, const std::map<std::uint64_t, std::uint64_t>& model) {
    std::map<std::uint64_t, std::uint64_t> told;
    bool twice = false;
    table.for_each([&](frame<os> origin, frame<> target) {
        twice = !told.emplace(origin.number, target.number).second || twice;
    });
    REQUIRE(!twice);
    REQUIRE(told == model);
}

template <class Table>
void run(setting what, std::uint64_t seed, unsigned steps) {
    attached<Table> with(what.origins, what.targets, what.capacity);
    REQUIRE(with.answer == errc::ok);
    Table& table = with.table;
    std::map<std::uint64_t, std::uint64_t> model;
    chooser choose(what, seed);
    bool fills = true;
    for (unsigned step = 0; step < steps; ++step) {
        if (model.size() == what.capacity) fills = false;
        if (model.empty()) fills = true;
        const frame<os> origin = choose.origin();
        const bool is_there = model.count(origin.number) != 0;
        if (choose.below(4) != 0 ? fills : !fills) {
            const frame<> target = choose.target();
            const bool full = model.size() == what.capacity && !is_there;
            REQUIRE(table.assign(origin, target) == (full ? errc::limit : errc::ok));
            if (!full) model[origin.number] = target.number;
        } else {
            REQUIRE(table.erase(origin) == (is_there ? errc::ok : errc::not_owned));
            model.erase(origin.number);
        }
        REQUIRE(table.size() == model.size());
        const frame<os> asked = choose.below(2) == 0 ? origin : choose.origin();
        const auto place = model.find(asked.number);
        const auto found = table.find(asked);
        REQUIRE(found.has_value() == (place != model.end()));
        if (found) REQUIRE(found->number == place->second);
        REQUIRE(table.translate(asked).number == (found ? place->second : asked.number));
        if (step % 256 == 0) compare(table, model);
    }
    compare(table, model);
    while (!model.empty()) {
        REQUIRE(table.erase({model.begin()->first}) == errc::ok);
        model.erase(model.begin());
    }
    compare(table, model);
    REQUIRE(table.detach() == errc::ok);
}

TEST_CASE_TEMPLATE("model: random histories", Table, ALL_REMAP_TABLES) {
    const setting settings[] = {
        {{{0}, 1}, {{0}, 1}, 1, spread::far},
        {{{3}, 50}, {{100}, 7}, 50, spread::far},
        {{{3}, 50}, {{100}, 7}, 80, spread::far},
        {{{1000}, 200000}, {{1 << 30}, 1000}, 1, spread::far},
        {{{1000}, 200000}, {{1 << 30}, 1000}, 40, spread::near},
        {{{1000}, 200000}, {{1 << 30}, 1000}, 300, spread::runs},
        {{{64}, 1 << 18}, {{0}, 4096}, 100, spread::clash},
        {{{5}, 262139}, {{9}, 4095}, 500, spread::far},
    };
    std::uint64_t seed = 1;
    for (const setting& each : settings) run<Table>(each, seed++, 3000);
}

// As many origins as a table holds find room, whichever they are: pairs that agree in all bits but the
// lowest, or but the highest of their cell.
TEST_CASE_TEMPLATE("model: a table holds as many as it says", Table, ALL_REMAP_TABLES) {
    constexpr range<os> origins{{0}, 1 << 18};
    for (const std::uint64_t apart :
         {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{37}, std::uint64_t{511}}) {
        for (const std::size_t capacity : {2U, 3U, 64U, 100U}) {
            attached<Table> with(origins, {{0}, 1024}, capacity);
            std::map<std::uint64_t, std::uint64_t> model;
            for (std::uint64_t i = 0; i < capacity; ++i) {
                const std::uint64_t origin = (i / 2) * (origins.count / capacity) + (i % 2) * apart;
                REQUIRE(with.table.assign({origin}, {i}) == errc::ok);
                model[origin] = i;
            }
            REQUIRE(with.table.assign({origins.count - 1}, {0}) == errc::limit);
            compare(with.table, model);
            // Again, after every other one went and other pairs came.
            for (std::uint64_t round = 0; round < 20; ++round) {
                const auto first = model.begin()->first;
                REQUIRE(with.table.erase({first}) == errc::ok);
                model.erase(first);
                const std::uint64_t origin = origins.count - 1 - round * apart;
                if (model.count(origin) != 0) break;
                REQUIRE(with.table.assign({origin}, {round}) == errc::ok);
                model[origin] = round;
            }
            compare(with.table, model);
        }
    }
}

}  // namespace
