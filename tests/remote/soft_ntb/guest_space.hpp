// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "guest_bridges.hpp"

/// A guest's memory at home on three servers: distribution maps, tables that the servers keep, windows.
namespace soft_ntb {

struct peers_access {
    [[nodiscard]] static result<std::uint64_t> load(byte_address<machine> at) { return load64(at.value); }
    [[nodiscard]] static bool is_alive(server_id server) {
        return (server == server_b ? to_b.check_link() : to_c.check_link()) == errc::ok;
    }
};

struct whole_space {
    using space_type = remote_space<tree_p2m<2>, cache_type, peers_access>;
    static constexpr std::uint64_t bytes_of(unsigned server) { return pages_of[server] * page; }
    static constexpr std::uint64_t first_of(unsigned server) {
        return server == 0 ? guest_first : first_of(server - 1) + bytes_of(server - 1);
    }
    static constexpr p2m_table table_of(unsigned server, std::uint64_t memory) {
        return {{memory + p2m_offset}, {first_of(server) / page}, 1};
    }

    memory_home homes[3] = {{{{first_of(0)}, bytes_of(0)}, server_a},
                            {{{first_of(1)}, bytes_of(1)}, server_b},
                            {{{first_of(2)}, bytes_of(2)}, server_c}};
    device_home devices[1] = {{{{device_at}, page}, server_c, {c.peer_first + device_offset}}};
    byte_range<peer> declared[3] = {
        {{own_at}, ram_bytes - own_at}, {{b.peer_first}, b.peer_bytes}, {{c.peer_first}, c.peer_bytes}};
    p2m_cache<>::word known_words[p2m_cache<>::metadata_words(64)]{};
    p2m_cache<> known{};
    remote_server<cache_type> servers[3] = {
        {server_a, table_of(0, own_at), {&declared[0], 1}, nullptr, nullptr},
        {server_b, table_of(1, b.peer_first), {&declared[1], 1}, &in_b.cache, &known},
        {server_c, table_of(2, c.peer_first), {&declared[2], 1}, &in_c.cache, nullptr}};
    distribution_map<memory_home> memory_map{};
    distribution_map<device_home> device_map{};
    peers_access access{};
    scatter_piece pieces[4]{};
    cache_type::pin_type pins[4]{};
    scatter_list<cache_type::pin_type> list{pieces, pins};

    [[nodiscard]] space_type attach() {
        must(memory_map.attach(homes), "a map of memory");
        must(device_map.attach(devices), "a map of devices");
        must(known.attach(known_words), "a cache of B's table");
        return {server_a, memory_map, device_map, servers, access};
    }
};

/// Reads at random, then each page in full, with an answer to each word. The host looks at all memory after.
inline void space_scenario() {
    attach_both();
    whole_space whole;
    const auto space = whole.attach();
    auto& list = whole.list;
    numbers random{told().seed};
    const std::uint64_t seed = told().seed;
    std::uint64_t pieces = 0;
    for (std::uint64_t i = 0; i < told().count; ++i) {
        const std::uint64_t at = guest_first + random() % ((pages_in_all - 1) * page) / 8 * 8;
        const std::uint64_t length = 8 * (1 + random() % 512);
        must(space.resolve({at}, length, list), "a range is resolved");
        must(list.bytes() == length, "all of it");
        std::uint64_t done = 0;
        for (const scatter_piece& each : list.pieces()) {
            for (const std::uint64_t offset : {std::uint64_t{0}, each.bytes / 16 * 8, each.bytes - 8}) {
                must(load64(each.at.value + offset) == content(seed, 1, at + done + offset),
                     "a word of a range");
            }
            done += each.bytes;
            ++pieces;
        }
        list.clear();
    }
    std::uint64_t which = random() % pages_in_all;
    for (std::uint64_t i = 0; i < pages_in_all; ++i) {
        which = (which + 197) % pages_in_all;  // a prime: each page once, from server to server
        const std::uint64_t at = guest_first + which * page;
        must(space.resolve({at}, page, list), "a page is resolved");
        must(list.pieces().size() == 1, "in one piece");
        for (std::uint64_t offset = 0; offset < page; offset += 8) {
            const std::uint64_t place = list.pieces()[0].at.value + offset;
            const std::uint64_t found = load64(place);
            must(found == content(seed, 1, at + offset), "a word of a page");
            store64(place, answer_to(found));
        }
        list.clear();
    }
    must(space.resolve({device_at + 0x10}, 8, list), "a device's register is resolved");
    must(list.pieces()[0].server == server_c, "it is C's");
    must(load64(list.pieces()[0].at.value) == content(seed, 1, device_at + 0x10), "and is read");
    store64(list.pieces()[0].at.value, answer_to(content(seed, 1, device_at + 0x10)));
    list.clear();
    must(space.resolve({guest_first + pages_in_all * page}, 8, list) == errc::not_distributed,
         "behind the last page is nothing");
    must(space.resolve({guest_first + (pages_in_all - 1) * page}, 2 * page, list) == errc::not_distributed,
         "a range is resolved as a whole or not at all");
    must(in_c.cache.pins_of(0, pin_owner::cpu) + in_c.cache.pins_of(1, pin_owner::cpu) == 0,
         "and no pin is left");
    told().told[0] = pieces;
}

}  // namespace soft_ntb
