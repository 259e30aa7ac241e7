// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <type_traits>

namespace ashlar {

/// A pointer and a length: what `std::span` is where it compiles on every target (it does not on Windows-ABI
/// targets without a libc). Indexing is unchecked; `subview` clips to what is there.
template <class T>
class view {
 public:
    constexpr view() noexcept = default;
    constexpr view(T* data, std::size_t size) noexcept : data_(data), size_(size) {}
    template <std::size_t N>
    constexpr view(T (&array)[N]) noexcept : data_(array), size_(N) {}
    /// From a view of the mutable type.
    template <class U>
    requires(!std::is_same_v<U, T> && std::is_same_v<const U, T>) constexpr view(view<U> other) noexcept
        : data_(other.data()), size_(other.size()) {}
    template <class U, std::size_t N>
    requires(!std::is_same_v<U, T> && std::is_same_v<const U, T>) constexpr view(U (&array)[N]) noexcept
        : data_(array), size_(N) {}

    [[nodiscard]] constexpr T* data() const noexcept { return data_; }
    [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
    [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] constexpr T& operator[](std::size_t index) const noexcept { return data_[index]; }
    [[nodiscard]] constexpr T* begin() const noexcept { return data_; }
    [[nodiscard]] constexpr T* end() const noexcept { return data_ + size_; }
    /// `count` elements from `offset` on, fewer where the view ends before.
    [[nodiscard]] constexpr view subview(std::size_t offset,
                                         std::size_t count = ~std::size_t{0}) const noexcept {
        if (offset > size_) offset = size_;
        if (count > size_ - offset) count = size_ - offset;
        return {data_ + offset, count};
    }

 private:
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace ashlar
