// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/migrate/remap_cells.hpp>
#include <ashlar/migrate/remap_filter.hpp>
#include <ashlar/migrate/remap_lines.hpp>
#include <ashlar/migrate/remap_overtaken.hpp>
#include <ashlar/migrate/remap_shape.hpp>
#include <ashlar/migrate/remap_tree.hpp>
#include <ashlar/migrate/remap_writer.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace ashlar {

/// Which frames of the operating system lie elsewhere, for a look-up at every access: a filter, and a tree of
/// short lines behind it. The default; `remap_hash` is the other one. A `remapping`.
///
/// - Words: the writer's line; the readers' line; the filter, a bit for each 2^filter_order origins; root
///   cells, about two for each origin that can be mapped; lines of 2^line_order cells, one for each such
///   origin; a bit for each line. A cell is one word: empty, an origin with its target, or the way to a line.
///   See `detail::remap_tree`.
/// - Invariant at quiescence: an origin is mapped if its entry is where the bits of its number lead to, and
///   then its bit of the filter is set; each line that is reached has two cells or more that are not empty;
///   so `capacity()` origins find room, whichever they are.
///
/// | cell | by | what the store publishes |
/// |---|---|---|
/// | from or to the entry of the place that leads there | `assign`, `erase` | the change, and frames' data |
/// | from an entry or line to a line that has it already | `assign` | the line; no mapping changes |
/// | from a line to the only cell left in it | `erase` | nothing new; the line is cut off |
///
/// Cells are stored with release and loaded with acquire. The other words: `detail::remap_filter`,
/// `detail::remap_writer`, `detail::remap_overtaken`.
///
/// A reader holds no guard. He finds the entry, or what is there instead; the latter, by way of a line, only
/// counts if no line was used again meanwhile. If that happens twice in one call he says so, in a
/// word, and until he has looked once more `assign` is `busy` where it needs a line.
///
/// - Complexity: an origin that is not mapped is one load, for nearly all of them; else 1 to
///   2 + ceil(root bits / line_order) more. `assign`, `erase`: as many steps squared, and one for each 64
///   lines in use where few are left.
/// - Context: `translate`, `find`, `size`, `capacity` any, NMI and SMM too, during any verb but `attach` and
///   `detach`; `assign`, `erase` any, one at a time; `for_each` any, exact at quiescence; `attach`, `detach`
///   thread, alone, and no reader inside.
/// - Failure: see the verbs; nothing is changed then. A writer that stopped inside leaves a table that can be
///   read, and `busy` to other writers; a reader that stopped in his third look `busy` where a line is
///   needed.
/// - Source: US9600202 (the table of migrated addresses, which the memory controller or its driver consults).
///   Not compressed by rank as static tables are: where ranks shift entries move, and a reader without a
///   guard misses them.
///
/// Example:
/// ```
/// using table = ashlar::remap_table<ashlar::platform>;
/// constexpr ashlar::range<ashlar::os> usable{{0}, 16384};            // 64 MiB of 4 KiB
/// constexpr ashlar::range<> spares{{0x3c00}, 1024};                  // the highest 4 MiB
/// constinit table::word words[table::metadata_words(usable, spares, 1024)]{};
/// constinit table moved;
/// (void)moved.attach(usable, spares, 1024, words);
/// (void)moved.assign({0x800}, {0x3c00});
/// const auto where = moved.translate({0x800});                       // frame 0x3c00; others are themselves
/// ```
template <class Platform = platform, remap_shape Shape = remap_shape{}>
class remap_table {
    static_assert(atomics<Platform>, "remap_table<Platform>: Platform must offer atomic<T>");
    static_assert(Shape.is_valid(),
                  "remap_table<Platform, remap_shape>: word_bits must be 32 or 64, filter_order below 32, "
                  "line_order in 1 .. 4");

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
        const layout at(origins, capacity);
        return at.fits ? at.words : 0;
    }

    remap_table() noexcept = default;
    remap_table(const remap_table&) = delete;
    remap_table& operator=(const remap_table&) = delete;

    /// A table without mappings for at most `capacity` origins. `busy` if attached, `invalid` for an empty or
    /// wrapping range or no capacity, `limit` for too few words or ranges too large for `word_bits`.
    constexpr errc attach(range<os> origins, range<machine> targets, std::size_t capacity,
                          view<word> words) noexcept {
        if (capacity_ != 0) return errc::busy;
        if (capacity == 0) return errc::invalid;
        if (const errc answer = cells::fit(origins, targets); answer != errc::ok) return answer;
        const layout at(origins, capacity);
        if (!at.fits || words.size() < at.words) return errc::limit;
        for (word& each : words.subview(0, at.words)) each.store(0, memory_order::relaxed);
        word* const first = words.data();
        writer_ = writer(first);
        filter_ = filter(first + at.filter);
        const cells code(origins, targets);
        const detail::remap_lines<word> used(first + at.used, at.lines, writer_);
        used.clear(at.lines);
        tree_ = tree(code, at.root_order, first + at.roots, first + at.first_line, used,
                     detail::remap_overtaken<word>(first + writer::words));
        code_ = code;
        roots_ = at.root_count;
        capacity_ = capacity;
        return errc::ok;
    }
    /// Gives the words back. `busy` while an origin is mapped.
    constexpr errc detach() noexcept {
        if (size() != 0) return errc::busy;
        code_ = {};
        writer_ = {};
        capacity_ = 0;
        roots_ = 0;
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
    /// `busy` while another writer is inside, or a reader who was overtaken.
    constexpr errc assign(frame<os> origin, frame<machine> target) noexcept {
        if (!code_.origins().contains(origin) || !code_.targets().contains(target)) return errc::not_owned;
        const typename writer::turn turn(writer_);
        if (!turn.taken) return errc::busy;
        const value place = place_of(origin);
        bool is_new = false;
        const errc answer =
            tree_.assign(place, code_.entry(place, target), size() < capacity_, [&]() noexcept {
                filter_.set(place);
                is_new = true;
            });
        if (is_new) writer_.set_size(size() + 1);
        return answer;
    }
    /// Unmaps. `not_owned` if the origin is not mapped, `busy` while another writer is inside.
    constexpr errc erase(frame<os> origin) noexcept {
        if (!code_.origins().contains(origin)) return errc::not_owned;
        const typename writer::turn turn(writer_);
        if (!turn.taken) return errc::busy;
        const value place = place_of(origin);
        if (const errc answer = tree_.erase(place); answer != errc::ok) return answer;
        writer_.set_size(size() - 1);
        const std::uint64_t first = std::uint64_t{place} >> Shape.filter_order << Shape.filter_order;
        if (!tree_.any_in(first, Shape.filter_order, code_.origins().count)) filter_.clear(place);
        return errc::ok;
    }

    [[nodiscard]] constexpr std::size_t size() const noexcept { return writer_.size(); }
    [[nodiscard]] constexpr std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] constexpr range<os> origins() const noexcept { return code_.origins(); }
    [[nodiscard]] constexpr range<machine> targets() const noexcept { return code_.targets(); }

    /// Calls `sink(origin, target)` for each origin that is mapped, lowest first. Calls no verb that changes.
    template <class Sink>
    constexpr void for_each(Sink&& sink) const noexcept {
        auto tell = [&](value entry) noexcept { sink(code_.origin_of(entry), code_.target_of(entry)); };
        tree_.visit(roots_, tell);
    }

 private:
    using writer = detail::remap_writer<word>;
    using filter = detail::remap_filter<word, Shape.filter_order>;
    using tree = detail::remap_tree<word, Shape.line_order>;

    /// Which words are what. `fits` is false where no index can name them.
    struct layout {
        unsigned root_order = 0;
        std::size_t root_count = 0;
        std::size_t lines = 0;
        std::size_t filter = 0;
        std::size_t roots = 0;
        std::size_t first_line = 0;
        std::size_t used = 0;
        std::size_t words = 0;
        bool fits = false;

        constexpr layout(range<os> origins, std::size_t most) noexcept {
            constexpr std::uint64_t limit = std::numeric_limits<std::size_t>::max() / sizeof(word) / 8;
            const auto capacity = std::uint64_t{most} < origins.count ? std::uint64_t{most} : origins.count;
            const std::uint64_t filters =
                detail::remap_filter<word, Shape.filter_order>::words_for(origins.count);
            constexpr std::uint64_t by_words = limit >> Shape.line_order;
            constexpr std::uint64_t most_lines = by_words < tree::most_lines ? by_words : tree::most_lines;
            if (capacity > most_lines || filters > limit) return;
            const auto wanted = static_cast<unsigned>(std::bit_width(capacity - 1)) + 1;
            const auto there = static_cast<unsigned>(std::bit_width(origins.count - 1));
            root_order = there > wanted ? there - wanted : 0;
            root_count = static_cast<std::size_t>((origins.count - 1) >> root_order) + 1;
            lines = static_cast<std::size_t>(capacity);
            filter = detail::remap_writer<word>::words + detail::remap_overtaken<word>::words;
            roots = whole_lines(filter + static_cast<std::size_t>(filters));
            first_line = whole_lines(roots + root_count);
            used = first_line + (lines << Shape.line_order);
            words = used + detail::remap_lines<word>::words_for(lines);
            fits = true;
        }
        [[nodiscard]] static constexpr std::size_t whole_lines(std::size_t words) noexcept {
            constexpr std::size_t line = 64 / sizeof(value);
            return (words + line - 1) / line * line;
        }
    };

    [[nodiscard]] constexpr value place_of(frame<os> origin) const noexcept {
        return static_cast<value>(origin.number - code_.origins().first.number);
    }
    [[nodiscard]] constexpr value entry_of(frame<os> origin) const noexcept {
        const std::uint64_t place = origin.number - code_.origins().first.number;
        if (place >= code_.origins().count || !filter_.has(place)) [[likely]]
            return cells::empty;
        return tree_.find(static_cast<value>(place));
    }

    cells code_;
    filter filter_;
    tree tree_;
    writer writer_;
    std::size_t roots_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace ashlar
