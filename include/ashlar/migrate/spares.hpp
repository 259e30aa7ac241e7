// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/zone/zone_plan.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// The memory of one node that is alike in reliability: what spares are kept of, and for.
struct spare_class {
    node_id node = 0;
    bool mirrored = false;
    std::uint64_t usable_frames = 0;

    [[nodiscard]] friend constexpr bool operator==(const spare_class&, const spare_class&) noexcept = default;
};

/// How many frames of a class become spares: `quota(class)`. Pure.
template <class Q>
concept spare_quota = requires(const Q quota, const spare_class& of) {
    { quota(of) } -> std::convertible_to<std::uint64_t>;
};

/// The same number of frames of every node, for each reliability. A class that a node does not have is not
/// asked for.
struct spares_per_node {
    std::uint64_t ordinary = 0;
    std::uint64_t mirrored = 0;

    [[nodiscard]] constexpr std::uint64_t operator()(const spare_class& of) const noexcept {
        return of.mirrored ? mirrored : ordinary;
    }
};

/// A share of every class, in parts of 65,536, rounded up to whole frames.
struct spare_share {
    std::uint16_t parts = 0;

    [[nodiscard]] constexpr std::uint64_t operator()(const spare_class& of) const noexcept {
        const std::uint64_t whole = of.usable_frames >> 16;
        const std::uint64_t rest = of.usable_frames & 0xffff;
        return whole * parts + ((rest * parts + 0xffff) >> 16);
    }
};

namespace detail {

/// Memory that may leave or is not accepted yet is not kept as spares.
[[nodiscard]] constexpr bool may_be_spare(const usable_run& run) noexcept {
    return !run.hot_pluggable && !run.unaccepted;
}

[[nodiscard]] constexpr bool is_of(const usable_run& run, const spare_class& of) noexcept {
    const node_id node = run.node == any_node ? node_id{0} : run.node;
    return node == of.node && run.mirrored == of.mirrored && may_be_spare(run);
}

/// Calls `sink(spare_class)` for each class that a map has memory of, by node, ordinary memory first.
template <class Sink>
constexpr void for_each_spare_class(const memory_map& map, Sink&& sink) noexcept {
    for (unsigned node = 0; node < max_nodes; ++node) {
        for (unsigned mirrored = 0; mirrored < 2; ++mirrored) {
            spare_class of{static_cast<node_id>(node), mirrored != 0, 0};
            map.for_each_usable([&of](const usable_run& run) noexcept {
                if (is_of(run, of)) of.usable_frames += run.frames.count;
            });
            if (of.usable_frames != 0) sink(of);
        }
    }
}

/// The highest stretch of a class, of at most `count` frames.
[[nodiscard]] constexpr usable_run highest_run(const memory_map& map, const spare_class& of,
                                               std::uint64_t count) noexcept {
    usable_run highest;
    map.for_each_usable([&](const usable_run& run) noexcept {
        if (is_of(run, of)) highest = run;
    });
    if (highest.frames.count > count) {
        highest.frames = {highest.frames.end() + (~count + 1), count};
    }
    return highest;
}

/// How many stretches the highest `count` frames of a class lie in.
[[nodiscard]] constexpr std::size_t stretches_of(const memory_map& map, const spare_class& of,
                                                 std::uint64_t count) noexcept {
    std::uint64_t below = of.usable_frames - count;
    std::size_t stretches = 0;
    map.for_each_usable([&](const usable_run& run) noexcept {
        if (!is_of(run, of)) return;
        if (below >= run.frames.count) {
            below -= run.frames.count;
        } else {
            below = 0;
            ++stretches;
        }
    });
    return stretches;
}

}  // namespace detail

/// Takes spares out of a machine's memory: from what the operating system is told, `told`, the highest frames
/// of each node's usable memory of each reliability, `quota(class)` of them, go to `spares`. What `told` has
/// of usable frames shrinks by exactly the value, the frames that `spares` gains; there they are reserved,
/// for whoever reads the map.
///
/// After all tables and exclusions were read, before the operating system (or the machine that serves it) is
/// given `told`. The spares are a pool once a machine of their own boots from `spares`: nodes, mirrored
/// memory, the nearest node, runs of frames, frames by number are those of `physical_memory`. Zones of
/// `placement::lowest` hand the lowest spare of a zone out first.
///
/// - Memory that is hot-pluggable or not accepted yet stays; what no node claims counts as node 0's.
/// - Failure, and nothing has changed: `exhausted` if a class has fewer frames than its quota; `limit` if one
///   of the maps has no room (two more entries in `told` and one in `spares` for each stretch of frames);
///   `invalid` for one map twice, or two page sizes.
/// - Complexity: O(nodes x entries). Context: any; one caller.
/// - Source: US9600202.
///
/// ```
/// ashlar::memory_entry spare_entries[16];
/// ashlar::memory_map spares{spare_entries};
/// // 64 MiB usable: the uppermost 4 MiB become 1,024 spares, the operating system sees 15,360 frames
/// auto carved = ashlar::carve_spares(told, spares, ashlar::spares_per_node{.ordinary = 1024});
/// (void)pool.boot(spares, nodes, metadata);
/// ```
template <class Quota>
[[nodiscard]] constexpr result<std::uint64_t> carve_spares(memory_map& told, memory_map& spares,
                                                           const Quota& quota) noexcept {
    static_assert(spare_quota<Quota>,
                  "carve_spares(told, spares, quota): quota must be a spare_quota: quota(spare_class)");
    if (&told == &spares || told.page_shift() != spares.page_shift()) return errc::invalid;
    std::size_t stretches = 0;
    errc wrong = errc::ok;
    detail::for_each_spare_class(told, [&](const spare_class& of) noexcept {
        const std::uint64_t count = quota(of);
        if (count > of.usable_frames) wrong = errc::exhausted;
        if (wrong == errc::ok && count != 0) stretches += detail::stretches_of(told, of, count);
    });
    if (wrong != errc::ok) return wrong;
    if (told.capacity() - told.entries().size() < 2 * stretches ||
        spares.capacity() - spares.entries().size() < stretches) {
        return errc::limit;
    }

    std::uint64_t carved = 0;
    detail::for_each_spare_class(told, [&](const spare_class& of) noexcept {
        for (std::uint64_t left = quota(of); left != 0;) {
            const usable_run run = detail::highest_run(told, of, left);
            const std::uint64_t begin = run.frames.first.number << told.page_shift();
            const std::uint64_t end = run.frames.end().number << told.page_shift();
            const std::uint8_t attributes = run.mirrored ? memory_attribute::mirrored : std::uint8_t{0};
            (void)told.add(begin, end, memory_kind::reserved);
            (void)spares.add({begin, end, memory_kind::usable, attributes, run.node});
            left -= run.frames.count;
            carved += run.frames.count;
        }
    });
    return carved;
}

}  // namespace ashlar
