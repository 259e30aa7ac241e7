// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A guest's addresses on several servers: distribution maps, the P2M through windows, the vectors of the
// specification.
#include <doctest/doctest.h>

#include <ashlar/remote/window_cache.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <vector>

#include "remote/memory_aimer.hpp"
#include "remote/servers.hpp"

namespace {

using namespace ashlar;
using namespace remote_tests;

TEST_CASE("distribution maps are checked, and say where they are wrong") {
    const memory_home good[] = {{{{0x1000}, 0x1000}, 1}, {{{0x2000}, 0x10}, 2}, {{{0x8000}, 1}, 3}};
    distribution_map<memory_home> map;
    REQUIRE(map.attach(good) == errc::ok);
    CHECK(map.find({0xfff}) == nullptr);
    CHECK(map.find({0x1000})->server == 1);
    CHECK(map.find({0x1fff})->server == 1);
    CHECK(map.find({0x200f})->server == 2);
    CHECK(map.find({0x2010}) == nullptr);
    CHECK(map.find({0x8000})->server == 3);
    CHECK(map.find({~std::uint64_t{0}}) == nullptr);
    std::size_t where = 0;
    const memory_home empty[] = {{{{0x1000}, 0x1000}, 1}, {{{0x3000}, 0}, 2}};
    CHECK(map.attach(empty, where) == errc::invalid);
    CHECK(where == 1);
    const memory_home wrapping[] = {{{{~std::uint64_t{0}}, 2}, 1}};
    CHECK(map.attach(wrapping, where) == errc::invalid);
    CHECK(where == 0);
    const memory_home unsorted[] = {{{{0x3000}, 1}, 1}, {{{0x4000}, 1}, 1}, {{{0x1000}, 1}, 1}};
    CHECK(map.attach(unsorted, where) == errc::misaligned);
    CHECK(where == 2);
    const memory_home over[] = {{{{0x3000}, 0x1001}, 1}, {{{0x4000}, 1}, 1}};
    CHECK(map.attach(over, where) == errc::corrupt);
    CHECK(where == 1);
    CHECK(map.find({0x1000})->server == 1);  // the one that was
    const memory_home last[] = {{{{0}, ~std::uint64_t{0}}, 1}, {{{~std::uint64_t{0}}, 1}, 2}};
    CHECK(map.attach(last) == errc::ok);
    CHECK(map.find({~std::uint64_t{0}})->server == 2);
    distribution_map<device_home> devices;
    const device_home far[] = {{{{0x1000}, 0x1000}, 1, {~std::uint64_t{0} - 5}}};
    CHECK(devices.attach(far) == errc::invalid);
    CHECK(devices.find({0x1000}) == nullptr);
}

TEST_CASE("vector: servers L, M and D") {
    three_servers w;
    const auto space = w.space();
    scatter_piece pieces[8];
    identity_window<>::pin_type pins[8];
    scatter_list<identity_window<>::pin_type> list(pieces, pins);
    REQUIRE(space.resolve({0x7000'0010}, 8, list) == errc::ok);
    CHECK(w.memory.loads == 1);
    CHECK(w.memory.last == 0x40'0020'0000);
    REQUIRE(list.pieces().size() == 1);
    CHECK(list.pieces()[0].at.value == 0x40'0034'5010);
    CHECK(list.pieces()[0].home.value == 0x34'5010);
    CHECK(list.pieces()[0].server == server_m);
    CHECK(list.pins().size() == 1);
    list.clear();
    REQUIRE(space.resolve({0xd000'0008}, 4, list) == errc::ok);
    CHECK(list.pieces()[0].at.value == 0x42'0010'0008);
    CHECK(w.memory.loads == 1);  // a device needs no table
    list.clear();
    // What is at home here needs no window.
    REQUIRE(space.resolve({0x1000'0ff0}, 16, list) == errc::ok);
    CHECK(list.pieces()[0].at.value == 0x7'7ff0);
    CHECK(w.memory.last == 0x5000);
    CHECK(list.pins().empty());
}

TEST_CASE("what cannot be resolved says why, and pins nothing") {
    three_servers w;
    const auto space = w.space();
    scatter_piece pieces[2];
    identity_window<>::pin_type pins[2];
    scatter_list<identity_window<>::pin_type> list(pieces, pins);
    const auto resolve = [&](std::uint64_t at, std::uint64_t bytes) {
        const errc answer = space.resolve({at}, bytes, list);
        if (answer != errc::ok) CHECK((list.pieces().empty() && list.pins().empty()));
        const errc told = answer;
        return told;
    };
    CHECK(resolve(0x7000'0000, 0) == errc::invalid);
    CHECK(resolve(~std::uint64_t{0}, 2) == errc::invalid);
    CHECK(resolve(0x6000'0000, 8) == errc::not_distributed);
    CHECK(resolve(0x7000'3000, 8) == errc::unmapped);         // not a valid entry
    CHECK(resolve(0x7000'2ff8, 16) == errc::unmapped);        // its second part is not
    CHECK(resolve(0x7000'4000, 8) == errc::corrupt);          // beyond what M declares
    CHECK(resolve(0xd000'0ffc, 8) == errc::not_distributed);  // half of it
    CHECK(resolve(0x1010'0000, 8) == errc::unmapped);         // the table is not about it
    REQUIRE(resolve(0x7000'0000, 0x2000) == errc::ok);        // two pages in a row are one piece
    CHECK(list.pieces().size() == 1);
    CHECK(list.pieces()[0].bytes == 0x2000);
    CHECK(list.pins().size() == 2);
    CHECK(space.resolve({0x7000'0000}, 8, list) == errc::invalid);  // it is not empty
    list.clear();
    CHECK(resolve(0x7000'0000, 0x2001) == errc::limit);  // three pins
    w.l_to_m.link_lost();
    CHECK(resolve(0x7000'0000, 8) == errc::revoked);
    w.l_to_m.link_restored();
    CHECK(resolve(0x7000'0000, 8) == errc::ok);
    list.clear();
    // All ones is what a dead link reads as: the canary tells it from an entry.
    w.memory.is_dead[server_m] = true;
    CHECK(resolve(0x7000'0000, 8) == errc::revoked);
    CHECK(resolve(0x7000'3000, 8) == errc::revoked);
    w.memory.is_dead[server_m] = false;
    CHECK(resolve(0x7000'3000, 8) == errc::unmapped);
}

TEST_CASE("what a table said is kept, until it is forgotten or the link goes") {
    three_servers w;
    std::vector<p2m_cache<>::word> words(p2m_cache<>::metadata_words(16));
    p2m_cache<> known;
    REQUIRE(known.attach({words.data(), words.size()}) == errc::ok);
    CHECK(known.places() == 16);
    w.seen[1].cache = &known;
    const auto space = w.space();
    CHECK(space.locate({0x7000'0010})->at.value == 0x34'5010);
    CHECK(space.locate({0x7000'0020})->at.value == 0x34'5020);
    CHECK(space.locate({0x7000'0020})->bytes == 0xfe0);
    CHECK(w.memory.loads == 1);
    w.memory.words[server_m][0x20'0000] = 0x400;
    CHECK(space.locate({0x7000'0010})->at.value == 0x34'5010);
    CHECK(known.forget({{0x70001}, 5}) == errc::ok);
    CHECK(space.locate({0x7000'0010})->at.value == 0x34'5010);
    const std::uint32_t before = space.stamp();
    CHECK(known.forget({{0x6ffff}, 2}) == errc::ok);
    CHECK(space.stamp() != before);
    CHECK(space.locate({0x7000'0010})->at.value == 0x40'0010);
    // The peer booted again: its old table counts no more.
    w.memory.words[server_m][0x20'0000] = 0x500;
    w.l_to_m.link_lost();
    w.l_to_m.link_restored();
    CHECK(space.locate({0x7000'0010})->at.value == 0x50'0010);
    // What was read before a forgetting is not noted after it.
    const std::uint32_t version = known.version();
    CHECK(known.forget({{0}, 1}) == errc::ok);
    known.insert({0x70009}, {0x99}, version);
    CHECK(!known.find({0x70009}));
    known.insert({0x70009}, {0x99}, known.version());
    CHECK(known.find({0x70009})->number == 0x99);
    CHECK(known.find({0x70009}, 7).error() == errc::not_owned);
    p2m_cache<> small;
    CHECK(small.attach({words.data(), 3}) == errc::limit);
    CHECK(small.find({1}).error() == errc::not_owned);
    CHECK(small.forget({{0}, 9}) == errc::ok);
}

TEST_CASE("model: a guest's pages all over a peer, through a cache of few windows") {
    using cache_type = window_cache<memory_aimer>;
    testing::random_bits random(3);
    memory_aimer bridge;
    bridge.count = 6;
    bridge.bytes = 0x1'0000;
    attached_cache<cache_type, memory_aimer> with(bridge);
    servers_memory memory;
    memory.route = [&](std::uint64_t local) -> std::pair<server_id, std::uint64_t> {
        return {server_m, bridge.arrives(local)};
    };
    const byte_range<peer> declared[] = {{{0x100'0000}, 0x100'0000}, {{0x40'0000'0000}, 0x80'0000}};
    std::vector<std::uint64_t> frames;
    for (std::uint64_t i = 0; i < 512; ++i) {
        const std::uint64_t frame =
            random() % 3 == 0 ? 0x400'0000 + random() % 0x800 : 0x1000 + 0x100 + random() % 0xf00;
        frames.push_back(i != 0 && random() % 2 == 0 ? frames.back() + 1 : frame);
        if (!declares(declared, {frames.back() << 12}, 0x1000)) frames.back() = 0x1100;
        memory.words[server_m][0x100'0000 + i * 8] = frames.back();
    }
    const memory_home homes[] = {{{{0x2000'0000}, 512 << 12}, server_m}};
    distribution_map<memory_home> memory_map;
    REQUIRE(memory_map.attach(homes) == errc::ok);
    std::vector<p2m_cache<>::word> words(p2m_cache<>::metadata_words(64));
    p2m_cache<> known;
    REQUIRE(known.attach({words.data(), words.size()}) == errc::ok);
    using server = remote_server<cache_type>;
    const server servers[] = {{server_m, {{0x100'0000}, {0x20000}, 512}, declared, &with.cache, &known}};
    const remote_space<flat_p2m<>, cache_type, servers_memory> space(server_l, memory_map, {}, servers,
                                                                     memory);
    scatter_piece pieces[16];
    cache_type::pin_type pins[16];
    std::uint64_t wrong = 0;
    std::uint64_t got = 0;
    for (int step = 0; step < 4000; ++step) {
        scatter_list<cache_type::pin_type> list(pieces, pins);
        const std::uint64_t offset = random() % (510 << 12);
        const std::uint64_t bytes = 1 + random() % 0x4000;
        const bool is_inside = offset + bytes <= 512 << 12;
        const errc answer = space.resolve({0x2000'0000 + offset}, bytes, list);
        if (answer != errc::ok) {
            wrong += answer == errc::busy ||
                             (!is_inside && (answer == errc::unmapped || answer == errc::not_distributed))
                         ? 0
                         : 1;
            wrong += list.pieces().empty() ? 0 : 1;
            continue;
        }
        ++got;
        wrong += list.bytes() == bytes ? 0 : 1;
        std::uint64_t at = offset;
        const scatter_piece* before = nullptr;
        for (const scatter_piece& each : list.pieces()) {
            for (std::uint64_t i = 0; i < each.bytes; i += 511) {
                const std::uint64_t expected = (frames[(at + i) >> 12] << 12) + ((at + i) & 0xfff);
                wrong +=
                    bridge.arrives(each.at.value + i) == expected && each.home.value + i == expected ? 0 : 1;
            }
            // Nothing is in two pieces that is in a row.
            if (before != nullptr)
                wrong += before->at + before->bytes == each.at && before->home + before->bytes == each.home
                             ? 1
                             : 0;
            before = &each;
            at += each.bytes;
        }
        if (step % 500 == 499) wrong += known.forget({{0x20000}, 512}) == errc::ok ? 0 : 1;
    }
    CHECK(wrong == 0);
    CHECK(got > 3000);
    CHECK(with.cache.detach() == errc::ok);
}

TEST_CASE("a table of known frames whose writer stopped") {
    using table = p2m_cache<>;
    constexpr std::size_t place_words = (table::metadata_words(16) - table::metadata_words(8)) / 8;
    std::vector<table::word> words(table::metadata_words(16));
    table known;
    REQUIRE(known.attach({words.data(), words.size()}) == errc::ok);
    known.insert({5}, {77}, known.version());
    REQUIRE(known.find({5})->number == 77);
    // In the midst of a place: whatever is there is not believed.
    for (std::size_t i = words.size() - 16 * place_words; i < words.size(); i += place_words)
        words[i].fetch_add(1, memory_order::relaxed);
    CHECK(known.find({5}).error() == errc::not_owned);
    for (std::size_t i = words.size() - 16 * place_words; i < words.size(); i += place_words)
        words[i].fetch_add(1, memory_order::relaxed);
    CHECK(known.find({5})->number == 77);
    // With the lock: what is to be forgotten is not, and that is said.
    words[0].store(1, memory_order::relaxed);
    CHECK(known.forget({{5}, 1}) == errc::busy);
    known.insert({6}, {78}, known.version());
    words[0].store(0, memory_order::relaxed);
    CHECK(known.find({6}).error() == errc::not_owned);
    CHECK(known.forget({{5}, 1}) == errc::ok);
    CHECK(known.find({5}).error() == errc::not_owned);
}

}  // namespace
