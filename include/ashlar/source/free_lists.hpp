// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/source/blocks.hpp>
#include <ashlar/source/frame_tags.hpp>
#include <ashlar/source/list_geometry.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// The blocks of a list buddy: tags, lists and counts, without the checks of the verbs. Frames are absolute
/// numbers.
///
/// - Invariant: every free frame lies in exactly one block, whose first frame is tagged head and the others
///   inner; no two free buddies of one order and isolation exist. Blocks outside isolated pageblocks are in
///   the list of their order, the others in none; no block spans both kinds. The tag of a frame alone says
///   whether it is free: it is the truth that recovery starts from.
template <class Word, unsigned TopOrder, unsigned PageblockOrder>
class free_lists {
 public:
    using geometry = list_geometry<TopOrder, PageblockOrder>;

    struct found_block {
        std::uint64_t first = 0;
        unsigned order = 0;

        [[nodiscard]] constexpr std::uint64_t end() const noexcept {
            return first + (std::uint64_t{1} << order);
        }
    };

    constexpr free_lists() noexcept = default;
    constexpr free_lists(geometry where, Word* words) noexcept
        : where_(where), words_(words), tags_(words + where.tags_at) {}

    [[nodiscard]] constexpr const geometry& where() const noexcept { return where_; }
    [[nodiscard]] constexpr std::uint32_t word(std::size_t at) const noexcept {
        return words_[at].load(memory_order::relaxed);
    }
    constexpr void put(std::size_t at, std::uint32_t value) noexcept {
        words_[at].store(value, memory_order::relaxed);
    }
    constexpr void add(std::size_t at, std::uint64_t amount) noexcept {
        put(at, static_cast<std::uint32_t>(word(at) + amount));
    }

    [[nodiscard]] constexpr std::uint32_t tag(std::uint64_t number) const noexcept {
        return tags_.get(where_.index_of(number));
    }
    constexpr void fill(std::uint64_t first, std::uint64_t end, std::uint32_t tag) noexcept {
        tags_.fill(where_.index_of(first), where_.index_of(end), tag);
    }
    [[nodiscard]] constexpr std::uint64_t first_other(std::uint64_t first, std::uint64_t end,
                                                      std::uint32_t tag) const noexcept {
        return where_.base + tags_.first_other(where_.index_of(first), where_.index_of(end), tag);
    }
    [[nodiscard]] constexpr std::uint64_t next_head(std::uint64_t first, std::uint64_t end) const noexcept {
        return where_.base + tags_.next_head(where_.index_of(first), where_.index_of(end));
    }

    [[nodiscard]] constexpr bool is_isolated(std::uint64_t number) const noexcept {
        const std::size_t bit = where_.pageblock_of(number);
        return (word(where_.isolated_at + bit / 32) >> (bit % 32) & 1) != 0;
    }

    /// The first block of a list and the one after a block; `nil` ends it.
    [[nodiscard]] constexpr std::uint32_t head_of_list(unsigned order) const noexcept {
        return word(geometry::heads_at + order);
    }
    [[nodiscard]] constexpr std::uint32_t next(std::uint32_t index) const noexcept {
        return word(where_.links_at + 2 * std::size_t{index});
    }
    [[nodiscard]] constexpr std::uint32_t previous(std::uint32_t index) const noexcept {
        return word(where_.links_at + 2 * std::size_t{index} + 1);
    }

    /// The block that holds a free frame: its head is the frame with some low bits cleared. O(top order).
    [[nodiscard]] constexpr found_block covering(std::uint64_t number) const noexcept {
        std::uint64_t head = number;
        while (!is_head(tag(head))) head &= head - 1;
        return {head, order_of_head(tag(head))};
    }

    /// Makes frames of one pageblock free that are not, and merges. O(top order) and a step per four frames.
    constexpr void insert(std::uint64_t first, unsigned order) noexcept {
        fill(first + 1, first + (std::uint64_t{1} << order), tag_inner);
        set_tag(first, head_tag(order));
        while (order < TopOrder) {
            const std::uint64_t buddy = first ^ (std::uint64_t{1} << order);
            if (!may_merge(first, buddy, order)) break;
            unlink(buddy, order);
            const std::uint64_t low = first < buddy ? first : buddy;
            set_tag(low, head_tag(order + 1));
            set_tag(low + (std::uint64_t{1} << order), tag_inner);
            first = low;
            ++order;
        }
        link(first, order);
    }
    /// Gives the free frames [first, end) of one block another tag; what the block holds beside them stays
    /// free.
    constexpr void carve(found_block from, std::uint64_t first, std::uint64_t end,
                         std::uint32_t tag) noexcept {
        unlink(from.first, from.order);
        fill(first, end, tag);
        const auto keep = [&](frame<> f, unsigned order) {
            set_tag(f.number, head_tag(order));
            link(f.number, order);
        };
        for_each_block(range<>::between({from.first}, {first}), TopOrder, keep);
        for_each_block(range<>::between({end}, {from.end()}), TopOrder, keep);
    }
    /// As `carve`, for the free frames of [first, end) in any number of blocks. The value is their count.
    constexpr std::uint64_t carve_free(std::uint64_t first, std::uint64_t end, std::uint32_t tag) noexcept {
        std::uint64_t carved = 0;
        while (first < end) {
            if (!is_free_tag(this->tag(first))) {
                ++first;
                continue;
            }
            const found_block from = covering(first);
            const std::uint64_t stop = from.end() < end ? from.end() : end;
            carve(from, first, stop, tag);
            carved += stop - first;
            first = stop;
        }
        return carved;
    }

    /// Makes a block of frames that are not free, unmerged: where no buddy can be free.
    constexpr void add_block(std::uint64_t first, unsigned order) noexcept {
        fill(first + 1, first + (std::uint64_t{1} << order), tag_inner);
        set_tag(first, head_tag(order));
        link(first, order);
    }

    /// Calls `sink(first, end)` for the part of each pageblock that [first, end) touches, whole pageblocks
    /// unless the attached range ends inside.
    template <class Sink>
    constexpr void for_each_pageblock(std::uint64_t first, std::uint64_t end, Sink sink) noexcept {
        const std::uint64_t size = std::uint64_t{1} << PageblockOrder;
        for (std::uint64_t start = first & ~(size - 1); start < end; start += size) {
            sink(start < where_.first ? where_.first : start,
                 where_.end - start < size ? where_.end : start + size);
            if (end - start <= size) break;
        }
    }
    [[nodiscard]] constexpr bool has_online(std::uint64_t first, std::uint64_t end) const noexcept {
        while (first < end && !is_online_tag(tag(first))) first = first_other(first, end, tag(first));
        return first < end;
    }
    /// Isolates or readmits one pageblock [first, end): its blocks change lists.
    constexpr void set_isolated(std::uint64_t first, std::uint64_t end, bool isolated) noexcept {
        if (is_isolated(first) == isolated) return;
        const bool whole = end - first == std::uint64_t{1} << PageblockOrder;
        if (whole && is_free_tag(tag(first)) && covering(first).order >= PageblockOrder) {
            // All of it is free, perhaps in a larger block: its own block changes sides and merges there. Who
            // reads tags without the lock never sees it in use.
            carve(covering(first), first, end, tag_inner);
            flip_isolated(first);
            insert(first, PageblockOrder);
            return;
        }
        for_each_head(first, end, [&](std::uint64_t head, unsigned order) { unlink(head, order); });
        flip_isolated(first);
        for_each_head(first, end, [&](std::uint64_t head, unsigned order) { link(head, order); });
    }

    /// The blocks that begin in [first, end), ascending: `sink(first, order)`.
    template <class Sink>
    constexpr void for_each_head(std::uint64_t first, std::uint64_t end, Sink sink) const noexcept {
        for (first = next_head(first, end); first < end; first = next_head(first, end)) {
            const unsigned order = order_of_head(tag(first));
            sink(first, order);
            const std::uint64_t size = std::uint64_t{1} << order;
            first = end - first < size ? end : first + size;
        }
    }
    /// Empty lists and counts; tags and isolated bits stay.
    constexpr void clear_lists() noexcept {
        for (unsigned order = 0; order <= TopOrder; ++order) put(geometry::heads_at + order, geometry::nil);
        put(geometry::present_at, 0);
        put(geometry::free_at, 0);
        put(geometry::isolated_free_at, 0);
        put(geometry::nonempty_at, 0);
    }

 private:
    constexpr void set_tag(std::uint64_t number, std::uint32_t tag) noexcept {
        tags_.set(where_.index_of(number), tag);
    }
    [[nodiscard]] constexpr bool may_merge(std::uint64_t first, std::uint64_t buddy,
                                           unsigned order) const noexcept {
        const std::uint64_t size = std::uint64_t{1} << order;
        return buddy >= where_.first && buddy < where_.end && where_.end - buddy >= size &&
               tag(buddy) == head_tag(order) && is_isolated(buddy) == is_isolated(first);
    }
    constexpr void flip_isolated(std::uint64_t number) noexcept {
        const std::size_t bit = where_.pageblock_of(number);
        const std::size_t at = where_.isolated_at + bit / 32;
        put(at, word(at) ^ std::uint32_t{1} << (bit % 32));
    }
    constexpr void set_next(std::uint32_t index, std::uint32_t to) noexcept {
        put(where_.links_at + 2 * std::size_t{index}, to);
    }
    constexpr void set_previous(std::uint32_t index, std::uint32_t to) noexcept {
        put(where_.links_at + 2 * std::size_t{index} + 1, to);
    }

    /// Counts a tagged block, and lists it unless it is isolated.
    constexpr void link(std::uint64_t first, unsigned order) noexcept {
        add(geometry::free_at, std::uint64_t{1} << order);
        if (is_isolated(first)) return add(geometry::isolated_free_at, std::uint64_t{1} << order);
        const auto index = static_cast<std::uint32_t>(where_.index_of(first));
        const std::uint32_t old = head_of_list(order);
        set_next(index, old);
        set_previous(index, geometry::nil);
        if (old != geometry::nil) set_previous(old, index);
        put(geometry::heads_at + order, index);
        put(geometry::nonempty_at, word(geometry::nonempty_at) | std::uint32_t{1} << order);
    }
    constexpr void unlink(std::uint64_t first, unsigned order) noexcept {
        add(geometry::free_at, 0 - (std::uint64_t{1} << order));
        if (is_isolated(first)) return add(geometry::isolated_free_at, 0 - (std::uint64_t{1} << order));
        const auto index = static_cast<std::uint32_t>(where_.index_of(first));
        const std::uint32_t after = next(index);
        const std::uint32_t before = previous(index);
        if (after != geometry::nil) set_previous(after, before);
        if (before != geometry::nil) return set_next(before, after);
        put(geometry::heads_at + order, after);
        if (after == geometry::nil) {
            put(geometry::nonempty_at, word(geometry::nonempty_at) & ~(std::uint32_t{1} << order));
        }
    }

    geometry where_{};
    Word* words_ = nullptr;
    frame_tags<Word> tags_{};
};

}  // namespace ashlar::detail
