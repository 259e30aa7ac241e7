// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/result.hpp>
#include <concepts>

namespace ashlar {

/// Where page tables come from: every `frame_source` is one (an allocator, a machine, a tenant), and so is a
/// pool with these two verbs. `allocate(request)`: 2^order frames, naturally aligned; `free(frame, order)`.
template <class S, class Space>
concept table_source = requires(S source, request<Space> wanted, frame<Space> first, unsigned order) {
    { source.allocate(wanted) } -> std::same_as<result<frame<Space>>>;
    { source.free(first, order) } -> std::same_as<errc>;
};

}  // namespace ashlar
