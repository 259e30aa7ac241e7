// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/linux_backend/user_platform.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <atomic>
#include <thread>
#include <vector>

namespace ashlar {
namespace {

constexpr range<> frames{{0x1000}, 0x2000};
constexpr std::uint64_t row_size = 64;

/// Three CPUs; the test says which one is running, how deep in guards, and hears of defects.
struct three_cpus : platform {
    static inline thread_local cpu_id cpu = 0;
    static inline int depth = 0;
    static inline std::vector<std::uint64_t> defects{};
    struct cpu_guard {
        cpu_guard() noexcept { ++depth; }
        ~cpu_guard() { --depth; }
        cpu_guard(const cpu_guard&) = delete;
        cpu_guard& operator=(const cpu_guard&) = delete;
    };
    [[nodiscard]] static cpu_id this_cpu() noexcept {
        CHECK(depth == 1);
        return cpu;
    }
    [[nodiscard]] static constexpr cpu_id max_cpus() noexcept { return 3; }
    static void defect(errc what, std::uint64_t where) noexcept {
        CHECK(what == errc::double_free);
        defects.push_back(where);
    }
};
constexpr rows_shape always{.frames_per_cpu = 1};
constexpr rows_shape shared_slots{.contract = slot_contract::shared, .frames_per_cpu = 1};
using exclusive_rows = cpu_rows<radix_buddy<three_cpus>, always>;
using shared_rows = cpu_rows<radix_buddy<three_cpus>, shared_slots>;
static_assert(frame_source<exclusive_rows> && frame_source<shared_rows>);
static_assert(free_checking_source<exclusive_rows>);
static_assert(counted_source<cpu_rows<counted<radix_buddy<platform>>>>);

template <class Source>
struct attached {
    attached() {
        three_cpus::cpu = 0;
        three_cpus::defects.clear();
        REQUIRE(memory.attach(frames, storage.words(), start::fresh) == errc::ok);
        REQUIRE(memory.online(frames) == errc::ok);
    }
    ~attached() { CHECK(three_cpus::depth == 0); }
    attached(const attached&) = delete;
    attached& operator=(const attached&) = delete;
    testing::word_buffer<typename Source::word> storage{Source::metadata_words(frames)};
    Source memory;
};

TEST_CASE("the example of the class comment") {
    using my_platform = platform;
    using zone = cpu_rows<counted<radix_buddy<my_platform>>>;
    static zone::word words[zone::metadata_words(frames)];
    static constinit zone source;
    REQUIRE(source.attach(frames, words, start::fresh) == errc::ok);
    REQUIRE(source.online(frames) == errc::ok);
    const auto page = source.allocate({});
    REQUIRE(page);
    CHECK(source.held_frames() == row_size - 1);
    CHECK(source.approximate_free_frames() == frames.count - row_size);
    CHECK(source.free(*page, 0) == errc::ok);
    CHECK(source.held_frames() == row_size);
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
        CHECK(a.memory.held_frames() == row_size - 1 - i);
        got.push_back(*f);
    }
    const auto next = a.memory.allocate({.order = 3});
    REQUIRE(next);
    CHECK(next->number / row_size != got[0].number / row_size);
    CHECK(a.memory.held_frames() == row_size - 8);
    // Another CPU has a row of its own, and the layer counts both.
    three_cpus::cpu = 1;
    const auto other = a.memory.allocate({});
    REQUIRE(other);
    CHECK(other->number / row_size != next->number / row_size);
    CHECK(a.memory.held_frames() == row_size - 8 + row_size - 1);
    CHECK(a.memory.free_frames() == frames.count - row_size - 8 - 1);
    CHECK(a.memory.validate() == errc::ok);
}

TEST_CASE_TEMPLATE("frees of one row are pending until it is full or another row's come", Source,
                   exclusive_rows, shared_rows) {
    attached<Source> a;
    const range<> one{{0x1400}, row_size};
    const range<> two{{0x1800}, row_size};
    REQUIRE(a.memory.allocate_at(one) == errc::ok);
    REQUIRE(a.memory.allocate_at(two) == errc::ok);
    for (std::uint64_t i = 0; i < row_size; ++i) {
        CHECK(a.memory.held_frames() == i);
        REQUIRE(a.memory.free(one.first + i, 0) == errc::ok);
    }
    CHECK(a.memory.held_frames() == 0);
    CHECK(a.memory.inner().free_frames() == frames.count - row_size);
    REQUIRE(a.memory.allocate_at({one.first, 8}) == errc::ok);
    REQUIRE(a.memory.free(two.first, 4) == errc::ok);
    REQUIRE(a.memory.free(one.first, 3) == errc::ok);
    CHECK(a.memory.held_frames() == 8);
    CHECK(a.memory.inner().free_frames() == frames.count - row_size + 16 - 8);
    CHECK(a.memory.free_frames() == frames.count - row_size + 16);
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
    CHECK(a.memory.free_frames() + 16 - 4 + row_size - 1 == free + row_size - 1);
    CHECK(a.memory.validate() == errc::ok);
    CHECK(three_cpus::defects.empty());
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
    CHECK(three_cpus::defects == std::vector<std::uint64_t>{0x1800});
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
    CHECK(next.free_frames() == frames.count - row_size);  // what the slot held leaks
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

template <class Source, class Enter>
void hammer(Enter enter) {
    static constexpr range<> few{{0x40000}, 0x4000};
    testing::word_buffer<typename Source::word> words(Source::metadata_words(few));
    Source source;
    REQUIRE(source.attach(few, words.words(), start::fresh) == errc::ok);
    REQUIRE(source.online(few) == errc::ok);
    std::vector<std::atomic<std::uint8_t>> owned(few.count);
    std::atomic<int> wrong{0};
    std::vector<std::vector<frame<>>> left(4);
    const auto mark = [&](frame<> first, unsigned order, std::uint8_t from, std::uint8_t to) {
        for (std::uint64_t i = 0; i < std::uint64_t{1} << order; ++i) {
            std::uint8_t expected = from;
            if (!owned[first.number - few.first.number + i].compare_exchange_strong(expected, to)) ++wrong;
        }
    };
    std::vector<std::thread> threads;
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
        threads.emplace_back([&, seed] {
            [[maybe_unused]] const auto slot = enter();
            testing::random_bits dice(seed + 1);
            std::vector<std::pair<frame<>, unsigned>> held;
            for (int step = 0; step < 20'000; ++step) {
                if (held.size() < 300 && dice() % 2 == 0) {
                    const auto order = static_cast<unsigned>(dice() % 8);
                    if (const auto got = source.allocate({.order = order})) {
                        mark(*got, order, 0, 1);
                        held.emplace_back(*got, order);
                    }
                } else if (!held.empty()) {
                    std::swap(held[dice() % held.size()], held.back());
                    mark(held.back().first, held.back().second, 1, 0);
                    if (source.free(held.back().first, held.back().second) != errc::ok) ++wrong;
                    held.pop_back();
                }
                if (step % 1000 == 0) source.drain();
            }
            for (const auto& [first, order] : held) {
                mark(first, order, 1, 0);
                if (source.free(first, order) != errc::ok) ++wrong;
            }
            source.drain();
        });
    }
    for (auto& each : threads) each.join();
    CHECK(wrong == 0);
    for (cpu_id cpu = 0; cpu < Source::platform_type::max_cpus(); ++cpu) source.drain(cpu);
    CHECK(source.inner().free_frames() == few.count);
    CHECK(source.validate() == errc::ok);
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
