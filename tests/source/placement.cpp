// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where blocks are placed: by address, by fullness, close to the last one, apart by mobility.
#include <doctest/doctest.h>
#include <array>
#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <set>
#include <vector>

namespace ashlar {
namespace {

constexpr std::uint64_t line = 512;
constexpr range<> frames{{0x10000}, 64 * line};

struct told_cpu : platform {
    static inline cpu_id cpu = 0;
    [[nodiscard]] static cpu_id this_cpu() noexcept { return cpu; }
    [[nodiscard]] static constexpr cpu_id max_cpus() noexcept { return 2; }
};
template <buddy_shape Shape>
using buddy = radix_buddy<told_cpu, Shape>;
template <buddy_shape Shape>
using rows = cpu_rows<buddy<Shape>, rows_shape{.frames_per_cpu = 1, .window_order = 0}>;

constexpr buddy_shape lowest{};
constexpr buddy_shape nearest{.placement = placement::nearest};
constexpr buddy_shape fullest{.placement = placement::fullest};
constexpr buddy_shape classes{.mobility_classes = true};

template <class Source>
struct attached {
    attached() {
        told_cpu::cpu = 0;
        REQUIRE(memory.attach(frames, storage.words(), start::fresh) == errc::ok);
        REQUIRE(memory.online(frames) == errc::ok);
    }
    /// All of it, line by line.
    void take_all() { REQUIRE(memory.allocate_at(frames) == errc::ok); }
    void give(std::uint64_t in_line, std::uint64_t first, std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) {
            REQUIRE(memory.free(frames.first + in_line * line + first + i, 0) == errc::ok);
        }
    }
    [[nodiscard]] std::uint64_t take(request<> wanted = {}) {
        const auto got = memory.allocate(wanted);
        REQUIRE(got);
        return (got->number - frames.first.number) / line;
    }
    testing::word_buffer<typename Source::word> storage{Source::metadata_words(frames)};
    Source memory;
};

TEST_CASE("lowest: the lowest line that has a block, whatever else is free in it") {
    attached<buddy<lowest>> on;
    on.take_all();
    on.give(9, 100, 2);
    on.give(5, 0, 300);
    CHECK(on.take() == 5);
    on.give(2, 7, 1);
    CHECK(on.take() == 2);
    CHECK(on.take() == 5);
}

TEST_CASE("fullest: of the first lines that suit, the one with the fewest free frames") {
    attached<buddy<fullest>> on;
    on.take_all();
    on.give(3, 0, 300);
    on.give(9, 100, 3);
    on.give(12, 200, 5);
    CHECK(on.take() == 9);
    CHECK(on.take() == 9);
    CHECK(on.take() == 9);
    CHECK(on.take() == 12);
    CHECK(on.take({.order = 3}) == 3);
    SUBCASE("as many as are looked at") {
        for (std::uint64_t each = 20; each < 40; ++each) on.give(each, 0, 8);
        on.give(50, 0, 1);
        CHECK(on.take() == 12);
    }
}

TEST_CASE("fullest by rows: the CPU gets a row of the fullest line") {
    attached<rows<fullest>> on;
    on.take_all();
    on.give(3, 0, 300);
    on.give(9, 100, 3);
    on.memory.drain();
    CHECK(on.take() == 9);
}

TEST_CASE("nearest: rows follow one another from the last one on, and go around") {
    attached<rows<nearest>> on;
    on.take_all();
    // One row in each of the lines 10 to 13: the first search, of a CPU that has had nothing, is by address.
    for (std::uint64_t each = 10; each < 14; ++each) on.give(each, 0, 64);
    on.memory.drain();
    for (std::uint64_t i = 0; i < 64; ++i) CHECK(on.take() == 10);
    on.give(2, 0, 64);
    on.memory.drain();
    CHECK(on.take() == 2);
    for (std::uint64_t i = 1; i < 64; ++i) CHECK(on.take() == 2);
    for (std::uint64_t each = 11; each < 14; ++each) {
        for (std::uint64_t i = 0; i < 64; ++i) CHECK(on.take() == each);
    }
    CHECK(on.memory.allocate({}).error() == errc::exhausted);
}

TEST_CASE("CPUs start in different pageblocks") {
    attached<rows<lowest>> on;
    const std::uint64_t first = on.take();
    told_cpu::cpu = 1;
    CHECK(on.take() != first);
}

constexpr std::array all_classes{mobility::unmovable, mobility::movable, mobility::reclaimable};

template <class Source>
void keep_apart() {
    attached<Source> on;
    testing::random_bits random(1);
    std::array<std::set<std::uint64_t>, 3> lines;
    // Three quarters of the memory, so that no class has to be mixed into another one's lines.
    for (std::uint64_t taken = 0; taken < frames.count * 3 / 4;) {
        const auto order = static_cast<unsigned>(random() % 7);
        const auto which = static_cast<std::size_t>(random() % 3);
        told_cpu::cpu = static_cast<cpu_id>(random() % 2);
        lines[which].insert(on.take({.order = order, .mobility = all_classes[which]}));
        taken += std::uint64_t{1} << order;
    }
    for (const std::uint64_t each : lines[0]) CHECK(lines[1].count(each) + lines[2].count(each) == 0);
    for (const std::uint64_t each : lines[1]) CHECK(lines[2].count(each) == 0);
    CHECK(on.memory.validate() == errc::ok);
}
TEST_CASE("mobility classes have lines of their own") {
    SUBCASE("one by one") {
        keep_apart<buddy<classes>>();
    }
    SUBCASE("by rows") {
        keep_apart<rows<classes>>();
    }
    SUBCASE("counted") {
        keep_apart<cpu_rows<counted<buddy<classes>>, rows_shape{.frames_per_cpu = 1, .window_order = 0}>>();
    }
    SUBCASE("fullest first") {
        keep_apart<rows<buddy_shape{.placement = placement::fullest, .mobility_classes = true}>>();
    }
}

template <class Source>
void fall_back() {
    attached<Source> on;
    for (std::uint64_t i = 0; i < frames.count; ++i) (void)on.take({.mobility = mobility::movable});
    on.memory.drain();
    REQUIRE(on.memory.allocate({}).error() == errc::exhausted);
    // A line of which little is free stays movable; one of which half is free becomes unmovable.
    on.give(3, 0, 10);
    on.give(7, 0, 256);
    on.memory.drain();
    CHECK(on.take() == 7);
    on.memory.drain();
    CHECK(on.take({.mobility = mobility::movable}) == 3);
    for (int i = 0; i < 255; ++i) CHECK(on.take() == 7);
    for (int i = 0; i < 9; ++i) CHECK(on.take() == 3);
    CHECK(on.memory.allocate({}).error() == errc::exhausted);
    on.memory.drain();
    on.give(3, 0, 1);
    on.give(7, 9, 1);
    on.memory.drain();
    CHECK(on.take({.mobility = mobility::reclaimable}) == 3);
    on.memory.drain();
    CHECK(on.take({.mobility = mobility::movable}) == 7);
    CHECK(on.memory.validate() == errc::ok);
}
TEST_CASE(
    "without a line of its own or a whole one, a class takes where most is free, and the line by half") {
    SUBCASE("one by one") {
        fall_back<buddy<classes>>();
    }
    SUBCASE("by rows") {
        fall_back<rows<classes>>();
    }
}

TEST_CASE("a row that two classes take from is never in two places") {
    attached<rows<classes>> on;
    for (std::uint64_t i = 0; i < frames.count; ++i) (void)on.take({.mobility = mobility::movable});
    on.memory.drain();
    const frame<> first = frames.first + 3 * line;
    // Two frames of one row: one for each class's own row of the slot.
    on.give(3, 0, 1);
    on.memory.drain();
    REQUIRE(on.take({.mobility = mobility::movable}) == 3);
    told_cpu::cpu = 1;
    on.give(3, 1, 2);
    on.memory.drain();
    told_cpu::cpu = 0;
    REQUIRE(on.take() == 3);
    CHECK(on.memory.free(first, 0) == errc::ok);
    CHECK(on.memory.free(first, 0) == errc::double_free);
    CHECK(on.memory.free(first + 2, 0) == errc::double_free);
    CHECK(on.memory.validate() == errc::ok);
    CHECK(on.memory.free_frames() == 2);
}

TEST_CASE("a search passes many lines of other classes, then takes a whole line") {
    constexpr range<> large{{0x100000}, 1024 * line};
    using source = buddy<classes>;
    testing::word_buffer<source::word> storage{source::metadata_words(large)};
    source memory;
    REQUIRE(memory.attach(large, storage.words(), start::fresh) == errc::ok);
    REQUIRE(memory.online(large) == errc::ok);
    // 600 movable lines with room, behind them an unmovable one.
    for (std::uint64_t i = 0; i < 600 * line; ++i) REQUIRE(memory.allocate({.mobility = mobility::movable}));
    const auto unmovable = memory.allocate({});
    REQUIRE(unmovable);
    REQUIRE(unmovable->number == large.first.number + 600 * line);
    for (std::uint64_t i = 0; i < 600; ++i) REQUIRE(memory.free(large.first + i * line, 0) == errc::ok);
    const auto next = memory.allocate({});
    REQUIRE(next);
    CHECK(next->number == large.first.number + 601 * line);
}

TEST_CASE("classes cost two bits a line, and a state without them is not taken for one with them") {
    CHECK(buddy<classes>::metadata_words(frames) == buddy<lowest>::metadata_words(frames) + 2);
    using other = buddy<lowest>;
    testing::word_buffer<other::word> storage{buddy<classes>::metadata_words(frames)};
    other plain;
    REQUIRE(plain.attach(frames, storage.words(), start::fresh) == errc::ok);
    REQUIRE(plain.detach(frames) == errc::ok);
    buddy<classes> apart;
    CHECK(apart.attach(frames, storage.words(), start::recover) == errc::corrupt);
}

TEST_CASE("classes survive a recovery") {
    attached<buddy<classes>> on;
    const auto unmovable = on.memory.allocate({});
    const auto movable = on.memory.allocate({.mobility = mobility::movable});
    REQUIRE((unmovable && movable));
    REQUIRE(on.memory.detach(frames) == errc::ok);
    REQUIRE(on.memory.attach(frames, on.storage.words(), start::recover) == errc::ok);
    CHECK(on.memory.class_of(*unmovable) == mobility::unmovable);
    CHECK(on.memory.class_of(*movable) == mobility::movable);
    CHECK(on.memory.allocate({.mobility = mobility::movable})->number == movable->number + 1);
}

}  // namespace
}  // namespace ashlar
