// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An allocator of virtual memory behind the interface of peers. The build makes one library of each heap that
// it finds (ASHLAR_PEER_HEAP).
#include "peer/peer.h"

#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

#include ASHLAR_PEER_HEAP

namespace {

using bench::heap;

constexpr unsigned frame_shift = 12;

/// Frames that one CPU took, less those that it freed, modulo 2^64. CPUs share no line.
struct alignas(64) counter {
    std::uint64_t frames = 0;
};

struct peer {
    std::uint64_t frames;
    std::vector<counter> out;
};

/// Memory that the system can still give, by what Linux says; 0 where nobody says.
std::uint64_t available_bytes() {
    std::FILE* const info = std::fopen("/proc/meminfo", "r");
    if (info == nullptr) return 0;
    std::uint64_t kibibytes = 0;
    char line[128];
    while (std::fgets(line, sizeof line, info) != nullptr) {
        if (std::sscanf(line, "MemAvailable: %" SCNu64, &kibibytes) == 1) break;
    }
    (void)std::fclose(info);
    return kibibytes << 10;
}

}  // namespace

// Blocks are real, 4 KiB << order at an address that is a multiple of that; a frame's number is its address /
// 4 KiB. Nobody touches what is handed out, but a heap may keep its lists in blocks that are free: so it
// starts only where the system has memory for all of its frames.
extern "C" void* ashlar_peer_create(std::uint64_t frames, std::uint32_t cpus) {
    if (frames > available_bytes() >> frame_shift) return nullptr;
    return std::make_unique<peer>(peer{frames, std::vector<counter>(cpus)}).release();
}
extern "C" void ashlar_peer_destroy(void* peer_pointer) {
    delete static_cast<peer*>(peer_pointer);
    heap::give_back();
}
// Fails when the process gets no more memory: a heap has no range of frames that could be used up. The CPU is
// only counted for: heaps find out for themselves what thread they are on.
extern "C" std::uint64_t ashlar_peer_allocate(void* peer_pointer, std::uint32_t cpu, std::uint32_t order) {
    const unsigned shift = frame_shift + order;
    void* const block = heap::allocate(std::size_t{1} << shift, shift);
    if (block == nullptr) return ASHLAR_PEER_NONE;
    static_cast<peer*>(peer_pointer)->out[cpu].frames += std::uint64_t{1} << order;
    return reinterpret_cast<std::uintptr_t>(block) >> frame_shift;
}
extern "C" int ashlar_peer_free(void* peer_pointer, std::uint32_t cpu, std::uint64_t first,
                                std::uint32_t order) {
    const unsigned shift = frame_shift + order;
    static_cast<peer*>(peer_pointer)->out[cpu].frames -= std::uint64_t{1} << order;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): a frame's number is its address
    heap::free(reinterpret_cast<void*>(first << frame_shift), std::size_t{1} << shift, shift);
    return 0;
}
// Those it was created with, less those that are out.
extern "C" std::uint64_t ashlar_peer_free_count(void* peer_pointer) {
    const auto& self = *static_cast<peer*>(peer_pointer);
    std::uint64_t out = 0;
    for (const counter& each : self.out) out += each.frames;
    return self.frames - out;
}
