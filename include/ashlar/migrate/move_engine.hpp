// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/migrate/access_path.hpp>
#include <ashlar/migrate/lost_lines.hpp>
#include <ashlar/migrate/migration_report.hpp>
#include <ashlar/migrate/move_lines.hpp>
#include <ashlar/migrate/origin_memory.hpp>
#include <ashlar/migrate/spare_book.hpp>
#include <ashlar/zone/zone_plan.hpp>
#include <bit>
#include <cstdint>

namespace ashlar::detail {

/// The one move of a `migration`, step by step; see there. Each verb that fails has left everything as it was
/// before the move.
template <class Platform, class Table, class Pool, class Protection, class Path, class Copier, class Fence>
class move_engine {
 public:
    using geometry = line_geometry<Platform>;

    constexpr move_engine(Table& table, Pool& pool, Path& path, const memory_map& told, spare_book& book,
                          lost_lines<Platform>& lost, Fence fence, Copier copy) noexcept
        : table_(table),
          pool_(pool),
          path_(path),
          told_(told),
          book_(book),
          lost_(lost),
          fence_(fence),
          lines_(table, lost, copy) {}

    [[nodiscard]] constexpr bool is_open() const noexcept { return open_; }
    [[nodiscard]] constexpr bool is_ready() const noexcept { return ready_; }
    [[nodiscard]] constexpr const move_report& report() const noexcept { return report_; }

    errc open(range<os> origins, move_options options, bool restoring) noexcept {
        report_ = {};
        report_.move.origins = origins;
        options_ = options;
        restoring_ = restoring;
        ready_ = false;
        at_ = 0;
        group_ = 0;
        pending_ = 0;
        round_ = 0;
        found_ = 0;
        if (const errc wrong = check(); wrong != errc::ok) return wrong;
        if (const errc veto = fence_.begin(origins); veto != errc::ok) {
            return refuse(veto, move_obstacle::device);
        }
        errc wrong = restoring ? errc::ok : claim_spares();
        if (restoring) report_.move.target = {origins.first.number};
        if (wrong == errc::ok) {
            lost_.sweep();
            lines_.begin(report_.move, options.serve_rest);
            wrong = Protection::start(path_, report_.move);
            if (wrong != errc::ok) {
                report_.obstacle = move_obstacle::path;
                give_back();
            }
        }
        if (wrong != errc::ok) {
            fence_.end(origins, wrong);
            return refuse(wrong, report_.obstacle);
        }
        open_ = true;
        return errc::ok;
    }

    /// `busy`: there is more to do.
    errc step(std::uint64_t lines) noexcept {
        if (const errc wrong = copy(lines); wrong != errc::ok) return wrong;
        if constexpr (Protection::tracks) {
            if (const errc wrong = recopy(lines); wrong != errc::ok) return wrong;
        }
        ready_ = true;
        return errc::ok;
    }

    errc commit() noexcept {
        const frame_move& move = report_.move;
        if (const errc wrong = Protection::stop(path_, move); wrong != errc::ok) {
            return give_up(wrong, move_obstacle::path);
        }
        if constexpr (Protection::tracks) {
            errc wrong = errc::busy;
            while (wrong == errc::busy) {
                std::uint64_t lines = ~std::uint64_t{0};
                wrong = recopy(lines, true);
            }
            if (wrong != errc::ok) return give_up(wrong, report_.obstacle);
        }
        lost_.publish();
        for (std::uint64_t i = 0; i < move.origins.count; ++i) {
            const frame<os> origin = move.origins.first + i;
            report_.obstacle = move_obstacle::table;
            errc wrong = restoring_ ? table_.erase(origin) : table_.assign(origin, move.target + i);
            if (wrong == errc::ok) {
                report_.obstacle = move_obstacle::path;
                wrong = path_.point(origin, move.target + i);
            }
            if (wrong != errc::ok) {
                point_back(i);
                return give_up(wrong, report_.obstacle);
            }
        }
        path_.release(move);
        lost_.settle(true);
        keep_book();
        close(errc::ok, move_obstacle::none);
        return errc::ok;
    }

    errc give_up(errc error, move_obstacle obstacle) noexcept {
        lines_.cancel();
        if constexpr (Protection::splits) copy_back();
        path_.release(report_.move);
        lost_.settle(false);
        give_back();
        close(error, obstacle);
        return error;
    }

 private:
    errc refuse(errc error, move_obstacle obstacle) noexcept {
        report_.error = error;
        report_.obstacle = obstacle;
        return error;
    }
    void close(errc outcome, move_obstacle obstacle) noexcept {
        open_ = false;
        ready_ = false;
        (void)refuse(outcome, obstacle);
        fence_.end(report_.move.origins, outcome);
    }

    errc check() noexcept {
        const range<os> origins = report_.move.origins;
        if (origins.empty() || origins.wraps()) return refuse(errc::invalid, move_obstacle::empty);
        memory_ = origin_memory::of(told_, origins);
        if (!memory_.usable) return refuse(errc::not_owned, move_obstacle::not_usable);
        if (!memory_.one_run) return refuse(errc::misaligned, move_obstacle::several_classes);
        remapped_ = 0;
        for (std::uint64_t i = 0; i < origins.count; ++i) {
            if (table_.find(origins.first + i)) ++remapped_;
        }
        if (restoring_) {
            return remapped_ == origins.count ? errc::ok
                                              : refuse(errc::not_owned, move_obstacle::not_remapped);
        }
        const std::uint64_t wanted = origins.count - remapped_;
        if (wanted > std::uint64_t{table_.capacity()} - table_.size()) {
            return refuse(errc::limit, move_obstacle::table_full);
        }
        return errc::ok;
    }

    errc claim_spares() noexcept {
        const std::uint64_t count = report_.move.origins.count;
        const mirror preference = memory_.mirrored ? mirror::preferred : mirror::ordinary;
        const std::uint64_t free = pool_.free_frames();
        result<range<machine>> got = errc::exhausted;
        if (count == 1) {
            const auto one = pool_.allocate({.node = memory_.node, .mirror = preference});
            if (one) got = range<machine>{*one, 1};
            if (!one) got = one.error();
        } else {
            got = pool_.allocate_contiguous({.count = count, .node = memory_.node, .mirror = preference});
        }
        if (!got) {
            const bool none = got.error() == errc::exhausted;
            report_.obstacle = !none                        ? move_obstacle::pool
                               : count > free || count == 1 ? move_obstacle::spares_exhausted
                                                            : move_obstacle::no_contiguous_run;
            return got.error();
        }
        report_.move.target = got->first;
        bool known = true;
        for (std::uint64_t i = 0; i < count; ++i) {
            known = book_.set(got->first + i, spare_state::claimed) && known;
            const auto* const zone = pool_.zone_of(got->first + i);
            if (memory_.mirrored && (zone == nullptr || !zone->mirrored)) report_.fallback = true;
        }
        if (known) return errc::ok;
        give_back();
        report_.obstacle = move_obstacle::pool;
        return errc::corrupt;
    }
    /// Claimed spares go back to the pool.
    void give_back() noexcept {
        if (restoring_) return;
        for (std::uint64_t i = 0; i < report_.move.origins.count; ++i) {
            const frame<machine> spare = report_.move.target + i;
            const auto state = book_.state_of(spare);
            if (state && *state != spare_state::claimed) continue;
            (void)pool_.free(spare, 0);
            (void)book_.set(spare, spare_state::free);
        }
    }

    /// The first pass over the lines.
    errc copy(std::uint64_t& budget) noexcept {
        const std::uint64_t count = lines_.count();
        while (at_ < count) {
            if (budget == 0) return errc::busy;
            const std::uint64_t begin = at_ - at_ % Protection::stride;
            const std::uint64_t end = count - begin < Protection::stride ? count : begin + Protection::stride;
            Protection::lock(path_, begin);
            while (at_ < end && budget != 0) {
                // What is locked is not left half-way: who waits for it would wait for the next step.
                const std::uint64_t most = Protection::splits || end - at_ < budget ? end - at_ : budget;
                const copy_result got = lines_.copy(at_, most, report_);
                at_ += got.done;
                report_.copied_lines += got.done;
                if (got.error != errc::ok) return failed(got.error);
                budget = got.done < budget ? budget - got.done : Protection::splits && at_ < end ? 1 : 0;
            }
            if (at_ != end) continue;
            if constexpr (Protection::splits) lost_.publish();
            Protection::pass(path_, end);
        }
        return errc::ok;
    }
    /// One round after another over the lines that were written since they were copied; the last one only
    /// once nobody writes any more.
    errc recopy(std::uint64_t& budget, bool last = false) noexcept {
        const std::uint64_t groups = (lines_.count() + 31) / 32;
        while (last || round_ < Protection::rounds) {
            if (budget == 0) return errc::busy;
            --budget;
            if (pending_ != 0) {
                const std::uint64_t line =
                    (group_ - 1) * 32 + static_cast<unsigned>(std::countr_zero(pending_));
                const copy_result got = line < lines_.count() ? lines_.copy(line, 1, report_) : copy_result{};
                if (got.error != errc::ok) return failed(got.error);
                pending_ &= pending_ - 1;
                ++found_;
                ++report_.recopied_lines;
            } else if (group_ < groups) {
                pending_ = path_.take_dirty(group_++);
            } else if (last) {
                break;
            } else {
                round_ = found_ <= Protection::few ? Protection::rounds : round_ + 1;
                found_ = 0;
                group_ = 0;
            }
        }
        return errc::ok;
    }
    errc failed(errc error) noexcept {
        if (error != errc::busy) report_.obstacle = lines_.obstacle();
        return error;
    }

    /// Writes below the cursor are in the copy alone.
    void copy_back() noexcept {
        const bool whole = at_ == lines_.count();
        for (std::uint64_t cursor = whole ? at_ : at_ - at_ % Protection::stride; cursor != 0;) {
            const std::uint64_t begin = (cursor - 1) / Protection::stride * Protection::stride;
            path_.lock_back(begin);
            for (std::uint64_t line = begin; line < cursor; ++line) lines_.copy_back(line);
            path_.pass_back(begin);
            cursor = begin;
        }
    }
    /// The first `count` origins were pointed at their targets, and the table may say so of one more.
    void point_back(std::uint64_t count) noexcept {
        for (std::uint64_t i = 0; i <= count; ++i) {
            const frame<os> origin = report_.move.origins.first + i;
            const auto spare = book_.spare_of(origin);
            const errc wrong = spare ? table_.assign(origin, *spare) : table_.erase(origin);
            if (wrong != errc::ok && wrong != errc::not_owned) {
                // All its bytes are where the table goes on pointing: it stays there.
                Platform::defect(wrong, origin.number);
                if (!restoring_) (void)book_.set_active(report_.move.target + i, origin);
                continue;
            }
            if (i < count) (void)path_.point(origin, spare ? *spare : frame<machine>{origin.number});
        }
    }
    /// Nobody uses the old places any more.
    void keep_book() noexcept {
        const range<os> origins = report_.move.origins;
        if (remapped_ != 0) {
            book_.for_each_active([&](frame<machine> spare, frame<os> origin) noexcept {
                if (!origins.contains(origin)) return;
                if (options_.poison_old) {
                    // Where the pool cannot remember that it is gone, it stays in use for ever.
                    (void)pool_.revoke({spare, 1});
                } else {
                    (void)pool_.free(spare, 0);
                }
                (void)book_.set(spare, options_.poison_old ? spare_state::poisoned : spare_state::free);
            });
        }
        for (std::uint64_t i = 0; i < origins.count && !restoring_; ++i) {
            (void)book_.set_active(report_.move.target + i, origins.first + i);
        }
    }

    Table& table_;
    Pool& pool_;
    Path& path_;
    const memory_map& told_;
    spare_book& book_;
    lost_lines<Platform>& lost_;
    [[no_unique_address]] Fence fence_;
    move_lines<Platform, Table, Copier> lines_;

    move_report report_{};
    move_options options_{};
    origin_memory memory_{};
    std::uint64_t remapped_ = 0;  ///< origins of the move that are in the table at its beginning
    std::uint64_t at_ = 0;        ///< lines that are copied
    std::uint64_t group_ = 0;     ///< of 32 lines, to be looked at next
    std::uint32_t pending_ = 0;   ///< lines of the group before, to be copied again
    std::uint32_t round_ = 0;
    std::uint64_t found_ = 0;  ///< in this round
    bool restoring_ = false;
    bool open_ = false;
    bool ready_ = false;
};

}  // namespace ashlar::detail
