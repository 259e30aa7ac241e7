// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/migrate/remap_cells.hpp>
#include <ashlar/migrate/remap_filter.hpp>
#include <ashlar/migrate/remap_shape.hpp>
#include <ashlar/migrate/remap_writer.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace ashlar {

/// Which frames of the operating system lie elsewhere, as `remap_table`, with a hash by open addressing
/// behind the filter: fewer bytes where what is mapped is scattered, one load for most hits, no locality. A
/// `remapping`.
///
/// - Words: the writer's line; the filter, a bit for each 2^filter_order origins; at least two slots for each
///   origin that can be mapped. A slot is one word: empty, erased, or an origin with its target.
/// - Invariant at quiescence: from the slot that an origin hashes to up to the one that has its entry no slot
///   is empty. A mapped origin has one entry, which never moves.
///
/// | slot | by | what the store publishes |
/// |---|---|---|
/// | from or to an entry | `assign`, `erase` | the change, and frames' data |
/// | erased -> empty | `erase`, if the next slot is empty: no search goes on there | nothing |
///
/// Slots are stored with release and loaded with acquire. The other words: `detail::remap_filter`,
/// `detail::remap_writer`.
///
/// A reader holds no guard and looks at each slot once. While an origin is mapped every slot before its entry
/// is in use; if he passes an entry, or stops before it, the origin was not mapped at some time during his
/// call.
///
/// - Complexity: an origin that is not mapped is one load, for nearly all of them; a hit two or three; never
///   more than one for each slot. `erase`: a look-up for each of the 2^filter_order origins of the bit.
/// - Context and failure: as `remap_table`; `busy` only for another writer.
/// - Source: US9600202; Knuth, The Art of Computer Programming 3, 6.4 (linear probing).
///
/// Example:
/// ```
/// using table = ashlar::remap_hash<ashlar::platform>;
/// constexpr ashlar::range<ashlar::os> usable{{0}, 16384};            // 64 MiB of 4 KiB
/// constexpr ashlar::range<> spares{{0x3c00}, 1024};                  // the highest 4 MiB
/// constinit table::word words[table::metadata_words(usable, spares, 1024)]{};
/// constinit table moved;
/// (void)moved.attach(usable, spares, 1024, words);
/// (void)moved.assign({0x800}, {0x3c00});
/// const auto where = moved.find({0x800});                            // frame 0x3c00
/// ```
template <class Platform = platform, remap_shape Shape = remap_shape{}>
class remap_hash {
    static_assert(atomics<Platform>, "remap_hash<Platform>: Platform must offer atomic<T>");
    static_assert(Shape.is_valid(),
                  "remap_hash<Platform, remap_shape>: word_bits must be 32 or 64, filter_order below 32");

    using value = std::conditional_t<Shape.word_bits == 64, std::uint64_t, std::uint32_t>;
    using cells = detail::remap_cells<value>;

 public:
    using platform_type = Platform;
    using word = typename Platform::template atomic<value>;
    static constexpr remap_shape shape = Shape;

    /// Words that `attach` needs for so many origins; 0 where it refuses whatever it is given.
    [[nodiscard]] static constexpr std::size_t metadata_words(range<os> origins, range<machine> targets,
                                                              std::size_t capacity) noexcept {
        if (capacity == 0 || cells::fit(origins, targets) != errc::ok) return 0;
        return words_for(origins.count, capacity);
    }

    remap_hash() noexcept = default;
    remap_hash(const remap_hash&) = delete;
    remap_hash& operator=(const remap_hash&) = delete;

    /// A table without mappings for at most `capacity` origins. `busy` if attached, `invalid` for an empty or
    /// wrapping range or no capacity, `limit` for too few words or ranges too large for `word_bits`.
    constexpr errc attach(range<os> origins, range<machine> targets, std::size_t capacity,
                          view<word> words) noexcept {
        if (capacity_ != 0) return errc::busy;
        if (capacity == 0) return errc::invalid;
        if (const errc answer = cells::fit(origins, targets); answer != errc::ok) return answer;
        const std::size_t needed = words_for(origins.count, capacity);
        if (needed == 0 || words.size() < needed) return errc::limit;
        for (word& each : words.subview(0, needed)) each.store(0, memory_order::relaxed);
        writer_ = writer(words.data());
        filter_ = filter(words.data() + writer::words);
        slot_order_ = slot_order_for(capacity);
        slots_ = words.data() + (needed - (std::size_t{1} << slot_order_));
        code_ = cells(origins, targets);
        capacity_ = capacity;
        return errc::ok;
    }
    /// Gives the words back. `busy` while an origin is mapped.
    constexpr errc detach() noexcept {
        if (size() != 0) return errc::busy;
        code_ = {};
        writer_ = {};
        capacity_ = 0;
        slots_ = nullptr;
        return errc::ok;
    }

    /// Where the frame is. Frames outside of `origins()` are where they are.
    [[nodiscard]] constexpr frame<machine> translate(frame<os> origin) const noexcept {
        const value entry = entry_of(origin);
        return entry == cells::empty ? frame<machine>{origin.number} : code_.target_of(entry);
    }
    /// The target; `not_owned` if the origin is not mapped.
    [[nodiscard]] constexpr result<frame<machine>> find(frame<os> origin) const noexcept {
        const value entry = entry_of(origin);
        if (entry == cells::empty) return errc::not_owned;
        return code_.target_of(entry);
    }

    /// Maps, or maps elsewhere. `not_owned` for frames outside of the ranges, `limit` if so many are mapped,
    /// `busy` while another writer is inside.
    constexpr errc assign(frame<os> origin, frame<machine> target) noexcept {
        if (!code_.origins().contains(origin) || !code_.targets().contains(target)) return errc::not_owned;
        const typename writer::turn turn(writer_);
        if (!turn.taken) return errc::busy;
        const value place = place_of(origin);
        const value entry = code_.entry(place, target);
        const found slot = search(place);
        if (slot.has_entry) {
            slots_[slot.at].store(entry, memory_order::release);
            return errc::ok;
        }
        if (size() >= capacity_) return errc::limit;
        filter_.set(place);
        slots_[slot.at].store(entry, memory_order::release);
        writer_.set_size(size() + 1);
        return errc::ok;
    }
    /// Unmaps. `not_owned` if the origin is not mapped, `busy` while another writer is inside.
    constexpr errc erase(frame<os> origin) noexcept {
        if (!code_.origins().contains(origin)) return errc::not_owned;
        const typename writer::turn turn(writer_);
        if (!turn.taken) return errc::busy;
        const value place = place_of(origin);
        const found slot = search(place);
        if (!slot.has_entry) return errc::not_owned;
        slots_[slot.at].store(erased, memory_order::release);
        if (slots_[next(slot.at)].load(memory_order::relaxed) == cells::empty) {
            for (std::size_t at = slot.at; slots_[at].load(memory_order::relaxed) == erased; at = before(at))
                slots_[at].store(cells::empty, memory_order::release);
        }
        writer_.set_size(size() - 1);
        if (!any_beside(place)) filter_.clear(place);
        return errc::ok;
    }

    [[nodiscard]] constexpr std::size_t size() const noexcept { return writer_.size(); }
    [[nodiscard]] constexpr std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] constexpr range<os> origins() const noexcept { return code_.origins(); }
    [[nodiscard]] constexpr range<machine> targets() const noexcept { return code_.targets(); }

    /// Calls `sink(origin, target)` for each origin that is mapped, in any order. Calls no verb that changes.
    template <class Sink>
    constexpr void for_each(Sink&& sink) const noexcept {
        for (std::size_t at = 0; slots_ != nullptr && at <= mask(); ++at) {
            const value cell = slots_[at].load(memory_order::acquire);
            if (cell != cells::empty && cell != erased) sink(code_.origin_of(cell), code_.target_of(cell));
        }
    }

 private:
    using writer = detail::remap_writer<word>;
    using filter = detail::remap_filter<word, Shape.filter_order>;
    static constexpr unsigned digits = std::numeric_limits<value>::digits;
    static constexpr value erased = 1;

    /// A slot: the one with the entry, else the first one that the entry may go to.
    struct found {
        std::size_t at;
        bool has_entry;
    };

    /// Not all slots are ever in use: there are twice as many.
    [[nodiscard]] static constexpr unsigned slot_order_for(std::size_t capacity) noexcept {
        return static_cast<unsigned>(std::bit_width(capacity - 1)) + 1;
    }
    [[nodiscard]] static constexpr std::size_t words_for(std::uint64_t origins,
                                                         std::size_t capacity) noexcept {
        constexpr std::uint64_t limit = std::numeric_limits<std::size_t>::max() / sizeof(word) / 8;
        constexpr std::size_t line = 64 / sizeof(value);
        const std::uint64_t filters = filter::words_for(origins);
        if (capacity > limit || filters > limit || slot_order_for(capacity) >= digits) return 0;
        const std::size_t lead = writer::words + (static_cast<std::size_t>(filters) + line - 1) / line * line;
        return lead + (std::size_t{1} << slot_order_for(capacity));
    }

    [[nodiscard]] constexpr value place_of(frame<os> origin) const noexcept {
        return static_cast<value>(origin.number - code_.origins().first.number);
    }
    [[nodiscard]] constexpr std::size_t mask() const noexcept { return (std::size_t{1} << slot_order_) - 1; }
    [[nodiscard]] constexpr std::size_t next(std::size_t at) const noexcept { return (at + 1) & mask(); }
    [[nodiscard]] constexpr std::size_t before(std::size_t at) const noexcept { return (at - 1) & mask(); }
    /// The highest bits of a product with 2^digits / the golden ratio.
    [[nodiscard]] constexpr std::size_t home_of(value place) const noexcept {
        constexpr auto factor = static_cast<value>(digits == 64 ? 0x9e3779b97f4a7c15u : 0x9e3779b9u);
        return static_cast<std::size_t>(static_cast<value>(place * factor) >> (digits - slot_order_));
    }

    [[nodiscard]] constexpr value entry_of(frame<os> origin) const noexcept {
        const std::uint64_t place = origin.number - code_.origins().first.number;
        if (place >= code_.origins().count || !filter_.has(place)) [[likely]]
            return cells::empty;
        return probe(static_cast<value>(place));
    }
    [[nodiscard]] constexpr value probe(value place) const noexcept {
        std::size_t at = home_of(place);
        for (std::size_t step = 0; step <= mask(); ++step, at = next(at)) {
            const value cell = slots_[at].load(memory_order::acquire);
            if (code_.is_entry_of(cell, place)) return cell;
            if (cell == cells::empty) break;
        }
        return cells::empty;
    }
    /// With the writer's turn.
    [[nodiscard]] constexpr found search(value place) const noexcept {
        std::size_t at = home_of(place);
        std::size_t room = at;
        bool has_room = false;
        for (std::size_t step = 0; step <= mask(); ++step, at = next(at)) {
            const value cell = slots_[at].load(memory_order::relaxed);
            if (code_.is_entry_of(cell, place)) return {at, true};
            if (!has_room && (cell == cells::empty || cell == erased)) {
                room = at;
                has_room = true;
            }
            if (cell == cells::empty) break;
        }
        return {room, false};
    }
    /// Is an origin mapped that has the same bit of the filter? With the writer's turn.
    [[nodiscard]] constexpr bool any_beside(value place) const noexcept {
        const std::uint64_t first = std::uint64_t{place} >> Shape.filter_order << Shape.filter_order;
        const std::uint64_t past = first + (std::uint64_t{1} << Shape.filter_order);
        const std::uint64_t end = past < code_.origins().count ? past : code_.origins().count;
        if (end - first > mask()) {
            for (std::size_t at = 0; at <= mask(); ++at) {
                const value cell = slots_[at].load(memory_order::relaxed);
                if (cell == cells::empty || cell == erased) continue;
                if (code_.place_of(cell) >= first && code_.place_of(cell) < end) return true;
            }
            return false;
        }
        for (std::uint64_t each = first; each < end; ++each) {
            if (search(static_cast<value>(each)).has_entry) return true;
        }
        return false;
    }

    cells code_;
    filter filter_;
    writer writer_;
    word* slots_ = nullptr;
    unsigned slot_order_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace ashlar
