// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>

#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/paging/page_mapper.hpp>
#include <ashlar/paging/page_table_format.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/testing/fault_injected.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

// A mapper over tables in frames that a list_buddy hands out, and that can fail to.
namespace ashlar::testing {

/// A few frames with bytes; all others have none.
template <unsigned Shift>
struct arena_platform : platform {
    static constexpr std::uint64_t frame_bytes = std::uint64_t{1} << Shift;
    static constexpr range<> frames{{0x100}, 64};
    static constexpr std::size_t per_frame = frame_bytes / 8;
    static inline std::vector<builtin_atomic<std::uint64_t>> words =
        std::vector<builtin_atomic<std::uint64_t>>(frames.count * per_frame);

    [[nodiscard]] static void* bytes_of(frame<> f) noexcept {
        if (!frames.contains(f)) return nullptr;
        return &words[static_cast<std::size_t>(f.number - frames.first.number) * per_frame];
    }
};

template <class Format>
struct paging_rig {
    using platform_type = arena_platform<Format::page_shift>;
    using buddy = list_buddy<platform_type, buddy_shape{.top_order = 4, .pageblock_order = 4}>;
    using source_type = fault_injected<buddy>;
    using hook = std::function<void(std::uint64_t, unsigned)>;
    struct invalidation {
        paging_rig* rig;
        void operator()(std::uint64_t address, unsigned level) const noexcept {
            rig->invalidated.emplace_back(address, level);
            if (rig->at_invalidate) rig->at_invalidate(address, level);
        }
    };
    using mapper_type = page_mapper<Format, platform_type, source_type, invalidation>;
    using entry = typename Format::entry;
    using geometry = page_geometry<Format>;
    /// An entry by its level and the first address that it translates.
    using spot = std::pair<unsigned, std::uint64_t>;

    paging_rig() {
        constexpr auto frames = platform_type::frames;
        words.resize(source_type::metadata_words(frames));
        REQUIRE(source.attach(frames, {words.data(), words.size()}, start::fresh) == errc::ok);
        REQUIRE(source.online(frames) == errc::ok);
        const auto root = mapper_type::make_root(source);
        REQUIRE(root);
        mapper = std::make_unique<mapper_type>(*root, source, invalidation{this});
    }
    [[nodiscard]] std::uint64_t frames_used() const {
        return platform_type::frames.count - source.free_frames();
    }
    /// A walk to an entry that is there.
    [[nodiscard]] page_walk<Format> at(std::uint64_t address) const {
        const auto found = mapper->find(address);
        REQUIRE(found);
        return *found;
    }
    [[nodiscard]] static builtin_atomic<std::uint64_t>& word(const page_walk<Format>& found) {
        return static_cast<builtin_atomic<std::uint64_t>*>(
            platform_type::bytes_of(found.table))[static_cast<std::size_t>(found.index)];
    }
    /// Every entry that is not absent(0).
    [[nodiscard]] std::map<spot, entry> dump() const {
        std::map<spot, entry> all;
        dump(mapper->root(), Format::levels - 1, 0, all);
        return all;
    }
    /// Addresses of the upper half are extended.
    [[nodiscard]] static std::uint64_t canonical(std::uint64_t address) {
        return Format::valid_address(address) ? address
                                              : address | ~std::uint64_t{0} << geometry::address_bits;
    }

    source_type source;
    std::vector<typename buddy::word> words;
    std::vector<std::pair<std::uint64_t, unsigned>> invalidated;
    hook at_invalidate;
    std::unique_ptr<mapper_type> mapper;

 private:
    static void dump(frame<> table, unsigned level, std::uint64_t base, std::map<spot, entry>& all) {
        for (std::uint64_t i = 0; i < geometry::entries_of(level); ++i) {
            void* const bytes = platform_type::bytes_of(table + i / platform_type::per_frame);
            const entry e =
                static_cast<builtin_atomic<std::uint64_t>*>(bytes)[i % platform_type::per_frame].load(
                    memory_order::relaxed);
            if (e == 0) continue;
            const std::uint64_t address = canonical(base | i << geometry::shift_of(level));
            all[{level, address}] = e;
            if (Format::is_present(e) && !Format::is_leaf(e, level)) {
                dump({Format::frame_of(e, level)}, level - 1, address, all);
            }
        }
    }
};

/// The number of tables among what `dump` answers.
template <class Format>
[[nodiscard]] std::uint64_t tables_in(
    const std::map<std::pair<unsigned, std::uint64_t>, std::uint64_t>& all) {
    std::uint64_t count = 0;
    for (const auto& [where, e] : all) {
        count += Format::is_present(e) && !Format::is_leaf(e, where.first) ? 1 : 0;
    }
    return count;
}

}  // namespace ashlar::testing
