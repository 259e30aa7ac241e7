// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/migrate/remap_hash.hpp>
#include <ashlar/migrate/remap_table.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <cstddef>

// The tables that tests of remapping run on.
namespace remap_tests {

using ashlar::platform;
using ashlar::remap_hash;
using ashlar::remap_shape;
using ashlar::remap_table;

inline constexpr remap_shape narrow{.filter_order = 3, .word_bits = 32, .line_order = 1};
inline constexpr remap_shape wide{.filter_order = 5, .word_bits = 64, .line_order = 3};
inline constexpr remap_shape exact{.filter_order = 0, .word_bits = 64, .line_order = 4};
inline constexpr remap_shape coarse{.filter_order = 20, .word_bits = 32, .line_order = 2};

#define ALL_REMAP_TABLES                                                      \
    remap_tests::remap_table<>, remap_tests::remap_hash<>,                    \
        remap_tests::remap_table<remap_tests::platform, remap_tests::narrow>, \
        remap_tests::remap_hash<remap_tests::platform, remap_tests::narrow>,  \
        remap_tests::remap_table<remap_tests::platform, remap_tests::wide>,   \
        remap_tests::remap_hash<remap_tests::platform, remap_tests::wide>,    \
        remap_tests::remap_table<remap_tests::platform, remap_tests::exact>,  \
        remap_tests::remap_hash<remap_tests::platform, remap_tests::exact>,   \
        remap_tests::remap_table<remap_tests::platform, remap_tests::coarse>, \
        remap_tests::remap_hash<remap_tests::platform, remap_tests::coarse>

/// A table with the words that it needs.
template <class Table>
struct attached {
    ashlar::testing::word_buffer<typename Table::word> words;
    Table table;
    ashlar::errc answer;

    attached(ashlar::range<ashlar::os> origins, ashlar::range<> targets, std::size_t capacity)
        : words(Table::metadata_words(origins, targets, capacity)),
          answer(table.attach(origins, targets, capacity, words.words())) {}
};

}  // namespace remap_tests
