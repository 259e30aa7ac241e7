// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/firmware/assign_nodes.hpp>
#include <ashlar/firmware/srat.hpp>

#include <cstddef>
#include <cstdint>

#include "firmware/fuzz.hpp"

using namespace firmware_tests;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    ashlar::memory_map& map = input.map();
    // Whatever an SRAT says, memory stays where it is.
    (void)map.add(0x0, 0x9f000, ashlar::memory_kind::usable);
    (void)map.add(0x9f000, 0x100000, ashlar::memory_kind::reserved);
    (void)map.add(0x100000, 0x8000000000, ashlar::memory_kind::usable, ashlar::memory_attribute::mirrored);
    const auto usable_bytes = [&] {
        std::uint64_t sum = 0;
        for (const ashlar::memory_entry& entry : map.entries()) {
            if (entry.kind == ashlar::memory_kind::usable) sum += entry.end - entry.begin;
        }
        return sum;
    };
    const std::uint64_t before = usable_bytes();
    (void)ashlar::read_srat(input.rest(), map, input.nodes(), input.defects());
    input.require_invariants();
    require(usable_bytes() == before);
    require(kind_at(map, 0x9f000) != ashlar::memory_kind::usable);
    for (const ashlar::memory_entry& entry : map.entries()) {
        require(entry.node == ashlar::any_node || entry.node < input.nodes().node_count());
    }

    ashlar::assign_nodes(map, input.nodes(), input.defects());
    input.require_invariants();
    require(usable_bytes() == before);
    for (const ashlar::memory_entry& entry : map.entries()) {
        if (entry.kind == ashlar::memory_kind::usable) require(entry.node < input.nodes().node_count());
    }
    return 0;
}
