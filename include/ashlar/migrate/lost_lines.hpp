// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/view.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// The lines of origins whose bytes could not be read when they were copied: what a memory controller
/// remembers as poison. A read of one is `unreadable`, until it has been written as a whole.
///
/// A view of the caller's entries, zero at first; an entry is 32 lines of a frame.
///
/// | word of an entry | written by | order |
/// |---|---|---|
/// | key (frame, group) | the mover, while the mask is 0 and nobody looks at it any more | relaxed |
/// | mask | the mover sets bits, after the key; accesses clear those of lines they wrote | release, acquire |
/// | fresh, told | the mover | relaxed |
/// | how many are used | the mover | relaxed |
///
/// Who finds an origin at its new place, or below a cursor, finds what was lost on the way: `publish` comes
/// before the table and the motion, which are loaded first. Before that the source answers for itself.
///
/// - `sweep` and the path's wait for accesses under way come before an entry is used for another key.
/// - Complexity: accesses pass over the entries that were ever used at once; with none, one load.
/// - Context: accesses anywhere; the mover one at a time.
template <class Platform>
class lost_lines {
 public:
    using word = typename Platform::template atomic<std::uint32_t>;

    /// 32 lines of a frame.
    struct entry {
        word low{};    ///< of the frame's number
        word high{};   ///<
        word group{};  ///< the first line, in units of 32
        word mask{};
        word fresh{};  ///< the mover's own: what the move in flight found
        word told{};   ///< the mover's own: which of these are in the mask, or were until they were written
    };

    constexpr lost_lines() noexcept = default;
    constexpr explicit lost_lines(view<entry> entries) noexcept : entries_(entries) {}
    lost_lines(const lost_lines&) = delete;
    lost_lines& operator=(const lost_lines&) = delete;

    [[nodiscard]] bool empty() const noexcept { return used_.load(memory_order::relaxed) == 0; }
    /// Which of the 32 lines of a group are lost.
    [[nodiscard]] std::uint32_t find(frame<os> origin, std::uint64_t group) const noexcept {
        const std::size_t used = used_.load(memory_order::relaxed);
        for (std::size_t i = 0; i < used; ++i) {
            const std::uint32_t mask = entries_[i].mask.load(memory_order::acquire);
            if (mask != 0 && is_of(entries_[i], origin, group)) return mask;
        }
        return 0;
    }
    /// After a write of whole lines.
    void heal(frame<os> origin, std::uint64_t group, std::uint32_t lines) noexcept {
        const std::size_t used = used_.load(memory_order::relaxed);
        for (std::size_t i = 0; i < used; ++i) {
            const std::uint32_t mask = entries_[i].mask.load(memory_order::acquire);
            if ((mask & lines) == 0 || !is_of(entries_[i], origin, group)) continue;
            (void)entries_[i].mask.fetch_and(~lines, memory_order::release);
        }
    }

    /// The mover: entries of which no line is lost any more may be used again, once nobody looks at them.
    void sweep() noexcept {
        const std::size_t used = used_.load(memory_order::relaxed);
        for (std::size_t i = 0; i < used; ++i) {
            if (entries_[i].mask.load(memory_order::relaxed) == 0)
                entries_[i].group.store(vacant, memory_order::relaxed);
        }
    }
    /// The mover, after `sweep` and the wait: lines of the move that could not be read. Nobody is told yet.
    /// `limit` if there is no room.
    errc add(frame<os> origin, std::uint64_t group, std::uint32_t lines) noexcept {
        const std::size_t used = used_.load(memory_order::relaxed);
        std::size_t place = used;
        for (std::size_t i = 0; i < used; ++i) {
            if (is_of(entries_[i], origin, group)) {
                const std::uint32_t fresh = entries_[i].fresh.load(memory_order::relaxed);
                entries_[i].fresh.store(fresh | lines, memory_order::relaxed);
                return errc::ok;
            }
            if (entries_[i].group.load(memory_order::relaxed) == vacant) place = i;
        }
        if (place == entries_.size()) return errc::limit;
        entry& one = entries_[place];
        one.low.store(static_cast<std::uint32_t>(origin.number), memory_order::relaxed);
        one.high.store(static_cast<std::uint32_t>(origin.number >> 32), memory_order::relaxed);
        one.group.store(static_cast<std::uint32_t>(group), memory_order::relaxed);
        one.fresh.store(lines, memory_order::relaxed);
        if (place == used) used_.store(static_cast<std::uint32_t>(used + 1), memory_order::relaxed);
        return errc::ok;
    }
    /// The mover: so many of these lines, which the move had found lost, could be read after all.
    std::uint64_t found(frame<os> origin, std::uint64_t group, std::uint32_t lines) noexcept {
        const std::size_t used = used_.load(memory_order::relaxed);
        for (std::size_t i = 0; i < used; ++i) {
            const std::uint32_t fresh = entries_[i].fresh.load(memory_order::relaxed);
            if ((fresh & lines) == 0 || !is_of(entries_[i], origin, group)) continue;
            entries_[i].fresh.store(fresh & ~lines, memory_order::relaxed);
            return static_cast<std::uint64_t>(std::popcount(fresh & lines));
        }
        return 0;
    }
    /// The mover, before accesses are sent to where the lines could not be copied to, by the cursor or the
    /// table, and while nobody writes those lines: accesses are told of what the move found.
    void publish() noexcept {
        const std::size_t used = used_.load(memory_order::relaxed);
        for (std::size_t i = 0; i < used; ++i) {
            const std::uint32_t fresh = entries_[i].fresh.load(memory_order::relaxed);
            const std::uint32_t news = fresh & ~entries_[i].told.load(memory_order::relaxed);
            if (news == 0) continue;
            entries_[i].told.store(fresh, memory_order::relaxed);
            (void)entries_[i].mask.fetch_or(news, memory_order::release);
        }
    }
    /// The mover: the move is over. If it was given up, what it found is forgotten: the origins are where
    /// they were, and answer for themselves.
    void settle(bool moved) noexcept {
        const std::size_t used = used_.load(memory_order::relaxed);
        for (std::size_t i = 0; i < used; ++i) {
            entry& one = entries_[i];
            const std::uint32_t told = one.told.load(memory_order::relaxed);
            if (!moved && told != 0) (void)one.mask.fetch_and(~told, memory_order::relaxed);
            one.fresh.store(0, memory_order::relaxed);
            one.told.store(0, memory_order::relaxed);
        }
    }
    /// Calls `sink(origin, group, mask)` for each group with a lost line.
    template <class Sink>
    void for_each(Sink&& sink) const noexcept {
        const std::size_t used = used_.load(memory_order::relaxed);
        for (std::size_t i = 0; i < used; ++i) {
            const entry& one = entries_[i];
            const std::uint32_t mask = one.mask.load(memory_order::acquire);
            if (mask == 0) continue;
            const std::uint64_t number = std::uint64_t{one.high.load(memory_order::relaxed)} << 32 |
                                         one.low.load(memory_order::relaxed);
            sink(frame<os>{number}, std::uint64_t{one.group.load(memory_order::relaxed)}, mask);
        }
    }

 private:
    static constexpr std::uint32_t vacant = ~std::uint32_t{0};

    [[nodiscard]] static bool is_of(const entry& one, frame<os> origin, std::uint64_t group) noexcept {
        return one.low.load(memory_order::relaxed) == static_cast<std::uint32_t>(origin.number) &&
               one.high.load(memory_order::relaxed) == static_cast<std::uint32_t>(origin.number >> 32) &&
               one.group.load(memory_order::relaxed) == group;
    }

    view<entry> entries_{};
    word used_{};
};

}  // namespace ashlar
