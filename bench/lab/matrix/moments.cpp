// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/matrix/moments.hpp"

#include <algorithm>
#include <cstdint>

namespace lab {

std::vector<moment> moments_of(const operation_list& trace, std::size_t intervals) {
    const std::vector<std::uint64_t>& times = trace.times_us;
    const std::uint64_t end = *std::max_element(times.begin(), times.end());
    std::vector<moment> moments{{}};
    std::size_t steps = 0;
    for (std::size_t i = 1; i <= intervals; ++i) {
        // Buffers of several CPUs may be a little out of order: a step counts when those before it do.
        const double until =
            static_cast<double>(end) * static_cast<double>(i) / static_cast<double>(intervals);
        if (end == 0 || i == intervals) {
            steps = times.size() * i / intervals;
        } else {
            while (steps < times.size() && static_cast<double>(times[steps]) <= until) ++steps;
        }
        moments.push_back({steps, until / 1e6});
    }
    return moments;
}

}  // namespace lab
