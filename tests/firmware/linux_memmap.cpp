// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/linux_memmap.hpp>

#include <cstdint>
#include <initializer_list>
#include <string>

#include "firmware/setup.hpp"

namespace {

using ashlar::defect_kind;
using ashlar::errc;
using ashlar::is_linux_memmap;
using ashlar::read_linux_memmap;
using firmware_tests::kind_at;
using firmware_tests::setup;
using firmware_tests::text;
using enum ashlar::memory_kind;

constexpr bool reads_at_compile_time() {
    setup s;
    const auto listing = text(
        "0 0x0 0x9fbff System RAM\n"
        "1 0x9fc00 0x9ffff Reserved\n"
        "10 0x100000000 0x13fffffff System RAM\n"
        "2 0x100000 0x7ffdffff System RAM\n");
    return is_linux_memmap(listing) && read_linux_memmap(listing, s.map, s.defects) == errc::ok &&
           s.defects.empty() &&
           s.holds({{0, 0x9fc00, usable},
                    {0x9fc00, 0xa0000, reserved},
                    {0x100000, 0x7ffe0000, usable},
                    {0x100000000, 0x140000000, usable}});
}
static_assert(reads_at_compile_time());

errc read(const std::string& listing, setup& s) {
    return read_linux_memmap({listing.data(), listing.size()}, s.map, s.defects);
}

TEST_CASE("types by name") {
    struct {
        const char* name;
        ashlar::memory_kind kind;
    } const types[] = {
        {"System RAM", usable},
        {"Reserved", reserved},
        {"reserved", reserved},
        {"ACPI Tables", acpi_reclaim},
        {"ACPI Non-volatile Storage", acpi_nvs},
        {"Unusable memory", unusable},
        {"Persistent Memory", persistent},
        {"Persistent Memory (legacy)", persistent},
        {"Soft Reserved", special_purpose},
        {"System RAM (kernel)", reserved},
    };
    for (const auto& type : types) {
        CAPTURE(type.name);
        setup s;
        CHECK(read(std::string("3 0x100000 0x1fffff ") + type.name + "\n", s) == errc::ok);
        CHECK(s.holds({{0x100000, 0x200000, type.kind}}));
        CHECK(s.defects.empty());
    }
}

TEST_CASE("a type that is not known is reserved") {
    for (const char* name : {"Unknown E820 type", "System", "System RAMs", "System RAM or so", "System RAM 2",
                             "system RAM", "x"}) {
        CAPTURE(name);
        setup s;
        CHECK(read(std::string("3 0x100000 0x1fffff ") + name, s) == errc::ok);
        CHECK(s.holds({{0x100000, 0x200000, reserved}}));
        CHECK(s.only(ashlar::table::e820, 0, defect_kind::unknown_kind));
    }
}

TEST_CASE("spaces, blank lines and line ends do not matter") {
    setup s;
    CHECK(read("\n  \r\n 0\t0x0  0xfff   System RAM  \r\n\n1 0x1000 0x1fff System RAM", s) == errc::ok);
    CHECK(s.holds({{0, 0x2000, usable}}));
    CHECK(s.defects.empty());
}

TEST_CASE("lines that cannot be read are reported and skipped") {
    for (const char* line :
         {"0", "0 0x0", "0 0x0 0xfff", "0 0x0 0xfff ", "0x0 0xfff System RAM", "0 0 fff System RAM",
          "0 0x0-0xfff System RAM", "zero 0x0 0xfff System RAM", "0 0x 0xfff System RAM",
          "0 0x0 0x1ffffffffffffffff System RAM", "0 0x00xfff System RAM", "0 0x0 0xfffSystem RAM x"}) {
        CAPTURE(line);
        setup alone;
        const bool odd = std::string(line) == "0 0x0 0xfffSystem RAM x";  // a type without a space before it
        CHECK(read(line, alone) == (odd ? errc::ok : errc::invalid));
        CHECK(kind_at(alone.map, 0) == (odd ? reserved : none));
        setup s;
        CHECK(read(std::string("7 0x8000 0x8fff System RAM\n") + line + "\n", s) == errc::ok);
        CHECK(s.only(ashlar::table::e820, 27, odd ? defect_kind::unknown_kind : defect_kind::malformed));
        CHECK(kind_at(s.map, 0x8000) == usable);
        CHECK(kind_at(s.map, 0) != usable);
    }
}

TEST_CASE("entries that make no sense") {
    constexpr std::uint64_t top = ~std::uint64_t{0};
    setup s;
    SUBCASE("empty and inverted ones are dropped") {
        CHECK(read("0 0x1000 0xfff System RAM\n1 0x0 0xffffffffffffffff Reserved\n2 0x5000 0x4000 Reserved\n",
                   s) == errc::ok);
        CHECK(s.defects.count(defect_kind::zero_length) == 2);
        CHECK(s.defects.count(defect_kind::inverted) == 1);
        CHECK(s.map.entries().empty());
    }
    SUBCASE("the last byte of the address space") {
        CHECK(read("0 0xfffffffffffff000 0xffffffffffffffff Reserved\n", s) == errc::ok);
        CHECK(s.holds({{top - 0xfff, top, reserved}}));
        CHECK(s.defects.empty());
    }
    SUBCASE("overlapping ones: what takes away wins") {
        CHECK(read("0 0x0 0x3fff System RAM\n1 0x1000 0x1fff Reserved\n", s) == errc::ok);
        CHECK(s.holds({{0, 0x1000, usable}, {0x1000, 0x2000, reserved}, {0x2000, 0x4000, usable}}));
        CHECK(s.only(ashlar::table::e820, 24, defect_kind::overlap));
    }
}

TEST_CASE("no listing at all") {
    for (const char* content : {"", "\n \n", "hello\nworld\n", "BIOS-e820: [mem 0x0-0xfff] usable\n"}) {
        CAPTURE(content);
        setup s;
        const std::string listing(content);
        CHECK_FALSE(is_linux_memmap({listing.data(), listing.size()}));
        CHECK(read(listing, s) == errc::invalid);
        CHECK(s.defects.count(defect_kind::malformed) == s.defects.size());
        CHECK(!s.defects.empty());
        CHECK(s.map.entries().empty());
    }
    CHECK(is_linux_memmap(text("\n  \n0 0x0 0xfff anything")));
    CHECK_FALSE(is_linux_memmap(text("# a comment\n0 0x0 0xfff System RAM\n")));
}

TEST_CASE("a map that is too small gains nothing") {
    ashlar::memory_entry entries[2];
    ashlar::memory_map map{entries};
    setup s;
    const auto listing =
        text("0 0x0 0xffff System RAM\n1 0x4000 0x4fff Reserved\n2 0x20000 0x20fff System RAM\n");
    CHECK(read_linux_memmap(listing, map, s.defects) == errc::limit);
    CHECK(s.defects.count(defect_kind::full) == 1);
    CHECK(kind_at(map, 0x4000) == reserved);
    CHECK(map.usable_frames() == 1);  // the last entry's: there was room for it again
}

}  // namespace
