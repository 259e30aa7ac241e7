// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/migrate/write_protection.hpp>
#include <cstdint>

namespace ashlar::testing {

/// A `write_protection` that protects nothing: writes to frames that move are lost. With it a test of writes
/// that are not lost has to fail; one that does not shows nothing.
///
/// Example:
/// ```
/// using careless = ashlar::migration<my_platform, table, pool, ashlar::testing::unprotected>;
/// ```
struct unprotected {
    static constexpr bool tracks = false;
    static constexpr bool splits = false;
    static constexpr std::uint32_t stride = ~std::uint32_t{0};

    template <class Path>
    static constexpr errc start(Path&, const frame_move&) noexcept {
        return errc::ok;
    }
    template <class Path>
    static constexpr errc stop(Path&, const frame_move&) noexcept {
        return errc::ok;
    }
    template <class Path>
    static constexpr void lock(Path&, std::uint64_t) noexcept {}
    template <class Path>
    static constexpr void pass(Path&, std::uint64_t) noexcept {}
};

}  // namespace ashlar::testing
