// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include <ashlar/migrate/spares.hpp>
#include <cstdint>
#include <vector>

namespace {

using namespace ashlar;

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

struct maps {
    memory_entry told_entries[24];
    memory_entry spare_entries[8];
    memory_map told{told_entries};
    memory_map spares{spare_entries};

    [[nodiscard]] static std::vector<memory_entry> copy(const memory_map& map) {
        return {map.entries().begin(), map.entries().end()};
    }
    void ram(std::uint64_t begin, std::uint64_t end, node_id node = any_node, std::uint8_t attributes = 0) {
        REQUIRE(told.add({begin, end, memory_kind::usable, attributes, node}) == errc::ok);
    }
    /// Refused, and nothing has changed.
    template <class Quota>
    void refused(const Quota& quota, errc why) {
        const auto before = copy(told);
        const auto spares_before = copy(spares);
        CHECK(carve_spares(told, spares, quota).error() == why);
        CHECK(copy(told) == before);
        CHECK(copy(spares) == spares_before);
    }
};

constexpr bool at_compile_time() {
    memory_entry told_entries[4];
    memory_entry spare_entries[4];
    memory_map told{told_entries};
    memory_map spares{spare_entries};
    (void)told.add(0, 64 * mebibyte, memory_kind::usable);
    const auto carved = carve_spares(told, spares, spares_per_node{.ordinary = 1024});
    return carved && *carved == 1024 && told.usable_frames() == 15360 && spares.usable_frames() == 1024 &&
           told.entries()[1].kind == memory_kind::reserved && spares.entries()[0].begin == 0x03c00000;
}
static_assert(at_compile_time());

TEST_CASE("the top of each node and class, and the rest is what the system is told") {
    maps m;
    m.ram(0, 64 * mebibyte, 0, memory_attribute::mirrored);
    m.ram(64 * mebibyte, 256 * mebibyte, 0);
    m.ram(256 * mebibyte, 512 * mebibyte, 1);
    const std::uint64_t before = m.told.usable_frames();
    const auto carved = carve_spares(m.told, m.spares, spares_per_node{.ordinary = 512, .mirrored = 256});
    REQUIRE(carved.has_value());
    CHECK(*carved == 512 + 256 + 512);
    CHECK(m.told.usable_frames() == before - *carved);
    CHECK(m.spares.usable_frames() == *carved);
    std::vector<usable_run> runs;
    m.spares.for_each_usable([&](const usable_run& run) { runs.push_back(run); });
    REQUIRE(runs.size() == 3);
    CHECK(runs[0] == usable_run{{{0x4000 - 256}, 256}, 0, true, false, false});
    CHECK(runs[1] == usable_run{{{0x10000 - 512}, 512}, 0, false, false, false});
    CHECK(runs[2] == usable_run{{{0x20000 - 512}, 512}, 1, false, false, false});
    // Whoever reads the map keeps away from them, and no frame is in both.
    for (const usable_run& run : runs) {
        CHECK(m.told.any_of(run.frames.first.number << 12, run.frames.end().number << 12,
                            [](const memory_entry& e) { return e.kind == memory_kind::reserved; }));
        m.told.for_each_usable([&](const usable_run& other) { CHECK(!other.frames.overlaps(run.frames)); });
    }
}

TEST_CASE("a class in pieces: from the top down, whole frames") {
    maps m;
    m.ram(0x1000, 0x9800, 0);    // frames 1 to 8; half a frame is nobody's
    m.ram(0xa000, 0xc000, 0);    // frames 0xa, 0xb
    m.ram(0x10000, 0x13000, 0);  // frames 0x10 to 0x12
    const auto carved = carve_spares(m.told, m.spares, spares_per_node{.ordinary = 6});
    REQUIRE(carved.has_value());
    CHECK(*carved == 6);
    CHECK(m.told.usable_frames() == 13 - 6);
    std::vector<range<>> runs;
    m.spares.for_each_usable([&](const usable_run& run) { runs.push_back(run.frames); });
    CHECK(runs == std::vector<range<>>{{{8}, 1}, {{0xa}, 2}, {{0x10}, 3}});
}

TEST_CASE("what may leave, and what is not accepted, is no spare") {
    maps m;
    m.ram(0, mebibyte, 0);
    REQUIRE(m.told.add(mebibyte, 2 * mebibyte, memory_kind::usable) == errc::ok);
    REQUIRE(m.told.set_node(mebibyte, 2 * mebibyte, 0, true) == errc::ok);
    m.ram(2 * mebibyte, 3 * mebibyte, 0, memory_attribute::unaccepted);
    REQUIRE(carve_spares(m.told, m.spares, spares_per_node{.ordinary = 16}).has_value());
    CHECK(m.spares.entries()[0].begin == mebibyte - 16 * 4096);
    CHECK(m.spares.entries()[0].end == mebibyte);
    m.refused(spares_per_node{.ordinary = 256}, errc::exhausted);
}

TEST_CASE("a share of each class, and a quota of one's own") {
    maps m;
    m.ram(0, 100 * 4096, 0);
    m.ram(mebibyte, mebibyte + 10 * 4096, 1);
    // 1/16, rounded up
    const auto carved = carve_spares(m.told, m.spares, spare_share{4096});
    REQUIRE(carved.has_value());
    CHECK(*carved == 7 + 1);
    CHECK(spare_share{65535}(spare_class{0, false, ~std::uint64_t{0}}) > (~std::uint64_t{0} >> 1));
    const auto only_node_1 = [](const spare_class& of) noexcept {
        return of.node == 1 ? std::uint64_t{2} : std::uint64_t{0};
    };
    CHECK(*carve_spares(m.told, m.spares, only_node_1) == 2);
    CHECK(m.told.usable_frames() == 110 - 8 - 2);
}

TEST_CASE("refused: nothing has changed") {
    maps m;
    m.ram(0, mebibyte, 0);
    m.ram(2 * mebibyte, 3 * mebibyte, 1);
    // One class has enough, the other one has not.
    const auto second_too_many = [](const spare_class& of) noexcept {
        return of.node == 0 ? std::uint64_t{1} : of.usable_frames + 1;
    };
    m.refused(second_too_many, errc::exhausted);
    CHECK(carve_spares(m.told, m.told, spares_per_node{.ordinary = 1}).error() == errc::invalid);
    memory_map large_pages{m.spare_entries, 21};
    CHECK(carve_spares(m.told, large_pages, spares_per_node{.ordinary = 1}).error() == errc::invalid);
    // A class that does not exist is not asked for, and all of a class may go.
    CHECK(*carve_spares(m.told, m.spares, spares_per_node{.ordinary = 256, .mirrored = 1 << 20}) == 512);
    CHECK(m.told.usable_frames() == 0);
}

TEST_CASE("maps without room are refused beforehand") {
    for (std::size_t room = 0; room < 8; ++room) {
        memory_entry told_entries[8];
        memory_entry spare_entries[8];
        memory_map told{view<memory_entry>(told_entries, 3 + room)};
        memory_map spares{view<memory_entry>(spare_entries, room / 2)};
        for (std::uint64_t i = 0; i < 3; ++i) {
            REQUIRE(told.add(2 * i * mebibyte, (2 * i + 1) * mebibyte, memory_kind::usable) == errc::ok);
        }
        const auto before = maps::copy(told);
        const auto carved = carve_spares(told, spares, spares_per_node{.ordinary = 300});  // two stretches
        CHECK(carved.has_value() == (room >= 4));
        if (carved) {
            CHECK(told.usable_frames() == 768 - 300);
            CHECK(spares.usable_frames() == 300);
        } else {
            CHECK(carved.error() == errc::limit);
            CHECK(maps::copy(told) == before);
            CHECK(spares.entries().empty());
        }
    }
}

}  // namespace
