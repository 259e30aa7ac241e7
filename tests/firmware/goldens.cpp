// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/fdt.hpp>
#include <ashlar/firmware/linux_log.hpp>
#include <ashlar/firmware/multiboot.hpp>
#include <ashlar/firmware/pvh.hpp>
#include <ashlar/firmware/slit.hpp>
#include <ashlar/firmware/srat.hpp>
#include <ashlar/firmware/uefi.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "firmware/dump.hpp"
#include "firmware/setup.hpp"

// Every dump of tests/data/firmware against what the guest's own firmware, loader or kernel said about it, in
// the text of the same name. The oracles here share nothing with the readers.
namespace {

using ashlar::errc;
using ashlar::usable_run;
using firmware_tests::dump;
using firmware_tests::setup;

struct claim {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    bool usable = false;
};

using pages = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  ///< half open, maximal, ascending

std::string text_of(const std::string& name) {
    const dump file(name);
    return {file.text().data(), file.text().size()};
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream input(text);
    for (std::string line; std::getline(input, line);) lines.push_back(line);
    return lines;
}

std::uint64_t hex(const std::string& digits) {
    return std::stoull(digits, nullptr, 16);
}

/// The hexadecimal numbers that stand behind these words on a line, each behind the one before it; none if a
/// word is missing.
std::vector<std::uint64_t> numbers_after(const std::string& line, std::initializer_list<const char*> words) {
    std::vector<std::uint64_t> numbers;
    std::size_t at = 0;
    for (const std::string word : words) {
        at = line.find(word, at);
        if (at == std::string::npos) return {};
        at += word.size();
        const char* const digits = line.c_str() + at;
        char* end = nullptr;
        numbers.push_back(std::strtoull(digits, &end, 16));
        if (end == digits) return {};
        at += static_cast<std::size_t>(end - digits);
    }
    return numbers;
}

/// The same on the first line that has them.
std::vector<std::uint64_t> header_of(const std::string& text, std::initializer_list<const char*> words) {
    for (const std::string& line : lines_of(text)) {
        const std::vector<std::uint64_t> numbers = numbers_after(line, words);
        if (!numbers.empty()) return numbers;
    }
    return {};
}

/// Files of tests/data/firmware whose names begin and end so, without the ending.
std::vector<std::string> stems(const std::string& prefix, const std::string& ending) {
    std::vector<std::string> found;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(ASHLAR_TEST_DATA) + "/firmware")) {
        const std::string name = entry.path().filename().string();
        const bool long_enough = name.size() > prefix.size() + ending.size();
        if (!long_enough || name.compare(0, prefix.size(), prefix) != 0) continue;
        if (name.compare(name.size() - ending.size(), ending.size(), ending) != 0) continue;
        found.push_back(name.substr(0, name.size() - ending.size()));
    }
    std::sort(found.begin(), found.end());
    return found;
}

/// Pages of which each byte is said to be usable, and none to be anything else.
pages pages_of(const std::vector<claim>& claims) {
    std::set<std::uint64_t> cuts;
    for (const claim& one : claims) {
        for (const std::uint64_t end : {one.begin, one.end}) {
            cuts.insert(end >> 12);
            cuts.insert((end >> 12) + 1);
        }
    }
    pages result;
    for (auto cut = cuts.begin(); cut != cuts.end() && std::next(cut) != cuts.end(); ++cut) {
        // All pages from this cut to the next are alike: the first stands for them.
        const std::uint64_t begin = *cut << 12;
        const std::uint64_t end = begin + 0x1000;
        std::uint64_t covered = begin;
        bool taken = false;
        for (std::size_t i = 0; i < claims.size(); ++i) {
            for (const claim& one : claims) {
                if (one.usable && one.begin <= covered && covered < one.end) covered = one.end;
            }
            taken = taken || (!claims[i].usable && claims[i].begin < end && begin < claims[i].end);
        }
        if (covered < end || taken) continue;
        if (!result.empty() && result.back().second == *cut) {
            result.back().second = *std::next(cut);
        } else {
            result.emplace_back(*cut, *std::next(cut));
        }
    }
    return result;
}

pages pages_of(const ashlar::memory_map& map) {
    pages result;
    map.for_each_usable([&](const usable_run& run) {
        const std::uint64_t first = run.frames.first.number;
        if (!result.empty() && result.back().second == first) {
            result.back().second = first + run.frames.count;
        } else {
            result.emplace_back(first, first + run.frames.count);
        }
    });
    return result;
}

/// "0x100000 + 0x7fee0000 type 0x1", one line for each entry.
std::vector<claim> e820_claims(const std::string& text) {
    std::vector<claim> claims;
    for (const std::string& line : lines_of(text)) {
        const std::size_t range = line.find("0x", line.find(": ") == std::string::npos ? 0 : line.find(": "));
        if (range == std::string::npos) continue;
        const std::vector<std::uint64_t> entry = numbers_after(line.substr(range), {"0x", "+ 0x", "type 0x"});
        if (!entry.empty()) claims.push_back({entry[0], entry[0] + entry[1], entry[2] == 1});
    }
    return claims;
}

TEST_CASE("PVH: every map is what the guest printed") {
    const std::vector<std::string> names = stems("pvh-", ".bin");
    CHECK(names.size() >= 12);
    for (const std::string& name : names) {
        CAPTURE(name);
        const std::string text = text_of(name + ".txt");
        const dump file(name + ".bin");
        const std::vector<std::uint64_t> entries = header_of(text, {"entries 0x"});
        REQUIRE(!entries.empty());
        CHECK(file.bytes().size() == entries[0] * ashlar::pvh_entry_bytes);
        CHECK(e820_claims(text).size() == entries[0]);
        setup s;
        CHECK(ashlar::read_pvh_map(file.bytes(), s.map, s.defects) == errc::ok);
        CHECK(pages_of(s.map) == pages_of(e820_claims(text)));
        CHECK(s.map.usable_frames() > 0);
    }
}

TEST_CASE("Multiboot 1: every map is what the guest printed, and what PVH says of the same machine") {
    const std::vector<std::string> names = stems("multiboot1-", ".bin");
    CHECK(names.size() >= 12);
    std::size_t twins = 0;
    for (const std::string& name : names) {
        CAPTURE(name);
        const std::string text = text_of(name + ".txt");
        const dump file(name + ".bin");
        const std::vector<std::uint64_t> length = header_of(text, {"mmap_length 0x"});
        REQUIRE(!length.empty());
        CHECK(file.bytes().size() == length[0]);
        CHECK(e820_claims(text).size() * 24 == length[0]);
        setup s;
        CHECK(ashlar::read_multiboot1_map(file.bytes(), s.map, s.defects) == errc::ok);
        CHECK(pages_of(s.map) == pages_of(e820_claims(text)));
        const std::string twin = "pvh-" + name.substr(std::string("multiboot1-").size());
        if (!std::filesystem::exists(std::string(ASHLAR_TEST_DATA) + "/firmware/" + twin + ".bin")) continue;
        ++twins;
        setup pvh;
        CHECK(ashlar::read_pvh_map(dump(twin + ".bin").bytes(), pvh.map, pvh.defects) == errc::ok);
        CHECK(pages_of(pvh.map) == pages_of(s.map));
    }
    CHECK(twins >= 11);
}

TEST_CASE("UEFI: every map is what the application in the guest printed") {
    const std::vector<std::string> names = stems("ovmf-", ".efimap");
    CHECK(names.size() >= 3);
    for (const std::string& name : names) {
        CAPTURE(name);
        const std::string text = text_of(name + ".txt");
        const dump file(name + ".efimap");
        const std::vector<std::uint64_t> header = header_of(text, {"size 0x", "DescriptorSize 0x"});
        REQUIRE(!header.empty());
        CHECK(file.bytes().size() == 16 + header[0]);
        std::vector<claim> claims;
        for (const std::string& line : lines_of(text)) {
            const auto entry = numbers_after(line, {"0x", "pages 0x", "type 0x", "attr 0x"});
            if (entry.empty()) continue;
            const bool boot_time = (entry[2] >= 1 && entry[2] <= 4) || entry[2] == 7;
            claims.push_back({entry[0], entry[0] + (entry[1] << 12), boot_time && (entry[3] & 8) != 0});
        }
        CHECK(claims.size() * header[1] == header[0]);
        setup s;
        CHECK(ashlar::read_efi_map_file(file.bytes(), s.map, s.defects) == errc::ok);
        CHECK(s.defects.empty());
        CHECK(pages_of(s.map) == pages_of(claims));
    }
}

std::vector<std::uint64_t> cells(const std::string& list) {
    std::vector<std::uint64_t> values;
    std::istringstream words(list);
    for (std::string word; words >> word;) values.push_back(hex(word));
    return values;
}

/// What a device tree's source says of nodes without children.
struct tree_source {
    std::string text;

    /// Between the braces of each node whose name begins so.
    [[nodiscard]] std::vector<std::string> nodes(const std::string& beginning) const {
        std::vector<std::string> bodies;
        for (std::size_t at = text.find('\t' + beginning); at != std::string::npos;
             at = text.find('\t' + beginning, at + 1)) {
            const std::size_t open = text.find_first_of("{;", at);
            if (open != std::string::npos && text[open] == '{') {
                bodies.push_back(text.substr(open, text.find('}', open) - open));
            }
        }
        return bodies;
    }
    [[nodiscard]] static std::vector<std::uint64_t> property(const std::string& body,
                                                             const std::string& name) {
        const std::string beginning = '\t' + name + " = <";
        const std::size_t at = body.find(beginning);
        if (at == std::string::npos) return {};
        return cells(body.substr(at + beginning.size(), body.find('>', at) - at - beginning.size()));
    }
};

TEST_CASE("device trees: every blob is what its source says") {
    const std::vector<std::string> names = stems("", ".dtb");
    CHECK(names.size() >= 8);
    for (const std::string& name : names) {
        CAPTURE(name);
        const tree_source source{text_of(name + ".dts")};
        std::vector<claim> claims;
        std::map<std::uint64_t, std::uint64_t> memory;  // bytes by domain
        const auto take = [&](const std::string& body, bool usable) {
            const std::vector<std::uint64_t> reg = source.property(body, "reg");
            REQUIRE(reg.size() == 4);
            const std::uint64_t begin = reg[0] << 32 | reg[1];
            const std::uint64_t size = reg[2] << 32 | reg[3];
            claims.push_back({begin, begin + size, usable});
            const std::vector<std::uint64_t> domain = source.property(body, "numa-node-id");
            if (usable && !domain.empty()) memory[domain[0]] += size;
        };
        for (const std::string& body : source.nodes("memory@")) take(body, true);
        for (const std::string& body : source.nodes("mmode_resv")) take(body, false);
        setup s;
        CHECK(ashlar::read_fdt(dump(name + ".dtb").bytes(), s.map, s.nodes, s.defects) == errc::ok);
        CHECK(s.defects.empty());
        CHECK(pages_of(s.map) == pages_of(claims));

        std::map<std::uint64_t, std::uint64_t> ours;
        s.map.for_each_usable([&](const usable_run& run) {
            if (run.node != ashlar::any_node) ours[s.nodes.domain(run.node)] += run.frames.count << 12;
        });
        CHECK(ours == memory);
        std::map<std::uint64_t, unsigned> processors;
        for (const std::string& body : source.nodes("cpu@")) {
            const std::vector<std::uint64_t> domain = source.property(body, "numa-node-id");
            if (!domain.empty()) ++processors[domain[0]];
        }
        for (const auto& [domain, count] : processors) {
            CHECK(s.nodes.cpus(s.nodes.node_of(static_cast<std::uint32_t>(domain))) == count);
        }
        const std::vector<std::string> maps = source.nodes("distance-map");
        if (maps.empty()) continue;
        const std::vector<std::uint64_t> matrix = source.property(maps[0], "distance-matrix");
        REQUIRE(matrix.size() % 3 == 0);
        for (std::size_t i = 0; i < matrix.size(); i += 3) {
            const ashlar::node_id from = s.nodes.node_of(static_cast<std::uint32_t>(matrix[i]));
            const ashlar::node_id to = s.nodes.node_of(static_cast<std::uint32_t>(matrix[i + 1]));
            CHECK(s.nodes.distance(from, to) == matrix[i + 2]);
        }
    }
}

/// The fields of each structure of a disassembled ACPI table, by name.
std::vector<std::map<std::string, std::string>> structures_of(const std::string& text) {
    std::vector<std::map<std::string, std::string>> all;
    for (const std::string& line : lines_of(text)) {
        const std::size_t colon = line.find(" : ");
        const std::size_t bracket = line.find(']') < colon ? line.find(']') + 1 : 0;
        const std::size_t begin = line.find_first_not_of(' ', bracket);
        if (colon == std::string::npos || begin >= colon) continue;
        const std::string name = line.substr(begin, colon - begin);
        if (name == "Subtable Type") all.emplace_back();
        if (!all.empty()) all.back().emplace(name, line.substr(colon + 3));
    }
    return all;
}

TEST_CASE("SRAT: every table is what its disassembly says") {
    const std::vector<std::string> names = stems("acpi-", "-SRAT.bin");
    CHECK(names.size() >= 6);
    for (const std::string& name : names) {
        CAPTURE(name);
        setup s;
        CHECK(ashlar::read_srat(dump(name + "-SRAT.bin").bytes(), s.map, s.nodes, s.defects) == errc::ok);
        std::map<std::uint64_t, unsigned> processors;
        std::size_t ranges = 0;
        for (auto& one : structures_of(text_of(name + "-SRAT.dsl"))) {
            if (one["Enabled"] != "1") continue;
            const bool is_memory = one["Subtable Type"].find("Memory") != std::string::npos;
            if (!is_memory) {
                const std::string low = one.count("Proximity Domain Low(8)") != 0
                                            ? one["Proximity Domain Low(8)"]
                                            : one["Proximity Domain"];
                ++processors[hex(low)];
                continue;
            }
            ++ranges;
            const std::uint64_t begin = hex(one["Base Address"]);
            const std::uint64_t end = begin + hex(one["Address Length"]);
            const auto node = s.nodes.node_of(static_cast<std::uint32_t>(hex(one["Proximity Domain"])));
            REQUIRE(node != ashlar::any_node);
            const bool hot = one["Hot Pluggable"] == "1";
            const bool durable = one["Non-Volatile"] == "1";
            for (const std::uint64_t at : {begin, begin + (end - begin) / 2, end - 1}) {
                CHECK(s.map.any_of(at, at + 1, [&](const ashlar::memory_entry& entry) {
                    const bool same_node = entry.node == node;
                    // A window may have durable memory inside.
                    const bool same_kind = entry.has(ashlar::memory_attribute::hot_pluggable) == hot || hot;
                    return same_node && same_kind &&
                           (!durable || entry.has(ashlar::memory_attribute::non_volatile));
                }));
            }
            CHECK_FALSE(s.map.any_of(begin, end, [](const ashlar::memory_entry& entry) {
                return entry.kind != ashlar::memory_kind::none;  // an SRAT makes no memory
            }));
        }
        CHECK(ranges > 0);
        CHECK(!processors.empty());
        for (const auto& [domain, count] : processors) {
            CHECK(s.nodes.cpus(s.nodes.node_of(static_cast<std::uint32_t>(domain))) == count);
        }
    }
}

TEST_CASE("SLIT: the matrix is what its disassembly says") {
    setup s;
    CHECK(ashlar::read_srat(dump("acpi-numa2-SRAT.bin").bytes(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(ashlar::read_slit(dump("acpi-numa2-SLIT.bin").bytes(), s.nodes, s.defects) == errc::ok);
    const std::string text = text_of("acpi-numa2-SLIT.dsl");
    const std::size_t nodes = 2;
    std::size_t rows = 0;
    for (const std::string& line : lines_of(text)) {
        const std::vector<std::uint64_t> from = numbers_after(line, {"Locality "});
        if (from.empty()) continue;
        ++rows;
        const std::vector<std::uint64_t> distances = cells(line.substr(line.find(" : ") + 3));
        REQUIRE(distances.size() == nodes);
        for (std::uint32_t to = 0; to < nodes; ++to) {
            const auto node = s.nodes.node_of(static_cast<std::uint32_t>(from[0]));
            CHECK(s.nodes.distance(node, s.nodes.node_of(to)) == distances[to]);
        }
    }
    CHECK(rows == nodes);
}

TEST_CASE("Linux: every log is what the kernel's own iomem says of its RAM") {
    for (const std::string machine : {"mirror_numa4", "ovmf_numa4", "sb_numa4"}) {
        for (const std::string form : {"dmesg.txt", "e820.txt", "efi-memmap.txt"}) {
            if (form == "efi-memmap.txt" && machine == "sb_numa4") continue;  // it has a BIOS
            CAPTURE(machine);
            CAPTURE(form);
            setup s;
            const dump file(machine + "/" + form);
            CHECK(ashlar::read_linux_log(file.text(), s.map, &s.nodes, s.defects) == errc::ok);
            // What the kernel itself takes: page 0.
            CHECK(s.map.exclude_bytes(0, 0x1000) == errc::ok);
            std::vector<claim> claims;
            for (const std::string& line : lines_of(text_of(machine + "/iomem.txt"))) {
                const bool inner = line.empty() || line[0] == ' ';
                if (inner || line.find(" : System RAM") == std::string::npos) continue;
                claims.push_back({hex(line), hex(line.substr(line.find('-') + 1)) + 1, true});
            }
            REQUIRE(!claims.empty());
            CHECK(pages_of(s.map) == pages_of(claims));
        }
    }
}

TEST_CASE("Linux: the mirrored share of the firmware's map is what the kernel printed") {
    const std::string log = text_of("mirror_numa4/dmesg.txt");
    const std::size_t at = log.find("efi: Memory: ");
    REQUIRE(at != std::string::npos);
    std::istringstream words(log.substr(at + std::string("efi: Memory: ").size()));
    std::uint64_t mirrored = 0;
    std::uint64_t all = 0;
    char unit = 0;
    char slash = 0;
    words >> mirrored >> unit >> slash >> all;
    REQUIRE(!words.fail());
    setup s;
    const dump file("mirror_numa4/efi-memmap.txt");
    CHECK(ashlar::read_linux_log(file.text(), s.map, &s.nodes, s.defects) == errc::ok);
    std::uint64_t our_mirrored = 0;
    std::uint64_t our_all = 0;
    for (const ashlar::memory_entry& entry : s.map.entries()) {
        our_all += entry.end - entry.begin;
        if (entry.has(ashlar::memory_attribute::mirrored)) our_mirrored += entry.end - entry.begin;
    }
    CHECK(our_mirrored / 0x100000 == mirrored);
    CHECK(our_all / 0x100000 == all);
}

}  // namespace
