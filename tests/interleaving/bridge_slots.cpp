// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving, with weak memory, of what programs of one bridge share: its slots of requester IDs, and
// the registers behind an index.
#include <doctest/doctest.h>

#include <ashlar/remote/registers_idt.hpp>
#include <ashlar/remote/requester_slots.hpp>
#include <string>

#include "interleaving/run.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

using slots = requester_slots<stepped_platform>;

/// A slot of the bridge, and what its holders do. A transfer needs the ID that its program held.
struct world {
    struct alignas(64) shared_memory {
        slots::word words[2] = {};
        owned_cell<std::uint16_t> known[2][2];  ///< the bridge's IDs, one copy for each program that looks
    };
    shared_memory shared;

    [[nodiscard]] explorer::program transfer(std::uint16_t id, std::size_t count) {
        return [this, id, count] {
            slots table({shared.words, count});
            const std::size_t self = scheduler::current->running();
            const auto slot = table.hold(id, [&](std::uint32_t which, std::uint16_t device) {
                for (auto& copy : shared.known[which]) copy.set(device);
                return errc::ok;
            });
            if (!slot) return outcome{static_cast<std::uint64_t>(slot.error())};
            const std::uint64_t seen = shared.known[*slot][self].get();
            table.release(*slot);
            return outcome{0, seen};
        };
    }
    [[nodiscard]] view<std::byte> bytes() { return {reinterpret_cast<std::byte*>(&shared), sizeof shared}; }
};
judgement_of_results sees(std::uint64_t first, std::uint64_t second) {
    return [first, second](const std::vector<outcome>& results) -> std::string {
        bool any = false;
        for (std::size_t i = 0; i < 2; ++i) {
            const bool ok = results[i][0] == 0;
            any = any || ok;
            if (ok && results[i][1] != (i == 0 ? first : second)) return "another device's transfer";
        }
        return any ? "" : "nobody got a slot";
    };
}

TEST_CASE("a slot of requester IDs: transfers pass under the ID of their device") {
    world w;
    explore_weak("one slot, one device, two programs", w.bytes(), {w.transfer(7, 1), w.transfer(7, 1)},
                 sees(7, 7), {});
    explore_weak("one slot, two devices", w.bytes(), {w.transfer(7, 1), w.transfer(8, 1)}, sees(7, 8), {});
    explore_weak("two slots, two devices", w.bytes(), {w.transfer(7, 2), w.transfer(8, 2)}, sees(7, 8), {});
}

/// Registers behind an index: an owned cell each, so that two at once are found.
struct indexed_registers {
    owned_cell<std::uint32_t>* cells;

    [[nodiscard]] std::size_t place(std::uint64_t at) const { return (at - 0x4e0) / 4; }
    [[nodiscard]] std::uint32_t read32(std::uint64_t at) { return cells[place(at)].get(); }
    void write32(std::uint64_t at, std::uint32_t value) { cells[place(at)].set(value); }
    [[nodiscard]] std::uint64_t read64(std::uint64_t at) { return read32(at); }
    void write64(std::uint64_t at, std::uint64_t value) { write32(at, static_cast<std::uint32_t>(value)); }
    void store_fence() {}
};

TEST_CASE("registers behind an index: one program at a time") {
    using port = idt_slice_registers<indexed_registers, stepped_platform>;
    struct alignas(64) shared_memory {
        port::word taken{};
        owned_cell<std::uint32_t> cells[4];
    } shared;
    const auto disable = [&shared](std::uint32_t window) {
        return [&shared, window] {
            indexed_registers registers{shared.cells};
            port slices(registers, shared.taken, 2, 0);
            return outcome{static_cast<std::uint64_t>(slices.disable(window))};
        };
    };
    explore_weak("two windows disabled", {reinterpret_cast<std::byte*>(&shared), sizeof shared},
                 {disable(1), disable(2)},
                 [](const std::vector<outcome>& results) -> std::string {
                     for (const outcome& each : results) {
                         if (each[0] != 0 && each[0] != static_cast<std::uint64_t>(errc::busy))
                             return "an error that cannot be";
                     }
                     return results[0][0] == 0 || results[1][0] == 0 ? "" : "nobody got in";
                 },
                 {});
}

}  // namespace
