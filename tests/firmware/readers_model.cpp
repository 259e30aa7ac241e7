// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/e820.hpp>
#include <ashlar/firmware/linux_log.hpp>
#include <ashlar/firmware/uefi.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "firmware/byte_writer.hpp"
#include "firmware/random.hpp"
#include "firmware/setup.hpp"

namespace {

using ashlar::defect_kind;
using ashlar::errc;
using ashlar::memory_entry;
using ashlar::memory_kind;
using firmware_tests::byte_writer;
using firmware_tests::random;
using firmware_tests::rounds_of;
using firmware_tests::setup;
using firmware_tests::well_formed;

struct row {
    std::uint64_t begin;
    std::uint64_t length;
    std::uint32_t type;
};

/// A table of usable, reserved, ACPI and NVS rows in any order, many of them overlapping; some of no length.
std::vector<row> any_table(random& choose) {
    std::vector<row> rows(1 + choose.below(20));
    for (row& r : rows) {
        const std::uint64_t scale = choose.one_in(2) ? 0x1000 : 0x400;
        r.begin = choose.below(1000) * scale;
        r.length = choose.below(choose.one_in(3) ? 500 : 20) * scale;
        r.type = static_cast<std::uint32_t>(1 + choose.below(4));
    }
    return rows;
}

/// An oracle: the kind between every two points at which a row begins or ends.
std::map<std::uint64_t, memory_kind> kinds_of(const std::vector<row>& rows) {
    std::map<std::uint64_t, memory_kind> kinds;
    for (const row& r : rows) {
        kinds[r.begin] = memory_kind::none;
        kinds[r.begin + r.length] = memory_kind::none;
    }
    for (auto& [point, kind] : kinds) {
        for (const row& r : rows) {
            if (r.begin <= point && point < r.begin + r.length)
                kind = std::max(kind, ashlar::e820_kind(r.type));
        }
    }
    return kinds;
}

bool agrees(const setup& s, const std::map<std::uint64_t, memory_kind>& kinds) {
    return std::all_of(kinds.begin(), kinds.end(), [&](const auto& point) {
        return firmware_tests::kind_at(s.map, point.first) == point.second;
    });
}

std::size_t overlaps_of(const std::vector<row>& rows) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        bool overlaps = false;
        for (std::size_t j = 0; j < i; ++j) {
            overlaps = overlaps || (rows[i].length != 0 && rows[j].length != 0 &&
                                    rows[i].begin < rows[j].begin + rows[j].length &&
                                    rows[j].begin < rows[i].begin + rows[i].length);
        }
        count += overlaps ? 1 : 0;
    }
    return count;
}

std::string text_of(const std::vector<row>& rows) {
    std::string log;
    for (const row& r : rows) {
        const char* const names[] = {"usable", "reserved", "ACPI data", "ACPI NVS"};
        char line[128];
        std::snprintf(line, sizeof line, "[    0.000000] BIOS-e820: [mem 0x%016llx-0x%016llx] %s\n",
                      static_cast<unsigned long long>(r.begin),
                      static_cast<unsigned long long>(r.begin + r.length - 1), names[r.type - 1]);
        log += line;
    }
    return log;
}

TEST_CASE("E820 tables, binary and text, against an oracle") {
    for (std::uint64_t seed = 1; seed <= rounds_of(1500); ++seed) {
        random choose(seed);
        const std::vector<row> rows = any_table(choose);
        const auto kinds = kinds_of(rows);
        const auto empty = static_cast<std::size_t>(
            std::count_if(rows.begin(), rows.end(), [](const row& r) { return r.length == 0; }));

        byte_writer bytes;
        for (const row& r : rows) bytes.e820(r.begin, r.length, r.type);
        setup binary;
        REQUIRE(ashlar::read_e820(bytes.bytes(), 20, binary.map, binary.defects) == errc::ok);

        const std::string log = text_of(rows);
        setup text;
        REQUIRE(ashlar::read_linux_log({log.data(), log.size()}, text.map, nullptr, text.defects) ==
                errc::ok);

        for (const setup* s : {&binary, &text}) {
            REQUIRE(well_formed(s->map));
            REQUIRE_MESSAGE(agrees(*s, kinds), "seed ", seed);
            if (s->defects.dropped() != 0) continue;
            REQUIRE_MESSAGE(s->defects.count(defect_kind::overlap) == overlaps_of(rows), "seed ", seed);
            REQUIRE_MESSAGE(s->defects.count(defect_kind::zero_length) == empty, "seed ", seed);
        }
    }
}

TEST_CASE("a table says the same in any order and in any form") {
    for (std::uint64_t seed = 1; seed <= rounds_of(500); ++seed) {
        random choose(seed);
        std::vector<row> rows = any_table(choose);
        // Whole pages only: a UEFI map has nothing smaller.
        for (row& r : rows) {
            r.begin &= ~std::uint64_t{0xfff};
            r.length &= ~std::uint64_t{0xfff};
        }
        byte_writer e820;
        for (const row& r : rows) e820.e820(r.begin, r.length, r.type);
        for (std::size_t i = rows.size(); i > 1; --i) std::swap(rows[i - 1], rows[choose.below(i)]);
        byte_writer uefi;
        for (const row& r : rows) {
            const std::uint32_t types[] = {7, 0, 9, 10};
            uefi.uefi(types[r.type - 1], r.begin, r.length >> 12, 0xf);
        }
        setup a;
        setup b;
        REQUIRE(ashlar::read_e820(e820.bytes(), 20, a.map, a.defects) == errc::ok);
        REQUIRE(ashlar::read_uefi(uefi.bytes(), 48, b.map, b.defects) == errc::ok);
        const std::vector<memory_entry> first(a.map.entries().begin(), a.map.entries().end());
        const std::vector<memory_entry> second(b.map.entries().begin(), b.map.entries().end());
        REQUIRE_MESSAGE(first == second, "seed ", seed);
    }
}

}  // namespace
