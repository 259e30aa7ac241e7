// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The guest that sees the other one's memory behind a BAR: the only program of a Linux, as its init. It says
// what it does, `@...` to who started it, and ends QEMU with its verdict.
#include <sys/mount.h>
#include <sys/stat.h>

#include <string_view>

#include "near.hpp"
#include "near_devices.hpp"
#include "near_drivers.hpp"
#include "near_loss.hpp"
#include "near_windows.hpp"

namespace {

using namespace guests;

void use_far_guest() {
    static far_link link;
    must(link.device.open(bridge_folder), "the bridge");
    must(*link.device.vendor_id() == 0x1af4 && *link.device.device_id() == 0x1110, "it is an ivshmem");
    must(link.device.enable(), "it can be switched on");
    const bar_layout layout(link.device.resource(2).bytes());
    link.map(caching_mode::uncached);
    link.raise();
    link.memory.unmap();
    use_windows(link, layout, caching_mode::uncached, 0);
    use_windows(link, layout, caching_mode::write_combining, 8);
    const std::uint64_t from = layout.ranges == 1 ? 5 : 4;  // every second page lies above 4 GiB, if any does
    use_devices(link, layout, from, from + 2);
    lose_link(link, layout);
    if (layout.ranges == 1) lose_far(link, layout);

    link.map(caching_mode::uncached);
    (void)link.ask(about::end, 0, 0, 0);
    ask_host("ended");
}

}  // namespace

int main(int count, char** arguments) {
    for (const auto& [type, folder] : {std::pair{"sysfs", "/sys"}, {"proc", "/proc"}}) {
        (void)::mkdir(folder, 0755);
        must(::mount(type, folder, type, 0, nullptr) == 0, folder);
    }
    // The end of the kernel's command line.
    if (std::string_view(arguments[count - 1]) == "drivers") {
        use_drivers();
    } else {
        use_far_guest();
    }
    std::puts("all is as it should be");
    end(0);
}
