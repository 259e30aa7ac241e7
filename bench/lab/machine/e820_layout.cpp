// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/machine/e820_layout.hpp"

#include <cstdint>

namespace lab {
namespace {

bool makes_sense(ashlar::bytes content, std::size_t offset) {
    const auto begin = ashlar::load_little<std::uint64_t>(content, offset);
    const auto length = ashlar::load_little<std::uint64_t>(content, offset + 8);
    const auto type = ashlar::load_little<std::uint32_t>(content, offset + 16);
    const bool known_type = (type >= 1 && type <= 20) || type == 128 || type >= 0xf0000000;
    return known_type && length != 0 && begin + length > begin;
}

/// How many of the whole entries make sense, from 0 to 1.
double sense(ashlar::bytes content, std::size_t stride) {
    std::size_t entries = 0;
    std::size_t good = 0;
    for (std::size_t at = 0; ashlar::holds(content, at, stride); at += stride) {
        ++entries;
        if (makes_sense(content, at)) ++good;
    }
    return entries == 0 ? 0 : static_cast<double>(good) / static_cast<double>(entries);
}

bool is_padded(ashlar::bytes content) {
    for (std::size_t at = 0; ashlar::holds(content, at, 24); at += 24) {
        if (ashlar::load_little<std::uint32_t>(content, at + 20) != 0) return false;
    }
    return true;
}

}  // namespace

e820_layout find_e820_layout(ashlar::bytes content) {
    const double short_sense = sense(content, 20);
    const double long_sense = sense(content, 24);
    e820_layout layout;
    // A file of one entry makes sense either way: its size decides.
    const bool is_long = long_sense > short_sense || (long_sense == short_sense && content.size() % 24 == 0);
    if (is_long) {
        layout.stride = 24;
        if (is_padded(content)) layout.extra = ashlar::e820_extra::padding;
    }
    layout.plausible = (is_long ? long_sense : short_sense) > 0.5;
    return layout;
}

}  // namespace lab
