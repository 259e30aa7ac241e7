// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/fdt.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "firmware/fdt_writer.hpp"
#include "firmware/setup.hpp"

// Reservations of a device tree that say a size and no place, and what the embedder learns of all of them.
namespace {

using ashlar::any_node;
using ashlar::defect_kind;
using ashlar::errc;
using ashlar::fdt_reservation;
using firmware_tests::fdt_writer;
using firmware_tests::kind_at;
using firmware_tests::setup;
using enum ashlar::memory_kind;

struct told {
    std::string name;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    bool placed = false;

    bool operator==(const told&) const = default;
};

std::vector<told> read(setup& s, ashlar::bytes tree) {
    std::vector<told> all;
    CHECK(ashlar::read_fdt(tree, s.map, s.nodes, s.defects, [&](const fdt_reservation& one) {
              std::string name;
              for (const std::byte b : one.name) name += std::to_integer<char>(b);
              all.push_back({name, one.begin, one.end, one.placed});
          }) == errc::ok);
    return all;
}

/// 16 MiB of memory from 0 on, and an open /reserved-memory.
fdt_writer machine() {
    fdt_writer tree;
    tree.root().memory({0, 0x1000000}).end();
    tree.begin("reserved-memory").cells("#address-cells", {1}).cells("#size-cells", {1}).flag("ranges");
    return tree;
}

constexpr bool places_at_compile_time() {
    setup s;
    fdt_writer tree;
    tree.root().memory({0, 0x10000}).end();
    tree.begin("reserved-memory").cells("#address-cells", {1}).cells("#size-cells", {1}).flag("ranges");
    tree.begin("pool").cells("size", {0x2000}).end().end();
    return ashlar::read_fdt(tree.sealed(), s.map, s.nodes, s.defects) == errc::ok && s.defects.empty() &&
           s.holds({{0, 0xe000, usable}, {0xe000, 0x10000, reserved}});
}
static_assert(places_at_compile_time());

TEST_CASE("a reservation without a place gets the topmost memory") {
    setup s;
    fdt_writer tree = machine();
    tree.begin("pool").cells("size", {0x4000}).cells("phandle", {7}).end().end();
    CHECK(read(s, tree.sealed()) == std::vector<told>{{"pool", 0xffc000, 0x1000000, true}});
    CHECK(s.holds({{0, 0xffc000, usable}, {0xffc000, 0x1000000, reserved}}));
    CHECK(s.defects.empty());
}

TEST_CASE("a reservation without a place is placed after all that have one, wherever it stands") {
    setup s;
    fdt_writer tree = machine();
    tree.reserve(0xfff000, 0x1000);
    tree.begin("first").cells("size", {0x1000}).end();
    tree.begin("second").cells("size", {0x1000}).end();
    tree.begin("static@ffe000").cells("reg", {0xffe000, 0x1000}).end().end();
    CHECK(read(s, tree.sealed()) == std::vector<told>{{"static@ffe000", 0xffe000, 0xfff000, false},
                                                      {"first", 0xffd000, 0xffe000, true},
                                                      {"second", 0xffc000, 0xffd000, true}});
    CHECK(s.holds({{0, 0xffc000, usable}, {0xffc000, 0x1000000, reserved}}));
    CHECK(s.defects.empty());
}

TEST_CASE("a reservation without a place keeps off what was excluded before") {
    setup s;
    (void)s.map.exclude_bytes(0xf00000, 0x1000000);
    fdt_writer tree = machine();
    tree.begin("pool").cells("size", {0x1000}).end().end();
    CHECK(read(s, tree.sealed()) == std::vector<told>{{"pool", 0xeff000, 0xf00000, true}});
}

TEST_CASE("a reservation without a place is aligned") {
    setup s;
    fdt_writer tree = machine();
    SUBCASE("in one cell") {
        tree.begin("pool").cells("alignment", {0x400000});
    }
    SUBCASE("in two cells") {
        tree.begin("pool").cells("alignment", {0, 0x400000});
    }
    tree.cells("size", {0x1000}).end().end();
    CHECK(read(s, tree.sealed()) == std::vector<told>{{"pool", 0xc00000, 0xc01000, true}});
    CHECK(s.defects.empty());
}

TEST_CASE("a reservation without a place takes whole pages of the machine") {
    setup s(16);
    fdt_writer tree = machine();
    tree.begin("pool").cells("size", {0x1001}).cells("alignment", {0x10}).end().end();
    CHECK(read(s, tree.sealed()) == std::vector<told>{{"pool", 0xff0000, 0x1000000, true}});
    CHECK(s.map.usable_frames() == 255);
}

TEST_CASE("a reservation without a place stays inside its alloc-ranges, the first that has room") {
    setup s;
    fdt_writer tree = machine();
    SUBCASE("the first") {
        tree.begin("pool").cells("size", {0x2000});
        tree.cells("alloc-ranges", {0x10000, 0x8000, 0x800000, 0x100000}).end().end();
        CHECK(read(s, tree.sealed()) == std::vector<told>{{"pool", 0x16000, 0x18000, true}});
    }
    SUBCASE("the first is too small") {
        tree.begin("pool").cells("size", {0x10000});
        tree.cells("alloc-ranges", {0x10000, 0x8000, 0x800000, 0x100000}).end().end();
        CHECK(read(s, tree.sealed()) == std::vector<told>{{"pool", 0x8f0000, 0x900000, true}});
    }
    SUBCASE("the first is taken") {
        tree.begin("a@10000").cells("reg", {0x10000, 0x8000}).end();
        tree.begin("pool").cells("size", {0x2000});
        tree.cells("alloc-ranges", {0x10000, 0x8000, 0x800000, 0x100000}).end().end();
        CHECK(read(s, tree.sealed()).back() == told{"pool", 0x8fe000, 0x900000, true});
    }
    SUBCASE("ends inside of pages round inwards") {
        tree.begin("pool").cells("size", {0x1000});
        tree.cells("alloc-ranges", {0x10800, 0x2000}).end().end();
        CHECK(read(s, tree.sealed()) == std::vector<told>{{"pool", 0x11000, 0x12000, true}});
    }
    SUBCASE("beyond the end of memory") {
        tree.begin("pool").cells("size", {0x1000});
        tree.cells("alloc-ranges", {0xff0000, 0xfff00000}).end().end();
        CHECK(read(s, tree.sealed()) == std::vector<told>{{"pool", 0xfff000, 0x1000000, true}});
    }
    CHECK(s.defects.empty());
}

TEST_CASE("a reservation that fits nowhere is reported and not placed") {
    setup s;
    fdt_writer tree = machine();
    tree.begin("pool");
    defect_kind kind = defect_kind::ignored;
    SUBCASE("too large") {
        tree.cells("size", {0x1000001});
    }
    SUBCASE("outside of memory") {
        tree.cells("size", {0x1000}).cells("alloc-ranges", {0x2000000, 0x1000000});
    }
    SUBCASE("no range at all") {
        tree.cells("size", {0x1000}).cells("alloc-ranges", {});
    }
    SUBCASE("an alignment beyond memory") {
        tree.cells("size", {0x1000}).cells("alignment", {0, 0});
        kind = defect_kind::malformed;
    }
    SUBCASE("no power of two") {
        tree.cells("size", {0x1000}).cells("alignment", {0x3000});
        kind = defect_kind::malformed;
    }
    SUBCASE("an alignment of three cells") {
        tree.cells("size", {0x1000}).cells("alignment", {0, 0, 1});
        kind = defect_kind::malformed;
    }
    SUBCASE("no size") {
        tree.cells("size", {0});
        kind = defect_kind::malformed;
    }
    SUBCASE("a size in other cells") {
        tree.cells("size", {0, 0x1000});
        kind = defect_kind::malformed;
    }
    tree.end().end();
    CHECK(read(s, tree.sealed()).empty());
    CHECK(s.holds({{0, 0x1000000, usable}}));
    REQUIRE(s.defects.size() == 1);
    CHECK(s.defects[0].kind == kind);
}

TEST_CASE("alloc-ranges that are cut off are reported, and used as far as they go") {
    setup s;
    fdt_writer tree = machine();
    tree.begin("pool").cells("size", {0x1000}).cells("alloc-ranges", {0x10000, 0x8000, 0x9000}).end().end();
    CHECK(read(s, tree.sealed()) == std::vector<told>{{"pool", 0x17000, 0x18000, true}});
    CHECK(s.defects.count(defect_kind::bad_length) == 1);
}

TEST_CASE("hot-pluggable memory is no place for a reservation, and none reaches over two nodes") {
    setup s;
    fdt_writer tree;
    tree.root();
    tree.memory({0, 0x100000}).cells("numa-node-id", {0}).end();
    tree.memory({0x100000, 0x100000}).cells("numa-node-id", {1}).end();
    tree.memory({0x200000, 0x100000}).cells("numa-node-id", {1}).flag("hotpluggable").end();
    tree.begin("reserved-memory").cells("#address-cells", {1}).cells("#size-cells", {1}).flag("ranges");
    tree.begin("small").cells("size", {0x80000}).end();
    tree.begin("large").cells("size", {0x100000}).end().end();
    CHECK(read(s, tree.sealed()) ==
          std::vector<told>{{"small", 0x180000, 0x200000, true}, {"large", 0, 0x100000, true}});
    CHECK(kind_at(s.map, 0x200000) == usable);
    CHECK(s.defects.empty());
}

TEST_CASE("what a reservation is for is told") {
    setup s;
    fdt_writer tree = machine();
    tree.begin("cma").cells("size", {0x1000}).flag("reusable").cells("phandle", {9}).end();
    tree.begin("fw@1000").cells("reg", {0x1000, 0x1000}).flag("no-map").end().end();
    std::vector<fdt_reservation> all;
    CHECK(ashlar::read_fdt(tree.sealed(), s.map, s.nodes, s.defects,
                           [&](const fdt_reservation& one) { all.push_back(one); }) == errc::ok);
    REQUIRE(all.size() == 2);
    CHECK((all[0].no_map && !all[0].reusable && all[0].phandle == 0));
    CHECK((!all[1].no_map && all[1].reusable && all[1].phandle == 9));
    // Reusable memory is lent by the embedder, not handed out by us.
    CHECK(kind_at(s.map, all[1].begin) == reserved);
}

TEST_CASE("a reservation of the last byte of the address space is not told as a range of nothing") {
    setup s;
    fdt_writer tree;
    tree.root().memory({0, 0x1000000}).end();
    tree.begin("reserved-memory").cells("#address-cells", {2}).cells("#size-cells", {1}).flag("ranges");
    tree.begin("last").cells("reg", {~0u, ~0u, 1}).end();
    tree.begin("two").cells("reg", {~0u, ~0u - 1, 2}).end().end();
    CHECK(read(s, tree.sealed()) == std::vector<told>{{"two", ~0ull - 1, ~0ull, false}});
    CHECK(kind_at(s.map, 0) == usable);
}

TEST_CASE("only the usable range of a crash kernel is used") {
    setup s;
    fdt_writer tree;
    tree.root();
    tree.memory({0, 0x1000000}).end();
    tree.begin("chosen");
    SUBCASE("one range") {
        tree.cells("linux,usable-memory-range", {0x400000, 0x100000}).end();
        CHECK(read(s, tree.sealed()).empty());
        CHECK(s.map.usable_frames() == 0x100);
        CHECK(kind_at(s.map, 0x400000) == usable);
        CHECK(kind_at(s.map, 0x500000) == reserved);
        CHECK(s.defects.empty());
        // Nor may it use what somebody else describes.
        (void)s.map.add(0x80000000, 0x80100000, usable);
        CHECK(s.map.usable_frames() == 0x100);
    }
    SUBCASE("two ranges, descending, and one that is more than memory") {
        tree.cells("linux,usable-memory-range", {0xf00000, 0x800000, 0x1000, 0x1000}).end();
        CHECK(read(s, tree.sealed()).empty());
        CHECK(s.map.usable_frames() == 0x101);
        CHECK(kind_at(s.map, 0x1000) == usable);
        CHECK(s.defects.empty());
    }
    SUBCASE("none") {
        tree.cells("linux,usable-memory-range", {}).end();
        CHECK(read(s, tree.sealed()).empty());
        CHECK(s.map.usable_frames() == 0);
    }
    SUBCASE("too many") {
        tree.cells("linux,usable-memory-range",
                   {0x01000, 0x1000,  0x03000, 0x1000,  0x05000, 0x1000,  0x07000, 0x1000,  0x09000,
                    0x1000,  0x0b000, 0x1000,  0x0d000, 0x1000,  0x0f000, 0x1000,  0x11000, 0x1000,
                    0x13000, 0x1000,  0x15000, 0x1000,  0x17000, 0x1000,  0x19000, 0x1000,  0x1b000,
                    0x1000,  0x1d000, 0x1000,  0x1f000, 0x1000,  0x21000, 0x1000});
        tree.end();
        CHECK(read(s, tree.sealed()).empty());
        CHECK(s.map.usable_frames() == 16);
        CHECK(s.defects.count(defect_kind::ignored) == 1);
    }
}

TEST_CASE("a full map places nothing that it cannot keep") {
    for (std::size_t capacity = 0; capacity < 6; ++capacity) {
        ashlar::memory_entry entries[8];
        ashlar::memory_map map(ashlar::view<ashlar::memory_entry>(entries, capacity));
        ashlar::topology nodes;
        ashlar::defect found[8];
        ashlar::defects defects(found);
        fdt_writer tree = machine();
        tree.begin("a@1000").cells("reg", {0x1000, 0x1000}).end();
        tree.begin("pool").cells("size", {0x1000}).cells("alloc-ranges", {0x8000, 0x2000}).end().end();
        const errc answer =
            ashlar::read_fdt(tree.sealed(), map, nodes, defects, [&](const fdt_reservation& one) {
                const bool handed_out = map.any_of(one.begin, one.end, [](const ashlar::memory_entry& entry) {
                    return entry.kind == usable;
                });
                CHECK_FALSE(handed_out);
            });
        CHECK(answer == (capacity < 5 ? errc::limit : errc::ok));
    }
}

}  // namespace
