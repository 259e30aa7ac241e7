// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/pinned_pieces.hpp>
#include <ashlar/remote/requester_slots.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ashlar {

/// A transfer of a device: the pieces of memory as the device has to address them, and the pins and slots
/// that keep these addresses good until it is complete. A token: it moves, and is not copied.
///
/// - Invariant: nothing is released before `complete`. One that is dropped while it is under way releases
///   nothing either: the device may still write. Its pins then stay in the caller's array.
/// - The arrays are the caller's, hold this transfer alone, and live as long as it is under way.
/// - Context: any; one user at a time.
///
/// ```
/// ashlar::dma_transfer<windows::pin_type> transfer(pieces, pins);
/// if (map_for_device(space, {0x7000'0000}, 4096, device, transfer) == ashlar::errc::ok) {
///     start(transfer.pieces());
///     ...                                                    // the device says that it is done
///     transfer.complete();
/// }
/// ```
template <class Pin, class Platform = platform>
class dma_transfer {
 public:
    using pin_type = Pin;
    using slots = requester_slots<Platform>;
    /// Slots of so many bridges, one for each.
    static constexpr std::size_t most_bridges = 4;

    constexpr dma_transfer() noexcept = default;
    constexpr dma_transfer(view<scatter_piece> pieces, view<Pin> pins) noexcept : memory_(pieces, pins) {}
    constexpr dma_transfer(dma_transfer&& other) noexcept { take(other); }
    /// One that is under way is not replaced, but dropped.
    constexpr dma_transfer& operator=(dma_transfer&& other) noexcept {
        if (this != &other) take(other);
        return *this;
    }
    dma_transfer(const dma_transfer&) = delete;
    dma_transfer& operator=(const dma_transfer&) = delete;
    constexpr ~dma_transfer() = default;

    /// As the device addresses them, in order.
    [[nodiscard]] constexpr view<const scatter_piece> pieces() const noexcept { return memory_.pieces(); }
    [[nodiscard]] constexpr view<const Pin> pins() const noexcept { return memory_.pins(); }
    [[nodiscard]] constexpr bool is_under_way() const noexcept { return !pieces().empty(); }

    /// The device is done, or was stopped: pins and slots are released.
    constexpr void complete() noexcept {
        memory_.clear();
        for (std::size_t i = 0; i < slot_count_; ++i) held_[i].from->release(held_[i].slot);
        slot_count_ = 0;
    }

    /// For whoever maps: a piece that follows the last one; `limit` if there is no room.
    constexpr errc add(const scatter_piece& piece) noexcept { return memory_.add(piece); }
    constexpr errc add(const scatter_piece& piece, Pin&& pin) noexcept {
        return memory_.add(piece, std::move(pin));
    }
    /// For whoever maps: lets the device through a bridge, once.
    template <class Program>
    constexpr errc pass(slots& bridge, std::uint16_t id, Program&& program) noexcept {
        for (std::size_t i = 0; i < slot_count_; ++i)
            if (held_[i].from == &bridge) return errc::ok;
        if (slot_count_ == most_bridges) return errc::limit;
        const auto slot = bridge.hold(id, program);
        if (!slot) return slot.error();
        held_[slot_count_++] = {&bridge, *slot};
        return errc::ok;
    }

 private:
    struct held_slot {
        slots* from = nullptr;
        std::uint32_t slot = 0;
    };

    constexpr void take(dma_transfer& other) noexcept {
        memory_ = std::move(other.memory_);
        slot_count_ = std::exchange(other.slot_count_, 0);
        for (std::size_t i = 0; i < slot_count_; ++i) held_[i] = other.held_[i];
    }

    pinned_pieces<Pin> memory_{};
    held_slot held_[most_bridges]{};
    std::size_t slot_count_ = 0;
};

}  // namespace ashlar
