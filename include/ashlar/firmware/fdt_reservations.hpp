// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/extent.hpp>
#include <ashlar/firmware/fdt_blob.hpp>
#include <ashlar/firmware/fdt_properties.hpp>
#include <ashlar/firmware/memory_entry.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/table_reader.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// A range that a child of /reserved-memory takes. It is never handed out, whatever its flags say. The last
/// byte of the address space is in no map: a range of that byte alone is not told.
struct fdt_reservation {
    bytes name{};               ///< of the child, with its unit address, without a terminator
    std::uint32_t phandle = 0;  ///< by which devices name it; 0 if none does
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    bool placed = false;    ///< the tree gave a size, and the place was found by `read_fdt`
    bool no_map = false;    ///< is not to be mapped, not even by accident
    bool reusable = false;  ///< the system may use it for what can be moved away on demand
};

namespace detail {

/// The topmost usable memory of `size` bytes in [begin, end), in whole pages that agree in everything a zone
/// is cut by, never in hot-pluggable memory. Empty if there is none. `alignment` is a power of two.
[[nodiscard]] constexpr extent topmost_place(const memory_map& map, std::uint64_t begin, std::uint64_t end,
                                             std::uint64_t size, std::uint64_t alignment) noexcept {
    const std::uint64_t page = std::uint64_t{1} << map.page_shift();
    const std::uint64_t step = alignment > page ? alignment : page;
    const std::uint64_t whole = (size + page - 1) & ~(page - 1);
    extent place{0, 0, extent::shape::empty};
    if (whole < size) return place;
    map.for_each_usable([&](const usable_run& run) noexcept {
        if (run.hot_pluggable) return;
        const std::uint64_t first = run.frames.first.number << map.page_shift();
        const std::uint64_t last_end = run.frames.end().number << map.page_shift();
        const std::uint64_t low = first > begin ? first : begin;
        const std::uint64_t high = (last_end < end ? last_end : end) & ~(page - 1);
        if (high < low || high - low < whole) return;
        const std::uint64_t at = (high - whole) & ~(step - 1);
        if (at >= low) place = extent::of(at, whole);
    });
    return place;
}

/// Reads the reservations of one checked device tree: the block, then those with a place, then those without.
template <class Sink>
class fdt_reservation_walk {
 public:
    constexpr fdt_reservation_walk(const fdt_properties& properties, const fdt_cells& root_cells,
                                   memory_map& map, defects& found, Sink& sink) noexcept
        : properties_(properties),
          root_cells_(root_cells),
          cells_(root_cells),
          map_(map),
          reader_(table::fdt, table_reader::order::any, map, found),
          sink_(sink) {}

    constexpr errc run() noexcept {
        add_block();
        for_each_child([this](const fdt_node& node) {
            if (has_place(node)) add_static(node);
        });
        for_each_child([this](const fdt_node& node) {
            if (wants_place(node)) place(node);
        });
        return reader_.finish();
    }

 private:
    constexpr void add_block() noexcept {
        const bytes content = properties_.tree().content();
        for (std::size_t at = properties_.tree().reservations();; at += fdt_blob::reservation_bytes) {
            const auto first = load_big<std::uint64_t>(content, at);
            const auto size = load_big<std::uint64_t>(content, at + 8);
            if (first == 0 && size == 0) return;
            reader_.add(at, extent::of(first, size), memory_kind::reserved, 0);
        }
    }

    template <class Child>
    constexpr void for_each_child(Child&& child) noexcept {
        bool inside = false;
        properties_.tree().for_each_node([&](const fdt_node& node) {
            if (node.depth == 1) {
                inside = is_name(node.name, "reserved-memory");
                if (inside) cells_ = properties_.cells_of(node, root_cells_);
                if (inside && !cells_.usable()) cells_ = root_cells_;
            }
            if (inside) child(node);
        });
    }

    /// The first pass, which also reports what is wrong.
    [[nodiscard]] constexpr bool has_place(const fdt_node& node) const noexcept {
        if (node.depth == 1) check_parent(node);
        if (node.depth != 2) return false;
        if (!properties_.available(node)) {
            properties_.report(node.at, defect_kind::ignored,
                               "reserved memory that is not available by its status");
            return false;
        }
        if (properties_.has(node, "no-map") && properties_.has(node, "reusable")) {
            properties_.report(node.at, defect_kind::malformed,
                               "reserved memory that is both unmapped and reusable");
        }
        return properties_.has(node, "reg");
    }
    [[nodiscard]] constexpr bool wants_place(const fdt_node& node) const noexcept {
        return node.depth == 2 && properties_.available(node) && !properties_.has(node, "reg");
    }

    /// The cells must be the root's and the addresses not translated. If not it is reported, and addresses
    /// are taken as they stand.
    constexpr void check_parent(const fdt_node& parent) const noexcept {
        const fdt_property translated = properties_.find(parent, "ranges");
        const bool same = properties_.cells_of(parent, root_cells_) == root_cells_;
        if (same && translated.present && translated.value.empty()) return;
        properties_.report(parent.at, defect_kind::malformed, "reserved memory in addresses of its own");
    }

    constexpr void add_static(const fdt_node& node) noexcept {
        properties_.for_each_range(properties_.find(node, "reg"), cells_,
                                   [&](std::size_t offset, const extent& claimed) {
                                       reader_.add(offset, claimed, memory_kind::reserved, 0);
                                       tell(node, claimed, false);
                                   });
    }

    constexpr void place(const fdt_node& node) noexcept {
        const fdt_property size = properties_.find(node, "size");
        if (size.value.size() != std::size_t{4} * cells_.size) {
            properties_.report(node.at, defect_kind::malformed,
                               "reserved memory without a place and without a size");
            return;
        }
        const std::uint64_t wanted = fdt_number(size.value, 0, cells_.size);
        const std::uint64_t alignment = alignment_of(node);
        if (wanted == 0 || !std::has_single_bit(alignment)) {
            properties_.report(node.at, defect_kind::malformed,
                               "reserved memory of no size, or of an alignment that is no power of two",
                               wanted, wanted);
            return;
        }
        const extent found = place_for(node, wanted, alignment);
        if (found.form != extent::shape::plain) {
            properties_.report(node.at, defect_kind::ignored,
                               "reserved memory that fits nowhere: it is not placed", wanted, wanted);
            return;
        }
        reader_.add(node.at, found, memory_kind::reserved, 0);
        tell(node, found, true);
    }

    /// 1 if the tree asks for none; 0 if it says no number.
    [[nodiscard]] constexpr std::uint64_t alignment_of(const fdt_node& node) const noexcept {
        const fdt_property alignment = properties_.find(node, "alignment");
        if (!alignment.present) return 1;
        const std::size_t size = alignment.value.size();
        return size == 4 || size == 8 ? fdt_number(alignment.value, 0, size == 8 ? 2 : 1) : 0;
    }

    [[nodiscard]] constexpr extent place_for(const fdt_node& node, std::uint64_t size,
                                             std::uint64_t alignment) const noexcept {
        constexpr std::uint64_t top = ~std::uint64_t{0};
        const fdt_property ranges = properties_.find(node, "alloc-ranges");
        if (!ranges.present) return topmost_place(map_, 0, top, size, alignment);
        extent found{0, 0, extent::shape::empty};
        properties_.for_each_range(ranges, cells_, [&](std::size_t, const extent& allowed) {
            if (found.form == extent::shape::plain || allowed.form == extent::shape::empty) return;
            const std::uint64_t end = allowed.last == top ? top : allowed.last + 1;
            found = topmost_place(map_, allowed.first, end, size, alignment);
        });
        return found;
    }

    constexpr void tell(const fdt_node& node, const extent& claimed, bool placed) noexcept {
        constexpr std::uint64_t top = ~std::uint64_t{0};
        if (claimed.form == extent::shape::empty || claimed.first == top) return;
        const fdt_property phandle = properties_.find(node, "phandle");
        sink_(fdt_reservation{node.name,
                              phandle.value.size() == 4 ? load_big<std::uint32_t>(phandle.value, 0) : 0,
                              claimed.first, claimed.last == top ? top : claimed.last + 1, placed,
                              properties_.has(node, "no-map"), properties_.has(node, "reusable")});
    }

    const fdt_properties& properties_;
    fdt_cells root_cells_;
    fdt_cells cells_;
    memory_map& map_;
    table_reader reader_;
    Sink& sink_;
};

}  // namespace detail
}  // namespace ashlar
