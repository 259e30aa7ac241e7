// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/firmware/hmat.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "firmware/fuzz.hpp"

using namespace firmware_tests;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    ashlar::topology& nodes = input.nodes();
    const unsigned count = input.choice(66);
    for (unsigned node = 0; node < count; ++node) (void)nodes.add_processor(node);
    std::vector<ashlar::access_performance> pairs(input.choice(32));
    std::vector<ashlar::memory_side_cache> caches(input.choice(4));
    ashlar::memory_performance performance{{pairs.data(), pairs.size()}, {caches.data(), caches.size()}};
    const ashlar::errc answer = ashlar::read_hmat(input.rest(), nodes, performance, input.defects());
    input.require_invariants();
    require(performance.pairs().size() <= pairs.size());
    require(performance.caches().size() <= caches.size());
    const unsigned known = count == 0 ? 0 : nodes.node_count();
    for (const ashlar::access_performance& pair : performance.pairs()) {
        require(pair.initiator < known && pair.memory < known);
        require(performance.between(pair.initiator, pair.memory) == pair);
        const bool told =
            (pair.read_latency | pair.write_latency | pair.read_bandwidth | pair.write_bandwidth) != 0 ||
            pair.unreachable;
        require(told);
    }
    for (const ashlar::memory_side_cache& cache : performance.caches()) {
        require(cache.memory < known && cache.bytes != 0);
        require(cache.level >= 1 && cache.level <= cache.levels);
    }
    for (unsigned id = 0; id < known; ++id) {
        const auto memory = static_cast<ashlar::node_id>(id);
        const ashlar::node_id attached = performance.attached_initiator(memory);
        const ashlar::node_id nearest = performance.nearest_initiator(memory, nodes);
        require(attached == ashlar::any_node || attached < known);
        require(nearest < known);
        if (attached != ashlar::any_node) require(nearest == attached);
    }
    if (answer == ashlar::errc::invalid) {
        require(performance.pairs().empty() && performance.caches().empty());
    }
    return 0;
}
