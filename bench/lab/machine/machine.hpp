// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/memory_entry.hpp>
#include <ashlar/firmware/memory_map.hpp>
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

/// A finding and the file it is about (none: the machine as a whole).
struct located_defect {
    ashlar::defect what;
    std::string file;
};

/// What the inputs come to.
struct machine {
    std::unique_ptr<owned_map> map;
    ashlar::topology nodes;
    std::vector<located_defect> defects;
    std::vector<std::string> notes;  ///< sentences about inputs that were not used

    /// Its memory, cut into zones.
    [[nodiscard]] std::vector<ashlar::zone_description> zones() const;
    /// The same memory, none of it mirrored.
    [[nodiscard]] std::unique_ptr<owned_map> map_without_mirror() const;
};

/// Reads all inputs: the tables before the logs, so that SRAT lines do not count beside an SRAT. Throws
/// `failure`.
[[nodiscard]] machine read_machine(const machine_inputs& inputs);

/// One node with this much memory, and one processor. Memory begins at a multiple of its own size, which is a
/// power of two, and of 2^18 frames.
[[nodiscard]] machine plain_machine(std::uint64_t frames);

}  // namespace lab
