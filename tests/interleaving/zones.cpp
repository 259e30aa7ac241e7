// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving, with weak memory, of the small protocols of a machine: who changes which zones there
// are and who needs them to stay, which zone serves most requests, whose an owner's number is.
#include <doctest/doctest.h>

#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/zone/owner_table.hpp>
#include <ashlar/zone/zone.hpp>
#include <ashlar/zone/zone_slots.hpp>
#include <string>

#include "interleaving/run.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

struct waiting_platform : stepped_platform {
    static void quiesce() noexcept {}
};
using zones = detail::zone_slots<zone<radix_buddy<waiting_platform>>, reliability_first,
                                 machine_shape{.max_zones = 1, .spare_zones = 0}>;

constexpr range<> frames{{8}, 8};

/// Outcomes: whether a program got in, what it found.
constexpr std::size_t got_in = 0;
constexpr std::size_t found = 1;

TEST_CASE("who changes which zones there are is alone; those for whom they stay are many") {
    struct alignas(64) shared_memory {
        zones of_machine;
        owned_cell<std::uint8_t> set;         ///< of zones
        owned_cell<std::uint8_t> seen_by[2];  ///< of each one who looks: two may look at once
    } shared;
    const view<std::byte> bytes{reinterpret_cast<std::byte*>(&shared), sizeof shared};
    const auto change = [&shared] {
        const zones::change alone(shared.of_machine);
        if (!alone.held()) return outcome{};
        shared.set.set(1);
        for (auto& each : shared.seen_by) each.set(1);
        return outcome{1};
    };
    const auto look = [&shared](std::size_t which) {
        return [&shared, which] {
            const zones::stay while_it_lives(shared.of_machine);
            if (!while_it_lives.held()) return outcome{};
            return outcome{1, shared.seen_by[which].get()};
        };
    };
    const auto somebody = [](const std::vector<outcome>& results) -> std::string {
        for (const outcome& each : results) {
            if (each[got_in] != 0) return "";
        }
        return "nobody got in";
    };
    explore_weak("two changes", bytes, {change, change}, somebody, {});
    explore_weak("a change, one who looks", bytes, {change, look(0)}, somebody, {});
    explore_weak("a change, two who look", bytes, {change, look(0), look(1)}, somebody, {});
    explore_weak("two who look", bytes, {look(0), look(1)},
                 [](const std::vector<outcome>& results) -> std::string {
                     return results[0][got_in] != 0 && results[1][got_in] != 0 ? ""
                                                                               : "they kept one another out";
                 },
                 {});
}

TEST_CASE("who finds a new table of zones finds what it was made for") {
    struct alignas(64) shared_memory {
        zones of_machine;  ///< without zones: its tables stay as they are
        owned_cell<std::uint8_t> zone;
    } shared;
    const auto publish = [&shared] {
        shared.zone.set(1);
        shared.of_machine.publish();
        return outcome{1};
    };
    const auto look = [&shared] {
        return shared.of_machine.generation() == 0 ? outcome{} : outcome{1, shared.zone.get()};
    };
    explore_weak("published, looked at", {reinterpret_cast<std::byte*>(&shared), sizeof shared},
                 {publish, look},
                 [](const std::vector<outcome>& results) -> std::string {
                     return results[1][got_in] == results[1][found] ? "" : "not what was published";
                 },
                 {});
}

TEST_CASE("who takes the first choice finds the zone ready") {
    struct alignas(64) shared_memory {
        detail::first_choices<stepped_platform> choices;
        owned_cell<std::uint8_t> zone;
    } shared;
    detail::zone_table<machine>::span spans[1];
    std::uint8_t lists[16] = {};
    REQUIRE(detail::zone_table<machine>::list_bytes(1, 1) <= sizeof lists);
    detail::zone_table<machine> table(spans, lists, 1);
    const zone_description only{.span = {{256}, 256}, .present_frames = 256};
    table.build<reliability_first>(
        1, [&only](std::size_t) { return &only; }, [](node_id, node_id) { return 10U; });
    const auto publish = [&] {
        shared.zone.set(1);
        shared.choices.publish(table, [&only](std::size_t) -> const zone_description& { return only; });
        return outcome{1};
    };
    const auto take = [&] {
        const unsigned zone = shared.choices.of(0, mirror::unspecified);
        return zone == 0 ? outcome{} : outcome{1, shared.zone.get() * std::uint64_t{zone}};
    };
    explore_weak("published, taken", {reinterpret_cast<std::byte*>(&shared), sizeof shared}, {publish, take},
                 [](const std::vector<outcome>& results) -> std::string {
                     return results[1][got_in] == 0 || results[1][found] == 1 ? "" : "another zone";
                 },
                 {});
}

TEST_CASE("who gets an owner's number finds that the last one left all") {
    using book = owner_table<stepped_platform>;
    struct alignas(64) shared_memory {
        book::word words[book::metadata_words(frames)];
    } shared;
    book owners;
    REQUIRE(owners.attach(frames, shared.words) == errc::ok);
    REQUIRE(owners.enrol(1) == errc::ok);
    REQUIRE(owners.claim({{9}, 2}, 1) == errc::ok);
    const auto leave = [&owners] {
        const errc left = owners.leave({{9}, 2}, 1);
        owners.dismiss(1);
        return outcome{static_cast<std::uint64_t>(left)};
    };
    const auto enrol = [&owners] {
        if (owners.enrol(1) != errc::ok) return outcome{};
        return outcome{1, owners.first_held(1, frames).count + (owners.owner_of({9}) == 1 ? 1 : 0)};
    };
    explore_weak("left and dismissed, enrolled", {reinterpret_cast<std::byte*>(&shared), sizeof shared},
                 {leave, enrol},
                 [](const std::vector<outcome>& results) -> std::string {
                     if (results[0][0] != 0) return "a right leave is refused";
                     return results[1][found] == 0 ? "" : "it begins with frames of the last one";
                 },
                 {});
}

}  // namespace
