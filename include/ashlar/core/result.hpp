// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>

namespace ashlar {

/// A value or the reason why there is none. Trivial and at most two registers for a `T` of one word; a type
/// of its own because `std::expected` is C++23 and needs hosted headers. Reading the value of a failed result
/// gives a value-initialised `T`.
template <class T>
class [[nodiscard]] result {
 public:
    using value_type = T;

    constexpr result(T value) noexcept : value_(value) {}
    /// `error` must not be `errc::ok`; a result made from `ok` reads as `errc::corrupt`.
    constexpr result(errc error) noexcept : error_(error == errc::ok ? errc::corrupt : error) {}

    [[nodiscard]] constexpr bool has_value() const noexcept { return error_ == errc::ok; }
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return has_value(); }
    [[nodiscard]] constexpr errc error() const noexcept { return error_; }
    [[nodiscard]] constexpr T value() const noexcept { return value_; }
    [[nodiscard]] constexpr T operator*() const noexcept { return value_; }
    [[nodiscard]] constexpr const T* operator->() const noexcept { return &value_; }

 private:
    T value_{};
    errc error_ = errc::ok;
};

}  // namespace ashlar
