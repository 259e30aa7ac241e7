// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One guest's memory on servers behind bridges of several kinds: a window that nobody aims, an Intel's and an
// AMD's, in one space.
#include <doctest/doctest.h>

#include <ashlar/remote/bridge_windows.hpp>
#include <ashlar/remote/identity_window.hpp>
#include <ashlar/remote/passthrough.hpp>
#include <ashlar/remote/presets.hpp>
#include <ashlar/remote/registers_amd.hpp>
#include <ashlar/remote/registers_intel.hpp>
#include <ashlar/remote/remote_space.hpp>
#include <ashlar/remote/window_cache.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <ashlar/testing/simulated_bridge.hpp>
#include <map>
#include <vector>

namespace {

using namespace ashlar;
using namespace ashlar::testing;

constexpr std::uint64_t mib = 1 << 20;
constexpr std::uint64_t page = 0x1000;

/// A cache over all windows of a bridge, whose places start at `base` here.
template <class Model, class Programmer, std::uint32_t Windows>
struct cached_bridge {
    using bridge_type = simulated_bridge<Model>;
    using windows_type = bridge_windows<platform, Programmer, bridge_type>;
    using cache_type = window_cache<windows_type>;

    bridge_type& bridge;
    windows_type windows;
    std::vector<byte_address<machine>> places{};
    typename windows_type::word gates[windows_type::words_needed(Windows)]{};
    std::vector<typename cache_type::word> words{cache_type::metadata_words(Windows)};
    cache_type cache;

    cached_bridge(bridge_type& over, Programmer& programmer, const window_descriptor& descriptor)
        : bridge(over), windows(programmer, over) {
        for (std::uint32_t i = 0; i < Windows; ++i) places.push_back({over.model().place(i)});
        REQUIRE(windows.attach(with_aperture(descriptor, mib), window_kind::direct,
                               {places.data(), places.size()}, mib, gates, 1000) == errc::ok);
        REQUIRE(cache.attach(windows, {words.data(), words.size()}) == errc::ok);
    }
};
using intel_model = intel_gen3_model;
using intel_programmer = intel_gen3_registers<simulated_bridge<intel_model>>;
using intel_bridge = cached_bridge<intel_model, intel_programmer, 2>;
using amd_programmer = amd_registers<simulated_bridge<amd_model>>;
using amd_bridge = cached_bridge<amd_model, amd_programmer, 3>;

/// Windows of whichever kind leads to a server: one type for a space of all of them. A pin is that of the
/// window behind it, which is handed on.
struct any_windows {
    using pin_type = window_pin<any_windows>;

    identity_window<>* whole = nullptr;
    intel_bridge::cache_type* intel = nullptr;
    amd_bridge::cache_type* amd = nullptr;

    constexpr auto of(auto what) const noexcept {
        if (whole != nullptr) return what(*whole);
        return intel != nullptr ? what(*intel) : what(*amd);
    }
    constexpr pin_type pin(byte_address<peer> at, std::uint64_t length,
                           pin_owner owner = pin_owner::cpu) noexcept {
        return of([&](auto& one) {
            auto got = one.pin(at, length, owner);
            const auto local = got.local();
            if (!local) return pin_type(local.error());
            got.leave_in_place();
            return pin_type(*this, got.handle(), *local, length, owner);
        });
    }
    [[nodiscard]] constexpr std::uint64_t reach(byte_address<peer> at) const noexcept {
        return of([&](auto& one) { return one.reach(at); });
    }
    [[nodiscard]] constexpr std::uint32_t epoch() const noexcept {
        return of([](auto& one) { return one.epoch(); });
    }
    [[nodiscard]] constexpr bool is_up() const noexcept {
        return of([](auto& one) { return one.is_up(); });
    }
    [[nodiscard]] constexpr bool is_current(window_handle known) const noexcept {
        return of([&](auto& one) { return one.is_current(known); });
    }
    constexpr void unpin(window_handle known, pin_owner owner) noexcept {
        of([&](auto& one) { return one.unpin(known, owner); });
    }
};

constexpr std::uint64_t pages_of_each = 64;
constexpr byte_address<guest> guest_first{0x2000'0000};
constexpr byte_address<machine> whole_place{0x7000'0000'0000};
constexpr byte_address<peer> table{0x80'0000};

/// Three peers, each with a table and a third of the pages, scattered over 8 MiB.
struct peers {
    static constexpr server_id self = 9;

    identity_window<> whole{{{0}, 16 * mib}, whole_place};
    std::map<std::uint64_t, std::uint64_t> whole_memory;
    simulated_bridge<intel_model> intel_registers;
    intel_programmer intel_by{intel_registers, intel_registers.model().place(0),
                              intel_registers.model().place(1)};
    intel_bridge intel{intel_registers, intel_by, presets::intel_gen3};
    simulated_bridge<amd_model> amd_registers_of{amd_model{{.first_place = 0x50'0000'0000}}};
    amd_programmer amd_by{amd_registers_of, 3};
    amd_bridge amd{amd_registers_of, amd_by, presets::amd_three};
    any_windows ways[3] = {{.whole = &whole}, {.intel = &intel.cache}, {.amd = &amd.cache}};

    memory_home homes[3]{};
    distribution_map<memory_home> memory_map;
    byte_range<peer> declared[1] = {{{0}, 16 * mib}};
    remote_server<any_windows> servers[3]{};
    std::uint64_t loads_of[3]{};

    void put(server_id server, std::uint64_t at, std::uint64_t value) {
        if (server == 0) whole_memory[at] = value;
        if (server == 1) intel_registers.set_peer_word(at, value);
        if (server == 2) amd_registers_of.set_peer_word(at, value);
    }
    static std::uint64_t home_of(std::uint64_t number) {
        return (number * 37 % 2048) * page;  // odd: each its own
    }
    peers() {
        for (server_id server = 0; server < 3; ++server) {
            const byte_address<guest> first = guest_first + server * pages_of_each * page;
            homes[server] = {{first, pages_of_each * page}, server};
            servers[server] = {server, {table, first.frame_of(12), pages_of_each}, declared, &ways[server]};
            for (std::uint64_t i = 0; i < pages_of_each; ++i) {
                const std::uint64_t number = server * pages_of_each + i;
                put(server, table.value + 8 * i, home_of(number) / page);
                for (const std::uint64_t offset : {std::uint64_t{0}, page - 8})
                    put(server, home_of(number) + offset, number << 32 | offset);
            }
        }
        REQUIRE(memory_map.attach(homes) == errc::ok);
    }
    /// The way that a local address goes is known by where it is.
    result<std::uint64_t> load(byte_address<machine> at) noexcept {
        if (at >= whole_place) {
            ++loads_of[0];
            return whole_memory[at.value - whole_place.value];
        }
        for (const byte_address<machine> each : intel.places) {
            if (at.value - each.value >= mib) continue;
            ++loads_of[1];
            return intel_registers.load(at.value);
        }
        ++loads_of[2];
        return amd_registers_of.load(at.value);
    }
    [[nodiscard]] bool is_alive(server_id) const noexcept { return true; }

    [[nodiscard]] std::uint32_t pins_left() const {
        std::uint32_t sum = 0;
        for (const pin_owner owner : {pin_owner::cpu, pin_owner::dma}) {
            for (std::uint32_t i = 0; i < 2; ++i) sum += intel.cache.pins_of(i, owner);
            for (std::uint32_t i = 0; i < 3; ++i) sum += amd.cache.pins_of(i, owner);
        }
        return sum;
    }
};

using space_type = remote_space<flat_p2m<>, any_windows, peers>;

TEST_CASE("servers behind bridges of several kinds are one space") {
    peers with;
    const space_type space(peers::self, with.memory_map, {}, with.servers, with);
    scatter_piece pieces[8];
    any_windows::pin_type pins[8];
    scatter_list<any_windows::pin_type> list(pieces, pins);
    random_bits random(17);
    std::uint64_t wrong = 0;
    for (unsigned round = 0; round < 2000; ++round) {
        const std::uint64_t number = random() % (3 * pages_of_each);
        REQUIRE(space.resolve(guest_first + number * page, page, list) == errc::ok);
        REQUIRE(list.pieces().size() == 1);
        CHECK(list.pieces()[0].server == number / pages_of_each);
        CHECK(list.pieces()[0].home.value == peers::home_of(number));
        for (const std::uint64_t offset : {std::uint64_t{0}, page - 8})
            wrong += *with.load(list.pieces()[0].at + offset) == (number << 32 | offset) ? 0 : 1;
        list.clear();
        REQUIRE(with.pins_left() == 0);
    }
    CHECK(wrong == 0);
    for (const std::uint64_t loads : with.loads_of) CHECK(loads > 1000);

    // A range that goes from each server to the next one: all of it or none.
    const byte_address<guest> border = guest_first + (pages_of_each - 1) * page;
    const byte_address<guest> next = border + pages_of_each * page;
    REQUIRE(space.resolve(border, 2 * page, list) == errc::ok);
    CHECK(list.pieces().size() == 2);
    CHECK(list.pieces()[1].server == 1);
    list.clear();
    REQUIRE(space.resolve(next, 2 * page, list) == errc::ok);
    CHECK(list.pieces()[1].server == 2);
    CHECK(with.pins_left() == 2);
    list.clear();
    CHECK(with.pins_left() == 0);

    // A link that is lost is that of one bridge.
    REQUIRE(space.resolve(border, page, list) == errc::ok);
    with.amd.cache.link_lost();
    CHECK(list.pins()[0].local().has_value());
    list.clear();
    CHECK(space.resolve(next, 2 * page, list) == errc::revoked);
    CHECK(with.pins_left() == 0);
    CHECK(space.resolve(border, 2 * page, list) == errc::ok);
    list.clear();
    with.amd.cache.link_restored();
    with.whole.link_lost();
    CHECK(space.resolve(next, 2 * page, list) == errc::ok);
    CHECK(list.pins()[1].local().has_value());
    with.amd.cache.link_lost();
    CHECK(list.pins()[1].local().error() == errc::revoked);
    CHECK(list.pins()[0].local().has_value());
    list.clear();
    CHECK(space.resolve(border, 2 * page, list) == errc::revoked);
}

TEST_CASE("a device whose server has bridges of several kinds") {
    peers with;
    const space_type space(peers::self, with.memory_map, {}, with.servers, with);
    const dma_route<any_windows> routes[] = {{0, &with.ways[0]}, {1, &with.ways[1]}, {2, &with.ways[2]}};
    const dma_device<any_windows> device{.server = peers::self, .routes = routes};
    scatter_piece pieces[8];
    any_windows::pin_type pins[8];
    dma_transfer<any_windows::pin_type> transfer(pieces, pins);
    const byte_address<guest> border = guest_first + (pages_of_each - 1) * page;
    REQUIRE(map_for_device(space, border, 2 * page, device, transfer) == errc::ok);
    REQUIRE(transfer.pieces().size() == 2);
    CHECK(transfer.pieces()[0].at == whole_place + peers::home_of(pages_of_each - 1));
    CHECK(with.load(transfer.pieces()[1].at).value() == pages_of_each << 32);
    CHECK(with.pins_left() == 1);
    transfer.complete();
    CHECK(with.pins_left() == 0);
}

}  // namespace
