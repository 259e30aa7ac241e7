// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/firmware/assign_nodes.hpp>
#include <ashlar/firmware/cedt.hpp>

#include <cstddef>
#include <cstdint>

#include "firmware/fuzz.hpp"

using namespace firmware_tests;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    ashlar::memory_map& map = input.map();
    ashlar::topology& nodes = input.nodes();
    const unsigned count = input.choice(66);
    for (unsigned node = 0; node < count; ++node) (void)nodes.add(node);
    const unsigned before = nodes.node_count();
    (void)map.add(0x0, 0x9f000, ashlar::memory_kind::usable);
    (void)map.add(0x9f000, 0x100000, ashlar::memory_kind::reserved);
    (void)map.add(0x100000, 0x8000000000, ashlar::memory_kind::usable);
    (void)map.set_node(0x350000000, 0x380000000, 0);
    const std::uint64_t frames = map.usable_frames();
    const ashlar::errc answer = ashlar::read_cedt(input.rest(), map, nodes, input.defects());
    input.require_invariants();
    require(map.usable_frames() <= frames);
    require(kind_at(map, 0x9f000) != ashlar::memory_kind::usable);
    require(nodes.node_count() >= before);
    for (const ashlar::memory_entry& entry : map.entries()) {
        require(entry.node == ashlar::any_node || entry.node < nodes.node_count());
        // Only what was there, and registers.
        require(entry.kind == ashlar::memory_kind::none || entry.kind == ashlar::memory_kind::usable ||
                entry.kind == ashlar::memory_kind::reserved);
    }
    if (answer == ashlar::errc::ok) {
        // All is said: a second time changes nothing.
        const std::size_t entries = map.entries().size();
        const unsigned known = nodes.node_count();
        const std::uint64_t usable = map.usable_frames();
        const ashlar::errc again = ashlar::read_cedt(input.rest(), map, nodes, input.defects());
        require(again == ashlar::errc::ok || again == ashlar::errc::limit);
        require(map.entries().size() == entries && nodes.node_count() == known);
        require(map.usable_frames() == usable);
    }
    ashlar::assign_nodes(map, nodes, input.defects());
    input.require_invariants();
    return 0;
}
