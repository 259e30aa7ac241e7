// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Function objects that yield a node: whose turn it is, exactly, and that threads share the turns.
#include "zone/machines.hpp"

#include <array>
#include <ashlar/zone/node_choice.hpp>
#include <atomic>
#include <thread>

namespace {

using namespace zone_tests;

/// How often each node comes in so many turns.
template <class Choice>
constexpr std::array<unsigned, max_nodes> shares(Choice& next, unsigned turns) {
    std::array<unsigned, max_nodes> count{};
    for (unsigned turn = 0; turn < turns; ++turn) ++count[next()];
    return count;
}

template <class Choice, std::size_t Turns>
constexpr bool yields(Choice next, const node_id (&expected)[Turns]) {
    for (std::size_t turn = 0; turn < Turns; ++turn) {
        if (next.of(turn) != expected[turn] || next() != expected[turn]) return false;
    }
    return true;
}

constexpr std::uint64_t last_node = std::uint64_t{1} << 63;
static_assert(yields(interleave<>({.bits = 0b1011}), {0, 1, 3, 0, 1, 3, 0}));
static_assert(yields(interleave<>({.bits = 0b1011}, {.bits = 0b1110}), {1, 3, 1, 3}), "node 0 has no memory");
static_assert(yields(interleave<>({.bits = 0b1}, {.bits = 0b10}), {any_node, any_node}));
static_assert(yields(interleave<>({.bits = last_node | 1}), {0, 63, 0, 63}));
static_assert(yields(interleave<>(), {any_node, any_node}));

static_assert(yields(weighted_interleave<>({.bits = 0b11}, {.of_node = {5, 2}}),
                     {0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 1}));
static_assert(yields(weighted_interleave<>({.bits = 0b1101}, {.of_node = {2, 9}}), {0, 0, 2, 3, 0, 0, 2, 3}),
              "a weight of 0 is 1, that of a node outside of the set counts nothing");
static_assert(yields(weighted_interleave<>({.bits = 0b111}, {.of_node = {2, 3, 1}}, {.bits = 0b101}),
                     {0, 0, 2, 0, 0, 2}),
              "node 1 has no memory");
static_assert(yields(weighted_interleave<>(node_set{0}, {}), {any_node, any_node}));
static_assert(yields(weighted_interleave<>(), {any_node, any_node}));
static_assert(node_weights{}.of(any_node) == 1);

TEST_CASE("of any round each node has its share, wherever the round begins") {
    interleave<> next(node_set{0x8000'0000'0000'0f0f});
    weighted_interleave<> heavier(node_set{0x8000'0000'0000'0f0f}, {.of_node = {255, 1, 7}});
    constexpr unsigned total = 255 + 1 + 7 + 6;
    for (unsigned begin = 0; begin < 20; ++begin) {
        const auto even = shares(next, 9);
        const auto uneven = shares(heavier, total);
        for (node_id node = 0; node < max_nodes; ++node) {
            const bool in = node < 4 || (node >= 8 && node < 12) || node == 63;
            CHECK(even[node] == (in ? 1 : 0));
            CHECK(uneven[node] == (node == 0 ? 255 : node == 2 ? 7 : in ? 1 : 0));
        }
        (void)next();
        (void)shares(heavier, 13);
    }
}

TEST_CASE("an index has its node, whoever asks, and takes no turn") {
    weighted_interleave<> next(node_set{0b11}, {.of_node = {3, 1}});
    CHECK(next.of(3) == 1);
    CHECK(next.of(std::uint64_t{4} << 40 | 3) == 1);
    CHECK(next() == 0);
    CHECK(next.of(~std::uint64_t{0}) == 1);
}

TEST_CASE("threads share the turns: none is lost, none is taken twice") {
    interleave<> next(node_set{0b10110});
    weighted_interleave<> heavier(node_set{0b10110}, {.of_node = {0, 4, 2, 0, 1}});
    constexpr unsigned rounds = 100'000;
    std::array<unsigned, max_nodes> even[2]{};
    std::array<unsigned, max_nodes> uneven[2]{};
    std::atomic<int> ready{0};
    const auto work = [&](unsigned self) {
        ++ready;
        while (ready.load() != 2) std::this_thread::yield();
        even[self] = shares(next, 3 * rounds);
        uneven[self] = shares(heavier, 7 * rounds);
    };
    std::thread other(work, 1);
    work(0);
    other.join();
    for (node_id node = 0; node < max_nodes; ++node) {
        const unsigned weight = node == 1 ? 4 : node == 2 ? 2 : node == 4 ? 1 : 0;
        CHECK(even[0][node] + even[1][node] == (weight != 0 ? 2 * rounds : 0));
        CHECK(uneven[0][node] + uneven[1][node] == 2 * rounds * weight);
    }
}

TEST_CASE("on a machine: blocks lie as the weights say, a full node is stood in for") {
    using memory = physical_memory<radix_zone>;
    firmware machine;
    machine.ram(4 * gibibyte, 4 * gibibyte + 8 * mebibyte, 0);
    machine.ram(5 * gibibyte, 5 * gibibyte + 8 * mebibyte, 1);
    (void)machine.nodes.add(2);  // CPUs only
    const booted<memory> ram(machine);
    weighted_interleave<> next(node_set::all(), {.of_node = {5, 2, 9}}, ram->nodes_with_memory());
    unsigned on_node[2] = {};
    for (unsigned i = 0; i < 700; ++i) {
        const auto page = ram->allocate({.node = next()});
        REQUIRE(page);
        ++on_node[ram->zone_of(*page)->node];
    }
    CHECK(on_node[0] == 500);
    CHECK(on_node[1] == 200);
    while (ram->allocate({.nodes = node_set::only(1)})) {
    }
    CHECK(ram->zone_of(*ram->allocate({.node = 1}))->node == 0);
}

}  // namespace
