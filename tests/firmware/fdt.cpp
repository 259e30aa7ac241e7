// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/fdt.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "firmware/fdt_writer.hpp"
#include "firmware/setup.hpp"

namespace {

using ashlar::any_node;
using ashlar::defect_kind;
using ashlar::errc;
using firmware_tests::fdt_writer;
using firmware_tests::kind_at;
using firmware_tests::setup;
using enum ashlar::memory_kind;
namespace attribute = ashlar::memory_attribute;

constexpr errc read(setup& s, ashlar::bytes tree) {
    return ashlar::read_fdt(tree, s.map, s.nodes, s.defects);
}

/// Exactly one finding, and it is this.
bool only(const setup& s, defect_kind kind) {
    return s.defects.size() == 1 && s.defects[0].source == ashlar::table::fdt && s.defects[0].kind == kind;
}

/// Refused with one finding, and nothing was read.
bool refused(setup& s, ashlar::bytes tree, defect_kind kind) {
    return read(s, tree) == errc::invalid && s.map.entries().empty() && !s.nodes.has_domains() &&
           only(s, kind);
}

constexpr bool reads_at_compile_time() {
    setup s;
    fdt_writer tree;
    tree.reserve(0x1000, 0x1000).root(2, 2).memory({0, 0, 0, 0x4000}).end();
    return read(s, tree.sealed()) == errc::ok && s.defects.empty() &&
           s.holds({{0, 0x1000, usable}, {0x1000, 0x2000, reserved}, {0x2000, 0x4000, usable}});
}
static_assert(reads_at_compile_time());

TEST_CASE("memory in the root's cells") {
    setup s;
    fdt_writer tree;
    SUBCASE("one and one") {
        tree.root().memory({0x1000, 0x1000, 0x4000, 0x1000}).end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(s.holds({{0x1000, 0x2000, usable}, {0x4000, 0x5000, usable}}));
    }
    SUBCASE("two and one, as without a word on it") {
        tree.begin("").memory({1, 0x1000, 0x1000}).end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(s.holds({{0x100001000, 0x100002000, usable}}));
    }
    SUBCASE("one and two") {
        tree.root(1, 2).memory({0x1000, 1, 0}).end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(s.holds({{0x1000, 0x100001000, usable}}));
    }
    CHECK(s.defects.empty());
}

TEST_CASE("other numbers of cells are refused") {
    for (const std::uint32_t cells : {0u, 3u, 0xffffffffu}) {
        setup s;
        fdt_writer tree;
        tree.root(cells, 1).memory({0, 0x1000}).end();
        CHECK(refused(s, tree.sealed(), defect_kind::bad_length));
        setup t;
        fdt_writer other;
        other.root(1, cells).memory({0, 0x1000}).end();
        CHECK(refused(t, other.sealed(), defect_kind::bad_length));
    }
}

TEST_CASE("memory is by type, place and status") {
    setup s;
    fdt_writer tree;
    tree.root();
    SUBCASE("secure memory is disabled") {
        tree.begin("secram@e000000").text("status", "disabled").text("device_type", "memory");
        tree.cells("reg", {0xe000000, 0x1000000}).end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(s.map.entries().empty());
        CHECK(only(s, defect_kind::ignored));
    }
    SUBCASE("okay and ok") {
        tree.memory({0, 0x1000}).text("status", "okay").end();
        tree.memory({0x1000, 0x1000}).text("status", "ok").end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(s.holds({{0, 0x2000, usable}}));
        CHECK(s.defects.empty());
    }
    SUBCASE("a name is not enough") {
        tree.begin("memory@0").cells("reg", {0, 0x1000}).end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(s.map.entries().empty());
        CHECK(s.defects.empty());
    }
    SUBCASE("not below another node") {
        tree.begin("soc").memory({0, 0x1000}).end().end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(s.map.entries().empty());
        CHECK(s.defects.empty());
    }
    SUBCASE("linux,usable-memory stands before reg") {
        tree.memory({0, 0x10000}).cells("linux,usable-memory", {0x2000, 0x1000}).end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(s.holds({{0x2000, 0x3000, usable}}));
        CHECK(s.defects.empty());
    }
    SUBCASE("nowhere") {
        tree.begin("memory").text("device_type", "memory").end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(only(s, defect_kind::malformed));
    }
    SUBCASE("a range that is cut off, an empty one") {
        tree.memory({0, 0x1000, 0x2000, 0, 0x3000}).end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(s.holds({{0, 0x1000, usable}}));
        CHECK(s.defects.size() == 2);
        CHECK(s.defects.count(defect_kind::zero_length) == 1);
        CHECK(s.defects.count(defect_kind::bad_length) == 1);
    }
    SUBCASE("between tokens that say nothing") {
        tree.token(4).begin("memory").token(4).text("device_type", "memory").token(4);
        tree.cells("reg", {0, 0x1000}).token(4).end().token(4);
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(s.holds({{0, 0x1000, usable}}));
        CHECK(s.defects.empty());
    }
}

TEST_CASE("memory beyond the address space is dropped, a reservation reaches to its end") {
    constexpr std::uint64_t top = ~std::uint64_t{0};
    setup s;
    fdt_writer tree;
    tree.reserve(0x3000, top).root(2, 2);
    tree.memory({0, 0, 0, 0x4000, 0, 0x1000, 0xffffffff, 0xffffffff}).end();
    CHECK(read(s, tree.sealed()) == errc::ok);
    CHECK(s.holds({{0, 0x3000, usable}, {0x3000, top, reserved}}));
    CHECK(s.defects.size() == 2);
    CHECK(s.defects.count(defect_kind::wrapped) == 2);
}

TEST_CASE("nodes") {
    setup s;
    fdt_writer tree;
    tree.root();
    SUBCASE("processors first, whatever the order; sparse domains") {
        tree.memory({0x1000, 0x1000}).cells("numa-node-id", {9}).end();
        tree.memory({0, 0x1000}).cells("numa-node-id", {5}).flag("hotpluggable").end();
        tree.begin("cpus");
        tree.begin("cpu@0").text("device_type", "cpu").cells("numa-node-id", {5}).end();
        tree.begin("cpu@1").text("device_type", "cpu").cells("numa-node-id", {5}).end();
        tree.begin("cpu@2").text("device_type", "cpu").cells("numa-node-id", {7}).end();
        tree.begin("cpu@3")
            .text("device_type", "cpu")
            .cells("numa-node-id", {5})
            .text("status", "fail")
            .end();
        tree.begin("cpu-map").cells("numa-node-id", {8}).end();
        tree.end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(s.nodes.node_count() == 3);
        CHECK(s.nodes.domain(0) == 5);
        CHECK(s.nodes.domain(1) == 7);
        CHECK(s.nodes.domain(2) == 9);
        CHECK(s.nodes.cpus(0) == 2);
        CHECK(s.nodes.cpus(1) == 1);
        CHECK(s.nodes.cpus(2) == 0);
        CHECK(s.holds({{0, 0x1000, usable, attribute::hot_pluggable, 0}, {0x1000, 0x2000, usable, 0, 2}}));
        CHECK(s.defects.empty());
    }
    SUBCASE("hot-pluggable without a node") {
        tree.memory({0, 0x1000}).flag("hotpluggable").end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(s.holds({{0, 0x1000, usable}}));
        CHECK(only(s, defect_kind::no_node));
    }
    SUBCASE("a number of two cells") {
        tree.memory({0, 0x1000}).cells("numa-node-id", {0, 1}).end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(s.holds({{0, 0x1000, usable}}));
        CHECK(only(s, defect_kind::bad_length));
    }
    SUBCASE("that claim the same memory") {
        tree.memory({0, 0x2000}).cells("numa-node-id", {0}).end();
        tree.memory({0x1000, 0x2000}).cells("numa-node-id", {1}).end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(s.holds({{0, 0x2000, usable, 0, 0}, {0x2000, 0x3000, usable, 0, 1}}));
        CHECK(only(s, defect_kind::node_conflict));
    }
    SUBCASE("too many") {
        for (unsigned i = 0; i < ashlar::max_nodes; ++i) (void)s.nodes.add(1000 + i);
        tree.memory({0, 0x1000}).cells("numa-node-id", {1}).end();
        CHECK(read(s, tree.sealed()) == errc::limit);
        CHECK(s.map.entries().empty());
        CHECK(only(s, defect_kind::full));
    }
}

TEST_CASE("reserved memory") {
    setup s;
    fdt_writer tree;
    tree.root().memory({0, 0x10000}).end();
    tree.begin("reserved-memory").cells("#address-cells", {1}).cells("#size-cells", {1}).flag("ranges");
    SUBCASE("with a place") {
        tree.begin("a").cells("reg", {0x1000, 0x1000, 0x4000, 0x1000}).flag("no-map").end();
        tree.begin("b").cells("reg", {0x8000, 0x1000}).flag("reusable").end();
        tree.end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        for (const std::uint64_t at : {0x1000u, 0x4000u, 0x8000u}) CHECK(kind_at(s.map, at) == reserved);
        CHECK(s.map.usable_frames() == 13);
        CHECK(s.defects.empty());
    }
    SUBCASE("without anything") {
        tree.begin("pool").end().end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(only(s, defect_kind::malformed));
    }
    SUBCASE("unmapped and reusable") {
        tree.begin("a").cells("reg", {0x1000, 0x1000}).flag("no-map").flag("reusable").end().end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(kind_at(s.map, 0x1000) == reserved);
        CHECK(only(s, defect_kind::malformed));
    }
    SUBCASE("not available") {
        tree.begin("a").cells("reg", {0x1000, 0x1000}).text("status", "disabled").end().end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(s.holds({{0, 0x10000, usable}}));
        CHECK(only(s, defect_kind::ignored));
    }
    SUBCASE("overlapping each other") {
        tree.begin("a").cells("reg", {0x1000, 0x2000}).end();
        tree.begin("b").cells("reg", {0x2000, 0x2000}).end().end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(s.holds({{0, 0x1000, usable}, {0x1000, 0x4000, reserved}, {0x4000, 0x10000, usable}}));
        CHECK(only(s, defect_kind::overlap));
    }
}

TEST_CASE("reserved memory with cells of its own is reported and taken") {
    setup s;
    fdt_writer tree;
    tree.root().memory({0, 0x10000}).end();
    tree.begin("reserved-memory").cells("#address-cells", {2}).cells("#size-cells", {2}).flag("ranges");
    tree.begin("a").cells("reg", {0, 0x1000, 0, 0x1000}).end().end();
    CHECK(read(s, tree.sealed()) == errc::ok);
    CHECK(s.holds({{0, 0x1000, usable}, {0x1000, 0x2000, reserved}, {0x2000, 0x10000, usable}}));
    CHECK(only(s, defect_kind::malformed));
}

/// Two domains and this matrix.
fdt_writer with_distances(std::initializer_list<std::uint32_t> matrix) {
    fdt_writer tree;
    tree.root();
    tree.memory({0, 0x1000}).cells("numa-node-id", {0}).end();
    tree.memory({0x1000, 0x1000}).cells("numa-node-id", {1}).end();
    tree.begin("distance-map").text("compatible", "numa-distance-map-v1");
    tree.cells("distance-matrix", matrix).end();
    return tree;
}

TEST_CASE("distances") {
    setup s;
    SUBCASE("in one direction count for both") {
        CHECK(read(s, with_distances({1, 0, 30}).sealed()) == errc::ok);
        CHECK(s.nodes.distance(0, 1) == 30);
        CHECK(s.nodes.distance(1, 0) == 30);
        CHECK(s.defects.empty());
    }
    SUBCASE("in both directions stand, whatever the order") {
        CHECK(read(s, with_distances({1, 0, 30, 0, 1, 40, 7, 0, 50}).sealed()) == errc::ok);
        CHECK(s.nodes.distance(0, 1) == 40);
        CHECK(s.nodes.distance(1, 0) == 30);
        CHECK(s.defects.empty());
    }
    SUBCASE("that cannot be true are not used") {
        for (const std::initializer_list<std::uint32_t> wrong :
             {std::initializer_list<std::uint32_t>{0, 1, 30, 0, 0, 11},
              {0, 1, 30, 1, 0, 10},
              {0, 1, 30, 1, 0, 256}}) {
            setup t;
            CHECK(read(t, with_distances(wrong).sealed()) == errc::ok);
            CHECK(t.nodes.distance(0, 1) == ashlar::remote_distance);
            CHECK(only(t, defect_kind::bad_distance));
        }
    }
    SUBCASE("that are no triples are not used") {
        CHECK(read(s, with_distances({0, 1, 30, 1}).sealed()) == errc::ok);
        CHECK(s.nodes.distance(0, 1) == ashlar::remote_distance);
        CHECK(only(s, defect_kind::bad_length));
    }
    SUBCASE("of another kind are not used") {
        fdt_writer tree;
        tree.root().begin("distance-map").text("compatible", "other").end();
        CHECK(read(s, tree.sealed()) == errc::ok);
        CHECK(only(s, defect_kind::bad_signature));
    }
}

TEST_CASE("headers that are wrong") {
    setup s;
    fdt_writer tree;
    tree.root().memory({0, 0x1000}).end();
    const auto size = static_cast<std::uint32_t>(tree.sealed().size());
    struct {
        std::size_t index;
        std::uint32_t value;
        defect_kind kind;
    } const wrong[] = {{0, 0, defect_kind::bad_signature},
                       {1, size + 1, defect_kind::truncated},
                       {1, 39, defect_kind::bad_length},
                       {2, size + 4, defect_kind::bad_length},
                       {2, 57, defect_kind::bad_length},
                       {3, size, defect_kind::bad_length},
                       {4, size + 8, defect_kind::bad_length},
                       {4, size - 8, defect_kind::malformed},
                       {5, 15, defect_kind::unknown_kind},
                       {6, 18, defect_kind::unknown_kind},
                       {8, 0xffffffff, defect_kind::bad_length},
                       {9, 0xffffffff, defect_kind::bad_length},
                       {9, 8, defect_kind::malformed}};
    for (const auto& one : wrong) {
        CAPTURE(one.index);
        fdt_writer copy = tree;
        setup t;
        CHECK(refused(t, copy.with_header(one.index, one.value), one.kind));
    }
    CHECK(ashlar::fdt_size(tree.blob()).value() == size);
    CHECK(ashlar::fdt_size(tree.blob().subview(0, 7)).error() == errc::invalid);
    CHECK(ashlar::fdt_size(tree.blob().subview(1)).error() == errc::invalid);
    CHECK(read(s, tree.blob()) == errc::ok);
}

TEST_CASE("structures that are wrong") {
    setup s;
    fdt_writer tree;
    SUBCASE("no root") {
        tree.token(9);
    }
    SUBCASE("two roots") {
        tree.root().end().root().end().token(9);
    }
    SUBCASE("an open node") {
        tree.root().token(9);
    }
    SUBCASE("a node that never began") {
        tree.root().end().end().token(9);
    }
    SUBCASE("a property before the root") {
        tree.flag("x").root().end().token(9);
    }
    SUBCASE("a property behind a child") {
        tree.root().begin("x").end().flag("late").end().token(9);
    }
    SUBCASE("an unknown token") {
        tree.root().token(5).end().token(9);
    }
    SUBCASE("no end") {
        tree.root().end();
    }
    SUBCASE("a property that is too long") {
        tree.root().token(3).token(0x7fffffff).token(0).end().token(9);
    }
    SUBCASE("a property without a name") {
        tree.root().token(3).token(0).token(0x7fffffff).end().token(9);
    }
    SUBCASE("a name without an end") {
        tree.root().token(1).token(0x61616161);
    }
    CHECK(refused(s, tree.blob(), defect_kind::malformed));
}

TEST_CASE("a full map only loses memory") {
    ashlar::memory_entry entries[1];
    ashlar::memory_map map{entries};
    setup s;
    fdt_writer tree;
    tree.reserve(0x1000, 0x1000).root().memory({0, 0x4000}).end();
    CHECK(ashlar::read_fdt(tree.sealed(), map, s.nodes, s.defects) == errc::limit);
    CHECK(map.usable_frames() == 0);
    CHECK(only(s, defect_kind::full));
}

}  // namespace
