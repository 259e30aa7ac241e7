// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>

#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/zone/physical_memory.hpp>
#include <random>
#include <vector>

#include "migrate/users.hpp"

// Allocators over the bank.
namespace migrate_tests {

using namespace ashlar;

using radix = radix_buddy<bank>;
using list = list_buddy<bank>;
using rows = cpu_rows<radix_buddy<bank>>;
using machine_of_rows = physical_memory<zone<counted<rows>>>;

inline constexpr range<> bank_frames{{0}, bank::frames};

/// A source over the bank, or a machine with a mirrored zone between two ordinary ones.
template <class Source>
struct attached {
    std::vector<typename Source::word> words =
        std::vector<typename Source::word>(Source::metadata_words(bank_frames));
    Source source{};

    attached() {
        REQUIRE(source.attach(bank_frames, {words.data(), words.size()}, start::fresh) == errc::ok);
        REQUIRE(source.online(bank_frames) == errc::ok);
    }
};
template <>
struct attached<machine_of_rows> {
    std::vector<std::byte> metadata{};
    machine_of_rows source{};

    attached() {
        memory_entry entries[8];
        memory_map map{entries};
        topology nodes;
        const std::uint64_t third = (bank::frames / 3) & ~std::uint64_t{511};
        REQUIRE(nodes.add(0).has_value());
        REQUIRE(map.add(0, bank::frames << 12, memory_kind::usable) == errc::ok);
        REQUIRE(map.set_node(0, bank::frames << 12, 0) == errc::ok);
        REQUIRE(map.mirror(third << 12, (2 * third) << 12) == errc::ok);
        metadata.resize(machine_of_rows::metadata_bytes(map, nodes));
        REQUIRE(source.boot(map, nodes, {metadata.data(), metadata.size()}) == errc::ok);
    }
};

/// Fills a source with blocks of mixed orders, of which about one in `keep` stays.
template <class Source>
std::vector<std::uint64_t> scatter(Source& source, users<bank>& book, unsigned keep, unsigned seed,
                                   unsigned largest_order = 3, std::uint64_t leave_free = 0) {
    std::minstd_rand random(seed);
    std::vector<std::uint64_t> ids;
    while (source.free_frames() > leave_free) {
        const unsigned order = static_cast<unsigned>(random() % (largest_order + 1));
        auto got = source.allocate({.order = order, .mobility = mobility::movable});
        if (!got && order == 0) break;
        if (got) ids.push_back(book.enter(*got, order));
    }
    std::vector<std::uint64_t> kept;
    for (const std::uint64_t id : ids) {
        if (random() % keep == 0) {
            kept.push_back(id);
            continue;
        }
        const auto freed = book.leave(id);
        REQUIRE(source.free(freed.first, freed.order) == errc::ok);
    }
    source.drain();
    return kept;
}

}  // namespace migrate_tests
