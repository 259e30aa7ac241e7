// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A kernel's physical memory on one screen: from the firmware's tables to mirrored huge pages.
#include <ashlar/ashlar.hpp>

#include "check.hpp"
#include "two_node_server.hpp"

namespace {

bool interrupts_on = true;
bool set_interrupts(bool on) noexcept {
    const bool before = interrupts_on;
    interrupts_on = on;
    return before;
}

// The part that a kernel writes.
struct my_platform : ashlar::platform {  // what is left out has a default: one CPU, no guard
    static ashlar::cpu_id this_cpu() noexcept { return 0; }
    static ashlar::cpu_id max_cpus() noexcept { return 64; }
    struct cpu_guard {  // interrupts off while alive; guards nest
        bool before = set_interrupts(false);
        ~cpu_guard() { set_interrupts(before); }
    };
};
using frames = ashlar::cpu_rows<ashlar::counted<ashlar::radix_buddy<my_platform>>>;  // one zone, outside in
using memory = ashlar::physical_memory<ashlar::zone<frames>, ashlar::reliability_first>;

constinit memory ram;
alignas(64) std::byte metadata[2 << 20];
constexpr ashlar::range<> kernel_image{{0x100}, 0x800};  // frames: 8 MiB from 1 MiB on

ashlar::errc boot(ashlar::bytes uefi, std::size_t stride, ashlar::bytes srat, ashlar::bytes slit) {
    ashlar::memory_entry entries[256];
    ashlar::memory_map map{entries};  // views of the caller's arrays
    ashlar::defect found[32];
    ashlar::defects defects{found};
    ashlar::topology nodes;
    (void)ashlar::read_uefi(uefi, stride, map, defects);
    (void)ashlar::read_srat(srat, map, nodes, defects);
    (void)ashlar::read_slit(slit, nodes, defects);
    (void)map.exclude(kernel_image);  // the metadata above are part of it
    return ram.boot(map, nodes, metadata);
}

ashlar::result<ashlar::frame<>> huge_page_for(ashlar::node_id node) {
    return ram.allocate({.order = 9, .node = node, .mirror = ashlar::mirror::preferred});
}
// The part that a kernel writes ends here.

}  // namespace

int main() {
    constexpr auto uefi = two_node_server::uefi();
    constexpr auto srat = two_node_server::srat();
    constexpr auto slit = two_node_server::slit();
    check(boot(uefi.bytes(), two_node_server::uefi_stride, srat.bytes(), slit.bytes()) == ashlar::errc::ok,
          "the machine boots");
    check(ram.has_mirror() && ram.zone_count() == 7, "three mirrored zones, and four of the rest");
    // All of 8 GiB, but the hole below 1 MiB and the image.
    const std::uint64_t all = 0x9f + 0x100000 - 0x100 + 0x100000 - kernel_image.count;
    check(ram.free_frames() == all, "every other frame is free");

    // Preferred: the mirrored GiB of node 1 first, then that of node 0, as reliability_first says.
    ashlar::frame<> last{};
    for (unsigned i = 0; i < 512; ++i) {
        const auto page = huge_page_for(1);
        check(page && ram.zone_of(*page)->mirrored && ram.zone_of(*page)->node == 1, "node 1, mirrored");
        last = *page;
    }
    const auto elsewhere = huge_page_for(1);
    check(elsewhere && ram.zone_of(*elsewhere)->mirrored && ram.zone_of(*elsewhere)->node == 0,
          "node 0, mirrored");
    // Nobody asked for mirrored memory: ordinary memory, near.
    const auto ordinary = ram.allocate({.order = 0, .node = 1});
    check(ordinary && !ram.zone_of(*ordinary)->mirrored && ram.zone_of(*ordinary)->node == 1,
          "node 1, ordinary");
    // A device that has 32 address bits.
    const auto low = ram.allocate({.order = 4, .below = ashlar::frame<>{1 << 20}});
    check(low && low->number + 16 <= 1 << 20, "below 4 GiB");

    check(ram.free(last, 9) == ashlar::errc::ok, "a free");
    check(ram.free(last, 9) == ashlar::errc::double_free, "the same again is told");
    check(ram.validate() == ashlar::errc::ok && interrupts_on, "all is in order");
}
