// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/linux_boot_params.hpp>

#include <cstddef>
#include <cstdint>

#include "firmware/byte_writer.hpp"
#include "firmware/setup.hpp"

namespace {

using ashlar::defect_kind;
using ashlar::errc;
using firmware_tests::byte_writer;
using firmware_tests::setup;
using enum ashlar::memory_kind;

/// A zero page that says so many entries, up to where they begin.
constexpr byte_writer<> page_of(std::uint8_t count) {
    byte_writer<> page;
    page.zeros(0x1e8).u8(count).zeros(0x2d0 - 0x1e9);
    return page;
}

constexpr bool reads_at_compile_time() {
    byte_writer<> page = page_of(2);
    page.e820(0, 0x9fc00, 1).e820(0x9fc00, 0x400, 2).e820(0x100000, 0x100000, 1);  // the third is not counted
    setup s;
    return read_linux_boot_params(page.bytes(), s.map, s.defects) == errc::ok && s.defects.empty() &&
           s.holds({{0, 0x9fc00, usable}, {0x9fc00, 0xa0000, reserved}});
}
static_assert(reads_at_compile_time());

TEST_CASE("boot_params and what is on its list make one map") {
    byte_writer<> page = page_of(1);
    page.e820(0, 0x9fc00, 1);
    byte_writer<> more;
    more.e820(0x100000, 0x100000, 1).e820(0x180000, 0x1000, 2);
    setup s;
    CHECK(read_linux_boot_params(page.bytes(), s.map, s.defects) == errc::ok);
    CHECK(ashlar::read_e820(more.bytes(), 20, s.map, s.defects) == errc::ok);
    CHECK(s.map.usable_frames() == 0x9f + 0xff);
}

TEST_CASE("boot_params without entries describe nothing") {
    setup s;
    CHECK(read_linux_boot_params(page_of(0).bytes(), s.map, s.defects) == errc::ok);
    CHECK(s.map.entries().empty());
    CHECK(s.defects.empty());
}

TEST_CASE("boot_params that are cut off are refused") {
    byte_writer<> page = page_of(2);
    page.e820(0, 0x1000, 1).e820(0x1000, 0x1000, 1);
    for (std::size_t length = 0; length < page.size(); ++length) {
        setup s;
        CHECK(read_linux_boot_params(page.bytes().subview(0, length), s.map, s.defects) == errc::invalid);
        CHECK(s.map.entries().empty());
        CHECK(s.only(ashlar::table::e820, 0, defect_kind::truncated));
    }
}

TEST_CASE("a count beyond the room of boot_params is not believed") {
    byte_writer<8192> page;
    page.zeros(0x1e8).u8(200).zeros(0x2d0 - 0x1e9);
    for (std::uint64_t i = 0; i < 200; ++i) page.e820(i * 0x10000, 0x1000, 1);
    setup s;
    CHECK(read_linux_boot_params(page.bytes(), s.map, s.defects) == errc::ok);
    CHECK(s.map.usable_frames() == 128);
    CHECK(s.defects.count(defect_kind::bad_length) == 1);
}

TEST_CASE("boot_params and a map that is too small") {
    byte_writer<> page = page_of(2);
    page.e820(0, 0x1000, 1).e820(0x8000, 0x1000, 1);
    ashlar::memory_entry entries[1];
    ashlar::memory_map map(entries);
    setup s;
    CHECK(read_linux_boot_params(page.bytes(), map, s.defects) == errc::limit);
    CHECK(map.usable_frames() == 1);
}

}  // namespace
