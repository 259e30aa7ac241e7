// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/zone/zone_plan.hpp>
#include <cstdint>

namespace ashlar::detail {

/// The frames of the operating system that a move is about, as the firmware's map has them.
struct origin_memory {
    bool usable = false;   ///< all of them, whole
    bool one_run = false;  ///< of one node and reliability
    node_id node = 0;
    bool mirrored = false;

    [[nodiscard]] static constexpr origin_memory of(const memory_map& told, range<os> origins) noexcept {
        const range<> wanted{{origins.first.number}, origins.count};
        origin_memory found;
        std::uint64_t inside = 0;
        told.for_each_usable([&](const usable_run& run) noexcept {
            const range<> part = run.frames.clipped_to(wanted);
            if (part.empty()) return;
            inside += part.count;
            found.one_run = part.count == wanted.count;
            found.node = run.node == any_node ? node_id{0} : run.node;
            found.mirrored = run.mirrored;
        });
        found.usable = inside == origins.count;
        return found;
    }
};

}  // namespace ashlar::detail
