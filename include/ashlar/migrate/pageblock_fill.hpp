// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/source.hpp>
#include <ashlar/core/view.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// How many frames of each pageblock are in use: a picture taken from `visit_free`, kept up by whoever moves
/// frames. Others allocate and free meanwhile, so a figure is a guess, never a promise.
template <class Space, unsigned Order>
class pageblock_fill {
 public:
    static constexpr std::uint64_t block_frames = std::uint64_t{1} << Order;
    /// Not to be emptied: something in it stays, or it is not there as a whole.
    static constexpr std::uint16_t stays = 0x8000;

    [[nodiscard]] static constexpr std::size_t words(range<Space> frames) noexcept {
        if (frames.empty() || frames.wraps()) return 0;
        return static_cast<std::size_t>(((frames.end().number - 1) >> Order) -
                                        (frames.first.number >> Order) + 1);
    }

    constexpr pageblock_fill() noexcept = default;
    constexpr pageblock_fill(range<Space> frames, view<std::uint16_t> words) noexcept
        : base_(frames.first.number >> Order), words_(words) {}

    template <class Source>
    constexpr void survey(const Source& source) noexcept {
        for (std::uint16_t& each : words_) each = static_cast<std::uint16_t>(block_frames);
        source.visit_free([this](range<Space> free) noexcept {
            for (std::uint64_t at = free.first.number; at < free.end().number;) {
                const std::uint64_t end = ((at >> Order) + 1) << Order;
                const std::uint64_t count = (end < free.end().number ? end : free.end().number) - at;
                add(at >> Order, 0 - count);
                at += count;
            }
        });
        room_ = 0;
        for (const std::uint16_t each : words_) room_ += room_in(each);
    }

    [[nodiscard]] constexpr std::size_t size() const noexcept { return words_.size(); }
    [[nodiscard]] constexpr range<Space> frames_of(std::size_t index) const noexcept {
        return {{(base_ + index) << Order}, block_frames};
    }
    [[nodiscard]] constexpr std::uint64_t used(std::size_t index) const noexcept {
        return static_cast<std::uint16_t>(words_[index] & ~stays);
    }
    [[nodiscard]] constexpr bool can_be_emptied(std::size_t index) const noexcept {
        return (words_[index] & stays) == 0;
    }
    constexpr void keep(std::size_t index) noexcept {
        words_[index] = static_cast<std::uint16_t>(words_[index] | stays);
    }
    /// Free frames of pageblocks that are in use in part.
    [[nodiscard]] constexpr std::uint64_t room() const noexcept { return room_; }
    /// `change` frames more are in use (modulo 2^64) in the pageblock of a frame.
    constexpr void note(frame<Space> f, std::uint64_t change) noexcept {
        const std::uint64_t block = f.number >> Order;
        if (block - base_ >= words_.size()) return;
        std::uint16_t& word = words_[static_cast<std::size_t>(block - base_)];
        room_ -= room_in(word);
        add(block, change);
        room_ += room_in(word);
    }

 private:
    [[nodiscard]] static constexpr std::uint64_t room_in(std::uint16_t word) noexcept {
        const std::uint64_t used = static_cast<std::uint16_t>(word & ~stays);
        return used == 0 ? 0 : block_frames - used;
    }
    constexpr void add(std::uint64_t block, std::uint64_t change) noexcept {
        if (block - base_ >= words_.size()) return;
        std::uint16_t& word = words_[static_cast<std::size_t>(block - base_)];
        const std::uint64_t used = static_cast<std::uint16_t>(word & ~stays) + change;
        // What raced the survey may be counted twice.
        const std::uint64_t sound = used <= block_frames ? used : (change >> 63 != 0 ? 0 : block_frames);
        word = static_cast<std::uint16_t>((word & stays) | sound);
    }

    std::uint64_t base_ = 0;
    view<std::uint16_t> words_{};
    std::uint64_t room_ = 0;
};

}  // namespace ashlar::detail
