// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What stops an access to a peer's memory has an error of its own, wherever it is met.
#include <doctest/doctest.h>

#include <ashlar/remote/explain.hpp>
#include <ashlar/remote/passthrough.hpp>
#include <ashlar/remote/plan_windows.hpp>
#include <ashlar/remote/presets.hpp>
#include <ashlar/remote/window_cache.hpp>
#include <ashlar/remote/window_gate.hpp>

#include "remote/memory_aimer.hpp"
#include "remote/servers.hpp"

namespace {

using namespace ashlar;
using namespace remote_tests;

using identity = identity_window<>;
using cache_type = window_cache<memory_aimer>;
constexpr std::uint64_t gib = std::uint64_t{1} << 30;

/// The servers, a device on D that has a way to M, and a cache of four windows of a page.
struct access_path {
    three_servers servers;
    three_servers::space_type space = servers.space();
    dma_route<identity> routes[1] = {{server_m, &servers.d_to_m}};
    dma_device<identity> on_d{.server = server_d, .routes = routes};
    scatter_piece pieces[4];
    identity::pin_type pins[4];
    memory_aimer bridge;
    attached_cache<cache_type, memory_aimer> with{bridge};
    planned_window plan[4];

    errc resolve(std::uint64_t at, std::uint64_t bytes = 8) {
        scatter_list<identity::pin_type> list(pieces, pins);
        const errc answer = space.resolve({at}, bytes, list);
        CHECK(list.pieces().empty() == (answer != errc::ok));
        return answer;
    }
    errc map(std::uint64_t at, const dma_device<identity>& device, std::uint64_t bytes = 8) {
        dma_transfer<identity::pin_type> transfer(pieces, pins);
        const errc answer = map_for_device(space, {at}, bytes, device, transfer);
        CHECK(transfer.is_under_way() == (answer == errc::ok));
        transfer.complete();
        return answer;
    }
    [[nodiscard]] errc planned(const window_descriptor& bridge_of, byte_range<peer> wanted,
                               window_budget budget = {}) {
        return plan_windows(bridge_of, wanted, {}, plan, budget).error();
    }
};

TEST_CASE("no window covers it") {
    access_path on;
    // M's page 1 has an entry, which leads to where L has no window on M.
    on.servers.declared[0] = {{0}, 8 * gib};
    on.servers.memory.words[server_m][0x20'0008] = 0x10'0000;
    CHECK(on.resolve(0x7000'1000) == errc::not_covered);
    CHECK(on.map(0x7000'1000, on.on_d) == errc::not_covered);
    CHECK(on.map(0x1000'0010, on.on_d) == errc::not_covered);  // D has none on L
    CHECK(on.servers.l_to_m.pin({4 * gib}, 8).error() == errc::not_covered);
    CHECK(window{{0x1000}, {0x4000}, 0x1000}.to_local({0x5000}).error() == errc::not_covered);
    CHECK(on.with.cache.pin({~std::uint64_t{0}}, 1).error() == errc::not_covered);
    CHECK(on.planned(presets::plx_32, {{4 * gib}, gib}) == errc::not_covered);
    CHECK(to_errc(explain(presets::ivshmem, {{gib}, 4096}).rule) == errc::not_covered);
    window_gate<>::word words[window_gate<>::words]{};
    CHECK(window_gate<>(words).pin().error() == errc::not_covered);  // it never showed anything
}

TEST_CASE("it is not distributed") {
    access_path on;
    CHECK(on.resolve(0x6000'0000) == errc::not_distributed);
    CHECK(on.resolve(0x7fff'fffc) != errc::not_distributed);
    CHECK(on.resolve(0xd000'0ffc) == errc::not_distributed);  // half of it is
    CHECK(on.map(0x6000'0000, on.on_d) == errc::not_distributed);
    // At home on a server that nobody knows.
    const memory_home homes[] = {{{{0x6000'0000}, 0x1000}, 9}};
    const device_home devices[] = {{{{0xd000'0000}, 0x1000}, 9, {0}}};
    REQUIRE(on.servers.memory_map.attach(homes) == errc::ok);
    REQUIRE(on.servers.device_map.attach(devices) == errc::ok);
    const auto other = on.servers.space();
    scatter_list<identity::pin_type> list(on.pieces, on.pins);
    CHECK(other.resolve({0x6000'0000}, 8, list) == errc::not_distributed);
    CHECK(other.resolve({0xd000'0000}, 8, list) == errc::not_distributed);
}

TEST_CASE("its entry is not valid") {
    access_path on;
    CHECK(on.resolve(0x7000'3000) == errc::unmapped);
    CHECK(on.resolve(0x1010'0000) == errc::unmapped);  // behind the end of L's table
    CHECK(on.map(0x7000'3000, on.on_d) == errc::unmapped);
    CHECK(on.resolve(0x7000'4000) == errc::corrupt);  // a valid one, to what is not declared
}

TEST_CASE("the link is lost, or is another one") {
    access_path on;
    auto known = on.servers.l_to_m.pin({0x1000}, 8);
    on.servers.l_to_m.link_lost();
    CHECK(on.resolve(0x7000'0010) == errc::revoked);
    CHECK(known.local().error() == errc::revoked);
    on.servers.l_to_m.link_restored();
    CHECK(on.resolve(0x7000'0010) == errc::ok);
    CHECK(known.local().error() == errc::stale);

    window_handle handle;
    {
        const auto pin = on.with.cache.pin({0x1000}, 8);
        REQUIRE(pin);
        handle = pin.handle();
    }
    CHECK(on.with.cache.pin_again(handle, {0x1000}, 8).error() == errc::ok);
    on.with.cache.link_lost();
    CHECK(on.with.cache.pin_again(handle, {0x1000}, 8).error() == errc::revoked);
    on.with.cache.link_restored();
    CHECK(on.with.cache.pin_again(handle, {0x1000}, 8).error() == errc::stale);
}

TEST_CASE("it is misaligned") {
    access_path on;
    CHECK(on.with.cache.pin({0x1ffc}, 8).error() == errc::misaligned);
    dma_device<identity> coarse = on.on_d;
    coarse.granule = 0x20;
    CHECK(on.map(0x7000'0010, coarse, 0x20) == errc::misaligned);
    CHECK(on.planned(presets::amd_two, {{1}, 4096}) == errc::misaligned);
    CHECK(to_errc(explain(presets::intel_gen3, {{4096}, 4096}).rule) == errc::misaligned);
}

TEST_CASE("it is too large, and what is only too many") {
    access_path on;
    const auto bridge = with_aperture(presets::amd_two, gib);
    CHECK(to_errc(explain(bridge, {{0}, 2 * gib}).rule) == errc::too_large);
    CHECK(on.planned(bridge, {{0}, 2 * gib}) == errc::ok);
    CHECK(on.planned(bridge, {{0}, 3 * gib}) == errc::too_large);
    CHECK(on.planned(bridge, {{0}, 2 * gib}, {.windows = 1}) == errc::limit);
    CHECK(plan_windows(bridge, {{0}, 2 * gib}, {}, {on.plan, 1}).error() == errc::limit);
    cache_type::pin_type pins[5];
    byte_range<peer> ranges[5];
    for (std::uint64_t i = 0; i < 5; ++i) ranges[i] = {{i << 12}, 0x1000};
    CHECK(on.with.cache.pin_all(ranges, pins) == errc::too_large);
    CHECK(on.with.cache.pin_all({ranges, 4}, pins) == errc::ok);
    CHECK(on.resolve(0x7000'0000, 0x2000) == errc::ok);
    scatter_list<identity::pin_type> list(on.pieces, {on.pins, 1});
    CHECK(on.space.resolve({0x7000'0000}, 0x2000, list) == errc::limit);
}

TEST_CASE("the device does not have the address bits") {
    access_path on;
    dma_device<identity> narrow = on.on_d;
    CHECK(on.map(0x7000'0010, narrow) == errc::ok);
    narrow.mask = (std::uint64_t{1} << 28) - 1;
    CHECK(on.map(0x7000'0010, narrow) == errc::beyond_mask);
    // The window's addresses go beyond the mask, the memory's own do not.
    narrow.server = server_m;
    CHECK(on.map(0x7000'0010, narrow) == errc::ok);
    narrow.mask = 0xf'ffff;
    CHECK(on.map(0x7000'0010, narrow) == errc::beyond_mask);
}

}  // namespace
