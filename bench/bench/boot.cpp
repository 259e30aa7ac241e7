// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How long a machine takes to boot, and what its metadata weigh.
#include <benchmark/benchmark.h>

#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/topology.hpp>
#include <ashlar/layer/counted.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/zone/physical_memory.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <vector>

#include "bench/workloads.hpp"

namespace bench {
namespace {

using radix = ashlar::radix_buddy<ashlar::platform>;
using memory = ashlar::physical_memory<ashlar::zone<ashlar::counted<radix>>, ashlar::reliability_first>;

constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;

void must(ashlar::errc error) {
    if (error != ashlar::errc::ok) throw std::runtime_error(ashlar::to_string(error));
}

/// What firmware says of a machine.
struct machine {
    std::vector<ashlar::memory_entry> entries = std::vector<ashlar::memory_entry>(64);
    ashlar::memory_map map{ashlar::view<ashlar::memory_entry>{entries.data(), entries.size()}};
    ashlar::topology nodes;

    void ram(std::uint64_t begin, std::uint64_t end, ashlar::node_id node, bool mirrored = false) {
        while (!nodes.has_domains() || nodes.node_count() <= node) {
            must(nodes.add(nodes.has_domains() ? nodes.node_count() : 0).error());
        }
        must(map.add(begin, end, ashlar::memory_kind::usable));
        must(map.set_node(begin, end, node));
        if (mirrored) must(map.mirror(begin, end));
    }
};

/// The map of CN104252419, corrected: four nodes of 12 GiB, the first GiB of each mirrored.
[[nodiscard]] std::unique_ptr<machine> patent_48_gib() {
    auto made = std::make_unique<machine>();
    made->ram(0x0, 0x9a800, 0);
    made->ram(0x100000, gibibyte, 0, true);
    made->ram(gibibyte, 0xbf790000, 0);
    made->ram(4 * gibibyte, 12 * gibibyte, 0);
    for (ashlar::node_id node = 1; node < 4; ++node) {
        const std::uint64_t begin = node * 12 * gibibyte;
        made->ram(begin, begin + gibibyte, node, true);
        made->ram(begin + gibibyte, begin + 12 * gibibyte, node);
    }
    return made;
}

/// Eight nodes of 128 GiB, with a PC's hole below 4 GiB.
[[nodiscard]] std::unique_ptr<machine> server_1_tib() {
    auto made = std::make_unique<machine>();
    made->ram(0x0, 0x9f000, 0);
    made->ram(0x100000, 2 * gibibyte, 0);
    made->ram(4 * gibibyte, 130 * gibibyte, 0);
    for (ashlar::node_id node = 1; node < 8; ++node) {
        const std::uint64_t begin = (node * 128 + 2) * gibibyte;
        made->ram(begin, begin + 128 * gibibyte, node);
    }
    return made;
}

void boot(benchmark::State& state, const machine& from) {
    const std::size_t bytes = memory::metadata_bytes(from.map, from.nodes);
    std::vector<std::byte> metadata(bytes, std::byte{0xff});  // every page is touched here
    for ([[maybe_unused]] auto _ : state) {
        memory ram;
        must(ram.boot(from.map, from.nodes, {metadata.data(), metadata.size()}));
        benchmark::DoNotOptimize(ram);
        benchmark::ClobberMemory();
    }
    memory ram;
    must(ram.boot(from.map, from.nodes, {metadata.data(), metadata.size()}));
    const std::uint64_t free = ram.free_frames();
    if (free != from.map.usable_frames() || ram.validate() != ashlar::errc::ok) {
        state.SkipWithError("the machine that was booted is not the one in the map");
    }
    std::uint64_t spanned = 0;
    std::uint64_t radix_bytes = 0;
    ram.for_each_zone([&](const ashlar::zone_description& what, const auto&) {
        spanned += what.span.count;
        radix_bytes += ashlar::metadata_bytes<radix>(what.span);
    });
    state.counters["zones"] = static_cast<double>(ram.zone_count());
    state.counters["free_frames"] = static_cast<double>(free);
    state.counters["metadata_bytes"] = static_cast<double>(bytes);
    state.counters["bits_per_frame"] = 8.0 * static_cast<double>(radix_bytes) / static_cast<double>(spanned);
}

void register_boot(const char* name, const std::shared_ptr<const machine>& from) {
    benchmark::RegisterBenchmark(name, [from](benchmark::State& state) {
        boot(state, *from);
    })->Unit(benchmark::kMillisecond);
}

}  // namespace

void register_boots() {
    register_boot("boot/48GiB", patent_48_gib());
    register_boot("boot/1TiB", server_1_tib());
}

}  // namespace bench
