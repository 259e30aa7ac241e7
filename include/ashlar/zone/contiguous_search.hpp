// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/source/allocate_contiguous.hpp>
#include <ashlar/zone/zone_search.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// Asks a machine's zones for frames in a row, in the order of the request's list: what the reserves and the
/// mirror limit say holds as for a block. `wanted` passes its check, its mirror is not unspecified. Looking
/// through a zone takes long: instead of a guard, `stay` keeps the zones from going; `busy` during a change.
template <class Slots>
result<range<typename Slots::space>> search_contiguous(
    Slots& zones, contiguous_request<typename Slots::space> wanted) noexcept {
    const typename Slots::stay here(zones);
    if (!here.held()) return errc::busy;
    const auto& table = zones.active();
    if (wanted.node == any_node) wanted.node = Slots::platform_type::this_node();
    const auto list = table.list(wanted.node, wanted.mirror);
    const bool prefers_mirror = wanted.mirror == mirror::preferred && table.has_mirror();
    // Served from ordinary memory where there is no other: the zones are not asked for more.
    if (!table.has_mirror()) wanted.mirror = mirror::ordinary;
    errc answer = errc::exhausted;
    for (const std::size_t number : list) {
        if (!admits(zones, table, number, wanted.block(), wanted.count, answer)) continue;
        auto& zone = zones[number];
        const auto got = ashlar::allocate_contiguous(zone, wanted);
        if (got) {
            if (prefers_mirror && !zone.description().mirrored) zones.reserve(number).count_fallback();
            return got;
        }
        if (got.error() != errc::exhausted) answer = got.error();
    }
    return answer;
}

}  // namespace ashlar::detail
