// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/zone/zone_plan.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// What a spare is used for.
enum class spare_state : std::uint8_t {
    free,      ///< in the pool
    claimed,   ///< taken for a move that is under way
    active,    ///< an origin's bytes are here
    poisoned,  ///< it failed; nobody is given it again
};

/// Which spare is whose: the way back from a spare to its origin, which a machine check needs (it names the
/// place, the table knows the origins). A view of the caller's words, one a spare, zero at first.
///
/// - Invariant: of the spares of the map that are not poisoned, those are free that the pool has free. No two
///   are active for one origin at quiescence.
/// - Complexity: O(stretches of the map) to find a spare's word; `for_each_active` passes over all.
/// - Context: any; whoever runs the migration, one at a time. The map of the spares does not change any more.
///
/// ```
/// std::uint64_t words[1024]{};                          // one for each frame of the map
/// ashlar::spare_book book(spares, words);
/// const auto origin = book.origin_of(failing);          // not_owned: nobody's bytes are there
/// ```
class spare_book {
 public:
    constexpr spare_book() noexcept = default;
    /// `words`: at least as many as `spares` has usable frames, zero. Spares beyond them are not used.
    constexpr spare_book(const memory_map& spares, view<std::uint64_t> words) noexcept
        : spares_(&spares), words_(words) {}

    /// True for any frame of the map, usable or not (the pool's own metadata may lie in it).
    [[nodiscard]] constexpr bool covers(frame<machine> f) const noexcept {
        if (spares_ == nullptr) return false;
        const unsigned shift = spares_->page_shift();
        if (f.number > ~std::uint64_t{0} >> shift) return false;
        const std::uint64_t begin = f.number << shift;
        const std::uint64_t last = begin + ((std::uint64_t{1} << shift) - 1);
        return spares_->any_of(begin, last, [](const memory_entry&) noexcept { return true; });
    }
    /// `not_owned` for a frame that is no spare.
    [[nodiscard]] constexpr result<spare_state> state_of(frame<machine> spare) const noexcept {
        const std::size_t index = index_of(spare);
        if (index == none) return errc::not_owned;
        return state_in(words_[index]);
    }
    /// Whose bytes are in a spare; `not_owned` if it is not active.
    [[nodiscard]] constexpr result<frame<os>> origin_of(frame<machine> spare) const noexcept {
        const std::size_t index = index_of(spare);
        if (index == none || state_in(words_[index]) != spare_state::active) return errc::not_owned;
        return frame<os>{words_[index] - first_active};
    }
    /// Where an origin's bytes are; `not_owned` if in no spare. A pass over all.
    [[nodiscard]] constexpr result<frame<machine>> spare_of(frame<os> origin) const noexcept {
        result<frame<machine>> found = errc::not_owned;
        for_each_active([&](frame<machine> spare, frame<os> whose) noexcept {
            if (whose == origin) found = spare;
        });
        return found;
    }
    /// False for a frame that has no word.
    constexpr bool set(frame<machine> spare, spare_state state) noexcept {
        return put(spare, static_cast<std::uint64_t>(state == spare_state::poisoned  ? poisoned
                                                     : state == spare_state::claimed ? claimed
                                                                                     : free));
    }
    constexpr bool set_active(frame<machine> spare, frame<os> origin) noexcept {
        return put(spare, origin.number + first_active);
    }

    /// How many spares are in a state.
    [[nodiscard]] constexpr std::uint64_t count(spare_state state) const noexcept {
        std::uint64_t found = 0;
        for_each(
            [&](frame<machine>, std::uint64_t word) noexcept { found += state_in(word) == state ? 1U : 0U; });
        return found;
    }
    /// Calls `sink(spare, origin)` for each active spare, ascending; it may set the state of that spare.
    template <class Sink>
    constexpr void for_each_active(Sink&& sink) const noexcept {
        for_each([&](frame<machine> spare, std::uint64_t word) noexcept {
            if (state_in(word) == spare_state::active) sink(spare, frame<os>{word - first_active});
        });
    }
    /// Calls `sink(spare)` for each poisoned spare, ascending.
    template <class Sink>
    constexpr void for_each_poisoned(Sink&& sink) const noexcept {
        for_each([&](frame<machine> spare, std::uint64_t word) noexcept {
            if (state_in(word) == spare_state::poisoned) sink(spare);
        });
    }

 private:
    static constexpr std::size_t none = ~std::size_t{0};
    static constexpr std::uint64_t free = 0;
    static constexpr std::uint64_t claimed = 1;
    static constexpr std::uint64_t poisoned = 2;
    static constexpr std::uint64_t first_active = 3;  ///< and the number of the origin

    [[nodiscard]] static constexpr spare_state state_in(std::uint64_t word) noexcept {
        if (word >= first_active) return spare_state::active;
        if (word == poisoned) return spare_state::poisoned;
        return word == claimed ? spare_state::claimed : spare_state::free;
    }
    constexpr bool put(frame<machine> spare, std::uint64_t word) noexcept {
        const std::size_t index = index_of(spare);
        if (index == none) return false;
        words_[index] = word;
        return true;
    }
    [[nodiscard]] constexpr std::size_t index_of(frame<machine> spare) const noexcept {
        std::uint64_t before = 0;
        std::uint64_t index = none;
        if (spares_ == nullptr) return none;
        spares_->for_each_usable([&](const usable_run& run) noexcept {
            if (run.frames.contains(spare)) index = before + (spare.number - run.frames.first.number);
            before += run.frames.count;
        });
        return index < words_.size() ? static_cast<std::size_t>(index) : none;
    }
    template <class Visit>
    constexpr void for_each(Visit&& visit) const noexcept {
        std::size_t index = 0;
        if (spares_ == nullptr) return;
        spares_->for_each_usable([&](const usable_run& run) noexcept {
            for (std::uint64_t i = 0; i < run.frames.count && index < words_.size(); ++i) {
                visit(run.frames.first + i, words_[index++]);
            }
        });
    }

    const memory_map* spares_ = nullptr;
    view<std::uint64_t> words_{};
};

}  // namespace ashlar
