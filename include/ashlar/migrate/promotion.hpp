// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/migrate/frame_mover.hpp>
#include <ashlar/migrate/move_block.hpp>
#include <ashlar/migrate/tenant_mover.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace ashlar {

/// What a promotion, or a demotion, has come to, in frames. `skipped`, `pinned` and `failed` are of the last
/// pass.
struct promotion_report {
    std::uint64_t moved = 0;
    std::uint64_t skipped = 0;  ///< lay where they should when the pass began
    std::uint64_t pinned = 0;
    std::uint64_t failed = 0;    ///< the mover, or the place for a block, said `reason`
    std::uint64_t put_back = 0;  ///< moved, and moved back by `roll_back`
    errc reason = errc::ok;      ///< of the last block that failed
    std::uint64_t mirrored = 0;  ///< of the frames that the tenant holds now,
    std::uint64_t resident = 0;  ///< which are so many
};

/// A block that a promotion has moved, and where it came from.
template <class Space = machine>
struct moved_block {
    used_block<Space> now{};
    node_id node = any_node;
    bool mirrored = false;
};

/// Moves what a tenant already holds into mirrored memory when he becomes critical (`mirror_first`), or out
/// of it.
///
/// - A transaction that can stop after every block: `promote` goes on where it stopped. Until `commit` it
///   can be rolled back: what was moved goes back to memory of the kind and node that it came from. That
///   needs a note for each block moved, in the caller's storage; when it is full: `commit`, and go on.
/// - What is mirrored already is passed over; what is pinned stays, and is counted. Blocks that are pinned,
///   or for which there is no mirrored block of their order, do not stop it; no room for a single frame
///   does. Old frames go back to the zone that holds them. Without mirrored memory in the machine nothing
///   moves.
/// - What the tenant takes meanwhile follows `mirror_first`, which is set; he may free meanwhile, as far as
///   the mover allows. One promotion of a tenant at a time.
/// - Complexity: a pass over the owner table, and one move for each block.
/// - Context: thread, no guard held; as the mover.
/// - Failure: see `promote`; a block that failed is where it was.
/// - Source: CN104252419 (the earlier data of a process that becomes critical are moved). Linux and openEuler
///   mem_reliable move nothing, ESXi moves without a report.
///
/// Example:
/// ```
/// ashlar::moved_block<> notes[1024];
/// ashlar::promotion critical(ram, database, notes);
/// while (critical.promote(mover, 64) == ashlar::errc::limit) critical.commit();
/// const ashlar::promotion_report covered = critical.report();  // .mirrored of .resident frames
/// ```
template <class Machine, class Tenant>
class promotion {
 public:
    using space = typename Machine::space;

    /// Without `notes` each move is final.
    constexpr promotion(Machine& machine, Tenant& tenant, view<moved_block<space>> notes = {}) noexcept
        : machine_(machine), tenant_(tenant), notes_(notes) {}
    promotion(const promotion&) = delete;
    promotion& operator=(const promotion&) = delete;

    /// Sets `mirror_first` and moves ordinary frames of the tenant to mirrored memory, of their own node
    /// first. `ok`: all that he holds was looked at; the next call begins anew. `limit`: `budget` frames were
    /// looked at, or the notes are full, or, as `report().reason` says then, the mirror limit of the tenant
    /// or the machine is reached. `exhausted`: no mirrored memory is left, nor a place for the frame at hand.
    /// Call again to go on.
    template <class Mover>
    constexpr errc promote(Mover& mover,
                           std::uint64_t budget = std::numeric_limits<std::uint64_t>::max()) noexcept {
        tenant_.set_mirror_first(true);
        return pass(mover, budget, true);
    }
    /// The other way: clears `mirror_first` and moves mirrored frames to ordinary memory.
    template <class Mover>
    constexpr errc demote(Mover& mover,
                          std::uint64_t budget = std::numeric_limits<std::uint64_t>::max()) noexcept {
        tenant_.set_mirror_first(false);
        return pass(mover, budget, false);
    }
    /// What was moved stays where it is; the notes are free again.
    constexpr void commit() noexcept { noted_ = 0; }
    /// Moves back what was moved since the last `commit`, but for what the tenant freed meanwhile.
    /// `mirror_first` stays as it is. What does not go stays noted, and the last reason is the answer: call
    /// again.
    template <class Mover>
    constexpr errc roll_back(Mover& mover) noexcept {
        tenant_mover<Tenant, Mover> movable(tenant_, mover);
        errc answer = errc::ok;
        std::size_t kept = 0;
        for (std::size_t i = 0; i < noted_; ++i) {
            const moved_block<space> note = notes_[i];
            const auto found = detail::block_in_use<Machine>(movable, note.now.first);
            if (!found && found.error() == errc::not_owned) continue;
            detail::move_outcome back{found.error()};
            if (found) {
                auto origin = destination(note.node, note.mirrored);
                back = detail::move_block(machine_, *found, origin, movable);
            }
            if (back.error != errc::ok) {
                answer = back.error;
                notes_[kept++] = note;
                continue;
            }
            report_.put_back += std::uint64_t{1} << found->order;
        }
        noted_ = kept;
        next_ = {};
        return answer;
    }
    /// `mirrored` and `resident` as the tenant's counters: exact at quiescence.
    [[nodiscard]] constexpr promotion_report report() const noexcept {
        promotion_report told = report_;
        const auto figures = tenant_.figures();
        told.mirrored = figures.mirrored;
        told.resident = figures.held;
        return told;
    }

 private:
    /// The owner table is asked for so many at most: what moves next need not be looked at now.
    static constexpr std::uint64_t frames_at_once = 512;

    /// What of a zone matters here; `there` is false for a frame in no zone.
    struct place {
        bool there = false;
        bool mirrored = false;
        node_id node = any_node;
        range<space> span{};
    };
    [[nodiscard]] constexpr place place_of(frame<space> f) const noexcept {
        [[maybe_unused]] const typename Machine::platform_type::cpu_guard guard{};
        const auto* const zone = machine_.zone_of(f);
        return zone == nullptr ? place{} : place{true, zone->mirrored, zone->node, zone->span};
    }
    [[nodiscard]] constexpr allocated_destination<Machine> destination(node_id node, bool mirrored) noexcept {
        return {machine_,
                {.node = node,
                 .mirror = mirrored ? mirror::required : mirror::ordinary,
                 .mobility = mobility::movable}};
    }

    template <class Mover>
    constexpr errc pass(Mover& mover, std::uint64_t budget, bool to_mirror) noexcept {
        if (!machine_.has_mirror()) return errc::ok;
        if (next_.number == 0) {
            const auto figures = tenant_.figures();
            report_.skipped = to_mirror ? figures.mirrored : figures.held - figures.mirrored;
            report_.pinned = report_.failed = 0;
            report_.reason = errc::ok;
        }
        tenant_mover<Tenant, Mover> movable(tenant_, mover);
        for (;;) {
            const range<space> run =
                tenant_.first_held(range<space>::between(next_, no_limit<space>), frames_at_once);
            if (run.empty()) {
                next_ = {};
                return errc::ok;
            }
            for (next_ = run.first; next_ < run.end();) {
                if (budget == 0) return errc::limit;
                const place here = place_of(next_);
                std::uint64_t seen = 1;
                if (here.there && here.mirrored == to_mirror) {
                    seen = range<space>::between(next_, run.end()).clipped_to(here.span).count;
                    if (seen > budget) seen = budget;
                } else if (const errc stop = move_one(movable, here, to_mirror, next_, seen);
                           stop != errc::ok) {
                    return stop;
                }
                next_ = next_ + seen;
                budget -= seen < budget ? seen : budget;
            }
        }
    }
    /// The block of a frame. `ok`: the pass goes on behind `seen` frames.
    template <class Mover>
    constexpr errc move_one(Mover& movable, const place& here, bool to_mirror, frame<space> f,
                            std::uint64_t& seen) noexcept {
        const auto found = detail::block_in_use<Machine>(movable, f);
        if (!found && !tenant_.holds(f)) return errc::ok;  // freed since it was found
        detail::move_outcome moved{found.error()};
        if (found) {
            if (!notes_.empty() && noted_ == notes_.size()) return errc::limit;
            seen = block(found->first, found->order).end().number - f.number;
            kept_destination to{destination(here.node, to_mirror)};
            moved = detail::move_block(machine_, *found, to, movable);
            if (moved.error == errc::ok) {
                report_.moved += std::uint64_t{1} << found->order;
                if (!notes_.empty()) notes_[noted_++] = {{to.taken, found->order}, here.node, here.mirrored};
                return errc::ok;
            }
        }
        if (moved.error == errc::busy && !moved.no_room) {
            report_.pinned += seen;
            return errc::ok;
        }
        report_.reason = moved.error;
        if (moved.error == errc::limit || (moved.no_room && found->order == 0)) return moved.error;
        report_.failed += seen;
        return errc::ok;
    }
    /// Remembers where a block went.
    struct kept_destination {
        allocated_destination<Machine> inner;
        frame<space> taken{};

        constexpr result<frame<space>> take(used_block<space> from) noexcept {
            const auto got = inner.take(from);
            taken = *got;
            return got;
        }
        constexpr errc give_back(frame<space> unused, unsigned order) noexcept {
            return inner.give_back(unused, order);
        }
    };

    Machine& machine_;
    Tenant& tenant_;
    view<moved_block<space>> notes_;
    std::size_t noted_ = 0;
    frame<space> next_{};
    promotion_report report_{};
};

}  // namespace ashlar
