// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// A bridge's table of requester IDs: it only lets a device through whose ID (bus, device, function) has one
/// of a few slots. A slot is held while transfers of its device are under way, stays programmed afterwards,
/// and goes to another device when none is left that was never used.
///
/// | bits of a slot's word | written by | order |
/// |---|---|---|
/// | ID (0-15), programmed (30), changing (31) | who takes the slot: compare-exchange | acquire |
/// | | who took it, when the bridge knows the ID: store | release |
/// | how many hold it (16-29) | `hold`: compare-exchange | acquire: the bridge knows the ID |
/// | | `release`: subtraction | release: the transfer is over |
///
/// - Complexity: O(slots). Context: any where `program` may be called; any number of callers at once. Two who
///   are the first of one device may take a slot each.
/// - Failure: `limit` if each slot is held for another device, or one too often; `busy` while it is being
///   programmed; else what `program` said: the slot is free then.
///
/// ```
/// const auto slot = slots.hold(id, [&](std::uint32_t slot, std::uint16_t id) { return write(slot, id); });
/// ...                                                        // transfers of the device
/// slots.release(*slot);
/// ```
template <class Platform = platform>
class requester_slots {
    static_assert(atomics<Platform>, "requester_slots<Platform>: Platform must offer atomic<T>");

 public:
    using word = typename Platform::template atomic<std::uint32_t>;

    constexpr requester_slots() noexcept = default;
    /// A word for each slot, all 0; none is programmed.
    constexpr explicit requester_slots(view<word> slots) noexcept : slots_(slots) {}
    requester_slots(const requester_slots&) = delete;
    requester_slots& operator=(const requester_slots&) = delete;

    /// The slot that lets the device through; `program(slot, id)` answers an `errc`.
    template <class Program>
    constexpr result<std::uint32_t> hold(std::uint16_t id, Program&& program) noexcept {
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            std::uint32_t known = slots_[i].load(memory_order::relaxed);
            while ((known & (programmed | 0xffff)) == (programmed | id)) {
                if ((known & changing) != 0) return errc::busy;
                if ((known & held) == held) return errc::limit;
                if (slots_[i].compare_exchange(known, known + one, memory_order::acquire))
                    return static_cast<std::uint32_t>(i);
            }
        }
        for (std::size_t look = 0; look < 2 * slots_.size(); ++look) {
            // Those that were never used come first.
            const std::size_t i = look < slots_.size() ? look : look - slots_.size();
            const std::uint32_t before = look < slots_.size() ? 0 : programmed;
            std::uint32_t known = slots_[i].load(memory_order::relaxed);
            if ((known & (held | changing | programmed)) != before) continue;
            if (!slots_[i].compare_exchange(known, changing | programmed | id, memory_order::acquire))
                continue;
            const auto slot = static_cast<std::uint32_t>(i);
            const errc answer = program(slot, id);
            slots_[i].store(answer == errc::ok ? programmed | one | id : 0, memory_order::release);
            if (answer != errc::ok) return answer;
            return slot;
        }
        return errc::limit;
    }
    constexpr void release(std::uint32_t slot) noexcept {
        slots_[slot].fetch_add(~one + 1, memory_order::release);
    }
    [[nodiscard]] constexpr std::uint32_t holders(std::uint32_t slot) const noexcept {
        return (slots_[slot].load(memory_order::relaxed) & held) / one;
    }

 private:
    static constexpr std::uint32_t one = 1U << 16;
    static constexpr std::uint32_t held = 0x3fffU << 16;
    static constexpr std::uint32_t programmed = 1U << 30;
    static constexpr std::uint32_t changing = 1U << 31;

    view<word> slots_{};
};

}  // namespace ashlar
