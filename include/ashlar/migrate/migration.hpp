// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/migrate/access_path.hpp>
#include <ashlar/migrate/consulting_path.hpp>
#include <ashlar/migrate/device_fence.hpp>
#include <ashlar/migrate/lost_lines.hpp>
#include <ashlar/migrate/migration_report.hpp>
#include <ashlar/migrate/move_engine.hpp>
#include <ashlar/migrate/part_copy.hpp>
#include <ashlar/migrate/remapping.hpp>
#include <ashlar/migrate/spare_book.hpp>
#include <ashlar/migrate/spare_pool.hpp>
#include <ashlar/migrate/write_protection.hpp>
#include <ashlar/zone/zone_plan.hpp>
#include <cstdint>

namespace ashlar {

/// Moves the bytes of frames into spares, under an operating system that does not know: it goes on using the
/// same addresses, and frames, zones and owners of the origin do not change.
///
/// | origin | becomes | when |
/// |---|---|---|
/// | direct, remapped | copying | `begin`, `begin_restore` |
/// | copying | what it was | `abort`, or any failure |
/// | copying | remapped | `commit` into a spare: the entry is written, or rewritten, never a chain |
/// | copying | direct | `commit` of a restoration: the entry is erased |
///
/// | spare | becomes | when |
/// |---|---|---|
/// | free | claimed | `begin` |
/// | claimed | free | `abort`, or any failure |
/// | claimed | active | `commit` |
/// | active | free, or poisoned (`poison_old`) | its origin's next `commit`, when every access has left |
/// | free | poisoned | `poison` |
///
/// The steps of a move, and what each publishes. The path (see `access_path`, `consulting_path`) orders them
/// against accesses, the table (see `remapping`) publishes its entries:
/// 1. `begin`: devices are asked; spares are claimed; the protection starts: the path has returned, so every
///    access from here on goes by it.
/// 2. `step`: lines are copied from where the origin's bytes are to the spare. Nobody reads the spare, but
///    below a cursor.
/// 3. `commit`: the last writes are copied, or held; then the table is written, with all bytes in place
///    before it; then the path points there. Until `release` both places have the same bytes, so a reader may
///    find either.
/// 4. After `release` nobody uses the old place: a spare that was one is freed or poisoned, devices go on.
///
/// - Invariant between moves: an origin is in the table iff a spare is active for it in the book, the same.
/// - All or nothing: a range moves into spares in a row, or not at all. A failure at any step leaves origins,
///   table and spares as before; `report()` says what was in the way.
/// - What cannot be read: ends the move (`unreadable`), or, with `serve_rest`, is left behind, told by
///   `report()` and `lost_lines`, and refused by `remapped_access` until it is written.
/// - Spares: of the origin's node, else the nearest that has one; mirrored first for a mirrored origin, where
///   ordinary ones are flagged as `fallback`. Ordinary origins get ordinary spares.
/// - Complexity: `step(budget)` is bounded by the bytes of its budget, rounded up to lines, and one `lock`
///   of the path a stride; `begin` and `commit` by the frames of the move and the path; a commit that frees
///   spares passes over the book. `abort` copies back what a cursor has passed.
/// - Context: thread, or SMM between slices of which the system runs; no guard held; one call at a time: a
///   second one is `busy`. What accesses use (table, path, lost lines) is theirs in any context.
/// - Failure: see `move_obstacle`. `poison` of a spare in use is `busy`: migrate its origin
///   with `poison_old`.
/// - Source: US9600202.
///
/// ```
/// using engine = ashlar::migration<my_platform, table, pool>;
/// engine mover(remaps, spares, path, told, book, lost);
/// if (mover.migrate(ashlar::frame<ashlar::os>{0x800}) != ashlar::errc::ok) { /* mover.report().obstacle */ }
/// (void)mover.restore(ashlar::frame<ashlar::os>{0x800});      // after the repair
/// // in slices, from a timer or an SMI:
/// (void)mover.begin({{0x800}, 512});
/// while (*mover.step(4096) == ashlar::move_progress::more) return_to_the_system();
/// (void)mover.commit();
/// ```
template <class Platform, class Table, class Pool, class Protection = trap_and_retry,
          class Path = consulting_path<Platform>, class Copier = cpu_part_copy<Platform>,
          class Fence = no_devices>
class migration {
    static_assert(frame_access<Platform>,
                  "migration<Platform>: the platform must offer frame_access (bytes_of, frame_bytes)");
    static_assert(remapping<Table>, "migration<Platform, Table>: Table must be a remapping");
    static_assert(spare_pool<Pool>,
                  "migration<Platform, Table, Pool>: Pool must be a spare_pool: a machine of machine frames");
    static_assert(access_path<Path>, "migration: Path must be an access_path (hold, point, release)");
    static_assert(
        write_protection<Protection, Path>,
        "migration: Protection must be a write_protection that this path can do (see the policies)");
    static_assert(part_copier<Copier>, "migration: Copier must be a part_copier");
    static_assert(device_fence<Fence>, "migration: Fence must be a device_fence (begin, end)");

 public:
    using platform_type = Platform;
    using geometry = line_geometry<Platform>;

    /// `told`: what the operating system was told, as `carve_spares` left it. All parts outlive the engine.
    constexpr migration(Table& table, Pool& pool, Path& path, const memory_map& told, spare_book& book,
                        lost_lines<Platform>& lost, Fence fence = Fence{}, Copier copy = Copier{}) noexcept
        : table_(table), pool_(pool), book_(book), move_(table, pool, path, told, book, lost, fence, copy) {}
    migration(const migration&) = delete;
    migration& operator=(const migration&) = delete;

    /// Moves a range into spares in a row; where it is in spares already, into others.
    errc migrate(range<os> origins, move_options options = {}) noexcept {
        return finished(begin(origins, options));
    }
    errc migrate(frame<os> origin, move_options options = {}) noexcept {
        return migrate(range<os>{origin, 1}, options);
    }
    /// Moves bytes back to the frames of their own number, which were repaired. `not_owned` unless all of
    /// them are in spares.
    errc restore(range<os> origins, move_options options = {}) noexcept {
        return finished(begin_restore(origins, options));
    }
    errc restore(frame<os> origin, move_options options = {}) noexcept {
        return restore(range<os>{origin, 1}, options);
    }

    /// The first part of `migrate`: checks, claims spares, protects. `busy` while another move is in flight.
    errc begin(range<os> origins, move_options options = {}) noexcept {
        const alone in(claim_);
        return !in || move_.is_open() ? errc::busy : move_.open(origins, options, false);
    }
    /// As `begin`, of `restore`.
    errc begin_restore(range<os> origins, move_options options = {}) noexcept {
        const alone in(claim_);
        return !in || move_.is_open() ? errc::busy : move_.open(origins, options, true);
    }
    /// Copies `budget` bytes, rounded up to whole lines and strides. `invalid` without a move; any error but
    /// that and `busy` (another call is inside) has given the move up.
    result<move_progress> step(std::uint64_t budget) noexcept {
        const alone in(claim_);
        if (!in) return errc::busy;
        if (!move_.is_open()) return errc::invalid;
        const std::uint64_t lines = budget / geometry::line_bytes + (budget % geometry::line_bytes != 0);
        const errc answer = move_.step(lines == 0 ? 1 : lines);
        if (answer == errc::ok) return move_progress::ready;
        if (answer == errc::busy) return move_progress::more;
        return move_.give_up(answer, move_.report().obstacle);
    }
    /// Switches: from here on the bytes are in the spares (or back). `invalid` unless `step` said `ready`.
    /// Any error but that and `busy` (another call is inside) has given the move up.
    errc commit() noexcept {
        const alone in(claim_);
        if (!in) return errc::busy;
        return move_.is_ready() ? move_.commit() : errc::invalid;
    }
    /// Gives the move up: all is as before `begin`. `invalid` if there is none.
    errc abort() noexcept {
        const alone in(claim_);
        if (!in) return errc::busy;
        if (!move_.is_open()) return errc::invalid;
        (void)move_.give_up(errc::busy, move_obstacle::given_up);
        return errc::ok;
    }

    /// A spare has failed: it is given to nobody again. `busy` if it is in use, `revoked` if it is poisoned
    /// already, `not_owned` for what is no spare; else what `revoke` of the pool says.
    errc poison(frame<machine> spare) noexcept {
        const alone in(claim_);
        if (!in) return errc::busy;
        const auto state = book_.state_of(spare);
        if (!state) return state.error();
        if (*state == spare_state::poisoned) return errc::revoked;
        if (*state != spare_state::free) return errc::busy;
        if (const auto left = pool_.revoke({spare, 1}); !left) return left.error();
        (void)book_.set(spare, spare_state::poisoned);
        return errc::ok;
    }
    /// A machine frame fails: whatever lies in it moves away. A spare in use gives its origin another spare
    /// and is poisoned, a free one is poisoned; a frame of the operating system is migrated, if its bytes are
    /// there. `ok` where nobody's bytes are in it, before or now; else as `migrate`, which may have nothing
    /// to do with it: `not_owned`. `busy` for a spare that a move in flight has claimed.
    errc vacate(frame<machine> f, move_options options = {}) noexcept {
        if (!book_.covers(f)) {
            const frame<os> origin{f.number};
            return table_.find(origin) ? errc::ok : migrate(origin, options);
        }
        const auto origin = book_.origin_of(f);
        options.poison_old = true;
        if (origin) return migrate(*origin, options);
        const errc answer = poison(f);
        return answer == errc::revoked ? errc::ok : answer;
    }
    /// Takes over an entry that the table has from before a start (its image): the spare is in use. `invalid`
    /// if the table says otherwise, `not_owned` for what is no spare, `busy` for one that is not free.
    errc adopt(frame<os> origin) noexcept {
        const alone in(claim_);
        if (!in) return errc::busy;
        const auto spare = table_.find(origin);
        if (!spare) return errc::invalid;
        const auto state = book_.state_of(*spare);
        if (!state) return state.error();
        if (*state != spare_state::free) return errc::busy;
        if (const errc taken = pool_.allocate_at({*spare, 1}); taken != errc::ok) return taken;
        (void)book_.set_active(*spare, origin);
        return errc::ok;
    }

    [[nodiscard]] origin_state state_of(frame<os> origin) const noexcept {
        if (move_.is_open() && report().move.origins.contains(origin)) return origin_state::copying;
        return table_.find(origin) ? origin_state::remapped : origin_state::direct;
    }
    /// False for the frames of spares, which the operating system may not touch: its access is refused.
    [[nodiscard]] bool admits(frame<os> f) const noexcept { return !book_.covers(frame<machine>{f.number}); }
    /// True between `begin` and the end of a move.
    [[nodiscard]] bool is_moving() const noexcept { return move_.is_open(); }
    /// Of the move in flight, or the last one that was begun, also in vain.
    [[nodiscard]] const move_report& report() const noexcept { return move_.report(); }
    /// Calls `sink(frame<machine>)` for each frame that the next boot is not to use: the places that origins
    /// were moved away from, and spares that were poisoned. See `exclude_retired`.
    template <class Sink>
    void for_each_retired(Sink&& sink) const noexcept {
        book_.for_each_active(
            [&](frame<machine>, frame<os> origin) noexcept { sink(frame<machine>{origin.number}); });
        book_.for_each_poisoned(sink);
    }

 private:
    using word = typename Platform::template atomic<std::uint32_t>;

    /// Inside as the only one; whoever comes meanwhile, from an interrupt of this call for example, is told.
    class alone {
     public:
        explicit alone(word& claim) noexcept : claim_(claim) {
            std::uint32_t expected = 0;
            held_ = claim_.compare_exchange(expected, 1, memory_order::acquire);
        }
        ~alone() {
            if (held_) claim_.store(0, memory_order::release);
        }
        alone(const alone&) = delete;
        alone& operator=(const alone&) = delete;
        [[nodiscard]] explicit operator bool() const noexcept { return held_; }

     private:
        word& claim_;
        bool held_ = false;
    };

    errc finished(errc begun) noexcept {
        if (begun != errc::ok) return begun;
        for (;;) {
            const auto progress = step(~std::uint64_t{0});
            if (!progress) return progress.error();
            if (*progress == move_progress::ready) return commit();
        }
    }

    Table& table_;
    Pool& pool_;
    spare_book& book_;
    detail::move_engine<Platform, Table, Pool, Protection, Path, Copier, Fence> move_;
    word claim_{};
};

}  // namespace ashlar
