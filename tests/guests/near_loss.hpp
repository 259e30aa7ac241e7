// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/ashlar.hpp>
#include <ashlar/linux_backend/mapped_region.hpp>
#include <cstddef>

#include "near.hpp"

// The link goes, and the far guest goes.
namespace guests {

using near_windows = guest_memory<identity, mapped_access<pci_bar>>;

/// The bridge does not decode for a while: what is read then comes from nobody.
inline void lose_link(far_link& link, const bar_layout& layout) {
    link.map(caching_mode::uncached);
    identity whole(layout.last(), link.memory.local(layout.offset_of_last()));
    mapped_access<pci_bar> access(link.peers);
    const near_windows guest(link, layout, whole, access);
    page_list<near_windows> at;
    must(guest.resolve(16, 8, at.list), "a page is found");
    at.list.clear();
    const std::uint32_t before = link.handle;
    must(link.check(), "the link is up");
    must(link.device.set_decode(false), "the bridge does not decode");
    pci_bar bar;
    must_refuse(bar.open(link.device, 2), errc::unreadable, "a BAR that is not decoded");
    std::printf("without decoding, %#llx is read\n",
                static_cast<unsigned long long>(link.memory.read64(shared_page::canary)));
    must(guest.resolve(16, 8, at.list) != errc::ok, "no table can be read");
    must_refuse(link.check(), errc::revoked, "the link is lost");
    must(link.device.set_decode(true), "it decodes again");
    must(link.memory.read64(shared_page::canary) == canary_of(link.heard.epoch), "the same canary is there");
    must_refuse(link.check(), errc::revoked, "but the link has to be raised");
    link.raise();
    must(link.handle != before && link.guard.check(before) == errc::stale, "what is older is stale");
    must(guest.resolve(16, 8, at.list), "a page is found again");
    at.list.clear();
    link.memory.unmap();
}

using near_machine = physical_memory<zone<counted<radix_buddy<platform>>>>;

/// A machine of 1 MiB of this process, which knows of a node that is far away and has no memory yet.
struct small_machine {
    static constexpr std::uint64_t bytes = 1 << 20;
    mapped_region memory, metadata, more;
    near_machine ram;

    small_machine() {
        must(memory.map_zeros(bytes), "own memory");
        const auto begin = reinterpret_cast<std::uintptr_t>(memory.bytes().data());
        memory_entry entries[4];
        memory_map map{entries};
        topology nodes;
        must(map.add(begin, begin + bytes, memory_kind::usable), "a map");
        must(nodes.add_processor(0) && nodes.add(1) && nodes.set_distance(0, 1, 80) == errc::ok, "two nodes");
        must(metadata.map_zeros(near_machine::metadata_bytes(map, nodes)), "metadata");
        must(ram.boot(map, nodes, metadata.bytes()), "it boots");
    }
};

/// The far guest is killed; then its memory reads as a dead bridge does; then it starts again.
inline void lose_far(far_link& link, const bar_layout& layout) {
    link.map(caching_mode::uncached);
    identity whole(layout.last(), link.memory.local(layout.offset_of_last()));
    mapped_access<pci_bar> access(link.peers);
    const near_windows guest(link, layout, whole, access);
    page_list<near_windows> at;
    auto old_pin = whole.pin(link.table.root, 8);
    must(old_pin.error(), "a pin that is kept");

    // Memory that the far guest donates is the last choice of the machine here.
    small_machine machine;
    near_machine& ram = machine.ram;
    remote_zone<near_machine, identity> far;
    byte_range<peer> donated{{link.memory.read64(shared_page::donated)}, donated_bytes};
    const std::size_t needed =
        far.metadata_bytes({whole.local_of(donated.first).frame_of(12), donated_bytes / page_bytes});
    must(machine.more.map_zeros(needed), "metadata");
    must(far.attach(ram, whole, donated, 1, machine.more.bytes()), "a zone of the far guest's memory");
    constexpr std::size_t own = small_machine::bytes / page_bytes, count = own + 44;
    static frame<> held[count];
    for (frame<>& each : held) {
        const auto taken = ram.allocate({.node = 0});
        must(taken.error(), "allocate");
        each = *taken;
    }
    must(!far.frames().contains(held[own - 1]) && far.frames().contains(held[own]), "near frames come first");
    auto* const word = reinterpret_cast<volatile std::uint64_t*>(held[count - 1].number * page_bytes);
    *word = 4711;
    const auto told = link.ask(about::word, far.to_peer(held[count - 1])->value);
    must(told && *told == 4711, "the far guest finds what is written to its frame");

    ask_host("kill");
    // QEMU's memory outlives the far guest: what is read is as it was. Nobody answers any more.
    must(*word == 4711 && link.check() == errc::ok, "its memory is still there");
    must(guest.resolve(20, 8, at.list), "its table, too");
    must(at.words()[0] == pattern(link.heard.epoch, 20, 0), "and its pages");
    at.list.clear();
    must_refuse(link.ask(about::word, 0, 0, 200).error(), errc::revoked, "but no answer");
    remote_loss loss;
    must(far.check(loss), "nothing has been noticed");

    ask_host("ones");
    // All ones, as of a bridge with nobody behind it: also an entry that is valid and a leaf.
    must(*word == ~std::uint64_t{0} && link.memory.read64(link.table.root.value) == ~std::uint64_t{0},
         "all ones");
    must(link.memory.load<std::uint64_t>(shared_page::canary).error(), "the bridge itself is there");
    must_refuse(guest.resolve(20, 8, at.list), errc::revoked, "a table of all ones");
    must_refuse(guest.space.locate(address_of(20)).error(), errc::revoked, "nobody's table");
    const std::uint32_t old_handle = link.handle;
    must_refuse(link.check(), errc::revoked, "the link is lost");
    whole.link_lost();
    must_refuse(whole.pin(link.table.root, 8).error(), errc::revoked, "no pin is given");
    must_refuse(old_pin.local().error(), errc::revoked, "and none counts");
    must_refuse(far.check(loss), errc::revoked, "the zone is lost");
    must(loss.held == 44 && loss.free == donated_bytes / page_bytes - 44, "it is told what was in use");
    for (const frame<> each : held) {
        const errc wanted = far.frames().contains(each) ? errc::revoked : errc::ok;
        must_refuse(ram.free(each, 0), wanted, "each is told when it is freed");
    }
    must(far.detach(), "detach");
    must(ram.validate(), "validate");
    must(ram.free_frames() == own && ram.allocate({.node = 0}), "the machine goes on");

    ask_host("start");
    link.raise();
    must(link.heard.epoch == 2, "the far guest knows that it is another start");
    must_refuse(link.guard.check(old_handle), errc::stale, "the old handle is stale");
    whole.link_restored();
    must_refuse(old_pin.local().error(), errc::stale, "and so is the old pin");
    const near_windows again(link, layout, whole, access);
    must(read_all(again, 2) == pages / layout.ranges, "all pages of the new start");
    refuse(again);
    donated.first = {link.memory.read64(shared_page::donated)};
    must(far.attach(ram, whole, donated, 1, machine.more.bytes()), "its memory is a zone again");
    must(far.detach(), "and is given back");
    std::printf("the far guest was lost with %llu frames in use, and is back\n",
                static_cast<unsigned long long>(loss.held));
    link.memory.unmap();
}

}  // namespace guests
