// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every layer hands every verb on exactly once, with its arguments and answers, inside its own effect.
#include <doctest/doctest.h>
#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/locked.hpp>
#include <ashlar/testing/fault_injected.hpp>
#include <ashlar/testing/probe.hpp>
#include <ashlar/testing/word_buffer.hpp>
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
template <class Layer, class Check>
void forward_everything(wrapped<Layer>& w, Check check) {
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
    CHECK(figures == "count7");
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
