// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/linux_log.hpp>

#include <cstdint>
#include <string>

#include "firmware/setup.hpp"

namespace {

using ashlar::any_node;
using ashlar::defect_kind;
using ashlar::errc;
using ashlar::read_linux_log;
using firmware_tests::kind_at;
using firmware_tests::setup;
using firmware_tests::text;
using enum ashlar::memory_kind;
namespace attribute = ashlar::memory_attribute;

constexpr bool reads_at_compile_time() {
    setup s;
    const auto log = text(
        "[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\n"
        "[    0.000000] BIOS-e820: [mem 0x000000000009fc00-0x000000000009ffff] reserved\n"
        "[    0.000000] efi: mem00: [Conventional|   |  |MR|  |WB|  ] "
        "range=[0x0000000000000000-0x0000000000000fff] "
        "(0MB)\n"
        "[    0.000000] SRAT: PXM 1 -> APIC 0x00 -> Node 0\n"
        "[    0.000000] ACPI: SRAT: Node 0 PXM 1 [mem 0x00000000-0x0009ffff] hotplug\n");
    constexpr std::uint8_t hot = attribute::hot_pluggable;
    return read_linux_log(log, s.map, &s.nodes, s.defects) == errc::ok && s.defects.empty() &&
           s.nodes.domain(0) == 1 && s.nodes.cpus(0) == 1 &&
           s.holds({{0, 0x1000, usable, attribute::mirrored | hot, 0},
                    {0x1000, 0x9fc00, usable, hot, 0},
                    {0x9fc00, 0xa0000, reserved, hot, 0}});
}
static_assert(reads_at_compile_time());

TEST_CASE("E820 lines of every age") {
    const char* const lines[] = {
        "BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] usable",
        "[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] usable",
        "<6>[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] usable\r",
        "Jan  1 00:00:00 host kernel: BIOS-e820: [mem 0x0000000000100000-0x00000000001FFFFF] usable",
        "[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff]  System RAM",
        "[    0.000000]  BIOS-e820: 0000000000100000 - 0000000000200000 (usable)",
        " BIOS-e820: 0000000000100000 - 0000000000200000 (usable)",
        "BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] usable (1M~2M)",
    };
    for (const char* line : lines) {
        setup s;
        const std::string log(line);
        CHECK(read_linux_log({log.data(), log.size()}, s.map, nullptr, s.defects) == errc::ok);
        CHECK_MESSAGE(s.holds({{0x100000, 0x200000, usable}}), line);
        CHECK_MESSAGE(s.defects.empty(), line);
    }
}

TEST_CASE("E820 types by name") {
    struct {
        const char* name;
        ashlar::memory_kind kind;
    } const types[] = {
        {"usable", usable},
        {"System RAM", usable},
        {"mirror", usable},
        {"reserved", reserved},
        {"device reserved", reserved},
        {"soft reserved", special_purpose},
        {"ACPI data", acpi_reclaim},
        {"ACPI NVS", acpi_nvs},
        {"unusable", unusable},
        {"persistent (type 7)", persistent},
        {"persistent RAM (type 12)", persistent},
        {"type 20", reserved},
        {"type 4026531839", special_purpose},
    };
    for (const auto& type : types) {
        setup s;
        const std::string log =
            std::string("BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] ") + type.name + "\n";
        CHECK(read_linux_log({log.data(), log.size()}, s.map, nullptr, s.defects) == errc::ok);
        CHECK_MESSAGE(kind_at(s.map, 0x100000) == type.kind, type.name);
        CHECK_MESSAGE(s.defects.empty(), type.name);
        CHECK((s.map.entries()[0].attributes == attribute::mirrored) == (std::string(type.name) == "mirror"));
    }
}

TEST_CASE("a type that is not known is reserved") {
    for (const char* name :
         {"usabl", "usablest", "", "type 99", "type", "type 99999999999", "Usable?", "mirror2"}) {
        setup s;
        const std::string log =
            std::string("BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] ") + name + "\n";
        CHECK(read_linux_log({log.data(), log.size()}, s.map, nullptr, s.defects) == errc::ok);
        CHECK_MESSAGE(kind_at(s.map, 0x100000) == reserved, name);
        CHECK_MESSAGE(s.only(ashlar::table::e820, 0, defect_kind::unknown_kind), name);
    }
}

TEST_CASE("E820 lines that cannot be read") {
    for (const char* rest :
         {"", "[mem", "[mem 0x0", "[mem 0x0-", "[mem 0x0-0x1", "[mem 0x0-0x]", "[mem x-y] usable",
          "[mem 0x00000000000000001-0x1ffffffffffffffff] usable", "0 - 1000", "0 - 1000 usable"}) {
        setup s;
        const std::string log = std::string("BIOS-e820: ") + rest;
        CHECK(read_linux_log({log.data(), log.size()}, s.map, nullptr, s.defects) == errc::ok);
        CHECK_MESSAGE(s.only(ashlar::table::e820, 0, defect_kind::malformed), rest);
        CHECK(s.map.entries().empty());
    }
}

TEST_CASE("E820 lines that make no sense") {
    setup s;
    SUBCASE("inverted, and nothing else is said about it") {
        const auto log = text("BIOS-e820: [mem 0x0000000340000000-0x00000005fffffff] usable (13G~24G)\n");
        CHECK(read_linux_log(log, s.map, nullptr, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::e820, 0, defect_kind::inverted));
        CHECK(s.map.entries().empty());
    }
    SUBCASE("inverted with an exclusive end") {
        const auto log = text("BIOS-e820: 0000000100000000 - 0000000000000000 (usable)\n");
        CHECK(read_linux_log(log, s.map, nullptr, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::e820, 0, defect_kind::inverted));
        CHECK(s.map.entries().empty());
    }
    SUBCASE("empty") {
        const auto log = text(
            "BIOS-e820: [mem 0x0000000000001000-0x0000000000000fff] usable\n"
            "BIOS-e820: 0000000000002000 - 0000000000002000 (usable)\n"
            "BIOS-e820: [mem 0x0000000000000000-0xffffffffffffffff] usable\n");
        CHECK(read_linux_log(log, s.map, nullptr, s.defects) == errc::ok);
        CHECK(s.defects.count(defect_kind::zero_length) == 3);
        CHECK(s.map.entries().empty());
    }
    SUBCASE("an unusual number of digits: the entry is kept") {
        const auto log = text("BIOS-e820: [mem 0x000000000100000-0x000000003fffffff] mirror (1M~1G)\n");
        CHECK(read_linux_log(log, s.map, nullptr, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::e820, 0, defect_kind::digits));
        CHECK(s.holds({{0x100000, 0x40000000, usable, attribute::mirrored, any_node}}));
    }
    SUBCASE("misordered and overlapping; the offset is that of the line") {
        const auto log = text(
            "\nBIOS-e820: [mem 0x0000000000200000-0x00000000002fffff] usable\n"
            "BIOS-e820: [mem 0x0000000000100000-0x000000000020ffff] reserved\n");
        CHECK(read_linux_log(log, s.map, nullptr, s.defects) == errc::ok);
        CHECK(s.defects.count(defect_kind::overlap) == 1);
        CHECK(s.defects.count(defect_kind::misordered) == 1);
        CHECK(s.defects[0].offset == 63);
        CHECK(kind_at(s.map, 0x20ffff) == reserved);
    }
}

TEST_CASE("labels") {
    struct {
        const char* line;
        bool contradicts;
    } const cases[] = {
        {"[mem 0x0000000040000000-0x00000000bf78ffff] usable (1G~3063M)", false},
        {"[mem 0x0000000040000000-0x00000000bf78ffff] usable (1G~3064M)", false},
        {"[mem 0x0000000040000000-0x00000000bf78ffff] usable (1G~3062M)", true},
        {"[mem 0x0000000040000000-0x00000000bf78ffff] usable (1G~3065M)", true},
        {"[mem 0x0000000940000000-0x0000000c3fffffff] usable (37G~48G) \xe2\x80\xa6", true},
        {"[mem 0x0000000940000000-0x0000000bffffffff] usable (37G~48G) \xe2\x80\xa6", false},
        {"[mem 0x0000000000000000-0x000000000009ffff] usable (0~640K)", false},
        {"[mem 0x0000000000000000-0x000000000009ffff] usable (0-655360)", false},
        {"[mem 0x0000000000000000-0x000000000009ffff] usable (4K-640K)", true},
        {"[mem 0x0000010000000000-0x000001ffffffffff] usable (1T~2T)", false},
        {"[mem 0x0000010000000000-0x000001ffffffffff] usable (1T~", false},
        {"[mem 0x0000010000000000-0x000001ffffffffff] usable (all of it)", false},
        {"[mem 0x0000010000000000-0x000001ffffffffff] persistent (type 7)", false},
    };
    for (const auto& one : cases) {
        setup s;
        const std::string log = std::string("BIOS-e820: ") + one.line;
        CHECK(read_linux_log({log.data(), log.size()}, s.map, nullptr, s.defects) == errc::ok);
        CHECK_MESSAGE(s.defects.count(defect_kind::label_mismatch) == (one.contradicts ? 1 : 0), one.line);
        CHECK(s.map.entries().size() == 1);
    }
}

TEST_CASE("lines that tell something else") {
    setup s;
    const auto log = text(
        "BIOS-provided physical RAM map:\n"
        "BIOS-e820: [gap 0x00000000000a0000-0x00000000000effff]\n"
        "e820: update [mem 0x00000000-0x00000fff] usable ==> reserved\n"
        "modified: [mem 0x0000000000000000-0x0000000000000fff] reserved\n"
        "user: [mem 0x0000000000000000-0x0000000000000fff] usable\n"
        "efi: EFI v2.70 by EDK II\n"
        "efi: mem\n"
        "efi: memattr: Unexpected table\n"
        "efi: Remove mem45: MMIO range=[0xb0000000-0xbfffffff] (256MB) from e820 map\n"
        "efi: dead-beef [Conventional|WB]\n"
        "ACPI: SRAT 0x000000007F775000 000188 (v01 BOCHS  BXPC     00000001 BXPC 00000001)\n"
        "ACPI: SRAT: not present\n"
        "SRAT: PXM 3 -> ITS 0 -> Node 0\n"
        "SRAT: PXM 3 -> nothing\n"
        "SRAT: PXM 99999999999 -> APIC 0x00 -> Node 0\n"
        "SRAT: Failed to mark hotplug range [mem 0x0-0x1] in memblock\n");
    CHECK(read_linux_log(log, s.map, &s.nodes, s.defects) == errc::ok);
    CHECK(s.map.entries().empty());
    CHECK(!s.nodes.has_domains());
    CHECK(s.defects.empty());
}

TEST_CASE("no line of a memory table") {
    for (const char* content : {"", "\n\n\r\n", "hello\nworld", "efi: EFI v2.70 by EDK II\n"}) {
        setup s;
        const std::string log(content);
        CHECK(read_linux_log({log.data(), log.size()}, s.map, &s.nodes, s.defects) == errc::invalid);
        CHECK(s.only(ashlar::table::log, 0, defect_kind::malformed));
    }
}

TEST_CASE("descriptors of every age") {
    const char* const lines[] = {
        "efi: mem00: [Conventional|   |  |MR|  |  |  |  |  |  |  |   |WB|WT|WC|UC] "
        "range=[0x0000000000100000-0x00000000001fffff] (1MB)",
        "efi: mem100: [Conventional Memory|RUN|  |MR|  ] range=[0x0000000000900000-0x00000000009fffff] "
        "(1MB)\n"
        "efi: mem101: [Conventional Memory|   |MR|  |  |  |   |WB|WT|WC|UC] "
        "range=[0x0000000000100000-0x0000000000200000) (1MB)",
        "efi: mem00: type=7, attr=0x1000f, range=[0x0000000000100000-0x0000000000200000) (1MB)",
        "EFI: mem00: type=7, attr=0x1000f, range=[0x0000000000100000-0x0000000000200000) (1MB)",
        "efi: mem00: [Boot Data   |attr=0x000000000011000f] range=[0x0000000000100000-0x00000000001fffff] "
        "(1MB)",
        "efi:   0x000000100000-0x0000001fffff [Conventional|   |  |MR|  |  |  |  |  |  |  |   |WB|WT|WC|UC]*",
    };
    for (const char* line : lines) {
        setup s;
        const std::string log(line);
        CHECK(read_linux_log({log.data(), log.size()}, s.map, nullptr, s.defects) == errc::ok);
        s.map.for_each_usable([&](const ashlar::usable_run& run) {
            CHECK_MESSAGE(run.mirrored, line);
            CHECK_MESSAGE(run.frames.first.number == 0x100, line);
        });
        CHECK_MESSAGE(s.map.usable_frames() == 0x100, line);
        CHECK_MESSAGE(s.defects.empty(), line);
    }
}

TEST_CASE("descriptor types by name") {
    struct {
        const char* name;
        ashlar::memory_kind kind;
    } const types[] = {
        {"Reserved", reserved},
        {"Loader Code", usable},
        {"Loader Data", usable},
        {"Boot Code", usable},
        {"Boot Data", usable},
        {"Runtime Code", reserved},
        {"Runtime Data", reserved},
        {"Conventional", usable},
        {"Unusable", unusable},
        {"ACPI Reclaim", acpi_reclaim},
        {"ACPI Mem NVS", acpi_nvs},
        {"ACPI Memory NVS", acpi_nvs},
        {"MMIO", reserved},
        {"MMIO Port", reserved},
        {"Memory Mapped I/O", reserved},
        {"PAL Code", reserved},
        {"Persistent", persistent},
        {"Unaccepted", unaccepted},
        {"type=2147483648", reserved},
        {"type=14", persistent},
    };
    for (const auto& type : types) {
        setup s;
        const std::string log = std::string("efi: mem07: [") + type.name +
                                "|   |  |WB|  ] range=[0x0000000000100000-0x00000000001fffff] (1MB)\n";
        CHECK(read_linux_log({log.data(), log.size()}, s.map, nullptr, s.defects) == errc::ok);
        CHECK_MESSAGE(kind_at(s.map, 0x100000) == type.kind, type.name);
        CHECK_MESSAGE(s.defects.empty(), type.name);
    }
    for (const char* name : {"Something", "type=16", "type=", "type=99999999999"}) {
        setup s;
        const std::string log = std::string("efi: mem07: [") + name +
                                "|WB] range=[0x0000000000100000-0x00000000001fffff] (1MB)\n";
        CHECK(read_linux_log({log.data(), log.size()}, s.map, nullptr, s.defects) == errc::ok);
        CHECK_MESSAGE(kind_at(s.map, 0x100000) == reserved, name);
        CHECK_MESSAGE(s.only(ashlar::table::uefi, 0, defect_kind::unknown_kind), name);
    }
}

TEST_CASE("descriptor attributes by name") {
    struct {
        const char* names;
        ashlar::memory_kind kind;
    } const cases[] = {
        {"|WB]", usable},        {"|WT|WC|UC]", reserved}, {"]", reserved},     {"|SP|WB]", special_purpose},
        {"|NV|WB]", persistent}, {"|RUN|WB]", reserved},   {"|WBX]", reserved}, {"|attr=0x8]", usable},
        {"|attr=]", reserved},
    };
    for (const auto& one : cases) {
        setup s;
        const std::string log = std::string("efi: mem07: [Conventional ") + one.names +
                                " range=[0x0000000000100000-0x00000000001fffff] (1MB)\n";
        CHECK(read_linux_log({log.data(), log.size()}, s.map, nullptr, s.defects) == errc::ok);
        CHECK_MESSAGE(kind_at(s.map, 0x100000) == one.kind, one.names);
    }
}

TEST_CASE("descriptors that cannot be read or believed") {
    setup s;
    SUBCASE("cut off") {
        for (const char* rest : {"", " [Conv", " [Conventional|WB]", " [Conventional|WB] range=[0x0",
                                 " [Conventional|WB] range=[0x0-0xfff", " type=7", " type=7, attr=0xf",
                                 " type=7, attr=, range=[0x0-0x1000)"}) {
            setup one;
            const std::string log = std::string("efi: mem00:") + rest;
            CHECK(read_linux_log({log.data(), log.size()}, one.map, nullptr, one.defects) == errc::ok);
            CHECK_MESSAGE(one.only(ashlar::table::uefi, 0, defect_kind::malformed), rest);
        }
    }
    SUBCASE("no pages") {
        const auto log = text(
            "efi: mem00: [Reserved|   ] range=[0x0000000000000000-0xffffffffffffffff] (0MB)\n"
            "efi: mem01: [Conventional|WB] range=[0x0000000000001000-0x0000000000000fff] (0MB)\n");
        CHECK(read_linux_log(log, s.map, nullptr, s.defects) == errc::ok);
        CHECK(s.defects.count(defect_kind::zero_length) == 2);
        CHECK(s.map.entries().empty());
    }
    SUBCASE("the kernel says that it is invalid, before it lists the map") {
        const auto log = text(
            "efi: mem45: [Conventional|WB] range=[0x0000000000002000-0x0000000000002fff] (invalid)\n"
            "efi: mem00: [Conventional|WB] range=[0x0000000000001000-0x0000000000001fff] (0MB)\n");
        CHECK(read_linux_log(log, s.map, nullptr, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::uefi, 0, defect_kind::ignored));
        CHECK(s.holds({{0x1000, 0x2000, usable}}));
    }
    SUBCASE("a second list is not the map") {
        const auto log = text(
            "efi: mem00: [Reserved    |  ] range=[0x0000000000001000-0x0000000000001fff] (0MB)\n"
            "efi: mem01: [Conventional|WB] range=[0x0000000000002000-0x0000000000002fff] (0MB)\n"
            "efi: EFI runtime memory map:\n"
            "efi: mem00: [Conventional|WB] range=[0x0000000000004000-0x0000000000004fff] (0MB)\n"
            "efi: mem01: [Conventional|WB] range=[0x0000000000005000-0x0000000000005fff] (0MB)\n"
            "efi: mem02: [Conventional|WB] range=[0x0000000000006000-0x0000000000006fff] (0MB)\n");
        CHECK(read_linux_log(log, s.map, nullptr, s.defects) == errc::ok);
        CHECK(s.holds({{0x1000, 0x2000, reserved}, {0x2000, 0x3000, usable}}));
        CHECK(s.defects.empty());
    }
    SUBCASE("overlap") {
        const auto log = text(
            "efi: mem00: [Reserved    |  ] range=[0x0000000000001000-0x0000000000001fff] (0MB)\n"
            "efi: mem01: [Conventional|WB] range=[0x0000000000001000-0x0000000000002fff] (0MB)\n");
        CHECK(read_linux_log(log, s.map, nullptr, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::uefi, 82, defect_kind::overlap));
        CHECK(s.holds({{0x1000, 0x2000, reserved}, {0x2000, 0x3000, usable}}));
    }
}

TEST_CASE("SRAT lines") {
    setup s;
    SUBCASE("of every age and machine") {
        const auto log = text(
            "ACPI: NUMA: SRAT: PXM 5 -> MPIDR 0x0 -> Node 0\n"
            "SRAT: PXM 5 -> HARTID 0x1 -> Node 0\n"
            "[    0.000000] ACPI: SRAT: Node 1 PXM 4 [mem 0x00000000-0x0009ffff]\n"
            "SRAT: Node 1 PXM 4 100000-200000\n"
            "SRAT: Node 0 PXM 5 [mem 0x00400000-0x004fffff] hotplug non-volatile\n"
            "SRAT: Node 0 PXM 5 [mem 0x00500000-0x005fffff] Hot Pluggable\n");
        CHECK(read_linux_log(log, s.map, &s.nodes, s.defects) == errc::ok);
        CHECK(s.nodes.node_count() == 2);
        CHECK(s.nodes.cpus(0) == 2);
        CHECK(s.nodes.domain(1) == 4);
        constexpr std::uint8_t hot = attribute::hot_pluggable;
        CHECK(s.holds({{0, 0xa0000, none, 0, 1},
                       {0x100000, 0x200000, none, 0, 1},
                       {0x400000, 0x500000, none, hot | attribute::non_volatile, 0},
                       {0x500000, 0x600000, none, hot, 0}}));
        CHECK(s.defects.empty());
    }
    SUBCASE("are not needed where a SRAT was read") {
        REQUIRE(s.nodes.add_processor(0).has_value());
        const auto log = text(
            "SRAT: PXM 0 -> APIC 0x00 -> Node 0\n"
            "SRAT: Node 1 PXM 1 [mem 0x00000000-0x0009ffff]\n"
            "BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable\n");
        CHECK(read_linux_log(log, s.map, &s.nodes, s.defects) == errc::ok);
        CHECK(s.nodes.node_count() == 1);
        CHECK(s.nodes.cpus(0) == 1);
        CHECK(s.holds({{0, 0xa0000, usable}}));
    }
    SUBCASE("that cannot be read") {
        const auto log = text("SRAT: Node 1 PXM 4 [mem 0x00000000-0x0009ffff\nSRAT: Node 1 PXM x\n");
        CHECK(read_linux_log(log, s.map, &s.nodes, s.defects) == errc::ok);
        CHECK(s.defects.count(defect_kind::malformed) == 2);
        CHECK(s.defects[0].source == ashlar::table::srat);
    }
    SUBCASE("that conflict") {
        const auto log = text(
            "SRAT: Node 0 PXM 0 [mem 0x00000000-0x0009ffff]\nSRAT: Node 1 PXM 1 [mem "
            "0x00090000-0x000fffff]\n");
        CHECK(read_linux_log(log, s.map, &s.nodes, s.defects) == errc::ok);
        CHECK(s.only(ashlar::table::srat, 47, defect_kind::node_conflict));
    }
    SUBCASE("of more domains than nodes can be") {
        std::string log;
        for (unsigned domain = 0; domain <= ashlar::max_nodes; ++domain) {
            log += "SRAT: PXM " + std::to_string(domain) + " -> APIC 0x00 -> Node 0\n";
        }
        log += "SRAT: Node 0 PXM 777 [mem 0x00000000-0x0009ffff]\n";
        CHECK(read_linux_log({log.data(), log.size()}, s.map, &s.nodes, s.defects) == errc::limit);
        CHECK(s.defects.count(defect_kind::full) == 2);
        CHECK(s.map.entries().empty());
    }
}

TEST_CASE("a map that is too small") {
    ashlar::memory_entry entries[1];
    ashlar::memory_map map{entries};
    setup s;
    const auto log = text(
        "BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable\n"
        "BIOS-e820: [mem 0x0000000100000000-0x000000010009ffff] usable\n");
    CHECK(read_linux_log(log, map, nullptr, s.defects) == errc::limit);
    CHECK(s.only(ashlar::table::e820, 62, defect_kind::full));
    CHECK(map.usable_frames() == 0xa0);
}

TEST_CASE("any line ends") {
    setup s;
    const std::string log(
        "BIOS-e820: [mem 0x0000000000000000-0x0000000000000fff] usable\r\n"
        "BIOS-e820: [mem 0x0000000000001000-0x0000000000001fff] usable\r"
        "BIOS-e820: [mem 0x0000000000002000-0x0000000000002fff] usable\0"
        "BIOS-e820: [mem 0x0000000000003000-0x0000000000003fff] usable",
        62 + 1 + 62 + 62 + 61);
    CHECK(read_linux_log({log.data(), log.size()}, s.map, nullptr, s.defects) == errc::ok);
    CHECK(s.holds({{0, 0x4000, usable}}));
    CHECK(s.defects.empty());
}

}  // namespace
