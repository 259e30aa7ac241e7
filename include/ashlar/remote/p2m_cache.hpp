// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// What a peer's P2M said of frames, so that it is not read through the bridge again: an array of places,
/// each for the last frame whose number falls there.
///
/// | word | written by | order, and what it publishes |
/// |---|---|---|
/// | lock | exchange to 1, store of 0 | acquire, release: places and version, among writers |
/// | version | `forget`, under the lock | release; acquire before a walk: what it reads is no older |
/// | sequence of a place, odd while it is written | the lock's holder | relaxed to odd, release to even |
/// | frame, target, epoch of a place | the lock's holder | release: who finds them finds the sequence odd |
///
/// A reader loads the sequence and the words with acquire, and the sequence again: he believes what he found
/// if it is even and the same.
///
/// - Complexity: `find`, `insert` O(1); `forget` O(places). Context: `find` any; `insert` any, it does
///   nothing if another writer is at work; `forget`: where it can wait for an `insert`, for a bounded time.
/// - Failure: `busy` if `forget` did not get the lock; nothing is changed then, and it has to be repeated.
///
/// ```
/// const std::uint32_t version = known.version();             // before the table is read
/// if (const auto at = known.find({0x70000})) return *at;
/// known.insert({0x70000}, walk(...), version);               // not if it was forgotten meanwhile
/// ```
template <class Platform = platform, std::uint32_t Patience = 4096>
class p2m_cache {
    static_assert(atomics<Platform>, "p2m_cache<Platform>: Platform must offer atomic<T>");

 public:
    using word = typename Platform::template atomic<std::uint32_t>;
    static constexpr std::uint32_t patience = Patience;

    /// Words for so many places, a power of two.
    [[nodiscard]] static constexpr std::size_t metadata_words(std::size_t places) noexcept {
        return header + places * place_words;
    }

    constexpr p2m_cache() noexcept = default;
    p2m_cache(const p2m_cache&) = delete;
    p2m_cache& operator=(const p2m_cache&) = delete;

    /// As many places as there are words for, a power of two. `limit` if there is not one.
    constexpr errc attach(view<word> words) noexcept {
        if (words.size() < metadata_words(1)) return errc::limit;
        words_ = words.data();
        places_ = std::bit_floor((words.size() - header) / place_words);
        for (std::size_t i = 0; i < metadata_words(places_); ++i) words_[i].store(0, memory_order::relaxed);
        return errc::ok;
    }

    /// `not_owned` if nothing is known of the frame since the link's epoch.
    [[nodiscard]] constexpr result<frame<peer>> find(frame<guest> wanted,
                                                     std::uint32_t epoch = 0) const noexcept {
        if (places_ == 0) return errc::not_owned;
        const word* const place = place_of(wanted);
        const std::uint32_t before = place[0].load(memory_order::acquire);
        const std::uint64_t key =
            join(place[1].load(memory_order::acquire), place[2].load(memory_order::acquire));
        const std::uint64_t to =
            join(place[3].load(memory_order::acquire), place[4].load(memory_order::acquire));
        const std::uint32_t noted = place[5].load(memory_order::acquire);
        if (before % 2 != 0 || place[0].load(memory_order::relaxed) != before) return errc::not_owned;
        if (key != wanted.number + 1 || noted != epoch) return errc::not_owned;
        return frame<peer>{to};
    }

    /// What has been forgotten up to now.
    [[nodiscard]] constexpr std::uint32_t version() const noexcept {
        return places_ == 0 ? 0 : words_[1].load(memory_order::acquire);
    }
    /// Notes what a walk found that began at `since`, a version, and in the link's epoch, if nothing was
    /// forgotten since.
    constexpr void insert(frame<guest> which, frame<peer> to, std::uint32_t since,
                          std::uint32_t epoch = 0) noexcept {
        if (places_ == 0 || words_[0].exchange(1, memory_order::acquire) != 0) return;
        if (words_[1].load(memory_order::relaxed) == since)
            write(place_of(which), which.number + 1, to.number, epoch);
        words_[0].store(0, memory_order::release);
    }
    /// These frames may be elsewhere now.
    constexpr errc forget(range<guest> gone) noexcept {
        if (places_ == 0) return errc::ok;
        std::uint32_t tries = 0;
        while (words_[0].exchange(1, memory_order::acquire) != 0) {
            if (++tries == patience) return errc::busy;
            if constexpr (requires { Platform::pause(); }) Platform::pause();
        }
        words_[1].store(words_[1].load(memory_order::relaxed) + 1, memory_order::release);
        for (std::size_t i = 0; i < places_; ++i) {
            word* const place = words_ + header + i * place_words;
            const std::uint64_t key =
                join(place[1].load(memory_order::relaxed), place[2].load(memory_order::relaxed));
            if (key != 0 && gone.contains(frame<guest>{key - 1})) write(place, 0, 0, 0);
        }
        words_[0].store(0, memory_order::release);
        return errc::ok;
    }
    [[nodiscard]] constexpr std::size_t places() const noexcept { return places_; }

 private:
    static constexpr std::size_t header = 2;
    static constexpr std::size_t place_words = 6;

    [[nodiscard]] constexpr word* place_of(frame<guest> which) const noexcept {
        return words_ + header + static_cast<std::size_t>(which.number & (places_ - 1)) * place_words;
    }
    [[nodiscard]] static constexpr std::uint64_t join(std::uint32_t low, std::uint32_t high) noexcept {
        return std::uint64_t{high} << 32 | low;
    }
    static constexpr void write(word* place, std::uint64_t key, std::uint64_t to,
                                std::uint32_t epoch) noexcept {
        const std::uint32_t sequence = place[0].load(memory_order::relaxed);
        place[0].store(sequence + 1, memory_order::relaxed);
        place[1].store(static_cast<std::uint32_t>(key), memory_order::release);
        place[2].store(static_cast<std::uint32_t>(key >> 32), memory_order::release);
        place[3].store(static_cast<std::uint32_t>(to), memory_order::release);
        place[4].store(static_cast<std::uint32_t>(to >> 32), memory_order::release);
        place[5].store(epoch, memory_order::release);
        place[0].store(sequence + 2, memory_order::release);
    }

    word* words_ = nullptr;
    std::size_t places_ = 0;
};

}  // namespace ashlar
