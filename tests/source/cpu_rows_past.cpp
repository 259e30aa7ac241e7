// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Frees that go past a slot of `cpu_rows`.
#include <doctest/doctest.h>
#include <ashlar/layer/counted.hpp>
#include <ashlar/linux_backend/user_platform.hpp>

#include "source/hammer.hpp"
#include "source/slots_of_three_cpus.hpp"

namespace ashlar {
namespace {

TEST_CASE("a lone free goes past a shared slot") {
    attached<shared_rows> a;
    const range<> line{{0x1800}, line_size};
    REQUIRE(a.memory.allocate_at(line) == errc::ok);
    REQUIRE(a.memory.allocate({}));
    const std::uint64_t held = a.memory.held_frames();
    const std::uint64_t inside = a.memory.inner().free_frames();
    const auto free_in_row = [&](std::uint64_t index, std::uint64_t frame_in_row) {
        return a.memory.free(line.first + index * row_size + frame_in_row, 0);
    };
    const auto in_source = [&] { return a.memory.inner().free_frames() - inside; };
    REQUIRE(free_in_row(0, 0) == errc::ok);
    CHECK(in_source() == 0);
    REQUIRE(free_in_row(2, 0) == errc::ok);
    CHECK(in_source() == 1);
    REQUIRE(free_in_row(4, 0) == errc::ok);
    CHECK(in_source() == 2);
    CHECK(free_in_row(2, 0) == errc::double_free);
    REQUIRE(free_in_row(0, 1) == errc::ok);  // what is pending is so still
    CHECK(in_source() == 2);
    CHECK(a.memory.held_frames() == held + 2);
    // Two of a row, one after the other: more will follow.
    REQUIRE(free_in_row(5, 0) == errc::ok);
    CHECK(in_source() == 3);
    REQUIRE(free_in_row(5, 1) == errc::ok);
    CHECK(in_source() == 5);
    CHECK(a.memory.held_frames() == held + 1);
    // As they will where rows are freed one after the other, up or down.
    REQUIRE(free_in_row(6, 0) == errc::ok);
    CHECK(in_source() == 6);
    REQUIRE(free_in_row(2, 1) == errc::ok);
    CHECK(in_source() == 7);
    REQUIRE(free_in_row(5, 2) == errc::ok);
    CHECK(in_source() == 8);
    REQUIRE(free_in_row(5, 3) == errc::ok);
    CHECK(in_source() == 8);
    CHECK(a.memory.held_frames() == held + 2);
    CHECK(a.memory.validate() == errc::ok);
}

TEST_CASE_TEMPLATE("a lone line goes past the slot", Source, exclusive_rows, shared_rows) {
    attached_many<Source> a;
    constexpr std::uint64_t window = 4 * line_size;
    const frame<> first{many.first.number + many.count / 2};
    REQUIRE(a.memory.allocate_at({first, 8 * window}) == errc::ok);
    REQUIRE(a.memory.allocate({.order = 9}));  // there is something to allocate from
    const std::uint64_t held = a.memory.held_frames();
    const std::uint64_t inside = a.memory.inner().free_frames();
    const auto free_line = [&](std::uint64_t index, std::uint64_t line) {
        return a.memory.free(first + index * window + line * line_size, 9);
    };
    const auto in_source = [&] { return (a.memory.inner().free_frames() - inside) / line_size; };
    REQUIRE(free_line(0, 1) == errc::ok);
    CHECK(in_source() == 0);
    REQUIRE(free_line(2, 1) == errc::ok);
    CHECK(in_source() == 1);
    REQUIRE(free_line(4, 3) == errc::ok);
    CHECK(in_source() == 2);
    CHECK(a.memory.held_frames() == held + line_size);
    // Wrong ones are told, and change nothing.
    CHECK(free_line(2, 1) == errc::double_free);
    CHECK(free_line(4, 3) == errc::double_free);
    CHECK(free_line(0, 1) == errc::double_free);
    CHECK(a.memory.free(first + 2 * window + 1, 9) == errc::misaligned);
    CHECK(a.memory.free(many.end(), 9) == errc::not_owned);
    REQUIRE(a.memory.inner().free(first + 6 * window + 7, 0) == errc::ok);
    CHECK(free_line(6, 0) == errc::double_free);
    REQUIRE(a.memory.inner().revoke({first + 7 * window, line_size}));
    CHECK(free_line(7, 0) == errc::revoked);
    CHECK(in_source() == 2);
    CHECK(a.memory.held_frames() == held + line_size);
    CHECK(a.memory.validate() == errc::ok);
    // Two of a window, one after the other: more will follow.
    REQUIRE(free_line(2, 0) == errc::ok);
    REQUIRE(free_line(2, 2) == errc::ok);
    CHECK(in_source() == 4);
    CHECK(a.memory.held_frames() == held + line_size);
    // As they will where windows are freed one after the other.
    REQUIRE(free_line(3, 0) == errc::ok);
    CHECK(in_source() == 5);
    CHECK(a.memory.held_frames() == held + line_size);
    CHECK(three_cpus::defects.empty());
    CHECK(a.memory.validate() == errc::ok);
}
TEST_CASE_TEMPLATE("a line of which the slot holds a part does not go past it", Source, exclusive_rows,
                   shared_rows) {
    attached_many<Source> a;
    constexpr std::uint64_t window = 4 * line_size;
    const frame<> first{many.first.number + many.count / 2};
    REQUIRE(a.memory.allocate_at({first, 8 * window}) == errc::ok);
    REQUIRE(a.memory.allocate({.order = 9}));
    REQUIRE(a.memory.free(first, 9) == errc::ok);
    REQUIRE(a.memory.allocate({}));
    REQUIRE(a.memory.free(first + 4 * window + 3, 0) == errc::ok);
    const std::uint64_t held = a.memory.held_frames();
    const std::uint64_t inside = a.memory.inner().free_frames();
    CHECK(a.memory.free(first + 4 * window, 9) == errc::double_free);
    CHECK(a.memory.held_frames() == held);
    CHECK(a.memory.inner().free_frames() == inside);
    CHECK(a.memory.validate() == errc::ok);
}

TEST_CASE_TEMPLATE("a frame of a row or of a line in the slot is not freed, past a shared one neither",
                   Source, exclusive_rows, shared_rows) {
    attached_many<Source> a;
    const frame<> pending{many.first.number + many.count / 2};
    REQUIRE(a.memory.allocate_at({pending, line_size}) == errc::ok);
    const auto f = a.memory.allocate({});
    REQUIRE(f);
    REQUIRE(a.memory.free(pending, 0) == errc::ok);
    const std::uint64_t line = f->number / line_size * line_size;
    const std::uint64_t inside = a.memory.inner().free_frames();
    CHECK(a.memory.held_frames() == 4 * line_size);
    for (const std::uint64_t in_slot : {line + line_size - 1, line + line_size, line + 3 * line_size + 77}) {
        CAPTURE(in_slot);
        CHECK(a.memory.free({in_slot}, 0) == errc::double_free);
        CHECK(a.memory.free({in_slot}, 0) == errc::double_free);  // again, when the row is known
    }
    CHECK(a.memory.held_frames() == 4 * line_size);
    CHECK(a.memory.inner().free_frames() == inside);
    CHECK(a.memory.validate() == errc::ok);
}

// Lines of 16 frames, so that threads free many, in windows of several.
constexpr buddy_shape small_lines{.top_order = 8, .row_order = 2, .line_order = 4, .pageblock_order = 4};
TEST_CASE("threads: lines past a slot per registered thread") {
    using two_slots = thread_platform<2>;
    hammer<cpu_rows<counted<radix_buddy<two_slots, small_lines>>, always>>(
        [] { return two_slots::registration(); });
}
TEST_CASE("threads: lines past the slots of CPUs, shared by whoever is there") {
    hammer<cpu_rows<counted<radix_buddy<cpu_platform<8>, small_lines>>, shared_slots>>([] { return 0; });
}

}  // namespace
}  // namespace ashlar
