// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving, with weak memory, of the shipped cache of windows: programs that pin, access and
// release while others need the window, forget the block, or lose the link. What a window is aimed at is a
// plain value: an aim that is not ordered after all accesses under former pins, and before those under later
// ones, is a finding by itself.
#include <doctest/doctest.h>

#include <ashlar/remote/identity_window.hpp>
#include <ashlar/remote/window_cache.hpp>
#include <string>
#include <vector>

#include "interleaving/run.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

constexpr std::size_t users = 3;

/// Windows whose targets the explorer sees: keys, 0 is nowhere. Each program has a copy of its own of them,
/// since the explorer objects to two who read one.
struct explored_aimer {
    owned_cell<std::uint32_t>* targets = nullptr;
    std::uint32_t count = 1;

    [[nodiscard]] std::uint32_t windows() const noexcept { return count; }
    [[nodiscard]] static std::uint64_t block_bytes() noexcept { return 16; }
    [[nodiscard]] static byte_address<machine> local_of(std::uint32_t window) noexcept {
        return {window * 16U};
    }
    [[nodiscard]] static std::uint64_t cost_of(std::uint32_t) noexcept { return 1; }
    errc aim(std::uint32_t window, byte_address<peer> block) noexcept {
        return set(window, static_cast<std::uint32_t>(block.value / 16 + 1));
    }
    errc disable(std::uint32_t window) noexcept { return set(window, 0); }
    errc aim_all(view<const window_target> wanted) noexcept {
        for (const window_target& each : wanted) (void)aim(each.window, each.block);
        return errc::ok;
    }
    errc set(std::uint32_t window, std::uint32_t key) noexcept {
        for (std::size_t i = 0; i < users; ++i) targets[window * users + i].set(key);
        return errc::ok;
    }
};

using cache_type = window_cache<explored_aimer, stepped_platform, 1>;

/// Outcomes: pins that were had, pins that led elsewhere, whether one was refused for a reason it cannot
/// have.
constexpr std::size_t had = 0;
constexpr std::size_t astray = 1;
constexpr std::size_t odd = 2;

struct world {
    struct alignas(64) shared_memory {
        owned_cell<std::uint32_t> targets[2 * users];
        cache_type::word words[cache_type::metadata_words(2)];
        owned_cell<std::uint8_t> bridge_state;  ///< set up by who restores the link
    };
    shared_memory shared{};
    explored_aimer bridge;
    cache_type cache;

    explicit world(std::uint32_t windows) : bridge{shared.targets, windows} {
        REQUIRE(cache.attach(bridge, shared.words) == errc::ok);
    }
    [[nodiscard]] view<std::byte> bytes() { return {reinterpret_cast<std::byte*>(&shared), sizeof shared}; }
};

void access(world& w, const cache_type::pin_type& pin, std::uint64_t block, outcome& seen) {
    if (!pin) {
        if (pin.error() != errc::busy && pin.error() != errc::revoked) seen[odd] = 1;
        return;
    }
    ++seen[had];
    if (w.shared.targets[pin.handle().window * users + scheduler::current->running()].get() != block + 1)
        ++seen[astray];
}

explorer::program user(world& w, std::vector<std::uint64_t> blocks) {
    return [&w, blocks] {
        outcome seen{};
        for (const std::uint64_t block : blocks) {
            auto pin = w.cache.pin({block * 16}, 8);
            access(w, pin, block, seen);
        }
        return seen;
    };
}
/// Both blocks at once, or none.
explorer::program user_of_both(world& w, std::uint64_t first, std::uint64_t second) {
    return [&w, first, second] {
        outcome seen{};
        const byte_range<peer> wanted[] = {{{first * 16}, 8}, {{second * 16}, 8}};
        cache_type::pin_type pins[2];
        const errc answer = w.cache.pin_all(wanted, pins);
        if (answer != errc::ok && answer != errc::busy && answer != errc::revoked) seen[odd] = 1;
        for (std::size_t i = 0; i < 2; ++i) {
            if ((answer == errc::ok) != static_cast<bool>(pins[i])) seen[odd] = 1;
            if (pins[i]) access(w, pins[i], i == 0 ? first : second, seen);
        }
        return seen;
    };
}
explorer::program forgetter(world& w, std::uint64_t block) {
    return [&w, block] {
        outcome seen{};
        // When it says that the block is gone, nobody has it, and nobody gets it from the old window.
        const errc answer = w.cache.forget({{block * 16}, 16});
        if (answer != errc::ok && answer != errc::busy) seen[odd] = 1;
        return seen;
    };
}
explorer::program link(world& w) {
    return [&w] {
        w.cache.link_lost();
        w.cache.link_restored();
        return outcome{};
    };
}

[[nodiscard]] std::string judge(world& w, const std::vector<outcome>& results) {
    for (const outcome& each : results) {
        if (each[astray] != 0) return "a pin leads elsewhere";
        if (each[odd] != 0) return "a refusal for no reason";
    }
    for (std::uint32_t i = 0; i < w.cache.windows(); ++i)
        if (w.cache.pins_of(i, pin_owner::cpu) != 0) return "a pin is left";
    // All is over: every block can be had.
    return {};
}

void run(const char* name, std::uint32_t windows, const std::vector<std::uint64_t>& before,
         std::vector<explorer::program> (*programs)(world&), std::uint32_t deviations = no_bound) {
    world w(windows);
    for (const std::uint64_t block : before) REQUIRE(w.cache.pin({block * 16}, 8));
    explore_weak(
        name, w.bytes(), programs(w), [&](const auto& results) { return judge(w, results); }, {}, deviations);
}

TEST_CASE("a window that two need for different blocks") {
    run("one window, two blocks, each once", 1, {}, [](world& w) {
        return std::vector{user(w, {1}), user(w, {2})};
    });
    run("one window that has a block, and another that is needed", 1, {1}, [](world& w) {
        return std::vector{user(w, {1}), user(w, {2})};
    });
    run(
        "one window, back and forth", 1, {1},
        [](world& w) {
            return std::vector{user(w, {1, 1}), user(w, {2, 1})};
        },
        3);
}

TEST_CASE("a block that is forgotten while it is pinned") {
    run(
        "pinned and forgotten", 1, {1},
        [](world& w) {
            return std::vector{user(w, {1, 1}), forgetter(w, 1)};
        },
        4);
    run(
        "pinned, forgotten, another needs the window", 1, {1},
        [](world& w) {
            return std::vector{user(w, {1}), forgetter(w, 1), user(w, {2})};
        },
        3);
}

TEST_CASE("a link that is lost while a window is pinned and aimed") {
    run(
        "pinned, and the link goes and comes", 1, {1},
        [](world& w) {
            return std::vector{user(w, {1, 1}), link(w)};
        },
        4);
    run(
        "aimed, and the link goes and comes", 1, {1},
        [](world& w) {
            return std::vector{user(w, {2}), link(w), user(w, {1})};
        },
        2);
}

TEST_CASE("two blocks that are aimed together") {
    run(
        "two windows at once, one of them is needed by another", 2, {1},
        [](world& w) {
            return std::vector{user_of_both(w, 2, 3), user(w, {1})};
        },
        4);
    run(
        "two windows at once, two who want other ones", 2, {},
        [](world& w) {
            return std::vector{user_of_both(w, 1, 2), user_of_both(w, 2, 3)};
        },
        3);
    run(
        "two windows at once, and the link goes and comes", 2, {1},
        [](world& w) {
            return std::vector{user_of_both(w, 2, 3), link(w)};
        },
        2);
}

TEST_CASE("two windows, three blocks") {
    run(
        "two windows, three blocks", 2, {1, 2},
        [](world& w) {
            return std::vector{user(w, {1, 3}), user(w, {2, 1})};
        },
        2);
}

TEST_CASE("who sees that the link is up again sees what was done for that") {
    const auto explored = [](const char* name, auto&& look) {
        world w(2);
        w.cache.link_lost();
        const auto restore = [&w] {
            w.shared.bridge_state.set(1);
            w.cache.link_restored();
            return outcome{};
        };
        const auto user = [&w, look] {
            outcome seen{};
            if (look(w)) seen[had] = w.shared.bridge_state.get();
            return seen;
        };
        explore_weak(name, w.bytes(), {restore, user}, [&](const auto& results) { return judge(w, results); },
                     {});
    };
    explored("restored, asked whether it is up", [](world& w) { return w.cache.is_up(); });
    explored("restored, asked for its epoch", [](world& w) { return w.cache.epoch() == 3; });
    explored("restored, a pin", [](world& w) { return static_cast<bool>(w.cache.pin({16}, 8)); });
    explored("restored, two blocks pinned together", [](world& w) {
        const byte_range<peer> both[2] = {{{16}, 8}, {{32}, 8}};
        cache_type::pin_type pins[2];
        return w.cache.pin_all(both, pins) == errc::ok;
    });
    // The same of one window that is never aimed.
    struct alignas(64) shared_memory {
        owned_cell<std::uint8_t> state;
        identity_window<stepped_platform> all{{{16}, 64}, {32}};
    } shared;
    shared.all.link_lost();
    const auto restore = [&shared] {
        shared.state.set(1);
        shared.all.link_restored();
        return outcome{};
    };
    const auto look = [&](auto&& sees) {
        return [&shared, sees] { return outcome{sees() ? std::uint64_t{shared.state.get()} : 0}; };
    };
    const view<std::byte> bytes{reinterpret_cast<std::byte*>(&shared), sizeof shared};
    const auto nothing = [](const std::vector<outcome>&) { return std::string(); };
    explore_weak("an identity window restored, asked whether it is up", bytes,
                 {restore, look([&shared] { return shared.all.is_up(); })}, nothing, {});
    explore_weak("an identity window restored, a pin", bytes,
                 {restore, look([&shared] { return static_cast<bool>(shared.all.pin({16}, 8)); })}, nothing,
                 {});
}

}  // namespace
