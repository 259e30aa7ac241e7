// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Three processes as three servers, each of which donates memory to the others and lives from theirs; one is
// killed at any moment. The others find out, say what they lost, and go on with what they have.
#include "remote/three_servers/rig.hpp"
//
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>

namespace {

using namespace three_servers;
using ashlar::testing::random_bits;

bool is_long() {
    return std::getenv("ASHLAR_LONG") != nullptr;
}

/// When the victim dies: by its own hand at a step, or by somebody else's when its heart has beaten that
/// often.
struct death {
    std::uint32_t victim;
    aftermath then;
    fate at;
    std::uint64_t by_others = 0;
};

const char* to_string(aftermath what) {
    switch (what) {
        case aftermath::cut:
            return "memory gone";
        case aftermath::silent:
            return "silent";
        case aftermath::starts_again:
            return "starts again";
        case aftermath::fresh:
            return "starts again without its memory";
    }
    return "?";
}

struct sums {
    std::uint64_t lost_held = 0;
    std::uint64_t lost_free = 0;
    std::uint64_t stamps = 0;
    std::uint64_t resolved = 0;
    std::uint64_t suspicions = 0;
    unsigned losses = 0;
    unsigned killed = 0;
};

void play(std::uint64_t seed, const death& what, sums& all) {
    std::printf("seed %llu: server %u, step %llu%s%s, %s\n", static_cast<unsigned long long>(seed),
                what.victim, static_cast<unsigned long long>(what.at.at_step + what.by_others),
                what.by_others != 0 ? " or so" : "", what.at.while_winding_up ? " of winding up" : "",
                to_string(what.then));
    std::fflush(stdout);  // before there are more processes
    rig servers(seed);
    REQUIRE(!servers.has_failed());
    const std::uint32_t victim = what.victim;
    const std::uint32_t others[] = {peer_of(victim, 0), peer_of(victim, 1)};
    board& shared = servers.shared();
    const auto beats = [&](std::uint32_t server) { return shared.of[server].heartbeat.load(); };
    const auto joined = [&](std::uint32_t server, std::uint32_t peer) {
        return shared.of[server].joined[peer].load() == servers.starts(peer);
    };
    for (std::uint32_t i = 0; i < three_servers::servers; ++i)
        servers.start(i, i == victim ? what.at : fate{});

    if (what.at.while_winding_up) {
        servers.wait_until(
            [&] { return joined(0, 1) && joined(1, 2) && joined(2, 0) && beats(victim) > 4000; });
        servers.wind_up();
    } else if (what.by_others != 0) {
        servers.wait_until([&] { return beats(victim) >= what.by_others; });
        servers.end(victim);
    }
    servers.wait_until([&] { return servers.has_ended(victim); });
    // It may have been done before its last step.
    CHECK((servers.was_killed(victim) || what.at.while_winding_up));
    all.killed += servers.was_killed(victim) ? 1 : 0;
    if (servers.was_killed(victim)) servers.bury(victim, what.then);
    const bool starts_again = what.then == aftermath::starts_again || what.then == aftermath::fresh;
    if (!what.at.while_winding_up) {
        if (starts_again) servers.start(victim, {});
        for (const std::uint32_t server : others) {
            if (starts_again) {
                servers.wait_until([&] { return joined(server, victim) && joined(victim, server); });
            } else {
                servers.wait_until([&] { return shared.of[server].joined[victim].load() == 0; });
            }
            // And it goes on.
            const std::uint64_t now = beats(server);
            servers.wait_until([&] { return beats(server) > now + 3000; });
        }
        servers.wind_up();
    }
    servers.wait_until([&] { return servers.has_ended(0) && servers.has_ended(1) && servers.has_ended(2); });
    REQUIRE(!servers.has_failed());
    for (std::uint32_t i = 0; i < three_servers::servers; ++i) {
        if (i == victim && !starts_again) continue;
        const report& told = shared.of[i].told;
        if (!servers.was_killed(i) || i != victim) CHECK(told.accounted == own_frames + 2 * donated_frames);
        const unsigned losses = shared.of[i].losses[0] + shared.of[i].losses[1] + shared.of[i].losses[2];
        CHECK(shared.of[i].losses[victim] == losses);
        CHECK(told.lost_held + told.lost_free == losses * donated_frames);
        all.losses += losses;
        all.lost_held += told.lost_held;
        all.lost_free += told.lost_free;
        all.stamps += told.stamps;
        all.resolved += told.resolved;
        all.suspicions += told.suspicions;
    }
}

TEST_CASE("one of three servers dies at any moment; the others lose what they had of it, and nothing else") {
    sums all;
    unsigned runs = 0;
    for (std::uint64_t seed = 1; seed <= (is_long() ? 600 : 36); ++seed) {
        random_bits random(seed);
        death what{static_cast<std::uint32_t>(random() % 3), static_cast<aftermath>(seed % 4), {}, 0};
        // Some while links come up, some in use, some while all give back what they have.
        if (seed % 6 == 0)
            what.at = {1 + random() % 100, false};
        else if (seed % 6 == 1)
            what.at = {1 + random() % 1000, true};
        else if (seed % 6 == 2)
            what.by_others = 1 + random() % 20'000;
        else
            what.at = {1 + random() % 20'000, false};
        play(seed, what, all);
        ++runs;
    }
    CHECK(all.killed > runs * 3 / 4);
    CHECK(all.losses > 0);
    CHECK(all.lost_held > 0);
    CHECK(all.lost_free > 0);
    CHECK(all.stamps > 0);
    CHECK(all.resolved > 0);
    MESSAGE("", runs, " runs, ", all.losses, " links lost, with ", all.lost_held, " frames in use and ",
            all.lost_free, " free ones; ", all.stamps, " stamps and ", all.resolved,
            " words of guests were right; ", all.suspicions, " who were silent were only slow");
}

}  // namespace
