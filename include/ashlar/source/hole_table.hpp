// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/view.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// Why a frame inside an attached range is not online.
enum class absence : unsigned { none, never, revoked };

/// The holes in lines that are online only in part: a small table of stretches, each inside one line, one
/// word each. A frame of such a line is absent if any entry covers it, so overlapping entries are harmless,
/// and a change is a sequence of single stores that keeps every uninvolved frame as it was.
///
/// Writers: one at a time (the source's lock). Readers: any, at any time. A look at several entries is not
/// one of them at one moment: who writes one counts that first (release), then stores it (release); a reader
/// loads the count (acquire), the entries (acquire), and the count again, and looks anew if it is another
/// one.
template <class Word, unsigned LineOrder>
class hole_table {
    using value = typename Word::value_type;

 public:
    /// Frames [first, first + count) relative to the base of the table; within one line.
    struct stretch {
        std::uint64_t first = 0;
        std::uint64_t count = 0;
        absence why = absence::none;

        [[nodiscard]] constexpr std::uint64_t end() const noexcept { return first + count; }
        [[nodiscard]] constexpr std::uint64_t line() const noexcept { return first >> LineOrder; }
    };

    constexpr hole_table() noexcept = default;
    /// `changes`: counted in steps of two.
    constexpr hole_table(view<Word> entries, Word& changes) noexcept
        : entries_(entries), changes_(&changes) {}

    [[nodiscard]] constexpr std::size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] constexpr stretch at(std::size_t slot) const noexcept {
        return decode(entries_[slot].load(memory_order::acquire));
    }
    [[nodiscard]] constexpr bool has_line(std::uint64_t line) const noexcept {
        for (std::size_t slot = 0; slot < size(); ++slot) {
            const stretch hole = at(slot);
            if (hole.count != 0 && hole.line() == line) return true;
        }
        return false;
    }
    /// Revoked outweighs never.
    [[nodiscard]] constexpr absence why_absent(std::uint64_t frame) const noexcept {
        absence why = absence::none;
        for (std::size_t slot = 0; slot < size(); ++slot) {
            const stretch hole = at(slot);
            if (frame - hole.first < hole.count && hole.why > why) why = hole.why;
        }
        return why;
    }
    [[nodiscard]] constexpr std::size_t free_slots() const noexcept {
        std::size_t free = 0;
        for (std::size_t slot = 0; slot < size(); ++slot) free += at(slot).count == 0 ? 1 : 0;
        return free;
    }
    /// The caller has made sure of a free slot.
    constexpr void insert(stretch hole) noexcept {
        for (std::size_t slot = 0; slot < size(); ++slot) {
            if (at(slot).count == 0) return replace(slot, hole);
        }
    }
    /// An empty stretch clears the slot.
    constexpr void replace(std::size_t slot, stretch hole) noexcept {
        changes_->store(static_cast<value>(changes_->load(memory_order::relaxed) + 2), memory_order::release);
        entries_[slot].store(hole.count == 0 ? value{0} : encode(hole), memory_order::release);
    }
    /// Drops what lies in another hole of its kind: one that is cut or joined is for a moment there beside
    /// what it is made of, and after a crash for good.
    constexpr void drop_covered() noexcept {
        for (std::size_t slot = 0; slot < size(); ++slot) {
            const stretch hole = at(slot);
            for (std::size_t other = 0; hole.count != 0 && other < size(); ++other) {
                const stretch inside = at(other);
                if (other == slot || inside.count == 0 || inside.why != hole.why) continue;
                if (inside.first >= hole.first && inside.end() <= hole.end()) replace(other, {});
            }
        }
    }
    constexpr void remove_line(std::uint64_t line) noexcept {
        for (std::size_t slot = 0; slot < size(); ++slot) {
            const stretch hole = at(slot);
            if (hole.count != 0 && hole.line() == line) replace(slot, {});
        }
    }

 private:
    [[nodiscard]] static constexpr value encode(stretch hole) noexcept {
        const std::uint64_t packed = (hole.first << LineOrder | (hole.count - 1)) << 1 |
                                     (hole.why == absence::revoked ? std::uint64_t{1} : std::uint64_t{0});
        return static_cast<value>(packed + 1);
    }
    [[nodiscard]] static constexpr stretch decode(value entry) noexcept {
        if (entry == 0) return {};
        const std::uint64_t packed = std::uint64_t{entry} - 1;
        return {packed >> (LineOrder + 1), (packed >> 1 & ((std::uint64_t{1} << LineOrder) - 1)) + 1,
                (packed & 1) != 0 ? absence::revoked : absence::never};
    }

    view<Word> entries_;
    Word* changes_ = nullptr;
};

}  // namespace ashlar::detail
