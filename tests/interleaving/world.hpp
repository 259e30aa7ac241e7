// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>

#include <ashlar/core/source.hpp>
#include <ashlar/source/buddy_shape.hpp>
#include <ashlar/testing/explorer.hpp>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "interleaving/names.hpp"
#include "interleaving/run.hpp"

// What explorations of frame sources share: a few frames, programs over them, and what has to hold in the
// end.
namespace ashlar::testing {

/// Each program runs on a CPU of its own.
struct own_cpu : stepped_platform {
    [[nodiscard]] static cpu_id this_cpu() noexcept {
        return scheduler::current != nullptr ? static_cast<cpu_id>(scheduler::current->running()) : 0;
    }
    [[nodiscard]] static constexpr cpu_id max_cpus() noexcept { return 3; }
};
/// All programs say that they run on CPU 0.
struct one_cpu : stepped_platform {};

/// Lines of two rows of two frames.
inline constexpr buddy_shape tiny{
    .top_order = 3, .row_order = 1, .line_order = 2, .pageblock_order = 2, .hole_entries = 8, .rescans = 1};

/// Outcomes: what a program holds at its end, what it was told.
inline constexpr std::size_t held = 0;
inline constexpr std::size_t told = 1;

inline std::uint64_t code(errc error) {
    return static_cast<std::uint64_t>(error);
}
inline std::uint64_t mask_of(range<> run) {
    return ((std::uint64_t{1} << run.count) - 1) << (run.first.number - 8);
}

/// `Count` frames from frame 8 on, all online; `unit` is what can be isolated of them. Where there are many,
/// those behind the first 32 are nobody's to have.
template <class Source, std::uint64_t Count>
struct world {
    static constexpr range<> frames{{8}, Count};
    static constexpr range<> judged{{8}, Count < 64 ? Count : 32};
    static constexpr range<> unit{{8}, 4};
    static constexpr std::size_t source_words = Source::metadata_words(frames);

    struct alignas(64) shared_memory {
        /// The last one is for the programs: what one of them tells another.
        typename Source::word words[source_words + 1] = {};
        /// The bytes of the frames.
        owned_cell<std::uint8_t> bytes[Count];
    };
    shared_memory shared;
    Source memory;
    std::uint64_t held_at_start = 0;

    world() {
        REQUIRE(memory.attach(frames, shared.words, start::fresh) == errc::ok);
        REQUIRE(memory.online(frames) == errc::ok);
        const range<> behind{judged.end(), Count - judged.count};
        if (!behind.empty()) REQUIRE(memory.allocate_at(behind) == errc::ok);
    }
    void hold(range<> some) {
        REQUIRE(memory.allocate_at(some) == errc::ok);
        held_at_start |= mask_of(some);
    }
    [[nodiscard]] typename Source::word& note() { return shared.words[source_words]; }
    /// Frames that were held at the start are now a program's to free.
    void hand_over(range<> some) { held_at_start &= ~mask_of(some); }
    /// Whoever holds frames writes to them.
    void use(range<> some) {
        for (std::uint64_t i = 0; i < some.count; ++i) {
            owned_cell<std::uint8_t>& byte = shared.bytes[some.first.number + i - frames.first.number];
            byte.set(1);
        }
    }
    [[nodiscard]] view<std::byte> bytes() { return {reinterpret_cast<std::byte*>(&shared), sizeof shared}; }
    [[nodiscard]] static std::string name_of(std::size_t offset) {
        constexpr std::size_t size = sizeof(typename Source::word);
        if (offset >= offsetof(shared_memory, bytes))
            return "frame " + std::to_string(frames.first.number + offset - offsetof(shared_memory, bytes));
        if (offset == source_words * size) return "note";
        return name_of_layered_word<Source>(frames, offset / size);
    }

    /// Every frame is in one place: free, held by a program, held since the start. The metadata agree with
    /// themselves (no lost merge, no hint too low, no move open).
    [[nodiscard]] std::string judge(const std::vector<outcome>& results) const {
        std::uint64_t all = held_at_start;
        std::string wrong;
        const auto add = [&](std::uint64_t mask) {
            if ((all & mask) != 0) wrong = "a frame twice";
            all |= mask;
        };
        memory.visit_free([&](range<> run) {
            if (judged.contains(run)) {
                add(mask_of(run));
            } else {
                wrong = "a frame that nobody freed is free";
            }
        });
        for (const auto& result : results) add(result[held]);
        if (!wrong.empty()) return wrong;
        if (all != mask_of(judged)) return "a frame lost";
        return memory.validate() == errc::ok ? ""
                                             : "the metadata disagree: lost merge, low hint or open move";
    }
};

template <class World>
explorer::program take(World& w, unsigned order) {
    return [&w, order] {
        const auto got = w.memory.allocate({.order = order});
        if (!got) return outcome{0, code(got.error())};
        w.use(block(*got, order));
        return outcome{mask_of(block(*got, order)), code(errc::ok)};
    };
}
template <class World>
explorer::program take_and_give(World& w, unsigned order) {
    return [&w, order] {
        const auto got = w.memory.allocate({.order = order});
        if (!got) return outcome{0, code(got.error())};
        w.use(block(*got, order));
        return outcome{0, code(w.memory.free(*got, order))};
    };
}
template <class World>
explorer::program give(World& w, std::uint64_t first, unsigned order = 0) {
    return [&w, first, order] {
        w.use(block(frame<>{first}, order));
        return outcome{0, code(w.memory.free({first}, order))};
    };
}
/// A free of frames that the program may not hold: it leaves them alone.
template <class World>
explorer::program give_unused(World& w, std::uint64_t first, unsigned order = 0) {
    return [&w, first, order] { return outcome{0, code(w.memory.free({first}, order))}; };
}
/// A program that empties its CPU's slot at its end.
template <class World>
explorer::program drained(World& w, const explorer::program& first) {
    return [&w, first] {
        const outcome result = first();
        w.memory.drain();
        return result;
    };
}
template <class World>
explorer::program take_this(World& w, std::uint64_t first) {
    return [&w, first] {
        const errc answer = w.memory.allocate_at({{first}, 1});
        if (answer != errc::ok) return outcome{0, code(answer)};
        w.use({{first}, 1});
        return outcome{mask_of({{first}, 1}), code(answer)};
    };
}
template <class World>
explorer::program leave(World& w) {
    return [&w] {
        errc answer = w.memory.isolate(World::unit);
        if (answer == errc::ok) answer = w.memory.offline(World::unit);
        return outcome{answer == errc::ok ? mask_of(World::unit) : 0, code(answer)};
    };
}

/// Frames that a program frees.
template <class World>
void lend(World& w, range<> some) {
    w.hold(some);
    w.hand_over(some);
}

inline explorer::program one_then(const explorer::program& first, const explorer::program& second) {
    return [first, second] {
        (void)first();
        return second();
    };
}
/// Both, one after the other: what both hold, and what the second was told.
inline explorer::program one_and(const explorer::program& first, const explorer::program& second) {
    return [first, second] {
        const outcome before = first();
        outcome after = second();
        after[held] |= before[held];
        return after;
    };
}
/// Notes that it is through.
template <class World>
explorer::program then_tell(World& w, const explorer::program& first) {
    return [&w, first] {
        const outcome result = first();
        w.note().store(1, memory_order::release);
        return result;
    };
}
/// Waits for nobody: told nothing, it holds nothing.
template <class World>
explorer::program if_told(World& w, const explorer::program& then) {
    return [&w, then] {
        return w.note().load(memory_order::acquire) == 0 ? outcome{0, code(errc::ok)} : then();
    };
}
/// Runs the programs in every order; the world's judgement and then `also` see each end. See `explore_weak`.
template <class World>
void run(const char* name, World& w, const std::vector<explorer::program>& programs,
         const judgement_of_results& also, std::uint32_t deviations = no_bound) {
    const auto judge = [&](const std::vector<outcome>& results) {
        const std::string wrong = w.judge(results);
        return wrong.empty() ? also(results) : wrong;
    };
    explore_weak(name, w.bytes(), programs, judge, {.name_of = World::name_of}, deviations);
}
inline std::string anything(const std::vector<outcome>&) {
    return "";
}
inline std::string told_nothing_but(const std::vector<outcome>& results,
                                    std::initializer_list<errc> answers) {
    for (const auto& result : results) {
        bool known = false;
        for (const errc each : answers) known = known || result[told] == code(each);
        if (!known) return "an answer that cannot be: " + std::to_string(result[told]);
    }
    return "";
}
inline std::string frees_succeed(const std::vector<outcome>& results) {
    return told_nothing_but(results, {errc::ok, errc::exhausted, errc::busy});
}
/// There is enough for all; who comes while another one is at it may be told to try again.
inline std::string nobody_exhausted(const std::vector<outcome>& results) {
    return told_nothing_but(results, {errc::ok, errc::busy});
}
inline std::string all_served(const std::vector<outcome>& results) {
    return told_nothing_but(results, {errc::ok});
}

}  // namespace ashlar::testing
