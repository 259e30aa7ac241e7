// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/slit.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "firmware/byte_writer.hpp"
#include "firmware/setup.hpp"

namespace {

using ashlar::defect_kind;
using ashlar::errc;
using ashlar::read_slit;
using firmware_tests::byte_writer;
using firmware_tests::setup;

/// A SLIT of `domains` domains, `distance(from, to)` apart.
template <std::size_t Capacity = 4096, class Distance>
constexpr byte_writer<Capacity> slit(std::size_t domains, Distance distance) {
    byte_writer<Capacity> bytes;
    bytes.acpi("SLIT", 1).u64(domains);
    for (std::size_t from = 0; from < domains; ++from) {
        for (std::size_t to = 0; to < domains; ++to) bytes.u8(distance(from, to));
    }
    return bytes.seal();
}

constexpr unsigned asymmetric(std::size_t from, std::size_t to) {
    return from == to ? 10 : static_cast<unsigned>(20 + 10 * from + to);
}

constexpr bool reads_at_compile_time() {
    setup s;
    (void)s.nodes.add(2);
    (void)s.nodes.add(0);
    const auto bytes = slit(3, asymmetric);
    return read_slit(bytes.bytes(), s.nodes, s.defects) == errc::ok && s.defects.empty() &&
           s.nodes.distance(0, 1) == 40 && s.nodes.distance(1, 0) == 22;
}
static_assert(reads_at_compile_time());

TEST_CASE("before or after the nodes are known") {
    setup s;
    const auto bytes = slit(3, asymmetric);
    bool before = false;
    SUBCASE("before") {
        before = true;
    }
    SUBCASE("after") {}
    if (before) CHECK(read_slit(bytes.bytes(), s.nodes, s.defects) == errc::ok);
    for (const std::uint32_t domain : {1u, 0u, 7u, 2u}) REQUIRE(s.nodes.add(domain).has_value());
    if (!before) CHECK(read_slit(bytes.bytes(), s.nodes, s.defects) == errc::ok);
    CHECK(s.nodes.distance(0, 1) == 30);
    CHECK(s.nodes.distance(1, 0) == 21);
    CHECK(s.nodes.distance(3, 0) == 41);
    CHECK(s.nodes.distance(2, 2) == 10);
    CHECK(s.nodes.distance(2, 3) == 20);
    CHECK(s.defects.empty());
}

TEST_CASE("large domains") {
    const auto bytes =
        slit<8192>(70, [](std::size_t from, std::size_t to) { return from == to ? 10u : 50u; });
    setup s;
    SUBCASE("after the SRAT") {
        REQUIRE(s.nodes.add(69).has_value());
        REQUIRE(s.nodes.add(3).has_value());
        CHECK(read_slit(bytes.bytes(), s.nodes, s.defects) == errc::ok);
        CHECK(s.nodes.distance(0, 1) == 50);
        CHECK(s.defects.empty());
    }
    SUBCASE("before the SRAT") {
        CHECK(read_slit(bytes.bytes(), s.nodes, s.defects) == errc::limit);
        CHECK(s.only(ashlar::table::slit, 36, defect_kind::full));
        REQUIRE(s.nodes.add(69).has_value());
        REQUIRE(s.nodes.add(3).has_value());
        REQUIRE(s.nodes.add(4).has_value());
        CHECK(s.nodes.distance(0, 1) == 20);
        CHECK(s.nodes.distance(1, 2) == 50);
    }
}

TEST_CASE("a matrix that cannot be true is not used") {
    setup s;
    REQUIRE(s.nodes.add(0).has_value());
    REQUIRE(s.nodes.add(1).has_value());
    std::size_t from = 0;
    std::size_t to = 0;
    unsigned value = 0;
    SUBCASE("a diagonal of 11") {
        from = to = 1, value = 11;
    }
    SUBCASE("a remote distance of 10") {
        from = 1, to = 0, value = 10;
    }
    SUBCASE("a remote distance of 0") {
        from = 0, to = 1, value = 0;
    }
    const auto bytes = slit(
        2, [=](std::size_t a, std::size_t b) { return a == from && b == to ? value : asymmetric(a, b); });
    CHECK(read_slit(bytes.bytes(), s.nodes, s.defects) == errc::invalid);
    CHECK(s.only(ashlar::table::slit, 44 + 2 * from + to, defect_kind::bad_distance));
    CHECK(s.nodes.distance(0, 1) == 20);
    CHECK(s.nodes.distance(1, 0) == 20);
    CHECK(s.nodes.distance(1, 1) == 10);
}

TEST_CASE("255 is unreachable, and valid") {
    setup s;
    const auto bytes = slit(2, [](std::size_t a, std::size_t b) { return a == b ? 10u : 255u; });
    CHECK(read_slit(bytes.bytes(), s.nodes, s.defects) == errc::ok);
    REQUIRE(s.nodes.add(0).has_value());
    REQUIRE(s.nodes.add(1).has_value());
    CHECK(s.nodes.distance(0, 1) == ashlar::unreachable_distance);
}

TEST_CASE("a matrix that does not fit") {
    setup s;
    auto bytes = slit(2, asymmetric);
    SUBCASE("none") {
        bytes.set(36, 0);
    }
    SUBCASE("too large") {
        bytes.set(36, 3);
    }
    SUBCASE("much too large") {
        bytes.set(43, 0x80);
    }
    SUBCASE("whose size wraps") {
        bytes.set(36, 0).set(40, 1);
    }
    bytes.seal();
    CHECK(read_slit(bytes.bytes(), s.nodes, s.defects) == errc::invalid);
    CHECK(s.only(ashlar::table::slit, 36, defect_kind::bad_length));
}

TEST_CASE("no SLIT, or not all of it") {
    setup s;
    const auto bytes = slit(2, asymmetric);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        CHECK(read_slit(bytes.bytes().subview(0, length), s.nodes, s.defects) == errc::invalid);
    }
    CHECK(s.defects.count(defect_kind::bad_signature) == 32);
    CHECK(s.nodes.distance(0, 0) == 10);
}

TEST_CASE("a wrong checksum is no more than a defect") {
    setup s;
    auto bytes = slit(2, asymmetric);
    bytes.set(10, 1);
    CHECK(read_slit(bytes.bytes(), s.nodes, s.defects) == errc::ok);
    CHECK(s.only(ashlar::table::slit, 9, defect_kind::bad_checksum));
}

}  // namespace
