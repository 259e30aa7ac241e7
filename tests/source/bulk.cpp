// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Many blocks at once: of sources that do it themselves, and of those that are asked one by one.
#include <doctest/doctest.h>
#include <ashlar/core/bulk.hpp>
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/layer/locked.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <set>
#include <utility>
#include <vector>

namespace ashlar {
namespace {

constexpr range<> frames{{0x1000}, 0x2000};

/// Counts the guards that were taken.
struct guarded : platform {
    static inline int guards = 0;
    struct cpu_guard {
        cpu_guard() noexcept { ++guards; }
    };
    [[nodiscard]] static cpu_id this_cpu() noexcept { return 0; }
    [[nodiscard]] static constexpr cpu_id max_cpus() noexcept { return 1; }
};
using exclusive = cpu_rows<radix_buddy<guarded>>;
using shared = cpu_rows<radix_buddy<guarded>, rows_shape{.contract = slot_contract::shared}>;
static_assert(bulk_source<exclusive> && bulk_source<shared>);
static_assert(!bulk_source<radix_buddy<guarded>>);

template <class Source>
struct attached {
    attached() {
        REQUIRE(memory.attach(frames, storage.words(), start::fresh) == errc::ok);
        REQUIRE(memory.online(frames) == errc::ok);
    }
    testing::word_buffer<typename Source::word> storage{Source::metadata_words(frames)};
    Source memory;
};
using blocks = std::vector<frame<>>;
view<frame<>> all(blocks& of) {
    return {of.data(), of.size()};
}
view<const frame<>> all(const blocks& of) {
    return {of.data(), of.size()};
}

template <class Source>
void take_and_give(unsigned order) {
    attached<Source> on;
    blocks got(frames.count >> order);
    REQUIRE(allocate_bulk(on.memory, {.order = order}, all(got)) == bulk_result{got.size(), errc::ok});
    std::set<std::uint64_t> different;
    for (const frame<> each : got) {
        CHECK(aligned(each, order));
        different.insert(each.number);
    }
    CHECK(different.size() == got.size());
    blocks more(1);
    CHECK(allocate_bulk(on.memory, {.order = order}, all(more)) == bulk_result{0, errc::exhausted});
    CHECK(free_bulk(on.memory, all(std::as_const(got)), order) == bulk_result{got.size(), errc::ok});
    CHECK(on.memory.free_frames() == frames.count);
    CHECK(on.memory.validate() == errc::ok);
}
TEST_CASE_TEMPLATE("all of the memory at once, and back", source, exclusive, shared, radix_buddy<guarded>,
                   locked<list_buddy<guarded>>) {
    for (const unsigned order : {0u, 3u, 6u, 9u}) take_and_give<source>(order);
}

template <class Source>
void stop_midway() {
    attached<Source> on;
    blocks got(frames.count + 5);
    CHECK(allocate_bulk(on.memory, {}, all(got)) == bulk_result{frames.count, errc::exhausted});
    got.resize(frames.count);
    // The hundredth is free already: those before it come back, those behind it stay.
    blocks some(got.begin(), got.begin() + 200);
    REQUIRE(on.memory.free(some[100], 0) == errc::ok);
    CHECK(free_bulk(on.memory, all(std::as_const(some)), 0) == bulk_result{100, errc::double_free});
    CHECK(on.memory.free_frames() == 101);
    CHECK(free_bulk(on.memory, all(std::as_const(some)).subview(101), 0) == bulk_result{99, errc::ok});
    CHECK(on.memory.free_frames() == 200);
    CHECK(free_bulk(on.memory, all(std::as_const(got)).subview(0, 0), 0) == bulk_result{0, errc::ok});
    CHECK(allocate_bulk(on.memory, {.order = 40}, all(some)) == bulk_result{0, errc::unsupported});
    CHECK(on.memory.free_frames() == 200);
    CHECK(on.memory.validate() == errc::ok);
}
TEST_CASE_TEMPLATE("what could not be done is told, and what was done stands", source, exclusive, shared,
                   radix_buddy<guarded>) {
    stop_midway<source>();
}

TEST_CASE("the guard is taken once for 64 blocks, and dropped between") {
    attached<exclusive> on;
    blocks got(640);
    guarded::guards = 0;
    REQUIRE(allocate_bulk(on.memory, {}, all(got)).count == 640);
    CHECK(guarded::guards == 10);
    REQUIRE(free_bulk(on.memory, all(std::as_const(got)), 0).count == 640);
    CHECK(guarded::guards == 20);
}

TEST_CASE("the example of the comment") {
    attached<exclusive> on;
    auto& source = on.memory;
    ashlar::frame<> pages[16];
    const auto got = ashlar::allocate_bulk(source, {.order = 0}, ashlar::view<ashlar::frame<>>(pages));
    CHECK(got == bulk_result{16, errc::ok});
    CHECK(ashlar::free_bulk(source, ashlar::view<const ashlar::frame<>>(pages, got.count), 0) == got);
}

}  // namespace
}  // namespace ashlar
