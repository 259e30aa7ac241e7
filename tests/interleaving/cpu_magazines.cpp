// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving, with weak memory, of `cpu_magazines` over the shipped sources on a few frames: CPUs
// with a slot each, and CPUs that share one.
#include <doctest/doctest.h>

#include <ashlar/layer/locked.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <string>

#include "interleaving/small_slots.hpp"
#include "interleaving/world.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

/// What slots hold goes back before the ends are judged: they, too, are in one place.
template <class Source, std::uint64_t Count>
struct drained_world : world<Source, Count> {
    [[nodiscard]] std::string judge(const std::vector<outcome>& results) {
        if (this->memory.validate() != errc::ok) return "a slot is damaged";
        for (cpu_id cpu = 0; cpu < 3; ++cpu) this->memory.drain(cpu);
        if (this->memory.held_frames() != 0) return "left in a slot";
        return world<Source, Count>::judge(results);
    }
};
template <class Platform>
using list = locked<list_buddy<Platform, buddy_shape{.top_order = 3, .pageblock_order = 2}>>;

using exclusive_radix = drained_world<cpu_magazines<radix_buddy<own_cpu, tiny>, own_stacks>, 4>;
using shared_radix = drained_world<cpu_magazines<radix_buddy<one_cpu, tiny>, shared_stacks>, 4>;
using exclusive_list = drained_world<cpu_magazines<list<own_cpu>, own_stacks>, 4>;
using shared_list = drained_world<cpu_magazines<list<one_cpu>, shared_stacks>, 4>;
/// Two units, of which one can be isolated.
using exclusive_units = drained_world<cpu_magazines<radix_buddy<own_cpu, tiny>, own_stacks>, 8>;
using shared_units = drained_world<cpu_magazines<radix_buddy<one_cpu, tiny>, shared_stacks>, 8>;

/// Takes a frame that another program frees, if it sees it by then.
template <class World>
explorer::program take_for_another(World& w) {
    return [&w] {
        const auto got = w.memory.allocate({});
        if (!got) return outcome{0, code(got.error())};
        w.use({*got, 1});
        w.note().store(static_cast<typename decltype(w.memory)::word::value_type>(got->number),
                       memory_order::release);
        return outcome{0, code(errc::ok)};
    };
}
template <class World>
explorer::program give_what_is_told(World& w) {
    return [&w] {
        const std::uint64_t number = w.note().load(memory_order::acquire);
        if (number == 0) return outcome{0, code(errc::ok), 1};
        w.use({{number}, 1});
        return outcome{0, code(w.memory.free({number}, 0))};
    };
}
/// As a world, but a frame in the note counts as held unless the second program gave it.
template <class World>
struct hand_over_world : World {
    [[nodiscard]] std::string judge(std::vector<outcome> results) {
        if (results[1][2] == 1 && results[0][told] == code(errc::ok)) {
            results[0][held] = mask_of({{this->note().load(memory_order::relaxed)}, 1});
        }
        return World::judge(results);
    }
};

/// Isolates, and notes it once that is done.
template <class World>
explorer::program isolate_and_tell(World& w) {
    return [&w] {
        const errc answer = w.memory.isolate(World::unit);
        if (answer == errc::ok) w.note().store(1, memory_order::seq_cst);
        return outcome{0, code(answer)};
    };
}
/// Frees a frame of the unit, and takes one: not of the unit, if it is isolated by then.
template <class World>
explorer::program give_and_take(World& w, std::uint64_t first) {
    return [&w, first] {
        w.use({{first}, 1});
        if (const errc wrong = w.memory.free({first}, 0); wrong != errc::ok) return outcome{0, code(wrong)};
        const bool isolated = w.note().load(memory_order::seq_cst) != 0;
        const auto got = w.memory.allocate({});
        if (!got) return outcome{0, code(got.error())};
        w.use({*got, 1});
        return outcome{mask_of({*got, 1}), code(errc::ok), isolated && World::unit.contains(*got) ? 1U : 0U};
    };
}
std::string nothing_isolated(const std::vector<outcome>& results) {
    for (const auto& result : results) {
        if (result[2] != 0) return "an isolated frame is handed out";
    }
    return frees_succeed(results);
}
TEST_CASE("a slot per CPU: two take") {
    exclusive_radix r;
    run("radix, exclusive: take order 0, take order 0", r, {take(r, 0), take(r, 0)}, nobody_exhausted);
    run("radix, exclusive: take order 1, take order 0", r, {take(r, 1), take(r, 0)}, nobody_exhausted);
    exclusive_list l;
    run("list, exclusive: take order 0, take order 0", l, {take(l, 0), take(l, 0)}, all_served);
    run("list, exclusive: take order 1, take order 0", l, {take(l, 1), take(l, 0)}, all_served);
}
TEST_CASE("a slot per CPU: take and give against take and give") {
    exclusive_radix r;
    run("radix, exclusive: take and give, take and give", r, {take_and_give(r, 0), take_and_give(r, 0)},
        nobody_exhausted);
    exclusive_list l;
    run("list, exclusive: take and give, take and give", l, {take_and_give(l, 0), take_and_give(l, 0)},
        all_served);
}
TEST_CASE("a slot per CPU: three CPUs, a batch for two") {
    exclusive_radix w;
    w.hold({{8}, 1});
    w.hand_over({{8}, 1});
    run("radix, exclusive: take, take, give 8", w, {take(w, 0), take(w, 0), give(w, 8)}, frees_succeed);
}
TEST_CASE("a slot per CPU: a frame is handed over and freed elsewhere") {
    hand_over_world<exclusive_radix> r;
    run("radix, exclusive: take for another, give", r, {take_for_another(r), give_what_is_told(r)},
        frees_succeed);
    hand_over_world<exclusive_list> l;
    run("list, exclusive: take for another, give", l, {take_for_another(l), give_what_is_told(l)},
        frees_succeed);
}
TEST_CASE("a slot per CPU: a drain against allocations") {
    exclusive_radix r;
    r.hold({{8}, 2});
    r.hand_over({{8}, 1});
    run("radix, exclusive: give 8 and drain, take and give", r, {drained(r, give(r, 8)), take_and_give(r, 0)},
        frees_succeed);
    exclusive_list l;
    l.hold({{8}, 4});
    l.hand_over({{8}, 2});
    run("list, exclusive: give 8 and drain, give 9 and drain, take", l,
        {drained(l, give(l, 8)), drained(l, give(l, 9)), take(l, 0)}, frees_succeed);
}
TEST_CASE("a slot per CPU: what is isolated is handed out by nobody any more") {
    exclusive_units w;
    w.hold({{8}, 2});
    w.hand_over({{8}, 1});
    run("radix, exclusive: isolate, give 8 and take", w, {isolate_and_tell(w), give_and_take(w, 8)},
        nothing_isolated);
    run("radix, exclusive: isolate, isolate, give 8", w,
        {isolate_and_tell(w), isolate_and_tell(w), give(w, 8)}, nothing_isolated);
}
TEST_CASE("a slot per CPU: the range leaves while another CPU takes and gives") {
    exclusive_radix r;
    run("radix, exclusive: isolate and offline, take and give", r, {leave(r), take_and_give(r, 0)},
        frees_succeed);
    exclusive_list l;
    run("list, exclusive: isolate and offline, take and give", l, {leave(l), take_and_give(l, 0)},
        frees_succeed);
}
TEST_CASE("a slot per CPU: a frame by number") {
    exclusive_radix r;
    run("radix, exclusive: allocate_at 8, take and give", r, {take_this(r, 8), take_and_give(r, 0)},
        frees_succeed);
    exclusive_list l;
    run("list, exclusive: allocate_at 8, take and give", l, {take_this(l, 8), take_and_give(l, 0)},
        frees_succeed);
}

TEST_CASE("a shared slot: who does not get it uses the source") {
    shared_radix r;
    run("radix, shared: take order 0, take order 0", r, {take(r, 0), take(r, 0)}, frees_succeed);
    shared_list l;
    run("list, shared: take order 0, take order 0", l, {take(l, 0), take(l, 0)}, all_served);
    run("list, shared: take order 1, take order 0", l, {take(l, 1), take(l, 0)}, all_served);
}
TEST_CASE("a shared slot: take and give against take and give") {
    shared_radix r;
    run("radix, shared: take and give, take and give", r, {take_and_give(r, 0), take_and_give(r, 0)},
        frees_succeed);
    shared_list l;
    run("list, shared: take and give, take and give", l, {take_and_give(l, 0), take_and_give(l, 0)},
        all_served);
}
TEST_CASE("a shared slot: a frame is handed over and freed through the same slot, or past it") {
    hand_over_world<shared_radix> r;
    run("radix, shared: take for another, give", r, {take_for_another(r), give_what_is_told(r)},
        frees_succeed);
}
TEST_CASE("a shared slot: a drain against allocations") {
    shared_radix r;
    r.hold({{8}, 2});
    r.hand_over({{8}, 2});
    run("radix, shared: give 8 and drain, give 9 and drain", r,
        {drained(r, give(r, 8)), drained(r, give(r, 9))}, all_served);
    shared_radix other;
    other.hold({{8}, 2});
    other.hand_over({{8}, 1});
    run("radix, shared: give 8 and drain, take and give", other,
        {drained(other, give(other, 8)), take_and_give(other, 0)}, frees_succeed);
}
TEST_CASE("a shared slot: what is isolated is handed out by nobody any more") {
    shared_units w;
    w.hold({{8}, 2});
    w.hand_over({{8}, 1});
    run("radix, shared: isolate, give 8 and take", w, {isolate_and_tell(w), give_and_take(w, 8)},
        nothing_isolated);
}
TEST_CASE("a shared slot: the range leaves, a frame by number") {
    shared_radix r;
    run("radix, shared: isolate and offline, take and give", r, {leave(r), take_and_give(r, 0)},
        frees_succeed);
    run("radix, shared: allocate_at 8, take and give", r, {take_this(r, 8), take_and_give(r, 0)}, anything);
}

TEST_CASE("a slot per CPU: a readmission against an isolation: marks and source say the same") {
    exclusive_units w;
    w.hold({{8}, 1});
    REQUIRE(w.memory.isolate(exclusive_units::unit) == errc::ok);
    const auto isolate = [&w] { return outcome{0, code(w.memory.isolate(exclusive_units::unit))}; };
    const auto readmit = [&w] { return outcome{0, code(w.memory.readmit(exclusive_units::unit))}; };
    const auto judge = [&w](const std::vector<outcome>& results) -> std::string {
        bool isolated = false;
        w.memory.describe([&isolated](const char* name, std::uint64_t value) {
            isolated = isolated || (name == std::string("isolated_free_frames") && value != 0);
        });
        if (w.memory.free({8}, 0) != errc::ok) return "a right free is refused";
        const auto got = w.memory.allocate({});
        if (isolated && got && exclusive_units::unit.contains(*got)) return "an isolated frame is handed out";
        return told_nothing_but(results, {errc::ok, errc::busy});
    };
    explore_weak("radix, exclusive: readmit, isolate", w.bytes(), {readmit, isolate}, judge,
                 {.name_of = exclusive_units::name_of});
}

}  // namespace
