// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <chrono>
#include <string>

namespace lab {

/// Says on stderr how far a step is, once it has taken longer than a second: on a terminal in one line that
/// is written over, else in a line every ten seconds.
class progress {
 public:
    explicit progress(std::string step);
    ~progress();
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;

    /// Cheap enough to be called thousands of times a second.
    void at(const std::string& where);

 private:
    using clock = std::chrono::steady_clock;

    std::string step_;
    bool terminal_;
    std::size_t width_ = 0;
    clock::time_point next_;
};

}  // namespace lab
