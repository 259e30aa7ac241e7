// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Before there is an allocator: `bump` hands out frames from the first instruction on, then gives the rest to
// a buddy whose metadata it provided.
#include <ashlar/ashlar.hpp>

#include "check.hpp"

namespace {

constexpr std::uint64_t frame_bytes = 4096;
constexpr ashlar::range<> bank{{0x1000}, 0x2000};  // 32 MiB from 16 MiB on
constexpr ashlar::range<> initrd{{0x1800}, 0x123};
alignas(frame_bytes) std::byte memory[bank.count * frame_bytes];  // what is there, on this machine

std::byte* bytes_of(ashlar::frame<> f) {
    return memory + (f.number - bank.first.number) * frame_bytes;
}

using early_frames = ashlar::bump<ashlar::platform>;
using frames = ashlar::radix_buddy<ashlar::platform>;

early_frames::word
    early_words[early_frames::metadata_words(bank)];  // a few hundred bytes, any size of memory
constinit early_frames early;
constinit frames all;

void start_early() {
    check(early.attach(bank, early_words, ashlar::start::fresh) == ashlar::errc::ok, "attach");
    check(early.online(bank) == ashlar::errc::ok, "online");
    check(early.allocate_at(initrd) == ashlar::errc::ok, "what the boot loader put there is taken");
}

/// Storage for the words of the buddy, out of the memory that it will manage.
ashlar::view<frames::word> words_for(ashlar::range<> managed) {
    const std::size_t needed = ashlar::metadata_bytes<frames>(managed);
    unsigned order = 0;
    while ((frame_bytes << order) < needed) ++order;
    const auto at = early.allocate({.order = order});
    check(at.has_value(), "there is room for the metadata");
    return {reinterpret_cast<frames::word*>(bytes_of(*at)), frames::metadata_words(managed)};
}

void hand_over() {
    check(all.attach(bank, words_for(bank), ashlar::start::fresh) == ashlar::errc::ok, "attach");
    check(early.isolate(bank) == ashlar::errc::ok, "nothing more comes from the first source");
    early.visit_free([](ashlar::range<> rest) { check(all.online(rest) == ashlar::errc::ok, "online"); });
}

}  // namespace

int main() {
    start_early();
    const auto page_tables = early.allocate({.order = 2});
    check(page_tables && early.free(*page_tables, 2) == ashlar::errc::unsupported, "nothing is freed early");
    hand_over();

    check(all.free_frames() == early.free_frames(), "what was left is there now");
    check(!early.allocate({.order = 0}), "and no longer here");
    check(!all.owns(initrd.first) && !all.owns(*page_tables), "what was taken early is not the buddy's");
    const auto huge = all.allocate({.order = 9});
    check(huge && all.free(*huge, 9) == ashlar::errc::ok, "huge pages");

    // What early boot took can be given to the buddy when it is not needed any more.
    check(all.online(initrd) == ashlar::errc::ok && all.owns(initrd.first), "the initrd's frames arrive");
    check(all.validate() == ashlar::errc::ok, "all is in order");
}
