// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <ashlar/source/radix_geometry.hpp>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

// What words are called in traces.
namespace ashlar::testing {

/// A word of a radix buddy, by its index.
template <class Source>
[[nodiscard]] std::string name_of_word(range<> frames, std::size_t index) {
    using geometry = detail::radix_geometry<Source::shape, typename Source::word>;
    const geometry at(frames);
    const struct {
        std::size_t first;
        const char* name;
    } parts[] = {{at.holes_at, "hole"},
                 {at.whole_tree_at, "whole hints"},
                 {at.row_tree_at, "row hints"},
                 {at.isolated_at, "isolated"},
                 {at.online_at, "online"},
                 {at.whole_at, "whole lines"},
                 {geometry::rows_at, "row"},
                 {geometry::transit_at, "transit"},
                 {geometry::lock_at, "lock"},
                 {geometry::root_at, "root hints"},
                 {0, "header"}};
    for (const auto& part : parts) {
        if (index >= part.first) return part.name + std::string(" ") + std::to_string(index - part.first);
    }
    return "word";
}

/// A word of a source or of layers around one: a layer's own words come before those of what is inside.
template <class Source>
[[nodiscard]] std::string name_of_layered_word(range<> frames, std::size_t index) {
    if constexpr (requires(Source source) { source.inner(); }) {
        using inner = std::remove_cvref_t<decltype(std::declval<Source&>().inner())>;
        const std::size_t own = Source::metadata_words(frames) - inner::metadata_words(frames);
        return index < own ? "layer word " + std::to_string(index)
                           : name_of_layered_word<inner>(frames, index - own);
    } else if constexpr (requires { Source::largest_window_order; }) {
        return name_of_word<Source>(frames, index);
    } else {
        return "word " + std::to_string(index);
    }
}

}  // namespace ashlar::testing
