// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The same frames as a zone, and as a machine of one zone: what choosing the zone costs.
#include <array>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/topology.hpp>
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/zone/physical_memory.hpp>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <vector>

#include "bench/registry.hpp"
#include "bench/workloads.hpp"

namespace bench {
namespace {

using zone = ashlar::zone<ashlar::cpu_rows<ashlar::radix_buddy<each_thread>>>;
using memory = ashlar::physical_memory<zone, ashlar::reliability_first>;

class machine_subject {
 public:
    machine_subject(std::uint64_t count, unsigned) : count_(count) {
        std::array<ashlar::memory_entry, 4> entries{};
        ashlar::memory_map map{ashlar::view<ashlar::memory_entry>{entries.data(), entries.size()}};
        ashlar::topology nodes;
        must(nodes.add(0).error());
        must(map.add(first_byte, first_byte + count * 4096, ashlar::memory_kind::usable));
        metadata_.resize(memory::metadata_bytes(map, nodes));
        must(ram_.boot(map, nodes, {metadata_.data(), metadata_.size()}));
    }
    /// Compiled into its caller, as the zone's is: what is compared is no call.
    [[nodiscard, gnu::always_inline]] std::uint64_t allocate(unsigned, unsigned order) {
        const auto got = ram_.allocate({.order = order});
        return got ? got->number : no_block;
    }
    [[nodiscard]] bool free(unsigned, std::uint64_t first, unsigned order) {
        return ram_.free({first}, order) == ashlar::errc::ok;
    }
    [[nodiscard]] bool is_whole() const {
        return free_frames() == count_ && ram_.validate() == ashlar::errc::ok;
    }
    [[nodiscard]] std::uint64_t free_frames() const { return ram_.free_frames(); }

 private:
    static constexpr std::uint64_t first_byte = std::uint64_t{4} << 30;  ///< one zone: no DMA memory

    static void must(ashlar::errc error) {
        if (error != ashlar::errc::ok) throw std::runtime_error(ashlar::to_string(error));
    }

    std::uint64_t count_;
    std::vector<std::byte> metadata_;
    memory ram_;
};

}  // namespace

void register_machine(const plan& what) {
    using zone_subject = source_subject<zone>;
    add_subject<zone_subject, extent::same>("zone/exclusive",
                                            std::make_shared<zone_subject, std::uint64_t, unsigned>, what);
    add_subject<machine_subject, extent::same>(
        "machine/exclusive", std::make_shared<machine_subject, std::uint64_t, unsigned>, what);
}

}  // namespace bench
