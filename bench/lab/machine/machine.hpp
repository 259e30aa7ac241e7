// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/memory_entry.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/memory_performance.hpp>
#include <ashlar/firmware/topology.hpp>
#include <ashlar/zone/zone_description.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lab/machine/machine_inputs.hpp"

namespace lab {

/// A memory map with its array.
class owned_map {
 public:
    explicit owned_map(std::size_t capacity) : entries_(capacity) {}
    owned_map(const owned_map&) = delete;
    owned_map& operator=(const owned_map&) = delete;

    [[nodiscard]] ashlar::memory_map& operator*() { return map_; }
    [[nodiscard]] const ashlar::memory_map& operator*() const { return map_; }
    [[nodiscard]] ashlar::memory_map* operator->() { return &map_; }
    [[nodiscard]] const ashlar::memory_map* operator->() const { return &map_; }

 private:
    std::vector<ashlar::memory_entry> entries_;
    ashlar::memory_map map_{ashlar::view<ashlar::memory_entry>(entries_.data(), entries_.size())};
};

/// Figures of access with their arrays, which have room for all that can be told.
class owned_performance {
 public:
    owned_performance()
        : pairs_(std::size_t{ashlar::max_nodes} * ashlar::max_nodes),
          caches_(std::size_t{ashlar::max_nodes} * most_levels) {}
    owned_performance(const owned_performance&) = delete;
    owned_performance& operator=(const owned_performance&) = delete;

    [[nodiscard]] ashlar::memory_performance& operator*() { return performance_; }
    [[nodiscard]] const ashlar::memory_performance& operator*() const { return performance_; }

 private:
    static constexpr std::size_t most_levels = 15;

    std::vector<ashlar::access_performance> pairs_;
    std::vector<ashlar::memory_side_cache> caches_;
    ashlar::memory_performance performance_{{pairs_.data(), pairs_.size()}, {caches_.data(), caches_.size()}};
};

/// A finding and the file it is about (none: the machine as a whole).
struct located_defect {
    ashlar::defect what;
    std::string file;
};

/// What the inputs come to.
struct machine {
    std::unique_ptr<owned_map> map;
    ashlar::topology nodes;
    std::unique_ptr<owned_performance> performance = std::make_unique<owned_performance>();
    std::vector<located_defect> defects;
    std::vector<std::string> notes;  ///< sentences about inputs that were not used

    /// Its memory, cut into zones.
    [[nodiscard]] std::vector<ashlar::zone_description> zones() const;
    /// The same memory, none of it mirrored.
    [[nodiscard]] std::unique_ptr<owned_map> map_without_mirror() const;
};

/// Reads all inputs: the SRAT and SLIT before what shows memory, so that SRAT lines of logs do not count
/// beside an SRAT; then the tables that ask for the nodes of domains. Throws `failure`.
[[nodiscard]] machine read_machine(const machine_inputs& inputs);

/// One node with this much memory, and one processor. Memory begins at a multiple of its own size, which is a
/// power of two, and of 2^18 frames.
[[nodiscard]] machine plain_machine(std::uint64_t frames);

}  // namespace lab
