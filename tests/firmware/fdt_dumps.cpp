// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/fdt.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "firmware/dump.hpp"
#include "firmware/setup.hpp"

// Device trees of tests/data/firmware.
namespace {

using ashlar::defect_kind;
using ashlar::errc;
using firmware_tests::dump;
using firmware_tests::setup;
using enum ashlar::memory_kind;

void read(setup& s, const char* name) {
    const dump file(name);
    CHECK(ashlar::read_fdt(file.bytes(), s.map, s.nodes, s.defects) == errc::ok);
    CHECK(s.defects.empty());
}

TEST_CASE("AArch64: one piece of memory, no nodes") {
    setup s;
    read(s, "aarch64-virt-512M.dtb");
    CHECK(s.holds({{0x40000000, 0x60000000, usable}}));
    CHECK_FALSE(s.nodes.has_domains());
}

TEST_CASE("RISC-V: memory above 4 GiB") {
    setup s;
    read(s, "riscv64-virt-6G.dtb");
    CHECK(s.holds({{0x80000000, 0x200000000, usable}}));
}

TEST_CASE("trap: memory nodes of a device tree in descending order, with distances") {
    setup s;
    read(s, "aarch64-virt-numa4.dtb");
    CHECK(s.holds({{0x40000000, 0x60000000, usable, 0, 0},
                   {0x60000000, 0x80000000, usable, 0, 1},
                   {0x80000000, 0xa0000000, usable, 0, 2},
                   {0xa0000000, 0xc0000000, usable, 0, 3}}));
    CHECK(s.nodes.node_count() == 4);
    const unsigned distances[4][4] = {{10, 15, 20, 30}, {15, 10, 25, 20}, {20, 25, 10, 15}, {30, 20, 15, 10}};
    for (ashlar::node_id from = 0; from < 4; ++from) {
        CHECK(s.nodes.domain(from) == from);
        CHECK(s.nodes.cpus(from) == 1);
        for (ashlar::node_id to = 0; to < 4; ++to) CHECK(s.nodes.distance(from, to) == distances[from][to]);
    }
}

TEST_CASE("AArch64: two nodes") {
    setup s;
    read(s, "aarch64-virt-numa2.dtb");
    CHECK(s.holds({{0x40000000, 0xc0000000, usable, 0, 0}, {0xc0000000, 0x140000000, usable, 0, 1}}));
    CHECK(s.nodes.distance(0, 1) == 20);
}

TEST_CASE("trap: a device tree with a node without memory") {
    setup s;
    read(s, "aarch64-virt-memless.dtb");
    CHECK(s.holds({{0x40000000, 0x80000000, usable, 0, 0}}));
    CHECK(s.nodes.node_count() == 2);
    CHECK(s.nodes.cpus(1) == 1);
}

TEST_CASE("RISC-V: two nodes of two processors") {
    setup s;
    read(s, "riscv64-virt-numa2.dtb");
    CHECK(s.holds({{0x80000000, 0x90000000, usable, 0, 0}, {0x90000000, 0xa0000000, usable, 0, 1}}));
    CHECK(s.nodes.cpus(0) == 2);
    CHECK(s.nodes.cpus(1) == 2);
    CHECK(s.nodes.distance(0, 1) == 21);
}

TEST_CASE("trap: OpenSBI reserves itself in the tree at run time") {
    setup s;
    read(s, "riscv64-virt-opensbi-256M.dtb");
    CHECK(s.holds({{0x80000000, 0x80080000, reserved}, {0x80080000, 0x90000000, usable}}));
}

TEST_CASE("a device tree that ends early is refused") {
    for (const char* name : {"aarch64-virt-numa4.dtb", "riscv64-virt-opensbi-256M.dtb"}) {
        const dump file(name);
        for (std::size_t length = 0; length < file.bytes().size(); ++length) {
            // A copy of its own, so that a sanitizer sees the first byte beyond.
            const std::vector<std::byte> copy(file.bytes().begin(), file.bytes().begin() + length);
            setup s;
            const ashlar::bytes part{copy.data(), copy.size()};
            CHECK(ashlar::read_fdt(part, s.map, s.nodes, s.defects) == errc::invalid);
            CHECK(s.map.entries().empty());
            CHECK(s.only(ashlar::table::fdt, length, defect_kind::truncated));
        }
    }
}

}  // namespace
