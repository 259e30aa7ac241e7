// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/migrate/consulting_path.hpp>
#include <ashlar/migrate/direct_access.hpp>
#include <ashlar/migrate/frame_pieces.hpp>
#include <ashlar/migrate/line_geometry.hpp>
#include <ashlar/migrate/lost_lines.hpp>
#include <ashlar/migrate/part_copy.hpp>
#include <ashlar/migrate/remapping.hpp>
#include <ashlar/migrate/spare_book.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Accesses of the operating system to its memory, by whoever does them for it: an emulator, a hypervisor
/// that traps, the firmware's own. Each consults the table and obeys the move in flight; see
/// `consulting_path`.
///
/// - A mapped frame is its spare, any other one itself. The frame of a spare is refused: `not_owned`.
/// - `busy`: the line is being moved, and writes wait. Nothing was done; the access is made again, with no
///   guard held in between: an emulator returns to the guest, whose instruction traps once more. Readers are
///   never told so: a look-up waits for nobody.
/// - `unreadable`: a line was lost when it was moved, and was not written as a whole since.
/// - An access inside one line is done at once, or not at all. A longer one is done in pieces, in any place
///   of which another CPU may come between; across frames, frame by frame: an error then leaves what was
///   before the frame that it is about done.
/// - Complexity: the guard, one load, one look-up, and the spares' map, O(log entries); no look-up at all
///   where nothing remaps (`direct_access`).
/// - Context: any where the guard may be taken, beside the mover.
///
/// ```
/// ashlar::remapped_access<table, my_platform> memory(remaps, path, book, lost);
/// std::byte eight[8];
/// if (memory.read(0x00800ff8, eight) != ashlar::errc::ok) machine_check();
/// // an atomic operation of the guest's, on the bytes themselves
/// (void)memory.visit(frame, 16, 8, ashlar::access_kind::write, add_one_at);
/// ```
template <class Table, class Platform>
class remapped_access {
    static_assert(remapping<Table>, "remapped_access<Table>: Table must be a remapping");
    static_assert(
        cpu_local<Platform>,
        "remapped_access<Table, Platform>: the platform must be cpu_local (cpu_guard, quiesce, ...)");

 public:
    using geometry = line_geometry<Platform>;

    constexpr remapped_access(const Table& table, consulting_path<Platform>& path, const spare_book& book,
                              lost_lines<Platform>& lost) noexcept
        : table_(table), path_(path), book_(book), lost_(lost) {}

    /// Calls `use(bytes, at, count)` for the bytes of a frame, in one or a few pieces: `count` bytes that are
    /// the `at`-th of the access and following. `use` returns soon: the guard is held. `invalid` for bytes
    /// beyond the frame.
    template <class Use>
    errc visit(frame<os> origin, frame_part part, access_kind kind, Use&& use) const noexcept {
        if (part.offset > geometry::frame_bytes || part.count > geometry::frame_bytes - part.offset)
            return errc::invalid;
        if (book_.covers(frame<machine>{origin.number})) return errc::not_owned;
        [[maybe_unused]] const typename Platform::cpu_guard guard{};
        const detail::motion now = path_.now();
        std::uint64_t place = 0;
        const bool moves = now.phase != detail::motion_phase::none && path_.find(origin, place);
        const bool is_write = kind == access_kind::write;
        if (moves && is_write && waits(now, place, part)) return errc::busy;
        // First where, then whether it is lost: who finds the new place finds what was lost on the way.
        const frame<machine> home = table_.translate(origin);
        if (!is_write && is_lost(origin, part)) return errc::unreadable;
        if (!moves || now.phase == detail::motion_phase::held || now.phase == detail::motion_phase::tracked) {
            use(bytes_at(home, part.offset), std::uint64_t{0}, part.count);
        } else {
            const std::uint64_t cut = copied(now, place);
            const std::uint64_t below = part.offset >= cut               ? 0
                                        : part.count < cut - part.offset ? part.count
                                                                         : cut - part.offset;
            const frame<machine> copy = path_.target() + place;
            if (below != 0) use(bytes_at(copy, part.offset), std::uint64_t{0}, below);
            if (below != part.count) use(bytes_at(home, part.offset + below), below, part.count - below);
        }
        if (is_write) note(origin, part, moves && now.phase == detail::motion_phase::tracked, place);
        return errc::ok;
    }

    /// Reads bytes at an address of the operating system.
    errc read(std::uint64_t address, view<std::byte> into) const noexcept {
        return detail::for_each_frame_piece<geometry::frame_bytes>(
            address, into.size(), [&](frame<os> f, frame_part part, std::size_t done) noexcept {
                std::byte* const start = into.data() + done;
                return visit(f, part, access_kind::read,
                             [start](const std::byte* from, std::uint64_t at, std::uint64_t count) noexcept {
                                 __builtin_memcpy(start + static_cast<std::size_t>(at), from,
                                                  static_cast<std::size_t>(count));
                             });
            });
    }
    errc write(std::uint64_t address, bytes from) const noexcept {
        return detail::for_each_frame_piece<geometry::frame_bytes>(
            address, from.size(), [&](frame<os> f, frame_part part, std::size_t done) noexcept {
                const std::byte* const start = from.data() + done;
                return visit(f, part, access_kind::write,
                             [start](std::byte* into, std::uint64_t at, std::uint64_t count) noexcept {
                                 __builtin_memcpy(into, start + static_cast<std::size_t>(at),
                                                  static_cast<std::size_t>(count));
                             });
            });
    }

 private:
    using phase = detail::motion_phase;

    [[nodiscard]] static std::byte* bytes_at(frame<machine> f, std::uint64_t offset) noexcept {
        void* const content = Platform::bytes_of(f);
        return static_cast<std::byte*>(content) + static_cast<std::size_t>(offset);
    }
    /// The lines of a part, as lines of the move.
    [[nodiscard]] static constexpr std::uint64_t first_line(std::uint64_t place, frame_part part) noexcept {
        return place * geometry::lines_per_frame + part.offset / geometry::line_bytes;
    }
    [[nodiscard]] static constexpr std::uint64_t end_line(std::uint64_t place, frame_part part) noexcept {
        return place * geometry::lines_per_frame +
               (part.offset + part.count + geometry::line_bytes - 1) / geometry::line_bytes;
    }
    [[nodiscard]] bool waits(detail::motion now, std::uint64_t place, frame_part part) const noexcept {
        if (now.phase == phase::held) return true;
        if (now.phase != phase::locked && now.phase != phase::locked_back) return false;
        return first_line(place, part) < std::uint64_t{now.line} + path_.stride() &&
               end_line(place, part) > now.line;
    }
    /// How many bytes of the frame are in the copy.
    [[nodiscard]] std::uint64_t copied(detail::motion now, std::uint64_t place) const noexcept {
        std::uint64_t cursor = now.line;
        if (now.phase == phase::locked_back) cursor += path_.stride();
        const std::uint64_t first = place * geometry::lines_per_frame;
        if (cursor <= first) return 0;
        const std::uint64_t lines = cursor - first;
        return lines < geometry::lines_per_frame ? lines * geometry::line_bytes : geometry::frame_bytes;
    }
    [[nodiscard]] bool is_lost(frame<os> origin, frame_part part) const noexcept {
        if (lost_.empty()) return false;
        for (std::uint64_t line = first_line(0, part); line < end_line(0, part); ++line) {
            if ((lost_.find(origin, line / 32) >> (line % 32) & 1) != 0) return true;
        }
        return false;
    }
    /// After a write: what was lost and is whole again, and what has to be copied again.
    void note(frame<os> origin, frame_part part, bool tracked, std::uint64_t place) const noexcept {
        if (tracked) {
            for (std::uint64_t line = first_line(place, part); line < end_line(place, part); ++line)
                path_.mark(line);
        }
        if (lost_.empty()) return;
        const std::uint64_t end = (part.offset + part.count) / geometry::line_bytes;
        std::uint64_t line = (part.offset + geometry::line_bytes - 1) / geometry::line_bytes;
        for (; line < end; ++line) lost_.heal(origin, line / 32, 1u << (line % 32));
    }

    const Table& table_;
    consulting_path<Platform>& path_;
    const spare_book& book_;
    lost_lines<Platform>& lost_;
};

}  // namespace ashlar
