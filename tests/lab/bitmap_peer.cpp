// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The simplest allocator behind the interface of peers: a flag a frame, the first block that is free. With
// ASHLAR_BITMAP_PEER in the environment it has one of the defects that ashlar-lab has to notice.
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "peer/peer.h"

namespace {

/// The numbers of a peer's frames are its own affair.
constexpr std::uint64_t first_number = 0x1234'5000;

bool has_defect(std::string_view defect) {
    const char* const set = std::getenv("ASHLAR_BITMAP_PEER");
    return set != nullptr && defect == set;
}

struct bitmap {
    explicit bitmap(std::uint64_t frames) : used(frames) {}
    std::vector<bool> used;
    std::uint64_t calls = 0;

    void mark(std::uint64_t first, std::uint64_t count, bool how) {
        for (std::uint64_t at = first; at < first + count; ++at) used[at] = how;
    }
    [[nodiscard]] bool all_are(std::uint64_t first, std::uint64_t count, bool how) const {
        for (std::uint64_t at = first; at < first + count; ++at) {
            if (used[at] != how) return false;
        }
        return true;
    }
};

}  // namespace

extern "C" void* ashlar_peer_create(std::uint64_t frames, std::uint32_t) {
    return has_defect("does not start") ? nullptr : std::make_unique<bitmap>(frames).release();
}

extern "C" void ashlar_peer_destroy(void* peer) {
    delete static_cast<bitmap*>(peer);
}

extern "C" std::uint64_t ashlar_peer_allocate(void* peer, std::uint32_t, std::uint32_t order) {
    auto& frames = *static_cast<bitmap*>(peer);
    const std::uint64_t count = std::uint64_t{1} << order;
    if (has_defect("hands out twice") && order == 0 && ++frames.calls % 100 == 0) return first_number;
    for (std::uint64_t at = 0; at + count <= frames.used.size(); at += count) {
        if (!frames.all_are(at, count, false)) continue;
        frames.mark(at, count, true);
        return first_number + at;
    }
    return ASHLAR_PEER_NONE;
}

extern "C" int ashlar_peer_free(void* peer, std::uint32_t, std::uint64_t first, std::uint32_t order) {
    auto& frames = *static_cast<bitmap*>(peer);
    const std::uint64_t count = std::uint64_t{1} << order;
    if (has_defect("loses frames")) return 0;
    if (has_defect("refuses") || !frames.all_are(first - first_number, count, true)) return 1;
    frames.mark(first - first_number, count, false);
    return 0;
}

extern "C" std::uint64_t ashlar_peer_free_count(void* peer) {
    const auto& frames = *static_cast<bitmap*>(peer);
    std::uint64_t free = 0;
    for (const bool used : frames.used) free += used ? 0 : 1;
    return free;
}
