// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The mover that re-points a page table's leaf: what each step does to the entry, and what is left of a
// failure.
#include <doctest/doctest.h>

#include <ashlar/migrate/evacuation.hpp>
#include <ashlar/migrate/frame_mover.hpp>
#include <ashlar/migrate/page_table_mover.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <tuple>
#include <vector>

#include "paging/formats.hpp"
#include "paging/rig.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

/// Where frames are mapped, and who has them pinned.
struct directory {
    using space = machine;
    std::map<std::uint64_t, std::uint64_t> addresses;  ///< of first frames
    std::function<bool()> is_pinned = [] { return false; };
    errc refusal = errc::ok;
    unsigned asked = 0;
    std::vector<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, unsigned>> moves;

    result<std::uint64_t> address_of(frame<> f) {
        if (refusal != errc::ok) return refusal;
        const auto above = addresses.upper_bound(f.number);
        if (above == addresses.begin()) return errc::not_owned;
        const auto [first, address] = *std::prev(above);
        return address + ((f.number - first) << 12);
    }
    bool pinned(frame<>, unsigned) {
        ++asked;
        return is_pinned();
    }
    void moved(std::uint64_t address, frame<> from, frame<> to, unsigned order) {
        moves.emplace_back(address, from.number, to.number, order);
    }
};
/// Says what it was asked to copy, and answers as it is told.
struct told_copy {
    std::function<errc(frame<>, frame<>)> does = [](frame<>, frame<>) { return errc::ok; };
    errc operator()(frame<> from, frame<> to) const { return does(from, to); }
};

template <class Format>
struct scene {
    paging_rig<Format> rig;
    directory reverse;
    page_table_mover<typename paging_rig<Format>::mapper_type, directory, told_copy, 2> mover{
        *rig.mapper, reverse, {.does = [this](frame<> from, frame<> to) { return copy(from, to); }}};
    std::function<errc(frame<>, frame<>)> copy = [](frame<>, frame<>) { return errc::ok; };

    explicit scene(bool writable = true) {
        typename Format::permissions allowed{};
        allowed.write = writable;
        REQUIRE(rig.mapper->map(0x5000, {.first = {0x55},
                                         .permissions = allowed,
                                         .software = 1,
                                         .accessed = true,
                                         .dirty = writable}) == errc::ok);
        reverse.addresses[0x55] = 0x5000;
    }
    [[nodiscard]] std::uint64_t entry() const { return rig.at(0x5000).entry; }
    /// The leaf is marked, nobody writes, and it maps the frame.
    void held(std::uint64_t frame_number) const {
        CHECK(rig.at(0x5000).is_mapped());
        CHECK(rig.at(0x5000).target().number == frame_number);
        CHECK(!Format::is_writable(entry()));
        CHECK(Format::software_of(entry()) == 3);
    }
};

template <class Format>
void page_moves() {
    scene<Format> s;
    static_assert(frame_mover<decltype(s.mover)>);
    const std::uint64_t before = s.entry();
    unsigned steps = 0;
    s.rig.at_invalidate = [&](std::uint64_t address, unsigned level) {
        CHECK(address == 0x5000);
        CHECK(level == 0);
        CHECK(steps == (s.rig.invalidated.size() == 1 ? 0 : 2));
        s.held(steps == 0 ? 0x55 : 0x77);  // never absent: readers never fault
        ++steps;
    };
    s.copy = [&](frame<> from, frame<> to) {
        CHECK(from == frame<>{0x55});
        CHECK(to == frame<>{0x77});
        CHECK(++steps == 2);
        s.held(0x55);
        CHECK(s.mover.move({0x55}, {0x78}, 0) == errc::busy);  // a second one
        CHECK(s.mover.block_of({0x55}).error() == errc::busy);
        return errc::ok;
    };
    CHECK(s.mover.block_of({0x55}).value() == used_block<>{{0x55}, 0});
    CHECK(s.mover.move({0x55}, {0x77}, 0) == errc::ok);
    CHECK(steps == 3);
    CHECK(s.rig.invalidated.size() == 2);
    CHECK(s.entry() == Format::with_frame(before, 0x77, 0));
    CHECK(s.reverse.moves == decltype(s.reverse.moves){{0x5000, 0x55, 0x77, 0}});
}
TEST_CASE("a page moves: write-protected, copied, re-pointed, as writable and dirty as before") {
    page_moves<x86_64>();
    page_moves<ept>();
    page_moves<aarch64>();
    page_moves<aarch64_dirty>();
    page_moves<stage2_40>();
    page_moves<sv39>();
}

template <class Format>
void failures() {
    scene<Format> s;
    const std::uint64_t before = s.entry();
    s.copy = [](frame<>, frame<>) { return errc::unreadable; };
    CHECK(s.mover.move({0x55}, {0x77}, 0) == errc::unreadable);
    CHECK(s.entry() == before);
    s.copy = [](frame<>, frame<>) { return errc::ok; };
    s.reverse.is_pinned = [&] { return true; };
    CHECK(s.mover.block_of({0x55}).error() == errc::busy);
    s.rig.invalidated.clear();
    s.reverse.is_pinned = [&] {
        s.held(0x55);  // asked when nobody can write any more
        CHECK(s.rig.invalidated.size() == 1);
        return true;
    };
    CHECK(s.mover.move({0x55}, {0x77}, 0) == errc::busy);
    CHECK(s.entry() == before);
    CHECK(s.rig.invalidated.size() == 1);
    s.reverse.is_pinned = [] { return false; };

    // Somebody else changes the leaf while the page is copied: what he did stands.
    s.copy = [&](frame<>, frame<>) {
        REQUIRE(s.rig.mapper->unmap(0x5000, 0, 9));
        return errc::ok;
    };
    CHECK(s.mover.move({0x55}, {0x77}, 0) == errc::busy);
    CHECK(!s.rig.at(0x5000).is_mapped());
    CHECK(Format::payload_of(s.entry()) == 9);
    CHECK(s.mover.block_of({0x55}).error() == errc::not_owned);
    CHECK(s.mover.move({0x55}, {0x77}, 0) == errc::busy);
    CHECK(s.mover.move({0x44}, {0x77}, 0) == errc::busy);
    CHECK(s.mover.block_of({0x44}).error() == errc::not_owned);
    CHECK(s.mover.block_of({0x56}).error() == errc::not_owned);
    CHECK(s.mover.move({0x55}, {0x77}, 1) == errc::unsupported);
    CHECK(s.mover.move({0x200}, {0x401}, Format::index_bits) == errc::misaligned);
    CHECK(s.mover.move({0x55}, {~std::uint64_t{0}}, 0) == errc::invalid);
    CHECK(s.reverse.moves.empty());
}
TEST_CASE("a move that fails leaves the leaf as it was") {
    failures<x86_64>();
    failures<aarch64_dirty>();
}

TEST_CASE("what was read-only stays so; a frame of another leaf is not moved") {
    scene<x86_64> s(false);
    const std::uint64_t before = s.entry();
    CHECK(s.mover.move({0x55}, {0x77}, 0) == errc::ok);
    CHECK(s.entry() == x86_64::with_frame(before, 0x77, 0));
    CHECK(s.mover.move({0x55}, {0x78}, 0) == errc::busy);  // it is mapped elsewhere by now
    CHECK(s.entry() == x86_64::with_frame(before, 0x77, 0));
}

TEST_CASE("what the directory says is believed only of a page that is mapped there") {
    scene<x86_64> s;
    // Another page, one that is absent and says where its bytes are, and one that is not there at all.
    s.reverse.addresses[0x60] = 0x5000;
    CHECK(s.mover.block_of({0x60}).error() == errc::not_owned);
    REQUIRE(s.rig.mapper->set_absent(0x6000, (std::uint64_t{0x61} << 12 | 6) >> 1) == errc::ok);
    REQUIRE(x86_64::frame_of(s.rig.at(0x6000).entry, 0) == 0x61);
    s.reverse.addresses[0x61] = 0x6000;
    CHECK(s.mover.block_of({0x61}).error() == errc::not_owned);
    s.reverse.addresses[0x62] = 0x40'0000'0000;
    CHECK(s.mover.block_of({0x62}).error() == errc::not_owned);
    const std::uint64_t before = s.entry();
    CHECK(s.mover.move({0x60}, {0x77}, 0) == errc::busy);
    CHECK(s.mover.move({0x61}, {0x77}, 0) == errc::busy);
    CHECK(s.mover.move({0x62}, {0x77}, 0) == errc::busy);
    // Mapped several times, as it says.
    s.reverse.refusal = errc::unsupported;
    CHECK(s.mover.block_of({0x55}).error() == errc::unsupported);
    CHECK(s.mover.move({0x55}, {0x77}, 0) == errc::unsupported);
    s.reverse.refusal = errc::ok;
    // Sizes that a leaf does not have, and places that it cannot have.
    CHECK(s.mover.move({0}, {std::uint64_t{1} << 27}, 27) == errc::unsupported);
    CHECK(s.mover.move({0x55}, {0x200}, 9) == errc::misaligned);
    CHECK(s.mover.move({0x200}, {0x55}, 9) == errc::misaligned);
    CHECK(s.entry() == before);
    CHECK(s.reverse.moves.empty());
}

TEST_CASE("what is mapped there by others while it moves stays as they made it") {
    scene<x86_64> s;
    auto& pages = *s.rig.mapper;
    const auto others = [&] {
        REQUIRE(pages.unmap(0x5000));
        REQUIRE(pages.map(0x5000, {.first = {0x99}, .permissions = {.write = true}}) == errc::ok);
    };
    s.copy = [&](frame<>, frame<>) {
        others();
        return errc::ok;
    };
    CHECK(s.mover.move({0x55}, {0x77}, 0) == errc::busy);
    CHECK(s.rig.at(0x5000).target() == frame<>{0x99});
    CHECK(x86_64::is_writable(s.entry()));
    CHECK(x86_64::software_of(s.entry()) == 0);
    // A copy that fails besides, and one that has the same frame in it.
    REQUIRE(pages.unmap(0x5000));
    REQUIRE(pages.map(0x5000, {.first = {0x55}, .permissions = {.write = true}}) == errc::ok);
    s.copy = [&](frame<>, frame<>) {
        REQUIRE(pages.unmap(0x5000));
        REQUIRE(pages.map(0x5000, {.first = {0x55}, .software = 1}) == errc::ok);
        return errc::unreadable;
    };
    CHECK(s.mover.move({0x55}, {0x77}, 0) == errc::unreadable);
    CHECK(s.rig.at(0x5000).target() == frame<>{0x55});
    CHECK(!x86_64::is_writable(s.entry()));
    CHECK(x86_64::software_of(s.entry()) == 1);
    CHECK(s.reverse.moves.empty());
}

TEST_CASE("a block of 2 MiB moves as one; split, its pages move") {
    scene<x86_64> s;
    auto& pages = *s.rig.mapper;
    REQUIRE(pages.map(0x4000'0000, {.first = {0x200}, .level = 1, .permissions = {.write = true}}) ==
            errc::ok);
    s.reverse.addresses[0x200] = 0x4000'0000;
    std::uint64_t copied = 0;
    s.copy = [&](frame<> from, frame<> to) {
        CHECK(from.number == 0x200 + copied);
        CHECK(to.number == 0x600 + copied);
        ++copied;
        return errc::ok;
    };
    CHECK(s.mover.block_of({0x234}).value() == used_block<>{{0x200}, 9});
    CHECK(s.mover.move({0x200}, {0x600}, 0) == errc::busy);  // not a page
    CHECK(s.mover.move({0x200}, {0x600}, 9) == errc::ok);
    CHECK(copied == 512);
    CHECK(s.rig.at(0x4000'3000).target() == frame<>{0x603});
    CHECK(s.rig.invalidated.back() == std::pair<std::uint64_t, unsigned>{0x4000'0000, 1});
    s.reverse.addresses.erase(0x200);
    s.reverse.addresses[0x600] = 0x4000'0000;
    REQUIRE(pages.split(0x4000'0000, 1) == errc::ok);
    CHECK(s.mover.move({0x600}, {0xa00}, 9) == errc::busy);
    s.copy = [](frame<>, frame<>) { return errc::ok; };
    CHECK(s.mover.block_of({0x603}).value() == used_block<>{{0x603}, 0});
    CHECK(s.mover.move({0x603}, {0x777}, 0) == errc::ok);
    CHECK(s.rig.at(0x4000'3fff).target() == frame<>{0x777});
    CHECK(s.rig.at(0x4000'4000).target() == frame<>{0x604});
    CHECK(x86_64::is_writable(s.rig.at(0x4000'3000).entry));
}

TEST_CASE("entries that hardware reads together do not move") {
    scene<aarch64> s;
    REQUIRE(s.rig.mapper->update(0x5000, 0, [](std::uint64_t e) -> result<std::uint64_t> {
        return aarch64::with_contiguous(e, true);
    }));
    CHECK(s.mover.block_of({0x55}).error() == errc::unsupported);
    CHECK(s.mover.move({0x55}, {0x77}, 0) == errc::unsupported);
}

TEST_CASE("an evacuation empties a range whose pages are mapped") {
    using memory = radix_buddy<platform>;
    constexpr range<> bank{{0x1'0000}, 0x1000};
    constexpr range<> leaving{{0x1'0000}, 0x800};
    std::vector<memory::word> words(memory::metadata_words(bank));
    memory ram;
    REQUIRE(ram.attach(bank, {words.data(), words.size()}, start::fresh) == errc::ok);
    REQUIRE(ram.online(bank) == errc::ok);
    paging_rig<x86_64> rig;
    directory reverse;
    std::map<std::uint64_t, std::uint64_t> tags;  // what each frame holds
    const auto map = [&](std::uint64_t address, unsigned level) {
        const auto first = ram.allocate({.order = level * 9});
        REQUIRE(first);
        REQUIRE(rig.mapper->map(address, {.first = *first, .level = level, .permissions = {.write = true}}) ==
                errc::ok);
        reverse.addresses[first->number] = address;
        for (std::uint64_t i = 0; i >> 9 * level == 0; ++i) tags[first->number + i] = address + (i << 12);
    };
    map(0x4000'0000, 1);
    for (std::uint64_t i = 0; i < 100; ++i) map(i << 12, 0);
    const auto copy = [&](frame<> from, frame<> to) {
        tags[to.number] = tags.at(from.number);
        return errc::ok;
    };
    struct known : directory {
        directory* of;
        explicit known(directory& d) : of(&d) {}
        result<std::uint64_t> address_of(frame<> f) { return of->address_of(f); }
        bool pinned(frame<>, unsigned) { return false; }
        void moved(std::uint64_t address, frame<> from, frame<> to, unsigned) {
            of->addresses.erase(from.number);
            of->addresses[to.number] = address;
        }
    } following(reverse);
    page_table_mover<paging_rig<x86_64>::mapper_type, known, told_copy> mover(*rig.mapper, following, {copy});
    evacuation<memory> emptied(ram);
    REQUIRE(emptied.begin(leaving) == errc::ok);
    allocated_destination<memory> anywhere{ram};
    CHECK(emptied.evacuate(anywhere, mover) == errc::ok);
    CHECK(emptied.report().left == 0);
    for (std::uint64_t i = 0; i < 100; ++i) {
        const auto found = rig.at(i << 12);
        REQUIRE(!leaving.contains(found.target()));
        REQUIRE(tags.at(found.target().number) == i << 12);
        REQUIRE(x86_64::is_writable(found.entry));
    }
    CHECK(!leaving.contains(rig.at(0x4000'0000).target()));
    CHECK(tags.at(rig.at(0x4012'3000).target().number) == 0x4012'3000);
    CHECK(ram.offline(leaving) == errc::ok);
}

TEST_CASE("the bytes go along: the processor copies, unless told otherwise") {
    paging_rig<sv48> rig;
    directory reverse;
    const auto from = rig.source.allocate({});
    const auto to = rig.source.allocate({});
    REQUIRE(from);
    REQUIRE(to);
    REQUIRE(rig.mapper->map(0x9000, {.first = *from, .permissions = {.write = true}}) == errc::ok);
    reverse.addresses[from->number] = 0x9000;
    page_table_mover mover(*rig.mapper, reverse);
    auto* const bytes = static_cast<unsigned char*>(arena_platform<12>::bytes_of(*from));
    std::memset(bytes, 0x5a, 4096);
    bytes[4095] = 0x33;
    REQUIRE(mover.move(*from, *to, 0) == errc::ok);
    std::memset(bytes, 0, 4096);
    const auto* const there =
        static_cast<unsigned char*>(arena_platform<12>::bytes_of(rig.at(0x9000).target()));
    CHECK(there[0] == 0x5a);
    CHECK(there[4095] == 0x33);
}

}  // namespace
