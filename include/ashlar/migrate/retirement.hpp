// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/source.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/migrate/isolated_range.hpp>
#include <ashlar/migrate/move_block.hpp>
#include <ashlar/zone/mirrored_frames.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace ashlar {

/// How far the retirement of a frame is.
enum class retirement_state : std::uint8_t {
    noted = 1,    ///< an error was reported, nothing was done yet
    retired = 2,  ///< nobody uses it, and nobody gets it
    in_use = 3,   ///< whoever uses it could not be moved: it leaves at the next boot
};

/// Writes the bytes of a frame back to where they were read from, word by word and atomically, so that those
/// who use it go on (Linux edac_atomic_scrub): where memory is mirrored the read is served by the good copy,
/// and the write mends the other one. Any context.
template <class Platform>
void rewrite_frame(frame<typename Platform::space> f) noexcept {
    static_assert(frame_access<Platform>,
                  "rewrite_frame<Platform>: the platform must offer frame_access (bytes_of, frame_bytes)");
    void* const content = Platform::bytes_of(f);
    auto* const words = static_cast<std::uintptr_t*>(content);
    for (std::size_t i = 0; i < Platform::frame_bytes / sizeof(std::uintptr_t); ++i) {
        (void)__atomic_fetch_or(words + i, std::uintptr_t{0}, __ATOMIC_RELAXED);
    }
}

/// Frames with memory errors leave: what they hold moves away, and they are handed out no more (Linux: soft
/// offline, hwpoison). All are listed, for the next boot to leave out.
///
/// - Words: one for each frame, {number, state}; 0 is empty. `note` alone may be called where nothing can
///   wait (a machine check, an NMI that stopped anybody); `work` does the rest in a thread.
///
/// | word goes | by | when |
/// |---|---|---|
/// | empty -> noted | `note`, by compare-and-swap (release) | an error is reported |
/// | noted, in_use -> retired or in_use | `work`, a store (release) | the frame was moved, taken, or stays |
/// | noted -> empty | `work` | a mirrored frame was mended |
///
/// - A retired frame is allocated, to nobody; its buddies go on being handed out.
/// - Complexity: `note` and a lookup are a pass over the words. `work`: one move for each frame in use.
/// - Context: `note`, `visit` any, NMI included. `work` thread, one caller, no guard held; as the mover.
/// - Failure: `limit` where the list is full; what `work` answers is the last reason for which a frame
///   stayed.
/// - Source: Linux mm/memory-failure.c (soft_offline_page).
///
/// Example:
/// ```
/// ashlar::retirement<memory> failing(ram, words);
/// (void)failing.note({0x1234});                          // in the machine-check handler
/// (void)failing.work(anywhere, mover);                   // later, in a thread
/// failing.visit([&](ashlar::frame<> f, ashlar::retirement_state) { remember_for_next_boot(f); });
/// ```
template <class Source>
class retirement {
    static_assert(free_checking_source<Source>,
                  "retirement<Source>: Source must tell which frames are in use: would_free(frame, order)");

 public:
    using space = typename Source::space;
    using platform_type = typename Source::platform_type;
    using word = typename platform_type::template atomic<std::uintptr_t>;

    /// The words are zero, or as an earlier list left them.
    constexpr retirement(Source& source, view<word> words) noexcept : source_(source), words_(words) {}
    retirement(const retirement&) = delete;
    retirement& operator=(const retirement&) = delete;

    /// An error in a frame was reported; `ok` also for one that is listed. `limit` if the list is full, or
    /// for a number that a word does not hold.
    constexpr errc note(frame<space> f) noexcept {
        if (f.number >= largest) return errc::limit;
        // A place that has become free may lie ahead of the one that has the frame.
        for (const word& each : words_)
            if (is_of(each.load(memory_order::relaxed), f)) return errc::ok;
        for (word& each : words_) {
            std::uintptr_t seen = each.load(memory_order::relaxed);
            while (seen == 0) {
                if (each.compare_exchange(seen, entry(f, retirement_state::noted), memory_order::release)) {
                    return errc::ok;
                }
            }
            if (is_of(seen, f)) return errc::ok;
        }
        return errc::limit;
    }

    /// Retires what is noted, and tries again what stayed in use. `mends(frame)` is asked first for a frame
    /// of mirrored memory: true if it is good again, and it leaves the list.
    template <class Destination, class Mover, class Mends>
    constexpr errc work(Destination&& destination, Mover& mover, Mends&& mends) noexcept {
        errc answer = errc::ok;
        for (word& each : words_) {
            const std::uintptr_t seen = each.load(memory_order::acquire);
            if (seen == 0 || state_of(seen) == retirement_state::retired) continue;
            const frame<space> f{seen >> state_bits};
            if (detail::is_mirrored(source_, f) && mends(f)) {
                each.store(0, memory_order::relaxed);
                continue;
            }
            const errc error = take_out(f, destination, mover);
            if (error != errc::ok) answer = error;
            const auto now = error == errc::ok ? retirement_state::retired : retirement_state::in_use;
            each.store(entry(f, now), memory_order::release);
        }
        return answer;
    }
    template <class Destination, class Mover>
    constexpr errc work(Destination&& destination, Mover& mover) noexcept {
        return work(destination, mover, [](frame<space>) noexcept { return false; });
    }

    /// Calls `sink(frame, state)` for each frame listed.
    template <class Sink>
    constexpr void visit(Sink&& sink) const noexcept {
        for (const word& each : words_) {
            const std::uintptr_t seen = each.load(memory_order::acquire);
            if (seen != 0) sink(frame<space>{seen >> state_bits}, state_of(seen));
        }
    }

 private:
    static constexpr unsigned state_bits = 2;
    static constexpr std::uint64_t largest = std::uint64_t{1}
                                             << (std::numeric_limits<std::uintptr_t>::digits - state_bits);

    [[nodiscard]] static constexpr std::uintptr_t entry(frame<space> f, retirement_state state) noexcept {
        return static_cast<std::uintptr_t>((f.number << state_bits) | static_cast<std::uintptr_t>(state));
    }
    [[nodiscard]] static constexpr bool is_of(std::uintptr_t seen, frame<space> f) noexcept {
        return seen != 0 && seen >> state_bits == f.number;
    }
    [[nodiscard]] static constexpr retirement_state state_of(std::uintptr_t seen) noexcept {
        return static_cast<retirement_state>(seen & ((1U << state_bits) - 1));
    }
    /// The frame is ours, and whoever used it is elsewhere. The units are isolated meanwhile, so that between
    /// the move and the taking nobody gets it.
    template <class Destination, class Mover>
    constexpr errc take_out(frame<space> f, Destination& destination, Mover& mover) noexcept {
        isolated_range<space> around;
        errc answer = around.isolate(source_, {f, 1});
        if (answer == errc::ok) {
            answer = source_.allocate_at({f, 1});
            if (answer == errc::busy) answer = move_away(f, destination, mover);
        }
        around.readmit(source_);
        return answer;
    }

    template <class Destination, class Mover>
    constexpr errc move_away(frame<space> f, Destination& destination, Mover& mover) noexcept {
        const auto found = detail::block_in_use<Source>(mover, f);
        if (!found) return found.error();
        const errc answer = detail::move_block(source_, *found, destination, mover).error;
        return answer == errc::ok ? source_.allocate_at({f, 1}) : answer;
    }

    Source& source_;
    view<word> words_;
};

}  // namespace ashlar
