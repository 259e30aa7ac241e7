// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A small hypervisor: memory from a binary E820 table, the classic buddy behind one lock, 2 MiB pages for
// guests, and a bank that is emptied and taken out.
#include <ashlar/ashlar.hpp>
#include <vector>

#include "check.hpp"

namespace {

struct e820_entry {
    std::uint32_t base[2];  // low and high half: 20 bytes, as the BIOS lays them out
    std::uint32_t length[2];
    std::uint32_t type;
};
static_assert(sizeof(e820_entry) == 20);

constexpr e820_entry from_bios[] = {
    {{0x00000000, 0}, {0x0009fc00, 0}, 1},  // usable, ends inside a frame
    {{0x0009fc00, 0}, {0x00000400, 0}, 2},  // reserved
    {{0x000f0000, 0}, {0x00010000, 0}, 2}, {{0x00100000, 0}, {0x3fee0000, 0}, 1},  // up to 1 GiB
    {{0x3ffe0000, 0}, {0x00020000, 0}, 3},                                         // ACPI tables
    {{0x00000000, 1}, {0x40000000, 0}, 1},                                         // 4 - 5 GiB
};

using frames = ashlar::locked<ashlar::list_buddy<ashlar::platform>>;
using memory = ashlar::physical_memory<ashlar::zone<frames>>;
constinit memory ram;
std::vector<std::byte> metadata;  // a hypervisor takes them from its image or from the map

constexpr ashlar::range<> upper_bank{{0x100000}, 0x40000};

ashlar::errc boot() {
    ashlar::memory_entry entries[32];
    ashlar::memory_map map{entries};
    ashlar::defect found[8];
    ashlar::defects defects{found};
    const ashlar::bytes table{reinterpret_cast<const std::byte*>(from_bios), sizeof from_bios};
    const ashlar::errc read = ashlar::read_e820(table, sizeof(e820_entry), map, defects);
    if (read != ashlar::errc::ok) return read;
    (void)map.exclude_bytes(0x100000, 0x400000);  // the hypervisor itself
    metadata.resize(memory::metadata_bytes(map, {}));
    return ram.boot(map, {}, {metadata.data(), metadata.size()});
}

/// A guest's memory: huge pages, and nothing at all if there are too few.
std::vector<ashlar::frame<>> memory_for_guest(std::size_t huge_pages) {
    std::vector<ashlar::frame<>> pages;
    while (pages.size() < huge_pages) {
        const auto page = ram.allocate(9);
        if (!page) break;
        pages.push_back(*page);
    }
    if (pages.size() == huge_pages) return pages;
    for (const ashlar::frame<> page : pages) (void)ram.free(page, 9);
    return {};
}

}  // namespace

int main() {
    check(boot() == ashlar::errc::ok, "it boots");
    const std::uint64_t free = ram.free_frames();
    check(free == 0x9f + 0x3ffe0 - 0x400 + upper_bank.count,
          "whole usable frames, the hypervisor's excluded");

    const auto guest = memory_for_guest(600);  // 1.2 of 2 GiB
    check(guest.size() == 600, "a guest gets its memory");
    check(memory_for_guest(600).empty() && ram.free_frames() == free - 600 * 512, "a second one gets none");

    // A device that is passed through has 32 address bits.
    const auto ring = ram.allocate({.order = 3, .below = ashlar::frame<>{0x100000}});
    check(ring && ring->number < 0x100000, "below 4 GiB");

    // The upper bank is to leave: nothing new from it, then what is in use comes back, then it goes.
    check(ram.isolate(upper_bank) == ashlar::errc::ok, "isolate");
    check(ram.offline(upper_bank) == ashlar::errc::busy, "not while guests are in it");
    for (const ashlar::frame<> page : guest) check(ram.free(page, 9) == ashlar::errc::ok, "the guest ends");
    check(ram.offline(upper_bank) == ashlar::errc::ok, "offline");
    check(!ram.owns(upper_bank.first) && ram.free_frames() == free - upper_bank.count - 8, "it is gone");
    check(ram.free(guest.front(), 9) != ashlar::errc::ok, "a free too many is told");
    check(ram.validate() == ashlar::errc::ok, "all is in order");
}
