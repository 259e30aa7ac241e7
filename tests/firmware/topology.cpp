// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/topology.hpp>

#include <cstdint>

namespace {

using ashlar::errc;
using ashlar::topology;

// It can live in static storage before anything runs.
constinit topology static_nodes;

TEST_CASE("the example of the class comment") {
    ashlar::topology nodes;
    (void)nodes.add_processor(7);
    (void)nodes.add(3);
    (void)nodes.set_distance(0, 1, 21);
    CHECK(nodes.distance(0, 1) == 21);
    CHECK(nodes.distance(1, 0) == 20);
}

TEST_CASE("a machine of which nobody said anything") {
    CHECK(!static_nodes.has_domains());
    CHECK(static_nodes.node_count() == 1);
    CHECK(static_nodes.cpus(0) == 0);
    CHECK(static_nodes.distance(0, 0) == 10);
    CHECK(static_nodes.distance(0, 1) == ashlar::unreachable_distance);
    CHECK(static_nodes.node_of(0) == ashlar::any_node);
}

TEST_CASE("domains become dense nodes in the order of their appearance") {
    topology nodes;
    CHECK(*nodes.add_processor(0xffffffff) == 0);
    CHECK(*nodes.add(5) == 1);
    CHECK(*nodes.add_processor(0xffffffff) == 0);
    CHECK(*nodes.add(5) == 1);
    CHECK(nodes.node_count() == 2);
    CHECK(nodes.cpus(0) == 2);
    CHECK(nodes.cpus(1) == 0);
    CHECK(nodes.domain(0) == 0xffffffff);
    CHECK(nodes.node_of(5) == 1);
    CHECK(nodes.node_of(6) == ashlar::any_node);
    nodes.forget_processors();
    CHECK(nodes.cpus(0) == 0);
    CHECK(nodes.node_count() == 2);
}

TEST_CASE("more domains than nodes can be") {
    topology nodes;
    for (std::uint32_t domain = 0; domain < ashlar::max_nodes; ++domain) {
        REQUIRE(nodes.add(domain * 3).has_value());
    }
    CHECK(nodes.add(1).error() == errc::limit);
    CHECK(nodes.add_processor(1).error() == errc::limit);
    CHECK(nodes.add(3).has_value());
    CHECK(nodes.node_count() == ashlar::max_nodes);
    CHECK(nodes.cpus(ashlar::max_nodes) == 0);
    CHECK(nodes.domain(ashlar::max_nodes) == 0);
}

TEST_CASE("distances of nodes that do not exist") {
    topology nodes;
    CHECK(nodes.set_distance(0, 1, 30) == errc::invalid);
    CHECK(nodes.set_distance(ashlar::any_node, 0, 30) == errc::invalid);
    CHECK(nodes.distance(ashlar::any_node, 0) == ashlar::unreachable_distance);
}

TEST_CASE("distances may be known before the nodes") {
    topology nodes;
    CHECK(nodes.remember_distance(2, 1, 42) == errc::ok);
    CHECK(nodes.remember_distance(2, 64, 42) == errc::limit);
    CHECK(nodes.remember_distance(64, 2, 42) == errc::limit);
    REQUIRE(nodes.add(1).has_value());
    REQUIRE(nodes.add(2).has_value());
    REQUIRE(nodes.add(1000).has_value());
    CHECK(nodes.remember_distance(2, 1, 43) == errc::busy);
    CHECK(nodes.distance(1, 0) == 42);
    CHECK(nodes.distance(0, 1) == 20);
    CHECK(nodes.distance(0, 2) == 20);
    CHECK(nodes.distance(2, 2) == 10);
    CHECK(nodes.set_distance(0, 1, 30) == errc::ok);
    CHECK(nodes.distance(0, 1) == 30);
    CHECK(nodes.set_distance(0, 2, 30) == errc::limit);
    CHECK(nodes.set_distance(2, 0, 30) == errc::limit);
}

constexpr bool at_compile_time() {
    topology nodes;
    (void)nodes.add_processor(9);
    (void)nodes.add(4);
    return nodes.set_distance(0, 1, 15) == errc::ok && nodes.distance(0, 1) == 15 && nodes.cpus(0) == 1;
}
static_assert(at_compile_time());

}  // namespace
