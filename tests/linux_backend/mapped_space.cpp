// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The guest whose memory lies on other servers, with the other server's memory really mapped.
#include <ashlar/linux_backend/mapped_access.hpp>
//
#include <doctest/doctest.h>
#include <unistd.h>

#include <ashlar/linux_backend/file_descriptor.hpp>
#include <ashlar/linux_backend/shared_file.hpp>
#include <ashlar/remote/distribution_map.hpp>
#include <ashlar/remote/identity_window.hpp>
#include <ashlar/remote/remote_space.hpp>
#include <utility>

namespace {

using namespace ashlar;
using access_type = mapped_access<shared_file>;
static_assert(remote_access<access_type>);

constexpr server_id server_l = 1;
constexpr server_id server_m = 2;
constexpr std::uint64_t canary_at = 0x3000;

/// M has 1 GiB, of which few pages are touched; 0x7000'0000 on lives there, by a flat table at 0x20'0000.
struct two_servers {
    mapped_device<shared_file> m;
    file_descriptor file;
    mapped_peer<shared_file> peers[1]{{server_m, &m, canary_at, 7}};
    access_type access{peers};
    memory_home homes[1] = {{{{0x7000'0000}, 0x1000'0000}, server_m}};
    distribution_map<memory_home> memory;
    distribution_map<device_home> devices;
    byte_range<peer> declared[1] = {{{0}, 1 << 30}};

    two_servers() {
        shared_file made;
        REQUIRE(made.create("M", 1 << 30) == errc::ok);
        file = file_descriptor(dup(made.descriptor()));
        REQUIRE(m.map(std::move(made)) == errc::ok);
        REQUIRE(memory.attach(homes) == errc::ok);
        m.write64(canary_at, canary_of(7));
        m.write64(0x20'0000, 0x345);
        m.write64(0x20'0008, 0x111);
        m.write64(0x20'0010, ~std::uint64_t{0});  // no frame
        m.write64(0x34'5010, 0x1234567890);
    }
};

TEST_CASE("a guest's address leads through M's own table to its bytes, and to errors when M goes") {
    two_servers servers;
    identity_window<> window({{0}, 1 << 30}, servers.m.local());
    using space_type = remote_space<flat_p2m<>, identity_window<>, access_type>;
    const remote_server<identity_window<>> seen[] = {
        {server_m, {{0x20'0000}, {0x70000}, 0x10000}, servers.declared, &window, nullptr}};
    const space_type space(server_l, servers.memory, servers.devices, seen, servers.access);
    const auto home = space.locate({0x7000'0010});
    REQUIRE(home.has_value());
    CHECK(home->server == server_m);
    CHECK(home->at.value == 0x34'5010);
    scatter_piece pieces[4];
    space_type::list_type::pin_type pins[4];
    space_type::list_type list(pieces, pins);
    REQUIRE(space.resolve({0x7000'0ff8}, 16, list) == errc::ok);  // two pages that are not neighbours
    REQUIRE(list.pieces().size() == 2);
    CHECK(list.pieces()[0].at == servers.m.local(0x34'5ff8));
    CHECK(list.pieces()[1].at == servers.m.local(0x11'1000));
    list.clear();
    CHECK(space.locate({0x7000'2000}).error() == errc::unmapped);
    CHECK(*servers.access.load(servers.m.local(0x34'5010)) == 0x1234567890);
    CHECK(servers.access.load({0x10}).error() == errc::not_covered);
    CHECK(servers.access.load({servers.m.local().value + 4}).error() == errc::misaligned);
    CHECK_FALSE(servers.access.is_alive(server_l));

    // M starts again, and what it had does not count, until it is known anew.
    servers.m.write64(canary_at, canary_of(8));
    CHECK(space.resolve({0x7000'0010}, 8, list) == errc::revoked);
    CHECK(list.pieces().empty());
    servers.peers[0].epoch = 8;
    CHECK(space.resolve({0x7000'0010}, 8, list) == errc::ok);
    list.clear();
    // M's memory is gone.
    REQUIRE(ftruncate(servers.file.number(), 0) == 0);
    CHECK(space.resolve({0x7000'0010}, 8, list) == errc::unreadable);
    CHECK_FALSE(servers.access.is_alive(server_m));
    window.link_lost();
    CHECK(space.resolve({0x7000'0010}, 8, list) == errc::revoked);
}

}  // namespace
