// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a machine counts of its mirrored memory, and the limit on it.
#include "zone/machines.hpp"

namespace {

using namespace zone_tests;

using reliable = physical_memory<radix_zone>;
constexpr std::uint64_t mirrored_frames = 64 * mebibyte >> 12;
constexpr frame<> first_mirrored{4 * gibibyte >> 12};

struct half_mirrored : firmware {
    half_mirrored() {
        ram(4 * gibibyte, 4 * gibibyte + 64 * mebibyte, 0, true);
        ram(5 * gibibyte, 5 * gibibyte + 64 * mebibyte, 0);
    }
};

void check_figures(const booted<reliable>& ram, const mirror_counters& expected) {
    const mirror_counters now = ram->mirror_figures();
    CHECK(now.total == expected.total);
    CHECK(now.used == expected.used);
    CHECK(now.free == expected.free);
    CHECK(now.limit == expected.limit);
    CHECK(now.fallbacks == expected.fallbacks);
}

TEST_CASE("mirrored memory is counted: total, used, free, fallbacks") {
    const booted<reliable> ram{half_mirrored{}};
    check_figures(ram, {mirrored_frames, 0, mirrored_frames, mirrored_frames, 0});
    const auto block = ram->allocate({.order = 9, .mirror = mirror::preferred});
    (void)ram->allocate({.order = 9});
    check_figures(ram, {mirrored_frames, 512, mirrored_frames - 512, mirrored_frames, 0});
    while (ram->allocate({.mirror = mirror::required})) {
    }
    check_figures(ram, {mirrored_frames, mirrored_frames, 0, mirrored_frames, 0});
    CHECK_FALSE(ram->zone_of(*ram->allocate({.mirror = mirror::preferred}))->mirrored);
    CHECK_FALSE(ram->zone_of(*ram->allocate({.order = 3, .mirror = mirror::preferred}))->mirrored);
    CHECK(ram->mirror_figures().fallbacks == 2);
    CHECK(ram->free(*block, 9) == errc::ok);
    check_figures(ram, {mirrored_frames, mirrored_frames - 512, 512, mirrored_frames, 2});
}

TEST_CASE("ordinary memory near by, before mirrored memory further away, is a fallback, too") {
    firmware machine;
    machine.ram(4 * gibibyte, 4 * gibibyte + 64 * mebibyte, 0);
    machine.ram(5 * gibibyte, 5 * gibibyte + 64 * mebibyte, 1, true);
    const booted<physical_memory<radix_zone, locality_first>> ram(machine);
    CHECK_FALSE(ram->zone_of(*ram->allocate({.node = 0, .mirror = mirror::preferred}))->mirrored);
    CHECK(ram->mirror_figures().fallbacks == 1);
    CHECK(ram->zone_of(*ram->allocate({.node = 1, .mirror = mirror::preferred}))->mirrored);
    CHECK(ram->mirror_figures().fallbacks == 1);
}

TEST_CASE("no mirrored memory, no fallbacks") {
    firmware machine;
    machine.ram(5 * gibibyte, 6 * gibibyte, 0);
    const booted<reliable> ram(machine);
    REQUIRE(ram->allocate({.mirror = mirror::preferred}).has_value());
    check_figures(ram, {});
    CHECK(ram->set_mirror_limit(0) == errc::ok);
    CHECK(ram->allocate({.mirror = mirror::required}).has_value());
    CHECK(ram->set_mirror_limit(1) == errc::limit);
}

TEST_CASE("beyond the limit `preferred` falls back and `required` says limit") {
    const booted<reliable> ram{half_mirrored{}};
    REQUIRE(ram->set_mirror_limit(100) == errc::ok);
    for (int i = 0; i < 100; ++i) REQUIRE(ram->allocate({.mirror = mirror::required}).has_value());
    CHECK(ram->allocate({.mirror = mirror::required}).error() == errc::limit);
    CHECK_FALSE(ram->zone_of(*ram->allocate({.mirror = mirror::preferred}))->mirrored);
    check_figures(ram, {mirrored_frames, 100, mirrored_frames - 100, 100, 1});
    // Free memory, but not for this request.
    while (ram->allocate({})) {
    }
    CHECK(ram->allocate({.mirror = mirror::preferred}).error() == errc::limit);
    CHECK(ram->allocate({}).error() == errc::exhausted);
    REQUIRE(ram->set_mirror_limit(102) == errc::ok);
    CHECK(ram->allocate({.order = 2, .mirror = mirror::required}).error() == errc::limit);
    CHECK(ram->allocate({.order = 1, .mirror = mirror::required}).has_value());
}

TEST_CASE("a limit beyond the total or below what is in use is refused; the old one stays") {
    const booted<reliable> ram{half_mirrored{}};
    REQUIRE(ram->set_mirror_limit(1000) == errc::ok);
    CHECK(ram->set_mirror_limit(mirrored_frames + 1) == errc::limit);
    CHECK(ram->mirror_figures().limit == 1000);
    const auto block = ram->allocate({.order = 9, .mirror = mirror::required});
    CHECK(ram->set_mirror_limit(511) == errc::busy);
    CHECK(ram->mirror_figures().limit == 1000);
    CHECK(ram->set_mirror_limit(512) == errc::ok);
    CHECK(ram->allocate({.mirror = mirror::required}).error() == errc::limit);
    CHECK(ram->free(*block, 9) == errc::ok);
    CHECK(ram->allocate({.mirror = mirror::required}).has_value());
    // The whole total is no limit at all.
    CHECK(ram->set_mirror_limit(mirrored_frames) == errc::ok);
    CHECK(ram->allocate({.order = 10, .mirror = mirror::required}).has_value());
}

TEST_CASE("the total follows frames that leave and arrive, and a recovery") {
    const half_mirrored machine;
    booted<reliable> ram(machine);
    const range<> gone{first_mirrored, 1024};
    REQUIRE(ram->isolate(gone) == errc::ok);
    REQUIRE(ram->offline(gone) == errc::ok);
    check_figures(ram, {mirrored_frames - 1024, 0, mirrored_frames - 1024, mirrored_frames - 1024, 0});
    CHECK(ram->set_mirror_limit(mirrored_frames) == errc::limit);
    const auto revoked = ram->revoke({first_mirrored + 2048, 512});
    REQUIRE(revoked.has_value());
    CHECK(*revoked == 512);
    CHECK(ram->mirror_figures().total == mirrored_frames - 1536);
    const auto other = std::make_unique<reliable>();
    REQUIRE(other->boot(machine.map, machine.nodes, {ram.metadata.data(), ram.metadata.size()},
                        start::recover) == errc::ok);
    CHECK(other->mirror_figures().total == mirrored_frames - 1536);
    CHECK(other->mirror_figures().used == 0);
    REQUIRE(other->online(gone) == errc::ok);
    CHECK(other->mirror_figures().total == mirrored_frames - 512);
}

}  // namespace
