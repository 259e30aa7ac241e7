// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <algorithm>
#include <array>
#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/locked.hpp>
#include <ashlar/layer/scrubbed.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <ashlar/testing/request_stream.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <atomic>
#include <thread>
#include <vector>

namespace ashlar {
namespace {

constexpr range<> frames{{64}, 512};

/// Frames of 32 bytes.
struct with_memory : platform {
    static constexpr std::uint64_t frame_bytes = 32;
    static inline std::array<std::byte, 512 * 32> memory{};
    /// Not inline, or GCC warns of the frames of wrong frees, which are never asked for.
    [[nodiscard, gnu::noinline]] static std::byte* bytes_of(frame<> f) noexcept {
        return memory.data() + (f.number - frames.first.number) * frame_bytes;
    }
};
constexpr std::byte dirt{0xa5};
constexpr buddy_shape list_shape{.top_order = 6, .pageblock_order = 3};
constexpr buddy_shape radix_shape{.top_order = 8, .row_order = 2, .line_order = 4, .pageblock_order = 4};
using list = locked<list_buddy<with_memory, list_shape>>;
using radix = counted<radix_buddy<with_memory, radix_shape>>;

constexpr scrub_shape on_free{.on_allocate = false, .on_free = true};
constexpr scrub_shape on_both{.on_allocate = true, .on_free = true};

void fill(range<> some, std::byte with) {
    for (std::uint64_t i = 0; i < some.count; ++i) {
        std::fill_n(with_memory::bytes_of(some.first + i), with_memory::frame_bytes, with);
    }
}
bool holds(range<> some, std::byte only) {
    const std::byte* const first = with_memory::bytes_of(some.first);
    return std::all_of(first, first + some.count * with_memory::frame_bytes,
                       [only](std::byte each) { return each == only; });
}

template <class Source>
struct attached {
    attached() {
        fill(frames, dirt);
        REQUIRE(memory.attach(frames, storage.words(), start::fresh) == errc::ok);
        REQUIRE(memory.online(frames) == errc::ok);
    }
    testing::word_buffer<typename Source::word> storage{Source::metadata_words(frames)};
    Source memory;
};

TEST_CASE("the example of the class comment") {
    using my_platform = with_memory;
    using zone = scrubbed<radix_buddy<my_platform>, scrub_shape{.on_free = true}>;
    attached<zone> a;
    zone& memory = a.memory;
    auto page = memory.allocate({});
    REQUIRE(page);
    CHECK(holds({*page, 1}, std::byte{0}));
    fill({*page, 1}, dirt);
    CHECK(memory.free(*page, 0) == errc::ok);
    CHECK(holds({*page, 1}, std::byte{0}));
    fill({*page, 1}, dirt);
    CHECK(memory.free(*page, 0) == errc::double_free);
    CHECK(holds({*page, 1}, dirt));
}

TEST_CASE("on allocate: the block is zero, and nothing beside it is touched") {
    attached<scrubbed<list>> a;
    for (unsigned order = 0; order <= 6; ++order) {
        CAPTURE(order);
        fill(frames, dirt);
        const auto got = a.memory.allocate({.order = order});
        REQUIRE(got);
        const range<> taken = block(*got, order);
        CHECK(holds(taken, std::byte{0}));
        CHECK(holds(range<>::between(frames.first, taken.first), dirt));
        CHECK(holds(range<>::between(taken.end(), frames.end()), dirt));
        fill(taken, dirt);
        REQUIRE(a.memory.free(*got, order) == errc::ok);
        CHECK(holds(taken, dirt));
    }
}

TEST_CASE("a request that fails touches nothing") {
    attached<scrubbed<radix, on_both>> a;
    CHECK(a.memory.allocate({.order = 9}).error() == errc::unsupported);
    CHECK(a.memory.allocate({.below = {65}, .mirror = mirror::required}).error() == errc::unsupported);
    REQUIRE(a.memory.allocate_at(frames) == errc::ok);
    CHECK(a.memory.allocate({}).error() == errc::exhausted);
    CHECK(holds(frames, dirt));
}

TEST_CASE("allocate_at keeps what is there: a boot image") {
    attached<scrubbed<radix, on_both>> a;
    REQUIRE(a.memory.allocate_at({{100}, 40}) == errc::ok);
    CHECK(holds(frames, dirt));
    CHECK(a.memory.free({100}, 2) == errc::ok);
    CHECK(holds({{100}, 4}, std::byte{0}));
    CHECK(holds({{104}, 36}, dirt));
}

template <class Source>
void wrong_frees_wipe_nothing() {
    attached<Source> a;
    REQUIRE(a.memory.allocate_at({{64}, 64}) == errc::ok);
    REQUIRE(a.memory.free({72}, 3) == errc::ok);
    REQUIRE(a.memory.revoke({{96}, 16}));
    REQUIRE(a.memory.isolate({{320}, 16}) == errc::ok);
    REQUIRE(a.memory.offline({{320}, 16}) == errc::ok);
    fill(frames, dirt);
    CHECK(a.memory.free({72}, 0) == errc::double_free);
    CHECK(a.memory.free({64}, 4) == errc::double_free);  // its first half is live
    CHECK(a.memory.free({64}, 6) != errc::ok);           // free, live and revoked ones
    CHECK(a.memory.free({100}, 0) == errc::revoked);
    CHECK(a.memory.free({320}, 4) == errc::not_owned);
    CHECK(a.memory.free({65}, 1) == errc::misaligned);
    CHECK(a.memory.free({32}, 3) == errc::not_owned);
    CHECK(a.memory.free({64}, 9) == errc::unsupported);
    CHECK(holds(frames, dirt));
    CHECK(a.memory.free({64}, 3) == errc::ok);
    CHECK(holds({{64}, 8}, std::byte{0}));
    CHECK(holds({{72}, 504}, dirt));
}

TEST_CASE("a wrong free wipes nothing") {
    wrong_frees_wipe_nothing<scrubbed<list, on_free>>();
    wrong_frees_wipe_nothing<scrubbed<radix, on_free>>();
    wrong_frees_wipe_nothing<locked<scrubbed<list_buddy<with_memory, list_shape>, on_free>>>();
}

/// Live frames keep their bytes, what `free` accepted is zero while it is free, what it refused is untouched.
template <class Source>
void model(std::uint64_t seed, bool zero_on_allocate) {
    attached<Source> a;
    testing::request_stream<> stream(
        {.frames = frames, .top_order = Source::top_order, .isolation_order = Source::isolation_order}, seed);
    testing::holdings<> held(Source::top_order);
    std::array<std::byte, 512> content{};  // of each frame, all its bytes
    content.fill(dirt);
    const auto remember = [&](range<> some, std::byte what) {
        std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(some.first.number - 64), some.count, what);
    };
    std::uint64_t refused = 0;
    for (int step = 0; step < 20'000; ++step) {
        const auto next = stream.next(held);
        if (next.which == testing::verb::revoke) continue;
        const auto got = testing::make(a.memory, next);
        refused += next.which == testing::verb::free && got.error != errc::ok ? 1U : 0U;
        if (got.error == errc::ok && next.which == testing::verb::allocate) {
            const range<> taken = block(got.first, next.wanted.order);
            held.add(taken);
            if (zero_on_allocate) REQUIRE(holds(taken, std::byte{0}));
            const auto mine = static_cast<std::byte>(1 + step % 255);
            fill(taken, mine);
            remember(taken, mine);
        }
        if (got.error == errc::ok && next.which == testing::verb::allocate_at) held.add(next.frames);
        if (got.error == errc::ok && next.which == testing::verb::free) {
            const range<> freed = block(next.frames.first, next.order);
            held.remove(freed);
            remember(freed, std::byte{0});
        }
        bool as_remembered = true;
        for (std::size_t at = 0; at < content.size(); ++at) {
            const std::byte one = with_memory::memory[at * 32 + static_cast<std::size_t>(step) % 32];
            as_remembered = as_remembered && one == content[at];
        }
        REQUIRE(as_remembered);
    }
    CHECK(refused > 100);
}

TEST_CASE("model: every byte of every frame is as the calls so far say") {
    model<scrubbed<list, on_both>>(1, true);
    model<scrubbed<radix, on_both>>(2, true);
    model<scrubbed<radix, on_free>>(3, false);
}

TEST_CASE("threads: what one frees is zero when another gets it, and nobody's data are wiped") {
    attached<scrubbed<radix, on_free>> a;
    fill(frames, std::byte{0});
    std::atomic<int> wrong{0};
    const auto work = [&](std::uint64_t seed) {
        testing::random_bits dice(seed);
        struct piece {
            range<> frames;
            unsigned order;
        };
        std::vector<piece> held;
        const std::byte mine{static_cast<unsigned char>(seed)};
        for (int step = 0; step < 20'000; ++step) {
            const auto order = static_cast<unsigned>(dice() % 5);
            if (dice() % 2 == 0) {
                const auto got = a.memory.allocate({.order = order});
                if (!got) continue;
                const range<> taken = block(*got, order);
                if (!holds(taken, std::byte{0})) ++wrong;
                fill(taken, mine);
                held.push_back({taken, order});
            } else if (!held.empty()) {
                const piece last = held.back();
                held.pop_back();
                if (!holds(last.frames, mine)) ++wrong;
                if (a.memory.free(last.frames.first, last.order) != errc::ok) ++wrong;
            }
        }
        for (const auto& each : held) {
            if (a.memory.free(each.frames.first, each.order) != errc::ok) ++wrong;
        }
    };
    std::vector<std::thread> threads;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) threads.emplace_back(work, seed);
    for (auto& each : threads) each.join();
    CHECK(wrong == 0);
    CHECK(holds(frames, std::byte{0}));
    CHECK(a.memory.free_frames() == frames.count);
    CHECK(a.memory.validate() == errc::ok);
}

}  // namespace
}  // namespace ashlar
