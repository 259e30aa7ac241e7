// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A machine as /proc/buddyinfo and /proc/zoneinfo show it.
#include <ashlar/zone/zone_dump.hpp>
#include <string>

#include "zone/machines.hpp"

namespace {

using namespace zone_tests;

using reliable = physical_memory<radix_zone>;

template <class Write>
std::string text_of(Write write) {
    std::string text;
    write([&text](const char* piece, std::size_t length) { text.append(piece, length); });
    return text;
}

TEST_CASE("buddyinfo") {
    firmware machine;
    machine.ram(0x1000, 0x9f000, 0);
    machine.ram(4 * gibibyte, 4 * gibibyte + 64 * mebibyte, 0, true);
    machine.ram(6 * gibibyte, 6 * gibibyte + 64 * mebibyte, 1);
    const booted<reliable> ram(machine);
    (void)ram->allocate({.order = 3, .node = 1, .mirror = mirror::ordinary});
    CHECK(text_of([&](auto sink) { write_buddyinfo(*ram.ram, sink); }) ==
          "Node 0, zone      DMA      2      2      2      2      2      1      1      0      0      0      "
          "0 \n"
          "Node 0, zone   Normal      0      0      0      0      0      0      0      0      0      0     "
          "16 \n"
          "Node 1, zone  Movable      0      0      0      1      1      1      1      1      1      1     "
          "15 \n");
}

TEST_CASE("zoneinfo") {
    firmware machine;
    machine.ram(0x1000, 0x9f000, 0);
    machine.ram(5 * gibibyte, 5 * gibibyte + 64 * mebibyte, 0);
    const booted<reliable> ram(machine);
    ram->set_watermarks();
    (void)ram->allocate({.order = 3});
    CHECK(text_of([&](auto sink) { write_zoneinfo(*ram.ram, sink); }) ==
          "Node 0, zone      DMA\n"
          "  pages free     158\n"
          "        min      2\n"
          "        low      2\n"
          "        high     2\n"
          "        spanned  158\n"
          "        present  158\n"
          "        managed  158\n"
          "        protection: (0, 0, 64, 64)\n"
          "  start_pfn:           1\n"
          "Node 0, zone   Normal\n"
          "  pages free     16376\n"
          "        min      254\n"
          "        low      317\n"
          "        high     380\n"
          "        spanned  16384\n"
          "        present  16384\n"
          "        managed  16384\n"
          "        protection: (0, 0, 0, 0)\n"
          "  start_pfn:           1310720\n");
}

TEST_CASE("before boot there is nothing to tell") {
    const reliable ram{};
    CHECK(text_of([&](auto sink) { write_buddyinfo(ram, sink); }).empty());
}

}  // namespace
