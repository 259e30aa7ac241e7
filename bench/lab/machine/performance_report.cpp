// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/machine/performance_report.hpp"

#include <cstdint>

#include "lab/text/numbers.hpp"
#include "lab/text/text_table.hpp"

namespace lab {
namespace {

using ashlar::access_performance;
using ashlar::memory_side_cache;
using ashlar::node_id;

std::string latency(const access_performance& pair, std::uint64_t picoseconds) {
    if (pair.unreachable) return "no way";
    return picoseconds == 0 ? "" : fixed(static_cast<double>(picoseconds) / 1000, 1) + " ns";
}

std::string bandwidth(std::uint64_t megabytes) {
    return megabytes == 0 ? "" : grouped(megabytes) + " MB/s";
}

std::string pairs_as_text(const ashlar::memory_performance& performance) {
    if (performance.pairs().empty()) return "";
    text_table table({{"from node"},
                      {"memory of node"},
                      {"read latency"},
                      {"write latency"},
                      {"read bandwidth"},
                      {"write bandwidth"}});
    for (const access_performance& pair : performance.pairs()) {
        table.add_row({std::to_string(pair.initiator), std::to_string(pair.memory),
                       latency(pair, pair.read_latency), latency(pair, pair.write_latency),
                       bandwidth(pair.read_bandwidth), bandwidth(pair.write_bandwidth)});
    }
    return "Access\n" + table.str();
}

/// Of nodes without processors: others are their own.
std::string initiators_as_text(const machine& shown, const ashlar::memory_performance& performance) {
    std::string line;
    for (unsigned id = 0; id < shown.nodes.node_count(); ++id) {
        const auto node = static_cast<node_id>(id);
        const node_id nearest = performance.nearest_initiator(node, shown.nodes);
        if (shown.nodes.cpus(node) != 0 || nearest == ashlar::any_node) continue;
        line += (line.empty() ? "Nearest initiator: " : ", ") + std::to_string(nearest) + " of node " +
                std::to_string(id);
    }
    return line.empty() ? "" : line + '\n';
}

std::string cache_as_text(const memory_side_cache& cache) {
    std::string line = "Memory-side cache of node " + std::to_string(cache.memory) + ": level " +
                       std::to_string(cache.level) + " of " + std::to_string(cache.levels) + ", " +
                       size_of_bytes(cache.bytes);
    if (cache.index == memory_side_cache::indexing::direct_mapped) line += ", direct-mapped";
    if (cache.write == memory_side_cache::writes::back) line += ", write-back";
    if (cache.write == memory_side_cache::writes::through) line += ", write-through";
    if (cache.line_bytes != 0) line += ", lines of " + std::to_string(cache.line_bytes) + " bytes";
    if (cache.extended_linear) line += ", part of the memory";
    return line + '\n';
}

}  // namespace

std::string performance_as_text(const machine& shown) {
    const ashlar::memory_performance& performance = **shown.performance;
    std::string text = pairs_as_text(performance);
    // Without a word of an HMAT there are only distances, which stand beside the nodes.
    const bool attached = [&] {
        for (unsigned id = 0; id < shown.nodes.node_count(); ++id) {
            if (performance.attached_initiator(static_cast<node_id>(id)) != ashlar::any_node) return true;
        }
        return false;
    }();
    if (attached || !performance.pairs().empty()) text += initiators_as_text(shown, performance);
    for (const memory_side_cache& cache : performance.caches()) text += cache_as_text(cache);
    return text.empty() ? text : text + '\n';
}

}  // namespace lab
