// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From the first instruction on: early boot, the hand-over, CPUs that come and go, memory that is given back,
// and a second kernel that takes the allocator over.
#include <ashlar/ashlar.hpp>

#include "check.hpp"

namespace {

constexpr std::uint64_t frame_bytes = 4096;
constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
alignas(frame_bytes) std::byte ram_bytes[64 * mebibyte];  // the whole machine

std::byte* bytes_of(ashlar::range<> frames) {
    return ram_bytes + frames.first.number * frame_bytes;
}

ashlar::cpu_id running_cpu = 0;  // 0 also before CPUs have numbers
struct my_platform : ashlar::platform {
    static ashlar::cpu_id this_cpu() noexcept { return running_cpu; }
    static ashlar::cpu_id max_cpus() noexcept { return 8; }  // slots for all that may ever come
};
using early_frames = ashlar::bump<my_platform>;
using frames = ashlar::counted<ashlar::radix_buddy<my_platform>>;
using memory = ashlar::physical_memory<ashlar::zone<frames>>;

constexpr ashlar::range<> low_memory{{0x100}, 0x3f00};  // 1 to 64 MiB
constexpr ashlar::range<> kernel_image{{0x100}, 0x400};
constexpr ashlar::range<> initrd{{0x1000}, 0x123};

ashlar::memory_entry entries[32];
ashlar::memory_map map{entries};
ashlar::topology nodes;
early_frames::word early_words[early_frames::metadata_words(low_memory)];
constinit early_frames early;
ashlar::metadata_piece pieces[1];
constinit memory ram;

void start_early() {
    check(map.add(0, 0x9f000, ashlar::memory_kind::usable) == ashlar::errc::ok, "conventional memory");
    check(map.add(1 * mebibyte, 64 * mebibyte, ashlar::memory_kind::usable) == ashlar::errc::ok, "the rest");
    check(early.attach(low_memory, early_words, ashlar::start::fresh) == ashlar::errc::ok, "attach");
    check(early.online(low_memory) == ashlar::errc::ok, "online");
    check(early.allocate_at(kernel_image) == ashlar::errc::ok, "the kernel is where it is");
    check(early.allocate_at(initrd) == ashlar::errc::ok, "so is what the loader brought");
}

void hand_over() {
    check(early.isolate(low_memory) == ashlar::errc::ok, "nothing more is taken early");
    check(ashlar::exclude_used(map, early, low_memory) == ashlar::errc::ok, "what was taken stays taken");
    const auto count = ashlar::plan_metadata<memory>(map, nodes, pieces);
    check(count && *count == 1, "one node, one piece for the metadata");
    check(ram.boot(map, nodes, pieces, bytes_of) == ashlar::errc::ok, "the machine boots");
    ram.set_watermarks();
}

}  // namespace

int main() {
    start_early();
    const auto page_tables = early.allocate({.order = 2});
    check(page_tables.has_value(), "page tables before there is a machine");
    hand_over();
    for (const auto taken : {kernel_image.first, initrd.first, *page_tables, pieces[0].frames.first}) {
        check(!ram.owns(taken), "the machine does not have what is in use");
    }

    // The initrd is unpacked; its frames arrive like any others.
    const std::uint64_t before = ram.free_frames();
    check(ram.online(initrd) == ashlar::errc::ok, "online");
    check(ram.free_frames() == before + initrd.count, "and are free");

    // A CPU comes, works, drains as its last act, and goes. A frame may be freed on another CPU.
    running_cpu = 5;
    const auto page = ram.allocate({});
    check(page.has_value(), "a page on CPU 5");
    ram.drain();
    running_cpu = 0;
    ram.drain(5);  // or this, for a CPU that stopped without it
    check(ram.free(*page, 0) == ashlar::errc::ok, "freed on CPU 0");
    check(ram.free_frames() == before + initrd.count && ram.validate() == ashlar::errc::ok,
          "nothing is lost");

    // Another kernel takes over where this one stopped.
    const auto kept = ram.allocate({.order = 9});
    static constinit memory next;
    check(next.boot(map, nodes, pieces, bytes_of, ashlar::start::recover) == ashlar::errc::ok, "recovered");
    check(kept && next.free(*kept, 9) == ashlar::errc::ok, "what was in use still is, until it is freed");
    check(next.free_frames() == before + initrd.count, "all is there");
}
