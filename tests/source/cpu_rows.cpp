// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/linux_backend/user_platform.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <thread>
#include <type_traits>
#include <vector>

#include "source/hammer.hpp"
#include "source/slots_of_three_cpus.hpp"

namespace ashlar {
namespace {

static_assert(frame_source<exclusive_rows> && frame_source<shared_rows>);
static_assert(free_checking_source<exclusive_rows>);
static_assert(counted_source<cpu_rows<counted<radix_buddy<platform>>>>);

TEST_CASE("the example of the class comment") {
    using my_platform = platform;
    using zone = cpu_rows<counted<radix_buddy<my_platform>>>;
    static zone::word words[zone::metadata_words(frames)];
    static constinit zone source;
    REQUIRE(source.attach(frames, words, start::fresh) == errc::ok);
    REQUIRE(source.online(frames) == errc::ok);
    const auto page = source.allocate({});
    REQUIRE(page);
    CHECK(source.held_frames() == line_size - 1);
    CHECK(source.approximate_free_frames() == frames.count - line_size);
    CHECK(source.free(*page, 0) == errc::ok);
    CHECK(source.held_frames() == line_size);
    source.drain();
    CHECK(source.held_frames() == 0);
    CHECK(source.inner().free_frames() == frames.count);
    CHECK(source.validate() == errc::ok);
}

TEST_CASE_TEMPLATE("a CPU allocates from one row, until it has no such block", Source, exclusive_rows,
                   shared_rows) {
    attached<Source> a;
    std::vector<frame<>> got;
    for (std::uint64_t i = 0; i < row_size; ++i) {
        const auto f = a.memory.allocate({});
        REQUIRE(f);
        CHECK(f->number / row_size == (i == 0 ? *f : got[0]).number / row_size);
        CHECK(a.memory.held_frames() == line_size - 1 - i);
        got.push_back(*f);
    }
    const auto next = a.memory.allocate({.order = 3});
    REQUIRE(next);
    CHECK(next->number / row_size != got[0].number / row_size);
    CHECK(next->number / line_size == got[0].number / line_size);
    CHECK(a.memory.held_frames() == line_size - row_size - 8);
    // Another CPU has a row of its own, and the layer counts both.
    three_cpus::cpu = 1;
    const auto other = a.memory.allocate({});
    REQUIRE(other);
    CHECK(other->number / line_size != next->number / line_size);
    CHECK(a.memory.held_frames() == 2 * line_size - row_size - 8 - 1);
    CHECK(a.memory.free_frames() == frames.count - row_size - 8 - 1);
    CHECK(a.memory.validate() == errc::ok);
}

TEST_CASE_TEMPLATE("rows in use in part come before whole lines", Source, exclusive_rows, shared_rows) {
    attached<Source> a;
    REQUIRE(a.memory.allocate_at({{0x1800}, 60}) == errc::ok);
    for (int i = 0; i < 4; ++i) CHECK(a.memory.allocate({})->number / row_size == 0x1800 / row_size);
    // The other rows of that line, then another line.
    for (std::uint64_t i = 0; i < line_size - row_size; ++i) {
        REQUIRE(a.memory.allocate({})->number / line_size == 0x1800 / line_size);
    }
    CHECK(a.memory.held_frames() == 0);
    CHECK(a.memory.allocate({})->number / line_size != 0x1800 / line_size);
}

TEST_CASE_TEMPLATE("what is freed while nothing is left to allocate from is allocated next", Source,
                   exclusive_rows, shared_rows) {
    attached<Source> a;
    REQUIRE(a.memory.allocate_at({{0x1400}, row_size}) == errc::ok);
    REQUIRE(a.memory.free({0x1408}, 3) == errc::ok);
    CHECK(a.memory.held_frames() == 8);
    CHECK(a.memory.allocate({})->number == 0x1408);
    REQUIRE(a.memory.free({0x1400}, 3) == errc::ok);
    CHECK(a.memory.held_frames() == 15);
    CHECK(a.memory.inner().free_frames() == frames.count - row_size);
}

TEST_CASE_TEMPLATE("frees of one row wait for others, and for those of the row beside it", Source,
                   exclusive_rows, shared_rows) {
    attached<Source> a;
    const range<> line{{0x1800}, line_size};
    REQUIRE(a.memory.allocate_at(line) == errc::ok);
    REQUIRE(a.memory.allocate({}));  // there is something to allocate from
    const std::uint64_t held = a.memory.held_frames();
    const std::uint64_t inside = a.memory.inner().free_frames();
    for (std::uint64_t i = 0; i + 1 < row_size; ++i) {
        REQUIRE(a.memory.free(line.first + i, 0) == errc::ok);
        CHECK(a.memory.held_frames() == held + i + 1);
        CHECK(a.memory.inner().free_frames() == inside);
    }
    // Another row takes the place of what was pending.
    REQUIRE(a.memory.free(line.first + row_size, 0) == errc::ok);
    CHECK(a.memory.held_frames() == held + 1);
    REQUIRE(a.memory.free(line.first + row_size + 1, 0) == errc::ok);
    CHECK(a.memory.held_frames() == held + 2);
    CHECK(a.memory.allocate_at({line.first, row_size + 2}) == errc::busy);
    CHECK(a.memory.allocate_at({line.first, row_size - 1}) == errc::ok);
    CHECK(a.memory.allocate_at({line.first + row_size, 2}) == errc::ok);
}

TEST_CASE("full rows wait for their line, and a full line goes back at once") {
    attached<exclusive_rows> a;
    const range<> line{{0x1800}, line_size};
    REQUIRE(a.memory.allocate_at(line) == errc::ok);
    REQUIRE(a.memory.allocate({}));  // there is something to allocate from
    const std::uint64_t held = a.memory.held_frames();
    const std::uint64_t inside = a.memory.inner().free_frames();
    for (std::uint64_t i = 0; i < line_size; ++i) {
        REQUIRE(a.memory.free(line.first + i, 0) == errc::ok);
        CHECK(a.memory.held_frames() == held + (i + 1) % line_size);
    }
    CHECK(a.memory.validate() == errc::ok);
    CHECK(a.memory.inner().free_frames() == inside + line_size);
    CHECK(a.memory.inner().allocate_at(line) == errc::ok);
}

TEST_CASE_TEMPLATE("lines come by the window and go back by the window", Source, exclusive_rows,
                   shared_rows) {
    attached_many<Source> a;
    constexpr std::uint64_t window = 4 * line_size;
    std::vector<frame<>> got;
    for (std::uint64_t i = 0; i < 8; ++i) {
        const auto line = a.memory.allocate({.order = 9});
        REQUIRE(line);
        CHECK(line->number % line_size == 0);
        CHECK(a.memory.held_frames() == (3 - i % 4) * line_size);
        got.push_back(*line);
    }
    CHECK(a.memory.inner().free_frames() == many.count - 2 * window);
    // The first one is what is allocated from next, the others of its window join it.
    for (std::uint64_t i = 0; i < 4; ++i) {
        REQUIRE(a.memory.free(got[i], 9) == errc::ok);
        CHECK(a.memory.held_frames() == (i + 1) * line_size);
        CHECK(a.memory.free(got[i], 9) == errc::double_free);
        CHECK(a.memory.free(got[i] + 77, 0) == errc::double_free);
        CHECK(a.memory.free(got[i] + 64, 6) == errc::double_free);
        CHECK(a.memory.would_free(got[i] + 128, 7) == errc::double_free);
    }
    // Those of the next window wait until all of them are there.
    for (std::uint64_t i = 4; i < 8; ++i) {
        REQUIRE(a.memory.free(got[i], 9) == errc::ok);
        CHECK(a.memory.held_frames() == window + (i == 7 ? 0 : (i - 3) * line_size));
    }
    CHECK(a.memory.validate() == errc::ok);
    // Two lines side by side come out of the slot, larger blocks from the source.
    const std::uint64_t inside = a.memory.inner().free_frames();
    const auto pair = a.memory.allocate({.order = 10});
    REQUIRE(pair);
    CHECK(pair->number % (2 * line_size) == 0);
    CHECK(a.memory.held_frames() == window - 2 * line_size);
    CHECK(a.memory.inner().free_frames() == inside);
    REQUIRE(a.memory.allocate({.order = 12}));
    CHECK(a.memory.inner().free_frames() == inside - 2 * window);
    REQUIRE(a.memory.free(*pair, 10) == errc::ok);
    CHECK(a.memory.held_frames() == window);
    CHECK(three_cpus::defects.empty());
}

TEST_CASE_TEMPLATE("blocks of rows come out of the line that is in use", Source, exclusive_rows,
                   shared_rows) {
    attached_many<Source> a;
    const auto frame_of_line = a.memory.allocate({});
    REQUIRE(frame_of_line);
    const std::uint64_t inside = a.memory.inner().free_frames();
    const auto row = a.memory.allocate({.order = 6});
    const auto rows = a.memory.allocate({.order = 7});
    REQUIRE((row && rows));
    CHECK(row->number / line_size == frame_of_line->number / line_size);
    CHECK(rows->number / line_size == frame_of_line->number / line_size);
    CHECK(rows->number % 128 == 0);
    CHECK(a.memory.inner().free_frames() == inside);
    REQUIRE(a.memory.free(*rows, 7) == errc::ok);
    CHECK(a.memory.free(*rows + 64, 6) == errc::double_free);
    CHECK(a.memory.free(*rows, 8) == errc::misaligned);
    CHECK(a.memory.free(*frame_of_line + 1, 0) == errc::double_free);
    CHECK(a.memory.free({frame_of_line->number / line_size * line_size}, 9) == errc::double_free);
    REQUIRE(a.memory.free(*row, 6) == errc::ok);
    CHECK(a.memory.inner().free_frames() == inside);
    CHECK(a.memory.free(*frame_of_line, 0) == errc::ok);
    CHECK(a.memory.free_frames() == many.count);
    CHECK(a.memory.validate() == errc::ok);
    a.memory.drain();
    CHECK(a.memory.inner().free_frames() == many.count);
    CHECK(a.memory.inner().allocate({.order = 17}));
    CHECK(three_cpus::defects.empty());
}

TEST_CASE_TEMPLATE("rows that are no memory are not freed into the line that is in use", Source,
                   exclusive_rows, shared_rows) {
    // The last line ends in its midst.
    const range<> uneven{many.first, many.count + line_size / 2};
    attached_to<Source> a(uneven);
    const frame<> last = many.end();
    REQUIRE(a.memory.allocate_at(many) == errc::ok);
    // A row of it that is freed frame by frame waits for the others of its line.
    const auto row = a.memory.allocate({.order = 6});
    REQUIRE(row);
    REQUIRE(*row >= last);
    for (std::uint64_t i = 0; i < 64; ++i) REQUIRE(a.memory.free(*row + i, 0) == errc::ok);
    REQUIRE(a.memory.held_frames() == 64);
    const std::uint64_t free = a.memory.free_frames();
    CHECK(a.memory.free(last + line_size / 2, 7) == errc::not_owned);
    CHECK(a.memory.free(last + (line_size - 128), 7) == errc::not_owned);
    CHECK(a.memory.free_frames() == free);
    CHECK(a.memory.held_frames() == 64);
    CHECK(a.memory.validate() == errc::ok);
}

TEST_CASE("lines in a slot are isolated, revoked, recovered and visited as all else") {
    attached_many<exclusive_rows> a;
    const auto line = a.memory.allocate({.order = 9});
    REQUIRE(line);
    const range<> next{*line + line_size, line_size};
    std::uint64_t seen = 0;
    a.memory.visit_free([&](range<> run) { seen += run.count; });
    CHECK(seen == many.count - line_size);
    three_cpus::cpu = 1;
    CHECK(a.memory.isolate(next) == errc::busy);
    a.memory.drain(0);
    CHECK(a.memory.isolate(next) == errc::ok);
    three_cpus::cpu = 0;
    // What was isolated is not allocated from, though it is free.
    for (int i = 0; i < 10; ++i) CHECK(*a.memory.allocate({.order = 9}) != next.first);
    CHECK(a.memory.offline(next) == errc::ok);
    // A whole line against another CPU's slot: told when it is flushed, and nothing is lost or twice.
    three_cpus::cpu = 1;
    REQUIRE(a.memory.free(*line, 9) == errc::ok);
    three_cpus::cpu = 2;
    REQUIRE(a.memory.free(*line + 5, 0) == errc::ok);
    a.memory.drain(2);
    CHECK(a.memory.validate() == errc::corrupt);
    a.memory.drain(1);
    CHECK(three_cpus::defects == defect_reports{{errc::double_free, line->number}});
    CHECK(a.memory.validate() == errc::ok);
}

TEST_CASE("a wrong free into one line of another CPU's window is told when that is flushed") {
    for (const bool isolated : {false, true}) {
        CAPTURE(isolated);
        attached_many<exclusive_rows> a;
        frame<> line[4];
        for (frame<>& each : line) each = *a.memory.allocate({.order = 9});
        const std::uint64_t before = a.memory.inner().free_frames();
        REQUIRE(a.memory.free(line[1], 9) == errc::ok);
        REQUIRE(a.memory.free(line[2], 9) == errc::ok);
        // Of what is isolated nothing is hinted at.
        if (isolated) REQUIRE(a.memory.inner().isolate({line[2], line_size}) == errc::ok);
        three_cpus::cpu = 1;
        REQUIRE(a.memory.free(line[2] + 5, 0) == errc::ok);
        a.memory.drain();
        three_cpus::cpu = 0;
        a.memory.drain();
        CHECK(three_cpus::defects == defect_reports{{errc::double_free, line[2].number}});
        CHECK(a.memory.inner().free_frames() == before + line_size + 1);
        CHECK(a.memory.validate() == errc::ok);
    }
}

TEST_CASE("a double free is told in the own slot and in the source, before anything changes") {
    attached<exclusive_rows> a;
    const auto f = a.memory.allocate({});
    REQUIRE(f);
    const std::uint64_t free = a.memory.free_frames();
    CHECK(a.memory.free(*f + 1, 0) == errc::double_free);  // in the allocation row
    CHECK(a.memory.would_free(*f + 1, 0) == errc::double_free);
    CHECK(a.memory.free({frames.first.number}, 9) == errc::double_free);
    CHECK(a.memory.free({0x2000}, 0) == errc::double_free);  // in the source
    REQUIRE(a.memory.allocate_at({{0x1800}, 16}) == errc::ok);
    REQUIRE(a.memory.free({0x1800}, 2) == errc::ok);
    CHECK(a.memory.free({0x1801}, 0) == errc::double_free);  // in the pending row
    CHECK(a.memory.would_free({0x1800}, 4) == errc::double_free);
    CHECK(a.memory.free({0x1800}, 4) == errc::double_free);
    CHECK(a.memory.would_free({0x1804}, 2) == errc::ok);
    CHECK(a.memory.free({0x1806}, 2) == errc::misaligned);
    CHECK(a.memory.free({0x900}, 0) == errc::not_owned);
    CHECK(a.memory.free({0x1000}, 60) == errc::unsupported);
    CHECK(a.memory.free_frames() + 16 - 4 == free);
    CHECK(a.memory.validate() == errc::ok);
    CHECK(three_cpus::defects.empty());
}

TEST_CASE("a row that is taken while frees of it are pending is one row") {
    attached<exclusive_rows> a;
    REQUIRE(a.memory.allocate_at({{0x1800}, 64}) == errc::ok);
    REQUIRE(a.memory.allocate_at({{0x1900}, 1}) == errc::ok);
    REQUIRE(a.memory.free({0x1900}, 0) == errc::ok);          // the row to allocate from
    REQUIRE(a.memory.free({0x1800}, 0) == errc::ok);          // pending
    REQUIRE(a.memory.inner().free({0x1804}, 2) == errc::ok);  // of the same row, in the source
    CHECK(*a.memory.allocate({.order = 2}) == frame<>{0x1804});
    CHECK(a.memory.free({0x1800}, 0) == errc::double_free);
    CHECK(*a.memory.allocate({}) == frame<>{0x1800});
    CHECK(a.memory.validate() == errc::ok);
}

TEST_CASE("a CPU does not go on in a line that is isolated meanwhile") {
    attached<exclusive_rows> a;
    const range<> line{{0x1800}, 512};
    REQUIRE(a.memory.allocate_at(line) == errc::ok);
    REQUIRE(a.memory.inner().free({0x1800}, 6) == errc::ok);
    for (unsigned i = 0; i < 64; ++i) CHECK(line.contains(*a.memory.allocate({})));
    REQUIRE(a.memory.inner().free({0x1840}, 6) == errc::ok);
    // The layer's own `isolate` is busy while a slot has been there: here the source is asked.
    REQUIRE(a.memory.inner().isolate(line) == errc::ok);
    CHECK(!line.contains(*a.memory.allocate({})));
}

TEST_CASE("a double free against another CPU's slot goes to the defect hook when that is flushed") {
    attached<exclusive_rows> a;
    REQUIRE(a.memory.allocate_at({{0x1800}, 4}) == errc::ok);
    REQUIRE(a.memory.free({0x1800}, 0) == errc::ok);
    three_cpus::cpu = 1;
    REQUIRE(a.memory.free({0x1800}, 0) == errc::ok);  // nobody can know
    a.memory.drain();
    CHECK(three_cpus::defects.empty());
    CHECK(a.memory.validate() == errc::corrupt);
    three_cpus::cpu = 0;
    a.memory.drain();
    CHECK(three_cpus::defects == defect_reports{{errc::double_free, 0x1800}});
    CHECK(a.memory.validate() == errc::ok);
    CHECK(a.memory.free_frames() == frames.count - 3);
}

TEST_CASE("isolate is busy while any CPU holds a frame of the range, and repeated after they drained") {
    attached<exclusive_rows> a;
    three_cpus::cpu = 1;
    const auto f = a.memory.allocate({});
    REQUIRE(f);
    REQUIRE(a.memory.free(*f, 0) == errc::ok);
    three_cpus::cpu = 0;
    const range<> around{{f->number / 512 * 512}, 512};
    CHECK(a.memory.isolate(around) == errc::busy);
    CHECK(a.memory.offline(around) == errc::busy);
    a.memory.drain(1);
    CHECK(a.memory.isolate(around) == errc::ok);
    CHECK(a.memory.offline(around) == errc::ok);
    CHECK(a.memory.free_frames() == frames.count - 512);
}

TEST_CASE("a frame of the caller's slot can be had by number, taken offline and revoked") {
    attached<exclusive_rows> a;
    const auto f = a.memory.allocate({});
    REQUIRE(f);
    CHECK(a.memory.allocate_at({*f + 1, 1}) == errc::ok);
    const auto next = a.memory.allocate({});
    REQUIRE(next);
    CHECK(*next != *f + 1);
    const auto lost = a.memory.revoke({*f, row_size});
    REQUIRE(lost);
    CHECK(a.memory.free(*f, 0) == errc::revoked);
}

TEST_CASE("frees of revoked frames that were pending are refused without a word") {
    attached<exclusive_rows> a;
    REQUIRE(a.memory.allocate_at({{0x1800}, 16}) == errc::ok);
    REQUIRE(a.memory.free({0x1800}, 2) == errc::ok);
    three_cpus::cpu = 1;
    REQUIRE(a.memory.revoke({{0x1800}, 512}));
    three_cpus::cpu = 0;
    a.memory.drain();
    CHECK(three_cpus::defects.empty());
    CHECK(a.memory.free_frames() == frames.count - 512);
    CHECK(a.memory.validate() == errc::ok);
}

TEST_CASE("a CPU's own slot is emptied before it is told that nothing is left") {
    attached<exclusive_rows> a;
    REQUIRE(a.memory.allocate_at(frames) == errc::ok);
    // A block of 64 in two halves: one pending, one in the source.
    REQUIRE(a.memory.free({0x1840}, 5) == errc::ok);
    three_cpus::cpu = 2;
    REQUIRE(a.memory.free({0x1860}, 5) == errc::ok);
    a.memory.drain();
    three_cpus::cpu = 0;
    CHECK(a.memory.allocate({.order = 6}));
    CHECK(a.memory.allocate({}).error() == errc::exhausted);
    REQUIRE(a.memory.free({0x1840}, 0) == errc::ok);
    CHECK(a.memory.allocate({}));
    // What another CPU's slot holds counts as used.
    REQUIRE(a.memory.free({0x1840}, 0) == errc::ok);
    three_cpus::cpu = 1;
    CHECK(a.memory.allocate({}).error() == errc::exhausted);
    CHECK(a.memory.free_frames() == 1);
    a.memory.drain(0);
    CHECK(a.memory.allocate({}));
}

TEST_CASE("a CPU without a slot, a small range and a held lock use the source") {
    attached<shared_rows> a;
    three_cpus::cpu = 3;
    const auto f = a.memory.allocate({});
    REQUIRE(f);
    CHECK(a.memory.held_frames() == 0);
    CHECK(a.memory.free(*f, 0) == errc::ok);
    CHECK(a.memory.held_frames() == 0);
    // The lock of CPU 0's slot: the first word of the second line.
    three_cpus::cpu = 0;
    auto& lock = a.storage.words()[64 / sizeof(shared_rows::word)];
    lock.store(1, memory_order::relaxed);
    const auto past = a.memory.allocate({});
    REQUIRE(past);
    CHECK(a.memory.held_frames() == 0);
    CHECK(a.memory.free(*past, 0) == errc::ok);
    CHECK(a.memory.held_frames() == 0);
    // Whoever drains for a CPU that stopped inside frees the lock, too.
    a.memory.drain(0);
    CHECK(lock.load(memory_order::relaxed) == 0);

    using reserved = cpu_rows<radix_buddy<three_cpus>, rows_shape{.frames_per_cpu = 0x1000}>;
    attached<reserved> small;
    CHECK(small.memory.allocate({}));
    CHECK(small.memory.held_frames() == 0);
}

TEST_CASE("requests that rows cannot serve go to the source, slot first emptied if that fails") {
    attached<exclusive_rows> a;
    const auto low = a.memory.allocate({.below = {0x1002}});
    REQUIRE(low);
    CHECK(low->number < 0x1002);
    CHECK(a.memory.held_frames() == 0);
    CHECK(a.memory.allocate({.mirror = mirror::required}).error() == errc::unsupported);
    CHECK(a.memory.allocate({.nodes = node_set::only(1)}).error() == errc::unsupported);
    CHECK(a.memory.allocate({.order = 40}).error() == errc::unsupported);
    REQUIRE(a.memory.allocate({}));
    const auto huge = a.memory.allocate({.order = 9});
    REQUIRE(huge);
    CHECK(a.memory.free(*huge, 9) == errc::ok);
}

TEST_CASE("recover discards the slots; another count of CPUs or foreign words are corrupt") {
    attached<exclusive_rows> a;
    const auto f = a.memory.allocate({});
    REQUIRE(f);
    testing::word_buffer<exclusive_rows::word> copy(exclusive_rows::metadata_words(frames));
    copy.copy_from(a.storage);
    exclusive_rows next;
    REQUIRE(next.attach(frames, copy.words(), start::recover) == errc::ok);
    CHECK(next.held_frames() == 0);
    CHECK(next.free_frames() == frames.count - line_size);  // what the slot held leaks
    CHECK(next.validate() == errc::ok);
    // ... unless the user can say what is in use.
    copy.copy_from(a.storage);
    exclusive_rows knowing;
    REQUIRE(knowing.attach(frames, copy.words(), start::recover, [&](frame<> each) { return each == *f; }) ==
            errc::ok);
    CHECK(knowing.free_frames() == frames.count - 1);
    for (const std::size_t word : {0U, 1U}) {
        copy.copy_from(a.storage);
        copy.words()[word].store(77, memory_order::relaxed);
        exclusive_rows refused;
        CHECK(refused.attach(frames, copy.words(), start::recover) == errc::corrupt);
    }
}

TEST_CASE("threads: a slot per registered thread, and threads without one") {
    using two_slots = thread_platform<2>;
    hammer<cpu_rows<counted<radix_buddy<two_slots>>, always>>([] { return two_slots::registration(); });
}
TEST_CASE("threads: slots of CPUs, shared by whoever is there") {
    hammer<cpu_rows<counted<radix_buddy<cpu_platform<8>>>, shared_slots>>([] { return 0; });
}

TEST_CASE("thread_platform gives slots to registered threads only, and gives them on") {
    using threads = thread_platform<2>;
    CHECK(threads::this_cpu() == 2);
    {
        const threads::registration first;
        CHECK(threads::this_cpu() == 0);
        const threads::registration again;
        CHECK(threads::this_cpu() == 0);
        std::thread([] {
            const threads::registration second;
            CHECK(threads::this_cpu() == 1);
            std::thread([] {
                const threads::registration third;
                CHECK(threads::this_cpu() == 2);
            }).join();
        }).join();
    }
    CHECK(threads::this_cpu() == 2);
    const threads::registration later;
    CHECK(threads::this_cpu() == 0);
}

}  // namespace
}  // namespace ashlar
