// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every layer hands every verb on exactly once, with its arguments and answers, inside its own effect.
#include <doctest/doctest.h>
#include <ashlar/layer/accepted.hpp>
#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/cpu_magazines.hpp>
#include <ashlar/layer/locked.hpp>
#include <ashlar/layer/ownership_checked.hpp>
#include <ashlar/layer/poisoned.hpp>
#include <ashlar/layer/scrubbed.hpp>
#include <ashlar/testing/fault_injected.hpp>
#include <ashlar/testing/probe.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <functional>
#include <string>
#include <vector>

namespace ashlar {
namespace {

using testing::call;
using testing::verb;

/// A guard that can be seen.
struct guarded : platform {
    static inline std::uint64_t depth = 0;
    struct cpu_guard {
        cpu_guard() noexcept { ++depth; }
        ~cpu_guard() { --depth; }
        cpu_guard(const cpu_guard&) = delete;
        cpu_guard& operator=(const cpu_guard&) = delete;
    };
};
using probe = testing::probe<guarded>;
using word = probe::word;

static_assert(frame_source<probe>);

constexpr range<> attached{{64}, 1024};

/// A layer around a probe, attached, with what has been recorded so far forgotten.
template <class Layer>
struct wrapped {
    wrapped() : words(Layer::metadata_words(attached)) {
        REQUIRE(layer.attach(attached, words.words(), start::fresh) == errc::ok);
        layer.inner().forget();
    }
    /// The one call that arrived.
    call<> only() {
        const auto& calls = layer.inner().calls();
        REQUIRE(calls.size() == 1);
        const call<> made = calls[0].made;
        observed = calls[0].observed;
        layer.inner().forget();
        return made;
    }

    testing::word_buffer<word> words;
    Layer layer;
    std::uint64_t observed = 0;
};

/// Makes each verb's call and hands what arrived to `check(expected)`; once with success, once with failure.
/// `own_figures`: what the layer describes of itself. `before_free`: makes the block one that the caller
/// holds.
template <class Layer, class Check>
void forward_everything(wrapped<Layer>& w, Check check, const std::string& own_figures = "",
                        const std::function<void(range<>)>& before_free = nullptr) {
    Layer& layer = w.layer;
    const range<> some{{128}, 32};
    const request<> wanted{.order = 2,
                           .node = 3,
                           .nodes = node_set::only(3),
                           .below = {4096},
                           .mirror = mirror::required,
                           .mobility = mobility::movable,
                           .urgent = true,
                           .effort = 9};
    for (const errc answer : {errc::ok, errc::revoked}) {
        layer.inner().answers.error = answer;
        CHECK(layer.online(some) == answer);
        check(call<>{.which = verb::online, .frames = some});
        CHECK(layer.offline(some) == answer);
        check(call<>{.which = verb::offline, .frames = some});
        CHECK(layer.isolate(some) == answer);
        check(call<>{.which = verb::isolate, .frames = some});
        CHECK(layer.readmit(some) == answer);
        check(call<>{.which = verb::readmit, .frames = some});
        const auto left = layer.revoke(some);
        CHECK(left.error() == answer);
        CHECK(*left == (answer == errc::ok ? layer.inner().answers.count : 0));
        check(call<>{.which = verb::revoke, .frames = some});
        const auto got = layer.allocate(wanted);
        CHECK(got.error() == answer);
        CHECK(got->number == (answer == errc::ok ? 64 : 0));
        check(call<>{.which = verb::allocate, .wanted = wanted});
        CHECK(layer.allocate_at(some) == answer);
        check(call<>{.which = verb::allocate_at, .frames = some});
        if (before_free) before_free(block(frame<>{200}, 3));
        CHECK(layer.free({200}, 3) == answer);
        check(call<>{.which = verb::free, .frames = {{200}, 0}, .order = 3});
    }
    layer.drain();
    check(call<>{.which = verb::drain});
    layer.drain(5);
    check(call<>{.which = verb::drain_cpu, .cpu = 5});
    std::vector<range<>> visited;
    layer.visit_free([&](range<> each) { visited.push_back(each); });
    CHECK(visited == std::vector<range<>>{{{64}, 7}});
    check(call<>{.which = verb::visit_free});
    std::string figures;
    layer.describe([&](const char* name, std::uint64_t value) { figures += name + std::to_string(value); });
    CHECK(figures == "count7" + own_figures);
    check(call<>{.which = verb::describe});
}

template <class Layer>
void forward_attach() {
    const std::size_t own = Layer::metadata_words(attached) - probe::words_wanted;
    CHECK(own * sizeof(word) % 64 == 0);
    testing::word_buffer<word> words(Layer::metadata_words(attached) + 5);
    Layer layer;
    REQUIRE(layer.attach(attached, words.words(), start::fresh) == errc::ok);
    CHECK(layer.inner().calls().at(0).made == call<>{.which = verb::attach, .frames = attached});
    CHECK(layer.inner().words.data() == words.words().data() + own);
    CHECK(layer.inner().words.size() >= probe::words_wanted);
    layer.inner().forget();
    layer.inner().answers.error = errc::busy;
    CHECK(layer.detach(attached) == errc::busy);
    layer.inner().answers.error = errc::ok;
    CHECK(layer.detach(attached) == errc::ok);
    REQUIRE(layer.inner().calls().size() == 2);
    CHECK(layer.inner().calls()[1].made == call<>{.which = verb::detach, .frames = attached});
    // The predicate of a recovery arrives, and a source that refuses leaves the layer detached.
    layer.inner().forget();
    layer.inner().answers.error = errc::corrupt;
    const auto live = [](frame<> f) { return f == attached.first; };
    CHECK(layer.attach(attached, words.words(), start::recover, live) == errc::corrupt);
    layer.inner().answers.error = errc::ok;
    CHECK(layer.attach(attached, words.words(), start::recover, live) == errc::ok);
    CHECK(layer.inner().calls().at(0).made ==
          call<>{.which = verb::attach, .frames = attached, .order = 1, .how = start::recover});
}

TEST_CASE("locked: every verb arrives once, inside the guard and the lock") {
    using layer = locked<probe>;
    static view<word> lock_words;
    forward_attach<layer>();
    wrapped<layer> w;
    lock_words = w.words.words();
    w.layer.inner().observe = [] { return guarded::depth * 10 + lock_words[0].load(memory_order::relaxed); };
    const auto check = [&](const call<>& expected) {
        CHECK(w.only() == expected);
        CHECK(w.observed == 11);
        CHECK(guarded::depth == 0);
        CHECK(lock_words[0].load(memory_order::relaxed) == 0);
    };
    forward_everything(w, check);
    CHECK(w.layer.free_frames() == 7);
    check(call<>{.which = verb::free_frames});
    w.layer.inner().answers.error = errc::corrupt;
    CHECK(w.layer.validate() == errc::corrupt);
    check(call<>{.which = verb::validate});
    // owns takes no lock: it may be asked by whoever holds it.
    CHECK(w.layer.owns({64}));
    CHECK(w.only() == call<>{.which = verb::owns, .frames = {{64}, 0}});
    CHECK(w.observed == 0);
}

TEST_CASE("counted: every verb arrives once, and the count follows what succeeded") {
    using layer = counted<probe>;
    forward_attach<layer>();
    wrapped<layer> w;
    // Nothing is usable after a fresh attach, whatever the probe says.
    std::uint64_t expected_count = 0;
    forward_everything(w, [&](const call<>& expected) {
        CHECK(w.only() == expected);
        if (w.layer.inner().answers.error == errc::ok) {
            if (expected.which == verb::online) expected_count += 32;
            if (expected.which == verb::offline || expected.which == verb::allocate_at) expected_count -= 32;
            if (expected.which == verb::revoke) expected_count -= 7;
            if (expected.which == verb::allocate) expected_count -= 4;
            if (expected.which == verb::free) expected_count += 8;
        }
        // The probe answers what no source would: below zero the count reads as 0.
        CHECK(w.layer.free_frames() == (expected_count > std::uint64_t{1} << 31 ? 0 : expected_count));
    });
    w.layer.inner().forget();
    CHECK(w.layer.owns({64}));
    CHECK(w.only() == call<>{.which = verb::owns, .frames = {{64}, 0}});
}

/// A guard that can be seen, and frames that can be touched, poisoned and accepted: the last of these is
/// noted.
struct touched : guarded {
    struct effect {
        char what = ' ';
        std::uint64_t first = 0;
        std::uint64_t count = 0;
        friend bool operator==(const effect&, const effect&) = default;
    };
    static inline std::vector<effect> effects{};
    static inline std::uint64_t bytes = 0;
    static inline errc accepts = errc::ok;
    static constexpr std::uint64_t frame_bytes = 8;
    [[nodiscard]] static void* bytes_of(frame<> f) noexcept {
        if (!effects.empty() && effects.back().what == 's' &&
            effects.back().first + effects.back().count == f.number) {
            ++effects.back().count;
        } else {
            effects.push_back({'s', f.number, 1});
        }
        return &bytes;
    }
    static void poison(frame<> f, std::uint64_t count) noexcept { effects.push_back({'p', f.number, count}); }
    static void unpoison(frame<> f, std::uint64_t count) noexcept {
        effects.push_back({'u', f.number, count});
    }
    [[nodiscard]] static errc accept(range<> some) noexcept {
        effects.push_back({static_cast<char>('a' + depth), some.first.number, some.count});
        return accepts;
    }
};
using effects = std::vector<touched::effect>;

/// A probe that says what a free would answer: whatever the test wants.
struct checking_probe : testing::probe<touched> {
    errc foreseen = errc::ok;
    mutable int asked = 0;
    [[nodiscard]] errc would_free(frame<>, unsigned) const noexcept {
        ++asked;
        return foreseen;
    }
};

/// What had been done to frames when the call arrived at the source: so many effects.
std::uint64_t effects_so_far() {
    return touched::effects.size();
}

template <class Layer>
void forwards_and_asks() {
    wrapped<Layer> w;
    w.layer.inner().answers.error = errc::corrupt;
    CHECK(w.layer.validate() == errc::corrupt);
    CHECK(w.only() == call<>{.which = verb::validate});
    CHECK(w.layer.free_frames() == 7);
    CHECK(w.only() == call<>{.which = verb::free_frames});
    CHECK(w.layer.owns({64}));
    CHECK(w.only() == call<>{.which = verb::owns, .frames = {{64}, 0}});
    w.layer.inner().foreseen = errc::misaligned;
    CHECK(w.layer.would_free({64}, 0) == errc::misaligned);
    CHECK(w.layer.inner().calls().empty());
}

TEST_CASE("scrubbed: every verb arrives once; zeros before a free, after an allocation") {
    using layer = scrubbed<checking_probe, scrub_shape{.on_allocate = true, .on_free = true}>;
    touched::effects.clear();
    forward_attach<layer>();
    CHECK(touched::effects.empty());
    forwards_and_asks<layer>();
    wrapped<layer> w;
    w.layer.inner().observe = effects_so_far;
    forward_everything(w, [&](const call<>& expected) {
        CHECK(w.only() == expected);
        effects deserved;
        const bool done = w.layer.inner().answers.error == errc::ok;
        if (expected.which == verb::free) deserved = {{'s', 200, 8}};
        if (expected.which == verb::allocate && done) deserved = {{'s', 64, 4}};
        CHECK(touched::effects == deserved);
        CHECK(w.observed == (expected.which == verb::free ? 1 : 0));
        touched::effects.clear();
    });
    w.layer.inner().foreseen = errc::double_free;
    CHECK(w.layer.free({64}, 0) == errc::double_free);
    CHECK(w.layer.inner().calls().empty());
    CHECK(touched::effects.empty());
}

TEST_CASE("scrubbed on allocate only: a free is not asked about") {
    wrapped<scrubbed<checking_probe>> w;
    w.layer.inner().foreseen = errc::double_free;
    CHECK(w.layer.free({64}, 0) == errc::ok);
    CHECK(w.only() == call<>{.which = verb::free, .frames = {{64}, 0}});
    CHECK(w.layer.inner().asked == 0);
    CHECK(touched::effects.empty());
}

TEST_CASE("poisoned: every verb arrives once, between poison and unpoison") {
    using layer = poisoned<checking_probe>;
    forwards_and_asks<layer>();
    wrapped<layer> w;
    w.layer.inner().observe = effects_so_far;
    touched::effects.clear();
    forward_everything(w, [&](const call<>& expected) {
        CHECK(w.only() == expected);
        effects deserved;
        const bool done = w.layer.inner().answers.error == errc::ok;
        const bool leaves = expected.which == verb::offline || expected.which == verb::revoke ||
                            expected.which == verb::allocate_at;
        if (expected.which == verb::free) deserved = {{'p', 200, 8}};
        if (expected.which == verb::free && !done) deserved.push_back({'u', 200, 8});
        if (expected.which == verb::allocate && done) deserved = {{'u', 64, 4}};
        if (leaves && done) deserved = {{'u', 128, 32}};
        CHECK(touched::effects == deserved);
        CHECK(w.observed == (expected.which == verb::free ? 1 : 0));
        touched::effects.clear();
    });
    // The probe now says that the frames are absent, as they are before they come online.
    w.layer.inner().foreseen = errc::not_owned;
    for (const errc answer : {errc::ok, errc::limit}) {
        w.layer.inner().answers.error = answer;
        CHECK(w.layer.online({{128}, 32}) == answer);
        CHECK(w.only() == call<>{.which = verb::online, .frames = {{128}, 32}});
        CHECK(w.observed == 1);
        effects deserved{{'p', 128, 32}};
        if (answer != errc::ok) deserved.push_back({'u', 128, 32});
        CHECK(touched::effects == deserved);
        touched::effects.clear();
    }
    w.layer.inner().foreseen = errc::double_free;
    CHECK(w.layer.free({64}, 0) == errc::double_free);
    CHECK(w.layer.inner().calls().empty());
    CHECK(touched::effects.empty());
    // What is free is unpoisoned before it is detached, and poisoned again if that fails.
    w.layer.inner().forget();
    w.layer.inner().answers.error = errc::busy;
    CHECK(w.layer.detach(attached) == errc::busy);
    CHECK(touched::effects == effects{{'u', 64, 7}, {'p', 64, 7}});
    touched::effects.clear();
    w.layer.inner().answers.error = errc::ok;
    CHECK(w.layer.detach(attached) == errc::ok);
    CHECK(touched::effects == effects{{'u', 64, 7}});
    touched::effects.clear();
    CHECK(w.layer.attach(attached, w.words.words(), start::recover) == errc::ok);
    CHECK(touched::effects == effects{{'u', 64, 1024}, {'p', 64, 7}});
    touched::effects.clear();
}

TEST_CASE("accepted: every verb arrives once; accepted after it was taken, with the guard held") {
    using layer = accepted<checking_probe>;
    forward_attach<layer>();
    forwards_and_asks<layer>();
    wrapped<layer> w;
    w.layer.inner().answers.owned = false;
    REQUIRE(w.layer.mark_unaccepted({{64}, 96}) == errc::ok);
    w.layer.inner().forget();
    touched::effects.clear();
    forward_everything(w, [&](const call<>& expected) {
        CHECK(w.only() == expected);
        CHECK(w.observed == 0);
        effects deserved;
        const bool done = w.layer.inner().answers.error == errc::ok;
        if (expected.which == verb::allocate && done) deserved = {{'b', 64, 16}};
        if (expected.which == verb::allocate_at && done) deserved = {{'b', 128, 16}, {'b', 144, 16}};
        CHECK(touched::effects == deserved);
        touched::effects.clear();
    });
    CHECK(guarded::depth == 0);
    // Refused: the unit is isolated, the block goes back, four times; by name it only goes back.
    w.layer.inner().answers.error = errc::ok;
    REQUIRE(w.layer.mark_unaccepted({{64}, 32}) == errc::ok);
    w.layer.inner().forget();
    touched::accepts = errc::limit;
    CHECK(w.layer.allocate({.order = 3}).error() == errc::limit);
    REQUIRE(w.layer.inner().calls().size() == 12);
    CHECK(w.layer.inner().calls()[9].made == call<>{.which = verb::allocate, .wanted = {.order = 3}});
    CHECK(w.layer.inner().calls()[10].made == call<>{.which = verb::isolate, .frames = {{64}, 16}});
    CHECK(w.layer.inner().calls()[11].made == call<>{.which = verb::free, .frames = {{64}, 0}, .order = 3});
    w.layer.inner().forget();
    CHECK(w.layer.allocate_at({{72}, 16}) == errc::limit);
    REQUIRE(w.layer.inner().calls().size() == 3);
    CHECK(w.layer.inner().calls()[1].made == call<>{.which = verb::free, .frames = {{72}, 0}, .order = 3});
    CHECK(w.layer.inner().calls()[2].made == call<>{.which = verb::free, .frames = {{80}, 0}, .order = 3});
    touched::accepts = errc::ok;
}

std::uint64_t depth_of_guards() {
    return guarded::depth;
}
constexpr magazine_shape two_stacks{.batch = 4, .high = 8, .largest_order = 1, .frames_per_cpu = 1};

TEST_CASE("cpu_magazines: every verb arrives once; what is a CPU's own business with the guard held") {
    using layer = cpu_magazines<probe, two_stacks>;
    forward_attach<layer>();
    wrapped<layer> w;
    w.layer.inner().observe = depth_of_guards;
    forward_everything(
        w,
        [&](const call<>& expected) {
            CHECK(w.only() == expected);
            if (expected.which == verb::allocate || expected.which == verb::free ||
                expected.which == verb::drain)
                CHECK(w.observed == 1);
            CHECK(guarded::depth == 0);
        },
        "held_frames0");
    CHECK(w.layer.free_frames() == 7);
    CHECK(w.only() == call<>{.which = verb::free_frames});
    CHECK(w.layer.owns({64}));
    CHECK(w.only() == call<>{.which = verb::owns, .frames = {{64}, 0}});
    w.layer.inner().answers.error = errc::corrupt;
    CHECK(w.layer.validate() == errc::corrupt);
    CHECK(w.only() == call<>{.which = verb::validate});
}

/// Each of them arrived with the guard held.
template <class Layer>
void arrived(wrapped<Layer>& w, const std::vector<call<>>& expected) {
    const auto& calls = w.layer.inner().calls();
    REQUIRE(calls.size() == expected.size());
    for (std::size_t i = 0; i < calls.size(); ++i) {
        CHECK(calls[i].made == expected[i]);
        CHECK(calls[i].observed == 1);
    }
    w.layer.inner().forget();
}

TEST_CASE("cpu_magazines: an allocation arrives as a batch, and then not at all") {
    wrapped<cpu_magazines<checking_probe, two_stacks>> w;
    w.layer.inner().observe = depth_of_guards;
    const request<> wanted{.node = 3, .mirror = mirror::preferred, .effort = 9};
    CHECK(w.layer.allocate(wanted)->number == 64);
    arrived(w, std::vector<call<>>(4, call<>{.which = verb::allocate, .wanted = wanted}));
    for (int i = 0; i < 3; ++i) CHECK(w.layer.allocate({}));
    arrived(w, {});
    CHECK(w.layer.allocate({.order = 1}));
    arrived(w, std::vector<call<>>(2, call<>{.which = verb::allocate, .wanted = {.order = 1}}));
    // A failure arrives once: the slot has nothing to give back.
    CHECK(w.layer.allocate({.order = 1}));
    w.layer.inner().answers.error = errc::exhausted;
    CHECK(w.layer.allocate({}).error() == errc::exhausted);
    arrived(w, {call<>{.which = verb::allocate}});
}

TEST_CASE("cpu_magazines: frees arrive a batch at a time, the oldest first") {
    wrapped<cpu_magazines<checking_probe, two_stacks>> w;
    w.layer.inner().observe = depth_of_guards;
    for (std::uint64_t i = 0; i < 8; ++i) CHECK(w.layer.free({100 + i}, 0) == errc::ok);
    arrived(w, {});
    std::vector<call<>> oldest;
    for (std::uint64_t i = 0; i < 4; ++i) oldest.push_back({.which = verb::free, .frames = {{100 + i}, 0}});
    CHECK(w.layer.free({120}, 0) == errc::ok);
    arrived(w, oldest);
    CHECK(w.layer.allocate({})->number == 120);
    CHECK(w.layer.allocate({})->number == 107);
    // What would be refused is refused, and nothing arrives.
    w.layer.inner().foreseen = errc::misaligned;
    CHECK(w.layer.free({121}, 1) == errc::misaligned);
    CHECK(w.layer.would_free({121}, 1) == errc::misaligned);
    arrived(w, {});
    w.layer.drain();
    CHECK(w.layer.inner().calls().size() == 3 + 1);
    CHECK(w.layer.inner().calls().back().made == call<>{.which = verb::drain});
}

TEST_CASE("cpu_magazines: a source that cannot tell beforehand has the frees at once") {
    wrapped<cpu_magazines<probe, two_stacks>> w;
    w.layer.inner().observe = depth_of_guards;
    CHECK(w.layer.free({100}, 0) == errc::ok);
    arrived(w, {call<>{.which = verb::free, .frames = {{100}, 0}}});
    w.layer.inner().answers.error = errc::not_owned;
    CHECK(w.layer.free({100}, 0) == errc::not_owned);
}

TEST_CASE("cpu_magazines around locked: a batch arrives under one lock") {
    using layer = cpu_magazines<locked<checking_probe>, two_stacks>;
    static view<word> lock_words;
    testing::word_buffer<word> words(layer::metadata_words(attached));
    layer memory;
    REQUIRE(memory.attach(attached, words.words(), start::fresh) == errc::ok);
    checking_probe& source = memory.inner().inner();
    lock_words = {source.words.data() - layer_line_words<word>, 1};
    source.observe = [] { return guarded::depth * 10 + lock_words[0].load(memory_order::relaxed); };
    source.forget();
    CHECK(memory.allocate({}));
    // The slot's guard and the lock's.
    REQUIRE(source.calls().size() == 4);
    for (const auto& each : source.calls()) CHECK(each.observed == 21);
    memory.drain();
    REQUIRE(source.calls().size() == 4 + 3 + 1);
    for (const auto& each : source.calls()) CHECK(each.observed == 21);
    CHECK(guarded::depth == 0);
    CHECK(lock_words[0].load(memory_order::relaxed) == 0);
}

TEST_CASE("ownership_checked: every verb arrives once, a free after its bits are clear") {
    using layer = ownership_checked<probe>;
    forward_attach<layer>();
    static layer* observed_layer = nullptr;
    wrapped<layer> w;
    observed_layer = &w.layer;
    w.layer.inner().observe = [] { return observed_layer->held_by_users(); };
    std::uint64_t held = 0;
    forward_everything(
        w,
        [&](const call<>& expected) {
            CHECK(w.only() == expected);
            // Taken: before the bits are set. Freed: after they were cleared; a failure sets them again.
            const bool done = w.layer.inner().answers.error == errc::ok;
            CHECK(w.observed == held - (expected.which == verb::free ? 8 : 0));
            if (done && expected.which == verb::allocate) held += 4;
            if (done && expected.which == verb::allocate_at) held += 32;
            if (done && expected.which == verb::free) held -= 8;
            CHECK(w.layer.held_by_users() == held);
        },
        "",
        [&](range<> freed) {
            const errc answer = w.layer.inner().answers.error;
            w.layer.inner().answers.error = errc::ok;
            REQUIRE(w.layer.allocate_at(freed) == errc::ok);
            w.layer.inner().answers.error = answer;
            w.layer.inner().forget();
            held += freed.count;
        });
    CHECK(held == 4 + 32 + 8);
    CHECK(w.layer.free_frames() == 7);
    CHECK(w.only() == call<>{.which = verb::free_frames});
    CHECK(w.layer.owns({64}));
    CHECK(w.only() == call<>{.which = verb::owns, .frames = {{64}, 0}});
}

TEST_CASE("fault_injected: every verb arrives once") {
    using layer = testing::fault_injected<probe>;
    forward_attach<layer>();
    wrapped<layer> w;
    const auto check = [&](const call<>& expected) { CHECK(w.only() == expected); };
    forward_everything(w, check);
    CHECK(w.layer.free_frames() == 7);
    check(call<>{.which = verb::free_frames});
    CHECK(w.layer.owns({64}));
    check(call<>{.which = verb::owns, .frames = {{64}, 0}});
    w.layer.inner().answers.error = errc::corrupt;
    CHECK(w.layer.validate() == errc::corrupt);
    check(call<>{.which = verb::validate});
}

TEST_CASE("fault_injected: a failing call does not arrive") {
    wrapped<testing::fault_injected<probe>> w;
    auto& layer = w.layer;
    layer.set_plan({.error = errc::limit});
    CHECK(layer.attach(attached, w.words.words(), start::fresh) == errc::limit);
    CHECK(layer.detach(attached) == errc::limit);
    CHECK(layer.online(attached) == errc::limit);
    CHECK(layer.offline(attached) == errc::limit);
    CHECK(layer.isolate(attached) == errc::limit);
    CHECK(layer.readmit(attached) == errc::limit);
    CHECK(layer.revoke(attached).error() == errc::limit);
    CHECK(layer.allocate({}).error() == errc::limit);
    CHECK(layer.allocate_at(attached) == errc::limit);
    CHECK(layer.free({64}, 0) == errc::limit);
    CHECK(layer.inner().calls().empty());
    CHECK(layer.injected() == 10);
    layer.clear_plan();
    CHECK(layer.free({64}, 0) == errc::ok);
    CHECK(layer.inner().calls().size() == 1);
}

}  // namespace
}  // namespace ashlar
