// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/migrate/frame_copy.hpp>
#include <ashlar/migrate/frame_mover.hpp>
#include <concepts>
#include <cstdint>

namespace ashlar {

/// Whoever uses blocks, as `copy_mover` asks it (Linux: rmap walks and `migrate_folio` of an address space).
///
/// - `block_of(frame)`: as of a `frame_mover`.
/// - `hold(block)`: from `ok` on until `release` nobody writes to the block, and it is neither freed nor
///   pinned. Writers wait, or fault and try again; readers may go on. `busy` if it is pinned, or is not
///   used any more.
/// - `repoint(block, to)`: whoever pointed at the block points at `to` when it returns, and nobody has the
///   block mapped any more. An error leaves all as it was.
/// - `release(block, to)`: the hold on a block ends, wherever it is now; `to` is where it was to go.
template <class O>
concept block_owner = requires(O owner, frame<typename O::space> f, used_block<typename O::space> held) {
    { owner.block_of(f) } -> std::same_as<result<used_block<typename O::space>>>;
    { owner.hold(held) } -> std::same_as<errc>;
    { owner.repoint(held, f) } -> std::same_as<errc>;
    { owner.release(held, f) } -> std::same_as<void>;
};

/// The plain mover: hold, copy, repoint, release.
///
/// | step | what others see | a failure |
/// |---|---|---|
/// | hold | no writes to the block | `busy`; nothing has happened |
/// | copy | nobody knows the target | `unreadable`, or the engine's; the hold ends |
/// | repoint | the target, and all that was written | the owner's; the hold ends |
/// | release | writers go on, in the target | |
///
/// - Complexity: one copy of each frame, one call of each hook.
/// - Context: that of the owner's hooks; no guard held.
/// - Failure: as a `frame_mover`: all is as before. No write is lost as long as `hold` keeps its word.
///
/// Example:
/// ```
/// struct directory {                               // one user, who looks frames up for each access
///     using space = ashlar::machine;
///     ashlar::result<ashlar::used_block<>> block_of(ashlar::frame<> f);
///     ashlar::errc hold(ashlar::used_block<> block);
///     ashlar::errc repoint(ashlar::used_block<> block, ashlar::frame<> to);
///     void release(ashlar::used_block<> block, ashlar::frame<> to);
/// };
/// directory users;
/// ashlar::copy_mover<directory, ashlar::cpu_frame_copy<my_platform>> mover(users);
/// ```
template <class Owner, class Copy>
class copy_mover {
    static_assert(block_owner<Owner>,
                  "copy_mover<Owner, Copy>: Owner must be a block_owner (block_of, hold, repoint, release)");

 public:
    using space = typename Owner::space;
    static_assert(frame_copier<Copy, space>,
                  "copy_mover<Owner, Copy>: Copy must copy frames of the owner's space");

    constexpr explicit copy_mover(Owner& owner, Copy copy = {}) noexcept : owner_(owner), copy_(copy) {}

    [[nodiscard]] constexpr result<used_block<space>> block_of(frame<space> f) noexcept {
        return owner_.block_of(f);
    }
    constexpr errc move(frame<space> from, frame<space> to, unsigned order) noexcept {
        const used_block<space> held{from, order};
        if (const errc busy = owner_.hold(held); busy != errc::ok) return busy;
        errc answer = errc::ok;
        for (std::uint64_t i = 0; i < std::uint64_t{1} << order && answer == errc::ok; ++i) {
            answer = copy_(from + i, to + i);
        }
        if (answer == errc::ok) answer = owner_.repoint(held, to);
        owner_.release(held, to);
        return answer;
    }

 private:
    Owner& owner_;
    Copy copy_;
};

}  // namespace ashlar
