// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <cstdint>

#include "lab/trace/operation.hpp"

namespace lab {

/// What a slot holds whose allocation failed.
inline constexpr std::uint64_t no_frame = ~std::uint64_t{0};

/// Is told what a replay gets for the steps of its trace, in frames of the machine's tables.
class observer {
 public:
    observer() = default;
    virtual ~observer() = default;
    observer(const observer&) = delete;
    observer& operator=(const observer&) = delete;

    /// `prefers_mirror`: the request did. A block that is not in one piece is told piece by piece.
    virtual void allocated(const operation& step, ashlar::range<> frames, bool prefers_mirror) = 0;
    virtual void freed(const operation& step, ashlar::range<> frames) = 0;
    virtual void failed(const operation& step) = 0;
    /// After each step, also one that did nothing.
    virtual void stepped() = 0;
    /// The trace is over; from now on what it left may move.
    virtual void ended() {}
    virtual void moved(ashlar::range<> /*from*/, ashlar::range<> /*to*/, bool /*movable*/) {}
    virtual void compacted() {}
};

/// Sees nothing, and costs nothing: for replays whose time is taken.
struct nobody {
    void allocated(const operation&, ashlar::range<>, bool) const noexcept {}
    void freed(const operation&, ashlar::range<>) const noexcept {}
    void failed(const operation&) const noexcept {}
    void stepped() const noexcept {}
};

}  // namespace lab
