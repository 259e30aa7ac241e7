// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving, with weak memory, of users of two windows and of those who aim both anew together:
// whoever holds a pin finds the bridge's translation as his aim says, nobody touches it meanwhile, and either
// both windows are aimed or none.
#include <doctest/doctest.h>

#include <ashlar/remote/reaiming.hpp>
#include <ashlar/remote/window_gate.hpp>
#include <string>
#include <vector>

#include "interleaving/run.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

using gate = window_gate<stepped_platform>;
constexpr std::size_t users = 2;

/// The gates of two windows, and of the bridge the page that each shows, 0 while it is closed: one for each
/// user.
struct alignas(64) shared_words {
    gate::word words[2 * gate::words]{};
    owned_cell<std::uint32_t> page[2 * users];
};

/// Gathers: what a group writes takes effect when it ends.
struct bridge {
    shared_words* shared;
    std::uint32_t written[2]{};
    std::uint32_t staged[2]{};
    bool is_staged[2]{};

    errc stage(std::uint32_t window, std::uint32_t number) {
        staged[window] = number;
        is_staged[window] = true;
        return errc::ok;
    }
    errc disable(std::uint32_t window) { return stage(window, 0); }
    errc write(std::uint32_t window, const window_aim& aim) {
        written[window] = static_cast<std::uint32_t>(aim.target.value);
        return errc::ok;
    }
    result<byte_address<peer>> read(std::uint32_t window) { return byte_address<peer>{written[window]}; }
    errc enable(std::uint32_t window, const window_aim&) { return stage(window, written[window]); }
    result<bool> enabled(std::uint32_t) { return true; }
    errc begin_group() { return errc::ok; }
    errc end_group() {
        for (std::size_t window = 0; window < 2; ++window) {
            if (!is_staged[window]) continue;
            is_staged[window] = false;
            for (std::size_t i = 0; i < users; ++i) shared->page[window * users + i].set(staged[window]);
        }
        return errc::ok;
    }
    void abandon_group() {}
};
static_assert(grouping_programmer<bridge>);
struct path {
    errc link = errc::ok;
    void store_fence() {}
    std::uint64_t read_back(std::uint32_t) { return 0; }
    errc check_link() { return link; }
};
using group = reaiming<stepped_platform, bridge, path>;

std::uint64_t code(errc error) {
    return static_cast<std::uint64_t>(error);
}

struct world {
    shared_words shared;

    [[nodiscard]] gate at(std::uint32_t window) { return gate(shared.words + gate::words * window); }
    errc aim(std::uint64_t target, std::uint32_t first, errc link, bool& gave_up) {
        bridge programmer{&shared};
        path way{link};
        group both(shared.words, programmer, way);
        const window_target targets[] = {{first, {target}}, {1 - first, {target + 10}}};
        if (const errc begun = both.begin(targets, 4096); begun != errc::ok) return begun;
        for (unsigned looks = 0; both.at() == reaim_step::drain; ++looks) {
            gave_up = looks == 2 && both.give_up() == errc::ok;
            if (gave_up) return errc::busy;
            (void)both.step();
        }
        return both.run(100);
    }
    world() {
        bool gave_up = false;
        REQUIRE(aim(100, 0, errc::ok, gave_up) == errc::ok);
    }
    /// {what the pin answered, the page of the aim, the page that the bridge showed}
    explorer::program user(std::uint32_t window, std::size_t which) {
        return [this, window, which] {
            const auto pinned = at(window).pin();
            if (!pinned) return outcome{code(pinned.error())};
            const std::uint64_t seen = shared.page[window * users + which].get();
            at(window).unpin();
            return outcome{0, pinned->aim.target.value, seen};
        };
    }
    /// {answer, 1 if it gave up waiting}
    explorer::program aimer(std::uint64_t target, std::uint32_t first, errc link = errc::ok) {
        return [this, target, first, link] {
            bool gave_up = false;
            const errc answer = aim(target, first, link, gave_up);
            return outcome{code(answer), gave_up ? 1U : 0U};
        };
    }
};

/// `closed_for`: why the windows may be closed for good.
std::string user_saw(const outcome& seen, errc closed_for = errc::busy) {
    if (seen[0] != 0) {
        const bool told = seen[0] == code(errc::busy) || seen[0] == code(closed_for);
        return told ? "" : "an error that cannot be";
    }
    return seen[1] == seen[2] ? "" : "an access on another page";
}
void run(const char* name, world& w, const std::vector<explorer::program>& programs,
         const judgement_of_results& judge, std::uint32_t deviations = no_bound) {
    explore_weak(name, {reinterpret_cast<std::byte*>(&w.shared), sizeof w.shared}, programs, judge, {},
                 deviations);
}
/// Both windows show what was answered, and nothing is left.
std::string both_show(world& w, std::uint64_t first, std::uint64_t second) {
    const std::uint64_t wanted[] = {first, second};
    for (std::uint32_t i = 0; i < 2; ++i) {
        const gate here = w.at(i);
        if (!here.is_open() || !here.drained()) return "a pin or a claim is left";
        if (here.aim().target.value != wanted[i]) return "not what was answered";
        if (w.shared.page[i * users].get() != wanted[i]) return "the bridge shows another page";
    }
    return {};
}

TEST_CASE("a user, and one who aims both windows anew") {
    world w;
    run("windows: one is pinned while both are aimed anew", w, {w.user(1, 0), w.aimer(200, 0)},
        [&](const std::vector<outcome>& results) -> std::string {
            const bool aimed = results[1][0] == code(errc::ok);
            if (!aimed && results[1][1] == 0) return "it neither aimed nor gave up";
            const std::string left = aimed ? both_show(w, 200, 210) : both_show(w, 100, 110);
            return left.empty() ? user_saw(results[0]) : left;
        });
}
TEST_CASE("users of both, and one who aims both anew") {
    world w;
    run(
        "windows: both are pinned while they are aimed anew", w,
        {w.user(0, 0), w.user(1, 1), w.aimer(200, 1)},
        [&](const std::vector<outcome>& results) -> std::string {
            const bool aimed = results[2][0] == code(errc::ok);
            const std::string left = aimed ? both_show(w, 210, 200) : both_show(w, 100, 110);
            if (!left.empty()) return left;
            const std::string first = user_saw(results[0]);
            return first.empty() ? user_saw(results[1]) : first;
        },
        3);
}
TEST_CASE("two who aim both windows, in opposite order") {
    world w;
    run("windows: two aim both", w, {w.aimer(200, 0), w.aimer(300, 1)},
        [&](const std::vector<outcome>& results) -> std::string {
            const bool first = results[0][0] == code(errc::ok);
            const bool second = results[1][0] == code(errc::ok);
            // Each may meet the other's claim: then both are told to come again, and all is as it was.
            if (!first && !second) return both_show(w, 100, 110);
            const bool is_firsts = w.at(0).aim().target.value == 200;
            if (is_firsts ? !first : !second) return "somebody aimed who said that he did not";
            return is_firsts ? both_show(w, 200, 210) : both_show(w, 310, 300);
        });
}
TEST_CASE("a re-aiming of both that fails") {
    world w;
    run("windows: the link is lost", w, {w.user(0, 0), w.aimer(200, 0, errc::revoked)},
        [&](const std::vector<outcome>& results) -> std::string {
            if (results[1][1] != 0) return both_show(w, 100, 110);
            for (std::uint32_t i = 0; i < 2; ++i) {
                if (w.at(i).is_open() || w.shared.page[i * users].get() != 0) return "open after a failure";
                if (w.at(i).pin().error() != errc::revoked) return "not told";
            }
            return user_saw(results[0], errc::revoked);
        });
}

}  // namespace
