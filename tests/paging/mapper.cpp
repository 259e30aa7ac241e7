// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What each verb of the mapper answers, what it calls the hook for, and in which order.
#include <doctest/doctest.h>

#include <ashlar/paging/page_mapper.hpp>
#include <cstdint>
#include <vector>

#include "paging/formats.hpp"
#include "paging/rig.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

constexpr std::uint64_t block_bytes = 0x20'0000;

TEST_CASE("x86-64: pages and blocks are mapped, protected, split, re-pointed and unmapped") {
    paging_rig<x86_64> rig;
    auto& pages = *rig.mapper;
    CHECK(rig.frames_used() == 1);

    CHECK(pages.map(0x4000'0000, {.first = {0x200}, .level = 1, .permissions = {.write = true}}) == errc::ok);
    CHECK(rig.frames_used() == 3);
    CHECK(rig.at(0x4000'3123).target() == frame<>{0x203});
    CHECK(rig.at(0x4000'3123).entry == 0x8000'0000'0020'0083);
    CHECK(pages.map(0xffff'8000'0000'1000, {.first = {0x1}, .permissions = {.execute = true}}) == errc::ok);
    CHECK(rig.at(0xffff'8000'0000'1fff).entry == 0x1001);
    CHECK(rig.invalidated.empty());

    CHECK(pages.split(0x4000'0000, 1) == errc::ok);
    CHECK(pages.split(0x4000'0000, 1) == errc::ok);  // it is
    CHECK(rig.frames_used() == 7);
    CHECK(rig.at(0x4000'3123).level == 0);
    CHECK(rig.at(0x4000'3123).entry == 0x8000'0000'0020'3003);
    CHECK(rig.at(0x401f'ffff).target() == frame<>{0x3ff});
    CHECK(rig.invalidated == decltype(rig.invalidated){{0x4000'0000, 1}});

    CHECK(pages.re_point(0x4000'3000, {0x203}, {0x777}) == errc::ok);
    CHECK(pages.re_point(0x4000'3000, {0x203}, {0x778}) == errc::busy);
    CHECK(rig.at(0x4000'3000).target() == frame<>{0x777});
    const auto before = pages.protect(0x4000'3000, {.execute = true, .user = true});
    REQUIRE(before);
    CHECK(*before == 0x8000'0000'0077'7003);
    CHECK(rig.at(0x4000'3000).entry == 0x77'7005);
    CHECK(rig.at(0x4000'3000).permissions().user);
    const auto last = pages.unmap(0x4000'3000);
    REQUIRE(last);
    CHECK(*last == 0x77'7005);
    CHECK(!rig.at(0x4000'3000).is_mapped());
    CHECK(pages.unmap(0x4000'3000).error() == errc::not_owned);
    CHECK(rig.invalidated.size() == 4);
    CHECK(rig.invalidated.back() == std::pair<std::uint64_t, unsigned>{0x4000'3000, 0});

    CHECK(pages.release() == errc::ok);
    CHECK(rig.frames_used() == 0);
    CHECK(rig.source.validate() == errc::ok);
}

TEST_CASE("what cannot be is told, and changes nothing") {
    paging_rig<x86_64> rig;
    auto& pages = *rig.mapper;
    REQUIRE(pages.map(0x4000'0000, {.first = {0x200}, .level = 1}) == errc::ok);
    REQUIRE(pages.map(0x5000, {.first = {0x5}}) == errc::ok);
    const auto before = rig.dump();
    CHECK(pages.map(0x8000'0000'0000, {.first = {0x1}}) == errc::invalid);
    CHECK(pages.map(0x1000, {.first = {0x1}, .level = 4}) == errc::invalid);
    CHECK(pages.map(0x1000, {.first = {std::uint64_t{1} << 40}}) == errc::invalid);
    CHECK(pages.map(0x1000, {.first = {0x1}, .software = 0x400}) == errc::invalid);
    CHECK(pages.map(0x1000, {.first = {0x1}, .instead_of = ~std::uint64_t{0} >> 1}) == errc::invalid);
    CHECK(pages.map(0x1800, {.first = {0x1}}) == errc::misaligned);
    CHECK(pages.map(0x1000, {.first = {0x200}, .level = 1}) == errc::misaligned);
    CHECK(pages.map(0x20'0000, {.first = {0x201}, .level = 1}) == errc::misaligned);
    CHECK(pages.map(0, {.first = {0}, .level = 3}) == errc::unsupported);
    CHECK(pages.map(0x1000, {.first = {0x1}, .permissions = {.read = false}}) == errc::unsupported);
    CHECK(pages.map(0x1000, {.first = {0x1}, .permissions = {.memory = 8}}) == errc::unsupported);
    CHECK(pages.map(0x4000'0000, {.first = {0x200}, .level = 1}) == errc::busy);
    CHECK(pages.map(0x4000'1000, {.first = {0x1}}) == errc::busy);
    CHECK(pages.map(0, {.first = {0x200}, .level = 1}) == errc::busy);  // there is a table
    CHECK(pages.map(0x6000, {.first = {0x1}, .instead_of = 7}) == errc::busy);
    CHECK(pages.unmap(0x4000'0000).error() == errc::misaligned);
    CHECK(pages.unmap(0x5000, 1).error() == errc::misaligned);
    CHECK(pages.unmap(0x6000).error() == errc::not_owned);
    CHECK(pages.unmap(0x8000'0000, 0).error() == errc::not_owned);
    CHECK(pages.unmap(0x5000, 5).error() == errc::invalid);
    CHECK(pages.unmap(0x5000, 0, ~std::uint64_t{0}).error() == errc::invalid);
    CHECK(pages.protect(0x6000, {}).error() == errc::not_owned);
    CHECK(pages.protect(0x5000, {.read = false}).error() == errc::unsupported);
    CHECK(pages.re_point(0x4000'0000, {0x200}, {0x201}, 1) == errc::misaligned);
    CHECK(pages.re_point(0x5000, {0x5}, {std::uint64_t{1} << 40}) == errc::invalid);
    CHECK(pages.re_point(0x5000, {0x5}, {0x6}, 9) == errc::invalid);
    CHECK(pages.split(0x4000'1000, 1) == errc::misaligned);
    CHECK(pages.split(0x5000, 0) == errc::unsupported);
    CHECK(pages.split(0, 3) == errc::unsupported);
    CHECK(pages.split(0x8000'0000, 1) == errc::not_owned);
    CHECK(pages.split(0x4000'0000, 2) == errc::ok);  // a table already
    CHECK(pages.set_absent(0x5000, 3) == errc::busy);
    CHECK(pages.set_absent(0x7000, ~std::uint64_t{0} >> 1) == errc::invalid);
    CHECK(pages.find(0x8000'0000'0000).error() == errc::invalid);
    CHECK(rig.dump() == before);
    CHECK(rig.invalidated.empty());
    CHECK(rig.frames_used() == 1 + tables_in<x86_64>(before));

    rig.source.set_plan({.nth = 1});
    CHECK(pages.split(0x4000'0000, 1) == errc::exhausted);
    rig.source.set_plan({.nth = 3});
    CHECK(pages.map(0xffff'8000'0000'0000, {.first = {0x1}}) == errc::exhausted);
    CHECK(rig.source.injected() == 1);
    rig.source.clear_plan();
    CHECK(rig.dump() == before);
    CHECK(rig.frames_used() == 1 + tables_in<x86_64>(before));
}

TEST_CASE("pages that are absent say where they are, and are mapped in place of that alone") {
    paging_rig<ept> rig;
    auto& pages = *rig.mapper;
    constexpr std::uint64_t location = 0x1234'5678'9ab;
    CHECK(pages.set_absent(0x7000, 0) == errc::ok);
    CHECK(rig.frames_used() == 1);
    CHECK(pages.set_absent(0x7000, location) == errc::ok);
    CHECK(!rig.at(0x7000).is_mapped());
    CHECK(ept::payload_of(rig.at(0x7000).entry) == location);
    CHECK(pages.map(0x7000, {.first = {0x9}}) == errc::busy);
    CHECK(pages.map(0x7000, {.first = {0x9}, .instead_of = location + 1}) == errc::busy);
    CHECK(pages.set_absent(0x7000, 5, location + 1) == errc::busy);
    CHECK(pages.set_absent(0x80'0000'0000, 5, location) == errc::busy);  // no table there says anything
    CHECK(pages.set_absent(0x7000, 5, ~std::uint64_t{0}) == errc::invalid);
    CHECK(pages.set_absent(std::uint64_t{1} << 60, 5) == errc::invalid);
    CHECK(pages.unmap(std::uint64_t{1} << 60).error() == errc::invalid);
    CHECK(pages.unmap(0x7000, 9).error() == errc::invalid);
    CHECK(pages.map(0x80'0000'0000, {.first = {0x9}, .instead_of = location}) == errc::busy);
    CHECK(pages.set_absent(0x7000, location + 1, location) == errc::ok);
    CHECK(pages.unmap(0x7000).error() == errc::not_owned);
    pages.prune();
    CHECK(rig.frames_used() == 4);  // says something
    CHECK(pages.map(0x7000, {.first = {0x9},
                             .permissions = {.write = true},
                             .software = 5,
                             .accessed = true,
                             .dirty = true,
                             .instead_of = location + 1}) == errc::ok);
    CHECK(rig.at(0x7000).entry == (0x9333 | std::uint64_t{2} << 52 | 1 << 11));
    CHECK(rig.invalidated.empty());
    const auto last = pages.unmap(0x7000, 0, location);
    REQUIRE(last);
    CHECK(ept::is_dirty(*last));
    CHECK(ept::payload_of(rig.at(0x7000).entry) == location);
    CHECK(pages.set_absent(0x7000, 0, location) == errc::ok);
    pages.prune();
    CHECK(rig.frames_used() == 1);
    CHECK(rig.invalidated.size() == 4);  // the page, then three tables
    CHECK(rig.invalidated.back() == std::pair<std::uint64_t, unsigned>{0, 3});
}

TEST_CASE("AArch64: another frame, another size, other attributes are made only after a break") {
    paging_rig<aarch64> rig;
    auto& pages = *rig.mapper;
    const auto writable = aarch64::permissions{.write = true};
    REQUIRE(pages.map(block_bytes, {.first = {0x200}, .level = 1, .permissions = writable}) == errc::ok);
    unsigned broken = 0;
    rig.at_invalidate = [&](std::uint64_t address, unsigned level) {
        const auto found = rig.at(address);
        CHECK(!found.is_mapped());
        CHECK(found.level == level);
        CHECK(rig.invalidated.back() == std::pair<std::uint64_t, unsigned>{address, level});
        // Nobody else touches it meanwhile.
        CHECK(pages.map(address, {.first = {0x400}, .level = level}) == errc::busy);
        CHECK(pages.set_absent(address, 1, 0, level) == errc::busy);
        CHECK(pages.unmap(address, level).error() == errc::busy);
        CHECK(pages.protect(address, {}, level).error() == errc::busy);
        CHECK(pages.re_point(address, {0x200}, {0x600}, level) == errc::busy);
        if (level == 1) CHECK(pages.split(address, level) == errc::busy);
        ++broken;
    };
    CHECK(pages.re_point(block_bytes, {0x200}, {0x400}, 1) == errc::ok);
    CHECK(broken == 1);
    CHECK(rig.at(block_bytes).target() == frame<>{0x400});
    CHECK(pages.protect(block_bytes, {.write = true, .memory = 1}, 1));
    CHECK(broken == 2);
    CHECK(pages.split(block_bytes, 1) == errc::ok);
    CHECK(broken == 3);
    CHECK(rig.at(block_bytes + 0x5000).target() == frame<>{0x405});
    CHECK(rig.at(block_bytes + 0x5000).permissions() == aarch64::permissions{.write = true, .memory = 1});

    // Permissions alone, and what goes away: no break, the hook comes after.
    rig.at_invalidate = [&](std::uint64_t address, unsigned) {
        CHECK((aarch64::payload_of(rig.at(address).entry) >> 62) == 0);
    };
    CHECK(pages.protect(block_bytes + 0x5000, {.memory = 1}));
    CHECK(!rig.at(block_bytes + 0x5000).permissions().write);
    CHECK(pages.unmap(block_bytes + 0x5000));
    CHECK(rig.invalidated.size() == 5);
}

TEST_CASE("entries that hardware reads together are not changed alone") {
    paging_rig<aarch64> rig;
    auto& pages = *rig.mapper;
    REQUIRE(pages.map(0x1'0000, {.first = {0x10}}) == errc::ok);
    REQUIRE(pages.update(0x1'0000, 0, [](std::uint64_t e) -> result<std::uint64_t> {
        return aarch64::with_contiguous(e, true);
    }));
    const auto before = rig.dump();
    CHECK(pages.unmap(0x1'0000).error() == errc::unsupported);
    CHECK(pages.protect(0x1'0000, {}).error() == errc::unsupported);
    CHECK(pages.re_point(0x1'0000, {0x10}, {0x11}) == errc::unsupported);
    CHECK(rig.dump() == before);
}

TEST_CASE("an update that changes its mind, and one that only allows more") {
    paging_rig<sv48> rig;
    auto& pages = *rig.mapper;
    REQUIRE(pages.map(0x3000, {.first = {0x3}, .permissions = {.execute = true}}) == errc::ok);
    const auto refused =
        pages.update(0x3000, 0, [](std::uint64_t) -> result<std::uint64_t> { return errc::limit; });
    CHECK(refused.error() == errc::limit);
    const auto changed = pages.update(
        0x3000, 0, [](std::uint64_t e) -> result<std::uint64_t> { return sv48::with_write(e, true); },
        {.invalidate = false});
    REQUIRE(changed);
    CHECK(*changed == 0xc0b);
    CHECK(rig.at(0x3000).entry == 0xc0f);
    CHECK(rig.invalidated.empty());
}

TEST_CASE("tables that are broken, or lie where no frame has bytes, are corrupt") {
    paging_rig<x86_64> rig;
    auto& pages = *rig.mapper;
    REQUIRE(pages.map(0x1000, {.first = {0x1}}) == errc::ok);
    REQUIRE(pages.map(0x4000'0000, {.first = {0x200}, .level = 1}) == errc::ok);
    auto& root = *static_cast<builtin_atomic<std::uint64_t>*>(arena_platform<12>::bytes_of(pages.root()));
    const std::uint64_t good = root.load(memory_order::relaxed);
    for (const std::uint64_t bad : {x86_64::table(0x500), x86_64::table(0), good | 0x80}) {
        CAPTURE(bad);
        root.store(bad, memory_order::relaxed);
        CHECK(pages.find(0x1000).error() == errc::corrupt);
        CHECK(pages.map(0x2000, {.first = {0x1}}) == errc::corrupt);
        CHECK(pages.set_absent(0x2000, 1) == errc::corrupt);
        CHECK(pages.unmap(0x1000).error() == errc::corrupt);
        CHECK(pages.protect(0x1000, {}).error() == errc::corrupt);
        CHECK(pages.re_point(0x1000, {0x1}, {0x2}) == errc::corrupt);
        CHECK(pages.split(0x4000'0000, 1) == errc::corrupt);
        pages.prune();
        CHECK(root.load(memory_order::relaxed) == bad);
    }
    CHECK(rig.frames_used() == 5);
    {
        // What is no table there is a leaf elsewhere; that is not believed.
        paging_rig<x86_64> other;
        REQUIRE(other.mapper->map(0x1000, {.first = {0x1}}) == errc::ok);
        auto& first =
            *static_cast<builtin_atomic<std::uint64_t>*>(arena_platform<12>::bytes_of(other.mapper->root()));
        first.store(first.load(memory_order::relaxed) | 0x80, memory_order::relaxed);
        CHECK(other.mapper->release() == errc::corrupt);
        CHECK(other.frames_used() == 3);
    }
    root.store(x86_64::table(0x500), memory_order::relaxed);
    CHECK(pages.release() == errc::corrupt);  // the root is freed, what nothing leads to is lost
    CHECK(rig.frames_used() == 4);
}

TEST_CASE("what blocks map is not taken for tables when the tables go") {
    struct recorded {
        paging_rig<x86_64>::source_type& frames;
        std::vector<frame<>> freed{};
        result<frame<>> allocate(request<> wanted) noexcept { return frames.allocate(wanted); }
        errc free(frame<> first, unsigned order) noexcept {
            freed.push_back(first);
            return frames.free(first, order);
        }
    };
    paging_rig<x86_64> rig;
    recorded pool{rig.source};
    const auto nothing = [](std::uint64_t, unsigned) noexcept {};
    using mapper = page_mapper<x86_64, arena_platform<12>, recorded, decltype(nothing)>;
    const auto root = mapper::make_root(pool);
    REQUIRE(root);
    mapper pages(*root, pool, nothing);
    REQUIRE(pages.map(0x1000, {.first = {0x1}}) == errc::ok);
    REQUIRE(pages.map(0x4000'0000, {.first = {0x200}, .level = 1}) == errc::ok);
    REQUIRE(pages.map(0x80'0000'0000, {.first = {0x4'0000}, .level = 2}) == errc::ok);
    const std::uint64_t used = rig.frames_used();
    pages.prune();
    CHECK(pool.freed.empty());
    CHECK(pages.release() == errc::ok);
    CHECK(pool.freed.size() == used - 1);  // the rig has a root of its own
    for (const frame<> each : pool.freed) CHECK(arena_platform<12>::frames.contains(each));
    CHECK(rig.frames_used() == 1);
}

TEST_CASE("a source whose frames have no bytes is told so, and gets them back") {
    struct elsewhere {
        unsigned held = 0;
        result<frame<>> allocate(request<> wanted) noexcept {
            ++held;
            CHECK(wanted.below == frame<>{std::uint64_t{1} << 40});
            return frame<>{0x5000};
        }
        errc free(frame<>, unsigned) noexcept {
            --held;
            return errc::ok;
        }
    } pool;
    const auto nothing = [](std::uint64_t, unsigned) noexcept {};
    using mapper = page_mapper<x86_64, arena_platform<12>, elsewhere, decltype(nothing)>;
    CHECK(mapper::make_root(pool).error() == errc::not_owned);
    CHECK(pool.held == 0);
}

}  // namespace
