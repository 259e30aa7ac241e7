// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving of `cpu_rows` over the shipped radix_buddy on two lines of two rows of two frames: CPUs with
// a slot each, and CPUs that share one.
#include <doctest/doctest.h>

#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/explorer.hpp>
#include <cstdio>
#include <string>

namespace {

using namespace ashlar;
using namespace ashlar::testing;

/// Each program runs on a CPU of its own.
struct own_cpu : stepped_platform {
    [[nodiscard]] static cpu_id this_cpu() noexcept {
        return scheduler::current != nullptr ? static_cast<cpu_id>(scheduler::current->running()) : 0;
    }
    [[nodiscard]] static constexpr cpu_id max_cpus() noexcept { return 3; }
};
/// All programs say that they run on CPU 0.
struct one_cpu : stepped_platform {};

constexpr buddy_shape tiny{
    .top_order = 3, .row_order = 1, .line_order = 2, .pageblock_order = 2, .hole_entries = 8, .rescans = 1};
using exclusive_rows = cpu_rows<radix_buddy<own_cpu, tiny>, rows_shape{.frames_per_cpu = 1}>;
using shared_rows =
    cpu_rows<radix_buddy<one_cpu, tiny>, rows_shape{.contract = slot_contract::shared, .frames_per_cpu = 1}>;
constexpr range<> frames{{8}, 8};
constexpr range<> first_line{{8}, 4};

/// Outcomes: what a program holds at its end, what it was told.
constexpr std::size_t held = 0;
constexpr std::size_t told = 1;

std::uint64_t code(errc error) {
    return static_cast<std::uint64_t>(error);
}
std::uint64_t mask_of(range<> run) {
    return ((std::uint64_t{1} << run.count) - 1) << (run.first.number - 8);
}

template <class Source>
struct world {
    alignas(64) typename Source::word words[Source::metadata_words(frames)] = {};
    Source memory;
    std::uint64_t held_at_start = 0;

    world() {
        REQUIRE(memory.attach(frames, words, start::fresh) == errc::ok);
        REQUIRE(memory.online(frames) == errc::ok);
    }
    void hold(range<> some) {
        REQUIRE(memory.allocate_at(some) == errc::ok);
        held_at_start |= mask_of(some);
    }
    /// A frame that was held at the start is now a program's to free.
    void hand_over(range<> some) { held_at_start &= ~mask_of(some); }

    [[nodiscard]] std::string judge(const std::vector<outcome>& results) const {
        std::uint64_t all = held_at_start;
        std::string wrong;
        const auto add = [&](std::uint64_t mask) {
            if ((all & mask) != 0) wrong = "a frame twice";
            all |= mask;
        };
        memory.visit_free([&](range<> run) { add(mask_of(run)); });
        for (const auto& result : results) add(result[held]);
        if (!wrong.empty()) return wrong;
        if (all != 255) return "a frame lost";
        return memory.validate() == errc::ok ? "" : "the source is damaged";
    }
};

template <class Source>
explorer::program take(world<Source>& w, unsigned order) {
    return [&w, order] {
        const auto got = w.memory.allocate({.order = order});
        return got ? outcome{mask_of(block(*got, order)), code(errc::ok)} : outcome{0, code(got.error())};
    };
}
template <class Source>
explorer::program take_and_give(world<Source>& w, unsigned order) {
    return [&w, order] {
        const auto got = w.memory.allocate({.order = order});
        return outcome{0, code(got ? w.memory.free(*got, order) : got.error())};
    };
}
template <class Source>
explorer::program give(world<Source>& w, std::uint64_t first) {
    return [&w, first] { return outcome{0, code(w.memory.free({first}, 0))}; };
}
template <class Source>
explorer::program give_and_drain(world<Source>& w, std::uint64_t first) {
    return [&w, first] {
        const errc answer = w.memory.free({first}, 0);
        w.memory.drain();
        return outcome{0, code(answer)};
    };
}
template <class Source>
explorer::program take_this(world<Source>& w, std::uint64_t first) {
    return [&w, first] {
        const errc answer = w.memory.allocate_at({{first}, 1});
        return answer == errc::ok ? outcome{mask_of({{first}, 1}), code(answer)} : outcome{0, code(answer)};
    };
}
template <class Source>
explorer::program leave(world<Source>& w) {
    return [&w] {
        errc answer = w.memory.isolate(first_line);
        if (answer == errc::ok) answer = w.memory.offline(first_line);
        return outcome{answer == errc::ok ? mask_of(first_line) : 0, code(answer)};
    };
}

template <class Source>
void run(const char* name, world<Source>& w, std::vector<explorer::program> programs,
         const std::function<std::string(const std::vector<outcome>&)>& also) {
    const auto seen = explore({reinterpret_cast<std::byte*>(w.words), sizeof w.words}, std::move(programs),
                              [&](const std::vector<outcome>& results) {
                                  const std::string wrong = w.judge(results);
                                  return wrong.empty() ? also(results) : wrong;
                              });
    std::printf("%-60s %9zu states %7zu end states %s\n", name, seen.states, seen.end_states,
                seen.complete ? "" : "(cut off)");
    for (const auto& f : seen.findings) {
        std::printf("  %s, %zu end states, for example\n%s", f.what.c_str(), f.end_states,
                    f.schedule.c_str());
    }
    CHECK(seen.complete);
    CHECK(seen.findings.empty());
    CHECK(seen.end_states > 0);
}
std::string anything(const std::vector<outcome>&) {
    return "";
}
std::string frees_succeed(const std::vector<outcome>& results) {
    for (const auto& result : results) {
        if (result[told] != code(errc::ok) && result[told] != code(errc::exhausted) &&
            result[told] != code(errc::busy)) {
            return "an error that cannot be: " + std::to_string(result[told]);
        }
    }
    return "";
}
/// There is a line for each of two; who comes while the other is at it may be told to try again.
std::string nobody_exhausted(const std::vector<outcome>& results) {
    for (const auto& result : results) {
        if (result[told] != code(errc::ok) && result[told] != code(errc::busy))
            return "refused: " + std::to_string(result[told]);
    }
    return "";
}
std::string both_served(const std::vector<outcome>& results) {
    for (const auto& result : results) {
        if (result[told] != code(errc::ok)) return "not served: " + std::to_string(result[told]);
    }
    return "";
}

TEST_CASE("a slot per CPU: two take, one line each") {
    world<exclusive_rows> w;
    run("exclusive: take order 0, take order 0", w, {take(w, 0), take(w, 0)}, nobody_exhausted);
}
TEST_CASE("a slot per CPU: take and give against take and give") {
    world<exclusive_rows> w;
    run("exclusive: take and give, take and give", w, {take_and_give(w, 0), take_and_give(w, 0)},
        nobody_exhausted);
}
TEST_CASE("a slot per CPU: frees of one row by two CPUs merge when they drain") {
    world<exclusive_rows> w;
    w.hold({{8}, 2});
    w.hand_over({{8}, 2});
    run("exclusive: give 8 and drain, give 9 and drain", w, {give_and_drain(w, 8), give_and_drain(w, 9)},
        [&](const std::vector<outcome>& results) {
            if (w.memory.held_frames() != 0) return std::string("left in a slot");
            return both_served(results);
        });
}
TEST_CASE("a slot per CPU: three CPUs, two rows") {
    world<exclusive_rows> w;
    w.hold({{8}, 1});
    w.hand_over({{8}, 1});
    run("exclusive: take, take, give 8", w, {take(w, 0), take(w, 0), give(w, 8)}, frees_succeed);
}
TEST_CASE("a slot per CPU: a block larger than a row against a row") {
    world<exclusive_rows> w;
    run("exclusive: take order 2, take and give order 0", w, {take(w, 2), take_and_give(w, 0)},
        frees_succeed);
}
TEST_CASE("a slot per CPU: the range leaves while another CPU takes and gives") {
    world<exclusive_rows> w;
    run("exclusive: isolate and offline, take and give", w, {leave(w), take_and_give(w, 0)}, frees_succeed);
}
TEST_CASE("a slot per CPU: a frame by number against its row") {
    world<exclusive_rows> w;
    run("exclusive: allocate_at 8, take and give", w, {take_this(w, 8), take_and_give(w, 0)}, frees_succeed);
}

TEST_CASE("a shared slot: who does not get it uses the source") {
    world<shared_rows> w;
    run("shared: take order 0, take order 0", w, {take(w, 0), take(w, 0)}, frees_succeed);
}
TEST_CASE("a shared slot: take and give against take and give") {
    world<shared_rows> w;
    run("shared: take and give, take and give", w, {take_and_give(w, 0), take_and_give(w, 0)}, frees_succeed);
}
TEST_CASE("a shared slot: frees of one row, one pending, one past it") {
    world<shared_rows> w;
    w.hold({{8}, 2});
    w.hand_over({{8}, 2});
    run("shared: give 8 and drain, give 9 and drain", w, {give_and_drain(w, 8), give_and_drain(w, 9)},
        both_served);
}
TEST_CASE("a shared slot: give against take") {
    world<shared_rows> w;
    w.hold({{8}, 4});
    w.hand_over({{8}, 1});
    run("shared: give 8, take", w, {give(w, 8), take(w, 0)}, frees_succeed);
}
TEST_CASE("a shared slot: a frame by number, and a drain") {
    world<shared_rows> w;
    run("shared: allocate_at 8, take and give", w, {take_this(w, 8), take_and_give(w, 0)}, anything);
}

}  // namespace
