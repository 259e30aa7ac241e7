// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/text/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace lab {

progress::progress(std::string step)
    : step_(std::move(step)),
      terminal_(isatty(STDERR_FILENO) != 0),
      next_(clock::now() + std::chrono::seconds(1)) {}

progress::~progress() {
    if (width_ != 0) std::fprintf(stderr, "\r%*s\r", static_cast<int>(width_), "");
}

void progress::at(const std::string& where) {
    const auto now = clock::now();
    if (now < next_) return;
    const std::string line = step_ + ": " + where;
    if (terminal_) {
        const std::size_t width = std::max(width_, line.size());
        std::fprintf(stderr, "\r%-*s", static_cast<int>(width), line.c_str());
        width_ = width;
        next_ = now + std::chrono::milliseconds(200);
    } else {
        std::fprintf(stderr, "%s\n", line.c_str());
        next_ = now + std::chrono::seconds(10);
    }
}

}  // namespace lab
