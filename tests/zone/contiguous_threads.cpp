// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Ranges, blocks and zones that come and go, by threads at once: every frame has one owner.
#include "zone/machines.hpp"

#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/linux_backend/user_platform.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <atomic>
#include <thread>

namespace {

using namespace zone_tests;

using slots = cpu_platform<4>;
using rows_zone = zone<cpu_rows<counted<radix_buddy<slots, order_10>>,
                                rows_shape{.contract = slot_contract::shared, .frames_per_cpu = 256}>>;

constexpr std::uint64_t zone_frames = 8 * mebibyte >> 12;

/// Zones of 8 MiB at 4, 5 and 6 GiB.
struct three_zones : firmware {
    three_zones() {
        ram(4 * gibibyte, 4 * gibibyte + 8 * mebibyte, 0, true);
        ram(5 * gibibyte, 5 * gibibyte + 8 * mebibyte, 0);
        ram(6 * gibibyte, 6 * gibibyte + 8 * mebibyte, 1);
    }
};

/// One owner mark a frame: who takes a marked frame has found it twice.
class owner_marks {
 public:
    bool take(range<> frames) {
        return all(frames, [](auto& mark) { return mark.exchange(1) == 0; });
    }
    bool give(range<> frames) {
        return all(frames, [](auto& mark) { return mark.exchange(0) == 1; });
    }

 private:
    template <class Change>
    bool all(range<> frames, Change change) {
        bool right = true;
        for (std::uint64_t i = 0; i < frames.count; ++i) {
            right = change(marks_[frames.first.number + i - 4 * frames_per_gibibyte]) && right;
        }
        return right;
    }
    std::vector<std::atomic<char>> marks_ = std::vector<std::atomic<char>>(3 * frames_per_gibibyte);
};

TEST_CASE_TEMPLATE("threads take and free ranges and blocks; nothing is lost or twice", Zone, radix_zone,
                   list_zone, rows_zone) {
    using memory = physical_memory<Zone>;
    const booted<memory> ram{three_zones{}};
    owner_marks marks;
    std::atomic<int> wrong{0};
    std::atomic<int> ranges{0};
    const auto work = [&](std::uint64_t seed) {
        testing::random_bits random(seed);
        std::vector<range<>> held;
        const auto free_one = [&](std::size_t pick) {
            std::swap(held[pick], held.back());
            if (!marks.give(held.back()) || free_range(*ram.ram, held.back()) != errc::ok) ++wrong;
            held.pop_back();
        };
        for (int step = 0; step < 4000; ++step) {
            if (!held.empty() && random() % 2 == 0) {
                free_one(random() % held.size());
                continue;
            }
            const auto node = static_cast<node_id>(random() % 2);
            const auto preference = static_cast<mirror>(random() % 4);
            if (random() % 3 == 0) {
                const auto order = static_cast<unsigned>(random() % 8);
                const auto got = ram->allocate({.order = order, .node = node, .mirror = preference});
                if (!got) continue;
                held.push_back(block(*got, order));
            } else {
                contiguous_request<> wanted{.count = 1 + random() % (random() % 4 == 0 ? 1800 : 60),
                                            .alignment = std::uint64_t{1} << random() % 7,
                                            .node = node,
                                            .not_before = {random() % 2},
                                            .mirror = preference};
                if (random() % 2 == 0) wanted.boundary = std::bit_ceil(wanted.count);
                const auto got = ram->allocate_contiguous(wanted);
                if (!got) {
                    // `limit` is for those who set one.
                    if (got.error() != errc::exhausted && got.error() != errc::busy) ++wrong;
                    continue;
                }
                ++ranges;
                const std::uint64_t last = got->first.number + got->count - 1;
                if (got->count != wanted.count || got->first.number % wanted.alignment != 0) ++wrong;
                if (wanted.boundary != 0 && got->first.number / wanted.boundary != last / wanted.boundary)
                    ++wrong;
                held.push_back(*got);
            }
            if (!marks.take(held.back())) ++wrong;
        }
        while (!held.empty()) free_one(0);
        ram->drain();
    };
    std::thread other(work, 1);
    work(2);
    other.join();
    CHECK(wrong == 0);
    CHECK(ranges > 500);
    CHECK(ram->free_frames() == 3 * zone_frames);
    CHECK(ram->validate() == errc::ok);
    for (cpu_id cpu = 0; cpu < Zone::platform_type::max_cpus(); ++cpu) ram->drain(cpu);
    CHECK(ram->allocate_contiguous({.count = zone_frames, .node = 1}).has_value());
}

/// Two threads with guards that can be waited for: odd while one is held.
struct two_threads : platform {
    static inline thread_local unsigned self = 0;
    static inline thread_local unsigned depth = 0;
    static inline std::atomic<std::uint64_t> moves[2]{};

    struct cpu_guard {
        cpu_guard() noexcept {
            if (depth++ == 0) ++moves[self];
        }
        ~cpu_guard() {
            if (--depth == 0) ++moves[self];
        }
        cpu_guard(const cpu_guard&) = delete;
        cpu_guard& operator=(const cpu_guard&) = delete;
    };
    static void quiesce() noexcept {
        // A read-modify-write: a guard that is taken after it sees what was published before it.
        const std::uint64_t seen = moves[1 - self].fetch_add(0);
        while (seen % 2 == 1 && moves[1 - self].load() == seen) std::this_thread::yield();
    }
};

TEST_CASE("a zone comes and goes while ranges are searched for") {
    using memory = physical_memory<zone<counted<radix_buddy<two_threads, order_10>>>>;
    const booted<memory> ram{three_zones{}};
    const range<> extra{{8 * gibibyte >> 12}, zone_frames};
    std::vector<std::byte> metadata(memory::metadata_words(extra));
    // Nothing of the three zones is free: what is given comes from the fourth.
    while (ram->allocate({.mirror = mirror::preferred})) {
    }
    std::atomic<bool> over{false};
    std::atomic<int> wrong{0};
    std::atomic<int> found{0};
    std::thread search([&] {
        two_threads::self = 1;
        while (!over.load()) {
            const auto got = ram->allocate_contiguous({.count = 700, .node = 0, .not_before = {2}});
            if (!got) {
                std::this_thread::yield();
                continue;
            }
            ++found;
            if (!extra.contains(*got) || free_range(*ram.ram, *got) != errc::ok) ++wrong;
        }
    });
    const auto until = [](auto done) {
        while (!done()) std::this_thread::yield();
    };
    for (int round = 0; round < 200; ++round) {
        until([&] {
            return ram->attach(extra, {metadata.data(), metadata.size()}, start::fresh) == errc::ok;
        });
        const int before = found.load();
        if (ram->online(extra) != errc::ok) ++wrong;
        // Every other zone stays until something was found in it.
        if (round % 2 == 0) until([&] { return found.load() != before; });
        until([&] { return ram->isolate(extra) == errc::ok && ram->offline(extra) == errc::ok; });
        until([&] { return ram->detach(extra) == errc::ok; });
    }
    over = true;
    search.join();
    CHECK(wrong == 0);
    CHECK(found >= 100);
    CHECK(ram->zone_count() == 3);
    CHECK(ram->validate() == errc::ok);
}

}  // namespace
