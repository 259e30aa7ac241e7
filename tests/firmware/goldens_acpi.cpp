// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/cedt.hpp>
#include <ashlar/firmware/hmat.hpp>
#include <ashlar/firmware/nfit.hpp>
#include <ashlar/firmware/slit.hpp>
#include <ashlar/firmware/srat.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "firmware/dump.hpp"
#include "firmware/golden_text.hpp"
#include "firmware/setup.hpp"

// Every ACPI table of tests/data/firmware against its disassembly, or what the machine itself said.
namespace {

using ashlar::access_performance;
using ashlar::errc;
using ashlar::memory_entry;
using ashlar::node_id;
using firmware_tests::cells;
using firmware_tests::dump;
using firmware_tests::hex;
using firmware_tests::lines_of;
using firmware_tests::numbers_after;
using firmware_tests::setup;
using firmware_tests::stems;
using firmware_tests::text_of;

/// The fields of one structure of a disassembled table, by name; a list is a field that comes again.
struct structure {
    std::map<std::string, std::vector<std::string>> fields;

    [[nodiscard]] const std::vector<std::string>& all(const std::string& name) const {
        static const std::vector<std::string> none;
        const auto field = fields.find(name);
        return field == fields.end() ? none : field->second;
    }
    [[nodiscard]] std::string text(const std::string& name) const {
        return all(name).empty() ? "" : all(name).front();
    }
    [[nodiscard]] std::uint64_t number(const std::string& name) const {
        CAPTURE(name);
        REQUIRE(!text(name).empty());
        return hex(text(name));
    }
    [[nodiscard]] std::uint32_t domain(const std::string& name) const {
        return static_cast<std::uint32_t>(number(name));
    }
};

std::vector<structure> structures_of(const std::string& text) {
    std::vector<structure> found;
    for (const std::string& line : lines_of(text)) {
        const std::size_t colon = line.find(" : ");
        const std::size_t bracket = line.find(']') < colon ? line.find(']') + 1 : 0;
        const std::size_t begin = line.find_first_not_of(' ', bracket);
        if (colon == std::string::npos || begin >= colon) continue;
        const std::string name = line.substr(begin, colon - begin);
        if (name == "Subtable Type" || name == "Structure Type") found.emplace_back();
        if (!found.empty()) found.back().fields[name].push_back(line.substr(colon + 3));
    }
    return found;
}

/// A memory range of a disassembled SRAT.
struct memory_range {
    std::uint64_t begin;
    std::uint64_t end;
    node_id node;
    bool hot_pluggable;
    bool durable;

    [[nodiscard]] bool has(std::uint64_t at) const { return begin <= at && at < end; }
};

/// What a byte of memory is by all ranges that it lies in: a window for hot plug tells of what no other range
/// does.
memory_range at_byte(const std::vector<memory_range>& ranges, std::uint64_t at) {
    memory_range found{at, at + 1, ashlar::any_node, true, false};
    for (const bool hot : {false, true}) {
        for (const memory_range& one : ranges) {
            if (!one.has(at) || one.hot_pluggable != hot) continue;
            if (found.node == ashlar::any_node) found.node = one.node;
            found.durable = found.durable || one.durable;
            found.hot_pluggable = found.hot_pluggable && hot;
        }
    }
    return found;
}

void check_ranges(const setup& s, const std::vector<memory_range>& ranges) {
    for (const memory_range& one : ranges) {
        if (one.begin == one.end) continue;
        for (const std::uint64_t at : {one.begin, one.begin + (one.end - one.begin) / 2, one.end - 1}) {
            CAPTURE(at);
            const memory_range expected = at_byte(ranges, at);
            CHECK(s.map.any_of(at, at + 1, [&](const memory_entry& entry) {
                // A window may have durable memory inside.
                const bool window = entry.has(ashlar::memory_attribute::hot_pluggable);
                return entry.node == expected.node &&
                       (window == expected.hot_pluggable || one.hot_pluggable) &&
                       entry.has(ashlar::memory_attribute::non_volatile) == expected.durable;
            }));
        }
        CHECK_FALSE(s.map.any_of(one.begin, one.end, [](const memory_entry& entry) {
            return entry.kind != ashlar::memory_kind::none;  // an SRAT makes no memory
        }));
    }
}

/// The rows of a disassembled SLIT, one for each domain.
std::vector<std::vector<std::uint64_t>> rows_of_matrix(const std::string& disassembly) {
    std::vector<std::vector<std::uint64_t>> rows;
    for (const std::string& line : lines_of(disassembly)) {
        if (numbers_after(line, {"Locality "}).empty()) continue;
        rows.push_back(cells(line.substr(line.find(" : ") + 3)));
    }
    return rows;
}

TEST_CASE("SRAT: every table is what its disassembly says") {
    const std::vector<std::string> names = stems("acpi-", "-SRAT.bin");
    CHECK(names.size() >= 8);
    for (const std::string& name : names) {
        CAPTURE(name);
        setup s;
        CHECK(ashlar::read_srat(dump(name + "-SRAT.bin").bytes(), s.map, s.nodes, s.defects) == errc::ok);
        std::map<std::uint64_t, unsigned> processors;
        std::vector<memory_range> ranges;
        for (const structure& one : structures_of(text_of(name + "-SRAT.dsl"))) {
            if (one.text("Enabled") != "1") continue;
            const bool is_memory = one.text("Subtable Type").find("Memory") != std::string::npos;
            if (!is_memory) {
                const bool short_domain = !one.text("Proximity Domain Low(8)").empty();
                ++processors[one.number(short_domain ? "Proximity Domain Low(8)" : "Proximity Domain")];
                continue;
            }
            const std::uint64_t begin = one.number("Base Address");
            const auto node = s.nodes.node_of(one.domain("Proximity Domain"));
            REQUIRE(node != ashlar::any_node);
            ranges.push_back({begin, begin + one.number("Address Length"), node,
                              one.text("Hot Pluggable") == "1", one.text("Non-Volatile") == "1"});
        }
        check_ranges(s, ranges);
        CHECK(!ranges.empty());
        CHECK(!processors.empty());
        for (const auto& [domain, count] : processors) {
            CHECK(s.nodes.cpus(s.nodes.node_of(static_cast<std::uint32_t>(domain))) == count);
        }
    }
}

TEST_CASE("SLIT: every matrix is what its disassembly says") {
    const std::vector<std::string> names = stems("acpi-", "-SLIT.dsl");
    CHECK(names.size() >= 2);
    for (const std::string& name : names) {
        CAPTURE(name);
        setup s;
        CHECK(ashlar::read_srat(dump(name + "-SRAT.bin").bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(ashlar::read_slit(dump(name + "-SLIT.bin").bytes(), s.nodes, s.defects) == errc::ok);
        const std::vector<std::vector<std::uint64_t>> rows = rows_of_matrix(text_of(name + "-SLIT.dsl"));
        CHECK(rows.size() == s.nodes.node_count());
        for (std::uint32_t from = 0; from < rows.size(); ++from) {
            REQUIRE(rows[from].size() == rows.size());
            for (std::uint32_t to = 0; to < rows.size(); ++to) {
                CHECK(s.nodes.distance(s.nodes.node_of(from), s.nodes.node_of(to)) == rows[from][to]);
            }
        }
    }
}

/// What a table says of the ways from one domain to another. What is told of reads or writes alone comes
/// before what is told of both: that of both which is not so is reported, once for latencies, once for
/// bandwidths.
void check_figures(const setup& s, const std::vector<structure>& matrices) {
    std::map<std::pair<node_id, node_id>, access_performance> expected;
    std::set<std::uint64_t> contradicted;
    for (const bool alone : {false, true}) {  // what is written later stays
        for (const structure& one : matrices) {
            REQUIRE(one.number("Memory Hierarchy") == 0);
            const std::uint64_t type = one.number("Data Type");
            if ((type % 3 != 0) != alone) continue;
            const std::vector<std::string>& initiators = one.all("Initiator Proximity Domain List");
            const std::vector<std::string>& memories = one.all("Target Proximity Domain List");
            const std::vector<std::string>& entries = one.all("Entry");
            REQUIRE(initiators.size() == one.number("Initiator Proximity Domains #"));
            REQUIRE(memories.size() == one.number("Target Proximity Domains #"));
            REQUIRE(entries.size() == initiators.size() * memories.size());
            for (std::size_t i = 0; i < entries.size(); ++i) {
                if (hex(entries[i]) == 0) continue;
                REQUIRE(hex(entries[i]) != 0xffff);
                const std::uint64_t figure = hex(entries[i]) * one.number("Entry Base Unit");
                const node_id initiator =
                    s.nodes.node_of(static_cast<std::uint32_t>(hex(initiators[i / memories.size()])));
                const node_id memory =
                    s.nodes.node_of(static_cast<std::uint32_t>(hex(memories[i % memories.size()])));
                access_performance& pair = expected[{initiator, memory}];
                const auto tell = [&](std::uint64_t& known) {
                    if (known != 0 && known != figure) contradicted.insert(type / 3);
                    known = figure;
                };
                if (type == 0 || type == 1) tell(pair.read_latency);
                if (type == 0 || type == 2) tell(pair.write_latency);
                if (type == 3 || type == 4) tell(pair.read_bandwidth);
                if (type == 3 || type == 5) tell(pair.write_bandwidth);
            }
        }
    }
    CHECK(s.performance.pairs().size() == expected.size());
    for (auto& [nodes, pair] : expected) {
        pair.initiator = nodes.first;
        pair.memory = nodes.second;
        CHECK(s.performance.between(nodes.first, nodes.second) == pair);
    }
    std::size_t reported = 0;
    for (const ashlar::defect& one : s.defects) {
        if (one.source != ashlar::table::hmat) continue;
        ++reported;
        CHECK(one.kind == ashlar::defect_kind::overlap);
    }
    CHECK(reported == contradicted.size());
}

void check_hmat(const setup& s, const std::string& disassembly) {
    std::size_t attached = 0;
    std::size_t caches = 0;
    std::vector<structure> matrices;
    for (const structure& one : structures_of(disassembly)) {
        switch (one.number("Structure Type")) {
            case 0: {
                ++attached;
                REQUIRE(one.text("Processor Proximity Domain Valid") == "1");
                const node_id memory = s.nodes.node_of(one.domain("Memory Proximity Domain"));
                const node_id initiator = s.nodes.node_of(one.domain("Attached Initiator Proximity Domain"));
                CHECK(s.performance.attached_initiator(memory) == initiator);
                break;
            }
            case 1:
                matrices.push_back(one);
                break;
            default: {
                ++caches;
                const auto level = static_cast<std::uint8_t>(one.number("Cache Level"));
                const auto* const ours =
                    s.performance.cache(s.nodes.node_of(one.domain("Memory Proximity Domain")), level);
                REQUIRE(ours != nullptr);
                CHECK(ours->bytes == one.number("Memory Side Cache Size"));
                CHECK(ours->levels == one.number("Total Cache Levels"));
                CHECK(static_cast<unsigned>(ours->index) == one.number("Cache Associativity"));
                CHECK(static_cast<unsigned>(ours->write) == one.number("Write Policy"));
                CHECK(ours->line_bytes == one.number("Cache Line Size"));
                break;
            }
        }
    }
    CHECK(attached >= 3);
    CHECK(matrices.size() >= 2);
    check_figures(s, matrices);
    CHECK(caches == s.performance.caches().size());
    CHECK(caches > 0);
}

/// A machine's HMAT, after its SRAT.
void read_figures(setup& s, const std::string& srat, const std::string& hmat) {
    CHECK(ashlar::read_srat(dump(srat).bytes(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(ashlar::read_hmat(dump(hmat).bytes(), s.nodes, s.performance, s.defects) == errc::ok);
}

TEST_CASE("HMAT: every table is what its disassembly says") {
    const std::vector<std::string> names = stems("acpi-", "-HMAT.bin");
    CHECK(names.size() >= 2);
    for (const std::string& name : names) {
        CAPTURE(name);
        setup s;
        read_figures(s, name + "-SRAT.bin", name + "-HMAT.bin");
        if (name == "acpi-hmat") CHECK(s.defects.empty());
        check_hmat(s, text_of(name + "-HMAT.dsl"));
    }
    for (const std::string machine : {"mirror_numa4", "ovmf_numa4", "sb_numa4"}) {
        CAPTURE(machine);
        setup s;
        read_figures(s, machine + "/SRAT.dat", machine + "/HMAT.dat");
        CHECK(s.defects.empty());
        check_hmat(s, text_of("mirror_numa4/HMAT.dsl"));  // the machines differ in their firmware only
    }
}

TEST_CASE("HMAT: what Linux says of each node's nearest initiator") {
    for (const std::string machine : {"mirror_numa4", "ovmf_numa4", "sb_numa4"}) {
        CAPTURE(machine);
        setup s;
        CHECK(ashlar::read_srat(dump(machine + "/SRAT.dat").bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(ashlar::read_hmat(dump(machine + "/HMAT.dat").bytes(), s.nodes, s.performance, s.defects) ==
              errc::ok);
        std::size_t figures = 0;
        std::size_t initiators = 0;
        for (const std::string& line : lines_of(text_of(machine + "/nodes.txt"))) {
            const std::string path = "/access0/initiators";
            const std::size_t at = line.find(path);
            if (at == std::string::npos) continue;
            const auto memory = static_cast<node_id>(numbers_after(line, {"node/node"}).at(0));
            const node_id nearest = s.performance.nearest_initiator(memory, s.nodes);
            const std::string rest = line.substr(at + path.size());
            if (rest[0] == ' ') {
                ++initiators;
                CHECK(numbers_after(rest, {" node"}).at(0) == nearest);
                continue;
            }
            ++figures;
            const std::string name = rest.substr(1, rest.find(':') - 1);
            const std::uint64_t theirs = std::stoull(rest.substr(rest.find(':') + 1));
            const access_performance ours = s.performance.between(nearest, memory);
            // Linux has nanoseconds, rounded up.
            if (name == "read_latency") CHECK((ours.read_latency + 999) / 1000 == theirs);
            if (name == "write_latency") CHECK((ours.write_latency + 999) / 1000 == theirs);
            if (name == "read_bandwidth") CHECK(ours.read_bandwidth == theirs);
            if (name == "write_bandwidth") CHECK(ours.write_bandwidth == theirs);
        }
        CHECK(figures == 16);
        CHECK(initiators == 4);
    }
}

TEST_CASE("NFIT: every table is what its disassembly says") {
    const std::vector<std::string> names = stems("acpi-", "-NFIT.bin");
    CHECK(names.size() >= 2);
    for (const std::string& name : names) {
        CAPTURE(name);
        setup s;
        CHECK(ashlar::read_srat(dump(name + "-SRAT.bin").bytes(), s.map, s.nodes, s.defects) == errc::ok);
        const std::size_t before = s.defects.size();
        CHECK(ashlar::read_nfit(dump(name + "-NFIT.bin").bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.defects.size() == before);
        std::uint64_t bytes = 0;
        for (const structure& one : structures_of(text_of(name + "-NFIT.dsl"))) {
            if (one.number("Subtable Type") != 0) continue;
            REQUIRE(one.text("Region Type GUID") == "66F0D379-B4F3-4074-AC43-0D3318B78CDB");
            REQUIRE(one.text("Proximity Domain Valid") == "1");
            const std::uint64_t begin = one.number("Address Range Base");
            const std::uint64_t end = begin + one.number("Address Range Length");
            const node_id node = s.nodes.node_of(one.domain("Proximity Domain"));
            bytes += end - begin;
            std::uint64_t covered = begin;
            for (const memory_entry& entry : s.map.entries()) {
                const bool ours = entry.kind == ashlar::memory_kind::persistent && entry.node == node;
                if (ours && entry.begin <= covered && covered < entry.end) covered = entry.end;
            }
            CHECK(covered >= end);
        }
        for (const memory_entry& entry : s.map.entries()) {
            if (entry.kind == ashlar::memory_kind::persistent) bytes -= entry.end - entry.begin;
        }
        CHECK(bytes == 0);  // and nothing else is persistent
    }
}

TEST_CASE("CEDT: the table is what the machine's own list of its memory regions says") {
    setup s;
    CHECK(ashlar::read_srat(dump("acpi-cxl-SRAT.bin").bytes(), s.map, s.nodes, s.defects) == errc::ok);
    const std::vector<memory_entry> before(s.map.entries().begin(), s.map.entries().end());
    CHECK(ashlar::read_cedt(dump("acpi-cxl-CEDT.bin").bytes(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(s.defects.empty());
    std::vector<memory_entry> expected = before;
    node_id node = 2;
    for (const std::string& line : lines_of(text_of("acpi-cxl-CEDT.txt"))) {
        const std::uint64_t begin = hex(line);
        const std::uint64_t end = hex(line.substr(line.find('-') + 1)) + 1;
        if (line.find(": pxb-cxl-host") != std::string::npos) {
            // The registers of both host bridges touch.
            memory_entry& last = expected.back();
            if (last.kind == ashlar::memory_kind::reserved && last.end == begin) {
                last.end = end;
            } else {
                expected.push_back({begin, end, ashlar::memory_kind::reserved, 0, ashlar::any_node});
            }
        } else if (line.find(": cxl-fixed-memory-region") != std::string::npos) {
            expected.push_back(
                {begin, end, ashlar::memory_kind::none, ashlar::memory_attribute::hot_pluggable, node++});
        }
    }
    CHECK(expected.size() == before.size() + 3);
    CHECK(std::vector<memory_entry>(s.map.entries().begin(), s.map.entries().end()) == expected);
    CHECK(s.nodes.node_count() == 4);
}

}  // namespace
