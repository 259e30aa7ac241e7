// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Machines that the zone tests boot.
#pragma once

#include <doctest/doctest.h>

#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/topology.hpp>
#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/locked.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/zone/physical_memory.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace zone_tests {

using namespace ashlar;

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;
constexpr std::uint64_t frames_per_gibibyte = gibibyte >> 12;

/// A map with room, and the nodes beside it.
struct firmware {
    memory_entry entries[64];
    memory_map map{entries};
    topology nodes;

    void ram(std::uint64_t begin, std::uint64_t end, node_id node, bool mirrored = false) {
        while (nodes.node_count() <= node || !nodes.has_domains()) {
            REQUIRE(nodes.add(nodes.has_domains() ? nodes.node_count() : 0).has_value());
        }
        REQUIRE(map.add(begin, end, memory_kind::usable) == errc::ok);
        REQUIRE(map.set_node(begin, end, node) == errc::ok);
        if (mirrored) REQUIRE(map.mirror(begin, end) == errc::ok);
    }
};

/// The map of CN104252419, corrected: four nodes of 12 GiB, the first GiB of each mirrored.
struct patent_machine : firmware {
    patent_machine() {
        ram(0x0, 0x9a800, 0);
        ram(0x100000, gibibyte, 0, true);
        ram(gibibyte, 0xbf790000, 0);
        ram(4 * gibibyte, 12 * gibibyte, 0);
        for (node_id node = 1; node < 4; ++node) {
            const std::uint64_t begin = node * 12 * gibibyte;
            ram(begin, begin + gibibyte, node, true);
            ram(begin + gibibyte, begin + 12 * gibibyte, node);
        }
        for (node_id from = 0; from < 4; ++from) {
            for (node_id to = 0; to < 4; ++to) {
                const unsigned hops = from < to ? to - from : from - to;
                REQUIRE(nodes.set_distance(from, to, static_cast<std::uint8_t>(10 + 6 * hops)) == errc::ok);
            }
        }
    }
};

/// A machine with storage of its own.
template <class Memory>
struct booted {
    std::vector<std::byte> metadata;
    std::unique_ptr<Memory> ram = std::make_unique<Memory>();

    explicit booted(const firmware& from, zone_rules rules = {}) {
        metadata.resize(Memory::metadata_bytes(from.map, from.nodes, rules));
        REQUIRE(!metadata.empty());
        REQUIRE(ram->boot(from.map, from.nodes, {metadata.data(), metadata.size()}, start::fresh, rules) ==
                errc::ok);
    }
    Memory* operator->() const { return ram.get(); }
};

constexpr buddy_shape order_10{.top_order = 10};
using radix_zone = zone<counted<radix_buddy<platform, order_10>>>;
using list_zone = zone<locked<list_buddy<platform, order_10>>>;

}  // namespace zone_tests
