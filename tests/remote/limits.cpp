// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is one too many, wraps, or is nowhere is refused, and leaves nothing behind.
#include <doctest/doctest.h>

#include <ashlar/remote/bridge_windows.hpp>
#include <ashlar/remote/hand_shake.hpp>
#include <ashlar/remote/link_guard.hpp>
#include <ashlar/remote/nvme_sgl.hpp>
#include <ashlar/remote/p2m_cache.hpp>
#include <ashlar/remote/passthrough.hpp>
#include <ashlar/remote/presets.hpp>
#include <ashlar/remote/registers_idt.hpp>
#include <ashlar/remote/registers_intel.hpp>
#include <ashlar/remote/registers_plx.hpp>
#include <ashlar/remote/registers_switchtec.hpp>
#include <ashlar/remote/requesting_programmer.hpp>
#include <ashlar/remote/window_cache.hpp>
#include <ashlar/testing/bridge_models.hpp>
#include <ashlar/testing/plx_models.hpp>
#include <ashlar/testing/simulated_bridge.hpp>
#include <limits>
#include <memory>
#include <vector>

#include "remote/aims.hpp"
#include "remote/memory_aimer.hpp"
#include "remote/servers.hpp"

namespace {

using namespace remote_tests;

using identity = identity_window<>;
constexpr std::uint64_t last_address = ~std::uint64_t{0};

/// Who says that all is done, and of each window that it is closed.
struct closed_programmer {
    bool shows = false;
    byte_address<peer> target{};

    errc disable(std::uint32_t) { return errc::ok; }
    errc write(std::uint32_t, const window_aim& aim) {
        target = aim.target;
        return errc::ok;
    }
    result<byte_address<peer>> read(std::uint32_t) { return target; }
    errc enable(std::uint32_t, const window_aim&) { return errc::ok; }
    result<bool> enabled(std::uint32_t) { return shows; }
};
struct near_path {
    std::uint64_t word = 0;
    errc link = errc::ok;

    void store_fence() {}
    std::uint64_t read_back(std::uint32_t) { return word; }
    errc check_link() { return link; }
};

TEST_CASE("a transfer whose pieces have no room, and a route that leads nowhere") {
    three_servers w;
    const auto space = w.space();
    const dma_route<identity> routes[] = {{server_m, &w.d_to_m}};
    const dma_route<identity> nowhere[] = {{server_m, nullptr}};
    scatter_piece one[1];
    identity::pin_type pins[4];
    dma_transfer<identity::pin_type> transfer(one, pins);
    const auto map = [&](byte_address<guest> at, std::uint64_t length, const dma_device<identity>& device) {
        const errc answer = map_for_device(space, at, length, device, transfer);
        CHECK(transfer.is_under_way() == (answer == errc::ok));
        transfer.complete();
        for (const identity::pin_type& each : pins) CHECK(!each);
        return answer;
    };
    const dma_device<identity> on_d{.server = server_d, .routes = routes};
    const dma_device<identity> on_m{.server = server_m};
    // The first two pages follow each other on M, too; the third one is elsewhere.
    CHECK(map({0x7000'0000}, 0x2000, on_d) == errc::ok);
    CHECK(map({0x7000'0000}, 0x2800, on_d) == errc::limit);
    CHECK(map({0x7000'0000}, 0x2000, on_m) == errc::ok);
    CHECK(map({0x7000'0000}, 0x2800, on_m) == errc::limit);
    CHECK(map({0x7000'0000}, 8, {.server = server_d, .routes = nowhere}) == errc::not_covered);
    CHECK(map({last_address - 3}, 8, on_d) == errc::invalid);
    // A window at the end of the addresses: the last of its bytes would be at their beginning.
    identity over{{{0}, std::uint64_t{4} << 30}, {last_address - 0x34'57ff}};
    const dma_route<identity> past_the_end[] = {{server_m, &over}};
    CHECK(map({0x7000'0000}, 0x800, {.server = server_d, .routes = past_the_end}) == errc::ok);
    CHECK(map({0x7000'0000}, 0x801, {.server = server_d, .routes = past_the_end}) == errc::beyond_mask);
}

TEST_CASE("a transfer passes so many bridges, each once") {
    using transfer_type = dma_transfer<identity::pin_type>;
    scatter_piece pieces[1];
    identity::pin_type pins[1];
    transfer_type transfer(pieces, pins);
    requester_slots<>::word words[transfer_type::most_bridges + 1]{};
    std::vector<std::unique_ptr<requester_slots<>>> bridges;
    const auto program = [](std::uint32_t, std::uint16_t) { return errc::ok; };
    for (auto& each : words) {
        bridges.push_back(std::make_unique<requester_slots<>>(view<requester_slots<>::word>(&each, 1)));
        const bool is_last = bridges.size() > transfer_type::most_bridges;
        CHECK(transfer.pass(*bridges.back(), 7, program) == (is_last ? errc::limit : errc::ok));
        CHECK(transfer.pass(*bridges.back(), 7, program) == (is_last ? errc::limit : errc::ok));
        CHECK(bridges.back()->holders(0) == (is_last ? 0 : 1));
    }
    transfer.complete();
    for (const auto& each : bridges) CHECK(each->holders(0) == 0);
}

TEST_CASE("a slot that is just programmed is busy for the same device") {
    requester_slots<>::word words[2]{};
    requester_slots<> slots(words);
    errc inside = errc::ok;
    const auto nothing = [](std::uint32_t, std::uint16_t) { return errc::ok; };
    const auto programs = [&](std::uint32_t, std::uint16_t id) {
        inside = slots.hold(id, nothing).error();
        return errc::ok;
    };
    CHECK(*slots.hold(7, programs) == 0);
    CHECK(inside == errc::busy);
    CHECK(slots.holders(0) == 1);
    CHECK(slots.holders(1) == 0);
    CHECK(*slots.hold(7, nothing) == 0);
}

TEST_CASE("a table of known frames whose writer stopped") {
    using table = p2m_cache<>;
    constexpr std::size_t place_words = (table::metadata_words(16) - table::metadata_words(8)) / 8;
    std::vector<table::word> words(table::metadata_words(16));
    table known;
    REQUIRE(known.attach({words.data(), words.size()}) == errc::ok);
    known.insert({5}, {77}, known.version());
    REQUIRE(known.find({5})->number == 77);
    // In the midst of a place: whatever is there is not believed.
    for (std::size_t i = words.size() - 16 * place_words; i < words.size(); i += place_words)
        words[i].fetch_add(1, memory_order::relaxed);
    CHECK(known.find({5}).error() == errc::not_owned);
    for (std::size_t i = words.size() - 16 * place_words; i < words.size(); i += place_words)
        words[i].fetch_add(1, memory_order::relaxed);
    CHECK(known.find({5})->number == 77);
    // With the lock: what is to be forgotten is not, and that is said.
    words[0].store(1, memory_order::relaxed);
    CHECK(known.forget({{5}, 1}) == errc::busy);
    known.insert({6}, {78}, known.version());
    words[0].store(0, memory_order::relaxed);
    CHECK(known.find({6}).error() == errc::not_owned);
    CHECK(known.forget({{5}, 1}) == errc::ok);
    CHECK(known.find({5}).error() == errc::not_owned);
}

/// A channel with a peer that has heard us; what we write is refused.
struct refusing_channel {
    detail::hello_image heard = detail::hello_image::of({.epoch = 9, .peer_epoch = 7});
    errc refusal = errc::ok;

    errc write(std::uint32_t, std::uint32_t) { return refusal; }
    result<std::uint32_t> read(std::uint32_t index) { return heard.words[index]; }
};

TEST_CASE("a hand-shake that cannot speak, or offers what cannot be") {
    refusing_channel channel;
    hand_shake fine(channel, {.epoch = 7});
    CHECK(fine.step() == errc::busy);  // whom it heard is said first
    CHECK(fine.step() == errc::ok);
    channel.refusal = errc::revoked;
    hand_shake mute(channel, {.epoch = 7});
    CHECK(mute.step() == errc::revoked);
    CHECK(mute.peer_hello().epoch == 0);
    channel.refusal = errc::ok;
    hand_shake wraps(channel, {.epoch = 7, .offered = {{last_address - 3}, 8}});
    CHECK(wraps.step() == errc::invalid);
}

TEST_CASE("ranges that wrap, and no windows at all") {
    memory_aimer bridge;
    attached_cache<window_cache<memory_aimer>, memory_aimer> with(bridge);
    REQUIRE(with.cache.pin({0x5000}, 8));
    const std::uint64_t aims = bridge.aims;
    const auto known = with.cache.pin({0x5000}, 8).handle();
    CHECK(with.cache.pin_again(known, {0x5ffc}, 8).error() == errc::misaligned);
    CHECK(with.cache.pin_again(known, {0x5000}, 0).error() == errc::invalid);
    CHECK(with.cache.pin_again(known, {0x5008}, 8));
    CHECK(with.cache.forget({{0x5000}, last_address}) == errc::invalid);
    CHECK(with.cache.pin({0x5000}, 8));
    CHECK(bridge.aims == aims);
    memory_aimer many;
    many.count = std::numeric_limits<std::uint32_t>::max();
    std::vector<window_cache<memory_aimer>::word> words(1024);
    window_cache<memory_aimer> none;
    REQUIRE(window_cache<memory_aimer>::metadata_words(many.count) == 0);
    CHECK(none.attach(many, {words.data(), words.size()}) == errc::limit);
    bridge.count = 1;
    CHECK(none.attach(bridge, {words.data(), words.size()}) == errc::ok);
}

TEST_CASE("blocks that have no number of their own are not taken for others") {
    memory_aimer bridge;
    attached_cache<window_cache<memory_aimer>, memory_aimer> with(bridge);
    const auto held = with.cache.pin({0x5000}, 8);
    REQUIRE(held);
    // The low 32 bits of its number are those of the block that is pinned.
    CHECK(with.cache.forget({{(std::uint64_t{1} << 44) + 0x5000}, 0x1000}) == errc::ok);
    CHECK(held.local());
}

TEST_CASE("what the bridge refused is not asked again soon, together either") {
    memory_group_aimer bridge;
    bridge.refused = {0x5000};
    attached_cache<window_cache<memory_group_aimer>, memory_group_aimer> with(bridge);
    const byte_range<peer> both[] = {{{0x4000}, 8}, {{0x5000}, 8}};
    window_cache<memory_group_aimer>::pin_type pins[2];
    CHECK(with.cache.pin({0x5000}, 8).error() == errc::not_covered);
    const std::uint64_t asked = bridge.asked;
    CHECK(with.cache.pin_all(both, pins) == errc::not_covered);
    CHECK(bridge.asked == asked);
}

TEST_CASE("windows of a bridge that has gates to spare") {
    closed_programmer programmer;
    programmer.shows = true;
    near_path path;
    using windows = bridge_windows<platform, closed_programmer, near_path>;
    windows all(programmer, path);
    const byte_address<machine> places[] = {{0x40'0000'0000}, {0x40'0010'0000}};
    windows::word state[windows::words_needed(4)]{};
    const auto amd = with_aperture(presets::amd_three, mib);
    CHECK(all.attach(amd, window_kind::direct, {}, mib, state, 100) == errc::invalid);
    REQUIRE(all.attach(amd, window_kind::direct, places, mib, state, 100) == errc::ok);
    const window_target second[] = {{0, {mib}}, {2, {2 * mib}}};
    CHECK(all.aim_all(second) == errc::invalid);
    CHECK(all.aim(2, {mib}) == errc::invalid);
    CHECK(all.disable(2) == errc::invalid);
    CHECK(all.gate(0).pin().error() == errc::not_covered);
    CHECK(all.aim(1, {mib}) == errc::ok);
    // Of any size that it can show, but the cache counts in powers of two.
    windows odd(programmer, path);
    auto any_size = with_aperture(presets::intel_gen3, 4 * mib);
    any_size.alignment = alignment_rule::granule;
    REQUIRE(!any_size.power_of_two_size);
    CHECK(odd.attach(any_size, window_kind::direct, places, 3 * mib, state, 9) == errc::misaligned);
    CHECK(odd.attach(any_size, window_kind::direct, places, 2 * mib, state, 9) == errc::ok);
}

TEST_CASE("a bridge that is aimed was not set up once and for all, even if its target was told") {
    window_descriptor found = presets::amd_three;
    found.authority = window_authority::fixed;
    REQUIRE(found.has_target);
    REQUIRE(check(found) == descriptor_defect::none);
    CHECK(window_as_set_up(found, {0x40'0000'0000}).error() == errc::unsupported);
    found.has_target = false;
    CHECK(window_as_set_up(found, {0x40'0000'0000}));
}

TEST_CASE("a handle that is older than the link is stale, whatever was read") {
    link_guard<>::word state[link_guard<>::words]{};
    const link_guard<> link(state);
    const auto first = link.raise(5);
    REQUIRE(first);
    link.lower();
    REQUIRE(link.raise(6));
    CHECK(link.check(*first, canary_of(5)) == errc::stale);
    CHECK(link.check(*first, last_address) == errc::stale);
}

TEST_CASE("segments of a scatter-gather list that cannot be followed by another one") {
    const scatter_piece pieces[] = {
        {{0x10'0000}, 8, 0, {}}, {{0x20'0000}, 8, 0, {}}, {{0x30'0000}, 8, 0, {}}};
    nvme_sgl_descriptor one[1];
    nvme_sgl_descriptor many[8];
    const nvme_sgl_segment after_one[] = {{{0x1000}, one}, {{0x2000}, many}};
    const nvme_sgl_segment after_none[] = {{{0x1000}, {}}, {{0x2000}, many}};
    const nvme_sgl_segment enough[] = {{{0x2000}, many}};
    CHECK(write_sgl(pieces, after_one).error() == errc::limit);
    CHECK(write_sgl(pieces, after_none).error() == errc::limit);
    CHECK(write_sgl(pieces, {enough, 0}).error() == errc::limit);
    CHECK(write_sgl(pieces, enough));
    const scatter_piece empty[] = {{{0x10'0000}, 8, 0, {}}, {{0x20'0000}, 0, 0, {}}};
    CHECK(write_sgl(empty, enough).error() == errc::invalid);
}

TEST_CASE("walks that would lead past the end of addresses, or before the table") {
    const byte_range<peer> all[] = {{{0x10'0000}, 0x10'0000}};
    std::uint64_t reads = 0;
    const auto valid = [&](byte_address<peer>) {
        ++reads;
        return result<std::uint64_t>(0x100);
    };
    // The entries of a table at the very end go on, as addresses, at 0x10'0000.
    const p2m_table past_the_end{{last_address - 7}, {0}, last_address};
    CHECK(walk_p2m<flat_p2m<>>(past_the_end, all, {std::uint64_t{0x2'0001} << 12}, valid).error() ==
          errc::corrupt);
    CHECK(walk_p2m<flat_p2m<>>({{0x10'0004}, {0}, 9}, all, {0x1000}, valid).error() == errc::corrupt);
    CHECK(reads == 0);
    CHECK(walk_p2m<flat_p2m<>>({{0x10'0000}, {9}, last_address}, all, {0x1000}, valid).error() ==
          errc::unmapped);
    CHECK(walk_p2m<flat_p2m<>>({{0x10'0000}, {1}, 9}, all, {0x1000}, valid)->at.value == 0x10'0000);
    CHECK(reads == 1);
}

/// One whose upper level is a block of all addresses.
struct wide_p2m {
    static constexpr unsigned levels = 2;
    static constexpr unsigned page_shift = 12;
    static constexpr unsigned index_bits(unsigned level) noexcept { return level == 0 ? 52 : 1; }
    static constexpr bool is_valid(std::uint64_t, unsigned) noexcept { return true; }
    static constexpr bool is_leaf(std::uint64_t, unsigned level) noexcept { return level != 0; }
    static constexpr std::uint64_t address_of(std::uint64_t, unsigned) noexcept { return 0; }
};
static_assert(p2m_format<wide_p2m>);

TEST_CASE("a block that is as large as all addresses is none") {
    const byte_range<peer> all[] = {{{0}, last_address}};
    const auto read = [](byte_address<peer>) { return result<std::uint64_t>(1); };
    CHECK(walk_p2m<wide_p2m>({{0x1000}, {0}, 1}, all, {0x5000}, read).error() == errc::corrupt);
}

/// Of which each 32 bits are where they are.
struct numbered_registers {
    std::uint32_t read32(std::uint64_t offset) { return static_cast<std::uint32_t>(offset); }
    std::uint64_t read64(std::uint64_t offset) { return offset; }
    void write32(std::uint64_t, std::uint32_t) {}
    void write64(std::uint64_t, std::uint64_t) {}
    void store_fence() {}
};

/// Registers that are all 0, whatever is written.
struct dead_registers {
    std::uint64_t writes = 0;
    std::uint32_t read32(std::uint64_t) { return 0; }
    std::uint64_t read64(std::uint64_t) { return 0; }
    void write32(std::uint64_t, std::uint32_t) { ++writes; }
    void write64(std::uint64_t, std::uint64_t) { ++writes; }
    void store_fence() {}
};
static_assert(register_access<dead_registers>);

TEST_CASE("PLX: windows of 32 bits lie side by side") {
    dead_registers none;
    plx_registers narrow(none, {}, false);
    CHECK(narrow.disable(1) == errc::ok);
    CHECK(none.writes == 1);  // the next register is the next window's
    CHECK(narrow.write(1, {{0x10'0000}, mib}) == errc::ok);
    CHECK(none.writes == 2);
    CHECK(narrow.read(1)->value == 0);
    numbered_registers all;
    CHECK((plx_registers(all, {}, false).read(1)->value >> 32) == 0);
    CHECK((plx_registers(all, {}, true).read(1)->value >> 32) != 0);
    // The lower half keeps nothing of what closes it: that the upper one is as it should be is not enough.
    plx_registers wide(none, {}, true);
    CHECK(wide.disable(1) == errc::corrupt);
}

TEST_CASE("Intel: what has no index is not told one, and a group without a change reads nothing") {
    dead_registers none;
    intel_gen4_registers plain(none, 0x40'0000'0000, 0x41'0000'0000, false);
    CHECK(plain.write(0, {{0x10'0000}, mib}) == errc::ok);
    CHECK(none.writes == 1);
    simulated_bridge<plx_model> bridge;
    plx_registers wide(bridge, {}, true);
    const std::uint64_t reads = bridge.register_reads;
    REQUIRE(wide.begin_group() == errc::ok);
    CHECK(wide.end_group() == errc::ok);
    CHECK(bridge.register_reads == reads);
}

/// Registers of which one does not answer.
struct half_gone {
    std::uint64_t gone = last_address;
    std::vector<std::uint64_t> asked{};

    std::uint32_t read32(std::uint64_t offset) { return static_cast<std::uint32_t>(read64(offset)); }
    std::uint64_t read64(std::uint64_t offset) {
        asked.push_back(offset);
        return offset == gone ? last_address : 0x40'0000'0000;
    }
    void write32(std::uint64_t, std::uint32_t) {}
    void write64(std::uint64_t, std::uint64_t) {}
    void store_fence() {}
};

TEST_CASE("Intel: whether a window is open is told by all of its registers, or not at all") {
    half_gone registers;
    intel_gen1_registers first(registers, 2 * mib);
    intel_gen3_registers third(registers, 0x40'0000'0000, 0x41'0000'0000);
    REQUIRE(first.enabled(1).has_value());
    const std::vector<std::uint64_t> of_first = registers.asked;
    registers.asked.clear();
    REQUIRE(third.enabled(1).has_value());
    const std::vector<std::uint64_t> of_third = registers.asked;
    CHECK(of_first.size() == 2);
    for (const std::uint64_t each : of_first) {
        registers.gone = each;
        CHECK(first.enabled(1).error() == errc::revoked);
    }
    for (const std::uint64_t each : of_third) {
        registers.gone = each;
        CHECK(third.enabled(1).error() == errc::revoked);
    }
}

TEST_CASE("IDT: slices that are closed and opened together are read back together") {
    simulated_bridge<idt_slices_model> table;
    platform::atomic<std::uint32_t> port;
    idt_slice_registers<decltype(table)> slices(table, port, 2, 5);
    const window_aim aim{{5 * table.model().aperture}, table.model().aperture};
    REQUIRE(slices.begin_group() == errc::ok);
    const std::uint64_t reads = table.register_reads;
    for (const std::uint32_t window : {0U, 1U, 2U}) {
        CHECK(slices.disable(window) == errc::ok);
        CHECK(slices.write(window, aim) == errc::ok);
        CHECK(slices.enable(window, aim) == errc::ok);
    }
    CHECK(table.register_reads == reads);
    REQUIRE(slices.end_group() == errc::ok);
    for (const std::uint32_t window : {0U, 1U, 2U}) CHECK(table.look(window).open);
}

TEST_CASE("Switchtec: a change that is under way is not driven by another one") {
    simulated_bridge<switchtec_model> bridge;
    switchtec_registers direct(bridge, 3);
    CHECK(direct.write(0, {{0}, 3 * mib}) == errc::misaligned);
    CHECK(direct.enable(0, {{0}, 3 * mib}) == errc::misaligned);
    REQUIRE(direct.disable(0) == errc::busy);
    const std::uint64_t writes = bridge.register_writes;
    const std::uint64_t reads = bridge.register_reads;
    for (int i = 0; i < 100; ++i) {
        CHECK(direct.disable(1) == errc::busy);
        CHECK(direct.begin_group() == errc::busy);
    }
    CHECK(bridge.register_writes == writes);
    CHECK(bridge.register_reads == reads);
}

TEST_CASE("Switchtec: what is smaller than a page of it, and tables without an entry") {
    simulated_bridge<switchtec_model> bridge;
    switchtec_registers direct(bridge, 3);
    for (const std::uint64_t bytes : {std::uint64_t{1}, std::uint64_t{2048}}) {
        CHECK(direct.write(0, {{0x10'0000}, bytes}) == errc::misaligned);
        CHECK(direct.enable(0, {{0x10'0000}, bytes}) == errc::misaligned);
    }
    switchtec_slice_registers slices(bridge, 3, 1);
    CHECK(slices.set_up(6, 512) == errc::invalid);
    CHECK(slices.set_up(4, 0) == errc::invalid);
    CHECK(slices.set_up(4, 513) == errc::invalid);
    CHECK(bridge.register_writes == 0);
}

TEST_CASE("a window that is not open after it was opened") {
    closed_programmer programmer;
    near_path path;
    words state;
    reaiming<platform, closed_programmer, near_path> machine(gate(state.each), programmer, path, 0);
    REQUIRE(machine.begin({{0x10'0000}, mib}) == errc::ok);
    CHECK(machine.run(100) == errc::corrupt);
    CHECK(machine.failed_at() == reaim_step::confirm);
    CHECK(!gate(state.each).is_open());
    CHECK(gate(state.each).pin().error() == errc::corrupt);
    CHECK(!machine.uncertain());
    // Nobody is there behind a window that shows something: no register is touched.
    programmer.shows = true;
    REQUIRE(machine.begin({{0x10'0000}, mib}) == errc::ok);
    REQUIRE(machine.run(100) == errc::ok);
    path = {.word = last_address, .link = errc::revoked};
    REQUIRE(machine.begin({{0x20'0000}, mib}) == errc::ok);
    CHECK(machine.run(100) == errc::revoked);
    CHECK(machine.failed_at() == reaim_step::flush);
    CHECK(programmer.target.value == 0x10'0000);
}

/// A mailbox that is full, or gone.
struct shut_mailbox {
    errc refusal = errc::busy;

    errc send(const window_request&) { return refusal; }
    result<window_reply> receive() { return errc::busy; }
};

TEST_CASE("on request: who takes no request is given up like one who does not answer") {
    shut_mailbox box;
    requesting_programmer programmer(box, 3);
    for (int i = 0; i < 3; ++i) CHECK(programmer.disable(0) == errc::busy);
    CHECK(programmer.disable(0) == errc::unreadable);
    box.refusal = errc::revoked;
    CHECK(programmer.disable(0) == errc::revoked);
    CHECK(programmer.read(0).error() == errc::revoked);
}

/// A programmer that works at what it is asked for.
struct slow_programmer : closed_programmer {
    errc answer = errc::busy;
    errc disable(std::uint32_t) { return answer; }
};

TEST_CASE("on request: work that is not done is no answer") {
    slow_programmer target;
    const window_request asked{5, window_verb::disable, 0, {}};
    CHECK(serve(target, asked, {}).error() == errc::busy);
    target.answer = errc::ok;
    const auto reply = serve(target, asked, {});
    REQUIRE(reply);
    CHECK(reply->sequence == 5);
    CHECK(reply->error == errc::ok);
}

}  // namespace
