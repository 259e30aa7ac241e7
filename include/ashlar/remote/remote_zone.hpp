// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/source.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <ashlar/remote/pin_owner.hpp>
#include <ashlar/zone/zone_description.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ashlar {

/// What a machine lost with a peer.
struct remote_loss {
    range<> frames{};        ///< as this machine numbers them
    std::uint64_t free = 0;  ///< of them, nobody had
    std::uint64_t held = 0;  ///< somebody has: their bytes are gone, and freeing them says `revoked`
};

/// Memory that a peer donates, as one more zone of a machine: frames of a window, of a node that is farther
/// than the machine's own, so that they are the last choice by distance. The zone is of the same type as all
/// others: its source never touches frames, and its metadata are in this machine's memory.
///
/// - `Memory` is a `physical_memory`; `Windows` an `identity_window`, a `window_cache`, or whatever else
///   gives pins.
/// - Invariant: while it is attached one pin holds the window, so a frame number means the same bytes of the
///   peer all along. The pin is of the link's epoch: a link that went and came back is lost to this object,
///   and memory of a peer that started again is never served as that of the old one.
/// - The node has to be known to the machine at boot (a domain without memory in its `topology`, with a
///   distance).
/// - Losing the link: whoever notices calls `link_lost` of the windows, then `check` or `lose` here.
///   Nothing is allocated from there any more, what is held is counted, later frees of it say `revoked`, and
///   the rest of the machine goes on. Holders who have not heard of it read all ones.
/// - Detaching after a loss forgets that there were such frames: do it when the holders have let go. A free
///   that comes later says `not_owned`, or hits a frame of the next peer at the same place.
/// - An object that ends while it is attached leaves the zone to the machine, and its window where it is, for
///   good: frames in use stay what they are.
///
/// Complexity: that of the machine's verbs; else O(1). Context: thread, one caller at a time; beside the
/// machine's own users. The machine and the windows outlive it, or outlive `detach`.
/// Failure: `busy` while something is attached, or while frames are held; `invalid` for no bytes, or a node
/// that the machine does not have; `misaligned` for what are no whole frames, here and there; `not_covered`
/// for what no window shows, `limit` for what does not fit into zone table or metadata; `revoked` for a link
/// that is down. All is as before then, but for frames that a refused `detach` leaves isolated. Source:
/// CN103823638; Linux Documentation/admin-guide/mm/memory-hotplug.rst for the steps.
///
/// ```
/// ashlar::remote_zone<memory, ashlar::identity_window<>> far;
/// (void)far.attach(ram, windows, {{0x1000'0000}, 64 << 20}, 1, metadata);
/// auto page = ram.allocate({.nodes = ashlar::node_set::only(1)});        // of the peer
/// windows.link_lost();
/// ashlar::remote_loss loss;
/// if (far.check(loss) == ashlar::errc::revoked) report(loss.held);       // 1
/// (void)ram.free(*page, 0);                                              // `revoked`
/// (void)far.detach();
/// ```
template <class Memory, class Windows>
class remote_zone {
    static_assert(
        requires { typename Memory::description_type; },
        "remote_zone<Memory, Windows>: Memory must be a physical_memory; a source cannot tell how far its "
        "frames are");
    static_assert(
        std::same_as<typename Memory::space, machine>,
        "remote_zone<Memory, Windows>: a window's frames are machine frames, so Memory must deal in them");

 public:
    constexpr remote_zone() noexcept = default;
    remote_zone(const remote_zone&) = delete;
    remote_zone& operator=(const remote_zone&) = delete;
    constexpr ~remote_zone() {
        if (is_attached()) pin_.leave_in_place();
    }

    /// Bytes of metadata for so many frames, any alignment of them.
    [[nodiscard]] static std::size_t metadata_bytes(range<> frames) noexcept {
        return Memory::metadata_words(frames);
    }

    /// The peer's bytes, all of them in one window, are memory of the machine from here on.
    errc attach(Memory& memory, Windows& windows, byte_range<peer> donated, node_id node,
                view<std::byte> metadata, zone_kind kind = zone_kind::normal,
                unsigned page_shift = 12) noexcept {
        if (is_attached()) return errc::busy;
        if (donated.empty() || donated.wraps() || page_shift >= 64) return errc::invalid;
        const std::uint64_t page = std::uint64_t{1} << page_shift;
        if (donated.first.offset_in(page) != 0 || donated.bytes % page != 0) return errc::misaligned;
        auto pin = windows.pin(donated.first, donated.bytes, pin_owner::device);
        if (!pin) return pin.error();
        const result<byte_address<machine>> local = pin.local();
        if (!local) return local.error();
        if (local->offset_in(page) != 0) return errc::misaligned;
        const range<> frames{local->frame_of(page_shift), donated.bytes >> page_shift};
        const typename Memory::description_type what{frames, frames.count, node, kind, false};
        if (const errc failed = memory.attach(what, metadata, start::fresh); failed != errc::ok)
            return failed;
        if (const errc failed = memory.online(frames); failed != errc::ok) {
            (void)memory.detach(frames);
            return failed;
        }
        memory_ = &memory;
        pin_ = std::move(pin);
        frames_ = frames;
        donated_ = donated;
        page_shift_ = page_shift;
        is_lost_ = false;
        return errc::ok;
    }

    /// `ok` while the link is the one that it was; else all of it is revoked, once, and `revoked` is the
    /// answer. The loss is told then, and is nothing for a loss that was told before.
    errc check(remote_loss& loss) noexcept {
        loss = {};
        if (is_attached() && !is_lost_ && pin_.local()) return errc::ok;
        const result<remote_loss> told = lose();
        if (!told) return told.error();
        loss = *told;
        return errc::revoked;
    }
    /// It is gone, whatever the link says. `revoked` if it is known to be, `not_owned` if none is attached.
    result<remote_loss> lose() noexcept {
        if (!is_attached()) return errc::not_owned;
        if (is_lost_) return errc::revoked;
        if (is_offline_) {
            is_lost_ = true;
            return remote_loss{};
        }
        const result<std::uint64_t> left = memory_->revoke(frames_);
        if (!left) return left.error();
        is_lost_ = true;
        return remote_loss{frames_, *left, frames_.count - *left};
    }

    /// The machine is without it again, and the window may go. `busy` while frames are held (unless they are
    /// lost): nothing new is taken from there then, and it can be repeated, or taken back with `readmit`.
    errc detach() noexcept {
        if (!is_attached()) return errc::not_owned;
        if (!is_lost_ && !is_offline_) {
            if (const errc failed = memory_->isolate(frames_); failed != errc::ok) return failed;
            if (const errc failed = memory_->offline(frames_); failed != errc::ok) return failed;
            is_offline_ = true;
        }
        if (const errc failed = memory_->detach(frames_); failed != errc::ok) return failed;
        pin_.release();
        memory_ = nullptr;
        frames_ = {};
        donated_ = {};
        is_lost_ = false;
        is_offline_ = false;
        return errc::ok;
    }
    /// After a `detach` that was `busy`: frames are taken from there again.
    errc readmit() noexcept {
        if (!is_attached()) return errc::not_owned;
        if (is_lost_) return errc::revoked;
        if (is_offline_) {
            if (const errc failed = memory_->online(frames_); failed != errc::ok) return failed;
            is_offline_ = false;
        }
        return memory_->readmit(frames_);
    }

    [[nodiscard]] constexpr bool is_attached() const noexcept { return memory_ != nullptr; }
    [[nodiscard]] constexpr bool is_lost() const noexcept { return is_lost_; }
    /// As this machine numbers them; none if not attached.
    [[nodiscard]] constexpr range<> frames() const noexcept { return frames_; }
    [[nodiscard]] constexpr byte_range<peer> donated() const noexcept { return donated_; }

    /// Where the peer has a frame: what goes into tables there. `not_owned` for a frame that is none of its.
    [[nodiscard]] constexpr result<byte_address<peer>> to_peer(frame<> f) const noexcept {
        if (!frames_.contains(f)) return errc::not_owned;
        return donated_.first + ((f.number - frames_.first.number) << page_shift_);
    }
    /// Which frame here a byte of the peer lies in.
    [[nodiscard]] constexpr result<frame<>> to_local(byte_address<peer> at) const noexcept {
        if (!donated_.contains(at)) return errc::not_owned;
        return frames_.first + ((at.value - donated_.first.value) >> page_shift_);
    }

 private:
    Memory* memory_ = nullptr;
    typename Windows::pin_type pin_{};
    range<> frames_{};
    byte_range<peer> donated_{};
    unsigned page_shift_ = 0;
    bool is_lost_ = false;
    bool is_offline_ = false;
};

}  // namespace ashlar
