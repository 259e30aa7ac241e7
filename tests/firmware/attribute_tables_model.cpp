// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/cedt.hpp>
#include <ashlar/firmware/e820.hpp>
#include <ashlar/firmware/hmat.hpp>
#include <ashlar/firmware/linux_memmap.hpp>
#include <ashlar/firmware/nfit.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "firmware/byte_writer.hpp"
#include "firmware/random.hpp"
#include "firmware/setup.hpp"

// Random tables of memory beside the memory map, against models that know one unit or one pair at a time.
namespace {

using ashlar::access_performance;
using ashlar::any_node;
using ashlar::errc;
using ashlar::memory_entry;
using ashlar::memory_kind;
using ashlar::node_id;
using firmware_tests::byte_writer;
using firmware_tests::random;
using firmware_tests::rounds_of;
using firmware_tests::setup;
using firmware_tests::well_formed;

/// What is true of one unit of 256 MiB.
struct unit_state {
    memory_kind kind = memory_kind::none;
    node_id node = any_node;
    bool hot = false;

    [[nodiscard]] friend bool operator==(const unit_state&, const unit_state&) = default;
};

constexpr std::uint64_t unit = std::uint64_t{256} << 20;
constexpr std::size_t units = 48;
using address_space = std::array<unit_state, units>;

address_space states_of(const ashlar::memory_map& map) {
    address_space states;
    for (const memory_entry& entry : map.entries()) {
        for (std::uint64_t at = entry.begin; at < entry.end; at += unit) {
            states[at / unit] = {entry.kind, entry.node, entry.has(ashlar::memory_attribute::hot_pluggable)};
        }
    }
    return states;
}

/// What a window does to a model: backwards, so that the claim behind is known.
void fill_window(address_space& states, std::size_t begin, std::size_t end, node_id& next_node) {
    node_id behind = any_node;
    for (std::size_t at = begin; at < end; ++at) {
        if (states[at].node != any_node) behind = states[at].node;  // the last one in the end
    }
    if (behind == any_node) behind = next_node++;
    for (std::size_t at = end; at-- > begin;) {
        if (states[at].node == any_node) {
            states[at].node = behind;
            states[at].hot = true;
        } else {
            behind = states[at].node;
        }
    }
}

TEST_CASE("windows go to the claims in them, unit by unit") {
    for (std::uint64_t seed = 1; seed <= rounds_of(1500); ++seed) {
        random choose(seed);
        setup s;
        for (const std::uint32_t domain : {0u, 1u, 2u}) REQUIRE(s.nodes.add(domain).has_value());
        for (std::uint64_t i = choose.below(6); i > 0; --i) {
            const std::uint64_t begin = choose.below(units);
            const std::uint64_t end = begin + 1 + choose.below(std::min<std::uint64_t>(8, units - begin));
            const auto node = static_cast<node_id>(choose.below(3));
            if (choose.one_in(2)) {
                REQUIRE(s.map.set_node(begin * unit, end * unit, node, choose.one_in(2)) == errc::ok);
            } else {
                REQUIRE(s.map.add(begin * unit, end * unit,
                                  choose.one_in(2) ? memory_kind::usable : memory_kind::reserved) ==
                        errc::ok);
            }
        }
        address_space model = states_of(s.map);
        byte_writer bytes;
        bytes.cedt();
        node_id next_node = 3;
        for (std::uint64_t i = choose.below(4); i > 0; --i) {
            const std::uint64_t begin = choose.below(units);
            const std::uint64_t end = begin + 1 + choose.below(std::min<std::uint64_t>(16, units - begin));
            bytes.window(begin * unit, (end - begin) * unit);
            fill_window(model, begin, end, next_node);
        }
        bytes.seal();
        REQUIRE(ashlar::read_cedt(bytes.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        REQUIRE(well_formed(s.map));
        REQUIRE_MESSAGE(states_of(s.map) == model, "seed ", seed);
        REQUIRE(s.nodes.node_count() == next_node);
    }
}

TEST_CASE("no range of an NFIT is memory, whoever is read first") {
    for (std::uint64_t seed = 1; seed <= rounds_of(1000); ++seed) {
        random choose(seed);
        struct range {
            std::uint64_t begin;
            std::uint64_t length;
            unsigned type;
        };
        const firmware_tests::range_guid types[] = {firmware_tests::persistent_range,
                                                    firmware_tests::control_range,
                                                    firmware_tests::volatile_range,
                                                    {static_cast<std::uint32_t>(seed), 2, 3, 4}};
        std::vector<range> ranges(choose.below(8));
        byte_writer nfit;
        nfit.nfit();
        for (range& one : ranges) {
            one = {choose.below(0x1000) * 0x800, choose.below(0x200) * 0x800,
                   static_cast<unsigned>(choose.below(4))};
            nfit.nfit_range(types[one.type], one.begin, one.length, 0,
                            static_cast<unsigned>(choose.below(4)));
        }
        nfit.seal();
        byte_writer e820;
        e820.e820(0, 0x600000, 1).e820(0x600000, 0x100000, 2).e820(0x700000, 0x400000, 1);
        setup s;
        REQUIRE(s.nodes.add(0).has_value());
        const bool nfit_first = choose.one_in(2);
        if (!nfit_first) REQUIRE(ashlar::read_e820(e820.bytes(), 20, s.map, s.defects) == errc::ok);
        REQUIRE(ashlar::read_nfit(nfit.bytes(), s.map, s.nodes, s.defects) == errc::ok);
        if (nfit_first) REQUIRE(ashlar::read_e820(e820.bytes(), 20, s.map, s.defects) == errc::ok);
        REQUIRE(well_formed(s.map));
        for (std::uint64_t at = 0; at < 0xc00000; at += 0x800) {
            memory_kind expected = memory_kind::none;
            if (at < 0xb00000) expected = memory_kind::usable;
            if (at >= 0x600000 && at < 0x700000) expected = memory_kind::reserved;
            for (const range& one : ranges) {
                if (at < one.begin || at - one.begin >= one.length || one.type == 2) continue;
                expected =
                    std::max(expected, one.type == 0 ? memory_kind::persistent : memory_kind::reserved);
            }
            REQUIRE_MESSAGE(firmware_tests::kind_at(s.map, at) == expected, "seed ", seed, " at ", at);
        }
    }
}

struct told {
    /// Latency of reads and writes, bandwidth of reads and writes; each as told of that way alone, of both,
    /// and the same two of some transfers only.
    std::uint64_t figures[4][4]{};
    bool unreachable = false;

    [[nodiscard]] std::uint64_t figure(unsigned which) const {
        for (const std::uint64_t one : figures[which]) {
            if (one != 0) return one;
        }
        return 0;
    }
};

TEST_CASE("figures of random matrices, pair by pair") {
    for (std::uint64_t seed = 1; seed <= rounds_of(1500); ++seed) {
        random choose(seed);
        setup s;
        const auto nodes = static_cast<std::uint32_t>(1 + choose.below(4));
        for (std::uint32_t node = 0; node < nodes; ++node) REQUIRE(s.nodes.add(node * 3).has_value());
        const bool tenths = choose.one_in(3);
        byte_writer bytes;
        bytes.hmat(tenths ? 1 : 2);
        std::map<std::pair<std::uint32_t, std::uint32_t>, told> model;
        for (std::uint64_t i = choose.below(8); i > 0; --i) {
            const std::uint64_t rows = 1 + choose.below(3);
            const std::uint64_t columns = 1 + choose.below(3);
            const std::uint64_t type = choose.below(6);
            const std::uint64_t base = 1 + choose.below(choose.one_in(2) ? 20 : 5000);
            const std::uint64_t flags = choose.one_in(4) ? 0x10 * (1 + choose.below(3)) : 0;
            bytes.u16(1).u16(0).u32(32 + 4 * (rows + columns) + 2 * rows * columns);
            bytes.u8(flags).u8(type).u16(0).u32(rows).u32(columns).u32(0).u64(base);
            std::vector<std::uint32_t> domains;
            for (std::uint64_t list = 0; list < rows + columns; ++list) {
                domains.push_back(static_cast<std::uint32_t>(choose.below(5) * 3));
                bytes.u32(domains.back());
            }
            for (std::uint64_t row = 0; row < rows; ++row) {
                for (std::uint64_t column = 0; column < columns; ++column) {
                    const std::uint64_t entry =
                        choose.one_in(4) ? 0xffff * choose.below(2) : choose.below(900);
                    bytes.u16(entry);
                    const std::uint32_t from = domains[row];
                    const std::uint32_t to = domains[rows + column];
                    if (from / 3 >= nodes || to / 3 >= nodes || entry == 0) continue;
                    told& pair = model[{from / 3, to / 3}];
                    if (entry == 0xffff) {
                        pair.unreachable = true;
                        continue;
                    }
                    std::uint64_t figure = entry * base;
                    if (tenths) figure = type < 3 ? figure * 100 : (figure + 9) / 10;
                    for (std::uint64_t way = 0; way < 2; ++way) {
                        const bool meant = type % 3 == 0 || type % 3 == way + 1;
                        const unsigned told_as = (flags != 0 ? 2 : 0) + (type % 3 == 0 ? 1 : 0);
                        std::uint64_t& known = pair.figures[type / 3 * 2 + way][told_as];
                        if (meant && known == 0) known = figure;
                    }
                }
            }
        }
        bytes.seal();
        REQUIRE(ashlar::read_hmat(bytes.bytes(), s.nodes, s.performance, s.defects) == errc::ok);
        REQUIRE_MESSAGE(s.performance.pairs().size() == model.size(), "seed ", seed);
        for (const auto& [nodes_of_pair, pair] : model) {
            const access_performance ours = s.performance.between(static_cast<node_id>(nodes_of_pair.first),
                                                                  static_cast<node_id>(nodes_of_pair.second));
            const bool same = ours.read_latency == pair.figure(0) && ours.write_latency == pair.figure(1) &&
                              ours.read_bandwidth == pair.figure(2) &&
                              ours.write_bandwidth == pair.figure(3) && ours.unreachable == pair.unreachable;
            REQUIRE_MESSAGE(same, "seed ", seed);
        }
    }
}

TEST_CASE("a listing of sysfs says what the E820 table says, in any order") {
    for (std::uint64_t seed = 1; seed <= rounds_of(500); ++seed) {
        random choose(seed);
        const char* const names[] = {"System RAM", "Reserved", "ACPI Tables", "ACPI Non-volatile Storage"};
        byte_writer bytes;
        std::vector<std::string> lines;
        for (std::uint64_t i = 1 + choose.below(20); i > 0; --i) {
            const std::uint64_t begin = choose.below(1000) * 0x400;
            const std::uint64_t length = (1 + choose.below(200)) * 0x400;
            const std::uint64_t type = choose.below(4);
            bytes.e820(begin, length, static_cast<std::uint32_t>(type + 1));
            char line[96];
            std::snprintf(line, sizeof line, "%zu 0x%llx 0x%llx %s\n", lines.size(),
                          static_cast<unsigned long long>(begin),
                          static_cast<unsigned long long>(begin + length - 1), names[type]);
            lines.emplace_back(line);
        }
        std::string listing;
        while (!lines.empty()) {
            const auto at = static_cast<std::ptrdiff_t>(choose.below(lines.size()));
            listing += lines[static_cast<std::size_t>(at)];
            lines.erase(lines.begin() + at);
        }
        setup binary;
        setup sysfs;
        REQUIRE(ashlar::read_e820(bytes.bytes(), 20, binary.map, binary.defects) == errc::ok);
        REQUIRE(ashlar::read_linux_memmap({listing.data(), listing.size()}, sysfs.map, sysfs.defects) ==
                errc::ok);
        const std::vector<memory_entry> a(binary.map.entries().begin(), binary.map.entries().end());
        const std::vector<memory_entry> b(sysfs.map.entries().begin(), sysfs.map.entries().end());
        REQUIRE_MESSAGE(a == b, "seed ", seed);
    }
}

}  // namespace
