// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/zone/zone_plan.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

namespace detail {

/// Says of a frame, by number, that everybody is to keep away from it.
constexpr void retire_in_map(memory_map& map, std::uint64_t number, errc& answer) noexcept {
    const unsigned shift = map.page_shift();
    if (number > ~std::uint64_t{0} >> shift) return;
    const std::uint64_t begin = number << shift;
    const std::uint64_t end = begin + (std::uint64_t{1} << shift);
    const errc error = map.add(begin, end < begin ? ~std::uint64_t{0} : end, memory_kind::reserved);
    if (error != errc::ok) answer = error;
}

}  // namespace detail

/// Reserves in a map, at the next boot, the frames that have failed, before anything is carved or handed out.
/// `list` is one of:
/// - a `migration`: the places that origins were moved away from, and poisoned spares;
/// - a table of remapped frames (`remap_table` as its image was loaded): the places of its origins. The bytes
///   need not be kept: a system that boots is not told of the frames, and the table can begin empty;
/// - a `retirement`, which an operating system fills: the frames it noted, in whatever state;
/// - a view of frames.
///
/// What is reserved stays so whoever describes it later. `limit` when the map is full, which then reserves
/// more than was asked, never less. O(frames x entries); any context, one caller.
///
/// ```
/// (void)image.load(remaps);                             // what the firmware kept across the reset
/// (void)ashlar::exclude_retired(remaps, told);          // these origins failed: nobody is told of them
/// (void)ashlar::carve_spares(told, spares, quota);
/// ```
template <class List>
constexpr errc exclude_retired(const List& list, memory_map& map) noexcept {
    errc answer = errc::ok;
    const auto retire = [&](auto f, auto...) noexcept { detail::retire_in_map(map, f.number, answer); };
    if constexpr (requires { list.for_each_retired(retire); }) {
        list.for_each_retired(retire);
    } else if constexpr (requires { list.for_each(retire); }) {
        list.for_each(retire);
    } else if constexpr (requires { list.visit(retire); }) {
        list.visit(retire);
    } else {
        for (const auto& each : list) retire(each);
    }
    return answer;
}

}  // namespace ashlar
