// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/extent.hpp>
#include <ashlar/firmware/memory_entry.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <cstdint>

namespace ashlar::detail {

/// What every reader of a memory table does with an entry: look whether it makes sense by itself and beside
/// its predecessors, report what does not, put the rest into the map.
///
/// An empty or inverted entry is dropped. One that ends beyond the address space is dropped too, unless it
/// takes memory away: then it reaches to the end. All else is kept, the map resolves contradictions.
///
/// While it reads, a spare attribute bit in the map marks what this table has described, so that an overlap
/// is found whatever the order of the entries is. `finish` removes the marks.
class table_reader {
 public:
    /// How the table is ordered. A sorted one is also searched for small holes.
    enum class order : std::uint8_t { any, sorted };

    constexpr table_reader(table source, order wanted, memory_map& map, defects& found) noexcept
        : map_(map), found_(found), source_(source), order_(wanted) {}

    /// The next entry. `offset` is where it stands in the input. Kind `none` with a node is a claim of
    /// memory, without a node a type that is not known: it is taken as reserved.
    constexpr void add(std::uint64_t offset, const extent& bytes, memory_kind kind, std::uint8_t attributes,
                       node_id node = any_node) noexcept {
        const bool unknown = kind == memory_kind::none && node == any_node;
        if (unknown) kind = memory_kind::reserved;
        if (!believable(offset, bytes, kind)) {
            gap_known_ = false;
            return;
        }
        if (unknown) report(offset, defect_kind::unknown_kind, "an unknown type, taken as reserved", bytes);
        const std::uint64_t end = end_of(bytes);
        compare_with_others(offset, bytes, end, node);
        if (order_ == order::sorted) compare_with_predecessor(offset, bytes, end);
        const memory_entry entry{bytes.first, end, kind, static_cast<std::uint8_t>(attributes | mark()),
                                 node};
        const bool may_be_lent = kind == memory_kind::usable || kind == memory_kind::acpi_reclaim ||
                                 kind == memory_kind::unaccepted;
        if (confined_ && may_be_lent) {
            put_where_known(offset, bytes, entry);
        } else {
            put(offset, bytes, entry);
        }
    }

    /// Looks at a range as `add` does, also for overlaps, and says nothing of it: what is in it is told by
    /// others. False if it is not to be believed.
    constexpr bool look_at(std::uint64_t offset, const extent& bytes) noexcept {
        if (!believable(offset, bytes, memory_kind::none)) return false;
        compare_with_others(offset, bytes, end_of(bytes), any_node);
        put(offset, bytes, {bytes.first, end_of(bytes), memory_kind::none, mark(), any_node});
        return true;
    }

    /// From now on no memory is believed in where the map knows of nothing: this table is not the one that
    /// says how much memory there is.
    constexpr void confine() noexcept { confined_ = true; }

    constexpr void report(std::uint64_t offset, defect_kind kind, const char* text,
                          const extent& bytes = {}) noexcept {
        found_.report({source_, offset, kind, text, bytes.first, bytes.last});
    }

    /// Ends the table. `limit` if the map could not hold all of it.
    constexpr errc finish() noexcept {
        map_.clear_attributes(mark());
        return full_ ? errc::limit : errc::ok;
    }

 private:
    static constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
    static constexpr std::uint64_t four_gibibytes = std::uint64_t{1} << 32;
    /// Interrupt controllers, timers and the boot ROM: maps are full of small holes there.
    static constexpr std::uint64_t x86_devices = 0xfec00000;

    /// The bits above the public attributes, one for each table that a log can interleave with others.
    [[nodiscard]] constexpr std::uint8_t mark() const noexcept {
        switch (source_) {
            case table::e820:
                return 0x80;
            case table::uefi:
                return 0x40;
            case table::log:
                return 0x10;
            default:
                return 0x20;
        }
    }

    /// The byte behind the range; the last byte of the address space is never described.
    [[nodiscard]] static constexpr std::uint64_t end_of(const extent& bytes) noexcept {
        constexpr std::uint64_t top = ~std::uint64_t{0};
        return bytes.last == top ? top : bytes.last + 1;
    }

    constexpr void put(std::uint64_t offset, const extent& bytes, const memory_entry& entry) noexcept {
        if (map_.add(entry) != errc::limit) return;
        if (!full_) report(offset, defect_kind::full, "the memory map's array is full", bytes);
        full_ = true;
    }

    /// Puts only those pieces of the entry that the map describes already.
    constexpr void put_where_known(std::uint64_t offset, const extent& bytes,
                                   const memory_entry& entry) noexcept {
        std::uint64_t put_bytes = 0;
        memory_entry known;
        const auto described = [&known](const memory_entry& each) {
            known = each;
            return each.kind != memory_kind::none;
        };
        for (std::uint64_t at = entry.begin; map_.any_of(at, entry.end, described); at = known.end) {
            memory_entry piece = entry;
            if (piece.begin < at) piece.begin = at;
            if (piece.begin < known.begin) piece.begin = known.begin;
            if (piece.end > known.end) piece.end = known.end;
            put(offset, bytes, piece);
            put_bytes += piece.end - piece.begin;
            if (known.end >= entry.end) break;
        }
        if (put_bytes != entry.end - entry.begin) {
            report(offset, defect_kind::ignored, "memory that the E820 table does not give", bytes);
        }
    }

    [[nodiscard]] constexpr bool believable(std::uint64_t offset, const extent& bytes,
                                            memory_kind kind) noexcept {
        switch (bytes.form) {
            case extent::shape::plain:
                return true;
            case extent::shape::empty:
                report(offset, defect_kind::zero_length, "an entry of no length", bytes);
                return false;
            case extent::shape::inverted:
                report(offset, defect_kind::inverted, "an entry that ends before it starts", bytes);
                return false;
            case extent::shape::wrapped:
                report(offset, defect_kind::wrapped, "an entry that ends beyond the address space", bytes);
                return kind > memory_kind::usable;
        }
        return false;
    }

    constexpr void compare_with_others(std::uint64_t offset, const extent& bytes, std::uint64_t end,
                                       node_id node) noexcept {
        const auto claimed = [=](const memory_entry& entry) {
            return node != any_node && entry.node != any_node && entry.node != node;
        };
        const auto described = [bit = mark()](const memory_entry& entry) { return entry.has(bit); };
        if (map_.any_of(bytes.first, end, claimed)) {
            report(offset, defect_kind::node_conflict, "memory that several nodes claim", bytes);
        } else if (map_.any_of(bytes.first, end, described)) {
            report(offset, defect_kind::overlap, "an entry that overlaps another one of its table", bytes);
        }
    }

    constexpr void compare_with_predecessor(std::uint64_t offset, const extent& bytes,
                                            std::uint64_t end) noexcept {
        if (started_ && bytes.first < predecessor_) {
            report(offset, defect_kind::misordered, "an entry that starts before its predecessor", bytes);
        } else if (gap_known_ && is_hole(described_to_, bytes.first)) {
            report(offset, defect_kind::hole, "a small hole before this entry",
                   {described_to_, bytes.first - 1, extent::shape::plain});
        }
        started_ = true;
        gap_known_ = true;
        predecessor_ = bytes.first;
        if (end > described_to_) described_to_ = end;
    }

    [[nodiscard]] static constexpr bool is_hole(std::uint64_t begin, std::uint64_t end) noexcept {
        const bool usual = begin < mebibyte || (end > x86_devices && begin < four_gibibytes);
        return begin < end && end - begin < mebibyte && !usual;
    }

    memory_map& map_;
    defects& found_;
    table source_;
    order order_;
    bool full_ = false;
    bool confined_ = false;
    bool started_ = false;
    bool gap_known_ = false;  ///< false after an entry whose true place is not known
    std::uint64_t predecessor_ = 0;
    std::uint64_t described_to_ = 0;
};

}  // namespace ashlar::detail
