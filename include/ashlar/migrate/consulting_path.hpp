// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/migrate/access_path.hpp>
#include <ashlar/migrate/line_geometry.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

namespace detail {

/// How the accesses to a move's origins go.
enum class motion_phase : std::uint32_t {
    none,         ///< there is no move
    held,         ///< reads: the source; writes wait
    tracked,      ///< all: the source; writes are marked
    split,        ///< below the cursor the copy, from it on the source
    locked,       ///< as split, and writes to a stride from the cursor on wait
    locked_back,  ///< as split, but a stride from the cursor on is read from the copy, and writes to it wait
};

/// Phase and cursor, in one word.
struct motion {
    motion_phase phase = motion_phase::none;
    std::uint32_t line = 0;

    static constexpr unsigned phase_bits = 3;
    static constexpr std::uint64_t line_limit = std::uint64_t{1} << (32 - phase_bits);

    [[nodiscard]] constexpr std::uint32_t word() const noexcept {
        return line << phase_bits | static_cast<std::uint32_t>(phase);
    }
    [[nodiscard]] static constexpr motion of(std::uint32_t word) noexcept {
        return {static_cast<motion_phase>(word & ((1u << phase_bits) - 1)), word >> phase_bits};
    }
};

}  // namespace detail

/// The path of accesses that consult the table, each of them: an emulator's, a hypervisor's that traps, a
/// memory controller's in software. It says what the one move in flight asks of them; `remapped_access`
/// obeys. The words are shared by everybody; the object is constant once made.
///
/// | word | written by | order |
/// |---|---|---|
/// | motion | the mover | release; accesses load it first, acquire |
/// | first, count, target, stride | the mover, while nobody looks at them: motion is none | relaxed |
/// | dirty | accesses set a line's bit; the mover takes it | release; acquire |
///
/// What is published: motion held, tracked and split publish the other words; split with a higher cursor the
/// lines that were copied; none the table's new entries; a dirty bit the line that was written before it.
///
/// An access holds the platform's guard from its load of the motion to its last byte. The mover waits by
/// `quiesce()`, whose contract is all that the protocol asks of the platform: a guard that was held at the
/// call has been dropped, with its accesses visible to the caller, and who takes one later sees what the
/// caller wrote before. So:
/// 1. hold: motion := held, quiesce. Whoever found no move, and may write to the source, is through; who
///    comes now waits. The bytes stand still, and are copied.
/// 2. The table is written, then motion := none. Whoever finds no move finds the new entry; who still found
///    the move reads the source, which has the same bytes until the first write after.
/// 3. quiesce again: nobody reads the source any more, nobody looks at first and count.
/// With a cursor each stride is locked and waited for before it is copied: the check against the cursor and
/// the access are one step for the mover. Without that wait a write that was late would go to a line of the
/// source that has been copied. A memory controller that serialises both needs no wait: an empty `quiesce`.
/// Bits are set after the write: a bit that is taken before the write would tell of nothing.
///
/// - Complexity: an access costs one load while nothing moves. `quiesce` is called twice a move, once a
///   stride with a cursor. `track` clears the bits of the move.
/// - Context: accesses anywhere where the guard may be taken. The mover: no guard held, one at a time.
/// - Failure: `limit` for a move of 2^29 lines or more, or of more lines than there are dirty bits.
///
/// ```
/// ashlar::consulting_path<my_platform> path;
/// ashlar::remapped_access<table, my_platform> memory(remaps, path, spares);
/// const ashlar::errc written = memory.write(0x00800000, {data, size});     // busy: try again
/// ```
template <class Platform>
class consulting_path {
    static_assert(cpu_local<Platform>,
                  "consulting_path<Platform>: the platform must be cpu_local (cpu_guard, quiesce, ...)");

 public:
    using platform_type = Platform;
    using lines = line_geometry<Platform>;
    using word = typename Platform::template atomic<std::uint32_t>;

    /// Words of dirty bits for moves of so many frames.
    [[nodiscard]] static constexpr std::size_t dirty_words(std::uint64_t frames) noexcept {
        return static_cast<std::size_t>((frames * lines::lines_per_frame + 31) / 32);
    }

    constexpr consulting_path() noexcept = default;
    /// `dirty`: see `dirty_words`; only for `dirty_recopy`.
    constexpr explicit consulting_path(view<word> dirty) noexcept : dirty_(dirty) {}
    consulting_path(const consulting_path&) = delete;
    consulting_path& operator=(const consulting_path&) = delete;

    // What the mover calls; see access_path.hpp.
    errc hold(const frame_move& move) noexcept { return enter(move, detail::motion_phase::held); }
    errc track(const frame_move& move) noexcept {
        if (move.origins.count * lines::lines_per_frame > std::uint64_t{dirty_.size()} * 32) {
            return errc::limit;
        }
        for (std::size_t i = 0; i < dirty_words(move.origins.count); ++i) {
            dirty_[i].store(0, memory_order::relaxed);
        }
        return enter(move, detail::motion_phase::tracked);
    }
    [[nodiscard]] std::uint32_t take_dirty(std::uint64_t group) noexcept {
        word& bits = dirty_[static_cast<std::size_t>(group)];
        if (bits.load(memory_order::relaxed) == 0) return 0;
        return bits.exchange(0, memory_order::acquire);
    }
    errc split(const frame_move& move, std::uint32_t stride) noexcept {
        stride_.store(stride, memory_order::relaxed);
        return enter(move, detail::motion_phase::split);
    }
    void lock(std::uint64_t line) noexcept {
        set(detail::motion_phase::locked, line);
        Platform::quiesce();
    }
    void pass(std::uint64_t line) noexcept { set(detail::motion_phase::split, line); }
    void lock_back(std::uint64_t line) noexcept {
        set(detail::motion_phase::locked_back, line);
        Platform::quiesce();
    }
    void pass_back(std::uint64_t line) noexcept { set(detail::motion_phase::split, line); }
    constexpr errc point(frame<os>, frame<machine>) noexcept { return errc::ok; }
    void release(const frame_move&) noexcept {
        set(detail::motion_phase::none, 0);
        Platform::quiesce();
    }

    // What an access calls, the guard held.
    [[nodiscard]] detail::motion now() const noexcept {
        return detail::motion::of(motion_.load(memory_order::acquire));
    }
    /// The number of an origin in the move; only if `now()` says that there is one.
    [[nodiscard]] bool find(frame<os> origin, std::uint64_t& place) const noexcept {
        place = origin.number - first_.load();
        return place < count_.load(memory_order::relaxed);
    }
    [[nodiscard]] frame<machine> target() const noexcept { return {target_.load()}; }
    [[nodiscard]] std::uint32_t stride() const noexcept { return stride_.load(memory_order::relaxed); }
    /// After the line was written.
    void mark(std::uint64_t line) noexcept {
        const std::uint32_t bit = 1u << (line % 32);
        (void)dirty_[static_cast<std::size_t>(line / 32)].fetch_or(bit, memory_order::release);
    }

 private:
    /// 64 bits in two words: one writer, and nobody reads while he writes.
    struct wide {
        word low{};
        word high{};

        void store(std::uint64_t value) noexcept {
            low.store(static_cast<std::uint32_t>(value), memory_order::relaxed);
            high.store(static_cast<std::uint32_t>(value >> 32), memory_order::relaxed);
        }
        [[nodiscard]] std::uint64_t load() const noexcept {
            return std::uint64_t{high.load(memory_order::relaxed)} << 32 | low.load(memory_order::relaxed);
        }
    };

    errc enter(const frame_move& move, detail::motion_phase phase) noexcept {
        if (move.origins.count >= detail::motion::line_limit / lines::lines_per_frame) return errc::limit;
        if (now().phase == detail::motion_phase::none) {
            first_.store(move.origins.first.number);
            count_.store(static_cast<std::uint32_t>(move.origins.count), memory_order::relaxed);
            target_.store(move.target.number);
        }
        set(phase, 0);
        Platform::quiesce();
        return errc::ok;
    }
    void set(detail::motion_phase phase, std::uint64_t line) noexcept {
        const detail::motion next{phase, static_cast<std::uint32_t>(line)};
        motion_.store(next.word(), memory_order::release);
    }

    word motion_{};
    word count_{};
    word stride_{};
    wide first_{};
    wide target_{};
    view<word> dirty_{};
};

}  // namespace ashlar
