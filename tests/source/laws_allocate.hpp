// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "source/rig.hpp"

// allocate, allocate_at and free.
namespace ashlar::under_test {

TEST_CASE("every block of every order is handed out once, and all of them merge again") {
    online_rig r;
    const state whole = r.seen();
    for (unsigned order = 0; order <= source::top_order; ++order) {
        CAPTURE(order);
        const auto blocks = r.allocate_all({.order = order});
        CHECK(blocks.size() == blocks_in(law_range, order));
        r.s.drain();
        CHECK(r.s.free_frames() == law_range.count - (blocks.size() << order));
        // Back in an order that leaves holes for as long as it can.
        for (std::size_t i = 0; i < blocks.size(); i += 2) r.give_back(blocks[i], order);
        for (std::size_t i = 1; i < blocks.size(); i += 2) r.give_back(blocks[i], order);
        CHECK(r.s.validate() == errc::ok);
        CHECK(r.seen() == whole);
    }
}

TEST_CASE("a block comes back in smaller pieces") {
    online_rig r;
    const state whole = r.seen();
    for (unsigned order = 0; order <= source::top_order; order += order < 4 ? 1 : 3) {
        CAPTURE(order);
        const auto got = r.s.allocate({.order = source::top_order});
        REQUIRE(got);
        const std::uint64_t size = std::uint64_t{1} << order;
        for (std::uint64_t at = 0; at < top_size; at += size) r.give_back(*got + at, order);
        CHECK(r.seen() == whole);
        CHECK(r.allocate_all({.order = source::top_order}).size() == 2);
        REQUIRE(r.s.free(first_top, source::top_order) == errc::ok);
        REQUIRE(r.s.free(first_top + top_size, source::top_order) == errc::ok);
    }
    CHECK(r.s.validate() == errc::ok);
}

TEST_CASE("smaller blocks come back as a larger one") {
    online_rig r;
    const state whole = r.seen();
    REQUIRE(r.s.allocate_at({first_top, 8}) == errc::ok);
    CHECK(r.s.free(first_top, 3) == errc::ok);
    CHECK(r.seen() == whole);
}

TEST_CASE("orders beyond the top are unsupported") {
    online_rig r;
    r.refuses({errc::unsupported}, [&] { return r.s.allocate({.order = source::top_order + 1}).error(); });
    r.refuses({errc::unsupported}, [&] { return r.s.allocate({.order = 63}).error(); });
    r.refuses({errc::unsupported}, [&] { return r.s.allocate({.order = 64}).error(); });
    r.refuses({errc::unsupported}, [&] { return r.s.allocate({.order = ~0u}).error(); });
    REQUIRE(r.s.allocate_at(law_range) == errc::ok);
    r.refuses({errc::unsupported}, [&] { return r.s.free(first_top, source::top_order + 1); });
    r.refuses({errc::unsupported}, [&] { return r.s.free({0}, 64); });
    r.refuses({errc::unsupported}, [&] { return r.s.free(first_top, ~0u); });
}

TEST_CASE("a zone judges requirements for nodes and mirrored memory, of others they are unsupported") {
    online_rig r;
    const auto* const zone = description_of(r.s);
    if (zone == nullptr) {
        r.refuses({errc::unsupported}, [&] { return r.s.allocate({.nodes = node_set::only(0)}).error(); });
        r.refuses({errc::unsupported}, [&] { return r.s.allocate({.mirror = mirror::required}).error(); });
        return;
    }
    const node_set own = node_set::only(zone->node);
    const node_set others{~own.bits};
    CHECK(r.s.allocate({.nodes = own}));
    CHECK(r.s.allocate({.node = 7, .nodes = own | node_set::only(5)}));
    r.refuses({errc::exhausted}, [&] { return r.s.allocate({.nodes = others}).error(); });
    r.refuses({errc::exhausted}, [&] { return r.s.allocate({.nodes = {0}}).error(); });
    const request<space> reliable{.nodes = own, .mirror = mirror::required};
    if (zone->mirrored) {
        CHECK(r.s.allocate(reliable));
    } else {
        r.refuses({errc::exhausted}, [&] { return r.s.allocate(reliable).error(); });
    }
}

TEST_CASE("preferences are ignored") {
    online_rig r;
    for (const request<space> wanted :
         {request<space>{.node = 7}, request<space>{.mirror = mirror::preferred},
          request<space>{.mirror = mirror::ordinary}, request<space>{.mobility = mobility::movable},
          request<space>{.mobility = mobility::reclaimable}, request<space>{.urgent = true}}) {
        const auto got = r.s.allocate(wanted);
        REQUIRE(got);
        CHECK(r.s.free(*got, 0) == errc::ok);
    }
}

TEST_CASE("the whole block lies below the limit") {
    online_rig r;
    for (unsigned order = 0; order <= source::top_order; order += 2) {
        CAPTURE(order);
        const std::uint64_t size = std::uint64_t{1} << order;
        const frame<space> second = first_top + top_size;
        for (const std::uint64_t limit :
             {second.number, second.number - 1, first_top.number + size, first_top.number}) {
            CAPTURE(limit);
            const frames_range allowed = law_range.clipped_to(frames_range::between({0}, {limit}));
            const auto blocks = r.allocate_all({.order = order, .below = {limit}});
            CHECK(blocks.size() == blocks_in(allowed, order));
            for (const auto each : blocks) {
                if (each.number + size > limit) FAIL("a block beyond the limit");
                r.give_back(each, order);
            }
        }
    }
    r.refuses({errc::exhausted}, [&] { return r.s.allocate({.below = {0}}).error(); });
    r.refuses({errc::exhausted}, [&] { return r.s.allocate({.below = law_range.first}).error(); });
}

TEST_CASE("frame 0 is handed out only by name") {
    online_rig r(frames_range{{0}, 2 * top_size});
    const state whole = r.seen();
    for (unsigned order = 0; order <= source::top_order; ++order) {
        CAPTURE(order);
        const auto blocks = r.allocate_all({.order = order});
        CHECK(blocks.size() == (2 * top_size >> order) - 1);
        for (const auto each : blocks) {
            if (each.number == 0) FAIL("frame 0 is handed out");
            r.give_back(each, order);
        }
        CHECK(r.seen() == whole);
    }
    CHECK(r.s.allocate_at({{0}, 1}) == errc::ok);
    CHECK(r.s.free({0}, 0) == errc::ok);
    CHECK(r.s.allocate_at({{0}, top_size}) == errc::ok);
    CHECK(r.s.free({0}, source::top_order) == errc::ok);
    CHECK(r.seen() == whole);
}

TEST_CASE("allocate_at takes exactly these frames, or none") {
    online_rig r;
    const state whole = r.seen();
    const frames_range odd{first_top + (top_size - 3), 7};
    REQUIRE(r.s.allocate_at(odd) == errc::ok);
    CHECK(r.s.free_frames() == law_range.count - 7);
    r.refuses({errc::busy}, [&] { return r.s.allocate_at(odd); });
    r.refuses({errc::busy}, [&] { return r.s.allocate_at({odd.first + 6, 2}); });
    r.refuses({errc::busy}, [&] { return r.s.allocate_at(law_range); });
    r.refuses({errc::busy}, [&] { return r.s.allocate_at({first_top, top_size}); });
    r.refuses({errc::invalid}, [&] { return r.s.allocate_at({first_top, 0}); });
    r.refuses({errc::invalid}, [&] { return r.s.allocate_at({{~std::uint64_t{0}}, 2}); });
    r.refuses({errc::not_owned}, [&] { return r.s.allocate_at({law_range.end(), 1}); });
    r.refuses({errc::not_owned, errc::busy}, [&] {
        return r.s.allocate_at({{law_range.first.number - 1}, 2});
    });
    for (std::uint64_t i = 0; i < 7; ++i) CHECK(r.s.free(odd.first + i, 0) == errc::ok);
    CHECK(r.seen() == whole);
    REQUIRE(r.s.allocate_at(law_range) == errc::ok);
    CHECK(r.s.free_frames() == 0);
    r.refuses({errc::exhausted}, [&] { return r.s.allocate({}).error(); });
    for_each_block(law_range, source::top_order,
                   [&](frame<space> f, unsigned order) { CHECK(r.s.free(f, order) == errc::ok); });
    CHECK(r.seen() == whole);
}

TEST_CASE("wrong frees are detected before anything changes") {
    online_rig r;
    const auto got = r.s.allocate({.order = 3});
    REQUIRE(got);
    SUBCASE("misaligned") {
        r.refuses({errc::misaligned}, [&] { return r.s.free(*got + 1, 1); });
        r.refuses({errc::misaligned}, [&] { return r.s.free(*got + 2, 2); });
    }
    SUBCASE("foreign") {
        r.refuses({errc::not_owned}, [&] { return r.s.free(law_range.end(), 0); });
        r.refuses({errc::not_owned}, [&] { return r.s.free({law_range.first.number - 1}, 0); });
        r.refuses({errc::not_owned}, [&] { return r.s.free({~std::uint64_t{0}}, 0); });
        r.refuses({errc::not_owned}, [&] { return r.s.free({0}, source::top_order); });
        // Half inside the attached range.
        r.refuses({errc::not_owned, errc::double_free},
                  [&] { return r.s.free(first_top + 2 * top_size, source::top_order); });
    }
    SUBCASE("twice") {
        REQUIRE(r.s.free(*got, 3) == errc::ok);
        for (unsigned order = 0; order <= 3; ++order) {
            r.refuses({errc::double_free}, [&] { return r.s.free(*got, order); });
        }
        r.refuses({errc::double_free}, [&] { return r.s.free(*got + 7, 0); });
        r.refuses({errc::double_free}, [&] { return r.s.free(first_top, source::top_order); });
    }
    SUBCASE("a block of each order, twice") {
        for (unsigned order = 0; order <= source::top_order; ++order) {
            CAPTURE(order);
            const auto block = r.s.allocate({.order = order});
            REQUIRE(block);
            REQUIRE(r.s.free(*block, order) == errc::ok);
            r.refuses({errc::double_free}, [&] { return r.s.free(*block, order); });
        }
    }
    SUBCASE("twice in part") {
        for (std::uint64_t i = 0; i < 8; ++i) {
            CAPTURE(i);
            REQUIRE(r.s.free(*got + i, 0) == errc::ok);
            r.refuses({errc::double_free}, [&] { return r.s.free(*got, 3); });
            r.refuses({errc::double_free}, [&] { return r.s.free(*got + i, 0); });
            REQUIRE(r.s.allocate_at({*got + i, 1}) == errc::ok);
        }
        CHECK(r.s.free(*got, 3) == errc::ok);
    }
    SUBCASE("a block of the top order with one free frame") {
        REQUIRE(r.s.free(*got, 3) == errc::ok);
        REQUIRE(r.s.allocate_at({first_top, top_size}) == errc::ok);
        for (const std::uint64_t at : {std::uint64_t{0}, top_size / 2 - 1, top_size - 1}) {
            r.give_back(first_top + at, 0);
            r.refuses({errc::double_free}, [&] { return r.s.free(first_top, source::top_order); });
            REQUIRE(r.s.allocate_at({first_top + at, 1}) == errc::ok);
        }
        CHECK(r.s.free(first_top, source::top_order) == errc::ok);
    }
}

TEST_CASE("visit_free goes upwards, names nothing twice, and all that is free") {
    online_rig r;
    REQUIRE(r.s.isolate({first_top, isolation_size}) == errc::ok);
    std::vector<frame<space>> held;
    for (const std::uint64_t at : {std::uint64_t{0}, std::uint64_t{3}, isolation_size, top_size - 1}) {
        held.push_back(first_top + at);
        REQUIRE(r.s.allocate_at({held.back(), 1}) == errc::ok);
    }
    r.s.drain();
    frame<space> end = law_range.first;
    std::uint64_t sum = 0;
    r.s.visit_free([&](frames_range each) {
        CHECK_FALSE(each.empty());
        CHECK(each.first >= end);
        for (const auto used : held) CHECK_FALSE(each.contains(used));
        end = each.end();
        sum += each.count;
    });
    CHECK(end <= law_range.end());
    CHECK(sum == law_range.count - held.size());
    CHECK(sum == r.s.free_frames());
}

/// True where there is no such count.
template <class Source>
bool is_count_near(const Source& s) {
    if constexpr (counted_source<Source>) {
        const std::uint64_t told = s.approximate_free_frames();
        const std::uint64_t free = s.free_frames();
        return (told < free ? free - told : told - free) <= Source::largest_error();
    }
    return true;
}

TEST_CASE(
    "a count that costs one load is as near as the source says, frames that it holds for CPUs included") {
    if (!counted_source<source>) return;
    online_rig r;
    CHECK(is_count_near(r.s));
    for (const unsigned order : {0u, 3u, source::top_order}) {
        std::vector<frame<source::space>> blocks;
        std::uint64_t far = 0;
        while (const auto got = r.s.allocate({.order = order})) {
            blocks.push_back(*got);
            far += is_count_near(r.s) ? 0 : 1;
        }
        for (const auto& each : blocks) {
            r.give_back(each, order);
            far += is_count_near(r.s) ? 0 : 1;
        }
        CHECK(far == 0);
    }
}

TEST_CASE("a drain of CPUs that hold nothing changes nothing") {
    online_rig r;
    REQUIRE(r.s.allocate({}));
    const state before = r.seen();
    r.s.drain();
    for (cpu_id cpu = 0; cpu < source::platform_type::max_cpus(); ++cpu) r.s.drain(cpu);
    CHECK(r.seen() == before);
}

}  // namespace ashlar::under_test
