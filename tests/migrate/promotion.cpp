// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <sys/mman.h>
#include <ashlar/migrate/evacuation.hpp>
#include <ashlar/migrate/promotion.hpp>
#include <ashlar/zone/tenant.hpp>

#include "migrate/machines.hpp"
#include "zone/machines.hpp"

namespace {

using namespace migrate_tests;

/// The memory of the patent's machine: 48 GiB of which only what is written takes any.
struct patent_bank : platform {
    static constexpr std::uint64_t frame_bytes = 4096;
    [[nodiscard]] static void* bytes_of(frame<> f) noexcept {
        static std::byte* const memory = [] {
            void* const at = mmap(nullptr, std::size_t{48} << 30, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            return at == MAP_FAILED ? nullptr : static_cast<std::byte*>(at);
        }();
        return memory + f.number * frame_bytes;
    }
};
using patent_memory = physical_memory<zone<counted<radix_buddy<patent_bank, buddy_shape{.top_order = 10}>>>>;

template <class Machine>
struct tenants_of {
    using table = owner_table<typename Machine::platform_type>;
    std::vector<typename table::word> words;
    table owners;

    explicit tenants_of(range<> frames) : words(table::metadata_words(frames)) {
        REQUIRE(owners.attach(frames, {words.data(), words.size()}) == errc::ok);
    }
};

TEST_CASE("V4: a tenant's 1,000 frames move into its node's mirror when it becomes critical") {
    const zone_tests::patent_machine described;
    zone_tests::booted<patent_memory> ram(described);
    tenants_of<patent_memory> book({{0}, 12 * zone_tests::frames_per_gibibyte * 4});
    tenant<patent_memory> database;
    REQUIRE(database.open(*ram.ram, book.owners, 1) == errc::ok);
    users<patent_bank> pages;
    std::vector<std::uint64_t> ids;
    for (unsigned i = 0; i < 1000; ++i) {
        const auto page = database.allocate({.node = 1});
        REQUIRE(page.has_value());
        REQUIRE(page->number >= 13 * zone_tests::frames_per_gibibyte);
        ids.push_back(pages.enter(*page, 0));
    }
    std::uint64_t ordinary = 0;
    const auto free_of_node_1 = [&](bool mirrored) {
        std::uint64_t free = 0;
        ram->for_each_zone([&](const auto& what, const auto& zone) {
            if (what.node == 1 && what.mirrored == mirrored) free += zone.free_frames();
        });
        return free;
    };
    ordinary = free_of_node_1(false);

    test_mover<patent_bank> mover(pages);
    promotion critical(*ram.ram, database);
    CHECK(critical.promote(mover) == errc::ok);
    const auto report = critical.report();
    CHECK(report.moved == 1000);
    CHECK(report.mirrored == 1000);
    CHECK(report.resident == 1000);
    CHECK(pages.intact());
    for (const std::uint64_t id : ids) {
        const std::uint64_t f = pages.home_of(id).first.number;
        CHECK(f >= 12 * zone_tests::frames_per_gibibyte);
        CHECK(f < 13 * zone_tests::frames_per_gibibyte);
    }
    CHECK(free_of_node_1(false) == ordinary + 1000);
    CHECK(database.validate() == errc::ok);
    tenant<patent_memory> child;
    REQUIRE(child.open(database, 2) == errc::ok);
    CHECK(child.mirror_first());

    // And back.
    CHECK(critical.demote(mover) == errc::ok);
    CHECK(critical.report().mirrored == 0);
    CHECK_FALSE(database.mirror_first());
    CHECK(child.mirror_first());
    CHECK(free_of_node_1(false) == ordinary);
    CHECK(pages.intact());
}

/// A tenant of the small machine with ordinary frames of mixed orders.
struct scene {
    attached<machine_of_rows> on;
    tenants_of<machine_of_rows> book{bank_frames};
    tenant<machine_of_rows> owner;
    users<bank> pages;
    std::vector<std::uint64_t> ids;
    std::set<std::uint64_t> bad;
    test_mover<bank> mover{pages, {&bad}};

    explicit scene(std::uint64_t frames, unsigned largest_order = 3) {
        REQUIRE(owner.open(on.source, book.owners, 7) == errc::ok);
        std::minstd_rand random(5);
        while (owner.figures().held < frames) {
            const unsigned order = static_cast<unsigned>(random() % (largest_order + 1));
            const auto got = owner.allocate({.order = order, .mobility = mobility::movable});
            REQUIRE(got.has_value());
            ids.push_back(pages.enter(*got, order));
        }
    }
    [[nodiscard]] std::uint64_t free() {
        on.source.drain();
        return on.source.free_frames();
    }
    [[nodiscard]] bool sound() const {
        return pages.intact() && owner.validate() == errc::ok && on.source.validate() == errc::ok;
    }
};

TEST_CASE("a promotion stops at any frame, goes on, and passes over what is mirrored") {
    scene all(2000);
    const std::uint64_t free = all.free();
    const std::uint64_t held = all.owner.figures().held;
    promotion critical(all.on.source, all.owner);
    unsigned calls = 0;
    errc answer = errc::limit;
    for (; answer == errc::limit; ++calls) {
        answer = critical.promote(all.mover, 10);
        CHECK(all.sound());
        CHECK(critical.report().mirrored == critical.report().moved);
    }
    CHECK(answer == errc::ok);
    CHECK(calls > 100);
    CHECK(critical.report().moved == held);
    CHECK(all.free() == free);
    CHECK(critical.promote(all.mover) == errc::ok);
    CHECK(critical.report().moved == held);
    CHECK(critical.report().skipped == held);
}

TEST_CASE("pinned and unreadable frames stay and are counted; coverage is exact") {
    scene all(1000, 0);
    for (unsigned i = 0; i < 10; ++i) all.pages.pin(all.ids[i * 7]);
    for (unsigned i = 0; i < 5; ++i) all.bad.insert(all.pages.home_of(all.ids[i * 7 + 1]).first.number);
    promotion critical(all.on.source, all.owner);
    CHECK(critical.promote(all.mover) == errc::ok);
    const auto report = critical.report();
    CHECK(report.pinned == 10);
    CHECK(report.failed == 5);
    CHECK(report.reason == errc::unreadable);
    CHECK(report.mirrored == 985);
    CHECK(report.resident == 1000);
    CHECK(all.sound());
}

TEST_CASE("mirrored memory runs out: it stops cleanly, and goes on when there is more") {
    scene all(4000, 0);
    // Somebody else has all but 1,500 mirrored frames.
    std::vector<frame<>> others;
    const std::uint64_t mirrored = all.on.source.mirror_figures().total;
    while (all.on.source.mirror_figures().used < mirrored - 1500) {
        const auto got = all.on.source.allocate({.mirror = mirror::required});
        REQUIRE(got.has_value());
        others.push_back(*got);
    }
    promotion critical(all.on.source, all.owner);
    CHECK(critical.promote(all.mover) == errc::exhausted);
    CHECK(critical.report().moved == 1500);
    CHECK(critical.report().reason == errc::exhausted);
    CHECK(all.sound());
    for (unsigned i = 0; i < 500; ++i) REQUIRE(all.on.source.free(others[i], 0) == errc::ok);
    CHECK(critical.promote(all.mover) == errc::exhausted);
    CHECK(critical.report().moved == 2000);
    CHECK(all.sound());
}

TEST_CASE(
    "limits hold: the tenant's on mirrored frames, the machine's, and a tenant at its limit on frames") {
    scene all(1000, 0);
    REQUIRE(all.owner.set_limit(1000) == errc::ok);
    REQUIRE(all.owner.set_mirror_limit(300) == errc::ok);
    promotion critical(all.on.source, all.owner);
    CHECK(critical.promote(all.mover) == errc::limit);
    CHECK(critical.report().reason == errc::limit);
    CHECK(critical.report().mirrored == 300);
    CHECK(all.sound());
    REQUIRE(all.owner.set_mirror_limit(unlimited_frames) == errc::ok);
    REQUIRE(all.on.source.set_mirror_limit(600) == errc::ok);
    CHECK(critical.promote(all.mover) == errc::limit);
    CHECK(critical.report().mirrored <= 600);
    CHECK(all.sound());
    REQUIRE(all.on.source.set_mirror_limit(all.on.source.mirror_figures().total) == errc::ok);
    CHECK(critical.promote(all.mover) == errc::ok);
    CHECK(critical.report().mirrored == 1000);
    CHECK(all.owner.figures().held == 1000);
    CHECK(all.sound());
}

TEST_CASE("a promotion is rolled back: to the kind and node it came from; what was freed meanwhile is gone") {
    scene all(600);
    const std::uint64_t held = all.owner.figures().held;
    const std::uint64_t free = all.free();
    std::vector<moved_block<>> notes(1000);
    promotion critical(all.on.source, all.owner, {notes.data(), notes.size()});
    CHECK(critical.promote(all.mover, held / 2) == errc::limit);
    const std::uint64_t moved = critical.report().moved;
    CHECK(moved > 0);
    // One is freed by its user, one is pinned while it is rolled back.
    std::vector<std::uint64_t> in_mirror;
    for (const auto id : all.ids) {
        if (all.on.source.zone_of(all.pages.home_of(id).first)->mirrored) in_mirror.push_back(id);
    }
    const auto gone = all.pages.leave(in_mirror[0]);
    REQUIRE(all.owner.free(gone.first, gone.order) == errc::ok);
    all.pages.pin(in_mirror[1]);
    CHECK(critical.roll_back(all.mover) == errc::busy);
    CHECK(all.sound());
    all.pages.pin(in_mirror[1], false);
    CHECK(critical.roll_back(all.mover) == errc::ok);
    CHECK(critical.report().mirrored == 0);
    CHECK(critical.report().put_back == moved - (std::uint64_t{1} << gone.order));
    CHECK(all.sound());
    CHECK(all.free() == free + (std::uint64_t{1} << gone.order));
    CHECK(critical.roll_back(all.mover) == errc::ok);  // nothing more
}

TEST_CASE("notes that are full stop a promotion until they are committed") {
    scene all(100, 0);
    moved_block<> notes[30];
    promotion critical(all.on.source, all.owner, notes);
    CHECK(critical.promote(all.mover) == errc::limit);
    CHECK(critical.report().moved == 30);
    CHECK(critical.report().reason == errc::ok);
    critical.commit();
    CHECK(critical.promote(all.mover) == errc::limit);
    CHECK(critical.report().moved == 60);
    CHECK(critical.roll_back(all.mover) == errc::ok);
    CHECK(critical.report().mirrored == 30);
    CHECK(all.sound());
}

TEST_CASE("a tenant's frames are evacuated as his") {
    scene all(3000);
    const auto before = all.owner.figures();
    tenant_mover moved(all.owner, all.mover);
    evacuation<machine_of_rows> emptied(all.on.source);
    const range<> dimm{{all.pages.home_of(all.ids[0]).first.number & ~std::uint64_t{511}}, 1024};
    REQUIRE(emptied.begin(dimm) == errc::ok);
    CHECK(emptied.evacuate(
              allocated_destination<machine_of_rows>{all.on.source, {.mobility = mobility::movable}},
              moved) == errc::ok);
    CHECK(emptied.report().moved > 0);
    CHECK(all.owner.figures().held == before.held);
    CHECK(all.owner.first_held(dimm, 1).empty());
    CHECK(all.sound());
    // Another tenant's frames are not touched by this mover.
    users<bank> others;
    tenant<machine_of_rows> other;
    REQUIRE(other.open(all.on.source, all.book.owners, 8) == errc::ok);
    emptied.end();
    REQUIRE(other.allocate_at({dimm.first + 88, 1}) == errc::ok);
    REQUIRE(emptied.begin(dimm) == errc::ok);
    CHECK(emptied.evacuate(allocated_destination<machine_of_rows>{all.on.source}, moved) == errc::busy);
    CHECK(emptied.report().foreign == 1);
}

TEST_CASE("what is another tenant's is not this one's, whatever its mover says of it") {
    scene all(3000);
    tenant_mover moved(all.owner, all.mover);
    tenant<machine_of_rows> other;
    REQUIRE(other.open(all.on.source, all.book.owners, 8) == errc::ok);
    const auto pair = other.allocate(1);
    REQUIRE(pair);
    const std::uint64_t id = all.pages.enter(*pair, 1);
    all.pages.pin(id);
    CHECK(all.mover.block_of(*pair).error() == errc::busy);
    CHECK(moved.block_of(*pair).error() == errc::not_owned);
    all.pages.pin(id, false);
    CHECK(all.mover.block_of(*pair)->order == 1);
    CHECK(moved.block_of(*pair).error() == errc::not_owned);
    // Of a block that is half his, too.
    REQUIRE(other.free(*pair, 0) == errc::ok);
    REQUIRE(all.owner.allocate_at({*pair, 1}) == errc::ok);
    CHECK(moved.block_of(*pair).error() == errc::not_owned);
}

/// Whose users free each frame just before it is looked at.
template <class Tenant>
struct freeing_mover {
    using space = machine;
    Tenant& owner;
    unsigned freed = 0;

    result<used_block<>> block_of(frame<> f) {
        freed += owner.free(f, 0) == errc::ok ? 1 : 0;
        return errc::not_owned;
    }
    errc move(frame<>, frame<>, unsigned) { return errc::busy; }
};

TEST_CASE("what is freed since it was found is no failure") {
    scene all(0);
    tenant<machine_of_rows> short_lived;
    REQUIRE(short_lived.open(all.on.source, all.book.owners, 9) == errc::ok);
    for (int i = 0; i < 10; ++i) REQUIRE(short_lived.allocate(0).has_value());
    freeing_mover<tenant<machine_of_rows>> frees{short_lived};
    static_assert(frame_mover<decltype(frees)>);
    promotion<machine_of_rows, tenant<machine_of_rows>> critical(all.on.source, short_lived);
    CHECK(critical.promote(frees) == errc::ok);
    CHECK(frees.freed == 10);
    CHECK(critical.report().failed == 0);
    CHECK(critical.report().moved == 0);
    CHECK(short_lived.close() == errc::ok);
}

TEST_CASE("where there is no mirrored memory nothing moves") {
    zone_tests::firmware described;
    described.ram(0, bank::frames << 12, 0);
    zone_tests::booted<machine_of_rows> ram(described);
    tenants_of<machine_of_rows> book(bank_frames);
    tenant<machine_of_rows> owner;
    REQUIRE(owner.open(*ram.ram, book.owners, 1) == errc::ok);
    users<bank> pages;
    const auto got = owner.allocate(0);
    REQUIRE(got.has_value());
    (void)pages.enter(*got, 0);
    test_mover<bank> mover(pages);
    promotion critical(*ram.ram, owner);
    CHECK(critical.promote(mover) == errc::ok);
    CHECK(critical.report().moved == 0);
    CHECK(owner.mirror_first());
}

}  // namespace
