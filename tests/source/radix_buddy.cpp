// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the laws of all sources do not ask radix_buddy for.
#include <doctest/doctest.h>

#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/word_buffer.hpp>

#include "source/slots_of_three_cpus.hpp"

namespace ashlar {
namespace {

TEST_CASE("while somebody changes what is there, others who want to are told so") {
    using source = radix_buddy<three_cpus>;
    using geometry = detail::radix_geometry<source::shape, source::word>;
    attached_to<source> a(many);
    const range<> line{many.first, line_size};
    REQUIRE(a.memory.isolate(line) == errc::ok);
    REQUIRE(a.memory.offline(line) == errc::ok);
    const range<> next{many.first + line_size, line_size};
    const range<> third{next.end(), line_size};
    REQUIRE(a.memory.isolate(next) == errc::ok);
    auto& lock = a.storage.words()[geometry::lock_at];
    const auto free = lock.load(memory_order::relaxed);
    lock.store(free | 1, memory_order::relaxed);
    CHECK(a.memory.online(line) == errc::busy);
    CHECK(a.memory.isolate(third) == errc::busy);
    CHECK(a.memory.readmit(next) == errc::busy);
    CHECK(a.memory.offline(next) == errc::busy);
    CHECK(a.memory.revoke(next).error() == errc::busy);
    CHECK(a.memory.free_frames() == many.count - line_size);
    lock.store(free, memory_order::relaxed);
    CHECK(a.memory.online(line) == errc::ok);
    CHECK(a.memory.offline(next) == errc::ok);
    CHECK(a.memory.isolate(third) == errc::ok);
    CHECK(a.memory.validate() == errc::ok);
}

TEST_CASE("frames whose numbers a word of 32 bits does not hold are not attached") {
    using narrow =
        radix_buddy<three_cpus,
                    buddy_shape{.top_order = 12, .word_bits = 32, .row_order = 5, .line_order = 8}>;
    testing::word_buffer<narrow::word> storage(narrow::metadata_words({{0x1000}, 0x1000}));
    narrow source;
    CHECK(source.attach({{std::uint64_t{1} << 32}, 0x1000}, storage.words(), start::fresh) == errc::limit);
    CHECK(source.attach({{0xffff'f800}, 0x1000}, storage.words(), start::fresh) == errc::limit);
    CHECK(source.attach({{0x1000}, 0x1000}, storage.words(), start::fresh) == errc::ok);
}

TEST_CASE("what a source of rows is asked for by layers") {
    using source = radix_buddy<three_cpus>;
    source none;
    CHECK(none.take_row({}, {}).error() == errc::exhausted);
    CHECK(none.steal_row({}).error() == errc::exhausted);
    CHECK(none.take_lines({}, 3, {}).error() == errc::exhausted);
    attached_to<source> a(many);
    const request<> large{.order = 7};  // a row has 64 frames
    const request<> elsewhere{.nodes = node_set{0}};
    for (const request<>& each : {large, elsewhere}) {
        CHECK(a.memory.take_row(each, {}).error() == errc::unsupported);
        CHECK(a.memory.steal_row(each).error() == errc::unsupported);
    }
    CHECK(a.memory.take_lines({}, 40, {}).error() == errc::unsupported);
    CHECK(a.memory.take_lines(elsewhere, 3, {}).error() == errc::unsupported);
    CHECK(a.memory.free_frames() == many.count);
}

}  // namespace
}  // namespace ashlar
