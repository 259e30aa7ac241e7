// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/linux_backend/kvm_memory_slot.hpp>
//
#include <doctest/doctest.h>

#include <ashlar/core/view.hpp>
#include <ashlar/testing/simulated_bridge.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <utility>

#include "remote/soft_ntb/layout.hpp"

namespace soft_ntb {

/// A bridge of a virtual machine. Its registers are those of `simulated_bridge`: each access is an exit of
/// the guest, writes are posted. A window that is open is a memory slot over the peer's memory, and accesses
/// to it are the processor's own; one that is closed is no slot, so each access is an exit that is counted
/// here: that is what a bridge does whose window is disabled, and what nobody may do while one is aimed anew.
/// (To change the mapping under a slot that stays would let them pass, into one memory or the other.)
template <class Model>
class soft_bridge {
 public:
    soft_bridge(const bridge_place& place, int machine, std::uint32_t first_slot,
                ashlar::view<std::byte> peer)
        : place_(place), bridge_(model_of(place)), machine_(machine), first_slot_(first_slot), peer_(peer) {}

    /// An access of the guest that no memory slot took. False: not here.
    [[nodiscard]] bool access(std::uint64_t at, std::uint32_t length, bool is_write, unsigned char* data) {
        const std::lock_guard locked(mutex_);
        if (at - place_.registers < place_.registers_bytes) {
            access_register(at - place_.registers, length, is_write, data);
            return true;
        }
        const std::uint64_t offset = at - place_.windows;
        if (offset >= Model::windows * place_.aperture) return false;
        // Where it is open again by now, the access came before that.
        const bool is_open = offset % place_.aperture < shown_[offset / place_.aperture].bytes;
        ++(!up_ ? dead_ : is_open ? overtaken_ : closed_);
        if (!is_write) std::memset(data, 0xff, length);
        return true;
    }

    void drop_link() {
        const std::lock_guard locked(mutex_);
        up_ = false;
        bridge_.drop_link();
        show_all();
    }
    /// `first` is what the other side does before anybody here can know that it is there.
    template <class First>
    void raise_link(First first) {
        const std::lock_guard locked(mutex_);
        bridge_.restore_link(true);
        first();
        up_ = true;
        show_all();
    }

    /// The other side's registers, for who holds no lock of this.
    [[nodiscard]] ashlar::testing::simulated_bridge<Model>& registers() { return bridge_; }
    [[nodiscard]] ashlar::view<std::byte> peer() const { return peer_; }

    /// Accesses to windows while they were closed, and while there was no link.
    [[nodiscard]] std::uint64_t closed_accesses() const { return closed_; }
    [[nodiscard]] std::uint64_t dead_accesses() const { return dead_; }
    /// Accesses to windows that were not open and are now: a link came up meanwhile, or one was aimed anew.
    [[nodiscard]] std::uint64_t overtaken_accesses() const { return overtaken_; }
    /// How often a window was pointed at something else.
    [[nodiscard]] std::uint64_t pointed() const { return pointed_; }

 private:
    struct shown {
        std::uint64_t target = 0;
        std::uint64_t bytes = 0;
        bool operator==(const shown&) const = default;
    };

    static Model model_of(const bridge_place& place) {
        Model model;
        model.aperture = place.aperture;
        model.first_place = place.windows;
        return model;
    }
    void access_register(std::uint64_t offset, std::uint32_t length, bool is_write, unsigned char* data) {
        std::uint64_t value = 0;
        if (is_write) {
            std::memcpy(&value, data, length);
            if (length == 8) bridge_.write64(offset, value);
            if (length == 4) bridge_.write32(offset, static_cast<std::uint32_t>(value));
            return;
        }
        value = length == 8 ? bridge_.read64(offset) : bridge_.read32(offset);
        std::memcpy(data, &value, length);
        show_all();  // a read makes writes before it take effect
    }
    void show_all() {
        for (std::uint32_t i = 0; i < Model::windows; ++i) {
            const shown wanted = look(i);
            if (wanted == shown_[i]) continue;
            slots_[i].reset();
            shown_[i] = wanted;
            ++pointed_;
            if (wanted.bytes == 0) continue;
            const auto offset = static_cast<std::size_t>(wanted.target - place_.peer_first);
            const std::uint64_t local = place_.windows + i * place_.aperture;
            const ashlar::errc set =
                slots_[i].set(machine_, first_slot_ + i, {local / page},
                              peer_.subview(offset, static_cast<std::size_t>(wanted.bytes)));
            REQUIRE(set == ashlar::errc::ok);
        }
    }
    /// What is behind a window, if anything is.
    [[nodiscard]] shown look(std::uint32_t window) {
        if (!up_) return {};
        const ashlar::testing::simulated_window now = bridge_.look(window);
        const std::uint64_t offset = now.target - place_.peer_first;
        if (!now.open || offset >= peer_.size() || now.bytes > peer_.size() - offset) return {};
        return {now.target, now.bytes};
    }

    bridge_place place_;
    ashlar::testing::simulated_bridge<Model> bridge_;
    int machine_;
    std::uint32_t first_slot_;
    ashlar::view<std::byte> peer_;
    std::mutex mutex_;
    bool up_ = true;
    shown shown_[Model::windows]{};
    ashlar::kvm_memory_slot slots_[Model::windows];
    std::atomic<std::uint64_t> closed_{0};
    std::atomic<std::uint64_t> dead_{0};
    std::atomic<std::uint64_t> overtaken_{0};
    std::atomic<std::uint64_t> pointed_{0};
};

}  // namespace soft_ntb
