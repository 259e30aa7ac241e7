// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <cstdint>
#include <initializer_list>

namespace ashlar::testing {

/// The errors that a call deserves. A call may be wrong in several ways at once, and the contract leaves open
/// which of them is named; an empty set means that it has to succeed. Any context.
class error_set {
 public:
    constexpr error_set() noexcept = default;
    constexpr error_set(std::initializer_list<errc> errors) noexcept {
        for (const errc error : errors) add(error);
    }

    constexpr void add(errc error) noexcept { bits_ |= bit(error); }
    constexpr void add_if(bool wrong, errc error) noexcept { bits_ |= wrong ? bit(error) : 0; }
    [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
    [[nodiscard]] constexpr bool contains(errc error) const noexcept { return (bits_ & bit(error)) != 0; }
    /// True when a call that deserves these errors may answer so.
    [[nodiscard]] constexpr bool allows(errc answer) const noexcept {
        return answer == errc::ok ? empty() : contains(answer);
    }
    /// True when only one answer is right.
    [[nodiscard]] constexpr bool is_unambiguous() const noexcept { return (bits_ & (bits_ - 1)) == 0; }
    /// The error of the set that stands first in `errc`; `ok` where there is none.
    [[nodiscard]] constexpr errc first() const noexcept {
        for (unsigned i = 1; i < 32; ++i) {
            if ((bits_ >> i & 1) != 0) return static_cast<errc>(i);
        }
        return errc::ok;
    }

 private:
    [[nodiscard]] static constexpr std::uint32_t bit(errc error) noexcept {
        return std::uint32_t{1} << static_cast<unsigned>(error);
    }

    std::uint32_t bits_ = 0;
};

}  // namespace ashlar::testing
