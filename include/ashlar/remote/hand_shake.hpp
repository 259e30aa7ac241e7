// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/crc32c.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <ashlar/remote/link_guard.hpp>
#include <ashlar/remote/register_access.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// What a server tells its peer at link-up. Offered: memory that the peer may look at; where the canary is.
struct hello {
    std::uint32_t epoch = 0;       ///< of this start, see `canary_of`
    std::uint32_t peer_epoch = 0;  ///< that of the peer's hello which was read last; 0: none
    byte_range<peer> offered{};    ///< as the other side sees it: physical memory of its peer
    byte_address<peer> canary{};

    [[nodiscard]] friend constexpr bool operator==(const hello&, const hello&) noexcept = default;
};

/// Words of 32 bits that both sides see: scratchpads, message registers, a shared page.
///
/// - `write(index, value)`: one of ours, `read(index)`: one of the peer's; `hello_words` of each.
/// - `busy`: later. All ones is what is read where nobody is.
template <class C>
concept hello_channel = requires(C channel, std::uint32_t index, std::uint32_t value) {
    { channel.write(index, value) } -> std::same_as<errc>;
    { channel.read(index) } -> std::same_as<result<std::uint32_t>>;
};

/// Tag and version, the two epochs, base and size of what is offered, the canary's place, a CRC: 10 of the 16
/// scratchpads that Intel's and AMD's bridges have.
inline constexpr std::uint32_t hello_words = 10;

namespace detail {

/// "AH", version 1. A peer of another version is refused, not guessed at.
inline constexpr std::uint32_t hello_tag = 0x4841'0001;

struct hello_image {
    std::uint32_t words[hello_words] = {};

    [[nodiscard]] static constexpr hello_image of(const hello& h) noexcept {
        const auto low = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
        const auto high = [](std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); };
        const std::uint64_t first = h.offered.first.value;
        hello_image image{{hello_tag, h.epoch, h.peer_epoch, low(first), high(first), low(h.offered.bytes),
                           high(h.offered.bytes), low(h.canary.value), high(h.canary.value), 0}};
        image.words[hello_words - 1] = image.sum();
        return image;
    }
    [[nodiscard]] constexpr std::uint32_t sum() const noexcept {
        crc32c sum;
        for (std::uint32_t i = 0; i + 1 < hello_words; ++i) {
            for (unsigned byte = 0; byte < 4; ++byte) {
                sum.add(static_cast<std::byte>(words[i] >> (8 * byte) & 0xff));
            }
        }
        return sum.value();
    }
    /// `busy`: half written; `revoked`: nobody there; `unsupported`: another version.
    [[nodiscard]] constexpr result<hello> read() const noexcept {
        bool ones = true;
        for (const std::uint32_t each : words) ones = ones && all_ones(each);
        if (ones) return errc::revoked;
        if (words[hello_words - 1] != sum()) return errc::busy;
        if (words[0] != hello_tag) return errc::unsupported;
        if (!is_epoch(words[1])) return errc::invalid;
        const auto wide = [this](std::uint32_t at) { return std::uint64_t{words[at + 1]} << 32 | words[at]; };
        const hello found{words[1], words[2], {{wide(3)}, wide(5)}, {wide(7)}};
        if (found.offered.wraps()) return errc::invalid;
        return found;
    }
};

}  // namespace detail

/// Brings a link up: each side says who it is and whom it has heard, until both have heard the other as it is
/// now. A peer that starts again meanwhile has another epoch, and is heard anew; so nobody takes the words of
/// an earlier start for the present one, scratchpads that survive a crash included.
///
/// Each hand-shake has an epoch of its own that this side never had before, also the next one of a server
/// that went on while its peer died: what a dead peer left says whom it had heard, and to that epoch it is a
/// peer that is there. (A canary for each peer, then, where there are several.)
///
/// `step()`: `ok`: both have heard; `peer_hello()` is what the peer said. `busy`: not yet, call again.
/// `revoked`: nobody there yet, call again, too. `unsupported`: the peer speaks another version; `invalid`:
/// it offers what cannot be. Each step reads and writes `hello_words` words at most. One caller.
///
/// ```
/// ashlar::hand_shake<scratchpads> with(pads, {.epoch = 7, .offered = {{0x1'0000'0000}, 0x1000'0000}});
/// while (with.step() == ashlar::errc::busy) {}
/// const auto handle = link.raise(with.peer_hello().epoch);
/// ```
template <hello_channel Channel>
class hand_shake {
 public:
    constexpr hand_shake(Channel& channel, const hello& own) noexcept : channel_(&channel), own_(own) {
        own_.peer_epoch = 0;
    }

    constexpr errc step() noexcept {
        if (!is_epoch(own_.epoch) || own_.offered.wraps()) return errc::invalid;
        // What the peer said is read even if it has no room: it may wait for that.
        const errc said = say();
        if (said != errc::ok && said != errc::busy) return said;
        detail::hello_image image;
        for (std::uint32_t i = 0; i < hello_words; ++i) {
            const result<std::uint32_t> found = channel_->read(i);
            if (!found) return found.error();
            image.words[i] = *found;
        }
        const result<hello> heard = image.read();
        if (!heard) return heard.error();
        peer_ = *heard;
        if (own_.peer_epoch != heard->epoch) {
            own_.peer_epoch = heard->epoch;
            written_ = 0;
            const errc again = say();
            return again == errc::ok ? errc::busy : again;
        }
        return said == errc::ok && heard->peer_epoch == own_.epoch ? errc::ok : errc::busy;
    }
    /// What the peer said last.
    [[nodiscard]] constexpr const hello& peer_hello() const noexcept { return peer_; }

 private:
    /// The CRC comes last: until then the peer finds it wrong.
    constexpr errc say() noexcept {
        const detail::hello_image image = detail::hello_image::of(own_);
        while (written_ < hello_words) {
            const errc written = channel_->write(written_, image.words[written_]);
            if (written != errc::ok) return written;
            ++written_;
        }
        return errc::ok;
    }

    Channel* channel_;
    hello own_;
    hello peer_{};
    std::uint32_t written_ = 0;
};

/// Scratchpads as a channel: ours are those that the peer reads. Offsets of the first of each, in bytes.
template <register_access Registers>
class scratchpad_words {
 public:
    constexpr scratchpad_words(Registers& registers, std::uint64_t own, std::uint64_t other) noexcept
        : registers_(&registers), own_(own), other_(other) {}

    constexpr errc write(std::uint32_t index, std::uint32_t value) noexcept {
        registers_->write32(own_ + 4 * std::uint64_t{index}, value);
        return errc::ok;
    }
    constexpr result<std::uint32_t> read(std::uint32_t index) noexcept {
        return registers_->read32(other_ + 4 * std::uint64_t{index});
    }

 private:
    Registers* registers_;
    std::uint64_t own_;
    std::uint64_t other_;
};

/// A pair of message registers: `send(tag, value)` is `busy` while the peer has not taken the one before,
/// `receive(tag, value)` is `busy` if there is none.
template <class P>
concept message_port = requires(P port, std::uint32_t in, std::uint32_t& out) {
    { port.send(in, in) } -> std::same_as<errc>;
    { port.receive(out, out) } -> std::same_as<errc>;
};

/// Message registers as a channel (IDT, Switchtec): a message is an index and a word; what has come is kept.
template <message_port Port>
class message_words {
 public:
    constexpr explicit message_words(Port& port) noexcept : port_(&port) {}

    constexpr errc write(std::uint32_t index, std::uint32_t value) noexcept {
        return port_->send(index, value);
    }
    constexpr result<std::uint32_t> read(std::uint32_t index) noexcept {
        std::uint32_t at = 0;
        std::uint32_t value = 0;
        for (std::uint32_t i = 0; i < hello_words && port_->receive(at, value) == errc::ok; ++i) {
            if (at < hello_words) words_[at] = value;
        }
        return index < hello_words ? result<std::uint32_t>(words_[index]) : errc::invalid;
    }

 private:
    Port* port_;
    std::uint32_t words_[hello_words] = {};
};

}  // namespace ashlar
