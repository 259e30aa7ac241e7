// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/memory_map.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "firmware/random.hpp"
#include "firmware/setup.hpp"

namespace {

using ashlar::any_node;
using ashlar::errc;
using ashlar::frame;
using ashlar::memory_entry;
using ashlar::memory_kind;
using ashlar::memory_map;
using ashlar::node_id;
using ashlar::usable_run;
using firmware_tests::random;
using firmware_tests::rounds_of;
using firmware_tests::well_formed;
namespace attribute = ashlar::memory_attribute;

// The model describes a small address space unit by unit. A page is 4 units, so that ends of ranges are often
// inside of pages.
constexpr std::size_t units = 256;
constexpr unsigned unit_shift = 10;
constexpr unsigned page_shift = 12;
constexpr std::size_t units_in_page = 1u << (page_shift - unit_shift);

struct unit {
    memory_kind kind = memory_kind::none;
    bool mirrored = false;
    bool non_volatile = false;
    node_id node = any_node;
    bool hot_pluggable = false;
    bool unaccepted = false;

    bool operator==(const unit&) const = default;
};

struct statement {
    enum class verb { add, exclude, mirror, set_node, add_with_node, exclude_bytes } what = verb::add;
    std::size_t first = 0;
    std::size_t end = 0;
    memory_kind kind = memory_kind::none;
    std::uint8_t attributes = 0;
    node_id node = 0;
    bool hot_pluggable = false;
};

statement any_statement(random& choose) {
    statement s;
    s.what = static_cast<statement::verb>(choose.below(6));
    s.first = choose.below(units);
    s.end = s.first + 1 + choose.below(choose.one_in(3) ? units - s.first : 8);
    if (s.end > units) s.end = units;
    s.kind = choose.one_in(2) ? memory_kind::usable : static_cast<memory_kind>(choose.below(10));
    s.attributes = static_cast<std::uint8_t>(choose.one_in(4) ? choose.below(8) : 0);
    s.node = static_cast<node_id>(choose.below(3));
    s.hot_pluggable = choose.one_in(2);
    if (s.what == statement::verb::exclude) {
        s.first -= s.first % units_in_page;
        s.end += units_in_page - 1;
        s.end -= s.end % units_in_page;
    }
    return s;
}

errc tell(memory_map& map, const statement& s) {
    const std::uint64_t begin = std::uint64_t{s.first} << unit_shift;
    const std::uint64_t end = std::uint64_t{s.end} << unit_shift;
    switch (s.what) {
        case statement::verb::add:
            return map.add(begin, end, s.kind, s.attributes);
        case statement::verb::exclude:
            return map.exclude(
                ashlar::range<>::between(frame<>{begin >> page_shift}, frame<>{end >> page_shift}));
        case statement::verb::mirror:
            return map.mirror(begin, end);
        case statement::verb::set_node:
            return map.set_node(begin, end, s.node, s.hot_pluggable);
        case statement::verb::add_with_node: {
            const unsigned hot = s.hot_pluggable ? attribute::hot_pluggable : 0U;
            const unsigned others = s.attributes & ~unsigned{attribute::hot_pluggable};
            return map.add({begin, end, s.kind, static_cast<std::uint8_t>(hot | others), s.node});
        }
        case statement::verb::exclude_bytes:
            return map.exclude_bytes(begin, end);
    }
    return errc::invalid;
}

void describe(unit& u, const statement& s) {
    if (s.kind > u.kind) u.kind = s.kind;
    if ((s.attributes & attribute::mirrored) != 0) u.mirrored = true;
    if ((s.attributes & attribute::non_volatile) != 0) u.non_volatile = true;
}

/// The first claim stands, but one that is not hot-pluggable replaces one that is.
void claim(unit& u, const statement& s) {
    if (u.node != any_node && (!u.hot_pluggable || s.hot_pluggable)) return;
    u.node = s.node;
    u.hot_pluggable = s.hot_pluggable;
}

void tell(std::array<unit, units>& model, const statement& s) {
    for (std::size_t i = s.first; i < s.end; ++i) {
        unit& u = model[i];
        switch (s.what) {
            case statement::verb::add:
                describe(u, s);
                break;
            case statement::verb::exclude:
            case statement::verb::exclude_bytes:
                u.kind = memory_kind::excluded;
                break;
            case statement::verb::mirror:
                u.mirrored = true;
                break;
            case statement::verb::set_node:
                claim(u, s);
                break;
            case statement::verb::add_with_node:
                describe(u, s);
                claim(u, s);
                break;
        }
    }
}

/// What is done to the whole map when all tables were read.
enum class pass { reclaim, forget_mirror, use_unaccepted };

/// Two pages.
constexpr unsigned accepted_order = 1;

void run(memory_map& map, pass what) {
    switch (what) {
        case pass::reclaim:
            map.reclaim();
            break;
        case pass::forget_mirror:
            map.clear_attributes(attribute::mirrored);
            break;
        case pass::use_unaccepted:
            REQUIRE(map.use_unaccepted(accepted_order) == errc::ok);
            break;
    }
}

void run(std::array<unit, units>& model, pass what) {
    for (unit& u : model) {
        if (what == pass::reclaim && u.kind == memory_kind::acpi_reclaim) u.kind = memory_kind::usable;
        if (what == pass::forget_mirror) u.mirrored = false;
    }
    if (what != pass::use_unaccepted) return;
    constexpr std::size_t step = units_in_page << accepted_order;
    for (std::size_t i = 0; i < units; i += step) {
        bool whole = model[i].kind == memory_kind::unaccepted;
        for (std::size_t j = i + 1; j < i + step; ++j) whole = whole && model[j] == model[i];
        for (std::size_t j = i; whole && j < i + step; ++j) {
            model[j].kind = memory_kind::usable;
            model[j].unaccepted = true;
        }
    }
}

std::array<unit, units> units_of(const memory_map& map) {
    std::array<unit, units> described;
    for (const memory_entry& entry : map.entries()) {
        for (std::size_t i = entry.begin >> unit_shift; i < entry.end >> unit_shift; ++i) {
            described[i] = {
                entry.kind, entry.has(attribute::mirrored),      entry.has(attribute::non_volatile),
                entry.node, entry.has(attribute::hot_pluggable), entry.has(attribute::unaccepted)};
        }
    }
    return described;
}

/// Pages, each of which is usable when all its units are and agree in what a zone is cut by.
std::vector<usable_run> pages_of(const std::array<unit, units>& model) {
    std::vector<usable_run> pages;
    for (std::size_t i = 0; i < units; i += units_in_page) {
        const unit& u = model[i];
        bool whole = u.kind == memory_kind::usable;
        for (std::size_t j = i + 1; j < i + units_in_page; ++j) {
            whole = whole && model[j].kind == u.kind && model[j].mirrored == u.mirrored &&
                    model[j].node == u.node && model[j].hot_pluggable == u.hot_pluggable &&
                    model[j].unaccepted == u.unaccepted;
        }
        if (!whole) continue;
        pages.push_back({{frame<>{i / units_in_page}, 1}, u.node, u.mirrored, u.hot_pluggable, u.unaccepted});
    }
    return pages;
}

std::vector<usable_run> pages_of(const memory_map& map) {
    std::vector<usable_run> pages;
    map.for_each_usable([&](const usable_run& run) {
        for (std::uint64_t i = 0; i < run.frames.count; ++i) {
            pages.push_back(
                {{run.frames.first + i, 1}, run.node, run.mirrored, run.hot_pluggable, run.unaccepted});
        }
    });
    return pages;
}

TEST_CASE("random statements against a bitmap") {
    for (std::uint64_t seed = 1; seed <= rounds_of(400); ++seed) {
        random choose(seed);
        static memory_entry entries[units];
        memory_map map(ashlar::view<memory_entry>(entries), page_shift);
        std::array<unit, units> model;
        for (unsigned step = 0; step < 60; ++step) {
            const statement s = any_statement(choose);
            REQUIRE(tell(map, s) == errc::ok);
            tell(model, s);
            REQUIRE(well_formed(map));
            REQUIRE_MESSAGE(units_of(map) == model, "seed ", seed, " step ", step);
        }
        REQUIRE_MESSAGE(pages_of(map) == pages_of(model), "seed ", seed);
    }
}

TEST_CASE("random statements and passes over the whole map against a bitmap") {
    std::size_t lent = 0;
    for (std::uint64_t seed = 1; seed <= rounds_of(400); ++seed) {
        random choose(seed);
        static memory_entry entries[units];
        memory_map map(ashlar::view<memory_entry>(entries), page_shift);
        std::array<unit, units> model;
        for (unsigned step = 0; step < 60; ++step) {
            if (choose.one_in(6)) {
                const pass what = static_cast<pass>(choose.below(3));
                run(map, what);
                run(model, what);
                for (const unit& u : model) lent += u.unaccepted ? 1 : 0;
            } else {
                statement s = any_statement(choose);
                if (choose.one_in(4)) s.kind = memory_kind::unaccepted;
                REQUIRE(tell(map, s) == errc::ok);
                tell(model, s);
            }
            REQUIRE(well_formed(map));
            REQUIRE_MESSAGE(units_of(map) == model, "seed ", seed, " step ", step);
            REQUIRE_MESSAGE(pages_of(map) == pages_of(model), "seed ", seed, " step ", step);
        }
    }
    CHECK(lent > 0);
}

TEST_CASE("bytes of one fixed node, or of one window, are claimed alike in any order") {
    for (std::uint64_t seed = 1; seed <= rounds_of(400); ++seed) {
        random choose(seed);
        // One fixed claim for each byte at most, and windows of one other node: what the rule leaves no
        // choice about.
        std::vector<statement> statements;
        for (std::size_t first = 0; first + 16 <= units; first += 16) {
            statement s = any_statement(choose);
            s.what = statement::verb::set_node;
            s.first = first + choose.below(8);
            s.end = s.first + 1 + choose.below(8);
            s.hot_pluggable = false;
            statements.push_back(s);
        }
        for (unsigned i = 0; i < 10; ++i) {
            statement s = any_statement(choose);
            s.what = statement::verb::set_node;
            s.node = 7;
            s.hot_pluggable = true;
            statements.push_back(s);
        }
        std::vector<memory_entry> first;
        for (unsigned order = 0; order < 4; ++order) {
            for (std::size_t i = statements.size(); i > 1; --i) {
                std::swap(statements[i - 1], statements[choose.below(i)]);
            }
            static memory_entry entries[units];
            memory_map map(ashlar::view<memory_entry>(entries), page_shift);
            for (const statement& s : statements) REQUIRE(tell(map, s) == errc::ok);
            const std::vector<memory_entry> result(map.entries().begin(), map.entries().end());
            if (order == 0) first = result;
            REQUIRE_MESSAGE(result == first, "seed ", seed);
        }
    }
}

TEST_CASE("the order of statements without nodes does not matter") {
    for (std::uint64_t seed = 1; seed <= rounds_of(400); ++seed) {
        random choose(seed);
        std::vector<statement> statements;
        for (unsigned i = 0; i < 30; ++i) {
            const statement s = any_statement(choose);
            const bool claims =
                s.what == statement::verb::set_node || s.what == statement::verb::add_with_node;
            if (!claims) statements.push_back(s);
        }
        std::vector<memory_entry> first;
        for (unsigned order = 0; order < 4; ++order) {
            for (std::size_t i = statements.size(); i > 1; --i) {
                std::swap(statements[i - 1], statements[choose.below(i)]);
            }
            static memory_entry entries[units];
            memory_map map(ashlar::view<memory_entry>(entries), page_shift);
            for (const statement& s : statements) REQUIRE(tell(map, s) == errc::ok);
            const std::vector<memory_entry> result(map.entries().begin(), map.entries().end());
            if (order == 0) first = result;
            REQUIRE_MESSAGE(result == first, "seed ", seed);
        }
    }
}

TEST_CASE("a map of any capacity gains no memory and no mirror") {
    for (std::uint64_t seed = 1; seed <= rounds_of(1000); ++seed) {
        random choose(seed);
        static memory_entry entries[units];
        const std::size_t capacity = choose.below(12);
        memory_map map(ashlar::view<memory_entry>(entries, capacity), page_shift);
        std::array<unit, units> model;
        bool complete = true;
        for (unsigned step = 0; step < 60; ++step) {
            const statement s = any_statement(choose);
            const errc answer = tell(map, s);
            REQUIRE((answer == errc::ok || answer == errc::limit));
            complete = complete && answer == errc::ok;
            tell(model, s);
            REQUIRE(well_formed(map));
            const std::array<unit, units> described = units_of(map);
            if (complete) {
                REQUIRE_MESSAGE(described == model, "seed ", seed, " step ", step);
                continue;
            }
            for (std::size_t i = 0; i < units; ++i) {
                // Nothing that was said against a byte is forgotten or softened.
                if (capacity > 0 && model[i].kind > memory_kind::usable) {
                    REQUIRE_MESSAGE(described[i].kind >= model[i].kind, "seed ", seed, " step ", step);
                }
                if (described[i].kind != memory_kind::usable) continue;
                REQUIRE_MESSAGE(model[i].kind == memory_kind::usable, "seed ", seed, " step ", step, " unit ",
                                i);
                if (described[i].mirrored) REQUIRE(model[i].mirrored);
            }
        }
    }
}

}  // namespace
