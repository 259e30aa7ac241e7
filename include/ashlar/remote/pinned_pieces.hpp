// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ashlar {

/// A piece of memory by addresses in a row, as whoever accesses it has to address it.
struct scatter_piece {
    byte_address<machine> at{};
    std::uint64_t bytes = 0;
    server_id server = 0;       ///< where it lies
    byte_address<peer> home{};  ///< its address there
};

/// Pieces of memory in the order of what they make up, and the pins that keep them where they are; in arrays
/// of the caller's. What lies in a row, on one server and as it is addressed, becomes one piece. Nothing is
/// released but by `clear`: who has this says when (`scatter_list` at its end, `dma_transfer` once the device
/// is done). It moves, and is not copied. One user at a time.
template <class Pin>
class pinned_pieces {
 public:
    using pin_type = Pin;

    constexpr pinned_pieces() noexcept = default;
    constexpr pinned_pieces(view<scatter_piece> pieces, view<Pin> pins) noexcept
        : pieces_(pieces), pins_(pins) {}
    constexpr pinned_pieces(pinned_pieces&& other) noexcept { take(other); }
    constexpr pinned_pieces& operator=(pinned_pieces&& other) noexcept {
        if (this != &other) take(other);
        return *this;
    }
    pinned_pieces(const pinned_pieces&) = delete;
    pinned_pieces& operator=(const pinned_pieces&) = delete;
    constexpr ~pinned_pieces() = default;

    [[nodiscard]] constexpr view<const scatter_piece> pieces() const noexcept {
        return {pieces_.data(), piece_count_};
    }
    [[nodiscard]] constexpr view<const Pin> pins() const noexcept { return {pins_.data(), pin_count_}; }
    [[nodiscard]] constexpr std::uint64_t bytes() const noexcept {
        std::uint64_t sum = 0;
        for (const scatter_piece& each : pieces()) sum += each.bytes;
        return sum;
    }

    /// Adds a piece that needs no pin. `limit` if there is no room.
    constexpr errc add(const scatter_piece& piece) noexcept {
        if (piece_count_ != 0) {
            scatter_piece& last = pieces_[piece_count_ - 1];
            if (last.server == piece.server && last.at + last.bytes == piece.at &&
                last.home + last.bytes == piece.home) {
                last.bytes += piece.bytes;
                return errc::ok;
            }
        }
        if (piece_count_ == pieces_.size()) return errc::limit;
        pieces_[piece_count_++] = piece;
        return errc::ok;
    }
    /// Adds a piece that the pin keeps in place.
    constexpr errc add(const scatter_piece& piece, Pin&& pin) noexcept {
        if (pin_count_ == pins_.size()) return errc::limit;
        if (const errc answer = add(piece); answer != errc::ok) return answer;
        pins_[pin_count_++] = std::move(pin);
        return errc::ok;
    }
    /// Releases all pins.
    constexpr void clear() noexcept {
        for (std::size_t i = 0; i < pin_count_; ++i) pins_[i].release();
        pin_count_ = 0;
        piece_count_ = 0;
    }

 private:
    constexpr void take(pinned_pieces& other) noexcept {
        pieces_ = std::exchange(other.pieces_, {});
        pins_ = std::exchange(other.pins_, {});
        piece_count_ = std::exchange(other.piece_count_, 0);
        pin_count_ = std::exchange(other.pin_count_, 0);
    }

    view<scatter_piece> pieces_{};
    view<Pin> pins_{};
    std::size_t piece_count_ = 0;
    std::size_t pin_count_ = 0;
};

}  // namespace ashlar
