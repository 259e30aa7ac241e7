// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/migrate/access_path.hpp>
#include <ashlar/migrate/line_geometry.hpp>
#include <ashlar/migrate/lost_lines.hpp>
#include <ashlar/migrate/migration_report.hpp>
#include <ashlar/migrate/part_copy.hpp>
#include <cstdint>

namespace ashlar::detail {

/// The lines of a move on their way: what is copied, from where, how far.
template <class Platform, class Table, part_copier Copier>
class move_lines {
 public:
    using geometry = line_geometry<Platform>;

    constexpr move_lines(const Table& table, lost_lines<Platform>& lost, const Copier& copy) noexcept
        : table_(&table), lost_(&lost), copy_(copy) {}

    constexpr void begin(const frame_move& move, bool serve_rest) noexcept {
        move_ = move;
        serve_rest_ = serve_rest;
    }
    [[nodiscard]] constexpr std::uint64_t count() const noexcept {
        return move_.origins.count * geometry::lines_per_frame;
    }

    /// Copies up to `count` lines from `line` on, no further than to the end of the frame. The value says how
    /// many are done with; not all of them if the engine is busy. Lines that cannot be read are done with,
    /// and lost, if the move serves the rest.
    copy_result copy(std::uint64_t line, std::uint64_t count, move_report& report) noexcept {
        const std::uint64_t place = line / geometry::lines_per_frame;
        const frame<os> origin = move_.origins.first + place;
        const frame<machine> from = table_->translate(origin);
        std::uint64_t at = line % geometry::lines_per_frame;
        if (count > geometry::lines_per_frame - at) count = geometry::lines_per_frame - at;
        for (std::uint64_t done = 0; done < count;) {
            const frame_part part{at * geometry::line_bytes, (count - done) * geometry::line_bytes};
            const copy_result got = copy_(from, move_.target + place, part);
            const std::uint64_t lines =
                got.error == errc::ok ? count - done : got.done / geometry::line_bytes;
            heal(origin, at, lines, report);
            done += lines;
            at += lines;
            if (got.error == errc::ok) break;
            obstacle_ = move_obstacle::copy_engine;
            if (got.error != errc::unreadable) return {done, got.error};
            if (const errc wrong = lose(origin, at, (line + done) * geometry::line_bytes, report);
                wrong != errc::ok) {
                return {done, wrong};
            }
            ++done;
            ++at;
        }
        return {count, errc::ok};
    }

    /// Why a copy failed.
    [[nodiscard]] constexpr move_obstacle obstacle() const noexcept { return obstacle_; }

    /// Copies a line of the copy back to the source, by the processor. A line that is lost, or cannot be read
    /// back, stays as it is.
    void copy_back(std::uint64_t line) noexcept {
        const std::uint64_t place = line / geometry::lines_per_frame;
        const frame<os> origin = move_.origins.first + place;
        const std::uint64_t at = line % geometry::lines_per_frame;
        if ((lost_->find(origin, at / 32) >> (at % 32) & 1) != 0) return;
        const frame_part part{at * geometry::line_bytes, geometry::line_bytes};
        (void)cpu_part_copy<Platform>{}(move_.target + place, table_->translate(origin), part);
    }
    /// Returns when the engine writes to the target no more.
    void cancel() noexcept {
        if constexpr (requires { copy_.cancel(); }) copy_.cancel();
    }

 private:
    errc lose(frame<os> origin, std::uint64_t at, std::uint64_t offset, move_report& report) noexcept {
        const std::uint32_t line = 1u << (at % 32);
        if (report.lost_lines == 0) report.first_lost = offset;
        obstacle_ = move_obstacle::source_unreadable;
        if (!serve_rest_) return errc::unreadable;
        if ((lost_->find(origin, at / 32) & line) != 0) return errc::ok;
        obstacle_ = move_obstacle::lost_lines_full;
        report.lost_lines -= lost_->found(origin, at / 32, line);  // once more: it is one line
        if (const errc full = lost_->add(origin, at / 32, line); full != errc::ok) return full;
        ++report.lost_lines;
        return errc::ok;
    }
    /// What was lost and has been read after all: it was written meanwhile.
    void heal(frame<os> origin, std::uint64_t at, std::uint64_t lines, move_report& report) noexcept {
        if (lost_->empty()) return;
        for (const std::uint64_t end = at + lines; at < end; ++at) {
            report.lost_lines -= lost_->found(origin, at / 32, 1u << (at % 32));
        }
    }

    const Table* table_;
    lost_lines<Platform>* lost_;
    Copier copy_;
    frame_move move_{};
    bool serve_rest_ = false;
    move_obstacle obstacle_ = move_obstacle::none;
};

}  // namespace ashlar::detail
