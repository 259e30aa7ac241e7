// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/ashlar.hpp>

#include "guest_bridges.hpp"

/// C's memory as a zone of the guest's machine: a window of the cache is pinned for it; then the link goes.
namespace soft_ntb {

using frames_type = counted<radix_buddy<platform>>;
using memory_type = physical_memory<zone<frames_type>>;

inline constinit memory_type ram;
alignas(64) inline constinit std::byte metadata[128 * kib]{};
alignas(64) inline constinit std::byte far_metadata[64 * kib]{};
inline constinit memory_entry entries[8]{};
inline constinit topology nodes;
inline constinit frame<> held[2048]{};

inline void fill(frame<> f, std::uint64_t seed) {
    for (std::uint64_t offset = 0; offset < page; offset += 512)
        store64(f.number * page + offset, mix(seed, f.number * page + offset));
}
[[nodiscard]] inline bool is_filled(frame<> f, std::uint64_t seed) {
    for (std::uint64_t offset = 0; offset < page; offset += 512) {
        if (load64(f.number * page + offset) != mix(seed, f.number * page + offset)) return false;
    }
    return true;
}

inline void zone_scenario() {
    attach_both();
    auto& cache = in_c.cache;
    memory_map map{entries};
    must(map.add(own_at, ram_bytes, memory_kind::usable), "memory of its own");
    must(nodes.add_processor(0).has_value() && nodes.add(1).has_value(), "two nodes");
    must(nodes.set_distance(0, 1, 80), "the second one is far");
    must(memory_type::metadata_bytes(map, nodes) <= sizeof metadata, "there is room for its metadata");
    must(ram.boot(map, nodes, metadata), "it boots");
    const std::uint64_t own_frames = (ram_bytes - own_at) / page;
    must(ram.free_frames() == own_frames, "with all its frames");

    // C donates a block, which a window shows as long as the zone is attached.
    remote_zone<memory_type, cache_type> far_zone;
    const byte_range<peer> donated{{c.peer_first + 4 * c.aperture}, c.aperture};
    must(far_zone.attach(ram, cache, donated, 1, far_metadata), "C's block is a zone");
    must(cache.pins_of(0, pin_owner::device) + cache.pins_of(1, pin_owner::device) == 1,
         "its window is pinned");
    std::uint64_t count = 0;
    std::uint64_t far_count = 0;
    while (const auto got = ram.allocate({.node = 0})) {
        must(count < 2048, "no more frames than there are");
        must(far_zone.frames().contains(*got) == (count >= own_frames), "the near ones come first");
        far_count += far_zone.frames().contains(*got) ? 1 : 0;
        fill(*got, told().seed);
        held[count++] = *got;
    }
    must(far_count == donated.bytes / page && count == own_frames + far_count, "all frames are used");

    // The other window goes here and there meanwhile; the pinned one stays.
    const std::uint64_t seed = told().seed;
    for (std::uint64_t block = 0; block < 8; ++block) {
        const std::uint64_t at = c.peer_first + block * c.aperture + 5 * page;
        auto pin = cache.pin({at}, 8);
        const auto local = pin.local();
        must(local.has_value(), "another block is shown");
        const std::uint64_t found = load64(local->value);
        must(block == 4 ? found == mix(seed, far_zone.frames().first.number * page + 5 * page)
                        : found == content(seed, 1, at),
             "and is the one that was asked for");
    }
    for (std::uint64_t i = 0; i < count; ++i)
        must(is_filled(held[i], seed), "each frame has what it was given");
    must(far_zone.detach() == errc::busy && far_zone.readmit() == errc::ok, "it is in use");
    for (std::uint64_t i = 0; i < count; i += 2) must(ram.free(held[i], 0), "every second one is freed");

    ask(call::drop_link, server_c);
    must(to_c.check_link() == errc::revoked, "the link is gone");
    cache.link_lost();
    remote_loss loss;
    must(far_zone.check(loss) == errc::revoked, "and the zone with it");
    must(loss.frames == far_zone.frames() && loss.free + loss.held == far_count, "all of it");
    must(loss.held == far_count / 2, "half of it was in use");
    for (std::uint64_t i = 1; i < count; i += 2) {
        const bool is_lost = loss.frames.contains(held[i]);
        must(is_lost || is_filled(held[i], seed), "a frame of its own is as it was");
        must(ram.free(held[i], 0) == (is_lost ? errc::revoked : errc::ok), "who frees one is told");
    }
    must(far_zone.detach(), "it is taken away");
    must(cache.pins_of(0, pin_owner::device) + cache.pins_of(1, pin_owner::device) == 0,
         "the window is free");
    must(ram.validate(), "all is in order");
    must(ram.free_frames() == own_frames, "all own frames are there");

    // C starts again: a zone of its new memory.
    ask(call::start_again, server_c);
    ask(call::raise_link, server_c);
    must(to_c.raise(), "C is there again");
    cache.link_restored();
    must(far_zone.attach(ram, cache, donated, 1, far_metadata), "its block is a zone again");
    const auto got = ram.allocate({.node = 1});
    must(got && far_zone.frames().contains(*got), "and gives frames");
    fill(*got, seed + 1);
    told().told[0] = far_zone.to_peer(*got)->value;
    told().told[1] = got->number * page;
    must(is_filled(*got, seed + 1) && ram.free(*got, 0) == errc::ok, "which can be used");
    must(far_zone.detach(), "it goes in order");
    must(ram.free_frames() == own_frames, "and all own frames are there");
}

}  // namespace soft_ntb
