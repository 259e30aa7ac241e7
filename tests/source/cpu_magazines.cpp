// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <algorithm>
#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/cpu_magazines.hpp>
#include <ashlar/layer/locked.hpp>
#include <ashlar/linux_backend/user_platform.hpp>
#include <ashlar/source/bump.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <map>
#include <utility>
#include <vector>

#include "source/hammer.hpp"
#include "source/three_cpus.hpp"

namespace ashlar {
namespace {

constexpr range<> frames{{0x1000}, 0x2000};

constexpr std::uint32_t batch = 8;
constexpr std::uint32_t high = 32;
constexpr magazine_shape stacks{
    .batch = batch, .high = high, .largest_order = 2, .huge_order = 4, .frames_per_cpu = 1};
constexpr magazine_shape shared_stacks{.contract = slot_contract::shared,
                                       .batch = batch,
                                       .high = high,
                                       .largest_order = 2,
                                       .huge_order = 4,
                                       .frames_per_cpu = 1};
template <class Platform>
using list = locked<list_buddy<Platform>>;
using exclusive_list = cpu_magazines<list<three_cpus>, stacks>;
using shared_list = cpu_magazines<list<three_cpus>, shared_stacks>;
using exclusive_radix = cpu_magazines<radix_buddy<three_cpus>, stacks>;
static_assert(frame_source<exclusive_list> && free_checking_source<exclusive_list>);
static_assert(counted_source<cpu_magazines<counted<list_buddy<platform>>>>);
static_assert(counted_source<cpu_magazines<locked<counted<list_buddy<platform>>>>>);
static_assert(!counted_source<exclusive_list>);

template <class Source>
struct attached : attached_to<Source> {
    using attached_to<Source>::memory;

    attached() : attached_to<Source>(frames) {}

    [[nodiscard]] frame<> take(unsigned order = 0) {
        const auto got = memory.allocate({.order = order});
        REQUIRE(got);
        return *got;
    }
    /// Everything that the source still has by itself, in no stack.
    void empty_the_source() {
        memory.drain();
        std::vector<range<>> free;
        memory.visit_free([&](range<> each) { free.push_back(each); });
        for (const range<> each : free) REQUIRE(memory.allocate_at(each) == errc::ok);
        REQUIRE(memory.free_frames() == 0);
    }
};

TEST_CASE("the example of the class comment") {
    using my_platform = platform;
    using zone = cpu_magazines<locked<list_buddy<my_platform>>>;
    static zone::word words[zone::metadata_words(frames)];
    static constinit zone source;
    REQUIRE(source.attach(frames, words, start::fresh) == errc::ok);
    REQUIRE(source.online(frames) == errc::ok);
    const auto page = source.allocate({});
    REQUIRE(page);
    CHECK(source.held_frames() == 63);
    CHECK(source.free_frames() == frames.count - 1);
    CHECK(source.inner().free_frames() == frames.count - 64);
    CHECK(source.free(*page, 0) == errc::ok);
    CHECK(source.held_frames() == 64);
    source.drain();
    CHECK(source.held_frames() == 0);
    CHECK(source.inner().free_frames() == frames.count);
    CHECK(source.validate() == errc::ok);
}

TEST_CASE_TEMPLATE("a batch arrives in the order of the source, and what is freed last is handed out next",
                   Source, exclusive_list, shared_list, exclusive_radix) {
    attached<Source> a;
    std::vector<frame<>> got;
    for (std::uint32_t i = 0; i < batch; ++i) {
        got.push_back(a.take());
        CHECK(a.memory.held_frames() == batch - 1 - i);
        if (i > 0) CHECK(got[i] == got[0] + i);
    }
    REQUIRE(a.memory.free(got[2], 0) == errc::ok);
    REQUIRE(a.memory.free(got[5], 0) == errc::ok);
    CHECK(a.take() == got[5]);
    CHECK(a.take() == got[2]);
    // Another CPU has a slot of its own, and the layer counts both.
    (void)a.take();
    three_cpus::cpu = 1;
    const auto other = a.take();
    CHECK(std::find(got.begin(), got.end(), other) == got.end());
    CHECK(a.memory.held_frames() == 2 * (batch - 1));
    CHECK(a.memory.free_frames() == frames.count - batch - 2);
    CHECK(a.memory.validate() == errc::ok);
}

TEST_CASE_TEMPLATE("each small order has its stack, a huge one too, the others are the source's", Source,
                   exclusive_list, exclusive_radix) {
    attached<Source> a;
    std::uint64_t held = 0;
    for (const unsigned order : {0U, 1U, 2U}) {
        CHECK(aligned(a.take(order), order));
        held += batch - (1U << order);
        CHECK(a.memory.held_frames() == held);
    }
    // A batch is smaller than this block: one of them is enough.
    const auto large = a.take(4);
    CHECK(a.memory.held_frames() == held);
    CHECK(a.memory.free(large, 4) == errc::ok);
    CHECK(a.memory.held_frames() <= high);
    CHECK(a.take(4) == large);
    a.memory.drain();
    for (const unsigned order : {3U, 5U}) {
        const auto block = a.take(order);
        CHECK(a.memory.held_frames() == 0);
        CHECK(a.memory.free(block, order) == errc::ok);
        CHECK(a.memory.held_frames() == 0);
    }
}

TEST_CASE_TEMPLATE("a full slot gives back a batch of its oldest, and no CPU holds more than its mark",
                   Source, exclusive_list, shared_list, exclusive_radix) {
    attached<Source> a;
    REQUIRE(a.memory.allocate_at({{0x1800}, 128}) == errc::ok);
    for (std::uint64_t i = 0; i < high; ++i) REQUIRE(a.memory.free({0x1800 + i}, 0) == errc::ok);
    CHECK(a.memory.held_frames() == high);
    const std::uint64_t before = a.memory.inner().free_frames();
    REQUIRE(a.memory.free({0x1840}, 0) == errc::ok);
    CHECK(a.memory.held_frames() == high - batch + 1);
    CHECK(a.memory.inner().free_frames() == before + batch);
    // The oldest are the source's, the youngest are not.
    CHECK(a.memory.inner().would_free({0x1800 + batch - 1}, 0) == errc::double_free);
    CHECK(a.memory.inner().would_free({0x1800 + batch}, 0) == errc::ok);
    CHECK(a.take() == frame<>{0x1840});
    CHECK(a.take() == frame<>{0x1800 + high - 1});
    // Where its own stack is empty another order's makes room.
    REQUIRE(a.memory.free({0x1840}, 0) == errc::ok);
    while (a.memory.held_frames() < high) {
        REQUIRE(a.memory.free({0x1840 + high - a.memory.held_frames()}, 0) == errc::ok);
    }
    REQUIRE(a.memory.free({0x1870}, 4) == errc::ok);
    CHECK(a.memory.held_frames() == high);
    CHECK(a.take(4) == frame<>{0x1870});
    CHECK(a.memory.validate() == errc::ok);
}

TEST_CASE("random frees and allocations of every order stay below the mark, CPU by CPU") {
    attached<exclusive_list> a;
    testing::random_bits dice(3);
    std::vector<std::pair<frame<>, unsigned>> held;
    std::uint64_t most = 0;
    for (int step = 0; step < 20'000; ++step) {
        three_cpus::cpu = static_cast<cpu_id>(dice() % 3);
        const auto order = static_cast<unsigned>(dice() % 6);
        if (dice() % 2 == 0) {
            if (const auto got = a.memory.allocate({.order = order})) held.emplace_back(*got, order);
        } else if (!held.empty()) {
            std::swap(held[dice() % held.size()], held.back());
            REQUIRE(a.memory.free(held.back().first, held.back().second) == errc::ok);
            held.pop_back();
        }
        REQUIRE(a.memory.held_frames() <= 3 * high);
        most = std::max(most, a.memory.held_frames());
        if (step % 512 == 0) REQUIRE(a.memory.validate() == errc::ok);
    }
    CHECK(most > 2 * high);
    for (const auto& [first, order] : held) REQUIRE(a.memory.free(first, order) == errc::ok);
    CHECK(a.memory.free_frames() == frames.count);
    for (cpu_id cpu = 0; cpu < 3; ++cpu) a.memory.drain(cpu);
    CHECK(a.memory.inner().free_frames() == frames.count);
}

TEST_CASE_TEMPLATE("a double free is told in the own slot and in the source, before anything changes", Source,
                   exclusive_list, shared_list, exclusive_radix) {
    attached<Source> a;
    REQUIRE(a.memory.allocate_at({{0x1800}, 64}) == errc::ok);
    REQUIRE(a.memory.free({0x1800}, 0) == errc::ok);
    REQUIRE(a.memory.free({0x1804}, 2) == errc::ok);
    REQUIRE(a.memory.free({0x1810}, 4) == errc::ok);
    REQUIRE(a.memory.free({0x1822}, 1) == errc::ok);
    const std::uint64_t free = a.memory.free_frames();
    const auto refused = [&](std::uint64_t first, unsigned order, errc why) {
        CAPTURE(first);
        CAPTURE(order);
        CHECK(a.memory.would_free({first}, order) == why);
        CHECK(a.memory.free({first}, order) == why);
    };
    for (unsigned order = 0; order <= 6; ++order) refused(0x1800, order, errc::double_free);
    refused(0x1804, 0, errc::double_free);  // a piece of what is in a stack
    refused(0x1806, 1, errc::double_free);
    refused(0x1808 + 8, 0, errc::double_free);
    refused(0x181f, 0, errc::double_free);
    refused(0x1818, 3, errc::double_free);
    refused(0x1820, 2, errc::double_free);  // around it
    refused(0x1820, 4, errc::double_free);
    refused(0x1900, 0, errc::double_free);  // in the source
    refused(0x1801, 1, errc::misaligned);
    refused(0x900, 0, errc::not_owned);
    refused(0x1000, 60, errc::unsupported);
    CHECK(a.memory.would_free({0x1802}, 1) == errc::ok);
    CHECK(a.memory.free_frames() == free);
    CHECK(a.memory.validate() == errc::ok);
    CHECK(three_cpus::defects.empty());
}

TEST_CASE(
    "a double free against another CPU's slot goes to the defect hook, and the rest of a flush stands") {
    attached<exclusive_list> a;
    REQUIRE(a.memory.allocate_at({{0x1800}, 16}) == errc::ok);
    REQUIRE(a.memory.free({0x1800}, 2) == errc::ok);
    REQUIRE(a.memory.free({0x1808}, 0) == errc::ok);
    three_cpus::cpu = 1;
    REQUIRE(a.memory.free({0x1802}, 0) == errc::ok);  // nobody can know
    CHECK(a.memory.validate() == errc::corrupt);      // but who looks at all slots
    a.memory.drain();
    CHECK(three_cpus::defects.empty());
    CHECK(a.memory.validate() == errc::corrupt);  // the source has it, and a slot
    three_cpus::cpu = 0;
    a.memory.drain();
    CHECK(three_cpus::defects == defect_reports{{errc::double_free, 0x1802}});
    CHECK(a.memory.validate() == errc::ok);
    CHECK(a.memory.free_frames() == frames.count - 16 + 5);
}

TEST_CASE_TEMPLATE("isolate is busy while any CPU holds a frame of the range", Source, exclusive_list,
                   exclusive_radix) {
    attached<Source> a;
    three_cpus::cpu = 1;
    const auto f = a.take();
    three_cpus::cpu = 0;
    const range<> around{{f.number / 512 * 512}, 512};
    CHECK(a.memory.isolate(around) == errc::busy);
    CHECK(a.memory.offline(around) == errc::busy);
    // The other CPU does not hand out what it still holds of it.
    three_cpus::cpu = 1;
    for (int i = 0; i < 100; ++i) CHECK_FALSE(around.contains(a.take()));
    CHECK(a.memory.free(f, 0) == errc::ok);
    // A free goes to the source at once, where it stays.
    CHECK(a.memory.inner().would_free(f, 0) == errc::double_free);
    three_cpus::cpu = 0;
    CHECK(a.memory.isolate(around) == errc::ok);
    CHECK(a.memory.offline(around) == errc::ok);
    CHECK(three_cpus::defects.empty());
    CHECK(a.memory.validate() == errc::ok);
}

TEST_CASE("a CPU that only drains lets isolate end, too") {
    attached<exclusive_list> a;
    three_cpus::cpu = 2;
    const auto f = a.take();
    REQUIRE(a.memory.free(f, 0) == errc::ok);
    three_cpus::cpu = 0;
    const range<> around{{f.number / 512 * 512}, 512};
    CHECK(a.memory.isolate(around) == errc::busy);
    a.memory.drain(2);
    CHECK(a.memory.isolate(around) == errc::ok);
}

TEST_CASE("what was readmitted, or went offline and came back, is held by CPUs again") {
    attached<exclusive_list> a;
    const range<> unit{{0x1800}, 512};
    const auto is_held = [&] {
        REQUIRE(a.memory.allocate_at({{0x1805}, 1}) == errc::ok);
        REQUIRE(a.memory.free({0x1805}, 0) == errc::ok);
        const bool held = a.memory.held_frames() != 0;
        a.memory.drain();
        return held;
    };
    CHECK(is_held());
    REQUIRE(a.memory.isolate(unit) == errc::ok);
    CHECK_FALSE(is_held());
    // A refused readmit leaves everything as it is.
    CHECK(a.memory.readmit({{0x1800}, 100}) == errc::misaligned);
    CHECK_FALSE(is_held());
    REQUIRE(a.memory.readmit(unit) == errc::ok);
    CHECK(is_held());
    REQUIRE(a.memory.isolate({{0x1800}, 1024}) == errc::ok);
    CHECK(a.memory.offline({{0x1800}, 1025}) == errc::busy);
    CHECK_FALSE(is_held());
    REQUIRE(a.memory.offline(unit) == errc::ok);
    REQUIRE(a.memory.online(unit) == errc::ok);
    CHECK(is_held());
    // The other unit is isolated as before.
    REQUIRE(a.memory.allocate_at({{0x1a00}, 1}) == errc::ok);
    REQUIRE(a.memory.free({0x1a00}, 0) == errc::ok);
    CHECK(a.memory.held_frames() == 0);
}

TEST_CASE_TEMPLATE("what another CPU holds of revoked frames is not handed out, and no defect", Source,
                   exclusive_list, exclusive_radix) {
    attached<Source> a;
    REQUIRE(a.memory.allocate_at({{0x1800}, 16}) == errc::ok);
    three_cpus::cpu = 1;
    REQUIRE(a.memory.free({0x1800}, 0) == errc::ok);
    REQUIRE(a.memory.free({0x1804}, 2) == errc::ok);
    three_cpus::cpu = 0;
    const auto left = a.memory.revoke({{0x1800}, 6});
    REQUIRE(left);
    CHECK(*left == 0);
    SUBCASE("") {}
    SUBCASE("a readmit does not make them good") {
        REQUIRE(a.memory.isolate({{0x1800}, 512}) == errc::busy);
        REQUIRE(a.memory.readmit({{0x1800}, 512}) == errc::ok);
    }
    three_cpus::cpu = 1;
    CHECK(a.take() != frame<>{0x1800});
    CHECK(a.take(2) != frame<>{0x1804});
    CHECK(a.memory.free({0x1800}, 0) == errc::revoked);
    // Of the block that was revoked in part the rest is free.
    CHECK(a.memory.inner().would_free({0x1806}, 1) == errc::double_free);
    CHECK(three_cpus::defects.empty());
    CHECK(a.memory.validate() == errc::ok);
}

TEST_CASE("a frame of the caller's slot can be had by number") {
    attached<exclusive_list> a;
    const auto f = a.take();
    CHECK(a.memory.allocate_at({f + 1, 1}) == errc::ok);
    for (int i = 0; i < 100; ++i) CHECK(a.take() != f + 1);
}

TEST_CASE_TEMPLATE("a CPU's own slot is emptied before it is told that nothing is left", Source,
                   exclusive_list, shared_list, exclusive_radix) {
    attached<Source> a;
    a.empty_the_source();
    // A block of 8 in two halves: one in this CPU's slot, one in the source.
    REQUIRE(a.memory.free({0x1800}, 2) == errc::ok);
    three_cpus::cpu = 2;
    REQUIRE(a.memory.free({0x1804}, 2) == errc::ok);
    a.memory.drain();
    three_cpus::cpu = 0;
    CHECK(a.take(3) == frame<>{0x1800});
    CHECK(a.memory.allocate({}).error() == errc::exhausted);
    REQUIRE(a.memory.free({0x1800}, 1) == errc::ok);
    // Smaller blocks come out of it, and those below a limit.
    CHECK(a.take() == frame<>{0x1800});
    CHECK(a.memory.allocate({.below = {0x1802}}));
    // What another CPU's slot holds counts as used.
    REQUIRE(a.memory.free({0x1800}, 0) == errc::ok);
    three_cpus::cpu = 1;
    CHECK(a.memory.allocate({}).error() == errc::exhausted);
    CHECK(a.memory.free_frames() == 1);
    a.memory.drain(0);
    CHECK(a.take() == frame<>{0x1800});
}

TEST_CASE("a batch that the source cannot fill is smaller") {
    attached<exclusive_list> a;
    a.empty_the_source();
    for (std::uint64_t i = 0; i < 5; ++i) REQUIRE(a.memory.free({0x1800 + 2 * i}, 0) == errc::ok);
    a.memory.drain();
    for (int i = 0; i < 5; ++i) {
        (void)a.take();
        CHECK(a.memory.held_frames() == static_cast<std::uint64_t>(4 - i));
    }
    CHECK(a.memory.allocate({}).error() == errc::exhausted);
}

TEST_CASE("frame 0 is handed out only by name") {
    using zone = cpu_magazines<list<three_cpus>, stacks>;
    constexpr range<> low{{0}, 1024};
    testing::word_buffer<zone::word> words(zone::metadata_words(low));
    zone memory;
    REQUIRE(memory.attach(low, words.words(), start::fresh) == errc::ok);
    REQUIRE(memory.online(low) == errc::ok);
    REQUIRE(memory.allocate_at({{0}, 4}) == errc::ok);
    REQUIRE(memory.free({0}, 1) == errc::ok);
    CHECK(memory.held_frames() == 0);
    REQUIRE(memory.free({2}, 1) == errc::ok);
    CHECK(memory.held_frames() == 2);
    for (int i = 0; i < 100; ++i) CHECK(memory.allocate({})->number != 0);
}

TEST_CASE("a CPU without a slot and a held lock use the source") {
    attached<shared_list> a;
    three_cpus::cpu = 3;
    const auto f = a.take();
    CHECK(a.memory.held_frames() == 0);
    CHECK(a.memory.free(f, 0) == errc::ok);
    CHECK(a.memory.held_frames() == 0);
    // The lock of CPU 0's slot: the first word of the second line.
    three_cpus::cpu = 0;
    auto& lock = a.storage.words()[64 / sizeof(shared_list::word)];
    lock.store(1, memory_order::relaxed);
    const auto past = a.take();
    CHECK(a.memory.held_frames() == 0);
    CHECK(a.memory.free(past, 0) == errc::ok);
    CHECK(a.memory.held_frames() == 0);
    CHECK(a.memory.would_free({0x2000}, 0) == errc::double_free);
    // Whoever drains for a CPU that stopped inside frees the lock, too.
    a.memory.drain(0);
    CHECK(lock.load(memory_order::relaxed) == 0);
    (void)a.take();
    CHECK(a.memory.held_frames() != 0);
}

TEST_CASE("in small ranges no CPU has a slot, nor words for one") {
    constexpr magazine_shape reserved{.frames_per_cpu = 0x1000};
    using small = cpu_magazines<list<three_cpus>, reserved>;
    attached<small> a;
    CHECK(a.memory.allocate({}));
    CHECK(a.memory.held_frames() == 0);
    const std::size_t own = small::metadata_words(frames) - list<three_cpus>::metadata_words(frames);
    CHECK(own * sizeof(small::word) <= 4 * 64);
    constexpr range<> larger{{0x1000}, 0x3000};
    CHECK(small::metadata_words(larger) - list<three_cpus>::metadata_words(larger) > 3 * 1000);
}

TEST_CASE("requests that stacks cannot serve go to the source") {
    attached<exclusive_list> a;
    const auto low = a.memory.allocate({.below = {0x1002}});
    REQUIRE(low);
    CHECK(low->number < 0x1002);
    CHECK(a.memory.held_frames() == 0);
    CHECK(a.memory.allocate({.mirror = mirror::required}).error() == errc::unsupported);
    CHECK(a.memory.allocate({.nodes = node_set::only(1)}).error() == errc::unsupported);
    CHECK(a.memory.allocate({.order = 40}).error() == errc::unsupported);
}

TEST_CASE(
    "one verb that changes marks at a time; after a crash inside, all of them are busy until recovery") {
    attached<exclusive_list> a;
    // The word before the marks, a line of its own: after the header and three slots.
    const std::size_t own = exclusive_list::metadata_words(frames) - list<three_cpus>::metadata_words(frames);
    auto& turn = a.storage.words()[own - 2 * 64 / sizeof(exclusive_list::word)];
    turn.store(1, memory_order::relaxed);
    const range<> unit{{0x1800}, 512};
    CHECK(a.memory.isolate(unit) == errc::busy);
    CHECK(a.memory.readmit(unit) == errc::busy);
    CHECK(a.memory.offline(unit) == errc::busy);
    CHECK(a.memory.revoke(unit).error() == errc::busy);
    // Nothing has happened, and everything else works.
    CHECK(a.take(9) != frame<>{0});
    CHECK(a.memory.validate() == errc::ok);
    a.memory.drain();
    exclusive_list next;
    REQUIRE(next.attach(frames, a.storage.words(), start::recover) == errc::ok);
    CHECK(next.isolate(unit) == errc::ok);
}

TEST_CASE("recover discards the slots and keeps the marks; words of another layout are corrupt") {
    attached<exclusive_list> a;
    REQUIRE(a.memory.isolate({{0x1800}, 512}) == errc::ok);
    const auto f = a.take();
    testing::word_buffer<exclusive_list::word> copy(exclusive_list::metadata_words(frames));
    copy.copy_from(a.storage);
    exclusive_list next;
    REQUIRE(next.attach(frames, copy.words(), start::recover) == errc::ok);
    CHECK(next.held_frames() == 0);
    CHECK(next.free_frames() == frames.count - batch);  // what the slot held leaks
    CHECK(next.validate() == errc::ok);
    REQUIRE(next.allocate_at({{0x1800}, 1}) == errc::ok);
    REQUIRE(next.free({0x1800}, 0) == errc::ok);
    CHECK(next.held_frames() == 0);
    // ... unless the user can say what is in use.
    copy.copy_from(a.storage);
    exclusive_list knowing;
    REQUIRE(knowing.attach(frames, copy.words(), start::recover, [&](frame<> each) { return each == f; }) ==
            errc::ok);
    CHECK(knowing.free_frames() == frames.count - 1);
    for (const std::size_t word : {0U, 1U, 2U}) {
        copy.copy_from(a.storage);
        copy.words()[word].store(77, memory_order::relaxed);
        exclusive_list refused;
        CHECK(refused.attach(frames, copy.words(), start::recover) == errc::corrupt);
    }
}

TEST_CASE("detach gives back what the slots hold: nothing is lost to who recovers") {
    attached<exclusive_list> a;
    for (cpu_id cpu = 0; cpu < 3; ++cpu) {
        three_cpus::cpu = cpu;
        const auto f = a.take(1);
        REQUIRE(a.memory.free(f, 1) == errc::ok);
    }
    REQUIRE(a.memory.detach(frames) == errc::ok);
    REQUIRE(a.memory.attach(frames, a.storage.words(), start::recover) == errc::ok);
    CHECK(a.memory.free_frames() == frames.count);
}

TEST_CASE("over a source that cannot take frees back") {
    using early = cpu_magazines<bump<three_cpus>, stacks>;
    attached<early> a;
    const auto f = a.take();
    CHECK(a.take() == f + 1);
    CHECK(a.memory.held_frames() == batch - 2);
    CHECK(a.memory.free(f, 0) == errc::unsupported);
    CHECK(a.memory.free(f + 2, 0) == errc::double_free);
    // What a drain cannot give back stays in use, and somebody hears of it.
    a.memory.drain();
    CHECK(three_cpus::defects.size() == batch - 2);
    CHECK(three_cpus::defects[0] == std::pair(errc::unsupported, f.number + batch - 1));
    CHECK(a.memory.free_frames() == frames.count - batch);
}

TEST_CASE("threads: a slot per registered thread, and threads without one") {
    using two_slots = thread_platform<2>;
    hammer<cpu_magazines<list<two_slots>, stacks>>([] { return two_slots::registration(); });
    hammer<cpu_magazines<counted<radix_buddy<two_slots>>, stacks>>([] { return two_slots::registration(); });
}
TEST_CASE("threads: slots of CPUs, shared by whoever is there") {
    hammer<cpu_magazines<list<cpu_platform<8>>, shared_stacks>>([] { return 0; });
    hammer<cpu_magazines<counted<radix_buddy<cpu_platform<8>>>, shared_stacks>>([] { return 0; });
}

}  // namespace
}  // namespace ashlar
