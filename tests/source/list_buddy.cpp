// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is particular to list_buddy: compile time, damage that validate finds, fragmentation figures, the
// class examples.
#include <doctest/doctest.h>
#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/locked.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/testing/model_run.hpp>
#include <ashlar/testing/request_stream.hpp>
#include <map>
#include <string>
#include <vector>

namespace ashlar {
namespace {

constexpr buddy_shape shape{.top_order = 6, .pageblock_order = 3};
using buddy = list_buddy<platform, shape>;
constexpr range<> frames{{61}, 140};

/// Every verb, at compile time: a stray dereference or an overflow does not compile.
template <class Source>
constexpr bool lives_at_compile_time() {
    typename Source::word words[Source::metadata_words(frames)];
    Source source;
    if (source.attach(frames, words, start::fresh) != errc::ok) return false;
    if (source.online({{61}, 100}) != errc::ok || source.online({{161}, 40}) != errc::ok) return false;
    const auto top = source.allocate({.order = 6});
    if (!top || !aligned(*top, 6)) return false;
    if (source.allocate({.order = 7}).error() != errc::unsupported) return false;
    if (source.free(*top + 1, 1) != errc::misaligned || source.free({400}, 0) != errc::not_owned)
        return false;
    for (std::uint64_t i = 0; i < 64; i += 4) {
        if (source.free(*top + i, 2) != errc::ok) return false;
    }
    if (source.free(*top, 6) != errc::double_free) return false;
    if (source.allocate_at({{63}, 3}) != errc::ok || source.free_frames() != 137) return false;
    if (source.isolate({{64}, 8}) != errc::ok || source.offline({{66}, 6}) != errc::ok) return false;
    if (source.readmit({{64}, 8}) != errc::ok || source.owns({66}) || !source.owns({65})) return false;
    if (source.online({{66}, 6}) != errc::ok) return false;
    const auto gone = source.revoke({{65}, 2});
    if (!gone || *gone != 1 || source.free({65}, 0) != errc::revoked) return false;
    if (source.free({63}, 0) != errc::ok || source.free({64}, 0) != errc::ok) return false;
    if (source.validate() != errc::ok || source.free_frames() != 138 || source.detach(frames) != errc::ok)
        return false;
    Source other;
    if (other.attach(frames, words, start::recover) != errc::ok) return false;
    std::uint64_t visited = 0;
    other.visit_free([&](range<> each) { visited += each.count; });
    return visited == 138 && other.validate() == errc::ok;
}
static_assert(lives_at_compile_time<buddy>());
static_assert(lives_at_compile_time<locked<buddy>>());
static_assert(lives_at_compile_time<counted<locked<buddy>>>());

TEST_CASE("the example of the class comment") {
    using source_type = list_buddy<platform>;
    constexpr range<> memory{{0x1000}, 0x1000};
    static source_type::word words[source_type::metadata_words(memory)];
    source_type source;
    (void)source.attach(memory, words, start::fresh);
    (void)source.online(memory);
    const auto huge = source.allocate({.order = 9});
    REQUIRE(huge);
    CHECK(huge->number % 512 == 0);
    CHECK(source.free(*huge, 9) == errc::ok);
}

TEST_CASE("metadata: nine bytes a frame and little more") {
    const range<> gibibyte{{0x40000}, 0x40000};
    const std::size_t bytes = metadata_bytes<list_buddy<platform>>(gibibyte);
    CHECK(bytes > 9 * gibibyte.count);
    CHECK(bytes < 9 * gibibyte.count + 512);
    CHECK(buddy::metadata_words({{0}, 0}) == 0);
    CHECK(buddy::metadata_words({{0}, std::uint64_t{1} << 32}) == 0);
    CHECK(buddy::metadata_words({{0}, (std::uint64_t{1} << 32) - 65}) > 0);
}

TEST_CASE("describe: what V3 of the mirrored zones asks, free blocks by order") {
    using zone = list_buddy<platform, buddy_shape{.top_order = 10}>;
    const range<> node0{{0x100}, 0x40000 - 0x100};
    std::vector<zone::word> words(zone::metadata_words(node0));
    zone source;
    REQUIRE(source.attach(node0, {words.data(), words.size()}, start::fresh) == errc::ok);
    REQUIRE(source.online(node0) == errc::ok);
    std::map<std::string, std::uint64_t> figures;
    source.describe([&](const char* name, std::uint64_t value) { figures[name] = value; });
    CHECK(figures["free_blocks_order_8"] == 1);
    CHECK(figures["free_blocks_order_9"] == 1);
    CHECK(figures["free_blocks_order_10"] == 255);
    CHECK(figures["free_blocks_order_7"] == 0);
    CHECK(figures["isolated_free_frames"] == 0);
    REQUIRE(source.isolate({{0x400}, 0x400}) == errc::ok);
    source.describe([&](const char* name, std::uint64_t value) { figures[name] = value; });
    CHECK(figures["isolated_free_frames"] == 0x400);
    CHECK(figures["free_frames"] == node0.count);
}

TEST_CASE("a bounded search for a low block says busy, not exhausted") {
    std::vector<buddy::word> words(buddy::metadata_words(frames));
    buddy source;
    REQUIRE(source.attach(frames, {words.data(), words.size()}, start::fresh) == errc::ok);
    // Every second frame: the lists are long, the low ones at their ends.
    for (std::uint64_t i = 0; i < frames.count; i += 2)
        REQUIRE(source.online({frames.first + i, 1}) == errc::ok);
    CHECK(source.allocate({.below = {63}, .effort = 3}).error() == errc::limit);
    CHECK(source.allocate({.below = {63}, .effort = 0}).error() == errc::limit);
    const auto low = source.allocate({.below = {63}});
    REQUIRE(low);
    CHECK(low->number == 61);
    CHECK(source.allocate({.order = 1, .effort = 0}).error() == errc::exhausted);
}

TEST_CASE("validate finds a damaged word") {
    std::vector<buddy::word> words(buddy::metadata_words(frames));
    buddy source;
    REQUIRE(source.attach(frames, {words.data(), words.size()}, start::fresh) == errc::ok);
    REQUIRE(source.online(frames) == errc::ok);
    for (int i = 0; i < 9; ++i) REQUIRE(source.allocate({.order = static_cast<unsigned>(i % 3)}));
    REQUIRE(source.validate() == errc::ok);
    // Each word of the header, the lists and the tags that is in use; links only where a block is listed.
    const std::size_t links =
        words.size() - 2 * (frames.end().number - (frames.first.number & ~std::uint64_t{3}));
    std::size_t found = 0;
    std::size_t tried = 0;
    for (std::size_t at = 0; at < links; ++at) {
        if (at >= 10 && at < 16) continue;
        for (const std::uint32_t flip : {1u, 0x80u, 0x8000'0000u}) {
            const std::uint32_t kept = words[at].load(memory_order::relaxed);
            words[at].store(kept ^ flip, memory_order::relaxed);
            ++tried;
            found += source.validate() == errc::corrupt ? 1 : 0;
            words[at].store(kept, memory_order::relaxed);
        }
    }
    REQUIRE(source.validate() == errc::ok);
    CHECK(tried > 150);
    // What slips through are isolated bits of pageblocks that are not there, or hold no free block.
    CHECK(found + 8 >= tried);
}

TEST_CASE("recovery survives any word of the links") {
    std::vector<buddy::word> words(buddy::metadata_words(frames));
    const view<buddy::word> storage{words.data(), words.size()};
    buddy source;
    REQUIRE(source.attach(frames, storage, start::fresh) == errc::ok);
    REQUIRE(source.online(frames) == errc::ok);
    for (int i = 0; i < 9; ++i) REQUIRE(source.allocate({.order = static_cast<unsigned>(i % 3)}));
    const std::uint64_t free = source.free_frames();
    REQUIRE(source.detach(frames) == errc::ok);
    const std::size_t links =
        words.size() - 2 * (frames.end().number - (frames.first.number & ~std::uint64_t{3}));
    for (std::size_t at = links; at < words.size(); ++at) words[at].store(0xdead'beef, memory_order::relaxed);
    for (std::size_t at = 6; at < 23; ++at) words[at].store(0xdead'beef, memory_order::relaxed);
    REQUIRE(source.attach(frames, storage, start::recover) == errc::ok);
    CHECK(source.validate() == errc::ok);
    CHECK(source.free_frames() == free);
}

TEST_CASE("the examples of the test kit") {
    testing::request_stream<> stream({.frames = {{64}, 256}, .top_order = 6, .isolation_order = 3}, 42);
    testing::request_stream<> again({.frames = {{64}, 256}, .top_order = 6, .isolation_order = 3}, 42);
    const testing::holdings<> held(6);
    for (int i = 0; i < 1000; ++i) CHECK(stream.next(held) == again.next(held));

    testing::naive_bitmap<> oracle;
    testing::naive_bitmap<>::word words[testing::naive_bitmap<>::metadata_words({{4}, 8})];
    (void)oracle.attach({{4}, 8}, words, start::fresh);
    (void)oracle.online({{4}, 8});
    CHECK(oracle.wrong_free({4}, 0).contains(errc::double_free));
}

}  // namespace
}  // namespace ashlar
