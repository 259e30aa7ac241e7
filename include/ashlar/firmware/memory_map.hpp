// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/firmware/memory_entry.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Usable frames in a row that agree in everything a zone is cut by.
struct usable_run {
    range<> frames{};
    node_id node = any_node;
    bool mirrored = false;
    bool hot_pluggable = false;
    bool unaccepted = false;

    [[nodiscard]] friend constexpr bool operator==(const usable_run&, const usable_run&) noexcept = default;
};

/// The physical address space as all sources together describe it: a view of the caller's array of entries.
///
/// Invariant: the entries are sorted, disjoint, none is empty, and no two that touch have the same kind,
/// attributes and node. Bytes that nobody described belong to no entry. Every insertion keeps this (as in
/// Linux's memblock), so sources can be read in any order and as often as one likes:
/// - a byte described twice gets the kind of higher precedence (`memory_kind`) and the union of the
///   attributes, so the order of `add`, `exclude` and `mirror` does not matter, also before the RAM itself is
///   added;
/// - a byte claimed by two nodes stays with the first claim that is not hot-pluggable, else with the first;
///   "hot-pluggable" is a part of the claim and means nothing without a node.
///
/// Addresses are bytes; arithmetic saturates at 2^64 - 1. Only `for_each_usable` knows pages: usable memory
/// is rounded inwards, everything else thereby outwards. Entries that differ in nothing that a zone is cut by
/// are joined before that, so a page of two touching pieces of RAM is whole and a page that is partly
/// reserved is dropped.
///
/// When the array is full memory may be lost but is never gained: usable memory that does not fit is left
/// out; a restriction that does not fit is widened over the entry it falls into, or over the nearest one if
/// it falls into none; a node or an attribute that does not fit is not set. The verb then answers
/// `errc::limit`. An array of no entries describes nothing.
///
/// Every verb is O(log n) plus O(n) for each piece that changes, of n entries. Any context; no
/// synchronisation.
///
///     ashlar::memory_entry entries[64];
///     ashlar::memory_map map{entries};
///     (void)map.add(0x0, 0x9a800, ashlar::memory_kind::usable);
///     (void)map.add(0x9a800, 0xa0000, ashlar::memory_kind::reserved);
///     (void)map.mirror(0x0, 0x8000);
///     map.for_each_usable([](const ashlar::usable_run& run) {});   // frames 0-7 mirrored, 8-0x99 not
class memory_map {
 public:
    constexpr memory_map() noexcept = default;
    /// `page_shift`: log2 of the page size in bytes, below 64.
    constexpr memory_map(view<memory_entry> storage, unsigned page_shift = 12) noexcept
        : storage_(storage), page_shift_(page_shift) {}
    template <std::size_t N>
    constexpr memory_map(memory_entry (&storage)[N], unsigned page_shift = 12) noexcept
        : memory_map(view<memory_entry>(storage), page_shift) {}
    memory_map(const memory_map&) = delete;
    memory_map& operator=(const memory_map&) = delete;

    [[nodiscard]] constexpr unsigned page_shift() const noexcept { return page_shift_; }
    [[nodiscard]] constexpr std::size_t capacity() const noexcept { return storage_.size(); }
    [[nodiscard]] constexpr view<const memory_entry> entries() const noexcept {
        return {storage_.data(), size_};
    }

    /// Describes the bytes [begin, end) of `entry`; a node in it is a claim (`set_node`). `invalid` if the
    /// range is empty, `limit` if the array is full.
    constexpr errc add(const memory_entry& entry) noexcept {
        if (entry.begin >= entry.end) return errc::invalid;
        bool complete = true;
        for (std::uint64_t begin = entry.begin; begin < entry.end;) {
            // One piece at a time: it lies in one entry, or in the gap before one.
            const std::size_t index = first_ending_after(begin);
            const bool inside = index < size_ && storage_[index].begin <= begin;
            std::uint64_t end = entry.end;
            if (inside) {
                end = storage_[index].end;
            } else if (index < size_) {
                end = storage_[index].begin;
            }
            if (end > entry.end) end = entry.end;

            const memory_entry before = inside ? storage_[index] : memory_entry{};
            memory_entry piece = merged(before, entry);
            piece.begin = begin;
            piece.end = end;
            if (!alike(before, piece) && !replace(index, inside, piece)) {
                complete = false;
                if (piece.kind > before.kind && piece.kind > memory_kind::usable) widen(index, inside, piece);
            }
            begin = end;
        }
        return complete ? errc::ok : errc::limit;
    }

    /// Describes the bytes [begin, end). Errors as above.
    constexpr errc add(std::uint64_t begin, std::uint64_t end, memory_kind kind,
                       std::uint8_t attributes = 0) noexcept {
        return add({begin, end, kind, attributes, any_node});
    }

    /// Takes bytes away from what is usable, whoever adds them before or after. Errors as `add`.
    constexpr errc exclude_bytes(std::uint64_t begin, std::uint64_t end) noexcept {
        return add(begin, end, memory_kind::excluded);
    }

    /// The same in frames of the page size. `invalid` for an empty range or one whose end wraps; frames
    /// beyond the address space do not exist and are left out.
    constexpr errc exclude(range<> frames) noexcept {
        if (frames.empty() || frames.wraps()) return errc::invalid;
        const std::uint64_t begin = address_of(frames.first);
        const std::uint64_t end = address_of(frames.end());
        return begin < end ? exclude_bytes(begin, end) : errc::ok;
    }

    /// Says that the bytes [begin, end) are mirrored, if they are memory. Errors as `add`.
    constexpr errc mirror(std::uint64_t begin, std::uint64_t end) noexcept {
        return add(begin, end, memory_kind::none, memory_attribute::mirrored);
    }

    /// Claims the bytes [begin, end) for `node`, where no claim as strong was made before; whether they are
    /// hot-pluggable goes with the claim. A window without memory stays one. Errors as `add`.
    constexpr errc set_node(std::uint64_t begin, std::uint64_t end, node_id node,
                            bool hot_pluggable = false) noexcept {
        const std::uint8_t attributes = hot_pluggable ? memory_attribute::hot_pluggable : std::uint8_t{0};
        return add({begin, end, memory_kind::none, attributes, node});
    }

    /// Turns the memory that held ACPI tables into usable memory, when they were read for the last time.
    constexpr void reclaim() noexcept {
        for (std::size_t i = 0; i < size_; ++i) {
            if (storage_[i].kind == memory_kind::acpi_reclaim) storage_[i].kind = memory_kind::usable;
        }
        join();
    }

    /// Lends out memory that a confidential guest has not accepted yet, in whole units of 2^`unit_order`
    /// frames (the machine's `isolation_order`): usable, but marked `memory_attribute::unaccepted`, for an
    /// `accepted` layer. The rest stays `unaccepted` and unused. After all tables and exclusions, before
    /// `plan_metadata` and `boot`. `limit` if the array is full: some units then stay `unaccepted`.
    constexpr errc use_unaccepted(unsigned unit_order) noexcept {
        const unsigned shift = page_shift_ + unit_order;
        if (shift >= 64) return errc::ok;
        const std::uint64_t inside = (std::uint64_t{1} << shift) - 1;
        bool complete = true;
        for (std::uint64_t at = 0;;) {
            const std::size_t index = first_ending_after(at);
            if (index == size_) break;
            memory_entry piece = storage_[index];
            at = piece.end;
            if (piece.kind != memory_kind::unaccepted || piece.begin > ~inside) continue;
            piece.begin = (piece.begin + inside) & ~inside;
            piece.end &= ~inside;
            if (piece.begin >= piece.end) continue;
            piece.kind = memory_kind::usable;
            piece.attributes = static_cast<std::uint8_t>(piece.attributes | memory_attribute::unaccepted);
            complete = replace(index, true, piece) && complete;
        }
        return complete ? errc::ok : errc::limit;
    }

    /// Removes attributes everywhere.
    constexpr void clear_attributes(std::uint8_t attributes) noexcept {
        for (std::size_t i = 0; i < size_; ++i) {
            storage_[i].attributes = static_cast<std::uint8_t>(storage_[i].attributes & ~attributes);
        }
        join();
    }

    /// True if `matches(entry)` is true for an entry that shares a byte with [begin, end).
    template <class Predicate>
    [[nodiscard]] constexpr bool any_of(std::uint64_t begin, std::uint64_t end,
                                        Predicate&& matches) const noexcept {
        for (std::size_t i = first_ending_after(begin); i < size_ && storage_[i].begin < end; ++i) {
            if (matches(storage_[i])) return true;
        }
        return false;
    }

    /// Calls `sink(usable_run)` for all whole usable frames, in ascending order.
    template <class Sink>
    constexpr void for_each_usable(Sink&& sink) const noexcept {
        for_each_run([&sink](const usable_run& run, memory_kind kind) noexcept {
            if (kind == memory_kind::usable) sink(run);
        });
    }

    /// Calls `sink(usable_run, kind)` for all whole frames that are usable or excluded, in ascending order.
    template <class Sink>
    constexpr void for_each_run(Sink&& sink) const noexcept {
        for (std::size_t i = 0; i < size_;) {
            memory_entry run = storage_[i++];
            if (run.kind != memory_kind::usable && run.kind != memory_kind::excluded) continue;
            while (i < size_ && storage_[i].begin == run.end && same_zone(run, storage_[i])) {
                run.end = storage_[i++].end;
            }
            const auto frames =
                range<>::between(frame<>{round_up(run.begin)}, frame<>{run.end >> page_shift_});
            if (frames.empty()) continue;
            sink(usable_run{frames, run.node, run.has(memory_attribute::mirrored),
                            run.has(memory_attribute::hot_pluggable), run.has(memory_attribute::unaccepted)},
                 run.kind);
        }
    }

    /// Whole usable frames in all.
    [[nodiscard]] constexpr std::uint64_t usable_frames() const noexcept {
        std::uint64_t total = 0;
        for_each_usable([&](const usable_run& run) { total += run.frames.count; });
        return total;
    }

 private:
    [[nodiscard]] static constexpr bool alike(const memory_entry& a, const memory_entry& b) noexcept {
        return a.kind == b.kind && a.attributes == b.attributes && a.node == b.node;
    }

    /// What two statements about the same byte come to.
    [[nodiscard]] static constexpr memory_entry merged(memory_entry known,
                                                       const memory_entry& said) noexcept {
        constexpr std::uint8_t hot = memory_attribute::hot_pluggable;
        known.kind = more_restrictive(known.kind, said.kind);
        const bool claims = said.node != any_node;
        const bool wins = claims && (known.node == any_node || (known.has(hot) && !said.has(hot)));
        if (wins) known.node = said.node;
        // "Hot-pluggable" is a part of the claim that won; everything else adds up.
        const unsigned claim = (wins ? said.attributes : known.attributes) & hot;
        const unsigned others = (known.attributes | said.attributes) & ~unsigned{hot};
        known.attributes = static_cast<std::uint8_t>(claim | others);
        return known;
    }

    [[nodiscard]] static constexpr bool same_zone(const memory_entry& a, const memory_entry& b) noexcept {
        constexpr unsigned cut =
            memory_attribute::mirrored | memory_attribute::hot_pluggable | memory_attribute::unaccepted;
        return a.kind == b.kind && a.node == b.node && ((a.attributes ^ b.attributes) & cut) == 0;
    }

    [[nodiscard]] constexpr std::uint64_t round_up(std::uint64_t address) const noexcept {
        const std::uint64_t page = address >> page_shift_;
        return page << page_shift_ == address ? page : page + 1;
    }

    [[nodiscard]] constexpr std::uint64_t address_of(frame<> f) const noexcept {
        constexpr std::uint64_t top = ~std::uint64_t{0};
        return f.number > top >> page_shift_ ? top : f.number << page_shift_;
    }

    /// Index of the first entry whose end lies beyond `address`.
    [[nodiscard]] constexpr std::size_t first_ending_after(std::uint64_t address) const noexcept {
        std::size_t low = 0;
        std::size_t high = size_;
        while (low < high) {
            const std::size_t middle = low + (high - low) / 2;
            if (storage_[middle].end > address) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

    /// Puts `piece` in the place of the bytes it covers: a part of the entry at `index` if `inside`, else a
    /// part of the gap before it. Joins what became alike. False, and nothing changed, if there is no room.
    constexpr bool replace(std::size_t index, bool inside, const memory_entry& piece) noexcept {
        run_of_entries parts;
        const std::size_t first = index > 0 ? index - 1 : 0;
        const std::size_t next = index + (inside ? 1 : 0);
        const std::size_t last = next < size_ ? next + 1 : next;
        if (first < index) parts.push(storage_[first]);
        if (inside) parts.push(storage_[index], storage_[index].begin, piece.begin);
        parts.push(piece);
        if (inside) parts.push(storage_[index], piece.end, storage_[index].end);
        if (next < last) parts.push(storage_[next]);
        if (size_ - (last - first) + parts.count > storage_.size()) return false;
        move_tail(last, first + parts.count);
        for (std::size_t i = 0; i < parts.count; ++i) storage_[first + i] = parts.entries[i];
        return true;
    }

    /// A restriction without room: it takes in the whole entry it falls into, or reaches to the nearest one
    /// if it falls into a gap. The number of entries does not grow.
    constexpr void widen(std::size_t index, bool inside, const memory_entry& piece) noexcept {
        if (size_ == 0) return;
        const std::size_t host = inside || index == 0 ? index : index - 1;
        memory_entry wide = storage_[host];
        wide.kind = more_restrictive(wide.kind, piece.kind);
        if (piece.begin < wide.begin) wide.begin = piece.begin;
        if (piece.end > wide.end) wide.end = piece.end;
        (void)replace(host, true, wide);
    }

    /// Restores the invariant after the properties of entries changed.
    constexpr void join() noexcept {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < size_; ++i) {
            const memory_entry entry = storage_[i];
            if (alike(entry, memory_entry{})) continue;
            if (kept > 0 && storage_[kept - 1].end == entry.begin && alike(storage_[kept - 1], entry)) {
                storage_[kept - 1].end = entry.end;
            } else {
                storage_[kept++] = entry;
            }
        }
        size_ = kept;
    }

    /// Moves the entries from index `from` on so that they begin at index `to`.
    constexpr void move_tail(std::size_t from, std::size_t to) noexcept {
        const std::size_t count = size_ - from;
        if (to < from) {
            for (std::size_t i = 0; i < count; ++i) storage_[to + i] = storage_[from + i];
        } else if (to > from) {
            for (std::size_t i = count; i-- > 0;) storage_[to + i] = storage_[from + i];
        }
        size_ = to + count;
    }

    /// The entries that replace up to three others.
    struct run_of_entries {
        memory_entry entries[5]{};
        std::size_t count = 0;

        constexpr void push(const memory_entry& entry) noexcept { push(entry, entry.begin, entry.end); }
        constexpr void push(memory_entry entry, std::uint64_t begin, std::uint64_t end) noexcept {
            if (begin >= end || alike(entry, memory_entry{})) return;
            if (count > 0 && entries[count - 1].end == begin && alike(entries[count - 1], entry)) {
                entries[count - 1].end = end;
                return;
            }
            entry.begin = begin;
            entry.end = end;
            entries[count++] = entry;
        }
    };

    view<memory_entry> storage_;
    std::size_t size_ = 0;
    unsigned page_shift_ = 12;
};

}  // namespace ashlar
