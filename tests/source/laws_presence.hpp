// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "source/rig.hpp"

// online, offline, isolate, readmit, revoke.
namespace ashlar::under_test {

TEST_CASE("online is exact to the frame, and refused as a whole") {
    rig r;
    const frames_range some{first_top + 3, isolation_size};
    REQUIRE(r.s.online(some) == errc::ok);
    CHECK(r.s.free_frames() == some.count);
    CHECK(r.seen().free == std::vector{some});
    CHECK(r.s.owns(some.first));
    CHECK(r.s.owns(some.first + (some.count - 1)));
    CHECK_FALSE(r.s.owns(first_top + 2));
    CHECK_FALSE(r.s.owns(some.end()));
    r.refuses({errc::busy}, [&] { return r.s.online(some); });
    r.refuses({errc::busy}, [&] { return r.s.online({first_top, 4}); });
    r.refuses({errc::busy}, [&] { return r.s.online({some.first + (some.count - 1), 2}); });
    r.refuses({errc::invalid}, [&] { return r.s.online({first_top, 0}); });
    r.refuses({errc::invalid}, [&] { return r.s.online({{~std::uint64_t{0}}, 2}); });
    r.refuses({errc::not_owned}, [&] { return r.s.online({law_range.end(), 1}); });
    r.refuses({errc::not_owned}, [&] { return r.s.online({{law_range.first.number - 1}, 2}); });
    r.refuses({errc::not_owned}, [&] { return r.s.free(first_top, 0); });
    r.refuses({errc::not_owned, errc::double_free}, [&] { return r.s.free(first_top, 2); });
    r.refuses({errc::not_owned, errc::busy}, [&] { return r.s.allocate_at({first_top, 4}); });
}

TEST_CASE("blocks do not reach across holes, and merge when a hole is filled") {
    rig r;
    const frame<space> hole = first_top + (top_size / 2 + 1);
    REQUIRE(r.s.online(frames_range::between(law_range.first, hole)) == errc::ok);
    REQUIRE(r.s.online(frames_range::between(hole + 1, law_range.end())) == errc::ok);
    const auto tops = r.allocate_all({.order = source::top_order});
    REQUIRE(tops.size() == 1);
    CHECK(tops[0] == first_top + top_size);
    CHECK_FALSE(r.s.owns(hole));
    r.refuses({errc::not_owned, errc::busy}, [&] { return r.s.allocate_at({hole, 1}); });
    r.refuses({errc::not_owned}, [&] { return r.s.free(hole, 0); });
    r.refuses({errc::not_owned}, [&] { return r.s.offline({hole, 1}); });
    r.refuses({errc::not_owned}, [&] { return r.s.revoke({hole, 1}).error(); });
    REQUIRE(r.s.online({hole, 1}) == errc::ok);
    CHECK(r.allocate_all({.order = source::top_order}).size() == 1);
    CHECK(r.s.validate() == errc::ok);
}

TEST_CASE("nothing new comes from an isolated range, and what is freed stays there") {
    online_rig r;
    const state whole = r.seen();
    const frames_range out{first_top, isolation_size};
    const auto held = frames_range{first_top, 1};
    REQUIRE(r.s.allocate_at(held) == errc::ok);
    REQUIRE(r.s.isolate(out) == errc::ok);
    CHECK(r.s.isolate(out) == errc::ok);
    CHECK(r.s.free_frames() == law_range.count - 1);
    CHECK(r.s.owns(first_top));
    REQUIRE(r.s.free(first_top, 0) == errc::ok);
    CHECK(r.seen() == whole);
    for (unsigned order = 0; order <= source::top_order; order += source::top_order) {
        const auto blocks = r.allocate_all({.order = order});
        for (const auto each : blocks) {
            if (block(each, order).overlaps(out)) FAIL("a block that is isolated");
            r.give_back(each, order);
        }
        CHECK(blocks.size() == (order == 0 ? law_range.count - isolation_size : 1));
    }
    REQUIRE(r.s.allocate_at({first_top + 1, 2}) == errc::ok);
    REQUIRE(r.s.free(first_top + 1, 0) == errc::ok);
    REQUIRE(r.s.free(first_top + 2, 0) == errc::ok);
    CHECK(r.s.validate() == errc::ok);
    REQUIRE(r.s.readmit(out) == errc::ok);
    CHECK(r.s.readmit(out) == errc::ok);
    CHECK(r.seen() == whole);
    CHECK(r.allocate_all({.order = source::top_order}).size() == 2);
}

TEST_CASE("a block that reaches into isolated and ordinary pageblocks is freed to both") {
    online_rig r;
    if constexpr (source::isolation_order < source::top_order) {
        const state whole = r.seen();
        const auto got = r.s.allocate({.order = source::top_order, .below = first_top + top_size});
        REQUIRE(got);
        const frames_range out{first_top + isolation_size, isolation_size};
        REQUIRE(r.s.isolate(out) == errc::ok);
        REQUIRE(r.s.free(first_top, source::top_order) == errc::ok);
        CHECK(r.s.validate() == errc::ok);
        CHECK(r.seen() == whole);
        CHECK(r.allocate_all({.order = source::isolation_order}).size() ==
              blocks_in(law_range, source::isolation_order) - 1);
    }
}

TEST_CASE("isolate and readmit want whole units and an online frame") {
    online_rig r;
    if constexpr (isolation_size > 1) {
        for (const bool readmit : {false, true}) {
            const auto verb = [&](frames_range frames) {
                return readmit ? r.s.readmit(frames) : r.s.isolate(frames);
            };
            r.refuses({errc::misaligned}, [&] { return verb({first_top + 1, isolation_size}); });
            r.refuses({errc::misaligned}, [&] { return verb({first_top, isolation_size - 1}); });
            r.refuses({errc::misaligned}, [&] { return verb({law_range.first, 1}); });
            r.refuses({errc::invalid}, [&] { return verb({first_top, 0}); });
            r.refuses({errc::invalid}, [&] { return verb({{~std::uint64_t{0}}, 2}); });
            r.refuses({errc::not_owned, errc::misaligned}, [&] {
                return verb({law_range.end(), isolation_size});
            });
        }
    }
    // The ends of the attached range are boundaries too.
    CHECK(r.s.isolate(law_range) == errc::ok);
    r.refuses({errc::exhausted}, [&] { return r.s.allocate({}).error(); });
    CHECK(r.s.free_frames() == law_range.count);
    CHECK(r.s.readmit({law_range.first, lead}) == errc::ok);
    const auto got = r.s.allocate({});
    REQUIRE(got);
    CHECK(*got < first_top);
}

TEST_CASE("offline wants every frame isolated and free, and can be undone") {
    online_rig r;
    const state whole = r.seen();
    const frames_range out{first_top, isolation_size};
    REQUIRE(r.s.allocate_at({first_top, 1}) == errc::ok);
    r.refuses({errc::busy}, [&] { return r.s.offline(out); });
    REQUIRE(r.s.isolate(out) == errc::ok);
    r.refuses({errc::busy}, [&] { return r.s.offline(out); });
    r.refuses({errc::busy}, [&] { return r.s.offline({first_top, isolation_size + 1}); });
    REQUIRE(r.s.free(first_top, 0) == errc::ok);
    r.refuses({errc::busy}, [&] { return r.s.offline({first_top, isolation_size + 1}); });
    r.refuses({errc::invalid}, [&] { return r.s.offline({first_top, 0}); });
    r.refuses({errc::not_owned}, [&] { return r.s.offline({law_range.end(), 1}); });
    // Part of it, then the rest.
    REQUIRE(r.s.offline({first_top + 1, 2}) == errc::ok);
    CHECK(r.s.free_frames() == law_range.count - 2);
    CHECK(r.s.owns(first_top));
    CHECK_FALSE(r.s.owns(first_top + 1));
    CHECK_FALSE(r.s.owns(first_top + 2));
    r.refuses({errc::not_owned}, [&] { return r.s.offline(out); });
    r.refuses({errc::not_owned}, [&] { return r.s.free(first_top + 1, 0); });
    CHECK(r.s.offline({first_top, 1}) == errc::ok);
    if (isolation_size > 3) CHECK(r.s.offline({first_top + 3, isolation_size - 3}) == errc::ok);
    CHECK(r.s.free_frames() == law_range.count - isolation_size);
    CHECK(r.s.validate() == errc::ok);
    r.refuses({errc::not_owned}, [&] { return r.s.readmit(out); });
    // Isolation ended with the last frame: what arrives can be handed out.
    REQUIRE(r.s.online(out) == errc::ok);
    CHECK(r.seen() == whole);
    CHECK(r.allocate_all({.order = source::top_order}).size() == 2);
}

TEST_CASE("revoked frames are gone: their free says so, they do not come back") {
    online_rig r;
    const frames_range gone{first_top + 2, 4};
    REQUIRE(r.s.allocate_at({first_top, 4}) == errc::ok);
    r.refuses({errc::invalid}, [&] { return r.s.revoke({first_top, 0}).error(); });
    r.refuses({errc::not_owned}, [&] { return r.s.revoke({law_range.end(), 1}).error(); });
    const auto left = r.s.revoke(gone);
    REQUIRE(left);
    CHECK(*left == 2);
    CHECK(r.s.free_frames() == law_range.count - 6);
    CHECK(r.s.owns(first_top + 1));
    CHECK_FALSE(r.s.owns(first_top + 2));
    CHECK_FALSE(r.s.owns(first_top + 5));
    CHECK(r.s.owns(first_top + 6));
    CHECK(r.s.validate() == errc::ok);
    for (std::uint64_t i = 2; i < 6; ++i) {
        r.refuses({errc::revoked}, [&] { return r.s.free(first_top + i, 0); });
        r.refuses({errc::revoked}, [&] { return r.s.online({first_top + i, 1}); });
        r.refuses({errc::revoked, errc::not_owned, errc::busy}, [&] {
            return r.s.allocate_at({first_top + i, 1});
        });
        r.refuses({errc::revoked, errc::not_owned}, [&] { return r.s.offline({first_top + i, 1}); });
        r.refuses({errc::revoked, errc::not_owned}, [&] { return r.s.revoke({first_top + i, 1}).error(); });
    }
    r.refuses({errc::revoked, errc::double_free}, [&] { return r.s.free(first_top, 2); });
    CHECK(r.s.free(first_top, 1) == errc::ok);
    CHECK(r.allocate_all({.order = source::top_order}).size() == 1);
    REQUIRE(r.s.free(first_top + top_size, source::top_order) == errc::ok);
    // A recovery remembers, a fresh start forgets.
    const state before = r.seen();
    REQUIRE(r.s.detach(law_range) == errc::ok);
    REQUIRE(r.s.attach(law_range, r.words.words(), start::recover) == errc::ok);
    CHECK(r.seen() == before);
    r.refuses({errc::revoked}, [&] { return r.s.free(first_top + 2, 0); });
    REQUIRE(r.s.detach(law_range) == errc::ok);
    REQUIRE(r.s.attach(law_range, r.words.words(), start::fresh) == errc::ok);
    CHECK(r.s.online(law_range) == errc::ok);
}

}  // namespace ashlar::under_test
