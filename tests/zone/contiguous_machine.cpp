// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Frames in a row from a machine: zones in their order, nodes, mirrored memory, reserves, limits; zones that
// may not go meanwhile.
#include "zone/machines.hpp"

#include <functional>

namespace {

using namespace zone_tests;

using memory = physical_memory<radix_zone>;
static_assert(free_checking_source<memory>);

constexpr std::uint64_t frame_at(std::uint64_t bytes) {
    return bytes >> 12;
}

/// Two nodes of 64 MiB, the first 32 of each mirrored.
struct two_nodes : firmware {
    two_nodes() {
        for (node_id node = 0; node < 2; ++node) {
            const std::uint64_t begin = (4 + node) * gibibyte;
            ram(begin, begin + 32 * mebibyte, node, true);
            ram(begin + 32 * mebibyte, begin + 64 * mebibyte, node);
        }
    }
};
constexpr frame<> first_of(node_id node, bool mirrored) {
    return {frame_at((4 + node) * gibibyte + (mirrored ? 0 : 32 * mebibyte))};
}
constexpr std::uint64_t zone_frames = frame_at(32 * mebibyte);
/// No block of a top order of 10 holds so many frames, and more than half of a zone.
constexpr std::uint64_t many = 5000;

bool lies_in(const booted<memory>& ram, const result<range<>>& got, node_id node, bool mirrored) {
    if (!got) return false;
    const auto* const zone = ram->zone_of(got->first);
    return zone != nullptr && zone->span.contains(*got) && zone->node == node && zone->mirrored == mirrored;
}

TEST_CASE("the example") {
    const booted<memory> machine{two_nodes{}};
    memory& ram = *machine.ram;
    const std::uint64_t before = ram.free_frames();

    // 5,000 frames near node 1, a multiple of 64 KiB, nowhere across a multiple of 32 MiB
    auto buffer = ashlar::allocate_contiguous(
        ram,
        {.count = 5000, .alignment = 16, .boundary = 8192, .node = 1, .mirror = ashlar::mirror::ordinary});
    const ashlar::errc freed = buffer ? ashlar::free_range(ram, *buffer) : buffer.error();

    CHECK(freed == errc::ok);
    CHECK(lies_in(machine, buffer, 1, false));
    CHECK(buffer->count == 5000);
    CHECK(buffer->first.number % 16 == 0);
    CHECK(buffer->first.number / 8192 == (buffer->end().number - 1) / 8192);
    CHECK(ram.free_frames() == before);
}

TEST_CASE("zones are asked in the order of the request's list") {
    const booted<memory> ram{two_nodes{}};
    std::vector<range<>> held;
    const auto take = [&](contiguous_request<> wanted) {
        const auto got = ram->allocate_contiguous(wanted);
        if (got) held.push_back(*got);
        return got;
    };
    const contiguous_request<> wanted{.count = many, .node = 1, .mirror = mirror::preferred};
    CHECK(lies_in(ram, take(wanted), 1, true));
    CHECK(lies_in(ram, take(wanted), 0, true));
    CHECK(ram->mirror_figures().fallbacks == 0);
    CHECK(lies_in(ram, take(wanted), 1, false));
    CHECK(ram->mirror_figures().fallbacks == 1);
    CHECK(take({.count = many, .mirror = mirror::required}).error() == errc::exhausted);
    CHECK(take({.count = many, .nodes = node_set::only(1)}).error() == errc::exhausted);
    CHECK(lies_in(ram, take({.count = many}), 0, false));
    CHECK(take(wanted).error() == errc::exhausted);
    CHECK(take({.count = many, .node = 1}).error() == errc::exhausted);
    CHECK(ram->free_frames() == 4 * (zone_frames - many));
    // What is left serves those who want less.
    CHECK(lies_in(ram, take({.count = 3000, .node = 1, .mirror = mirror::required}), 1, true));
    for (const auto& each : held) CHECK(free_range(*ram.ram, each) == errc::ok);
    CHECK(ram->free_frames() == 4 * zone_frames);
    CHECK(ram->validate() == errc::ok);
    for (int block = 0; block < 32; ++block) CHECK(ram->allocate({.order = 10, .mirror = mirror::preferred}));
}

TEST_CASE("the default in force decides where nothing is said") {
    const booted<memory> ram{two_nodes{}};
    CHECK(lies_in(ram, ram->allocate_contiguous({.count = many}), 0, false));
    ram->set_default_mirror(mirror::preferred);
    CHECK(lies_in(ram, ram->allocate_contiguous({.count = many}), 0, true));
    CHECK(lies_in(ram, ram->allocate_contiguous({.count = 3, .mirror = mirror::ordinary}), 0, false));
}

TEST_CASE("no mirrored memory: whoever asks for it gets ordinary memory") {
    firmware machine;
    machine.ram(4 * gibibyte, 4 * gibibyte + 32 * mebibyte, 0);
    const booted<memory> ram(machine);
    CHECK(lies_in(ram, ram->allocate_contiguous({.count = many, .mirror = mirror::required}), 0, false));
    CHECK(ram->mirror_figures().fallbacks == 0);
}

TEST_CASE("no range lies in two zones, though they touch") {
    const booted<memory> ram{two_nodes{}};
    CHECK(ram->allocate_contiguous({.count = zone_frames + 1, .mirror = mirror::preferred}).error() ==
          errc::exhausted);
    CHECK(ram->allocate_contiguous({.count = zone_frames}).has_value());
}

TEST_CASE("the emergency reserve is for urgent requests, by frames and not by blocks") {
    firmware machine;
    machine.ram(4 * gibibyte, 4 * gibibyte + 32 * mebibyte, 0);
    const booted<memory> ram(machine);
    const frame<> inside = first_of(0, true);
    REQUIRE(ram->set_watermarks(
                inside, {.min = zone_frames - 300, .low = zone_frames, .high = zone_frames}) == errc::ok);
    CHECK(ram->allocate_contiguous({.count = 301}).error() == errc::exhausted);
    CHECK(ram->allocate_contiguous({.count = 301, .alignment = 1024}).error() == errc::exhausted);
    // A block of 512 frames holds them; what it takes beyond 300 is given back.
    CHECK(ram->allocate_contiguous({.count = 300}).has_value());
    CHECK(ram->free_frames() == zone_frames - 300);
    CHECK(ram->allocate_contiguous({.count = 1}).error() == errc::exhausted);
    CHECK(ram->allocate_contiguous({.count = many, .urgent = true}).has_value());
}

TEST_CASE("low memory is kept for who needs it") {
    firmware machine;
    machine.ram(64 * mebibyte, 128 * mebibyte, 0);
    machine.ram(4 * gibibyte, 4 * gibibyte + 512 * mebibyte, 0);
    const booted<memory> ram(machine);
    ram->set_watermarks({.min_free_bytes = 1, .lowmem_ratio = {0, 16, 0, 0}});
    REQUIRE(ram->allocate_contiguous({.count = frame_at(480 * mebibyte)}).has_value());
    // 1/16 of the higher memory are 8,192 frames of the 16,384 that lie below 4 GiB.
    CHECK(ram->allocate_contiguous({.count = 9000}).error() == errc::exhausted);
    CHECK(ram->allocate_contiguous({.count = 9000, .below = {frame_at(4 * gibibyte)}}).has_value());
}

TEST_CASE("the limit on mirrored memory counts ranges too") {
    const booted<memory> ram{two_nodes{}};
    REQUIRE(ram->set_mirror_limit(300) == errc::ok);
    CHECK(ram->allocate_contiguous({.count = 301, .mirror = mirror::required}).error() == errc::limit);
    CHECK(lies_in(ram, ram->allocate_contiguous({.count = 301, .mirror = mirror::preferred}), 0, false));
    CHECK(lies_in(ram, ram->allocate_contiguous({.count = 300, .mirror = mirror::required}), 0, true));
    CHECK(ram->mirror_figures().used == 300);
    CHECK(ram->mirror_figures().fallbacks == 1);
}

TEST_CASE("bad arguments; a machine before boot") {
    const booted<memory> ram{two_nodes{}};
    CHECK(ram->allocate_contiguous({.count = 0}).error() == errc::invalid);
    CHECK(ram->allocate_contiguous({.count = 3, .alignment = 6}).error() == errc::invalid);
    CHECK(ram->allocate_contiguous({.count = 3, .boundary = 2}).error() == errc::invalid);
    CHECK(ram->allocate_contiguous({.count = 3, .nodes = node_set{0}}).error() == errc::exhausted);
    CHECK(ram->free_frames() == 4 * zone_frames);
    const auto asleep = std::make_unique<memory>();
    CHECK(asleep->allocate_contiguous({.count = 3}).error() == errc::exhausted);
    CHECK(asleep->allocate_contiguous({.count = 0}).error() == errc::invalid);
    CHECK(asleep->allocate({.order = memory::top_order + 1}).error() == errc::unsupported);
}

TEST_CASE("a range with a wrong block is refused whole, a range in no zone too") {
    const booted<memory> ram{two_nodes{}};
    const auto got = ram->allocate_contiguous({.count = 999});
    REQUIRE(got);
    CHECK(ram->would_free(got->first, 0) == errc::ok);
    CHECK(ram->would_free(frame<>{1}, 0) == errc::not_owned);
    CHECK(free_range(*ram.ram, {got->first, 1000}) == errc::double_free);
    CHECK(free_range(*ram.ram, {{1}, 1000}) == errc::not_owned);
    CHECK(ram->free_frames() == 4 * zone_frames - 999);
    CHECK(free_range(*ram.ram, *got) == errc::ok);
}

TEST_CASE("nothing new comes from a range that is isolated") {
    const booted<memory> ram{two_nodes{}};
    REQUIRE(ram->isolate({first_of(0, false) + 4096, 512}) == errc::ok);
    CHECK(lies_in(ram, ram->allocate_contiguous({.count = many}), 1, false));
    CHECK(ram->allocate_contiguous({.count = many, .nodes = node_set::only(0)}).error() == errc::exhausted);
    REQUIRE(ram->readmit({first_of(0, false) + 4096, 512}) == errc::ok);
    CHECK(lies_in(ram, ram->allocate_contiguous({.count = many}), 0, false));
}

/// A source that lets others act while its free frames are looked through.
template <class Source>
struct watched : Source {
    static inline std::function<void()> meanwhile{};

    template <class Sink>
    void visit_free(Sink&& sink) const noexcept {
        if (meanwhile) meanwhile();
        Source::visit_free(sink);
    }
};

TEST_CASE("zones stay while they are looked through, for any number of searches") {
    using source = watched<counted<radix_buddy<platform, order_10>>>;
    using watched_memory = physical_memory<zone<source>>;
    const booted<watched_memory> ram{two_nodes{}};
    const range<> gone{first_of(1, true), zone_frames};
    constexpr range<> later{{frame_at(8 * gibibyte)}, zone_frames};
    std::vector<std::byte> more(watched_memory::metadata_words(later));
    const auto attach = [&] { return ram->attach(later, {more.data(), more.size()}, start::fresh); };
    int visits = 0;
    source::meanwhile = [&] {
        if (++visits > 1) return;
        CHECK(ram->detach(gone) == errc::busy);
        CHECK(attach() == errc::busy);
        CHECK(ram->allocate({.order = 3}).has_value());
        CHECK(ram->allocate_contiguous({.count = many, .node = 1}).has_value());
        CHECK(ram->detach(gone) == errc::busy);
    };
    CHECK(ram->allocate_contiguous({.count = many}).has_value());
    CHECK(visits == 2);
    source::meanwhile = nullptr;
    CHECK(ram->detach(gone) == errc::ok);
    CHECK(attach() == errc::ok);
    CHECK(ram->allocate_contiguous({.count = many, .mirror = mirror::preferred}).has_value());
}

/// While a zone goes: `quiesce` is called in the middle of the change.
struct quiescing : platform {
    static inline std::function<void()> meanwhile{};
    static void quiesce() noexcept {
        if (meanwhile) meanwhile();
    }
};

TEST_CASE("while zones come or go it is busy") {
    using quiescing_memory = physical_memory<zone<counted<radix_buddy<quiescing, order_10>>>>;
    const booted<quiescing_memory> ram{two_nodes{}};
    errc answer = errc::ok;
    quiescing::meanwhile = [&] { answer = ram->allocate_contiguous({.count = 3}).error(); };
    CHECK(ram->detach({first_of(1, true), zone_frames}) == errc::ok);
    quiescing::meanwhile = nullptr;
    CHECK(answer == errc::busy);
    CHECK(ram->allocate_contiguous({.count = 3}).has_value());
}

/// A source that refuses with what a bounded search says too, as a platform's `accept` might.
template <class Source>
struct refusing : Source {
    static inline int asked = 0;
    result<frame<>> allocate(request<>) noexcept {
        ++asked;
        return errc::limit;
    }
    errc allocate_at(range<>) noexcept { return errc::limit; }
};

TEST_CASE("limit is an answer as any other where no effort was spent") {
    using source = refusing<counted<radix_buddy<platform, order_10>>>;
    firmware machine;
    machine.ram(4 * gibibyte, 4 * gibibyte + 64 * mebibyte, 0);
    const booted<physical_memory<zone<source>>> ram(machine);
    CHECK(ram->allocate({.order = 0}).error() == errc::limit);
    CHECK(source::asked == 3);  // as the first choice, in a section, then to the end
    CHECK(ram->allocate_contiguous({.count = 3}).error() == errc::limit);
    CHECK(source::asked == 4);
}

}  // namespace
