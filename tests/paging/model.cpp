// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random calls to a mapper of each format against a map of leaves, with a source of tables that fails at each
// allocation in turn: whenever a call fails, all tables are bit by bit as before.
#include <doctest/doctest.h>

#include <ashlar/paging/page_mapper.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "paging/any_tables.hpp"
#include "paging/formats.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

class paging_model {
    using spot = any_tables::spot;
    using leaf = any_leaf;

 public:
    paging_model(any_tables& tables, std::uint64_t seed)
        : random_(seed), rig_(tables), sizes_(tables.sizes()) {
        // Two corners of the address space, two blocks each where there are blocks, three pages each.
        const std::uint64_t half = std::uint64_t{1} << (sizes_.address_bits - 1);
        for (const std::uint64_t corner : {std::uint64_t{0}, half}) {
            for (std::uint64_t block = 0; block < 2; ++block) {
                for (std::uint64_t page = 0; page < 3; ++page) {
                    const std::uint64_t at = corner | block << shift_of(1) | page << sizes_.page_shift;
                    addresses_.push_back(rig_.canonical(at));
                }
            }
        }
    }

    void run(unsigned steps) {
        for (unsigned i = 0; i < steps; ++i) {
            step();
            if (i % 64 == 0) compare();
        }
        compare();
        REQUIRE(rig_.release() == errc::ok);
        REQUIRE(rig_.frames_used() == 0);
        REQUIRE(rig_.validate() == errc::ok);
        for (unsigned call = 0; call < 7; ++call) REQUIRE((done_[call] > 0 || steps < 500));
    }

 private:
    [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
    [[nodiscard]] bool coin() { return below(2) == 0; }
    [[nodiscard]] unsigned shift_of(unsigned level) const {
        return sizes_.page_shift + level * sizes_.index_bits;
    }
    [[nodiscard]] std::uint64_t base_of(std::uint64_t address, unsigned level) const {
        return address >> shift_of(level) << shift_of(level);
    }
    [[nodiscard]] std::uint64_t some_frame(unsigned level) {
        const std::uint64_t all = ~std::uint64_t{0} >> (64 - sizes_.physical_bits + sizes_.page_shift);
        return base_of((random_() & all) << sizes_.page_shift, level) >> sizes_.page_shift;
    }
    /// Levels of leaves, pages most of the time.
    [[nodiscard]] unsigned some_level() {
        const auto level = static_cast<unsigned>(coin() ? 0 : below(3));
        return level < sizes_.levels && rig_.may_be_leaf(level) ? level : 0;
    }

    /// What the verb has to answer for a leaf wanted at a level: `ok` if it is there.
    [[nodiscard]] errc finds(std::uint64_t address, unsigned level) const {
        for (unsigned above = sizes_.levels; above-- > 0;) {
            if (!leaves_.contains({above, base_of(address, above)})) continue;
            return above == level ? errc::ok : above > level ? errc::misaligned : errc::not_owned;
        }
        return tables_.contains({level, base_of(address, level)}) ? errc::misaligned : errc::not_owned;
    }
    [[nodiscard]] errc finds_deep(std::uint64_t address, unsigned level) const {
        if (tables_.contains({level, base_of(address, level)})) return errc::misaligned;
        return finds(address, level);
    }
    /// Tables that are missing on the way to an entry that may be put there, or -1.
    [[nodiscard]] int room(std::uint64_t address, unsigned level, std::uint64_t payload) const {
        int missing = 0;
        for (unsigned above = sizes_.levels - 1; above > level; --above) {
            const spot here{above, base_of(address, above)};
            if (leaves_.contains(here) || absent_.contains(here)) return -1;
            missing += tables_.contains(here) ? 0 : 1;
        }
        const spot here{level, base_of(address, level)};
        if (leaves_.contains(here) || tables_.contains(here)) return -1;
        const auto said = absent_.find(here);
        if ((said == absent_.end() ? 0 : said->second) != payload) return -1;
        return missing;
    }
    void note_tables(std::uint64_t address, unsigned level) {
        for (unsigned above = sizes_.levels - 1; above > level; --above) {
            tables_.insert({above, base_of(address, above)});
        }
    }
    /// The call with a source that fails at each allocation that it needs in turn, then with one that works.
    template <class Call>
    void with_failures(int needed, errc expected, Call&& call) {
        for (int nth = 1; nth <= needed && expected == errc::ok; ++nth) {
            const auto before = rig_.dump();
            const std::uint64_t used = rig_.frames_used();
            rig_.fail(static_cast<std::uint64_t>(nth));
            REQUIRE(call() == errc::exhausted);
            REQUIRE(rig_.failed() == 1);
            rig_.fail(0);
            REQUIRE(rig_.dump() == before);
            REQUIRE(rig_.frames_used() == used);
            REQUIRE(rig_.invalidated().empty());
        }
        REQUIRE(call() == expected);
    }

    void step() {
        const std::uint64_t any = addresses_[static_cast<std::size_t>(below(addresses_.size()))];
        const unsigned level = some_level();
        const std::uint64_t address = base_of(any, level);
        const spot here{level, address};
        rig_.invalidated().clear();
        const auto which = static_cast<unsigned>(below(9));
        bool changes = false;  // an entry that was present
        errc answer = errc::ok;
        switch (which) {
            case 0:
            case 7:
                answer = map(address, level);
                break;
            case 1: {
                const std::uint64_t payload = coin() ? 0 : 1 + below(1000);
                answer = finds_deep(address, level);
                const auto last = rig_.unmap(address, level, payload);
                REQUIRE(last.error() == answer);
                if (!last) break;
                REQUIRE(rig_.read(*last, level) == leaves_.at(here));
                leaves_.erase(here);
                if (payload != 0) absent_[here] = payload;
                changes = true;
                break;
            }
            case 2: {
                const bool write = coin();
                const bool execute = coin();
                answer = finds_deep(address, level);
                REQUIRE(rig_.protect(address, level, write, execute) == answer);
                if (answer != errc::ok) break;
                leaf& known = leaves_.at(here);
                changes = known.write != write || known.execute != execute;
                known.write = write;
                known.execute = execute;
                adopt_dirty(here);
                break;
            }
            case 3: {
                answer = finds_deep(address, level);
                const std::uint64_t to = some_frame(level);
                const bool right = coin();
                const std::uint64_t from = answer == errc::ok && right ? leaves_.at(here).frame : 1;
                if (answer == errc::ok && from != leaves_.at(here).frame) answer = errc::busy;
                REQUIRE(rig_.re_point(address, from, to, level) == answer);
                if (answer != errc::ok) break;
                changes = from != to;
                leaves_.at(here).frame = to;
                break;
            }
            case 4:
                answer = split(address, level);
                changes = answer == errc::ok && rig_.invalidated().size() == 1;
                break;
            case 5: {
                const std::uint64_t payload = coin() ? 0 : 1 + below(1000);
                const auto said = absent_.find(here);
                const std::uint64_t instead_of = said != absent_.end() && below(4) != 0 ? said->second : 0;
                const int missing = room(address, level, instead_of);
                answer = missing < 0 ? errc::busy : errc::ok;
                with_failures(payload == 0 ? 0 : missing, answer,
                              [&] { return rig_.set_absent(address, payload, instead_of, level); });
                if (answer != errc::ok) break;
                if (payload != 0) note_tables(address, level);
                absent_.erase(here);
                if (payload != 0) absent_[here] = payload;
                break;
            }
            case 6:
                if (below(16) == 0) prune();
                break;
            default:
                hardware(address, level);
                break;
        }
        done_[which] += answer == errc::ok ? 1 : 0;
        if (which == 6) return;
        REQUIRE(rig_.invalidated().size() == (changes ? 1 : 0));
        if (changes) REQUIRE(rig_.invalidated()[0] == std::pair(address, level));
    }
    errc map(std::uint64_t address, unsigned level) {
        const spot here{level, address};
        const auto said = absent_.find(here);
        const std::uint64_t instead_of = said != absent_.end() && coin() ? said->second : 0;
        const leaf wanted{some_frame(level),
                          coin(),
                          coin(),
                          below(std::uint64_t{1} << sizes_.software_bits),
                          coin(),
                          coin()};
        const int missing = room(address, level, instead_of);
        const errc answer = missing < 0 ? errc::busy : errc::ok;
        with_failures(missing, answer, [&] { return rig_.map(address, level, wanted, instead_of); });
        if (answer != errc::ok) return answer;
        note_tables(address, level);
        absent_.erase(here);
        leaves_[here] = wanted;
        leaves_[here].accessed = wanted.accessed || rig_.read(rig_.at(address).entry, level).accessed;
        adopt_dirty(here);
        return answer;
    }
    /// Where dirty follows from the permissions, or was dropped with one of them.
    void adopt_dirty(const spot& here) {
        const auto e = rig_.at(here.second).entry;
        const bool follows = rig_.flagged(e, false, true) == e;
        const leaf read = rig_.read(e, here.first);
        if (follows || (read.write && !read.dirty)) leaves_[here].dirty = read.dirty;
    }
    errc split(std::uint64_t address, unsigned level) {
        const spot here{level, address};
        if (level == 0) {
            REQUIRE(rig_.split(address, level) == errc::unsupported);
            return errc::unsupported;
        }
        errc answer = finds_deep(address, level);
        const bool is_table = answer == errc::misaligned && tables_.contains(here);
        if (is_table) answer = errc::ok;
        with_failures(is_table ? 0 : 1, answer, [&] { return rig_.split(address, level); });
        if (answer != errc::ok || is_table) return answer;
        const leaf whole = leaves_.at(here);
        leaves_.erase(here);
        tables_.insert(here);
        for (std::uint64_t i = 0; i < std::uint64_t{1} << sizes_.index_bits; ++i) {
            leaf part = whole;
            part.frame += i << (level - 1) * sizes_.index_bits;
            leaves_[{level - 1, address + (i << shift_of(level - 1))}] = part;
        }
        return answer;
    }
    /// Tables without a leaf and a payload, from the pages up.
    void prune() {
        rig_.prune();
        std::size_t gone = 0;
        for (unsigned level = 1; level < sizes_.levels; ++level) {
            for (auto at = tables_.begin(); at != tables_.end();) {
                const auto within = [&](const spot& other) {
                    return other.first < level && base_of(other.second, level) == at->second;
                };
                bool empty = at->first == level;
                for (const auto& [place, _] : leaves_) empty = empty && !within(place);
                for (const auto& [place, _] : absent_) empty = empty && !within(place);
                gone += empty ? 1 : 0;
                at = empty ? tables_.erase(at) : std::next(at);
            }
        }
        REQUIRE(rig_.invalidated().size() == gone);
    }
    /// What a processor does when it reads, or writes where it may.
    void hardware(std::uint64_t address, unsigned level) {
        const spot here{level, address};
        if (!leaves_.contains(here)) return;
        leaf& known = leaves_.at(here);
        const auto e = rig_.flagged(rig_.at(address).entry, true, known.write && coin());
        rig_.poke(address, e);
        known.accessed = rig_.read(e, level).accessed;
        known.dirty = rig_.read(e, level).dirty;
    }

    void compare() const {
        const auto all = rig_.dump();
        REQUIRE(all.size() == leaves_.size() + absent_.size() + tables_.size());
        for (const auto& [place, e] : all) {
            if (const auto known = leaves_.find(place); known != leaves_.end()) {
                REQUIRE(rig_.is_leaf(e, place.first));
                REQUIRE(rig_.well_formed(e, place.first));
                REQUIRE(rig_.read(e, place.first) == known->second);
            } else if (rig_.is_present(e)) {
                REQUIRE(tables_.contains(place));
                REQUIRE(rig_.well_formed(e, place.first));
            } else {
                REQUIRE(absent_.at(place) == rig_.payload_of(e));
            }
        }
        REQUIRE(rig_.frames_used() == tables_.size() + (std::uint64_t{1} << sizes_.root_order));
        for (const std::uint64_t address : addresses_) {
            const auto found = rig_.at(address);
            const errc known = finds(address, found.level);
            REQUIRE(found.is_mapped == (known == errc::ok));
            if (!found.is_mapped) continue;
            const leaf& mapped = leaves_.at({found.level, base_of(address, found.level)});
            const std::uint64_t within = address - base_of(address, found.level);
            REQUIRE(found.target == mapped.frame + (within >> sizes_.page_shift));
        }
    }

    random_bits random_;
    any_tables& rig_;
    any_tables::figures sizes_;
    std::vector<std::uint64_t> addresses_;
    std::map<spot, leaf> leaves_;
    std::map<spot, std::uint64_t> absent_;
    std::set<spot> tables_;
    std::uint64_t done_[9] = {};
};

TEST_CASE("model: a mapper of each format is a map of leaves") {
    const unsigned times = std::getenv("ASHLAR_LONG") != nullptr ? 20 : 1;
    for_each_kind([&]<class Format>(const char* name) {
        CAPTURE(name);
        // Tables of 16 and 64 KiB have more entries to look at.
        const auto tables = std::make_unique<tables_of<Format>>();
        paging_model(*tables, 3).run((12000U >> (Format::index_bits - 9)) * times);
    });
}

}  // namespace
