// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/extent.hpp>
#include <ashlar/firmware/fdt_blob.hpp>
#include <ashlar/firmware/memory_entry.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/table_reader.hpp>
#include <ashlar/firmware/topology.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {
namespace detail {

/// How many cells of 32 bits an address and a size have.
struct fdt_cells {
    std::uint32_t address = 2;
    std::uint32_t size = 1;

    [[nodiscard]] constexpr bool usable() const noexcept {
        return address >= 1 && address <= 2 && size >= 1 && size <= 2;
    }
    [[nodiscard]] constexpr std::size_t pair_bytes() const noexcept {
        return std::size_t{4} * (address + size);
    }
    [[nodiscard]] friend constexpr bool operator==(const fdt_cells&, const fdt_cells&) noexcept = default;
};

/// Reads what one checked device tree says about memory.
class fdt_walk {
 public:
    constexpr fdt_walk(const fdt_blob& tree, memory_map& map, topology& nodes, defects& found) noexcept
        : tree_(tree), map_(map), nodes_(nodes), found_(found) {}

    constexpr errc run() noexcept {
        if (!read_root()) return errc::invalid;
        nodes_.forget_processors();
        add_processors();
        const errc memory = add_memory();
        const errc reservations = add_reservations();
        add_distances();
        if (full_) return errc::limit;
        return memory == errc::ok ? reservations : memory;
    }

 private:
    constexpr bool read_root() noexcept {
        root_ = tree_.root();
        cells_ = cells_of(root_, {});
        if (cells_.usable()) return true;
        report(root_.at, defect_kind::bad_length, "addresses and sizes have one cell or two");
        return false;
    }

    [[nodiscard]] constexpr fdt_cells cells_of(const fdt_node& node, fdt_cells otherwise) const noexcept {
        const fdt_property address = tree_.find(node, "#address-cells");
        const fdt_property size = tree_.find(node, "#size-cells");
        if (address.present) otherwise.address = address.value.size() == 4 ? number(address.value, 0, 1) : 0;
        if (size.present) otherwise.size = size.value.size() == 4 ? number(size.value, 0, 1) : 0;
        return otherwise;
    }

    /// The number of one or two cells.
    [[nodiscard]] static constexpr std::uint64_t wide(bytes value, std::size_t offset,
                                                      std::uint32_t cells) noexcept {
        return cells == 2 ? load_big<std::uint64_t>(value, offset) : load_big<std::uint32_t>(value, offset);
    }
    [[nodiscard]] static constexpr std::uint32_t number(bytes value, std::size_t offset,
                                                        std::uint32_t cells) noexcept {
        return static_cast<std::uint32_t>(wide(value, offset, cells));
    }

    [[nodiscard]] constexpr bool available(const fdt_node& node) const noexcept {
        const fdt_property status = tree_.find(node, "status");
        return !status.present || is_text(status.value, "okay") || is_text(status.value, "ok");
    }

    /// The node of a device; false if the tree names one that cannot be had. `any_node` if it names none.
    constexpr bool node_of(const fdt_node& device, bool processor, node_id& node) noexcept {
        node = any_node;
        const fdt_property id = tree_.find(device, "numa-node-id");
        if (!id.present) return true;
        if (id.value.size() != 4) {
            report(id.at, defect_kind::bad_length, "a node's number has one cell");
            return true;
        }
        const proximity_domain domain = number(id.value, 0, 1);
        const result<node_id> known = processor ? nodes_.add_processor(domain) : nodes_.add(domain);
        if (!known) {
            full_ = true;
            report(id.at, defect_kind::full, "more domains than nodes can be");
            return false;
        }
        node = *known;
        return true;
    }

    constexpr void add_processors() noexcept {
        bool inside = false;
        tree_.for_each_node([&](const fdt_node& node) {
            if (node.depth == 1) inside = is_name(node.name, "cpus");
            if (!inside || node.depth != 2) return;
            const fdt_property type = tree_.find(node, "device_type");
            if (!is_text(type.value, "cpu") || !available(node)) return;
            node_id unused = any_node;
            (void)node_of(node, true, unused);
        });
    }

    /// Calls `sink(offset, extent)` for each whole pair of an address and a size.
    template <class Sink>
    constexpr void for_each_range(const fdt_property& property, const fdt_cells& cells,
                                  Sink&& sink) noexcept {
        const std::size_t stride = cells.pair_bytes();
        std::size_t offset = 0;
        for (; holds(property.value, offset, stride); offset += stride) {
            const std::uint64_t first = wide(property.value, offset, cells.address);
            const std::uint64_t size = wide(property.value, offset + 4 * cells.address, cells.size);
            sink(property.at + offset, extent::of(first, size));
        }
        if (offset != property.value.size()) {
            report(property.at + offset, defect_kind::bad_length, "a range that is cut off");
        }
    }

    constexpr errc add_memory() noexcept {
        table_reader reader(table::fdt, table_reader::order::any, map_, found_);
        tree_.for_each_node([&](const fdt_node& node) {
            if (node.depth != 1) return;
            const fdt_property type = tree_.find(node, "device_type");
            if (is_text(type.value, "memory")) add_memory_node(reader, node);
        });
        return reader.finish();
    }

    constexpr void add_memory_node(table_reader& reader, const fdt_node& device) noexcept {
        if (!available(device)) {
            report(device.at, defect_kind::ignored, "memory that is not available by its status");
            return;
        }
        fdt_property ranges = tree_.find(device, "linux,usable-memory");
        if (!ranges.present) ranges = tree_.find(device, "reg");
        if (!ranges.present) {
            report(device.at, defect_kind::malformed, "memory that is nowhere");
            return;
        }
        node_id node = any_node;
        if (!node_of(device, false, node)) return;
        unsigned attributes = 0;
        if (tree_.find(device, "hotpluggable").present) {
            if (node == any_node) {
                report(device.at, defect_kind::no_node,
                       "hot-pluggable memory without a node, taken as fixed");
            } else {
                attributes = memory_attribute::hot_pluggable;
            }
        }
        for_each_range(ranges, cells_, [&](std::size_t offset, const extent& claimed) {
            reader.add(offset, claimed, memory_kind::usable, static_cast<std::uint8_t>(attributes), node);
        });
    }

    constexpr errc add_reservations() noexcept {
        table_reader reader(table::fdt, table_reader::order::any, map_, found_);
        for (std::size_t at = tree_.reservations();; at += fdt_blob::reservation_bytes) {
            const auto first = load_big<std::uint64_t>(tree_.content(), at);
            const auto size = load_big<std::uint64_t>(tree_.content(), at + 8);
            if (first == 0 && size == 0) break;
            reader.add(at, extent::of(first, size), memory_kind::reserved, 0);
        }
        bool inside = false;
        fdt_cells cells = cells_;
        tree_.for_each_node([&](const fdt_node& node) {
            if (node.depth == 1) {
                inside = is_name(node.name, "reserved-memory");
                if (inside) cells = reservation_cells(node);
            }
            if (inside && node.depth == 2) add_reservation(reader, node, cells);
        });
        return reader.finish();
    }

    /// The cells must be the root's and the addresses not translated. If not it is reported, and addresses
    /// are taken as they stand.
    constexpr fdt_cells reservation_cells(const fdt_node& parent) noexcept {
        const fdt_cells cells = cells_of(parent, cells_);
        const fdt_property translated = tree_.find(parent, "ranges");
        if (cells != cells_ || !translated.present || !translated.value.empty()) {
            report(parent.at, defect_kind::malformed, "reserved memory in addresses of its own");
        }
        return cells.usable() ? cells : cells_;
    }

    constexpr void add_reservation(table_reader& reader, const fdt_node& node,
                                   const fdt_cells& cells) noexcept {
        if (!available(node)) {
            report(node.at, defect_kind::ignored, "reserved memory that is not available by its status");
            return;
        }
        if (tree_.find(node, "no-map").present && tree_.find(node, "reusable").present) {
            report(node.at, defect_kind::malformed, "reserved memory that is both unmapped and reusable");
        }
        const fdt_property ranges = tree_.find(node, "reg");
        if (ranges.present) {
            for_each_range(ranges, cells, [&](std::size_t offset, const extent& claimed) {
                reader.add(offset, claimed, memory_kind::reserved, 0);
            });
            return;
        }
        const fdt_property size = tree_.find(node, "size");
        if (size.value.size() != std::size_t{4} * cells.size) {
            report(node.at, defect_kind::malformed, "reserved memory without a place and without a size");
            return;
        }
        const std::uint64_t wanted = wide(size.value, 0, cells.size);
        found_.report({table::fdt, node.at, defect_kind::ignored,
                       "reserved memory without a place: it is not placed", wanted, wanted});
    }

    constexpr void add_distances() noexcept {
        tree_.for_each_node([&](const fdt_node& node) {
            if (node.depth != 1 || !is_name(node.name, "distance-map")) return;
            if (!lists_text(tree_.find(node, "compatible").value, "numa-distance-map-v1")) {
                report(node.at, defect_kind::bad_signature, "a distance map of an unknown kind");
                return;
            }
            add_matrix(node);
        });
    }

    /// Triples of two domains and the distance from the first to the second.
    constexpr void add_matrix(const fdt_node& map) noexcept {
        constexpr std::size_t triple = 12;
        const fdt_property matrix = tree_.find(map, "distance-matrix");
        const bytes value = matrix.value;
        if (value.empty() || value.size() % triple != 0) {
            report(matrix.present ? matrix.at : map.at, defect_kind::bad_length,
                   "a distance matrix is of triples");
            return;
        }
        for (std::size_t i = 0; i < value.size(); i += triple) {
            const std::uint32_t distance = number(value, i + 8, 1);
            const bool local = number(value, i, 1) == number(value, i + 4, 1);
            if (local ? distance == local_distance : distance > local_distance && distance <= 255) continue;
            found_.report({table::fdt, matrix.at + i, defect_kind::bad_distance,
                           "a distance that cannot be true; the map is not used", number(value, i, 1),
                           number(value, i + 4, 1)});
            return;
        }
        // First the way back of each triple, then what the triples say themselves.
        for (std::size_t i = 0; i < value.size(); i += triple) {
            set_distance(value, matrix.at + i, i, i + 4, i);
        }
        for (std::size_t i = 0; i < value.size(); i += triple) {
            set_distance(value, matrix.at + i, i, i, i + 4);
        }
    }

    constexpr void set_distance(bytes matrix, std::size_t at, std::size_t triple, std::size_t from,
                                std::size_t to) noexcept {
        const node_id here = nodes_.node_of(number(matrix, from, 1));
        const node_id there = nodes_.node_of(number(matrix, to, 1));
        if (here == any_node || there == any_node) return;
        const auto distance = static_cast<std::uint8_t>(number(matrix, triple + 8, 1));
        if (nodes_.set_distance(here, there, distance) != errc::limit || full_) return;
        full_ = true;
        report(at, defect_kind::full, "a distance that cannot be kept");
    }

    constexpr void report(std::size_t at, defect_kind kind, const char* text) noexcept {
        found_.report({table::fdt, at, kind, text});
    }

    const fdt_blob& tree_;
    memory_map& map_;
    topology& nodes_;
    defects& found_;
    fdt_node root_{};
    fdt_cells cells_{};
    bool full_ = false;
};

}  // namespace detail

/// Size in bytes of the device tree that begins like this, from its first 8 bytes: what is to be mapped for
/// `read_fdt`, and to be excluded while the tree is in use (content and padding). `invalid` if it is none.
/// Any context.
[[nodiscard]] constexpr result<std::uint32_t> fdt_size(bytes input) noexcept {
    if (load_big<std::uint32_t>(input, 0) != detail::fdt_blob::magic || !holds(input, 0, 8)) {
        return errc::invalid;
    }
    return load_big<std::uint32_t>(input, 4);
}

/// Reads a flattened device tree (versions 16 and 17): memory, reservations, nodes, processors, distances.
///
/// - Memory: children of the root with the device type "memory" whose status is absent or okay; others are
///   reported as `ignored`. `linux,usable-memory` stands before `reg`. `numa-node-id` is the proximity
///   domain. `hotpluggable` goes with the node; without one it is reported, and the memory is taken as fixed.
/// - Reserved: the memory reservation block, and the children of /reserved-memory with `reg`, whether they
///   are `no-map`, `reusable` or neither. Those that only have a size are not placed: they are reported as
///   `ignored`, with the size, and are the embedder's to allocate.
/// - Processors: children of /cpus of the type "cpu", with a node and an okay status. Their domains become
///   nodes first. Counts of an earlier reader are replaced.
/// - Distances: numa-distance-map-v1. A distance said in one direction only counts for both; a map with a
///   wrong diagonal, or another distance that is not from 11 to 255, is not used at all.
///
/// A tree that is cut off or that contradicts itself anywhere in its structure is refused: reported,
/// `invalid` and nothing is read, since its reservations could be in the part that is missing. The tree
/// itself, the image and the initial RAM disk are the caller's to exclude. Memory of a domain that has no
/// room among the nodes is left out.
///
/// `limit` if the map or the topology is full. O(bytes) time, no recursion, constant stack. Any context.
constexpr errc read_fdt(bytes input, memory_map& map, topology& nodes, defects& found) noexcept {
    detail::fdt_blob tree;
    if (!tree.open(input, found)) return errc::invalid;
    return detail::fdt_walk(tree, map, nodes, found).run();
}

}  // namespace ashlar
