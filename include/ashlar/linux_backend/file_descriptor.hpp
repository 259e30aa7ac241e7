// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <unistd.h>

#include <utility>

namespace ashlar {

/// A file descriptor that is closed with its owner. Moves, does not copy. One thread at a time.
class file_descriptor {
 public:
    constexpr file_descriptor() noexcept = default;
    /// Takes it over; negative: none.
    constexpr explicit file_descriptor(int number) noexcept : number_(number) {}
    file_descriptor(file_descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    file_descriptor& operator=(file_descriptor&& other) noexcept {
        if (this != &other) {
            reset();
            number_ = std::exchange(other.number_, -1);
        }
        return *this;
    }
    ~file_descriptor() { reset(); }

    [[nodiscard]] constexpr int number() const noexcept { return number_; }
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return number_ >= 0; }
    /// Gives it away, open.
    [[nodiscard]] int release() noexcept { return std::exchange(number_, -1); }
    void reset() noexcept {
        if (number_ >= 0) (void)::close(number_);
        number_ = -1;
    }

 private:
    int number_ = -1;
};

}  // namespace ashlar
