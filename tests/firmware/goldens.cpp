// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/fdt.hpp>
#include <ashlar/firmware/linux_log.hpp>
#include <ashlar/firmware/linux_memmap.hpp>
#include <ashlar/firmware/multiboot.hpp>
#include <ashlar/firmware/pvh.hpp>
#include <ashlar/firmware/uefi.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "firmware/dump.hpp"
#include "firmware/golden_text.hpp"
#include "firmware/setup.hpp"

// Every memory map of tests/data/firmware against what the guest's own firmware, loader or kernel said about
// it, in the text of the same name. The oracles here share nothing with the readers.
namespace {

using ashlar::errc;
using ashlar::usable_run;
using firmware_tests::cells;
using firmware_tests::dump;
using firmware_tests::hex;
using firmware_tests::lines_of;
using firmware_tests::numbers_after;
using firmware_tests::setup;
using firmware_tests::stems;
using firmware_tests::text_of;

struct claim {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    bool usable = false;
};

using pages = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  ///< half open, maximal, ascending

/// The same on the first line that has them.
std::vector<std::uint64_t> header_of(const std::string& text, std::initializer_list<const char*> words) {
    for (const std::string& line : lines_of(text)) {
        const std::vector<std::uint64_t> numbers = numbers_after(line, words);
        if (!numbers.empty()) return numbers;
    }
    return {};
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

TEST_CASE("Linux: every listing of sysfs is what its lines say, and what the log said of the same machine") {
    for (const std::string machine : {"mirror_numa4", "ovmf_numa4", "sb_numa4"}) {
        CAPTURE(machine);
        const dump listing(machine + "/sysfs-memmap.txt");
        CHECK(ashlar::is_linux_memmap(listing.text()));
        setup sysfs;
        CHECK(ashlar::read_linux_memmap(listing.text(), sysfs.map, sysfs.defects) == errc::ok);
        CHECK(sysfs.defects.empty());
        std::vector<claim> claims;
        for (const std::string& line : lines_of(text_of(machine + "/sysfs-memmap.txt"))) {
            const std::vector<std::uint64_t> range = numbers_after(line, {" 0x", " 0x"});
            REQUIRE(range.size() == 2);
            claims.push_back({range[0], range[1] + 1, line.find(" System RAM") != std::string::npos});
        }
        CHECK(pages_of(sysfs.map) == pages_of(claims));
        CHECK(sysfs.map.usable_frames() > 0);

        setup log;
        const dump e820(machine + "/e820.txt");
        CHECK(ashlar::read_linux_log(e820.text(), log.map, nullptr, log.defects) == errc::ok);
        REQUIRE(log.map.entries().size() == sysfs.map.entries().size());
        for (std::size_t i = 0; i < log.map.entries().size(); ++i) {
            CHECK(log.map.entries()[i] == sysfs.map.entries()[i]);
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
