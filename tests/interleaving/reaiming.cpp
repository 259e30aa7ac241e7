// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving, with weak memory, of users of a window and of those who aim it anew: whoever holds a
// pin finds the bridge's translation as his aim says, and nobody touches it meanwhile.
#include <doctest/doctest.h>

#include <ashlar/remote/link_guard.hpp>
#include <ashlar/remote/reaiming.hpp>
#include <ashlar/remote/window_gate.hpp>
#include <string>
#include <vector>

#include "interleaving/run.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

using gate = window_gate<stepped_platform>;

std::uint64_t code(errc error) {
    return static_cast<std::uint64_t>(error);
}

/// The words of a gate, and of the bridge what a user and whoever programs it meet in: the page number, 0
/// while it is closed. The user reads it at each access: each pair has to be ordered. One for each user.
struct alignas(64) shared_words {
    gate::word words[gate::words]{};
    owned_cell<std::uint32_t> page[2];

    void show(std::uint32_t number) {
        for (auto& each : page) each.set(number);
    }
};

struct bridge {
    shared_words* shared;
    std::uint32_t written = 0;

    errc disable(std::uint32_t) {
        shared->show(0);
        return errc::ok;
    }
    errc write(std::uint32_t, const window_aim& aim) {
        written = static_cast<std::uint32_t>(aim.target.value);
        return errc::ok;
    }
    result<byte_address<peer>> read(std::uint32_t) { return byte_address<peer>{written}; }
    errc enable(std::uint32_t, const window_aim&) {
        shared->show(written);
        return errc::ok;
    }
    result<bool> enabled(std::uint32_t) { return true; }
};
struct path {
    errc link = errc::ok;
    void store_fence() {}
    std::uint64_t read_back(std::uint32_t) { return 0; }
    errc check_link() { return link; }
};
using machine = reaiming<stepped_platform, bridge, path>;

struct world {
    shared_words shared;

    world() {
        bridge programmer{&shared};
        path way;
        machine first(gate(shared.words), programmer, way, 0);
        REQUIRE(first.begin({{7}, 4096}) == errc::ok);
        REQUIRE(first.run(100) == errc::ok);
    }
    /// {what the pin answered, the page of the aim, the page that the bridge showed, twice}
    explorer::program user(unsigned which = 0) {
        return [this, which] {
            const gate here(shared.words);
            const auto pinned = here.pin();
            if (!pinned) return outcome{code(pinned.error())};
            const std::uint64_t first = shared.page[which].get();
            const std::uint64_t second = shared.page[which].get();
            here.unpin();
            return outcome{0, pinned->aim.target.value, first, second};
        };
    }
    /// {answer, 1 if it gave up waiting}
    explorer::program aimer(std::uint64_t target, errc link = errc::ok) {
        return [this, target, link] {
            bridge programmer{&shared};
            path way{link};
            machine again(gate(shared.words), programmer, way, 0);
            if (const errc begun = again.begin({{target}, 4096}); begun != errc::ok)
                return outcome{code(begun)};
            for (unsigned looks = 0; again.at() == reaim_step::drain; ++looks) {
                if (looks == 2 && again.give_up() == errc::ok) return outcome{code(errc::busy), 1};
                (void)again.step();
            }
            return outcome{code(again.run(100))};
        };
    }
};
/// `closed_for`: why the window may be closed for good.
std::string user_saw(const outcome& seen, errc closed_for = errc::busy) {
    if (seen[0] != 0) {
        const bool told = seen[0] == code(errc::busy) || seen[0] == code(closed_for);
        return told ? "" : "an error that cannot be";
    }
    if (seen[1] < 7 || seen[1] > 9) return "an aim that nobody published";
    return seen[2] == seen[1] && seen[3] == seen[1] ? "" : "an access on another page";
}
void run(const char* name, world& w, const std::vector<explorer::program>& programs,
         const judgement_of_results& judge, std::uint32_t deviations = no_bound) {
    explore_weak(name, {reinterpret_cast<std::byte*>(&w.shared), sizeof w.shared}, programs, judge, {},
                 deviations);
}

TEST_CASE("a user and one who aims the window anew") {
    world w;
    run("window: pinned while it is aimed anew", w, {w.user(), w.aimer(8)},
        [&](const std::vector<outcome>& results) -> std::string {
            const bool aimed = results[1][0] == code(errc::ok);
            const gate here(w.shared.words);
            if (here.aim().target.value != (aimed ? 8U : 7U) || here.generation() != (aimed ? 2U : 1U)) {
                return "not what was answered";
            }
            if (!here.is_open() || !here.drained()) return "a pin or the claim is left";
            return user_saw(results[0]);
        });
}
TEST_CASE("a re-aiming that fails") {
    world w;
    run("window: the link is lost", w, {w.user(), w.aimer(8, errc::revoked)},
        [&](const std::vector<outcome>& results) -> std::string {
            const gate here(w.shared.words);
            const bool gave_up = results[1][1] != 0;
            if (here.is_open() != gave_up) return "open after a failure";
            if (!gave_up && (w.shared.page[0].get() != 0 || here.pin().error() != errc::revoked))
                return "not told";
            return user_saw(results[0], errc::revoked);
        });
}
TEST_CASE("a user and one who closes the window for good") {
    world w;
    const auto closer = [&w] {
        bridge programmer{&w.shared};
        path way{errc::revoked};
        machine last(gate(w.shared.words), programmer, way, 0);
        if (const errc begun = last.begin_closing(); begun != errc::ok) return outcome{code(begun)};
        for (unsigned looks = 0; last.at() == reaim_step::drain; ++looks) {
            if (looks == 2 && last.give_up() == errc::ok) return outcome{code(errc::busy), 1};
            (void)last.step();
        }
        return outcome{code(last.run(100))};
    };
    run("window: pinned while it is closed", w, {w.user(), closer},
        [&](const std::vector<outcome>& results) -> std::string {
            const gate here(w.shared.words);
            if (here.is_open() != (results[1][1] != 0)) return "not what was answered";
            if (!here.is_open() && (results[1][0] != code(errc::ok) || w.shared.page[0].get() != 0))
                return "the bridge still shows a page";
            if (!here.is_open() && here.pin().error() != errc::not_covered) return "not told";
            return user_saw(results[0], errc::not_covered);
        });
}
TEST_CASE("two who aim it anew") {
    world w;
    run("window: two aim it", w, {w.aimer(8), w.aimer(9)},
        [&](const std::vector<outcome>& results) -> std::string {
            const gate here(w.shared.words);
            const std::uint64_t page = here.aim().target.value;
            const unsigned aimed = (results[0][0] == 0 ? 1U : 0U) + (results[1][0] == 0 ? 1U : 0U);
            if (aimed == 0) return "nobody had his turn";
            if (here.generation() != 1 + aimed || !here.is_open()) return "not what was answered";
            return w.shared.page[0].get() == page ? "" : "the bridge shows another page";
        });
}
TEST_CASE("who gives up waiting leaves the window as the one before aimed it") {
    shared_words shared;
    const auto aim = [&shared] {
        bridge programmer{&shared};
        path way;
        machine first(gate(shared.words), programmer, way, 0);
        if (first.begin({{7}, 4096}) != errc::ok) return outcome{code(errc::busy)};
        return outcome{code(first.run(100))};
    };
    // He who gives up leaves it open if it was, and closed if it never showed anything.
    const auto give_up = [&shared] {
        bridge programmer{&shared};
        path way;
        machine second(gate(shared.words), programmer, way, 0);
        if (second.begin({{8}, 4096}) != errc::ok) return outcome{code(errc::busy)};
        return outcome{code(second.give_up()), 1};
    };
    explore_weak("window: aimed for the first time, another one gives up",
                 {reinterpret_cast<std::byte*>(&shared), sizeof shared}, {aim, give_up},
                 [&shared](const std::vector<outcome>& results) -> std::string {
                     const gate here(shared.words);
                     const bool first = results[0][0] == code(errc::ok);
                     if (first != here.is_open()) return first ? "closed" : "opened without an aim";
                     if (!first && results[1][1] != 1) return "nobody had his turn";
                     if (results[1][1] == 1 && results[1][0] != code(errc::ok))
                         return "it could not be given up";
                     if (!first) return here.generation() == 0 ? "" : "a generation of nothing";
                     return here.generation() == 1 && here.aim().target.value == 7
                                ? ""
                                : "what was aimed before was not seen";
                 },
                 {});
}
TEST_CASE("who gives up a window that was closed for a reason leaves the reason") {
    world w;
    REQUIRE(w.aimer(8, errc::revoked)()[0] == code(errc::revoked));
    const auto give_up = [&w] {
        bridge programmer{&w.shared};
        path way;
        machine second(gate(w.shared.words), programmer, way, 0);
        if (second.begin({{9}, 4096}) != errc::ok) return outcome{code(errc::busy)};
        return outcome{code(second.give_up())};
    };
    run("window: closed after a failure, another one begins and gives up", w, {w.user(), give_up},
        [&](const std::vector<outcome>& results) -> std::string {
            const gate here(w.shared.words);
            if (results[1][0] != code(errc::ok) || here.is_open()) return "not as it was";
            if (here.pin().error() != errc::revoked) return "the reason is lost";
            return results[0][0] != 0 ? user_saw(results[0], errc::revoked) : "it was open";
        });
}
TEST_CASE("two users and one who aims it anew") {
    world w;
    run(
        "window: two users, one aims it", w, {w.user(0), w.user(1), w.aimer(8)},
        [&](const std::vector<outcome>& results) -> std::string {
            const std::string first = user_saw(results[0]);
            return first.empty() ? user_saw(results[1]) : first;
        },
        3);
}

TEST_CASE("a link that goes, and comes back with another peer") {
    struct alignas(64) words {
        link_guard<stepped_platform>::word each[link_guard<stepped_platform>::words]{};
    } shared;
    const link_guard<stepped_platform> link(shared.each);
    const auto handle = link.raise(5);
    REQUIRE(handle.has_value());
    const std::uint32_t old = *handle;
    const auto explored = [&](const char* name, std::uint64_t canary, bool may_pass) {
        explore_weak(name, {reinterpret_cast<std::byte*>(&shared), sizeof shared},
                     {[&, canary] { return outcome{code(link.check(old, canary))}; },
                      [&] {
                          link.lower();
                          return outcome{code(link.raise(6).error())};
                      }},
                     [&, may_pass](const std::vector<outcome>& results) -> std::string {
                         if (results[0][0] == 0 && !may_pass) return "believed a peer that is not the one";
                         if (link.check(old) == errc::ok) return "the handle of an older epoch passes";
                         return results[1][0] == 0 && (link.epoch() & 1) != 0 ? "" : "not raised again";
                     },
                     {});
    };
    explored("link: its own canary", canary_of(5), true);
    explored("link: the new peer's canary", canary_of(6), false);
    explored("link: all ones", ~std::uint64_t{0}, false);
}

TEST_CASE("who sees that a link is up again believes the peer that it is up with") {
    struct alignas(64) words {
        link_guard<stepped_platform>::word each[link_guard<stepped_platform>::words]{};
    } shared;
    const link_guard<stepped_platform> link(shared.each);
    REQUIRE(link.raise(5).has_value());
    const std::uint32_t old = link.epoch();
    explore_weak("link: raised with another peer, who takes a handle",
                 {reinterpret_cast<std::byte*>(&shared), sizeof shared},
                 {[&] {
                      const std::uint32_t now = link.epoch();
                      if (now % 2 == 0 || now == old) return outcome{code(errc::ok)};
                      return outcome{code(link.check(now, canary_of(6)))};
                  },
                  [&] {
                      link.lower();
                      return outcome{code(link.raise(6).error())};
                  }},
                 [&](const std::vector<outcome>& results) -> std::string {
                     if (results[0][0] != code(errc::ok)) return "the peer that is there is not believed";
                     return results[1][0] == code(errc::ok) && link.epoch() == old + 2 ? ""
                                                                                       : "not raised again";
                 },
                 {});
}

}  // namespace
