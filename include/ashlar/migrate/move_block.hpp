// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/source.hpp>
#include <ashlar/migrate/frame_mover.hpp>
#include <concepts>
#include <cstdint>

namespace ashlar {

/// Where moved blocks go: `take(block)` gives the start of as many frames for it, `give_back(frame, order)`
/// takes back what was not used.
template <class D, class Space>
concept move_destination = requires(D destination, used_block<Space> from, frame<Space> unused,
                                    unsigned order) {
    { destination.take(from) } -> std::same_as<result<frame<Space>>>;
    { destination.give_back(unused, order) } -> std::same_as<errc>;
};

/// Wherever an allocator puts what a request asks for; the order is that of the block.
///
/// ```
/// // to mirrored memory of node 2, else nowhere
/// ashlar::allocated_destination<memory> mirrored{ram, {.node = 2, .mirror = ashlar::mirror::required}};
/// ```
template <class Allocator>
struct allocated_destination {
    using space = typename Allocator::space;

    Allocator& allocator;
    request<space> wanted{};

    constexpr result<frame<space>> take(used_block<space> from) noexcept {
        wanted.order = from.order;
        return allocator.allocate(wanted);
    }
    constexpr errc give_back(frame<space> unused, unsigned order) noexcept {
        return allocator.free(unused, order);
    }
};

namespace detail {

/// How a move went. `no_room`: the error is the destination's, and the mover was not asked.
struct move_outcome {
    errc error = errc::ok;
    bool no_room = false;
};

/// A block that a mover said it knows, to a place of the destination; its old frames are freed. After an
/// error all is as before.
template <class Source, class Destination, class Mover>
constexpr move_outcome move_block(Source& source, used_block<typename Source::space> from,
                                  Destination& destination, Mover& mover) noexcept {
    static_assert(move_destination<Destination, typename Source::space>,
                  "a destination of moved blocks must offer take(used_block) and give_back(frame, order)");
    static_assert(frame_mover<Mover>, "a mover must offer block_of(frame) and move(from, to, order)");
    const auto to = destination.take(from);
    if (!to) return {to.error(), true};
    if (const errc stays = mover.move(from.first, *to, from.order); stays != errc::ok) {
        (void)destination.give_back(*to, from.order);
        return {stays, false};
    }
    return {source.free(from.first, from.order), false};
}

/// What a mover says of a frame, if it can be true: the block is aligned, of an order that the source has,
/// and the frame lies in it; else `invalid`.
template <class Source, class Mover>
constexpr result<used_block<typename Source::space>> block_in_use(Mover& mover,
                                                                  frame<typename Source::space> f) noexcept {
    const auto told = mover.block_of(f);
    if (!told) return told;
    const bool sound = told->order <= Source::top_order && aligned(told->first, told->order) &&
                       block(told->first, told->order).contains(f);
    return sound ? told : result<used_block<typename Source::space>>(errc::invalid);
}

}  // namespace detail

}  // namespace ashlar
