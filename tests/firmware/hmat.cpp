// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/hmat.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "firmware/byte_writer.hpp"
#include "firmware/setup.hpp"

namespace {

using ashlar::access_performance;
using ashlar::any_node;
using ashlar::defect_kind;
using ashlar::errc;
using ashlar::memory_side_cache;
using ashlar::read_hmat;
using firmware_tests::byte_writer;
using firmware_tests::setup;

/// Nodes 0, 1, 2 of domains 10, 20, 30.
struct three_nodes : setup {
    constexpr three_nodes() {
        (void)nodes.add_processor(10);
        (void)nodes.add_processor(20);
        (void)nodes.add(30);
    }
    constexpr errc read(const ashlar::bytes& table) { return read_hmat(table, nodes, performance, defects); }
};

constexpr bool reads_at_compile_time() {
    byte_writer bytes;
    bytes.hmat().attached(20, 30);
    bytes.figures(0, 1000, {10, 20}, {10, 20, 30}, {5, 10, 300, 10, 5, 400});
    bytes.figures(3, 2, {10, 20}, {10, 20, 30}, {100, 50, 25, 50, 100, 20});
    bytes.cache(10, 10240, 0x00081111).seal();
    three_nodes s;
    return s.read(bytes.bytes()) == errc::ok && s.defects.empty() &&
           s.performance.attached_initiator(2) == 1 && s.performance.pairs().size() == 6 &&
           s.performance.between(0, 2) == access_performance{0, 2, 300'000, 300'000, 50, 50, false} &&
           s.performance.between(1, 1) == access_performance{1, 1, 5'000, 5'000, 200, 200, false} &&
           s.performance.caches().size() == 1 && s.performance.cache(0, 1)->bytes == 10240;
}
static_assert(reads_at_compile_time());

TEST_CASE("types of figures") {
    struct {
        unsigned type;
        access_performance expected;
    } const types[] = {
        {0, {0, 2, 70, 70, 0, 0, false}}, {1, {0, 2, 70, 0, 0, 0, false}}, {2, {0, 2, 0, 70, 0, 0, false}},
        {3, {0, 2, 0, 0, 70, 70, false}}, {4, {0, 2, 0, 0, 70, 0, false}}, {5, {0, 2, 0, 0, 0, 70, false}},
    };
    for (const auto& one : types) {
        CAPTURE(one.type);
        byte_writer bytes;
        bytes.hmat().figures(one.type, 10, {10}, {30}, {7}).seal();
        three_nodes s;
        CHECK(s.read(bytes.bytes()) == errc::ok);
        CHECK(s.performance.between(0, 2) == one.expected);
        CHECK(s.defects.empty());
    }
    byte_writer bytes;
    bytes.hmat().figures(6, 10, {10}, {30}, {7}).seal();
    three_nodes s;
    CHECK(s.read(bytes.bytes()) == errc::ok);
    CHECK(s.only(ashlar::table::hmat, 40, defect_kind::unknown_kind));
    CHECK(s.performance.pairs().empty());
}

TEST_CASE("revisions") {
    for (const unsigned revision : {0u, 1u, 2u, 3u, 255u}) {
        CAPTURE(revision);
        byte_writer bytes;
        bytes.hmat(revision).figures(0, 10, {10}, {30}, {7}).figures(3, 3, {10}, {30}, {7}).seal();
        three_nodes s;
        const errc answer = s.read(bytes.bytes());
        const access_performance pair = s.performance.between(0, 2);
        if (revision == 1) {  // 70 tenths of a nanosecond, 21 tenths of MB/s
            CHECK(answer == errc::ok);
            CHECK(pair == access_performance{0, 2, 7000, 7000, 3, 3, false});
        } else if (revision == 2) {
            CHECK(answer == errc::ok);
            CHECK(pair == access_performance{0, 2, 70, 70, 21, 21, false});
        } else {
            CHECK(answer == errc::invalid);
            CHECK(s.only(ashlar::table::hmat, 8, defect_kind::bad_value));
            CHECK(s.performance.pairs().empty());
        }
    }
}

TEST_CASE("revision 1 has a flag for the memory too") {
    byte_writer bytes;
    bytes.hmat(1).attached(10, 10, 1).attached(20, 20, 3).attached(20, 30, 2).seal();
    three_nodes s;
    CHECK(s.read(bytes.bytes()) == errc::ok);
    CHECK(s.performance.attached_initiator(0) == any_node);
    CHECK(s.performance.attached_initiator(1) == 1);
    CHECK(s.performance.attached_initiator(2) == any_node);
    CHECK(s.defects.empty());
}

TEST_CASE("entries that are no figures") {
    byte_writer bytes;
    bytes.hmat().figures(0, 10, {10, 20}, {10, 20}, {5, 0xffff, 0, 0xfffe}).seal();
    three_nodes s;
    CHECK(s.read(bytes.bytes()) == errc::ok);
    CHECK(s.defects.empty());
    CHECK(s.performance.pairs().size() == 3);
    CHECK(s.performance.between(0, 1) == access_performance{0, 1, 0, 0, 0, 0, true});
    CHECK(s.performance.between(1, 0) == access_performance{1, 0, 0, 0, 0, 0, false});
    CHECK(s.performance.between(1, 1).read_latency == 655'340);
}

TEST_CASE("domains without a node") {
    three_nodes s;
    byte_writer bytes;
    bytes.hmat();
    SUBCASE("are skipped in lists") {
        bytes.figures(0, 10, {99, 10}, {30, 98}, {1, 2, 3, 4}).seal();
        CHECK(s.read(bytes.bytes()) == errc::ok);
        CHECK(s.defects.empty());
        REQUIRE(s.performance.pairs().size() == 1);
        CHECK(s.performance.between(0, 2).read_latency == 30);
    }
    SUBCASE("are reported as initiator or memory, and nothing is attached") {
        bytes.attached(99, 30).attached(10, 98).attached(99, 98).attached(20, 30).seal();
        CHECK(s.read(bytes.bytes()) == errc::ok);
        CHECK(s.defects.count(defect_kind::unknown_domain) == 4);
        CHECK(s.defects[0].offset == 40);
        CHECK(s.defects[0].first == 99);
        CHECK(s.defects[1].offset == 80);
        CHECK(s.performance.attached_initiator(2) == 1);
    }
    SUBCASE("are reported as memory of a cache") {
        bytes.cache(99, 64, 0x11).seal();
        CHECK(s.read(bytes.bytes()) == errc::ok);
        CHECK(s.only(ashlar::table::hmat, 40, defect_kind::unknown_domain));
        CHECK(s.performance.caches().empty());
    }
    CHECK(s.nodes.node_count() == 3);
}

TEST_CASE("what is told twice") {
    three_nodes s;
    byte_writer bytes;
    bytes.hmat();
    SUBCASE("and is the same is no defect, also when all is read again") {
        bytes.attached(10, 30)
            .attached(10, 30)
            .figures(0, 10, {10}, {30}, {7})
            .figures(0, 5, {10}, {30}, {14});
        bytes.cache(30, 64, 0x11).cache(30, 64, 0x11).seal();
        for (unsigned pass = 0; pass < 2; ++pass) CHECK(s.read(bytes.bytes()) == errc::ok);
        CHECK(s.defects.empty());
        CHECK(s.performance.pairs().size() == 1);
        CHECK(s.performance.caches().size() == 1);
    }
    SUBCASE("and differs is reported: the first stays") {
        bytes.attached(10, 30).attached(20, 30).figures(0, 10, {10}, {30}, {7});
        bytes.figures(0, 10, {10}, {30}, {8}).cache(30, 64, 0x11).cache(30, 32, 0x11).seal();
        CHECK(s.read(bytes.bytes()) == errc::ok);
        REQUIRE(s.defects.size() == 3);
        CHECK(s.defects.count(defect_kind::overlap) == 3);
        CHECK(s.defects[0].offset == 80);
        CHECK(s.defects[1].offset == 120 + 42 + 42 + 32);
        CHECK(s.defects[2].offset == 120 + 42 + 40);  // the entry itself
        CHECK(s.performance.attached_initiator(2) == 0);
        CHECK(s.performance.between(0, 2).read_latency == 70);
        CHECK(s.performance.cache(2, 1)->bytes == 64);
    }
}

TEST_CASE("figures of reads or writes alone come before those of both, wherever they stand") {
    for (const bool first : {false, true}) {
        byte_writer bytes;
        bytes.hmat();
        if (first) bytes.figures(1, 10, {10}, {30}, {8}).figures(5, 10, {10}, {30}, {5});
        bytes.figures(0, 10, {10}, {10, 30}, {6, 7}).figures(3, 10, {10}, {30}, {4});
        if (!first) bytes.figures(1, 10, {10}, {30}, {8}).figures(5, 10, {10}, {30}, {5});
        bytes.seal();
        three_nodes s;
        CHECK(s.read(bytes.bytes()) == errc::ok);
        CHECK(s.performance.between(0, 2) == access_performance{0, 2, 80, 70, 40, 50, false});
        CHECK(s.performance.between(0, 0) == access_performance{0, 0, 60, 60, 0, 0, false});
        CHECK(s.defects.size() == 2);
        CHECK(s.defects.count(defect_kind::overlap) == 2);
    }
}

TEST_CASE("figures of some transfers only fill what is open, wherever they stand") {
    for (const unsigned flags : {0x10u, 0x20u, 0x30u}) {
        byte_writer bytes;
        bytes.hmat().figures(0, 10, {10, 20}, {10, 30}, {1, 2, 3, 4}, flags);
        bytes.figures(0, 10, {10, 20}, {30}, {7, 8}).seal();
        three_nodes s;
        CHECK(s.read(bytes.bytes()) == errc::ok);
        CHECK(s.performance.between(0, 0).read_latency == 10);
        CHECK(s.performance.between(0, 2).read_latency == 70);
        CHECK(s.performance.between(1, 2).read_latency == 80);
        CHECK(s.only(ashlar::table::hmat, 40 + 32 + 16 + 2, defect_kind::overlap));  // the first of two
    }
}

TEST_CASE("figures of caches are skipped") {
    for (const unsigned flags : {1u, 2u, 3u, 0x12u}) {
        byte_writer bytes;
        bytes.hmat().figures(0, 10, {10}, {30}, {7}, flags).seal();
        three_nodes s;
        CHECK(s.read(bytes.bytes()) == errc::ok);
        CHECK(s.performance.pairs().empty());
        CHECK(s.defects.empty());
    }
}

TEST_CASE("caches") {
    byte_writer bytes;
    bytes.hmat().cache(10, 1 << 20, 0x00401112).cache(10, 1 << 30, 0x00802222, 1);
    bytes.cache(20, std::uint64_t{1} << 40, 0xffff3311).cache(30, 64, 0x00000111, 1).seal();
    three_nodes s;
    CHECK(s.read(bytes.bytes()) == errc::ok);
    CHECK(s.defects.empty());
    REQUIRE(s.performance.caches().size() == 4);
    using indexing = memory_side_cache::indexing;
    using writes = memory_side_cache::writes;
    CHECK(*s.performance.cache(0, 1) ==
          memory_side_cache{0, 1, 2, indexing::direct_mapped, writes::back, 64, 1 << 20, false});
    CHECK(*s.performance.cache(0, 2) ==
          memory_side_cache{0, 2, 2, indexing::complex, writes::through, 128, 1 << 30, false});
    CHECK(*s.performance.cache(1, 1) ==
          memory_side_cache{1, 1, 1, indexing::other, writes::other, 65535, std::uint64_t{1} << 40, false});
    CHECK(*s.performance.cache(2, 1) ==
          memory_side_cache{2, 1, 1, indexing::direct_mapped, writes::other, 0, 64, true});
}

TEST_CASE("caches that make no sense") {
    three_nodes s;
    byte_writer bytes;
    bytes.hmat();
    SUBCASE("no size") {
        bytes.cache(10, 0, 0x11).seal();
        CHECK(s.read(bytes.bytes()) == errc::ok);
        CHECK(s.only(ashlar::table::hmat, 40, defect_kind::zero_length));
    }
    SUBCASE("a level of 0") {
        bytes.cache(10, 64, 0x01).seal();
        CHECK(s.read(bytes.bytes()) == errc::ok);
        CHECK(s.only(ashlar::table::hmat, 40, defect_kind::bad_value));
    }
    SUBCASE("a level beyond the last") {
        bytes.cache(10, 64, 0x21).seal();
        CHECK(s.read(bytes.bytes()) == errc::ok);
        CHECK(s.only(ashlar::table::hmat, 40, defect_kind::bad_value));
    }
    CHECK(s.performance.caches().empty());
}

TEST_CASE("figures that cannot be") {
    constexpr std::uint64_t top = ~std::uint64_t{0};
    three_nodes s;
    byte_writer bytes;
    SUBCASE("a unit of 0") {
        bytes.hmat().figures(0, 0, {10}, {30}, {7}).seal();
        CHECK(s.read(bytes.bytes()) == errc::ok);
        CHECK(s.only(ashlar::table::hmat, 40, defect_kind::bad_value));
        CHECK(s.performance.pairs().empty());
    }
    SUBCASE("too large") {
        bytes.hmat().figures(0, top / 3 + 1, {10}, {10, 20, 30}, {2, 3, 1}).seal();
        CHECK(s.read(bytes.bytes()) == errc::ok);
        CHECK(s.only(ashlar::table::hmat, 40 + 32 + 16 + 2, defect_kind::bad_value));
        CHECK(s.performance.between(0, 0).read_latency == 2 * (top / 3 + 1));
        CHECK(s.performance.between(0, 1).read_latency == 0);
        CHECK(s.performance.between(0, 2).read_latency == top / 3 + 1);
    }
    SUBCASE("too large in picoseconds") {
        bytes.hmat(1).figures(0, top / 100 + 1, {10}, {30}, {1}).figures(3, top, {10}, {30}, {1}).seal();
        CHECK(s.read(bytes.bytes()) == errc::ok);
        CHECK(s.only(ashlar::table::hmat, 40 + 32 + 8, defect_kind::bad_value));
        CHECK(s.performance.between(0, 2).read_bandwidth == top / 10 + 1);
    }
}

TEST_CASE("a matrix that does not fit") {
    for (const std::uint32_t rows : {0u, 2u, 0x40000001u, 0x80000000u, 0xffffffffu}) {
        for (const std::uint32_t columns : {0u, 1u, 2u, 0x40000001u, 0x80000000u, 0xffffffffu}) {
            CAPTURE(rows);
            CAPTURE(columns);
            byte_writer bytes;
            bytes.hmat().figures(0, 10, {10}, {30}, {7});
            for (unsigned i = 0; i < 4; ++i)
                bytes.set(52 + i, rows >> (8 * i)).set(56 + i, columns >> (8 * i));
            bytes.seal();
            three_nodes s;
            CHECK(s.read(bytes.bytes()) == errc::ok);
            CHECK(s.only(ashlar::table::hmat, 40, defect_kind::bad_length));
            CHECK(s.performance.pairs().empty());
        }
    }
    byte_writer roomy;  // more room than it needs is none of our business
    roomy.hmat().figures(0, 10, {10}, {30}, {7, 8, 9}).seal();
    three_nodes s;
    CHECK(s.read(roomy.bytes()) == errc::ok);
    CHECK(s.defects.empty());
    CHECK(s.performance.between(0, 2).read_latency == 70);
}

TEST_CASE("a table that cannot be read to its end") {
    three_nodes s;
    byte_writer bytes;
    bytes.hmat().attached(10, 30);
    SUBCASE("structures of other types are skipped") {
        bytes.u16(3).u16(0).u32(9).u8(0).seal();
        CHECK(s.read(bytes.bytes()) == errc::ok);
        CHECK(s.defects.empty());
    }
    SUBCASE("structures that are too short for their types") {
        for (const unsigned type : {0u, 1u, 2u}) bytes.u16(type).u16(0).u32(31).zeros(23);
        bytes.seal();
        CHECK(s.read(bytes.bytes()) == errc::ok);
        CHECK(s.defects.size() == 3);
        CHECK(s.defects.count(defect_kind::bad_length) == 3);
    }
    SUBCASE("a structure without length") {
        bytes.u16(0).u16(0).u32(7).attached(20, 20).seal();
        CHECK(s.read(bytes.bytes()) == errc::ok);
        CHECK(s.only(ashlar::table::hmat, 80, defect_kind::bad_length));
    }
    SUBCASE("a structure beyond the end") {
        bytes.u16(0).u16(0).u32(0xffffffff).zeros(40).seal();
        CHECK(s.read(bytes.bytes()) == errc::ok);
        CHECK(s.only(ashlar::table::hmat, 80, defect_kind::truncated));
    }
    SUBCASE("half a header") {
        bytes.u16(0).u16(0).seal();
        CHECK(s.read(bytes.bytes()) == errc::ok);
        CHECK(s.only(ashlar::table::hmat, 80, defect_kind::truncated));
    }
    CHECK(s.performance.attached_initiator(2) == 0);
    CHECK(s.performance.attached_initiator(1) == any_node);
}

TEST_CASE("no HMAT at all") {
    three_nodes s;
    byte_writer bytes;
    SUBCASE("nothing") {}
    SUBCASE("another table") {
        bytes.srat().seal();
    }
    SUBCASE("no more than a header") {
        bytes.acpi("HMAT", 2).seal();
    }
    CHECK(s.read(bytes.bytes()) == errc::invalid);
    CHECK(s.defects.size() == 1);
}

TEST_CASE("arrays that are too small") {
    byte_writer bytes;
    bytes.hmat().figures(0, 10, {10}, {10, 20, 30}, {1, 2, 3}).cache(10, 64, 0x11).cache(20, 64, 0x11);
    bytes.attached(20, 30).seal();
    access_performance pairs[2];
    memory_side_cache caches[1];
    ashlar::memory_performance performance{pairs, caches};
    three_nodes s;
    CHECK(read_hmat(bytes.bytes(), s.nodes, performance, s.defects) == errc::limit);
    CHECK(s.only(ashlar::table::hmat, 40 + 54 + 32, defect_kind::full));
    CHECK(performance.pairs().size() == 2);
    CHECK(performance.caches().size() == 1);
    CHECK(performance.attached_initiator(2) == 1);  // what fits is read
}

}  // namespace
