// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/text/numbers.hpp"

#include <array>
#include <charconv>
#include <system_error>

namespace lab {

std::string fixed(double value, int digits) {
    std::array<char, 400> buffer{};
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed, digits);
    return {buffer.data(), end.ptr};
}

std::string grouped(std::uint64_t value) {
    std::string text = std::to_string(value);
    for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
    return text;
}

std::string counted(std::uint64_t number, const std::string& name) {
    return grouped(number) + ' ' + name + (number == 1 ? "" : "s");
}

std::string hexadecimal(std::uint64_t value) {
    std::array<char, 16> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, 16);
    return "0x" + std::string(buffer.data(), end.ptr);
}

std::string percent(double share) {
    return fixed(100 * share, 1) + " %";
}

std::string size_of_bytes(std::uint64_t bytes) {
    constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    std::size_t unit = 0;
    while (unit + 1 < units.size() && bytes >> (10 * (unit + 1)) != 0) ++unit;
    const std::uint64_t one = std::uint64_t{1} << (10 * unit);
    return fixed(static_cast<double>(bytes) / static_cast<double>(one), bytes % one == 0 ? 0 : 1) + ' ' +
           units[unit];
}

std::optional<std::uint64_t> parse_number(std::string_view text, int base) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    constexpr std::string_view units = "KMGT";
    unsigned shift = 0;
    if (!text.empty() && units.find(text.back()) != std::string_view::npos) {
        shift = static_cast<unsigned>(10 * (units.find(text.back()) + 1));
        text.remove_suffix(1);
    }
    const auto number = parse_number(text);
    if (!number || *number > ~std::uint64_t{0} >> shift) return std::nullopt;
    return *number << shift;
}

}  // namespace lab
