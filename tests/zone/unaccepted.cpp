// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/uefi.hpp>
#include <ashlar/layer/accepted.hpp>
#include <ashlar/zone/metadata_plan.hpp>

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "firmware/byte_writer.hpp"
#include "zone/machines.hpp"

// The path of memory that a confidential guest has not accepted: from the firmware's map to the first use.
namespace {

using namespace zone_tests;

constexpr std::uint64_t unit_frames = 512;

struct guest_platform : platform {
    static inline std::set<std::uint64_t> accepted_units;
    static inline errc answer = errc::ok;

    [[nodiscard]] static errc accept(range<> frames) noexcept {
        CHECK(frames.count == unit_frames);
        if (answer != errc::ok) return answer;
        CHECK(accepted_units.insert(frames.first.number / unit_frames).second);
        return errc::ok;
    }
    static void relax() noexcept {}
};

constexpr buddy_shape units_of_512{.top_order = 10, .pageblock_order = 9};
using lazy_guest = physical_memory<zone<accepted<counted<radix_buddy<guest_platform, units_of_512>>>>>;
static_assert(lazy_guest::isolation_order == 9);

constexpr std::uint64_t plain_end = 16 * mebibyte;
/// What is unaccepted: it begins and ends inside of units.
constexpr std::uint64_t lazy_begin = 16 * mebibyte + 0x5000;
constexpr std::uint64_t lazy_end = 64 * mebibyte - 0x3000;
/// Whole units of that.
constexpr range<> lazy_units = range<>::between(frame<>{18 * mebibyte >> 12}, frame<>{62 * mebibyte >> 12});

struct unaccepted_guest : firmware {
    explicit unaccepted_guest(bool lend = true) {
        guest_platform::accepted_units.clear();
        guest_platform::answer = errc::ok;
        firmware_tests::byte_writer<> table;
        table.uefi(7, 0, plain_end >> 12, 0xf);
        table.uefi(15, lazy_begin, (lazy_end - lazy_begin) >> 12, 0xf);
        defect found[4];
        ashlar::defects defects(found);
        REQUIRE(read_uefi(table.bytes(), 48, map, defects) == errc::ok);
        REQUIRE(defects.empty());
        REQUIRE(map.set_node(0, 64 * mebibyte, 0) == errc::ok);
        if (lend) REQUIRE(map.use_unaccepted(lazy_guest::isolation_order) == errc::ok);
    }
};

const auto& layer_of(const booted<lazy_guest>& machine) {
    const zone<accepted<counted<radix_buddy<guest_platform, units_of_512>>>>* found = nullptr;
    machine->for_each_zone([&](const zone_description& what, const auto& each) {
        if (what.span.contains(lazy_units)) found = &each;
    });
    REQUIRE(found != nullptr);
    return found->inner();
}

TEST_CASE("unaccepted memory is no memory unless it is lent out") {
    unaccepted_guest from(false);
    CHECK(from.map.usable_frames() == plain_end >> 12);
    booted<lazy_guest> machine(from);
    CHECK(machine->free_frames() == plain_end >> 12);
}

TEST_CASE("from a map with unaccepted memory to a booted machine with marked memory") {
    unaccepted_guest from;
    CHECK(from.map.usable_frames() == (plain_end >> 12) + lazy_units.count);
    booted<lazy_guest> machine(from);
    CHECK(machine->free_frames() == (plain_end >> 12) + lazy_units.count);
    std::vector<range<>> marked;
    layer_of(machine).visit_unaccepted([&](range<> frames) { marked.push_back(frames); });
    CHECK(marked == std::vector<range<>>{lazy_units});
    CHECK(guest_platform::accepted_units.empty());
    CHECK(machine->validate() == errc::ok);
}

TEST_CASE("every frame of a machine is accepted before it is handed out, and no unit twice") {
    unaccepted_guest from;
    booted<lazy_guest> machine(from);
    std::uint64_t handed_out = 0;
    for (auto got = machine->allocate(0); got; got = machine->allocate(0)) {
        ++handed_out;
        const std::uint64_t unit = got->number / unit_frames;
        if (got->number < plain_end >> 12) continue;
        REQUIRE(lazy_units.contains(*got));
        REQUIRE(guest_platform::accepted_units.count(unit) == 1);
    }
    CHECK(handed_out == (plain_end >> 12) + lazy_units.count - 1);  // frame 0 is for who asks for it
    CHECK(guest_platform::accepted_units.size() == lazy_units.count / unit_frames);
    CHECK(layer_of(machine).unaccepted_frames() == 0);
}

TEST_CASE("a platform that refuses keeps its frames") {
    unaccepted_guest from;
    booted<lazy_guest> machine(from);
    guest_platform::answer = errc::unsupported;
    while (const auto got = machine->allocate(0)) CHECK(got->number < plain_end >> 12);
    CHECK(layer_of(machine).unaccepted_frames() == lazy_units.count);
}

TEST_CASE("a machine without the layer does not boot from lent memory") {
    unaccepted_guest from;
    using plain = physical_memory<radix_zone>;
    std::vector<std::byte> metadata(plain::metadata_bytes(from.map, from.nodes));
    auto machine = std::make_unique<plain>();
    CHECK(machine->boot(from.map, from.nodes, {metadata.data(), metadata.size()}) == errc::unsupported);
    CHECK(machine->zone_count() == 0);
    CHECK(machine->free_frames() == 0);

    unaccepted_guest kept(false);
    CHECK(machine->boot(kept.map, kept.nodes, {metadata.data(), metadata.size()}) == errc::ok);
}

TEST_CASE("other units than the machine's, or an exclusion afterwards, are refused") {
    unaccepted_guest from(false);
    SUBCASE("smaller units, with other memory in the machine's unit") {
        REQUIRE(from.map.add({lazy_end, 128 * mebibyte, memory_kind::usable, 0, 0}) == errc::ok);
        REQUIRE(from.map.use_unaccepted(0) == errc::ok);
    }
    SUBCASE("an exclusion afterwards") {
        REQUIRE(from.map.use_unaccepted(lazy_guest::isolation_order) == errc::ok);
        REQUIRE(from.map.exclude_bytes(32 * mebibyte, 32 * mebibyte + 0x1000) == errc::ok);
    }
    std::vector<std::byte> metadata(lazy_guest::metadata_bytes(from.map, from.nodes));
    auto machine = std::make_unique<lazy_guest>();
    CHECK(machine->boot(from.map, from.nodes, {metadata.data(), metadata.size()}) == errc::misaligned);
    CHECK(machine->free_frames() == 0);
}

TEST_CASE("metadata are never planned into unaccepted memory") {
    unaccepted_guest from;
    metadata_piece pieces[2];
    const auto count = plan_metadata<lazy_guest>(from.map, from.nodes, pieces);
    REQUIRE(count);
    REQUIRE(*count == 1);
    CHECK(pieces[0].frames.end().number <= plain_end >> 12);
}

TEST_CASE("a recovered machine remembers what was accepted") {
    unaccepted_guest from;
    std::vector<std::byte> metadata(lazy_guest::metadata_bytes(from.map, from.nodes));
    const view<std::byte> words{metadata.data(), metadata.size()};
    auto first = std::make_unique<lazy_guest>();
    REQUIRE(first->boot(from.map, from.nodes, words) == errc::ok);
    REQUIRE(first->allocate_at({lazy_units.first, 1}) == errc::ok);
    auto second = std::make_unique<lazy_guest>();
    REQUIRE(second->boot(from.map, from.nodes, words, start::recover) == errc::ok);
    std::uint64_t left = 0;
    second->for_each_zone(
        [&](const zone_description&, const auto& each) { left += each.inner().unaccepted_frames(); });
    CHECK(left == lazy_units.count - unit_frames);
}

TEST_CASE("lending out unaccepted memory in a map") {
    memory_entry entries[8];
    memory_map map{entries};
    SUBCASE("keeps node and mirror, and leaves what is no whole unit") {
        REQUIRE(map.add({0x1ff000, 0x601000, memory_kind::unaccepted, memory_attribute::mirrored, 3}) ==
                errc::ok);
        CHECK(map.use_unaccepted(9) == errc::ok);
        std::vector<usable_run> runs;
        map.for_each_usable([&](const usable_run& run) { runs.push_back(run); });
        CHECK(runs == std::vector<usable_run>{{{frame<>{0x200}, 0x400}, 3, true, false, true}});
        CHECK(map.entries().size() == 3);
        CHECK(map.use_unaccepted(9) == errc::ok);
        CHECK(map.entries().size() == 3);
    }
    SUBCASE("is not merged with ordinary memory beside it") {
        REQUIRE(map.add(0, 0x200000, memory_kind::usable) == errc::ok);
        REQUIRE(map.add(0x200000, 0x400000, memory_kind::unaccepted) == errc::ok);
        CHECK(map.use_unaccepted(9) == errc::ok);
        std::vector<usable_run> runs;
        map.for_each_usable([&](const usable_run& run) { runs.push_back(run); });
        REQUIRE(runs.size() == 2);
        CHECK(!runs[0].unaccepted);
        CHECK(runs[1].unaccepted);
    }
    SUBCASE("whoever describes it again takes it back") {
        REQUIRE(map.add(0x200000, 0x400000, memory_kind::unaccepted) == errc::ok);
        CHECK(map.use_unaccepted(9) == errc::ok);
        REQUIRE(map.add(0x200000, 0x400000, memory_kind::unaccepted) == errc::ok);
        CHECK(map.usable_frames() == 0);
    }
    SUBCASE("at the end of the address space, and units that do not exist") {
        REQUIRE(map.add(~std::uint64_t{0} - 0x2fffff, ~std::uint64_t{0}, memory_kind::unaccepted) ==
                errc::ok);
        CHECK(map.use_unaccepted(52) == errc::ok);
        CHECK(map.use_unaccepted(9) == errc::ok);
        CHECK(map.usable_frames() == 0);
    }
    SUBCASE("in a full array stays unaccepted") {
        memory_map tight(view<memory_entry>(entries, 1));
        REQUIRE(tight.add(0x1ff000, 0x601000, memory_kind::unaccepted) == errc::ok);
        CHECK(tight.use_unaccepted(9) == errc::limit);
        CHECK(tight.usable_frames() == 0);
        CHECK(tight.entries().size() == 1);
    }
}

}  // namespace
