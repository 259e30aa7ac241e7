// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <sys/mman.h>

#include <ashlar/linux_backend/mapped_region.hpp>

#include "near.hpp"

namespace guests {

/// Sixteen windows of 64 KiB on all of the BAR: aimed by mapping another part of it.
class bar_windows {
 public:
    std::uint64_t aims = 0;

    bar_windows(const bar_memory& memory, const bar_layout& layout)
        : file_(memory.source().layout().descriptor), layout_(&layout) {
        must(region_.reserve(count * block, block), "addresses for windows");
    }
    [[nodiscard]] std::uint32_t windows() const { return count; }
    [[nodiscard]] std::uint64_t block_bytes() const { return block; }
    [[nodiscard]] byte_address<machine> local_of(std::uint32_t number) const {
        return {reinterpret_cast<std::uintptr_t>(at(number))};
    }
    [[nodiscard]] std::uint64_t cost_of(std::uint32_t) const { return 10'000; }
    errc aim(std::uint32_t number, byte_address<peer> first) {
        for (std::size_t i = 0; i < layout_->ranges; ++i) {
            const byte_range<peer> shown = layout_->declared[i];
            const window part{{i == 0 ? 0 : layout_->low}, shown.first, shown.bytes};
            const auto offset = part.to_local(first, block);
            if (!offset) continue;
            ++aims;
            return map(number, PROT_READ | PROT_WRITE, MAP_SHARED, file_, offset->value);
        }
        (void)disable(number);
        return errc::not_covered;
    }
    errc disable(std::uint32_t number) { return map(number, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

 private:
    static constexpr std::uint32_t count = 16;
    static constexpr std::uint64_t block = 64 << 10;

    [[nodiscard]] std::byte* at(std::uint32_t number) const {
        return region_.bytes().data() + number * block;
    }
    errc map(std::uint32_t number, int protection, int flags, int file, std::uint64_t offset) {
        device_store_fence();
        void* const made =
            ::mmap(at(number), block, protection, flags | MAP_FIXED, file, static_cast<off_t>(offset));
        return made == MAP_FAILED ? last_error() : errc::ok;
    }

    mapped_region region_;
    int file_;
    const bar_layout* layout_;
};
static_assert(window_aimer<bar_windows>);
using window_words = window_cache<bar_windows>;

/// Loads through any window of this process; who is there is read through the BAR.
struct window_access {
    const mapped_peer<pci_bar>* far;

    [[nodiscard]] result<std::uint64_t> load(byte_address<machine> at) const {
        return *reinterpret_cast<const volatile std::uint64_t*>(at.value);
    }
    [[nodiscard]] bool is_alive(server_id) const {
        return far->memory->read64(far->canary_at) == canary_of(far->epoch);
    }
};

/// One mapping of the BAR: all pages as one window, and through the cache of small ones.
inline void use_windows(far_link& link, const bar_layout& layout, caching_mode caching, std::uint64_t first) {
    link.map(caching);
    const std::uint64_t start = link.heard.epoch;
    const byte_range<peer> last = layout.last();
    identity whole(last, link.memory.local(layout.offset_of_last()));
    mapped_access<pci_bar> access(link.peers);
    const guest_memory<identity, mapped_access<pci_bar>> guest(link, layout, whole, access);
    std::uint64_t shown = read_all(guest, start, first);
    refuse(guest);
    write(link, guest, first, 100 + first);
    must(shown == (pages - first) / layout.ranges, "all pages of the memory that it shows");
    std::printf("%s, one window: %llu pages\n", to_string(caching), static_cast<unsigned long long>(shown));

    bar_windows small(link.memory, layout);
    alignas(64) static window_words::word words[window_words::metadata_words(16)];
    window_words cache;
    must(cache.attach(small, words), "the cache");
    window_access through{&link.peers[0]};
    const guest_memory<window_words, window_access> piecemeal(link, layout, cache, through);
    shown = read_all(piecemeal, start, first + 1);
    must(shown == pages - first - 1, "all pages");
    must(small.aims > pages / 2, "windows were aimed again and again");
    refuse(piecemeal);
    for (std::uint64_t page = first + 1; page < first + 4; ++page) write(link, piecemeal, page, 100 + page);
    std::printf("%s, windows of 64 KiB: %llu pages, aimed %llu times\n", to_string(caching),
                static_cast<unsigned long long>(shown), static_cast<unsigned long long>(small.aims));
    must(cache.detach(), "no pin is left");
    link.memory.unmap();
}

}  // namespace guests
