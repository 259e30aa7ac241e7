// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Frames in a row over one source: where they lie, what they cost, every refusal; and how they are freed.
#include <doctest/doctest.h>

#include <array>
#include <ashlar/layer/accepted.hpp>
#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/layer/locked.hpp>
#include <ashlar/source/allocate_contiguous.hpp>
#include <ashlar/source/bump.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/naive_bitmap.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <ashlar/zone/zone.hpp>
#include <functional>
#include <vector>

namespace {

using namespace ashlar;

using radix = radix_buddy<platform>;
using list = list_buddy<platform>;

/// A source with all of a range online.
template <class Source>
struct bank {
    testing::word_buffer<typename Source::word> words;
    Source source{};

    explicit bank(range<> frames) : words(Source::metadata_words(frames)) {
        REQUIRE(source.attach(frames, words.words(), start::fresh) == errc::ok);
        REQUIRE(source.online(frames) == errc::ok);
    }
    result<range<>> take(const contiguous_request<>& wanted) { return allocate_contiguous(source, wanted); }
};

// --- where in a run ---

constexpr range<> place(contiguous_request<> wanted, range<> run) {
    return wanted.place_in(wanted.part_of(run));
}
static_assert(place({.count = 5}, {{7}, 5}) == range<>{{7}, 5});
static_assert(place({.count = 6}, {{7}, 5}).empty());
static_assert(place({.count = 5, .alignment = 8}, {{7}, 6}) == range<>{{8}, 5});
static_assert(place({.count = 5, .alignment = 8}, {{7}, 5}).empty());
static_assert(place({.count = 1, .alignment = 64}, {{65}, 64}) == range<>{{128}, 1});
static_assert(place({.count = 1, .alignment = 64}, {{65}, 63}).empty());
static_assert(place({.count = 5, .boundary = 8}, {{3}, 8}) == range<>{{3}, 5});
static_assert(place({.count = 6, .boundary = 8}, {{3}, 11}) == range<>{{8}, 6});
static_assert(place({.count = 6, .boundary = 8}, {{3}, 10}).empty());
static_assert(place({.count = 8, .boundary = 8}, {{3}, 16}) == range<>{{8}, 8});
static_assert(place({.count = 3, .alignment = 2, .boundary = 4}, {{2}, 8}) == range<>{{4}, 3});
static_assert(place({.count = 3, .alignment = 16, .boundary = 4}, {{2}, 18}) == range<>{{16}, 3});
static_assert(place({.count = 4, .below = {10}}, {{6}, 9}) == range<>{{6}, 4});
static_assert(place({.count = 5, .below = {10}}, {{6}, 9}).empty());
static_assert(place({.count = 5, .not_before = {8}}, {{6}, 9}) == range<>{{8}, 5});
static_assert(place({.count = 5, .below = {9}, .not_before = {12}}, {{6}, 90}).empty());
static_assert(place({.count = 5}, {{0}, 9}) == range<>{{1}, 5}, "frame 0 is not handed out");
static_assert(place({.count = 9}, {{0}, 9}).empty());
constexpr std::uint64_t last_frame = ~std::uint64_t{0} - 1;
static_assert(place({.count = 2, .alignment = std::uint64_t{1} << 63}, {{last_frame - 9}, 10}).empty());
static_assert(place({.count = 2, .boundary = std::uint64_t{1} << 63}, {{last_frame - 9}, 10}) ==
              range<>{{last_frame - 9}, 2});

static_assert(contiguous_request<>{}.check() == errc::ok);
static_assert(contiguous_request<>{.count = 0}.check() == errc::invalid);
static_assert(contiguous_request<>{.alignment = 0}.check() == errc::invalid);
static_assert(contiguous_request<>{.alignment = 3}.check() == errc::invalid);
static_assert(contiguous_request<>{.boundary = 3}.check() == errc::invalid);
static_assert(contiguous_request<>{.count = 9, .boundary = 8}.check() == errc::invalid);
static_assert(contiguous_request<>{.count = 8, .boundary = 8}.check() == errc::ok);
static_assert(contiguous_request<>{.count = 1}.order() == 0);
static_assert(contiguous_request<>{.count = 8}.order() == 3);
static_assert(contiguous_request<>{.count = 9}.order() == 4);
static_assert(contiguous_request<>{.count = ~std::uint64_t{0}}.order() == 64);

// --- at compile time, where nothing can go astray ---

template <class Source, std::size_t Words>
constexpr bool works_at_compile_time() {
    constexpr range<> frames{{3}, 700};
    std::array<typename Source::word, Words> words{};
    Source source;
    if (source.attach(frames, {words.data(), words.size()}, start::fresh) != errc::ok) return false;
    if (source.online(frames) != errc::ok) return false;
    const auto block = allocate_contiguous(source, {.count = 5});
    const auto run = allocate_contiguous(source, {.count = 600, .alignment = 4, .boundary = 1024});
    if (!block || !run || block->overlaps(*run) || run->first.number % 4 != 0) return false;
    if (source.free_frames() != 95) return false;
    if (allocate_contiguous(source, {.count = 600}).error() != errc::exhausted) return false;
    if (free_range(source, *run) != errc::ok || free_range(source, *block) != errc::ok) return false;
    return source.free_frames() == 700 && source.validate() == errc::ok;
}
constexpr buddy_shape small_lines{.top_order = 8, .row_order = 2, .line_order = 4, .pageblock_order = 4};
using small_radix = radix_buddy<platform, small_lines>;
using small_list = list_buddy<platform, buddy_shape{.top_order = 6, .pageblock_order = 3}>;
static_assert(works_at_compile_time<small_list, small_list::metadata_words({{3}, 700})>());
static_assert(works_at_compile_time<small_radix, small_radix::metadata_words({{3}, 700})>());

// --- over sources ---

TEST_CASE("the example") {
    bank<radix> memory({{0x1000}, 0x1000});
    auto& source = memory.source;
    // 300 frames below 4 GiB that cross no multiple of 2 MiB
    auto ring = ashlar::allocate_contiguous(
        source, {.count = 300, .alignment = 16, .boundary = 512, .below = {1 << 20}});
    REQUIRE(ring);
    CHECK(ring->count == 300);
    CHECK(ring->first.number % 16 == 0);
    CHECK(ring->first.number / 512 == (ring->end().number - 1) / 512);
    CHECK(source.free_frames() == 0x1000 - 300);
    CHECK(ashlar::free_range(source, *ring) == errc::ok);
    CHECK(source.free_frames() == 0x1000);
    CHECK(source.allocate_at({{0x1003}, 300}) == errc::ok);
    CHECK(free_range(source, {{0x1003}, 300}) == errc::ok);
    CHECK(source.allocate({.order = 11}));
}

TEST_CASE_TEMPLATE("the tail of a block is free again", Source, radix, list, locked<list>,
                   zone<cpu_rows<radix>>) {
    bank<Source> memory({{0x1000}, 0x1000});
    for (const std::uint64_t count : {1U, 2U, 3U, 5U, 63U, 64U, 65U, 511U, 513U, 1025U}) {
        CAPTURE(count);
        const auto got = memory.take({.count = count});
        REQUIRE(got);
        CHECK(got->count == count);
        CHECK(memory.source.free_frames() == 0x1000 - count);
        CHECK(memory.source.allocate_at(*got) == errc::busy);
        CHECK(free_range(memory.source, *got) == errc::ok);
        CHECK(memory.source.free_frames() == 0x1000);
        CHECK(memory.source.validate() == errc::ok);
    }
}

TEST_CASE("more frames than the largest block has, over its edges") {
    bank<small_list> memory({{0x1005}, 0x400});
    const auto most = memory.take({.count = 0x400});
    REQUIRE(most);
    CHECK(*most == range<>{{0x1005}, 0x400});
    CHECK(memory.take({.count = 1}).error() == errc::exhausted);
    CHECK(free_range(memory.source, *most) == errc::ok);
    CHECK(memory.take({.count = 0x401}).error() == errc::exhausted);
    CHECK(memory.take({.count = ~std::uint64_t{0}}).error() == errc::exhausted);
}

TEST_CASE("an alignment beyond the size and beyond every block") {
    bank<small_list> memory({{0x1005}, 0x2000});
    const auto got = memory.take({.count = 3, .alignment = 0x1000});
    REQUIRE(got);
    CHECK(got->first == frame<>{0x2000});
    CHECK(memory.take({.count = 3, .alignment = 0x2000}).error() == errc::exhausted);
    const auto next = memory.take({.count = 5, .alignment = 0x1000, .boundary = 0x200});
    REQUIRE(next);
    CHECK(next->first == frame<>{0x3000});
    CHECK(memory.source.free_frames() == 0x2000 - 8);
}

TEST_CASE("where no block is left a run may be") {
    bank<radix> memory({{0x1000}, 64});
    // Every multiple of 8 is in use: no block of 8 frames, runs of 7.
    for (std::uint64_t f = 0x1000; f < 0x1040; f += 8) {
        REQUIRE(memory.source.allocate_at({{f}, 1}) == errc::ok);
    }
    const auto odd = memory.take({.count = 7});
    REQUIRE(odd);
    CHECK(*odd == range<>{{0x1001}, 7});
    CHECK(memory.take({.count = 8}).error() == errc::exhausted);
    CHECK(memory.take({.count = 5, .alignment = 2})->first == frame<>{0x100a});
    CHECK(memory.take({.count = 5, .boundary = 8})->first == frame<>{0x1011});
    CHECK(memory.take({.count = 5, .alignment = 4}).error() == errc::exhausted);
    CHECK(memory.take({.count = 4, .alignment = 4})->first == frame<>{0x1004 + 0x18});
}

TEST_CASE("limits from above and below") {
    bank<list> memory({{0x1000}, 0x1000});
    CHECK(memory.take({.count = 0x10, .below = {0x1010}})->first == frame<>{0x1000});
    CHECK(memory.take({.count = 0x10, .below = {0x101f}}).error() == errc::exhausted);
    CHECK(memory.take({.count = 0x10, .below = {0x1ff8}, .not_before = {0x1fe8}})->first == frame<>{0x1fe8});
    CHECK(memory.take({.count = 9, .not_before = {0x1ff8}}).error() == errc::exhausted);
    CHECK(memory.take({.count = 8, .not_before = {0x1ff8}})->first == frame<>{0x1ff8});
    CHECK(memory.take({.count = 8, .not_before = no_limit<>}).error() == errc::exhausted);
}

TEST_CASE_TEMPLATE("frame 0 is not handed out", Source, radix, list, locked<list>) {
    bank<Source> memory({{0}, 1024});
    CHECK(memory.take({.count = 1024}).error() == errc::exhausted);
    CHECK(memory.take({.count = 1, .alignment = 1024}).error() == errc::exhausted);
    CHECK(memory.take({.count = 1023})->first == frame<>{1});
}

/// A guest's platform that accepts what it is asked for, or says why not.
struct guest_platform : platform {
    static inline errc answer = errc::ok;
    static inline frame<> accepts_from{};
    static errc accept(range<> frames) noexcept { return frames.first < accepts_from ? answer : errc::ok; }
};
using lazy_list = accepted<list_buddy<guest_platform>>;

TEST_CASE_TEMPLATE("what is isolated is not handed out", Source, radix, list, locked<list>, cpu_rows<radix>,
                   zone<lazy_list>) {
    bank<Source> memory({{0x1000}, 0x1000});
    REQUIRE(memory.source.isolate({{0x1400}, 0x400}) == errc::ok);
    CHECK(memory.take({.count = 0x801}).error() == errc::exhausted);
    CHECK(memory.take({.count = 1, .alignment = 0x400, .below = {0x1800}, .not_before = {0x1001}}).error() ==
          errc::exhausted);
    const auto above = memory.take({.count = 0x401});
    REQUIRE(above);
    CHECK(above->first.number >= 0x1800);
    CHECK(free_range(memory.source, *above) == errc::ok);
    REQUIRE(memory.source.readmit({{0x1400}, 0x400}) == errc::ok);
    CHECK(memory.take({.count = 0xfff})->first == frame<>{0x1000});
}

TEST_CASE("bump: it cannot take a tail back, so nothing is taken that would have one") {
    bank<bump<platform>> memory({{0x1000}, 64});
    CHECK(*memory.take({.count = 5}) == range<>{{0x1000}, 5});
    CHECK(memory.source.free_frames() == 59);
    CHECK(memory.take({.count = 8, .alignment = 8})->first == frame<>{0x1008});
    CHECK(memory.take({.count = 49}).error() == errc::exhausted);
    CHECK(free_range(memory.source, {{0x1000}, 5}) == errc::unsupported);
    REQUIRE(memory.source.isolate({{0x1000}, 64}) == errc::ok);
    CHECK(memory.take({.count = 3}).error() == errc::exhausted);
}

// --- every refusal, and that it leaves no trace ---

TEST_CASE_TEMPLATE("bad arguments and requirements that nobody judges", Source, radix, list,
                   zone<counted<radix>>) {
    bank<Source> memory({{0x1000}, 0x1000});
    CHECK(memory.take({.count = 0}).error() == errc::invalid);
    CHECK(memory.take({.count = 1, .alignment = 0}).error() == errc::invalid);
    CHECK(memory.take({.count = 1, .alignment = 24}).error() == errc::invalid);
    CHECK(memory.take({.count = 1, .boundary = 24}).error() == errc::invalid);
    CHECK(memory.take({.count = 65, .boundary = 64}).error() == errc::invalid);
    constexpr bool judges = requires(const Source& source) {
        source.description();
    };
    const errc refused = judges ? errc::exhausted : errc::unsupported;
    CHECK(memory.take({.nodes = node_set::only(3)}).error() == refused);
    CHECK(memory.take({.mirror = mirror::required}).error() == refused);
    // Where no block is asked for first, either.
    CHECK(memory.take({.count = 5, .alignment = 64, .nodes = node_set::only(3)}).error() == refused);
    CHECK(memory.take({.count = 5, .alignment = 64, .mirror = mirror::required}).error() == refused);
    CHECK(memory.take({.count = 0, .nodes = node_set::only(3)}).error() == errc::invalid);
    CHECK(memory.take({.mirror = mirror::preferred}).has_value());
    CHECK(memory.take({.nodes = node_set::only(0)}).has_value() == judges);
    CHECK(memory.source.free_frames() == 0x1000 - (judges ? 2 : 1));
}

TEST_CASE("a source without memory") {
    radix source;
    CHECK(allocate_contiguous(source, {.count = 5}).error() == errc::exhausted);
    CHECK(allocate_contiguous(source, {.count = 4, .alignment = 4}).error() == errc::exhausted);
    CHECK(free_range(source, {{1}, 5}) == errc::not_owned);
}

TEST_CASE("what the platform says of memory that it cannot accept is passed on") {
    bank<lazy_list> memory({{0x1000}, 0x1000});
    REQUIRE(memory.source.isolate({{0x1000}, 0x1000}) == errc::ok);
    REQUIRE(memory.source.offline({{0x1000}, 0x1000}) == errc::ok);
    REQUIRE(memory.source.mark_unaccepted({{0x1000}, 0x1000}) == errc::ok);
    REQUIRE(memory.source.online({{0x1000}, 0x1000}) == errc::ok);
    guest_platform::answer = errc::corrupt;
    guest_platform::accepts_from = no_limit<>;
    CHECK(memory.take({.count = 0x300, .not_before = {0x1001}}).error() == errc::corrupt);
    CHECK(memory.source.free_frames() == 0x1000);
    // What lies above is tried.
    guest_platform::accepts_from = {0x1400};
    CHECK(memory.take({.count = 0x300, .not_before = {0x1001}})->first == frame<>{0x1601});
    guest_platform::accepts_from = {};
    CHECK(memory.take({.count = 0x300, .not_before = {0x1001}})->first == frame<>{0x1001});
}

/// A source that lets others act just before a range is taken.
template <class Source>
struct raced : Source {
    std::function<void(range<>)> before{};
    int attempts = 0;

    errc allocate_at(range<> frames) noexcept {
        ++attempts;
        if (before) before(frames);
        return Source::allocate_at(frames);
    }
};

TEST_CASE("who comes too late looks again above, and says busy when nothing is there") {
    bank<raced<radix>> memory({{0x1000}, 0x100});
    auto& source = memory.source;
    std::vector<frame<>> lost;
    source.before = [&](range<> frames) {
        if (lost.size() == 2) return;
        // Another CPU takes the last frame of what was found.
        lost.push_back(frame<>{frames.end().number - 1});
        REQUIRE(source.radix::allocate_at({lost.back(), 1}) == errc::ok);
    };
    const auto got = memory.take({.count = 0x20, .not_before = {0x1001}});
    REQUIRE(got);
    CHECK(got->first == frame<>{0x1041});
    CHECK(source.attempts == 3);
    CHECK(source.free_frames() == 0x100 - 0x20 - 2);
    // There is one place, and it is gone at that moment.
    lost.clear();
    CHECK(memory.take({.count = 0x90, .not_before = {0x1001}}).error() == errc::busy);
    CHECK(lost.size() == 1);
    source.before = nullptr;
    CHECK(memory.take({.count = 0x90, .not_before = {0x1001}}).error() == errc::exhausted);
    CHECK(source.free_frames() == 0x100 - 0x20 - 3);
    CHECK(source.validate() == errc::ok);
}

TEST_CASE("the search ends for those who always come too late") {
    bank<raced<list>> memory({{0x1000}, 0x100});
    auto& source = memory.source;
    source.before = [&](range<> frames) { REQUIRE(source.list::allocate_at({frames.first, 1}) == errc::ok); };
    CHECK(memory.take({.count = 3, .not_before = {0x1001}}).error() == errc::busy);
    CHECK(source.attempts == 8);
    CHECK(source.free_frames() == 0x100 - 8);
}

TEST_CASE("frames that leave before they are taken are busy, not an error of the caller") {
    bank<raced<radix>> memory({{0x1000}, 0x400});
    auto& source = memory.source;
    source.before = [&](range<>) {
        source.before = nullptr;
        REQUIRE(source.revoke({{0x1000}, 0x200}));
    };
    CHECK(memory.take({.count = 0x300, .not_before = {0x1001}}).error() == errc::busy);
    CHECK(memory.take({.count = 0x300, .not_before = {0x1001}}).error() == errc::exhausted);
    CHECK(source.free_frames() == 0x200);
}

/// Two CPUs; the test says which one runs.
struct two_cpus : platform {
    static inline cpu_id now = 0;
    static cpu_id this_cpu() noexcept { return now; }
    static constexpr cpu_id max_cpus() noexcept { return 2; }
};

TEST_CASE("own slots give back what is missing; what another CPU holds is busy") {
    using rows = cpu_rows<radix_buddy<two_cpus>, rows_shape{.frames_per_cpu = 1}>;
    bank<rows> memory({{0x1000}, 64});
    const auto page = memory.source.allocate({});
    REQUIRE(page);
    CHECK(memory.source.held_frames() == 63);
    CHECK(memory.take({.count = 63, .not_before = {2}})->count == 63);
    CHECK(free_range(memory.source, {{0x1001}, 63}) == errc::ok);
    memory.source.drain();
    two_cpus::now = 1;
    REQUIRE(memory.source.allocate({}));
    two_cpus::now = 0;
    CHECK(memory.source.held_frames() == 62);
    CHECK(memory.take({.count = 60}).error() == errc::busy);
    memory.source.drain(1);
    CHECK(memory.take({.count = 60}).has_value());
    CHECK(memory.source.validate() == errc::ok);
}

// --- how ranges are freed ---

TEST_CASE_TEMPLATE("a range with one wrong block is refused whole", Source, radix, list, locked<list>,
                   zone<cpu_rows<counted<radix>>>) {
    bank<Source> memory({{0x1000}, 0x1000});
    auto& source = memory.source;
    REQUIRE(source.allocate_at({{0x1003}, 300}) == errc::ok);
    CHECK(free_range(source, {{0x1003}, 0}) == errc::invalid);
    CHECK(free_range(source, {{0x1003}, ~std::uint64_t{0}}) == errc::invalid);
    CHECK(free_range(source, {{0xf00}, 300}) == errc::not_owned);
    CHECK(free_range(source, {{0x1000}, 300}) == errc::double_free);
    CHECK(free_range(source, {{0x1003}, 301}) == errc::double_free);
    CHECK(source.free_frames() == 0x1000 - 300);
    CHECK(free_range(source, {{0x1003}, 300}) == errc::ok);
    CHECK(free_range(source, {{0x1003}, 300}) == errc::double_free);
    CHECK(source.free_frames() == 0x1000);
}

TEST_CASE("without would_free the blocks that may be freed are") {
    bank<testing::naive_bitmap<>> memory({{0x1000}, 0x100});
    auto& source = memory.source;
    REQUIRE(source.allocate_at({{0x1001}, 63}) == errc::ok);
    REQUIRE(source.free({0x1004}, 2) == errc::ok);
    CHECK(free_range(source, {{0x1001}, 63}) == errc::double_free);
    CHECK(source.free_frames() == 0x100);
}

}  // namespace
