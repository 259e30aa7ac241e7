// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/memory_performance.hpp>

#include <cstdint>
#include <initializer_list>

namespace {

using ashlar::access_performance;
using ashlar::any_node;
using ashlar::errc;
using ashlar::memory_performance;
using ashlar::memory_side_cache;

// It can live in static storage before anything runs.
constinit access_performance static_pairs[2]{};
constinit memory_side_cache static_caches[1]{};
constinit memory_performance static_performance{static_pairs, static_caches};

TEST_CASE("the example of the class comment") {
    ashlar::topology nodes;
    ashlar::access_performance pairs[16];
    ashlar::memory_side_cache caches[4];
    ashlar::memory_performance performance{pairs, caches};
    (void)performance.add({.initiator = 0, .memory = 0, .read_latency = 80'000, .write_latency = 80'000});
    (void)performance.add({.initiator = 0, .memory = 1, .read_latency = 250'000, .read_bandwidth = 25'600});
    CHECK(performance.between(0, 1).read_latency == 250'000);
    CHECK(performance.between(1, 0).read_latency == 0);
    CHECK(performance.nearest_initiator(1, nodes) == 0);
}

TEST_CASE("what was told first stays, what was open is filled") {
    CHECK(static_performance.add({.initiator = 1, .memory = 2, .read_latency = 5}) == errc::ok);
    CHECK(static_performance.add({.initiator = 1, .memory = 2, .read_latency = 6, .write_latency = 7}) ==
          errc::ok);
    CHECK(static_performance.between(1, 2) ==
          access_performance{.initiator = 1, .memory = 2, .read_latency = 5, .write_latency = 7});
    CHECK(static_performance.pairs().size() == 1);

    const access_performance known = static_performance.between(1, 2);
    CHECK(known.contradicts({.read_latency = 6}));
    CHECK(known.contradicts({.write_latency = 6}));
    CHECK_FALSE(known.contradicts({.read_latency = 5, .read_bandwidth = 9}));
    CHECK_FALSE(known.contradicts({}));
    CHECK(access_performance{.read_bandwidth = 1}.contradicts({.read_bandwidth = 2}));
    CHECK(access_performance{.write_bandwidth = 1}.contradicts({.write_bandwidth = 2}));
}

TEST_CASE("arrays that are full, nodes that cannot be") {
    access_performance pairs[1];
    memory_side_cache caches[1];
    memory_performance performance{pairs, caches};
    CHECK(performance.add({.initiator = 0, .memory = 0, .read_latency = 1}) == errc::ok);
    CHECK(performance.add({.initiator = 0, .memory = 1, .read_latency = 1}) == errc::limit);
    CHECK(performance.add({.initiator = 0, .memory = 0, .write_latency = 1}) == errc::ok);
    CHECK(performance.add(access_performance{}) == errc::invalid);
    CHECK(performance.add({.initiator = 0, .memory = ashlar::max_nodes, .read_latency = 1}) == errc::invalid);
    CHECK(performance.add({.initiator = ashlar::max_nodes, .memory = 0, .read_latency = 1}) == errc::invalid);
    CHECK(performance.pairs().size() == 1);

    CHECK(performance.add(memory_side_cache{.memory = 3, .level = 1, .levels = 2, .bytes = 64}) == errc::ok);
    CHECK(performance.add(memory_side_cache{.memory = 3, .level = 1, .levels = 2, .bytes = 32}) == errc::ok);
    CHECK(performance.add(memory_side_cache{.memory = 3, .level = 2, .levels = 2, .bytes = 32}) ==
          errc::limit);
    CHECK(performance.add(memory_side_cache{.level = 1, .levels = 1, .bytes = 32}) == errc::invalid);
    REQUIRE(performance.cache(3, 1) != nullptr);
    CHECK(performance.cache(3, 1)->bytes == 64);
    CHECK(performance.cache(3, 2) == nullptr);
    CHECK(performance.cache(2, 1) == nullptr);

    CHECK(performance.attach(0, ashlar::max_nodes) == errc::invalid);
    CHECK(performance.attach(any_node, 0) == errc::invalid);
    CHECK(performance.attached_initiator(any_node) == any_node);
    memory_performance none;
    CHECK(none.add({.initiator = 0, .memory = 0, .read_latency = 1}) == errc::limit);
    CHECK(none.between(0, 0).read_latency == 0);
}

TEST_CASE("the nearest initiator") {
    ashlar::topology nodes;
    for (const std::uint32_t domain : {0u, 1u, 2u}) REQUIRE(nodes.add(domain).has_value());
    access_performance pairs[8];
    memory_side_cache caches[1];
    memory_performance performance{pairs, caches};

    CHECK(performance.nearest_initiator(2, nodes) == any_node);  // nobody has a processor
    REQUIRE(nodes.add_processor(0).has_value());
    REQUIRE(nodes.add_processor(1).has_value());
    CHECK(performance.nearest_initiator(2, nodes) == 0);  // as far as node 1
    CHECK(performance.nearest_initiator(1, nodes) == 1);
    REQUIRE(nodes.set_distance(1, 2, 15) == errc::ok);
    CHECK(performance.nearest_initiator(2, nodes) == 1);

    SUBCASE("figures count more than distances") {
        REQUIRE(performance.add({.initiator = 0, .memory = 2, .read_latency = 100}) == errc::ok);
        CHECK(performance.nearest_initiator(2, nodes) == 0);
        REQUIRE(performance.add({.initiator = 1, .memory = 2, .read_latency = 90}) == errc::ok);
        CHECK(performance.nearest_initiator(2, nodes) == 1);
    }
    SUBCASE("writes first, then reads, then bandwidth, then who was told first") {
        REQUIRE(performance.add({.initiator = 0, .memory = 2, .read_latency = 9, .write_latency = 20}) ==
                errc::ok);
        REQUIRE(performance.add({.initiator = 1, .memory = 2, .read_latency = 10, .write_latency = 10}) ==
                errc::ok);
        CHECK(performance.nearest_initiator(2, nodes) == 1);
        REQUIRE(performance.add({.initiator = 2, .memory = 2, .read_latency = 10, .write_latency = 10}) ==
                errc::ok);
        CHECK(performance.nearest_initiator(2, nodes) == 1);
        REQUIRE(performance.add({.initiator = 2, .memory = 2, .write_bandwidth = 1}) == errc::ok);
        CHECK(performance.nearest_initiator(2, nodes) == 2);
        REQUIRE(performance.add({.initiator = 1, .memory = 2, .read_bandwidth = 5, .write_bandwidth = 1}) ==
                errc::ok);
        CHECK(performance.nearest_initiator(2, nodes) == 1);
    }
    SUBCASE("what nobody said is worst") {
        REQUIRE(performance.add({.initiator = 0, .memory = 2, .read_latency = 1}) == errc::ok);
        REQUIRE(performance.add({.initiator = 1, .memory = 2, .write_latency = 500}) == errc::ok);
        CHECK(performance.nearest_initiator(2, nodes) == 1);
    }
    SUBCASE("who cannot reach it is not near") {
        REQUIRE(performance.add({.initiator = 0, .memory = 2, .read_latency = 1, .unreachable = true}) ==
                errc::ok);
        CHECK(performance.nearest_initiator(2, nodes) == 1);
        REQUIRE(performance.add({.initiator = 2, .memory = 2, .read_latency = 500}) == errc::ok);
        CHECK(performance.nearest_initiator(2, nodes) == 2);
        REQUIRE(nodes.set_distance(1, 0, ashlar::unreachable_distance) == errc::ok);
        REQUIRE(nodes.set_distance(0, 0, ashlar::unreachable_distance) == errc::ok);
        CHECK(performance.nearest_initiator(0, nodes) == any_node);
    }
    SUBCASE("what firmware says counts most, the first time") {
        REQUIRE(performance.add({.initiator = 1, .memory = 2, .read_latency = 1}) == errc::ok);
        REQUIRE(performance.attach(2, 0) == errc::ok);
        REQUIRE(performance.attach(2, 1) == errc::ok);
        CHECK(performance.attached_initiator(2) == 0);
        CHECK(performance.nearest_initiator(2, nodes) == 0);
    }
}

}  // namespace
