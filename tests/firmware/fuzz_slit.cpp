// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/firmware/slit.hpp>

#include <cstddef>
#include <cstdint>

#include "firmware/fuzz.hpp"

using namespace firmware_tests;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    ashlar::topology& nodes = input.nodes();
    const bool before = input.choice(2) == 0;
    const unsigned count = input.choice(80);
    const unsigned step = 1 + input.choice(3);
    const ashlar::bytes table = input.rest();
    const auto add_nodes = [&] {
        for (unsigned node = 0; node < count; ++node) (void)nodes.add(node * step);
    };
    if (!before) add_nodes();
    const ashlar::errc answer = ashlar::read_slit(table, nodes, input.defects());
    if (before) add_nodes();
    input.require_invariants();
    if (answer != ashlar::errc::ok || nodes.node_count() == 1) return 0;

    const std::uint64_t domains = number_at(table, 36, 8);
    for (unsigned a = 0; a < nodes.node_count(); ++a) {
        for (unsigned b = 0; b < nodes.node_count(); ++b) {
            const std::uint64_t from = std::uint64_t{a} * step;
            const std::uint64_t to = std::uint64_t{b} * step;
            std::uint64_t expected = a == b ? 10 : 20;
            if (from < domains && to < domains) {
                expected = number_at(table, 44 + static_cast<std::size_t>(from * domains + to), 1);
            }
            require(nodes.distance(static_cast<ashlar::node_id>(a), static_cast<ashlar::node_id>(b)) ==
                    expected);
        }
    }
    return 0;
}
