// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lab {

/// With so many digits behind the point, whatever the locale.
[[nodiscard]] std::string fixed(double value, int digits);

/// 1,696,851
[[nodiscard]] std::string grouped(std::uint64_t value);

/// "1 node", "2,048 nodes".
[[nodiscard]] std::string counted(std::uint64_t number, const std::string& name);

/// 0x1741a6
[[nodiscard]] std::string hexadecimal(std::uint64_t value);

/// "100.0 %" for 1.
[[nodiscard]] std::string percent(double share);

/// Bytes in the largest binary unit that leaves at least 1: "128 MiB", "2.7 GiB".
[[nodiscard]] std::string size_of_bytes(std::uint64_t bytes);

/// All of the text as a number; none if there is anything else in it, or it does not fit.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text, int base = 10);

/// A number of bytes, or of K, M, G or T of them (powers of 1,024); none if it is no size or does not fit.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

/// `part` of `whole`, 0 of nothing.
[[nodiscard]] constexpr double share(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace lab
