// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace bench {

/// How long operations took: the longest exactly, the rest in bins that are at most a 32nd of their value
/// wide.
class latencies {
 public:
    void add(std::uint64_t nanoseconds) {
        ++bins_[bin_of(nanoseconds)];
        ++count_;
        worst_ = std::max(worst_, nanoseconds);
    }
    void add(const latencies& other) {
        for (std::size_t i = 0; i < bins_.size(); ++i) bins_[i] += other.bins_[i];
        count_ += other.count_;
        worst_ = std::max(worst_, other.worst_);
    }

    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] std::uint64_t worst() const { return worst_; }
    /// What this share of the operations took at most, rounded up to the end of a bin; 0 of none.
    [[nodiscard]] std::uint64_t quantile(double share) const {
        const double wanted = share * static_cast<double>(count_);
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < bins_.size(); ++i) {
            seen += bins_[i];
            if (seen != 0 && static_cast<double>(seen) >= wanted) return std::min(largest_in(i), worst_);
        }
        return worst_;
    }

 private:
    static constexpr unsigned steps_log2 = 5;
    static constexpr std::uint64_t steps = 1u << steps_log2;  ///< bins of values with the same leading bit

    [[nodiscard]] static std::size_t bin_of(std::uint64_t value) {
        if (value < steps) return static_cast<std::size_t>(value);
        const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - steps_log2;
        return static_cast<std::size_t>((shift << steps_log2) + (value >> shift));
    }
    [[nodiscard]] static std::uint64_t largest_in(std::size_t bin) {
        if (bin < 2 * steps) return bin;
        const std::uint64_t shift = (bin >> steps_log2) - 1;
        return ((bin - (shift << steps_log2) + 1) << shift) - 1;
    }

    std::array<std::uint64_t, (64 - steps_log2 + 1) << steps_log2> bins_{};
    std::uint64_t count_ = 0;
    std::uint64_t worst_ = 0;
};

}  // namespace bench
