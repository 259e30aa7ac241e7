// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Programs that stop at any step: the others end without them, and from what they leave in memory recovery
// makes a sound state: no frame that somebody holds is free, and no more is lost than the types state.
#include <doctest/doctest.h>

#include <ashlar/source/radix_buddy.hpp>
#include <bit>
#include <string>

#include "interleaving/small_slots.hpp"
#include "interleaving/world.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

/// A world whose programs note what they hold, and what they have in hand inside a call.
template <class Source, std::uint64_t Count>
struct noted_world {
    using word = typename Source::word;
    static constexpr range<> frames{{8}, Count};
    static constexpr std::size_t source_words = Source::metadata_words(frames);
    static constexpr std::size_t programs = 3;

    struct alignas(64) shared_memory {
        word words[source_words] = {};
        word holds[programs];
        /// Frames that a crash may lose: a line, or the block that a call has in hand.
        word in_hand[programs];
    };
    shared_memory shared;
    Source memory;

    noted_world() {
        REQUIRE(memory.attach(frames, shared.words, start::fresh) == errc::ok);
        REQUIRE(memory.online(frames) == errc::ok);
    }
    void lend(range<> some, std::size_t to) {
        REQUIRE(memory.allocate_at(some) == errc::ok);
        note(shared.holds[to], mask_of(some));
    }
    static void note(word& in, std::uint64_t value) {
        in.store(static_cast<typename word::value_type>(value), memory_order::relaxed);
    }
    /// A call of program `by`, which holds nothing before, with a block of `order` in hand.
    template <class Call>
    auto inside(std::size_t by, unsigned order, Call&& call) {
        note(shared.holds[by], 0);
        note(shared.in_hand[by], std::uint64_t{1} << (order > 2 ? order : 2));
        const auto answer = call();
        note(shared.in_hand[by], 0);
        return answer;
    }
    explorer::program take_and_give(std::size_t by, unsigned order) {
        return [this, by, order] {
            const auto got = inside(by, order, [&] { return memory.allocate({.order = order}); });
            if (!got) return outcome{code(got.error())};
            note(shared.holds[by], mask_of(block(*got, order)));
            return outcome{code(inside(by, order, [&] { return memory.free(*got, order); }))};
        };
    }
    explorer::program give(std::size_t by, std::uint64_t first, unsigned order) {
        return [this, by, first, order] {
            return outcome{code(inside(by, order, [&] { return memory.free({first}, order); }))};
        };
    }
    explorer::program leave(std::size_t by, range<> some) {
        return [this, by, some] {
            const errc answer = inside(by, 0, [&] { return memory.isolate(some); });
            if (answer != errc::ok) return outcome{code(answer)};
            return outcome{code(inside(by, 0, [&] { return memory.offline(some); }))};
        };
    }
    [[nodiscard]] view<std::byte> bytes() { return {reinterpret_cast<std::byte*>(&shared), sizeof shared}; }

    /// What a recovery from the words as they are makes of them. `slots`: frames that a CPU's slot may hold.
    [[nodiscard]] std::string recovered(std::uint64_t slots) const {
        std::uint64_t all_held = 0;
        std::uint64_t lost_at_most = 0;
        for (std::size_t i = 0; i < programs; ++i) {
            all_held |= shared.holds[i].load(memory_order::relaxed);
            lost_at_most += slots + shared.in_hand[i].load(memory_order::relaxed);
        }
        for (const bool knows : {false, true}) {
            word copy[source_words];
            for (std::size_t i = 0; i < source_words; ++i)
                copy[i].store(shared.words[i].load(memory_order::relaxed), memory_order::relaxed);
            Source other;
            const auto live = [&](frame<> f) { return !knows || (all_held & mask_of({f, 1})) != 0; };
            if (other.attach(frames, copy, start::recover, live) != errc::ok) return "it is not recovered";
            if (other.validate() != errc::ok) return "what was recovered does not validate";
            std::uint64_t free = 0;
            other.visit_free([&](range<> run) { free |= mask_of(run); });
            std::uint64_t online = 0;
            for (std::uint64_t i = 0; i < Count; ++i) {
                if (other.owns(frames.first + i)) online |= mask_of({frames.first + i, 1});
            }
            if ((free & ~online) != 0) return "a frame is free that is not there";
            if ((free & all_held) != 0) return "a frame that is held is free";
            const auto lost = static_cast<std::uint64_t>(std::popcount(online & ~free & ~all_held));
            if (knows && lost != 0) return "a frame is lost, though it is known who lives";
            if (lost > lost_at_most) return std::to_string(lost) + " frames are lost";
        }
        return "";
    }
};

/// Whatever the others have done, each program ends alone; and in each state recovery makes a sound one.
template <class World>
void stop_anywhere(const std::string& name, World& w, std::uint64_t slots,
                   const std::vector<explorer::program>& programs) {
    const auto anything_goes = [](const std::vector<outcome>&) { return std::string(); };
    explore_and_tell((name + ": the others end").c_str(), w.bytes(), programs, anything_goes, {.alone = 500});
    explore_and_tell((name + ": recovery").c_str(), w.bytes(), programs,
                     [&](const std::vector<outcome>&) { return w.recovered(slots); },
                     {.at_each_state = [&w, slots] { return w.recovered(slots); }});
}

TEST_CASE("radix buddy") {
    using source = radix_buddy<own_cpu, tiny>;
    noted_world<source, 8> w;
    stop_anywhere("split against split", w, 0, {w.take_and_give(0, 0), w.take_and_give(1, 0)});
    stop_anywhere("pair against frame", w, 0, {w.take_and_give(0, 1), w.take_and_give(1, 0)});
    stop_anywhere("both lines against a frame", w, 0, {w.take_and_give(0, 3), w.take_and_give(1, 0)});
    stop_anywhere("isolate and offline against a frame", w, 0, {w.leave(0, {{8}, 4}), w.take_and_give(1, 0)});
    noted_world<source, 8> lent;
    lent.lend({{8}, 1}, 0);
    lent.lend({{10}, 1}, 1);
    stop_anywhere("frees of two rows", lent, 0, {lent.give(0, 8, 0), lent.give(1, 10, 0)});
    if (is_long_run()) {
        stop_anywhere("frees of two rows, a taker", lent, 0,
                      {lent.give(0, 8, 0), lent.give(1, 10, 0), lent.take_and_give(2, 1)});
    }
}
TEST_CASE("per-CPU rows") {
    noted_world<cpu_rows<radix_buddy<own_cpu, tiny>, own_rows>, 8> own;
    stop_anywhere("own slots", own, 8, {own.take_and_give(0, 0), own.take_and_give(1, 0)});
    noted_world<cpu_rows<radix_buddy<one_cpu, tiny>, shared_rows>, 8> shared;
    stop_anywhere("a shared slot", shared, 8, {shared.take_and_give(0, 0), shared.take_and_give(1, 0)});
}
TEST_CASE("per-CPU stacks") {
    noted_world<cpu_magazines<radix_buddy<own_cpu, tiny>, own_stacks>, 8> own;
    stop_anywhere("own stacks", own, 2, {own.take_and_give(0, 0), own.take_and_give(1, 0)});
    stop_anywhere("own stacks, isolate and offline", own, 2,
                  {own.leave(0, {{8}, 4}), own.take_and_give(1, 0)});
    noted_world<cpu_magazines<radix_buddy<one_cpu, tiny>, shared_stacks>, 8> shared;
    stop_anywhere("a shared stack", shared, 2, {shared.take_and_give(0, 0), shared.take_and_give(1, 0)});
}

}  // namespace
