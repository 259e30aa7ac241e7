// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/pvh.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "firmware/byte_writer.hpp"
#include "firmware/setup.hpp"

namespace {

using ashlar::defect_kind;
using ashlar::errc;
using firmware_tests::byte_writer;
using firmware_tests::setup;
using enum ashlar::memory_kind;

constexpr std::uint32_t magic = 0x336ec578;

constexpr byte_writer<> start_info(std::uint32_t version) {
    byte_writer bytes;
    bytes.u32(magic).u32(version).u32(0).u32(1).u64(0x1000).u64(0x2000).u64(0xe0000);
    if (version != 0) bytes.u64(0x123456789a).u32(7).u32(0);
    return bytes;
}

constexpr bool reads_at_compile_time() {
    setup s;
    const byte_writer bytes = start_info(1);
    const auto info = ashlar::read_pvh_start_info(bytes.bytes(), s.defects);
    return info && info->version == 1 && info->map_address == 0x123456789a && info->map_entries == 7 &&
           info->map_bytes() == 168 && info->has_map() && s.defects.empty();
}
static_assert(reads_at_compile_time());

TEST_CASE("start info without a map") {
    setup s;
    const auto info = ashlar::read_pvh_start_info(start_info(0).bytes(), s.defects);
    REQUIRE(info.has_value());
    CHECK(info->version == 0);
    CHECK_FALSE(info->has_map());
    CHECK(info->map_bytes() == 0);
    CHECK(s.defects.empty());
}

TEST_CASE("the largest count does not wrap") {
    setup s;
    byte_writer bytes = start_info(1);
    for (std::size_t i = 48; i < 52; ++i) bytes.set(i, 0xff);
    const auto info = ashlar::read_pvh_start_info(bytes.bytes(), s.defects);
    REQUIRE(info.has_value());
    CHECK(info->map_bytes() == 0xffffffffull * 24);
}

TEST_CASE("not the start info") {
    setup s;
    byte_writer bytes = start_info(1);
    bytes.set(0, 0);
    CHECK(ashlar::read_pvh_start_info(bytes.bytes(), s.defects).error() == errc::invalid);
    CHECK(s.only(ashlar::table::pvh, 0, defect_kind::bad_signature));
}

TEST_CASE("start info of every length") {
    for (const std::uint32_t version : {0u, 1u, 2u}) {
        const byte_writer bytes = start_info(version);
        for (std::size_t length = 0; length < bytes.size(); ++length) {
            setup s;
            const auto info = ashlar::read_pvh_start_info(bytes.bytes().subview(0, length), s.defects);
            // Less than the version cannot be told from version 0, and is too short for that.
            CHECK(info.error() == errc::invalid);
            CHECK(s.only(ashlar::table::pvh, length, defect_kind::truncated));
        }
    }
}

TEST_CASE("the fourth word of an entry means nothing") {
    setup s;
    byte_writer bytes;
    bytes.e820(0, 0x1000, 1, 0).e820(0x1000, 0x1000, 1, 0xffffffff).e820(0x2000, 0x1000, 2, 0);
    CHECK(ashlar::read_pvh_map(bytes.bytes(), s.map, s.defects) == errc::ok);
    CHECK(s.holds({{0, 0x2000, usable}, {0x2000, 0x3000, reserved}}));
    CHECK(s.defects.empty());
}

}  // namespace
