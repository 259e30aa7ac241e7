// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Owners of a machine's frames: preference, inheritance, limits, counters, whose frame is whose.
#include "zone/machines.hpp"

#include <ashlar/zone/tenant.hpp>
#include <map>
#include <random>
#include <vector>

namespace {

using namespace zone_tests;

using memory = physical_memory<radix_zone>;
using book = owner_table<platform>;
using owner = tenant<memory>;
using small_source = radix_buddy<platform, order_10>;

static_assert(frame_source<owner>);
static_assert(frame_source<tenant<tenant<memory>>>);

/// A machine and the book of its tenants.
struct inhabited : booted<memory> {
    std::vector<book::word> words;
    book owners;

    explicit inhabited(const firmware& from) : booted(from) {
        std::uint64_t end = 0;
        ram->for_each_zone([&](const auto& what, const auto&) { end = what.span.end().number; });
        const range<> all{{0}, end};
        words = std::vector<book::word>(book::metadata_words(all));
        REQUIRE(owners.attach(all, {words.data(), words.size()}) == errc::ok);
    }
};

constexpr std::uint64_t mirrored_frames = 16 * mebibyte >> 12;
constexpr frame<> first_mirrored{4 * gibibyte >> 12};
constexpr frame<> first_ordinary{5 * gibibyte >> 12};

struct half_mirrored : firmware {
    half_mirrored() {
        ram(4 * gibibyte, 4 * gibibyte + 16 * mebibyte, 0, true);
        ram(5 * gibibyte, 5 * gibibyte + 16 * mebibyte, 0);
    }
};

void check_held(const owner& of, std::uint64_t held, std::uint64_t mirrored) {
    CHECK(of.figures().held == held);
    CHECK(of.figures().mirrored == mirrored);
    CHECK(of.validate() == errc::ok);
}

TEST_CASE("V4 without the move: a tenant of node 1 becomes critical, a child inherits") {
    inhabited machine{patent_machine{}};
    memory& ram = *machine.ram;
    const range<> mirror_of_node{{12 * frames_per_gibibyte}, frames_per_gibibyte};
    const range<> rest_of_node{{13 * frames_per_gibibyte}, 11 * frames_per_gibibyte};
    const std::uint64_t free_before = ram.free_frames();
    owner tenant_of_node;
    REQUIRE(tenant_of_node.open(ram, machine.owners, 1) == errc::ok);
    std::vector<frame<>> frames;
    for (int i = 0; i < 1000; ++i) {
        const auto got = tenant_of_node.allocate({.node = 1});
        REQUIRE(got.has_value());
        REQUIRE(rest_of_node.contains(*got));
        frames.push_back(*got);
    }
    check_held(tenant_of_node, 1000, 0);

    tenant_of_node.set_mirror_first(true);
    owner child;
    REQUIRE(child.open(tenant_of_node, 2) == errc::ok);
    CHECK(child.mirror_first());
    std::vector<frame<>> mirrored;
    for (owner* each : {&tenant_of_node, &child}) {
        for (int i = 0; i < 500; ++i) {
            const auto got = each->allocate({.node = 1});
            REQUIRE(got.has_value());
            REQUIRE(mirror_of_node.contains(*got));
            mirrored.push_back(*got);
        }
    }
    check_held(tenant_of_node, 1500, 500);
    check_held(child, 500, 500);
    std::uint64_t seen = 0;
    tenant_of_node.visit_held([&](range<> run) { seen += run.count; });
    CHECK(seen == 1500);

    for (const frame<> each : frames) REQUIRE(tenant_of_node.free(each, 0) == errc::ok);
    check_held(tenant_of_node, 500, 500);
    for (std::size_t i = 0; i < mirrored.size(); ++i) {
        REQUIRE((i < 500 ? tenant_of_node : child).free(mirrored[i], 0) == errc::ok);
    }
    CHECK(ram.free_frames() == free_before);
    CHECK(child.close() == errc::ok);
    CHECK(tenant_of_node.close() == errc::ok);
}

TEST_CASE("what is inherited is a copy; what a request says itself stands") {
    inhabited machine{half_mirrored{}};
    owner parent, before, after;
    REQUIRE(parent.open(*machine.ram, machine.owners, 1) == errc::ok);
    CHECK_FALSE(parent.mirror_first());
    REQUIRE(before.open(parent, 2) == errc::ok);
    parent.set_mirror_first(true);
    REQUIRE(after.open(parent, 3) == errc::ok);
    CHECK_FALSE(before.mirror_first());
    CHECK(after.mirror_first());
    after.set_mirror_first(false);
    CHECK(parent.mirror_first());
    parent.set_mirror_first(false);
    after.set_mirror_first(true);
    CHECK_FALSE(parent.mirror_first());

    CHECK(machine->zone_of(*after.allocate(0))->mirrored);
    CHECK_FALSE(machine->zone_of(*after.allocate({.mirror = mirror::ordinary}))->mirrored);
    CHECK_FALSE(machine->zone_of(*parent.allocate(0))->mirrored);
    CHECK(machine->zone_of(*parent.allocate({.mirror = mirror::required}))->mirrored);
    // The machine's default is what a tenant without the flag follows.
    machine->set_default_mirror(mirror::preferred);
    CHECK(machine->zone_of(*parent.allocate(0))->mirrored);
    CHECK_FALSE(machine->zone_of(*parent.allocate({.mirror = mirror::ordinary}))->mirrored);
    check_held(parent, 4, 2);
    check_held(after, 2, 1);
}

TEST_CASE("limits: refused beyond, the old value stays below what is held") {
    inhabited machine{half_mirrored{}};
    owner limited;
    REQUIRE(limited.open(*machine.ram, machine.owners, 5) == errc::ok);
    const std::uint64_t free_before = machine->free_frames();
    REQUIRE(limited.set_limit(10) == errc::ok);
    const auto block = limited.allocate({.order = 3});
    REQUIRE(block.has_value());
    CHECK(limited.free_frames() == 2);
    CHECK(limited.allocate({.order = 2}).error() == errc::limit);
    CHECK(limited.allocate_at({first_ordinary + 100, 3}) == errc::limit);
    CHECK(limited.set_limit(7) == errc::busy);
    CHECK(limited.figures().limit == 10);
    CHECK(limited.set_limit(8) == errc::ok);
    CHECK(limited.allocate(0).error() == errc::limit);
    CHECK(limited.set_limit(unlimited_frames) == errc::ok);
    CHECK(machine->free_frames() == free_before - 8);

    CHECK(limited.set_mirror_limit(mirrored_frames + 1) == errc::limit);
    REQUIRE(limited.set_mirror_limit(4) == errc::ok);
    for (int i = 0; i < 4; ++i) REQUIRE(limited.allocate({.mirror = mirror::required}).has_value());
    CHECK(limited.allocate({.mirror = mirror::required}).error() == errc::limit);
    CHECK(limited.set_mirror_limit(3) == errc::busy);
    CHECK(limited.figures().mirror_limit == 4);
    check_held(limited, 12, 4);
    // `preferred` falls back, and it counts.
    const auto instead = limited.allocate({.mirror = mirror::preferred});
    REQUIRE(instead.has_value());
    CHECK_FALSE(machine->zone_of(*instead)->mirrored);
    CHECK(limited.figures().fallbacks == 1);
    check_held(limited, 13, 4);
    // The machine's limit counts as well.
    REQUIRE(limited.set_mirror_limit(unlimited_frames) == errc::ok);
    REQUIRE(machine->set_mirror_limit(4) == errc::ok);
    CHECK(limited.allocate({.mirror = mirror::required}).error() == errc::limit);
    check_held(limited, 13, 4);
}

TEST_CASE("mirrored memory as a last resort counts and is limited, too") {
    using generous = physical_memory<radix_zone, last_resort<reliability_first>>;
    const half_mirrored from;
    const booted<generous> ram(from);
    std::vector<book::word> words(book::metadata_words({{0}, first_ordinary.number + mirrored_frames}));
    book owners;
    REQUIRE(owners.attach({{0}, first_ordinary.number + mirrored_frames}, {words.data(), words.size()}) ==
            errc::ok);
    tenant<generous> greedy;
    REQUIRE(greedy.open(*ram.ram, owners, 1) == errc::ok);
    REQUIRE(greedy.set_mirror_limit(2) == errc::ok);
    std::uint64_t taken = 0;
    auto got = greedy.allocate(0);
    for (; got; got = greedy.allocate(0)) ++taken;
    CHECK(got.error() == errc::limit);
    CHECK(greedy.figures().mirrored == 2);
    CHECK(taken == greedy.figures().held);
    CHECK(ram->mirror_figures().used == 2);
    CHECK(greedy.validate() == errc::ok);
}

TEST_CASE("without mirrored memory the flag changes nothing") {
    firmware plain;
    plain.ram(4 * gibibyte, 4 * gibibyte + 16 * mebibyte, 0);
    inhabited machine{plain};
    owner hopeful;
    REQUIRE(hopeful.open(*machine.ram, machine.owners, 1) == errc::ok);
    hopeful.set_mirror_first(true);
    CHECK(hopeful.allocate(0).has_value());
    CHECK(hopeful.allocate({.mirror = mirror::required}).has_value());
    CHECK(hopeful.figures().fallbacks == 0);
    check_held(hopeful, 2, 0);
}

TEST_CASE("wrong frees are refused and change nothing") {
    inhabited machine{half_mirrored{}};
    owner one, two;
    REQUIRE(one.open(*machine.ram, machine.owners, 1) == errc::ok);
    REQUIRE(two.open(*machine.ram, machine.owners, 2) == errc::ok);
    const auto block = one.allocate({.order = 4});
    const auto other = two.allocate(0);
    const auto nobodys = machine->allocate(0);
    REQUIRE((block && other && nobodys));
    const std::uint64_t free_before = machine->free_frames();
    CHECK(two.free(*block, 4) == errc::not_owned);
    CHECK(two.free(*block, 0) == errc::not_owned);
    CHECK(one.free(*other, 0) == errc::not_owned);
    CHECK(one.free(*nobodys, 0) == errc::not_owned);
    CHECK(one.free(*block + 1, 1) == errc::misaligned);
    CHECK(one.free(*block, owner::top_order + 1) == errc::unsupported);
    CHECK(one.free({1}, 0) == errc::not_owned);
    CHECK(one.free(first_ordinary + 0x1000000, 0) == errc::not_owned);
    CHECK(machine->free_frames() == free_before);
    check_held(one, 16, 0);
    // In pieces; a second time.
    CHECK(one.free(*block + 8, 3) == errc::ok);
    CHECK(one.free(*block + 8, 0) == errc::double_free);
    CHECK(one.free(*block, 4) == errc::double_free);
    CHECK(one.holds(*block));
    CHECK_FALSE(one.holds(*block + 8));
    CHECK_FALSE(two.holds(*block));
    check_held(one, 8, 0);
    CHECK(one.free(*block, 3) == errc::ok);
    CHECK(machine->free_frames() == free_before + 16);
}

TEST_CASE("frames that were freed past their tenant are not given to another one") {
    inhabited machine{half_mirrored{}};
    owner one, two;
    REQUIRE(one.open(*machine.ram, machine.owners, 1) == errc::ok);
    REQUIRE(two.open(*machine.ram, machine.owners, 2) == errc::ok);
    const range<> piece{first_ordinary + 64, 8};
    REQUIRE(one.allocate_at(piece) == errc::ok);
    CHECK(two.allocate_at(piece) == errc::busy);
    REQUIRE(machine->free(piece.first, 3) == errc::ok);
    const std::uint64_t free_before = machine->free_frames();
    CHECK(two.allocate_at(piece) == errc::corrupt);
    CHECK(machine->free_frames() == free_before);
    check_held(two, 0, 0);
    CHECK(one.free(piece.first, 3) == errc::double_free);
    check_held(one, 8, 0);
}

TEST_CASE("frames that the machine lost leave with an error") {
    inhabited machine{half_mirrored{}};
    owner unlucky;
    REQUIRE(unlucky.open(*machine.ram, machine.owners, 1) == errc::ok);
    const range<> piece{first_ordinary + 64, 8};
    REQUIRE(unlucky.allocate_at(piece) == errc::ok);
    REQUIRE(machine->revoke({piece.first, 4}).error() == errc::ok);
    CHECK(unlucky.free(piece.first, 3) == errc::revoked);
    check_held(unlucky, 8, 0);
    CHECK(unlucky.free(piece.first, 2) == errc::revoked);
    check_held(unlucky, 4, 0);
    CHECK(unlucky.free(piece.first + 4, 2) == errc::ok);
    check_held(unlucky, 0, 0);
    CHECK(unlucky.close() == errc::ok);
}

TEST_CASE("open and close") {
    inhabited machine{half_mirrored{}};
    owner one, two;
    CHECK(one.allocate(0).error() == errc::exhausted);
    CHECK(one.free(first_ordinary, 0) == errc::not_owned);
    CHECK(one.free_frames() == 0);
    CHECK(one.close() == errc::invalid);
    CHECK(two.open(one, 2) == errc::invalid);
    CHECK(one.open(*machine.ram, machine.owners, no_owner) == errc::invalid);
    CHECK(one.open(*machine.ram, machine.owners, book::last_owner + 1) == errc::invalid);
    CHECK_FALSE(one.is_open());
    book unattached;
    CHECK(one.open(*machine.ram, unattached, 1) == errc::limit);
    REQUIRE(one.open(*machine.ram, machine.owners, 1) == errc::ok);
    CHECK(one.open(*machine.ram, machine.owners, 3) == errc::busy);
    CHECK(two.open(*machine.ram, machine.owners, 1) == errc::busy);
    CHECK(two.open(one, 1) == errc::busy);
    const auto got = one.allocate(0);
    REQUIRE(got.has_value());
    CHECK(one.close() == errc::busy);
    REQUIRE(one.free(*got, 0) == errc::ok);
    REQUIRE(one.set_limit(1) == errc::ok);
    one.set_mirror_first(true);
    CHECK(one.close() == errc::ok);
    CHECK(one.free(*got, 0) == errc::not_owned);
    // The next one with that number begins anew, and does not see the one before.
    REQUIRE(two.open(*machine.ram, machine.owners, 1) == errc::ok);
    CHECK_FALSE(two.mirror_first());
    CHECK(two.figures().limit == unlimited_frames);
    CHECK(two.validate() == errc::ok);
}

TEST_CASE("what no tenant can ask for, open or closed") {
    inhabited machine{half_mirrored{}};
    memory& ram = *machine.ram;
    owner one;
    owner child;
    for (const bool is_open : {false, true}) {
        if (is_open) REQUIRE(one.open(ram, machine.owners, 1) == errc::ok);
        CHECK(one.allocate({.order = owner::top_order + 1}).error() == errc::unsupported);
        CHECK(one.allocate_at({first_ordinary, 0}) == errc::invalid);
        CHECK(one.allocate_at({{~std::uint64_t{0}}, 2}) == errc::invalid);
        CHECK(one.allocate_contiguous({.count = 0}).error() == errc::invalid);
        CHECK(one.free(first_ordinary, owner::top_order + 1) == errc::unsupported);
        CHECK(one.free(first_ordinary + 1, 1) == errc::misaligned);
        CHECK(one.begin_move(first_ordinary, first_mirrored, 0) == errc::not_owned);
        CHECK(one.allocate_at({first_ordinary, 4}) == (is_open ? errc::ok : errc::not_owned));
        CHECK(child.open(one, 2) == (is_open ? errc::ok : errc::invalid));
    }
    CHECK(child.open(one, 2) == errc::busy);
    CHECK(one.free(first_ordinary + 1, 1) == errc::misaligned);
    check_held(one, 4, 0);
    CHECK(one.free(first_ordinary, 2) == errc::ok);
    CHECK(child.close() == errc::ok);
    CHECK(one.close() == errc::ok);
}

TEST_CASE("frames outside of the book are not handed out") {
    const half_mirrored from;
    const booted<memory> ram(from);
    book owners;
    const range<> covered{first_mirrored, mirrored_frames};
    std::vector<book::word> words(book::metadata_words(covered));
    REQUIRE(owners.attach(covered, {words.data(), words.size()}) == errc::ok);
    owner half;
    REQUIRE(half.open(*ram.ram, owners, 1) == errc::ok);
    const std::uint64_t free_before = ram->free_frames();
    CHECK(half.allocate(0).error() == errc::limit);
    CHECK(half.allocate_at({first_ordinary, 1}) == errc::limit);
    CHECK(ram->free_frames() == free_before);
    CHECK(half.allocate({.mirror = mirror::required}).has_value());
    check_held(half, 1, 1);
}

TEST_CASE("the machine's verbs are not a tenant's") {
    inhabited machine{half_mirrored{}};
    owner tenant_of_all;
    REQUIRE(tenant_of_all.open(*machine.ram, machine.owners, 1) == errc::ok);
    const range<> some{first_ordinary, 512};
    CHECK(tenant_of_all.attach(some, {}, start::fresh) == errc::unsupported);
    CHECK(tenant_of_all.detach(some) == errc::unsupported);
    CHECK(tenant_of_all.online(some) == errc::unsupported);
    CHECK(tenant_of_all.offline(some) == errc::unsupported);
    CHECK(tenant_of_all.isolate(some) == errc::unsupported);
    CHECK(tenant_of_all.readmit(some) == errc::unsupported);
    CHECK(tenant_of_all.revoke(some).error() == errc::unsupported);
    CHECK(machine->free_frames() == 2 * mirrored_frames);
    CHECK(tenant_of_all.owns(first_ordinary));
    CHECK_FALSE(tenant_of_all.owns(first_ordinary + mirrored_frames));
    std::uint64_t free = 0;
    tenant_of_all.visit_free([&](range<> run) { free += run.count; });
    CHECK(free == tenant_of_all.free_frames());
    std::map<std::string, std::uint64_t> told;
    tenant_of_all.set_mirror_first(true);
    REQUIRE(tenant_of_all.allocate({.order = 2}).has_value());
    tenant_of_all.describe([&](const char* name, std::uint64_t value) { told[name] = value; });
    CHECK(told["tenant"] == 1);
    CHECK(told["held_frames"] == 4);
    CHECK(told["mirrored_frames"] == 4);
    CHECK(told["frame_limit"] == unlimited_frames);
    CHECK(told["mirror_first"] == 1);
    tenant_of_all.drain();
    tenant_of_all.drain(0);
}

TEST_CASE("a tenant over a single source, at compile time") {
    constexpr auto run = [] {
        constexpr range<> bank{{512}, 1024};
        small_source::word words[small_source::metadata_words(bank)]{};
        small_source source;
        if (source.attach(bank, words, start::fresh) != errc::ok || source.online(bank) != errc::ok)
            return errc::invalid;
        book::word fields[book::metadata_words(bank)]{};
        book owners;
        if (owners.attach(bank, fields) != errc::ok) return errc::invalid;
        tenant<small_source> guest, other;
        if (guest.open(source, owners, 1) != errc::ok || other.open(guest, 2) != errc::ok)
            return errc::invalid;
        const auto got = guest.allocate({.order = 5});
        if (!got || guest.figures().held != 32 || other.free(*got, 5) != errc::not_owned)
            return errc::invalid;
        if (guest.free(*got, 5) != errc::ok || guest.validate() != errc::ok) return errc::invalid;
        return guest.free(*got, 5);
    };
    static_assert(run() == errc::double_free);
    CHECK(run() == errc::double_free);
}

TEST_CASE("frames in a row are a tenant's, too: preference, limits, book, and back in any blocks") {
    inhabited machine{half_mirrored{}};
    const std::uint64_t all = machine->free_frames();
    owner guest, other;
    REQUIRE(guest.open(*machine.ram, machine.owners, 1) == errc::ok);
    REQUIRE(other.open(*machine.ram, machine.owners, 2) == errc::ok);
    guest.set_mirror_first(true);
    REQUIRE(guest.set_limit(1500) == errc::ok);
    REQUIRE(guest.set_mirror_limit(700) == errc::ok);
    const contiguous_request<> ring{.count = 300, .alignment = 16, .boundary = 512};
    CHECK(guest.allocate_contiguous({.count = 0}).error() == errc::invalid);
    CHECK(guest.allocate_contiguous({.count = 1501}).error() == errc::limit);
    CHECK(guest.allocate_contiguous({.count = 701, .mirror = mirror::required}).error() == errc::limit);
    CHECK(guest.allocate_contiguous({.count = ~std::uint64_t{0}}).error() == errc::limit);
    check_held(guest, 0, 0);
    const auto first = allocate_contiguous(guest, ring);
    const auto second = allocate_contiguous(guest, ring);
    REQUIRE((first && second));
    CHECK(first->count == 300);
    CHECK(machine->zone_of(first->first)->mirrored);
    check_held(guest, 600, 600);
    const auto third = guest.allocate_contiguous(ring);  // its mirrored frames are used up
    REQUIRE(third);
    CHECK_FALSE(machine->zone_of(third->first)->mirrored);
    check_held(guest, 900, 600);
    CHECK(guest.figures().fallbacks == 1);
    CHECK(guest.holds(*first));
    CHECK(free_range(other, *first) == errc::not_owned);
    check_held(guest, 900, 600);
    CHECK(free_range(guest, *first) == errc::ok);
    CHECK(free_range(guest, *first) == errc::double_free);
    check_held(guest, 600, 300);
    CHECK(free_range(guest, *second) == errc::ok);
    CHECK(free_range(guest, *third) == errc::ok);
    CHECK(guest.allocate_contiguous({.count = 100, .below = {1}}).error() == errc::exhausted);
    check_held(guest, 0, 0);
    CHECK(machine->free_frames() == all);
    CHECK(guest.close() == errc::ok);
    CHECK(guest.allocate_contiguous(ring).error() == errc::exhausted);

    // What lies outside of the book goes back to the machine.
    inhabited half{half_mirrored{}};
    book small;
    std::vector<book::word> words(book::metadata_words({first_mirrored, 256}));
    REQUIRE(small.attach({first_mirrored, 256}, {words.data(), words.size()}) == errc::ok);
    owner inside;
    REQUIRE(inside.open(*half.ram, small, 1) == errc::ok);
    const std::uint64_t free_before = half->free_frames();
    CHECK(inside.allocate_contiguous({.count = 600}).error() == errc::limit);
    check_held(inside, 0, 0);
    CHECK(half->free_frames() == free_before);

    // A tenant of a tenant, within the limits of both.
    tenant<owner> lodger;
    REQUIRE(other.set_limit(400) == errc::ok);
    book lodgers;
    std::vector<book::word> more(book::metadata_words(machine.owners.covered()));
    REQUIRE(lodgers.attach(machine.owners.covered(), {more.data(), more.size()}) == errc::ok);
    REQUIRE(lodger.open(other, lodgers, 1) == errc::ok);
    const auto nested = lodger.allocate_contiguous(ring);
    REQUIRE(nested);
    check_held(other, 300, 0);
    CHECK(lodger.allocate_contiguous(ring).error() == errc::limit);
    CHECK(lodger.offers(nested->first));
    CHECK(free_range(lodger, *nested) == errc::ok);
    check_held(other, 0, 0);
}

TEST_CASE("random histories of three tenants agree with what each was given") {
    inhabited machine{half_mirrored{}};
    std::mt19937 random(11);
    const std::uint64_t all = machine->free_frames();
    owner tenants[3];
    for (unsigned i = 0; i < 3; ++i) {
        REQUIRE(tenants[i].open(*machine.ram, machine.owners, static_cast<owner_id>(i + 1)) == errc::ok);
        REQUIRE(tenants[i].set_limit(3000) == errc::ok);
        REQUIRE(tenants[i].set_mirror_limit(1000 * (i + 1)) == errc::ok);
    }
    std::map<std::uint64_t, std::pair<unsigned, unsigned>> blocks;  // first frame -> tenant, order
    std::uint64_t held[3]{}, mirrored[3]{};
    for (int step = 0; step < 60000; ++step) {
        const auto who = static_cast<unsigned>(random() % 3);
        owner& actor = tenants[who];
        if (random() % 100 == 0) actor.set_mirror_first(random() % 2 == 0);
        if (blocks.empty() || random() % 2 == 0) {
            const unsigned order = random() % 6 == 0 ? static_cast<unsigned>(random() % 11) : 0;
            const auto preference = static_cast<mirror>(random() % 4);
            const auto got = actor.allocate({.order = order, .mirror = preference});
            if (!got) {
                REQUIRE((got.error() == errc::limit || got.error() == errc::exhausted));
                continue;
            }
            const bool in_mirror = machine->zone_of(*got)->mirrored;
            REQUIRE(blocks.emplace(got->number, std::pair(who, order)).second);
            held[who] += std::uint64_t{1} << order;
            mirrored[who] += in_mirror ? std::uint64_t{1} << order : 0;
            REQUIRE(held[who] <= 3000);
            REQUIRE(mirrored[who] <= 1000 * (who + 1));
        } else {
            auto pick = blocks.lower_bound(blocks.begin()->first + random() % (600 * mebibyte >> 12));
            if (pick == blocks.end()) pick = blocks.begin();
            const auto [of, order] = pick->second;
            const frame<> first{pick->first};
            const bool in_mirror = machine->zone_of(first)->mirrored;
            const errc answer = actor.free(first, order);
            REQUIRE(answer == (of == who ? errc::ok : errc::not_owned));
            if (of != who) continue;
            held[who] -= std::uint64_t{1} << order;
            mirrored[who] -= in_mirror ? std::uint64_t{1} << order : 0;
            blocks.erase(pick);
        }
        if (step % 1000 != 0) continue;
        for (unsigned i = 0; i < 3; ++i) check_held(tenants[i], held[i], mirrored[i]);
        REQUIRE(machine->free_frames() == all - held[0] - held[1] - held[2]);
    }
    for (const auto& [first, block] : blocks)
        REQUIRE(tenants[block.first].free({first}, block.second) == errc::ok);
    for (owner& each : tenants) REQUIRE(each.close() == errc::ok);
    CHECK(machine->free_frames() == all);
}

}  // namespace
