// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Logs as machines, hypervisors, loggers and mailers really leave them.
#include <doctest/doctest.h>
#include <ashlar/firmware/assign_nodes.hpp>
#include <ashlar/firmware/linux_log.hpp>

#include <cstdint>
#include <string>

#include "firmware/setup.hpp"

namespace {

using ashlar::any_node;
using ashlar::defect_kind;
using ashlar::errc;
using ashlar::read_linux_log;
using firmware_tests::setup;
using firmware_tests::text;
using enum ashlar::memory_kind;
namespace attribute = ashlar::memory_attribute;

TEST_CASE("E820 lines by who gave the entries") {
    const char* const lines[] = {
        " BIOS-e820: 0000000000100000 @ 0000000000100000 (usable)",
        " BIOS-88: 0000000000100000 - 0000000000200000 (usable)",
        " BIOS-e801: 0000000000100000 - 0000000000200000 (usable)",
        "[    0.000000] Xen: [mem 0x0000000000100000-0x00000000001fffff] usable",
        " Xen: 0000000000100000 - 0000000000200000 (usable)",
        "(XEN)  [0000000000100000, 00000000001fffff] (usable)",
        "(XEN)  0000000000100000 - 0000000000200000 (usable)",
        "(XEN) [0000003432ac52a2]  [0000000000100000, 00000000001fffff] (usable)",
        "(XEN) [2022-09-19 19:50:56]  0000000000100000 - 0000000000200000 (usable)",
        "Oct  4 12:05:25.087462 (XEN)  [0000000000100000, 00000000001fffff] (usable)",
    };
    for (const char* line : lines) {
        setup s;
        const std::string log(line);
        CHECK_MESSAGE(read_linux_log({log.data(), log.size()}, s.map, nullptr, s.defects) == errc::ok, line);
        CHECK_MESSAGE(s.holds({{0x100000, 0x200000, usable}}), line);
        CHECK_MESSAGE(s.defects.empty(), line);
    }
}

TEST_CASE("lines of Xen that are no entries") {
    for (const char* line : {"(XEN) ACPI: RSDP 000F6100, 0014 (r0 GBT   )", "(XEN)  [0000, 0001] (usable)",
                             "(XEN) [0000003432ac52a2] [text", "(XEN)  VGA is text mode 80x25, font 8x16",
                             "Xen: using vcpuop timer interface", "Xen: [mem", "(XEN)"}) {
        setup s;
        const std::string log(line);
        CHECK_MESSAGE(read_linux_log({log.data(), log.size()}, s.map, nullptr, s.defects) == errc::invalid,
                      line);
        CHECK(s.map.entries().empty());
    }
}

TEST_CASE("a hypervisor's map counts, not that of the Linux above it") {
    setup s;
    const auto log = text(
        "(XEN) Xen version 4.16.1 (root@) (gcc 9.4.0)\n"
        "(XEN) Xen-e820 RAM map:\n"
        "(XEN)  [0000000000000000, 000000000009fbff] (usable)\n"
        "(XEN)  [0000000000100000, 000000007fffffff] (usable)\n"
        "(XEN)  [00000000f0000000, 00000000ffffffff] (reserved)\n"
        "(XEN) System RAM: 2047MB (2096636kB)\n"
        "(XEN) SRAT: PXM 0 -> APIC 00000000 -> Node 0\n"
        "(XEN) SRAT: Node 0 PXM 0 [0000000000000000, 000000003fffffff]\n"
        "(XEN) SRAT: Node 1 PXM 1 [0000000040000000, 000000007fffffff] (hotplug)\n"
        "(XEN) Dom0 memory map:\n"
        "(XEN)  [0000000000000000, 00000000ffffffff] (usable)\n"
        "[    0.000000] Linux version 6.1.0 (gcc 12)\n"
        "[    0.000000] Xen: [mem 0x0000000000000000-0x00000000ffffffff] usable\n"
        "[    0.000000]   node   0: [mem 0x0000000000001000-0x00000000ffffffff]\n");
    CHECK(read_linux_log(log, s.map, &s.nodes, s.defects) == errc::ok);
    CHECK(s.defects.empty());
    CHECK(s.holds({{0, 0x9fc00, usable, 0, 0},
                   {0x9fc00, 0x100000, none, 0, 0},
                   {0x100000, 0x40000000, usable, 0, 0},
                   {0x40000000, 0x80000000, usable, attribute::hot_pluggable, 1},
                   {0xf0000000, 0x100000000, reserved}}));
}

TEST_CASE("lines that a mailer wrapped and quoted") {
    setup s;
    const auto log = text(
        "> > [    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff]\n"
        "> > usable\n"
        "> > [    0.000000] BIOS-e820: [mem\r\n"
        "> > 0x00000000000f0000-0x00000000000fffff] reserved\r\n"
        "> > [    0.000000] BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] ACPI \n"
        "> > NVS\n"
        ">> BIOS-e820: 0000000000200000 -\n>> 0000000000300000 (usable)\n"
        "> efi: mem47: [Conventional Memory|   |  |  |  |  |  |  |  |   |  |  |\n"
        "> |WB|WT|WC|UC] range=[0x0000000000200000-0x000000000020ffff]\n"
        "> (0MB)\n"
        "> ACPI: SRAT: Node 0 PXM 3 [mem\n"
        "> 0x00000000-0x7fffffff]\n"
        "> hotplug\n");
    CHECK(read_linux_log(log, s.map, &s.nodes, s.defects) == errc::ok);
    CHECK(s.defects.empty());
    CHECK(s.nodes.domain(0) == 3);
    constexpr std::uint8_t hot = attribute::hot_pluggable;
    CHECK(s.holds({{0, 0x9fc00, usable, hot, 0},
                   {0x9fc00, 0xf0000, none, hot, 0},
                   {0xf0000, 0x100000, reserved, hot, 0},
                   {0x100000, 0x200000, acpi_nvs, hot, 0},
                   {0x200000, 0x300000, usable, hot, 0},
                   {0x300000, 0x80000000, none, hot, 0}}));
}

TEST_CASE("a line that was cut off does not go on in the next of its kind") {
    setup s;
    SUBCASE("E820") {
        const auto log = text(
            "BIOS-e820: [mem\n"
            "BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] usable\n"
            "BIOS-e820: [mem 0x0000000000200000-0x00000000002fffff]\n"
            "BIOS-e820: [mem 0x0000000000300000-0x00000000003fffff] usable\n");
        CHECK(read_linux_log(log, s.map, nullptr, s.defects) == errc::ok);
        CHECK(s.defects.count(defect_kind::malformed) == 1);
        CHECK(s.defects.count(defect_kind::unknown_kind) == 1);
        CHECK(s.holds(
            {{0x100000, 0x200000, usable}, {0x200000, 0x300000, reserved}, {0x300000, 0x400000, usable}}));
    }
    SUBCASE("UEFI: the type of one with the range of another") {
        const auto log = text(
            "efi: mem00: [Conventional|WB|\n"
            "random: crng init done\n"
            "efi: mem01: [Runtime Data|RUN|WB] range=[0x0000000000001000-0x0000000000001fff] (0MB)\n");
        CHECK(read_linux_log(log, s.map, nullptr, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::uefi, 0, defect_kind::malformed));
        CHECK(s.holds({{0x1000, 0x2000, reserved}}));
    }
    SUBCASE("SRAT: a flag of the next line") {
        const auto log = text(
            "SRAT: Node 0 PXM 0 [mem 0x00000000-0x0009ffff]\n"
            "SRAT: Node 0 PXM 0 [mem 0x00100000-0x001fffff] hotplug\n");
        CHECK(read_linux_log(log, s.map, &s.nodes, s.defects) == errc::ok);
        CHECK(s.holds({{0, 0xa0000, none, 0, 0}, {0x100000, 0x200000, none, attribute::hot_pluggable, 0}}));
    }
}

TEST_CASE("after kexec the descriptors show what belongs to the kernel before") {
    setup s;
    const auto log = text(
        "BIOS-e820: [mem 0x0000000000100000-0x00000000003fffff] usable\n"
        "BIOS-e820: [mem 0x0000000000600000-0x00000000006fffff] usable\n"
        "efi: mem00: [Conventional|MR|WB] range=[0x0000000000100000-0x00000000004fffff] (4MB)\n"
        "efi: mem01: [Conventional|WB] range=[0x0000000000500000-0x00000000005fffff] (1MB)\n"
        "efi: mem02: [ACPI Reclaim|WB] range=[0x0000000000600000-0x000000000060ffff] (0MB)\n"
        "efi: mem03: [Runtime Data|RUN|WB] range=[0x0000000000700000-0x00000000007fffff] (1MB)\n");
    CHECK(read_linux_log(log, s.map, nullptr, s.defects) == errc::ok);
    CHECK(s.defects.count(defect_kind::ignored) == 2);
    CHECK(s.defects.size() == 2);
    CHECK(s.holds({{0x100000, 0x400000, usable, attribute::mirrored},
                   {0x600000, 0x610000, acpi_reclaim},
                   {0x610000, 0x700000, usable},
                   {0x700000, 0x800000, reserved}}));
}

TEST_CASE("E820 lines count wherever they stand") {
    setup s;
    const auto log = text(
        "efi: mem00: [Conventional|MR|WB] range=[0x0000000000100000-0x00000000002fffff] (2MB)\n"
        "BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] usable\n");
    CHECK(read_linux_log(log, s.map, nullptr, s.defects) == errc::ok);
    CHECK(s.holds({{0x100000, 0x200000, usable, attribute::mirrored}}));
}

TEST_CASE("of several boots the last is read") {
    setup s;
    SUBCASE("after more memory was built in") {
        const auto log = text(
            "kernel: Linux version 5.4.0-1 (gcc)\n"
            "kernel: BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] usable\n"
            "kernel: ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x001fffff]\n"
            "kernel: Linux version 5.4.0-2 (gcc)\n"
            "kernel: BIOS-e820: [mem 0x0000000000100000-0x000000000017ffff] usable\n"
            "kernel: BIOS-e820: [mem 0x0000000000180000-0x00000000002fffff] reserved\n"
            "kernel: ACPI: SRAT: Node 0 PXM 7 [mem 0x00000000-0x002fffff]\n"
            "kernel: Linux version 5.4.0-2 is what it was\n");
        CHECK(read_linux_log(log, s.map, &s.nodes, s.defects) == errc::ok);
        constexpr std::uint64_t second_boot = 36 + 70 + 61;
        CHECK(s.only(ashlar::table::log, second_boot, defect_kind::ignored));
        CHECK(s.nodes.domain(0) == 7);
        CHECK(s.holds({{0, 0x100000, none, 0, 0},
                       {0x100000, 0x180000, usable, 0, 0},
                       {0x180000, 0x300000, reserved, 0, 0}}));
    }
    SUBCASE("but that of the kernel which a crash started") {
        for (const char* end : {"", "Linux version 6.1.0-x\n"}) {
            setup one;
            const std::string log = std::string(
                                        "Linux version 5.4.0-1 (gcc)\n"
                                        "BIOS-e820: [mem 0x0000000000100000-0x00000000004fffff] usable\n"
                                        "Linux version 5.4.0-1 (gcc)\n"
                                        "Command line: ro elfcorehdr=867904K\n"
                                        "BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] usable\n"
                                        "node 0: [mem 0x0000000000100000-0x00000000001fffff]\n") +
                                    end;
            CHECK(read_linux_log({log.data(), log.size()}, one.map, nullptr, one.defects) == errc::ok);
            CHECK(one.only(ashlar::table::log, 0, defect_kind::ignored));
            CHECK(one.map.usable_frames() == 0x400);
        }
    }
    SUBCASE("the kernel which a crash started, where there is no other") {
        const auto log = text(
            "node 0: [mem 0x0000000000100000-0x00000000001fffff]\n"
            "Kernel command line: elfcorehdr=867904K\n");
        CHECK(read_linux_log(log, s.map, nullptr, s.defects) == errc::ok);
        CHECK(s.map.usable_frames() == 0x100);
    }
    SUBCASE("one boot whose beginning is lost") {
        const auto log = text(
            "BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] usable\n"
            "Linux version: see below\nLinux version 6.1.0\n");
        CHECK(read_linux_log(log, s.map, nullptr, s.defects) == errc::ok);
        CHECK(s.defects.empty());
        CHECK(s.map.usable_frames() == 0x100);
    }
}

TEST_CASE("node ranges") {
    setup s;
    SUBCASE("are the memory where nothing else tells of it") {
        const auto log = text(
            "[    0.000000] Linux version 6.6.0 (gcc)\n"
            "[    0.000000] OF: reserved mem: 0x0000000080000000..0x000000008003ffff (256 KiB) nomap "
            "non-reusable "
            "mmode_resv1@80000000\n"
            "[    0.000000] OF: reserved mem: 0x00000000f0000000..0x00000000f0ffffff (16384 KiB) map "
            "reusable "
            "linux,cma\n"
            "[    0.000000] Early memory node ranges\n"
            "[    0.000000]   node   0: [mem 0x0000000080000000-0x00000000bfffffff]\n"
            "[    0.000000]   node   2: [mem 0x00000000c0000000-0x00000000ffffffff]\n"
            "[    0.000000] Initmem setup node 0 [mem 0x0000000080000000-0x00000000ffffffff]\n");
        CHECK(read_linux_log(log, s.map, &s.nodes, s.defects) == errc::ok);
        CHECK(s.defects.size() == 1);
        CHECK(s.defects.count(defect_kind::derived) == 1);
        CHECK(s.nodes.node_count() == 2);
        CHECK(s.nodes.domain(1) == 2);
        CHECK(s.holds({{0x80000000, 0x80040000, reserved, 0, 0},
                       {0x80040000, 0xc0000000, usable, 0, 0},
                       {0xc0000000, 0x100000000, usable, 0, 1}}));
    }
    SUBCASE("are the memory where only an SRAT tells of nodes") {
        const auto log = text(
            "ACPI: SRAT: Node 0 PXM 4 [mem 0x80000000-0xffffffff]\n"
            "  node   0: [mem 0x0000000080000000-0x00000000bfffffff]\n");
        CHECK(read_linux_log(log, s.map, &s.nodes, s.defects) == errc::ok);
        CHECK(s.defects.size() == 1);
        CHECK(s.defects.count(defect_kind::derived) == 1);
        CHECK(s.nodes.domain(0) == 4);
        CHECK(s.holds({{0x80000000, 0xc0000000, usable, 0, 0}, {0xc0000000, 0x100000000, none, 0, 0}}));
    }
    SUBCASE("tell the nodes of an E820 table without an SRAT") {
        const auto log = text(
            "BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable\n"
            "BIOS-e820: [mem 0x0000000000100000-0x00000000003fffff] usable\n"
            "  node   0: [mem 0x0000000000001000-0x000000000009ffff]\n"
            "  node   0: [mem 0x0000000000100000-0x00000000001fffff]\n"
            "  node   1: [mem 0x0000000000200000-0x00000000004fffff]\n");
        CHECK(read_linux_log(log, s.map, &s.nodes, s.defects) == errc::ok);
        CHECK(s.defects.empty());
        CHECK(s.holds({{0, 0x1000, usable},
                       {0x1000, 0xa0000, usable, 0, 0},
                       {0x100000, 0x200000, usable, 0, 0},
                       {0x200000, 0x400000, usable, 0, 1},
                       {0x400000, 0x500000, none, 0, 1}}));
    }
    SUBCASE("do not count beside an SRAT or where there is one node") {
        for (const char* other : {"SRAT: Node 0 PXM 0 [mem 0x00000000-0x003fffff]\n  node   1: [mem "
                                  "0x0000000000200000-0x00000000002fffff]\n",
                                  ""}) {
            setup one;
            const std::string log = std::string(
                                        "BIOS-e820: [mem 0x0000000000100000-0x00000000003fffff] usable\n"
                                        "  node   0: [mem 0x0000000000100000-0x00000000001fffff]\n") +
                                    other;
            CHECK(read_linux_log({log.data(), log.size()}, one.map, &one.nodes, one.defects) == errc::ok);
            ashlar::assign_nodes(one.map, one.nodes, one.defects);
            CHECK(one.nodes.node_count() == 1);
            CHECK(one.map.usable_frames() == 0x300);
            CHECK(one.defects.empty());
        }
    }
    SUBCASE("that cannot be read") {
        const auto log = text("  node   0: [mem 0x0000000080000000-\n");
        CHECK(read_linux_log(log, s.map, &s.nodes, s.defects) == errc::ok);
        CHECK(s.defects.count(defect_kind::malformed) == 1);
        CHECK(s.map.entries().empty());
    }
    SUBCASE("of more nodes than there can be") {
        std::string log;
        for (unsigned node = 0; node <= ashlar::max_nodes; ++node) {
            log += "node " + std::to_string(node) + ": [mem 0x0000000000001000-0x0000000000001fff]\n";
        }
        CHECK(read_linux_log({log.data(), log.size()}, s.map, &s.nodes, s.defects) == errc::limit);
        CHECK(s.nodes.node_count() == ashlar::max_nodes);
    }
    SUBCASE("and what only looks like one") {
        for (const char* line : {"NUMA: Node 0 [mem 0x00000000-0x0009ffff] + [mem 0x00100000-0xbfffffff]",
                                 "Initmem setup node 0 [mem 0x0000000000001000-0x000000023fffffff]",
                                 "node 0: nothing", "Movable zone start for each node"}) {
            setup one;
            const std::string log(line);
            CHECK(read_linux_log({log.data(), log.size()}, one.map, &one.nodes, one.defects) ==
                  errc::invalid);
        }
    }
}

}  // namespace
