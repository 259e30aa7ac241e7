// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The library without an operating system, in a virtual machine under KVM, behind two bridges whose registers
// are the host's and whose windows are memory slots: what it may and what it may not do, as a processor
// finds.
#include "remote/soft_ntb/host_machine.hpp"
//
#include <doctest/doctest.h>

#include <ashlar/testing/random_bits.hpp>
#include <cstdlib>
#include <utility>
#include <vector>

namespace {

using namespace soft_ntb;
using ashlar::testing::random_bits;

bool is_long() {
    return std::getenv("ASHLAR_LONG") != nullptr;
}

/// Each word says where it is.
void fill_with_places(three_servers& servers, std::uint32_t server, std::uint32_t epoch) {
    const bridge_place& place = server == server_b ? b : c;
    if (server == server_a) return;
    for (std::uint64_t at = place.peer_first; at < place.peer_first + place.peer_bytes; at += 8)
        servers.set_word(server, at, content(17, epoch, at));
}

/// Where a guest's pages are: at other places after each start.
struct guest_pages {
    std::uint64_t seed;
    std::vector<std::uint64_t> places[3]{};  ///< of each server's pages, by its own addresses

    static std::uint64_t memory_of(std::uint32_t server) {
        return server == server_a ? own_at : server == server_b ? b.peer_first : c.peer_first;
    }
    static std::uint64_t bytes_of(std::uint32_t server) {
        return server == server_a ? ram_bytes - own_at : server == server_b ? b.peer_bytes : c.peer_bytes;
    }
    static std::uint64_t first_of(std::uint32_t server) {
        std::uint64_t first = guest_first;
        for (std::uint32_t i = 0; i < server; ++i) first += pages_of[i] * page;
        return first;
    }
    void operator()(three_servers& servers, std::uint32_t server, std::uint32_t epoch) {
        std::vector<std::uint64_t> free;
        for (std::uint64_t at = data_offset; at < bytes_of(server) - page; at += page)
            free.push_back(memory_of(server) + at);
        random_bits random(seed + 100 * epoch + server);
        const std::uint64_t table = memory_of(server) + p2m_offset;
        servers.set_word(server, table, (table + page) | 1);
        places[server].clear();
        for (std::uint64_t i = 0; i < pages_of[server]; ++i) {
            std::swap(free[static_cast<std::size_t>(random() % free.size())], free.back());
            places[server].push_back(free.back());
            free.pop_back();
            servers.set_word(server, table + page + 8 * i, places[server][i] | 1);
            for (std::uint64_t offset = 0; offset < page; offset += 8) {
                const std::uint64_t guest = first_of(server) + i * page + offset;
                servers.set_word(server, places[server][i] + offset, content(seed, epoch, guest));
            }
        }
        if (server != server_c) return;
        servers.set_word(server, c.peer_first + device_offset + 0x10, content(seed, epoch, device_at + 0x10));
    }
};

TEST_CASE(
    "register programs: what a window shows after each step, and what bridges make of wrong translations") {
    need_kvm();
    three_servers servers(fill_with_places);
    servers.begin(scenario::registers, 0, 17, 0);
    CHECK(servers.finish() == "");
    CHECK(servers.to_b.closed_accesses() + servers.to_c.closed_accesses() == servers.told().told[0]);
    for (const bridge_place* each : {&b, &c}) {
        const std::uint32_t server = each == &b ? server_b : server_c;
        std::uint64_t answered = 0;
        std::uint64_t wrong = 0;
        for (std::uint64_t at = each->peer_first + 8; at < each->peer_first + each->peer_bytes; at += 8) {
            const std::uint64_t wanted = content(17, 1, at);
            const std::uint64_t found = servers.word(server, at);
            answered += found == answer_to(wanted) ? 1 : 0;
            wrong += found != wanted && found != answer_to(wanted) ? 1 : 0;
        }
        CHECK(wrong == 0);
        CHECK(answered == 4);
    }
}

TEST_CASE(
    "a guest's memory on three servers is read and written through windows: no word is on a wrong page") {
    need_kvm();
    guest_pages pages{.seed = 23};
    three_servers servers(std::ref(pages));
    std::vector<std::vector<std::uint64_t>> wanted(3);
    for (const std::uint32_t server : {server_a, server_b, server_c}) {
        const std::uint64_t first = guest_pages::memory_of(server);
        for (std::uint64_t i = 0; i < guest_pages::bytes_of(server); i += 8)
            wanted[server].push_back(servers.word(server, first + i));
        for (const std::uint64_t at : pages.places[server]) {
            for (std::uint64_t offset = 0; offset < page; offset += 8) {
                std::uint64_t& word = wanted[server][static_cast<std::size_t>((at - first + offset) / 8)];
                word = answer_to(word);
            }
        }
    }
    std::uint64_t& device = wanted[server_c][(device_offset + 0x10) / 8];
    device = answer_to(device);

    servers.begin(scenario::space, 0, pages.seed, is_long() ? 20'000 : 500);
    REQUIRE(servers.finish() == "");
    for (const std::uint32_t server : {server_a, server_b, server_c}) {
        std::uint64_t wrong = 0;
        for (std::size_t i = 0; i < wanted[server].size(); ++i) {
            if (servers.word(server, guest_pages::memory_of(server) + 8 * i) != wanted[server][i]) ++wrong;
        }
        CHECK(wrong == 0);
    }
    CHECK(servers.to_b.closed_accesses() + servers.to_c.closed_accesses() == 0);
    CHECK(servers.to_b.pointed() > 100);
    CHECK(servers.to_c.pointed() > 100);
    MESSAGE("windows were pointed elsewhere ", servers.to_b.pointed(), " and ", servers.to_c.pointed(),
            " times for ", servers.told().told[0], " pieces");
}

/// Words of B that a CPU of A stored where it did not mean to.
std::uint64_t misplaced_in_b(three_servers& servers, std::uint64_t& stored) {
    std::uint64_t misplaced = 0;
    for (std::uint64_t at = b.peer_first + 8; at < b.peer_first + b.peer_bytes; at += 8) {
        const std::uint64_t found = servers.word(server_b, at);
        if (found == 0) continue;
        ++stored;
        if ((found << 8 >> 8) != at) ++misplaced;
    }
    return misplaced;
}

TEST_CASE("two processors store through windows that a third one aims anew: none meets a closed window") {
    need_kvm();
    three_servers servers;
    servers.begin(scenario::drain, 0, 31, is_long() ? 5000 : 200, 3);
    CHECK(servers.finish() == "");
    std::uint64_t stored = 0;
    CHECK(misplaced_in_b(servers, stored) == 0);
    CHECK(servers.to_b.closed_accesses() + servers.to_b.overtaken_accesses() == 0);
    CHECK(stored > 0);
    CHECK(servers.told().told[1] > 0);
    CHECK(servers.told().told[2] > 0);
    CHECK(servers.to_b.pointed() > 300);
    MESSAGE("", servers.told().told[1] + servers.told().told[2], " stores, of which none of ",
            servers.to_b.pointed(), " changes of a window met one");
}

TEST_CASE(
    "a user who takes his time is waited for; without the drain his stores meet a closed window, or another "
    "page") {
    need_kvm();
    constexpr std::uint64_t count = 16;
    for (std::uint32_t variant = 0; variant < 4; ++variant) {
        const bool waits = (variant & 1) != 0;
        const bool until_open = (variant & 2) != 0;
        three_servers servers;
        servers.begin(scenario::late_user, variant, 0, count, 2);
        CHECK(servers.finish() == "");
        std::uint64_t stored = 0;
        const std::uint64_t misplaced = misplaced_in_b(servers, stored);
        CHECK(servers.to_b.closed_accesses() == (waits || until_open ? 0 : count));
        CHECK(misplaced == (waits || !until_open ? 0 : count));
        CHECK(stored == (waits || until_open ? count : 0));
    }
}

TEST_CASE(
    "links go, and peers start again: nothing of an old start is believed, nothing of a new one served") {
    need_kvm();
    for (const std::uint32_t server : {server_b, server_c}) {
        guest_pages pages{.seed = 41};
        three_servers servers(std::ref(pages));
        servers.begin(scenario::link, server, pages.seed, 0);
        CHECK(servers.finish() == "");
        CHECK(servers.to_b.closed_accesses() + servers.to_c.closed_accesses() == 0);
        CHECK(servers.to_b.dead_accesses() + servers.to_c.dead_accesses() > 0);
    }
}

TEST_CASE("links go at any moment: what is read is of the start that it is taken for, or refused") {
    need_kvm();
    const std::uint64_t seed = 43;
    guest_pages pages{.seed = seed};
    three_servers servers(std::ref(pages));
    servers.begin(scenario::storm, 0, seed, 0);
    random_bits random(seed);
    const auto word = [&](unsigned which) { return std::atomic_ref(servers.told().told[which]); };
    while (word(6).load() == 0 && !servers.has_failed()) std::this_thread::yield();
    for (int i = 0; i < (is_long() ? 1000 : 40) && !servers.has_failed(); ++i) {
        const std::uint32_t server = random() % 2 == 0 ? server_b : server_c;
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 5000));
        servers.drop_link(server);
        servers.start(server);
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 1000));
        servers.raise_link(server);
    }
    word(7).store(1);
    CHECK(servers.finish() == "");
    CHECK(servers.to_b.closed_accesses() + servers.to_c.closed_accesses() == 0);
    const orders& told = servers.told();
    for (unsigned i = 0; i < 3; ++i) CHECK(told.told[i] > 0);
    CHECK(told.told[3] == 0);
    MESSAGE("believed: ", told.told[0], ", ", told.told[1], ", ", told.told[2], "; refused: ", told.told[4],
            ", ", told.told[5]);
}

TEST_CASE("a peer's memory behind a window is a zone of the machine, and goes with the link") {
    need_kvm();
    three_servers servers(fill_with_places);
    servers.begin(scenario::zone, 0, 17, 0);
    CHECK(servers.finish() == "");
    CHECK(servers.to_c.closed_accesses() == 0);
    // C has what A filled its frame with last.
    const std::uint64_t frame = servers.told().told[0];
    const std::uint64_t as_a_has_it = servers.told().told[1];
    CHECK(frame >= c.peer_first);
    for (std::uint64_t offset = 0; offset < page; offset += 512)
        CHECK(servers.word(server_c, frame + offset) == mix(18, as_a_has_it + offset));
}

}  // namespace
