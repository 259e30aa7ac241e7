// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "guest_registers.hpp"
#include "guest_space.hpp"

/// Links that go, and peers that start again with other memory.
namespace soft_ntb {

/// Anew with whoever is there: `revoked` while nobody is.
inline errc rejoin(std::uint32_t server) {
    const errc answer = server == server_b ? to_b.shake_hands() : to_c.raise();
    if (answer == errc::ok) (server == server_b ? in_b : in_c).cache.link_restored();
    return answer;
}
inline std::uint32_t epoch_of(std::uint32_t server) {
    return server == server_b ? to_b.heard.epoch : to_c.epoch;
}
inline errc check_link(std::uint32_t server) {
    return server == server_b ? to_b.check_link() : to_c.check_link();
}

/// Step by step.
inline void link_scenario(std::uint32_t server) {
    attach_both();
    whole_space whole;
    const auto space = whole.attach();
    auto& list = whole.list;
    auto& cache = (server == server_b ? in_b : in_c).cache;
    const std::uint64_t at = whole_space::first_of(server) + 5 * page + 0x128;
    const std::uint64_t seed = told().seed;
    must(space.resolve({at}, 8, list), "a word is resolved");
    const std::uint64_t place = list.pieces()[0].at.value;
    must(load64(place) == content(seed, 1, at), "and is read");

    ask(call::drop_link, server);
    must(load64(place) == ~std::uint64_t{0}, "without a link it is all ones");
    must(check_link(server) == errc::revoked, "which is found out");
    const errc closed = server == server_b ? to_b.programmer.disable(0)
                                           : until_done([] { return to_c.programmer.disable(0); });
    must(closed == errc::revoked, "by register programs, too");
    must(list.pins()[0].local().has_value(), "nobody has told the cache");
    scatter_piece more_pieces[2];
    cache_type::pin_type more_pins[2];
    scatter_list<cache_type::pin_type> more(more_pieces, more_pins);
    must(space.resolve({at + page}, 8, more) == errc::revoked, "no table is read");
    must(space.resolve({at}, 8, more) == errc::revoked, "nor what is known believed");
    must(cache.pin({0}, 8).error() != errc::ok, "nor a window aimed");
    cache.link_lost();
    must(list.pins()[0].local().error() == errc::revoked, "who holds a pin is told");
    must(space.resolve({at}, 8, more) == errc::revoked, "all is refused");

    ask(call::start_again, server);
    ask(call::raise_link, server);
    // The bridge has the old translation, and shows memory of the new start through it.
    const std::uint64_t stray = load64(place);
    must(stray != ~std::uint64_t{0} && stray != content(seed, 1, at), "something is shown");
    must(check_link(server) == errc::revoked, "of another start, which is found out");
    must(list.pins()[0].local().error() == errc::revoked, "the old pin is no good");
    must(space.resolve({at}, 8, more) == errc::revoked, "nothing is served");
    must(until_done([&] { return rejoin(server); }), "the link comes up with the new start");
    must(list.pins()[0].local().error() == errc::stale, "the old pin still is no good");
    list.clear();
    must(space.resolve({at}, 8, list), "the word is resolved anew");
    must(load64(list.pieces()[0].at.value) == content(seed, 2, at), "and is the new one");
    must(check_link(server), "of the new start");
    list.clear();
}

/// Reads at random while the host lets links go and servers start again, until it says that it is enough.
/// What is accepted is a word of the start that it was accepted from.
inline void storm_scenario() {
    attach_both();
    told().told[6] = 1;  // from now on links may go
    whole_space whole;
    const auto space = whole.attach();
    auto& list = whole.list;
    numbers random{told().seed};
    const std::uint64_t seed = told().seed;
    std::uint64_t accepted[3]{};
    std::uint64_t refused[3]{};
    std::uint32_t epoch[3] = {1, epoch_of(server_b), epoch_of(server_c)};
    for (std::uint64_t after_all = 0; after_all < 300;) {
        const bool all = load64(reinterpret_cast<std::uintptr_t>(&told().told[7])) != 0;
        if (all) ++after_all;
        const auto server = static_cast<std::uint32_t>(random() % 3);
        const std::uint64_t at =
            whole_space::first_of(server) + random() % (whole_space::bytes_of(server) - page) / 8 * 8;
        const std::uint64_t length = 8 * (1 + random() % 512);
        std::uint64_t found[8]{};
        errc answer = space.resolve({at}, length, list);
        unsigned count = 0;
        if (answer == errc::ok) {
            for (const scatter_piece& each : list.pieces()) {
                found[count++] = load64(each.at.value);
                found[count++] = load64(each.at.value + each.bytes - 8);
            }
            // Believed only if the link is the one that it was after all was read.
            if (server != server_a) answer = check_link(server);
        }
        if (answer == errc::ok) {
            std::uint64_t done = 0;
            count = 0;
            for (const scatter_piece& each : list.pieces()) {
                must(found[count++] == content(seed, epoch[server], at + done), "a piece's first word");
                done += each.bytes;
                must(found[count++] == content(seed, epoch[server], at + done - 8), "its last word");
            }
            ++accepted[server];
        }
        list.clear();
        if (answer == errc::ok) continue;
        must(server != server_a, "what is at home needs no link");
        ++refused[server];
        (server == server_b ? in_b : in_c).cache.link_lost();
        while (rejoin(server) != errc::ok) asm volatile("pause");
        epoch[server] = epoch_of(server);
    }
    for (unsigned i = 0; i < 3; ++i) {
        told().told[i] = accepted[i];
        told().told[3 + i] = refused[i];
    }
}

}  // namespace soft_ntb
