// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/source/blocks.hpp>
#include <ashlar/source/free_lists.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// What the header of a list buddy over this range says, up to the counts.
template <class Geometry>
[[nodiscard]] constexpr std::uint32_t list_identity(const Geometry& where, std::size_t at) noexcept {
    const std::uint32_t values[] = {Geometry::magic,
                                    Geometry::version,
                                    Geometry::shape,
                                    static_cast<std::uint32_t>(where.first),
                                    static_cast<std::uint32_t>(where.first >> 32),
                                    static_cast<std::uint32_t>(where.end - where.first)};
    return values[at];
}

/// True when the words may be those of a list buddy over this range that stopped at any store: the header
/// fits and every tag is one. Links, counts and the orders of heads are not looked at: nothing reads them
/// before they are rebuilt.
template <class Lists>
[[nodiscard]] constexpr bool is_recoverable(const Lists& lists) noexcept {
    const auto& where = lists.where();
    for (std::size_t at = 0; at < Lists::geometry::present_at; ++at) {
        if (lists.word(at) != list_identity(where, at)) return false;
    }
    for (std::uint64_t f = where.base; f < where.first; ++f) {
        if (lists.tag(f) != tag_absent) return false;
    }
    for (std::uint64_t f = where.first; f < where.end; ++f) {
        const std::uint32_t tag = lists.tag(f);
        if (tag > tag_inner && (!is_head(tag) || (tag & 0x60) != 0)) return false;
    }
    return true;
}

/// Builds lists and counts anew from the tags: frames that are free stay so, and frames that are online, not
/// free and not `live(frame number)` become free. Linear in the range.
template <class Lists, class Live>
constexpr void rebuild(Lists& lists, unsigned top_order, Live&& live) noexcept {
    const auto& where = lists.where();
    lists.clear_lists();
    lists.for_each_pageblock(where.first, where.end, [&](std::uint64_t first, std::uint64_t end) {
        if (!lists.has_online(first, end)) lists.set_isolated(first, end, false);
    });
    const auto becomes_free = [&](std::uint64_t f) {
        const std::uint32_t tag = lists.tag(f);
        return is_free_tag(tag) || (tag == tag_used && !live(f));
    };
    std::uint64_t present = 0;
    for (std::uint64_t f = where.first; f < where.end;) {
        if (!becomes_free(f)) {
            present += lists.tag(f) == tag_used ? 1 : 0;
            ++f;
            continue;
        }
        // A run of free frames of one isolation: the blocks of its ascending decomposition have no free
        // buddy.
        std::uint64_t end = f + 1;
        while (end < where.end && lists.is_isolated(end) == lists.is_isolated(f) && becomes_free(end)) ++end;
        for_each_block(range<>::between({f}, {end}), top_order,
                       [&](frame<> first, unsigned order) { lists.add_block(first.number, order); });
        present += end - f;
        f = end;
    }
    lists.add(Lists::geometry::present_at, present);
}

/// True when a list holds exactly `blocks` blocks, each of them a head of this order outside isolated
/// pageblocks, and its links agree. Reads no index that is out of bounds and ends on cycles.
template <class Lists>
[[nodiscard]] constexpr bool is_list_sound(const Lists& lists, unsigned order,
                                           std::uint64_t blocks) noexcept {
    using geometry = typename Lists::geometry;
    const auto& where = lists.where();
    std::uint32_t before = geometry::nil;
    std::uint32_t at = lists.head_of_list(order);
    for (; at != geometry::nil; before = at, at = lists.next(at)) {
        const std::uint64_t first = where.base + at;
        if (blocks == 0 || first < where.first || first >= where.end) return false;
        if (lists.tag(first) != head_tag(order) || lists.is_isolated(first) || lists.previous(at) != before)
            return false;
        --blocks;
    }
    const bool listed = (lists.word(geometry::nonempty_at) >> order & 1) != 0;
    return blocks == 0 && listed == (lists.head_of_list(order) != geometry::nil);
}

/// Everything that holds between two verbs. Linear in the range.
template <class Lists>
[[nodiscard]] constexpr bool is_consistent(const Lists& lists, unsigned top_order) noexcept {
    using geometry = typename Lists::geometry;
    const auto& where = lists.where();
    if (!is_recoverable(lists)) return false;
    std::uint64_t present = 0;
    std::uint64_t free = 0;
    std::uint64_t isolated = 0;
    std::uint64_t blocks[32] = {};
    for (std::uint64_t f = where.first; f < where.end;) {
        const std::uint32_t tag = lists.tag(f);
        if (!is_head(tag)) {
            if (tag == tag_inner) return false;
            present += tag == tag_used ? 1 : 0;
            ++f;
            continue;
        }
        const unsigned order = order_of_head(tag);
        const std::uint64_t size = std::uint64_t{1} << order;
        if (order > top_order || (f & (size - 1)) != 0 || where.end - f < size) return false;
        if (lists.first_other(f + 1, f + size, tag_inner) != f + size) return false;
        const bool is_isolated = lists.is_isolated(f);
        for (std::uint64_t i = f; i < f + size; ++i) {
            if (lists.is_isolated(i) != is_isolated) return false;
        }
        const std::uint64_t buddy = f ^ size;
        if (order < top_order && buddy >= where.first && buddy < where.end && where.end - buddy >= size &&
            lists.tag(buddy) == tag && lists.is_isolated(buddy) == is_isolated) {
            return false;
        }
        present += size;
        free += size;
        isolated += is_isolated ? size : 0;
        blocks[order] += is_isolated ? 0 : 1;
        f += size;
    }
    for (unsigned order = 0; order <= top_order; ++order) {
        if (!is_list_sound(lists, order, blocks[order])) return false;
    }
    return lists.word(geometry::present_at) == present && lists.word(geometry::free_at) == free &&
           lists.word(geometry::isolated_free_at) == isolated;
}

}  // namespace ashlar::detail
