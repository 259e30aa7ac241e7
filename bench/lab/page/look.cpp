// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/page/look.hpp"

#include <algorithm>

#include "lab/page/markup.hpp"

namespace lab {

looks::looks(const matrix_results& results) {
    for (const scenario& told : results.scenarios) {
        for (const matrix_run& run : told.runs) {
            const std::string& name = run.told.composition;
            if (std::find(subjects_.begin(), subjects_.end(), name) == subjects_.end())
                subjects_.push_back(name);
        }
    }
}

std::string looks::colour_of(const std::string& subject) const {
    constexpr std::size_t colours = 8;
    std::string name = "s";
    return name += std::to_string(index_of(subject) % colours);
}

std::string looks::line_of(const std::string& subject) const {
    constexpr std::size_t patterns = 4;
    return colour_of(subject) + " d" + std::to_string(index_of(subject) % patterns);
}

std::size_t looks::index_of(const std::string& subject) const {
    return static_cast<std::size_t>(std::find(subjects_.begin(), subjects_.end(), subject) -
                                    subjects_.begin());
}

std::string swatch(const std::string& look) {
    markup out;
    out.open("svg", {{"class", "swatch"}, {"viewBox", "0 0 28 10"}, {"aria-hidden", "true"}});
    out.shape("line", {{"class", "series " + look}, {"x1", "0"}, {"x2", "28"}, {"y1", "5"}, {"y2", "5"}});
    return out.close().str();
}

}  // namespace lab
