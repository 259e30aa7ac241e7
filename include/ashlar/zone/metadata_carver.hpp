// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/view.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// Cuts typed arrays out of raw bytes, each on a cache line. With a null base it only counts.
class metadata_carver {
 public:
    static constexpr std::size_t alignment = 64;

    explicit metadata_carver(view<std::byte> bytes) noexcept : bytes_(bytes) {
        const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
        used_ = bytes.data() == nullptr ? alignment - 1 : (alignment - address % alignment) % alignment;
    }

    /// `T` is an implicit-lifetime type. Null data where the bytes do not suffice.
    template <class T>
    [[nodiscard]] view<T> carve(std::size_t count) noexcept {
        const std::size_t size = (count * sizeof(T) + alignment - 1) / alignment * alignment;
        const std::size_t at = used_;
        used_ += size;
        if (bytes_.data() == nullptr || used_ > bytes_.size()) return {};
        return {reinterpret_cast<T*>(bytes_.data() + at), count};
    }

    [[nodiscard]] std::size_t used() const noexcept { return used_; }
    [[nodiscard]] bool overflowed() const noexcept { return used_ > bytes_.size(); }

 private:
    view<std::byte> bytes_;
    std::size_t used_ = 0;
};

}  // namespace ashlar::detail
