// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving, with weak memory, of `accepted` over the shipped radix_buddy: one unit of four frames,
// not accepted yet.
#include <doctest/doctest.h>

#include <ashlar/layer/accepted.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <string>

#include "interleaving/run.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

using step_word = stepped_atomic<std::uint64_t>;

/// Acceptance in steps of its own, which see one another: it begins, and ends.
struct accepting_platform : stepped_platform {
    static inline step_word* inside = nullptr;
    static inline step_word* begun = nullptr;
    static inline step_word* ended = nullptr;
    static inline step_word* met = nullptr;
    static inline owned_cell<std::uint8_t>* bytes = nullptr;  ///< of the frames
    static inline std::uint64_t refusals = 0;                 ///< so many of the first calls fail

    [[nodiscard]] static errc accept(range<>) noexcept {
        const std::uint64_t before = begun->fetch_add(1, memory_order::seq_cst);
        if (inside->exchange(1, memory_order::seq_cst) != 0) met->store(1, memory_order::seq_cst);
        for (std::size_t i = 0; i < 4; ++i) bytes[i].set(1);
        inside->store(0, memory_order::seq_cst);
        if (before < refusals) return errc::limit;
        ended->fetch_add(1, memory_order::seq_cst);
        return errc::ok;
    }
};

constexpr range<> frames{{8}, 4};
using zone = accepted<radix_buddy<accepting_platform, buddy_shape{.top_order = 3,
                                                                  .row_order = 1,
                                                                  .line_order = 2,
                                                                  .pageblock_order = 2,
                                                                  .hole_entries = 8,
                                                                  .rescans = 1}>,
                      accept_shape{.polls = 3, .attempts = 2}>;

/// Outcomes: what a program holds at its end, what it was told, whether it had a frame too early.
constexpr std::size_t held = 0;
constexpr std::size_t told = 1;
constexpr std::size_t early = 2;

struct world {
    struct alignas(64) shared_words {
        zone::word words[zone::metadata_words(frames)] = {};
        step_word inside;
        step_word begun;
        step_word ended;
        step_word met;
        owned_cell<std::uint8_t> bytes[4];
    };
    shared_words shared;
    zone memory;

    explicit world(std::uint64_t refusals) {
        accepting_platform::inside = &shared.inside;
        accepting_platform::begun = &shared.begun;
        accepting_platform::ended = &shared.ended;
        accepting_platform::met = &shared.met;
        accepting_platform::bytes = shared.bytes;
        accepting_platform::refusals = refusals;
        REQUIRE(memory.attach(frames, shared.words, start::fresh) == errc::ok);
        REQUIRE(memory.mark_unaccepted(frames) == errc::ok);
        REQUIRE(memory.online(frames) == errc::ok);
    }
    [[nodiscard]] static std::uint64_t read(const step_word& word) {
        return word.load(memory_order::relaxed);
    }
    [[nodiscard]] std::string judge(const std::vector<outcome>& results) const {
        std::uint64_t all = 0;
        memory.visit_free([&](range<> run) {
            for (std::uint64_t i = 0; i < run.count; ++i)
                all |= std::uint64_t{1} << (run.first.number + i - 8);
        });
        for (const auto& result : results) {
            if ((all & result[held]) != 0) return "a frame twice";
            if (result[early] != 0) return "a frame before it was accepted";
            if (result[held] != 0 && read(shared.ended) == 0) return "a frame that nobody accepted";
            all |= result[held];
        }
        if (all != 15) return "a frame lost";
        if (read(shared.met) != 0) return "two accept at once";
        if (read(shared.ended) > 1) return "accepted twice";
        if ((memory.unaccepted_frames() == 0) != (read(shared.ended) == 1)) return "the state is wrong";
        if (memory.validate() != errc::ok) return "left in acceptance, or the source is damaged";
        return "";
    }
};
std::uint64_t code(errc error) {
    return static_cast<std::uint64_t>(error);
}
/// A frame is looked at as soon as it is there: it is accepted by then.
outcome looked_at(world& w, std::uint64_t mask) {
    const bool too_early = w.shared.ended.load(memory_order::seq_cst) == 0;
    for (std::size_t i = 0; i < 4; ++i) {
        if ((mask >> i & 1) != 0) w.shared.bytes[i].set(1);
    }
    return {mask, code(errc::ok), too_early ? std::uint64_t{1} : 0};
}
explorer::program take(world& w, unsigned order) {
    return [&w, order] {
        const auto got = w.memory.allocate({.order = order});
        if (!got) return outcome{0, code(got.error())};
        return looked_at(w, ((std::uint64_t{1} << (1U << order)) - 1) << (got->number - 8));
    };
}
explorer::program take_this(world& w, std::uint64_t first) {
    return [&w, first] {
        const errc answer = w.memory.allocate_at({{first}, 1});
        if (answer != errc::ok) return outcome{0, code(answer)};
        return looked_at(w, std::uint64_t{1} << (first - 8));
    };
}
explorer::program ahead(world& w) {
    return [&w] { return outcome{0, code(w.memory.accept_ahead(frames))}; };
}

void run(const char* name, world& w, const std::vector<explorer::program>& programs,
         const judgement_of_results& also, std::uint32_t deviations = no_bound) {
    const auto judge = [&](const std::vector<outcome>& results) {
        const std::string wrong = w.judge(results);
        return wrong.empty() ? also(results) : wrong;
    };
    explore_weak(name, {reinterpret_cast<std::byte*>(&w.shared), sizeof w.shared}, programs, judge, {},
                 deviations);
}
/// Nobody is told anything but that it worked, or that another was at it for too long.
std::string served_or_busy(const std::vector<outcome>& results) {
    bool served = false;
    for (const auto& result : results) {
        served = served || result[told] == code(errc::ok);
        if (result[told] != code(errc::ok) && result[told] != code(errc::busy))
            return "an error that cannot be: " + std::to_string(result[told]);
    }
    return served ? "" : "nobody was served";
}
std::string anything(const std::vector<outcome>&) {
    return "";
}

TEST_CASE("one unit, several takers: one accepts, the others wait or give back") {
    world w(0);
    run("two takers by name", w, {take_this(w, 8), take_this(w, 11)}, served_or_busy);
    run("two takers by name, one ahead", w, {take_this(w, 8), take_this(w, 11), ahead(w)}, served_or_busy, 3);
    run("two takers", w, {take(w, 0), take(w, 0)}, served_or_busy);
    run("a taker of all, one ahead", w, {take(w, 2), ahead(w)}, served_or_busy);
}

TEST_CASE("the platform refuses once: who waited tries it anew, and what was taken goes back") {
    world w(1);
    run("two takers by name, refused once", w, {take_this(w, 8), take_this(w, 11)}, anything);
    run("two takers by name and one ahead, refused once", w, {take_this(w, 8), take_this(w, 11), ahead(w)},
        anything, 3);
    run("a taker that isolates what was refused, one ahead", w, {take(w, 0), ahead(w)}, anything);
    run("two takers that isolate what was refused", w, {take(w, 0), take(w, 0)}, anything);
}

TEST_CASE("the platform always refuses: everything goes back") {
    world w(1000);
    const auto nobody = [](const std::vector<outcome>& results) -> std::string {
        for (const auto& result : results) {
            if (result[held] != 0) return "a frame that nobody accepted";
        }
        return "";
    };
    run("a taker and one by name, always refused", w, {take(w, 0), take_this(w, 11)}, nobody);
}

}  // namespace
