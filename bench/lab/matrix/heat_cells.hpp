// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lab/replay/block_usage.hpp"

namespace lab {

/// What a cell of the heat map can be, one character each.
namespace cell {
inline constexpr char absent = '.';
inline constexpr char free = 'a';
inline constexpr char full = 'f';
inline constexpr std::string_view partial = "bcde";  ///< by quarters of its frames that are in use
inline constexpr char unchanged = '=';               ///< only between two samples
}  // namespace cell

/// How the pageblocks of a machine become cells: one each, or so many to a cell that there are not too many
/// cells. A cell does not reach across zones.
struct heat_layout {
    std::size_t blocks_per_cell = 1;
    std::vector<std::size_t> cells;  ///< of each zone
};

[[nodiscard]] heat_layout heat_layout_of(const block_usage& usage);

/// The cells of all zones, one after the other.
[[nodiscard]] std::string heat_cells(const block_usage& usage, const heat_layout& layout);

/// `now` as runs of "[count]character", `unchanged` where it is as `before` (which may be empty).
[[nodiscard]] std::string encode_cells(std::string_view before, std::string_view now);

}  // namespace lab
