// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/extent.hpp>
#include <ashlar/firmware/fdt_blob.hpp>
#include <ashlar/firmware/fdt_properties.hpp>
#include <ashlar/firmware/fdt_reservations.hpp>
#include <ashlar/firmware/memory_entry.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/table_reader.hpp>
#include <ashlar/firmware/topology.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {
namespace detail {

/// Reads what one checked device tree says about memory.
class fdt_walk {
 public:
    constexpr fdt_walk(const fdt_blob& tree, memory_map& map, topology& nodes, defects& found) noexcept
        : tree_(tree), properties_(tree, found), map_(map), nodes_(nodes), found_(found) {}

    template <class Sink>
    constexpr errc run(Sink& sink) noexcept {
        if (!read_root()) return errc::invalid;
        nodes_.forget_processors();
        add_processors();
        errc memory = add_memory();
        if (const errc answer = keep_to_usable_ranges(); answer != errc::ok) memory = answer;
        const errc reservations = fdt_reservation_walk(properties_, cells_, map_, found_, sink).run();
        add_distances();
        if (full_) return errc::limit;
        return memory == errc::ok ? reservations : memory;
    }

 private:
    /// Linux takes two.
    static constexpr std::size_t most_usable_ranges = 16;

    constexpr bool read_root() noexcept {
        cells_ = properties_.cells_of(tree_.root(), {});
        if (cells_.usable()) return true;
        report(tree_.root().at, defect_kind::bad_length, "addresses and sizes have one cell or two");
        return false;
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
        const proximity_domain domain = load_big<std::uint32_t>(id.value, 0);
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
            if (!is_text(type.value, "cpu") || !properties_.available(node)) return;
            node_id unused = any_node;
            (void)node_of(node, true, unused);
        });
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
        if (!properties_.available(device)) {
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
        properties_.for_each_range(ranges, cells_, [&](std::size_t offset, const extent& claimed) {
            reader.add(offset, claimed, memory_kind::usable, static_cast<std::uint8_t>(attributes), node);
        });
    }

    /// /chosen may say which part of the address space this kernel may use (one that runs after a crash). The
    /// rest is somebody else's, whoever describes it.
    constexpr errc keep_to_usable_ranges() noexcept {
        fdt_property allowed;
        tree_.for_each_node([&](const fdt_node& node) {
            if (node.depth != 1 || allowed.present || !is_name(node.name, "chosen")) return;
            allowed = tree_.find(node, "linux,usable-memory-range");
        });
        if (!allowed.present) return errc::ok;
        extent ranges[most_usable_ranges]{};
        std::size_t count = 0;
        properties_.for_each_range(allowed, cells_, [&](std::size_t offset, const extent& range) {
            if (range.form == extent::shape::plain && count < most_usable_ranges) {
                ranges[count++] = range;
            } else if (range.form != extent::shape::empty) {
                report(offset, defect_kind::ignored, "a usable range too many, or beyond the address space");
            }
        });
        constexpr std::uint64_t top = ~std::uint64_t{0};
        errc answer = errc::ok;
        for (std::uint64_t at = 0; at != top;) {
            // The lowest of the ranges that end at `at` or beyond.
            extent next{top, top};
            for (std::size_t i = 0; i < count; ++i) {
                if (ranges[i].last >= at && ranges[i].first < next.first) next = ranges[i];
            }
            if (next.first > at && map_.add(at, next.first, memory_kind::reserved) != errc::ok) {
                answer = errc::limit;
            }
            at = next.last == top ? top : next.last + 1;
        }
        return answer;
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
            const std::uint32_t distance = load_big<std::uint32_t>(value, i + 8);
            const bool local = load_big<std::uint32_t>(value, i) == load_big<std::uint32_t>(value, i + 4);
            if (local ? distance == local_distance : distance > local_distance && distance <= 255) continue;
            found_.report({table::fdt, matrix.at + i, defect_kind::bad_distance,
                           "a distance that cannot be true; the map is not used",
                           load_big<std::uint32_t>(value, i), load_big<std::uint32_t>(value, i + 4)});
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
        const node_id here = nodes_.node_of(load_big<std::uint32_t>(matrix, from));
        const node_id there = nodes_.node_of(load_big<std::uint32_t>(matrix, to));
        if (here == any_node || there == any_node) return;
        const auto distance = static_cast<std::uint8_t>(load_big<std::uint32_t>(matrix, triple + 8));
        if (nodes_.set_distance(here, there, distance) != errc::limit || full_) return;
        full_ = true;
        report(at, defect_kind::full, "a distance that cannot be kept");
    }

    constexpr void report(std::size_t at, defect_kind kind, const char* text) noexcept {
        properties_.report(at, kind, text);
    }

    const fdt_blob& tree_;
    fdt_properties properties_;
    memory_map& map_;
    topology& nodes_;
    defects& found_;
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
///   Everything outside `linux,usable-memory-range` in /chosen is reserved, if there is such a property.
/// - Reserved: the memory reservation block, and the children of /reserved-memory, whether they are `no-map`,
///   `reusable` or neither; `sink(fdt_reservation)` learns of each range. First all those with `reg`; then
///   those with a `size`, in the order of the tree: each gets the topmost usable memory (as in Linux) that
///   the map then has in the first of its `alloc-ranges` with room, in whole pages, at its `alignment`, on
///   one node, never in hot-pluggable memory. So exclude what is in use already before this call: the tree,
///   the image, the initial RAM disk. One that fits nowhere is reported as `ignored` and not placed.
/// - Processors: children of /cpus of the type "cpu", with a node and an okay status. Their domains become
///   nodes first. Counts of an earlier reader are replaced.
/// - Distances: numa-distance-map-v1. A distance said in one direction only counts for both; a map with a
///   wrong diagonal, or another distance that is not from 11 to 255, is not used at all.
///
/// A tree that is cut off or that contradicts itself anywhere in its structure is refused: reported,
/// `invalid` and nothing is read, since its reservations could be in the part that is missing. Memory of a
/// domain that has no room among the nodes is left out.
///
/// `limit` if the map or the topology is full. O(bytes) time, and O(entries) for each of the `alloc-ranges`;
/// no recursion, constant stack. Any context.
template <class Sink>
constexpr errc read_fdt(bytes input, memory_map& map, topology& nodes, defects& found, Sink&& sink) noexcept {
    detail::fdt_blob tree;
    if (!tree.open(input, found)) return errc::invalid;
    return detail::fdt_walk(tree, map, nodes, found).run(sink);
}

/// For who does not need to know what the reservations are for.
constexpr errc read_fdt(bytes input, memory_map& map, topology& nodes, defects& found) noexcept {
    return read_fdt(input, map, nodes, found, [](const fdt_reservation&) noexcept {});
}

}  // namespace ashlar
