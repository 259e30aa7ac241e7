// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/paging/page_table_format.hpp>
#include <ashlar/paging/table_frames.hpp>
#include <cstdint>
#include <utility>

namespace ashlar {

/// How `page_mapper::update` replaces a leaf.
struct leaf_update {
    bool same_bytes = false;  ///< of old and new frame, and nobody writes to either: no break for the address
    bool invalidate = true;   ///< false for what only allows more: a CPU that does not know it yet faults
};

namespace detail {

/// The steps that `page_mapper` is made of; see there for the protocol.
template <page_table_format Format, class Platform, class Source, class Invalidate>
class page_table_core {
 public:
    using space = typename Platform::space;
    using entry = typename Format::entry;
    using geometry = page_geometry<Format>;
    using frames_type = table_frames<Format, Platform, Source>;
    using word = typename frames_type::word;

    /// The payload of an entry that is broken and about to be made again.
    static constexpr std::uint64_t breaking = ~std::uint64_t{0} >> (64 - Format::absent_bits);

    constexpr page_table_core(frame<space> root, Source& source, Invalidate invalidate) noexcept
        : root_(root), frames_(source), invalidate_(std::move(invalidate)) {}

    [[nodiscard]] constexpr frame<space> root() const noexcept { return root_; }

 protected:
    /// An entry in place, as it was found.
    struct place {
        word* at = nullptr;
        unsigned level = 0;
        entry found = 0;
    };

    /// Null for frames without bytes.
    [[nodiscard]] static word* word_of(frame<space> table, std::uint64_t index) noexcept {
        return frames_type::word_at(table + (index >> Format::index_bits),
                                    index & (frames_type::per_frame - 1));
    }
    /// The entry of the level, or the first one above that is no table. The address is valid.
    [[nodiscard]] result<place> descend(std::uint64_t address, unsigned level) const noexcept {
        frame<space> table = root_;
        for (unsigned at = Format::levels - 1;; --at) {
            word* const here = word_of(table, geometry::index_of(address, at));
            if (here == nullptr) return errc::corrupt;
            const entry found = here->load(memory_order::acquire);
            if (!Format::well_formed(found, at)) return errc::corrupt;
            if (at == level || !Format::is_present(found) || Format::is_leaf(found, at)) {
                return place{here, at, found};
            }
            table = {Format::frame_of(found, at)};
        }
    }
    /// `ok` if what was found at a level is a leaf of the level wanted that may be changed.
    [[nodiscard]] static errc judge(place where, unsigned level) noexcept {
        if (!Format::is_present(where.found)) {
            return Format::payload_of(where.found) == breaking ? errc::busy : errc::not_owned;
        }
        if (where.level != level || !Format::is_leaf(where.found, level)) return errc::misaligned;
        return Format::is_contiguous(where.found) ? errc::unsupported : errc::ok;
    }
    /// False if the entry is not what it was. After true no CPU translates by the old one.
    [[nodiscard]] bool replace(place where, entry next, std::uint64_t address, leaf_update how) noexcept {
        entry seen = where.found;
        if (next == seen) return true;
        if (!Format::needs_break(seen, next, where.level, how.same_bytes)) {
            if (!where.at->compare_exchange(seen, next, memory_order::acq_rel)) return false;
            if (how.invalidate) invalidate(address, where.level);
            return true;
        }
        if (!where.at->compare_exchange(seen, Format::absent(breaking), memory_order::acquire)) return false;
        invalidate(address, where.level);
        where.at->store(next, memory_order::release);
        return true;
    }
    template <class Change>
    [[nodiscard]] result<entry> change_leaf(std::uint64_t address, unsigned level, leaf_update how,
                                            Change&& change) noexcept {
        if (!Format::valid_address(address) || level >= Format::levels) return errc::invalid;
        for (;;) {
            const result<place> where = descend(address, level);
            if (!where) return where.error();
            if (const errc wrong = judge(*where, level); wrong != errc::ok) return wrong;
            const result<entry> next = change(where->found);
            if (!next) return next;
            if (replace(*where, *next, address, how)) return where->found;
        }
    }
    /// Puts an entry where one with this payload is, and the tables that are missing on the way.
    errc enter(std::uint64_t address, unsigned level, entry wanted, std::uint64_t instead_of) noexcept {
        for (;;) {
            const result<place> where = descend(address, level);
            if (!where) return where.error();
            entry seen = where->found;
            const bool there = where->level == level;
            if (Format::is_present(seen) || (!there && instead_of != 0)) return errc::busy;
            if (Format::payload_of(seen) != instead_of) return errc::busy;
            if (!there && wanted == Format::absent(0)) return errc::ok;
            if (there) {
                if (where->at->compare_exchange(seen, wanted, memory_order::release)) return errc::ok;
                continue;
            }
            const result<frame<space>> tables = build(address, where->level, level, wanted);
            if (!tables) return tables.error();
            const entry link = Format::table(tables->number);
            if (where->at->compare_exchange(seen, link, memory_order::release)) return errc::ok;
            take_down(*tables, address, where->level, level);
        }
    }
    errc split_leaf(std::uint64_t address, unsigned level) noexcept {
        const result<frame<space>> below = frames_.take(level - 1);
        if (!below) return below.error();
        const result<bool> used = split_into(*below, address, level);
        if (!used || !*used) (void)frames_.give(*below, level - 1);
        return used.error();
    }

    /// All tables from this one down. Nobody uses them any more.
    errc tear_down(frame<space> table, unsigned level) noexcept {
        errc answer = errc::ok;
        for (std::uint64_t i = 0; level != 0 && i < geometry::entries_of(level); ++i) {
            const result<frame<space>> child = child_at(table, i, level);
            const errc told = child ? tear_down(*child, level - 1) : child.error();
            if (told != errc::ok && told != errc::not_owned) answer = told;
        }
        const errc freed = frames_.give(table, level);
        return answer == errc::ok ? freed : answer;
    }
    /// Frees the tables below that say nothing. Whether this one says nothing.
    bool prune_below(frame<space> table, unsigned level, std::uint64_t address) noexcept {
        bool empty = true;
        for (std::uint64_t i = 0; i < geometry::entries_of(level); ++i) {
            word* const here = word_of(table, i);
            if (here == nullptr) return false;
            if (here->load(memory_order::relaxed) == Format::absent(0)) continue;
            const std::uint64_t at = address | i << geometry::shift_of(level);
            const result<frame<space>> child = level == 0 ? errc::not_owned : child_at(table, i, level);
            if (child && prune_below(*child, level - 1, at)) {
                here->store(Format::absent(0), memory_order::relaxed);
                invalidate(at, level);
                (void)frames_.give(*child, level - 1);
            } else {
                empty = false;
            }
        }
        return empty;
    }
    frames_type& frames() noexcept { return frames_; }

 private:
    void invalidate(std::uint64_t address, unsigned level) noexcept {
        const std::uint64_t first = address >> geometry::shift_of(level) << geometry::shift_of(level);
        const std::uint64_t upper = ~std::uint64_t{0} << geometry::address_bits;
        invalidate_(Format::valid_address(first) ? first : first | upper, level);
    }
    /// Tables of levels below `top` down to `level`, of which the last has the entry.
    [[nodiscard]] result<frame<space>> build(std::uint64_t address, unsigned top, unsigned level,
                                             entry wanted) noexcept {
        frame<space> below{};
        for (unsigned at = level; at < top; ++at) {
            const result<frame<space>> table = frames_.take(at);
            if (!table) {
                if (at != level) take_down(below, address, at, level);
                return table;
            }
            word_of(*table, geometry::index_of(address, at))->store(wanted, memory_order::relaxed);
            wanted = Format::table(table->number);
            below = *table;
        }
        return below;
    }
    void take_down(frame<space> table, std::uint64_t address, unsigned top, unsigned level) noexcept {
        for (unsigned at = top - 1;; --at) {
            const word* const here = word_of(table, geometry::index_of(address, at));
            const entry next = here->load(memory_order::relaxed);
            (void)frames_.give(table, at);
            if (at == level) return;
            table = {Format::frame_of(next, at)};
        }
    }
    /// False if it is split already.
    [[nodiscard]] result<bool> split_into(frame<space> below, std::uint64_t address,
                                          unsigned level) noexcept {
        for (;;) {
            const result<place> where = descend(address, level);
            if (!where) return where.error();
            const errc wrong = judge(*where, level);
            if (wrong == errc::misaligned && where->level == level) return false;
            if (wrong != errc::ok) return wrong;
            for (std::uint64_t i = 0; i < frames_type::per_frame; ++i) {
                word_of(below, i)->store(Format::child_of(where->found, level, i), memory_order::relaxed);
            }
            if (replace(*where, Format::table(below.number), address, {})) return true;
        }
    }
    /// `not_owned` where there is none.
    [[nodiscard]] static result<frame<space>> child_at(frame<space> table, std::uint64_t index,
                                                       unsigned level) noexcept {
        const word* const here = word_of(table, index);
        if (here == nullptr) return errc::corrupt;
        const entry found = here->load(memory_order::relaxed);
        if (!Format::well_formed(found, level)) return errc::corrupt;
        if (!Format::is_present(found) || Format::is_leaf(found, level)) return errc::not_owned;
        return frame<space>{Format::frame_of(found, level)};
    }

    frame<space> root_;
    frames_type frames_;
    [[no_unique_address]] Invalidate invalidate_;
};

}  // namespace detail
}  // namespace ashlar
