// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/fdt_initrd.hpp>

#include "firmware/fdt_writer.hpp"
#include "firmware/setup.hpp"

namespace {

using ashlar::defect_kind;
using ashlar::errc;
using ashlar::fdt_initrd;
using firmware_tests::fdt_writer;
using firmware_tests::setup;

constexpr fdt_initrd disk_at_compile_time() {
    setup s;
    fdt_writer tree;
    tree.root().begin("chosen").cells("linux,initrd-start", {0x1000}).cells("linux,initrd-end", {0x2345});
    return *ashlar::find_fdt_initrd(tree.end().sealed(), s.defects);
}
static_assert(disk_at_compile_time() == fdt_initrd{0x1000, 0x2345});

TEST_CASE("where the initial RAM disk is") {
    setup s;
    fdt_writer tree;
    SUBCASE("in one cell and in two") {
        tree.root().begin("chosen").cells("linux,initrd-start", {0x1000});
        tree.cells("linux,initrd-end", {1, 0x80}).end();
        const auto disk = ashlar::find_fdt_initrd(tree.sealed(), s.defects);
        REQUIRE(disk);
        CHECK(*disk == fdt_initrd{0x1000, 0x100000080});
        CHECK(!disk->empty());
    }
    SUBCASE("nowhere: without a word on it, without /chosen, in a /chosen that is not the root's") {
        tree.root().begin("chosen").end().begin("soc").begin("chosen");
        tree.cells("linux,initrd-start", {0x1000}).cells("linux,initrd-end", {0x2000}).end().end();
        const auto disk = ashlar::find_fdt_initrd(tree.sealed(), s.defects);
        REQUIRE(disk);
        CHECK(disk->empty());
        fdt_writer bare;
        CHECK(ashlar::find_fdt_initrd(bare.root().sealed(), s.defects)->empty());
    }
    CHECK(s.defects.empty());
}

TEST_CASE("an initial RAM disk that nobody can find is refused and reported") {
    setup s;
    fdt_writer tree;
    tree.root().begin("chosen");
    defect_kind expected = defect_kind::bad_length;
    SUBCASE("a start alone") {
        tree.cells("linux,initrd-start", {0x1000});
    }
    SUBCASE("an end alone") {
        tree.cells("linux,initrd-end", {0x1000});
    }
    SUBCASE("three cells") {
        tree.cells("linux,initrd-start", {0, 0, 0x1000}).cells("linux,initrd-end", {0x2000});
    }
    SUBCASE("an end before the start") {
        tree.cells("linux,initrd-start", {0x2000}).cells("linux,initrd-end", {0x1fff});
        expected = defect_kind::inverted;
    }
    CHECK(ashlar::find_fdt_initrd(tree.end().sealed(), s.defects).error() == errc::invalid);
    REQUIRE(s.defects.size() == 1);
    CHECK(s.defects[0].kind == expected);
    CHECK(s.defects[0].source == ashlar::table::fdt);
}

TEST_CASE("a tree that is cut off has no initial RAM disk to tell of") {
    setup s;
    fdt_writer tree;
    tree.root().begin("chosen").cells("linux,initrd-start", {0x1000}).cells("linux,initrd-end", {0x2000});
    const ashlar::bytes whole = tree.end().sealed();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CHECK(ashlar::find_fdt_initrd(whole.subview(0, size), s.defects).error() == errc::invalid);
    }
}

}  // namespace
