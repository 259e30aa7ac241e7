// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstring>
#include <limits>
#include <string>

#include "source/rig.hpp"

// Storage: detached instances, attach, detach, recovery, describe.
namespace ashlar::under_test {

static_assert(frame_source<source>);
inline constinit source detached_from_the_start{};

TEST_CASE("a detached source answers every verb") {
    source& s = detached_from_the_start;
    const frames_range some{{64}, 8};
    CHECK(s.online(some) == errc::not_owned);
    CHECK(s.offline(some) == errc::not_owned);
    CHECK(s.isolate({{0}, top_size}) == errc::not_owned);
    CHECK(s.readmit({{0}, top_size}) == errc::not_owned);
    CHECK(s.revoke(some).error() == errc::not_owned);
    CHECK(s.allocate({.order = 0}).error() == errc::exhausted);
    CHECK(s.allocate_at(some) == errc::not_owned);
    CHECK(s.free({64}, 0) == errc::not_owned);
    CHECK(s.detach(some) == errc::invalid);
    CHECK(s.detach({}) == errc::invalid);
    CHECK_FALSE(s.owns({0}));
    CHECK_FALSE(s.owns({64}));
    CHECK(s.free_frames() == 0);
    CHECK(s.validate() == errc::ok);
    s.drain();
    s.drain(0);
    s.visit_free([](frames_range) { FAIL("a detached source has no free frame"); });
    s.describe([](const char*, std::uint64_t) {});
}

TEST_CASE("attach refuses ranges and words that do not fit, and stays detached") {
    testing::word_buffer<source::word> words(source::metadata_words(law_range));
    source s;
    CHECK(s.attach({law_range.first, 0}, words.words(), start::fresh) == errc::invalid);
    CHECK(s.attach({{~std::uint64_t{0} - 3}, 8}, words.words(), start::fresh) == errc::invalid);
    CHECK(s.attach(law_range, words.words().subview(0, words.words().size() - 1), start::fresh) ==
          errc::limit);
    CHECK(s.attach(law_range, {}, start::fresh) == errc::limit);
    CHECK(s.attach({{64}, std::uint64_t{1} << 60}, words.words(), start::fresh) == errc::limit);
    CHECK(s.detach(law_range) == errc::invalid);
    CHECK(s.free_frames() == 0);
    CHECK(s.attach(law_range, words.words(), start::fresh) == errc::ok);
}

TEST_CASE("an attached range has no usable frame") {
    rig r;
    CHECK(r.s.free_frames() == 0);
    CHECK(r.seen().free.empty());
    CHECK_FALSE(r.s.owns(r.frames.first));
    r.refuses({errc::exhausted}, [&] { return r.s.allocate({}).error(); });
    r.refuses({errc::not_owned, errc::busy}, [&] { return r.s.allocate_at({first_top, 1}); });
    r.refuses({errc::not_owned}, [&] { return r.s.free(first_top, 0); });
    r.refuses({errc::not_owned}, [&] { return r.s.isolate({first_top, isolation_size}); });
    r.refuses({errc::not_owned}, [&] { return r.s.readmit({first_top, isolation_size}); });
    r.refuses({errc::not_owned}, [&] { return r.s.offline({first_top, 1}); });
    r.refuses({errc::not_owned}, [&] { return r.s.revoke({first_top, 1}).error(); });
}

TEST_CASE("one range an instance, given back whole") {
    online_rig r;
    testing::word_buffer<source::word> more(source::metadata_words(law_range));
    r.refuses({errc::busy}, [&] { return r.s.attach(law_range, more.words(), start::fresh); });
    r.refuses({errc::busy}, [&] { return r.s.attach({{0}, 64}, more.words(), start::recover); });
    r.refuses({errc::invalid}, [&] { return r.s.detach({law_range.first, law_range.count - 1}); });
    r.refuses({errc::invalid}, [&] { return r.s.detach({law_range.first + 1, law_range.count}); });
    REQUIRE(r.s.detach(law_range) == errc::ok);
    CHECK_FALSE(r.s.owns(first_top));
    CHECK(r.s.free_frames() == 0);
    CHECK(r.s.detach(law_range) == errc::invalid);
    CHECK(r.s.attach(law_range, r.words.words(), start::fresh) == errc::ok);
    CHECK(r.s.free_frames() == 0);
}

TEST_CASE("recovery finds what another instance left") {
    online_rig r;
    const auto small = r.s.allocate({.order = 0});
    const auto large = r.s.allocate({.order = source::top_order});
    REQUIRE(small);
    REQUIRE(large);
    REQUIRE(r.s.isolate({law_range.first, lead}) == errc::ok);
    const state before = r.seen();
    testing::word_buffer<source::word> copy(source::metadata_words(law_range));
    copy.copy_from(r.words);
    source other;
    REQUIRE(other.attach(law_range, copy.words(), start::recover) == errc::ok);
    CHECK(other.validate() == errc::ok);
    CHECK(state_of(other, law_range) == before);
    CHECK(other.free(*small, 0) == errc::ok);
    CHECK(other.free(*large, source::top_order) == errc::ok);
    // Isolation is part of the state.
    CHECK(other.offline({law_range.first, 1}) == errc::ok);
    CHECK(r.seen() == before);
}

TEST_CASE("recovery refuses words that are not of this range, and changes none") {
    online_rig r;
    testing::word_buffer<source::word> before(source::metadata_words(law_range));
    source other;
    const auto refused = [&](frames_range frames) {
        before.copy_from(r.words);
        CHECK(other.attach(frames, r.words.words(), start::recover) == errc::corrupt);
        CHECK(before.equals(r.words));
        CHECK(other.free_frames() == 0);
        CHECK(other.detach(frames) == errc::invalid);
    };
    refused({law_range.first, law_range.count - 1});
    refused({{law_range.first.number + top_size}, law_range.count});
    // Every bit of the first word that any layer writes is part of an identity.
    source::word& first = r.words.words()[0];
    const auto kept = first.load(memory_order::relaxed);
    if (kept != 0) {
        first.store(static_cast<source::word::value_type>(kept ^ 1), memory_order::relaxed);
        refused(law_range);
        first.store(kept, memory_order::relaxed);
    }
    for (source::word& each : r.words.words()) each.store(0, memory_order::relaxed);
    refused(law_range);
}

TEST_CASE("recovery frees what nobody holds") {
    constexpr bool takes_live = requires(source s, view<source::word> words, bool (*live)(frame<space>)) {
        s.attach(law_range, words, start::recover, live);
    };
    if constexpr (takes_live) {
        online_rig r;
        const state whole = r.seen();
        const auto kept = r.s.allocate({.order = 1});
        REQUIRE(kept);
        const state with_kept = r.seen();
        for (unsigned i = 0; i < 5; ++i) REQUIRE(r.s.allocate({.order = i % 2}));
        source other;
        REQUIRE(r.s.detach(law_range) == errc::ok);
        REQUIRE(other.attach(law_range, r.words.words(), start::recover,
                             [&](frame<space> f) { return block(*kept, 1).contains(f); }) == errc::ok);
        CHECK(state_of(other, law_range) == with_kept);
        CHECK(other.validate() == errc::ok);
        CHECK(other.free(*kept, 1) == errc::ok);
        CHECK(state_of(other, law_range) == whole);
    }
}

TEST_CASE("describe names what can be counted") {
    online_rig r;
    const auto taken = r.s.allocate({.order = 1});
    REQUIRE(taken);
    std::vector<std::pair<std::string, std::uint64_t>> figures;
    r.s.drain();
    r.s.describe([&](const char* name, std::uint64_t value) { figures.emplace_back(name, value); });
    const auto figure = [&](const std::string& name) {
        for (const auto& [each, value] : figures) {
            if (each == name) return value;
        }
        return std::numeric_limits<std::uint64_t>::max();
    };
    CHECK(figure("first_frame") == law_range.first.number);
    CHECK(figure("frames") == law_range.count);
    CHECK(figure("present_frames") == law_range.count);
    CHECK(figure("free_frames") == law_range.count - 2);
}

}  // namespace ashlar::under_test
