// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <ashlar/core/frame.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lab/text/numbers.hpp"

namespace lab {

/// How much of the free memory is in whole blocks of 2^9 frames. A block does not reach across zones.
class whole_blocks {
 public:
    static constexpr unsigned order = 9;

    /// Takes the free frames of a source, in any order and in pieces of any size.
    template <class Source>
    void add(const Source& source, ashlar::range<> span) {
        const std::uint64_t first = span.first.number >> order;
        std::vector<std::uint64_t> free_of_block((span.end().number >> order) - first + 1);
        source.visit_free([&](ashlar::range<> free) {
            for (std::uint64_t at = free.first.number; at < free.end().number;) {
                const std::uint64_t end = std::min(((at >> order) + 1) << order, free.end().number);
                free_of_block[(at >> order) - first] += end - at;
                at = end;
            }
        });
        for (const std::uint64_t free : free_of_block) {
            free_ += free;
            if (free == std::uint64_t{1} << order) whole_ += free;
        }
    }

    [[nodiscard]] double share_of_free() const { return share(whole_, free_); }

 private:
    std::uint64_t free_ = 0;
    std::uint64_t whole_ = 0;
};

}  // namespace lab
