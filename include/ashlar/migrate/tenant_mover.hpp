// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/migrate/frame_mover.hpp>
#include <concepts>

namespace ashlar {

/// A mover of a tenant's blocks: what another mover moves stays the tenant's, in his book and his limits.
///
/// - `block_of`: as the other mover, of frames that the tenant holds; `not_owned` for others.
/// - `move`: `limit` where the tenant may have no more mirrored memory; else as the other mover.
/// - The old block is the caller's after a move, who frees it to the machine, not through the tenant.
/// - Context: as the other mover.
///
/// Example:
/// ```
/// ashlar::tenant_mover moved(database, mover);
/// (void)emptied.evacuate(anywhere, moved);             // the database's frames move, its counters stand
/// ```
template <class Tenant, class Mover>
class tenant_mover {
    static_assert(frame_mover<Mover>, "tenant_mover<Tenant, Mover>: Mover must be a frame_mover");

 public:
    using space = typename Tenant::space;
    static_assert(std::same_as<typename Mover::space, space>,
                  "tenant_mover<Tenant, Mover>: the mover must deal in the tenant's frames");

    constexpr tenant_mover(Tenant& tenant, Mover& mover) noexcept : tenant_(tenant), mover_(mover) {}

    [[nodiscard]] constexpr result<used_block<space>> block_of(frame<space> f) noexcept {
        if (!tenant_.holds(f)) return errc::not_owned;
        const auto found = mover_.block_of(f);
        if (found && !tenant_.holds(block(found->first, found->order))) return errc::not_owned;
        return found;
    }
    constexpr errc move(frame<space> from, frame<space> to, unsigned order) noexcept {
        if (const errc refused = tenant_.begin_move(from, to, order); refused != errc::ok) return refused;
        const errc answer = mover_.move(from, to, order);
        if (answer == errc::ok) return tenant_.end_move(from, to, order);
        tenant_.cancel_move(from, to, order);
        return answer;
    }

 private:
    Tenant& tenant_;
    Mover& mover_;
};

}  // namespace ashlar
