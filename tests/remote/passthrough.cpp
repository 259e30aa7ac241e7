// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The addresses that devices are given, how they are written down for them, and what keeps them good.
#include <doctest/doctest.h>

#include <algorithm>
#include <ashlar/remote/nvme_prp.hpp>
#include <ashlar/remote/nvme_sgl.hpp>
#include <ashlar/remote/passthrough.hpp>
#include <ashlar/remote/window_cache.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "remote/memory_aimer.hpp"
#include "remote/servers.hpp"

namespace {

using namespace ashlar;
using namespace remote_tests;

using identity = identity_window<>;
using identity_transfer = dma_transfer<identity::pin_type>;

TEST_CASE("vector: the address that a device on D gets for memory on M") {
    three_servers w;
    const auto space = w.space();
    const dma_route<identity> routes[] = {{server_m, &w.d_to_m}};
    const dma_device<identity> on_d{.server = server_d, .routes = routes};
    scatter_piece pieces[4];
    identity::pin_type pins[4];
    identity_transfer transfer(pieces, pins);
    REQUIRE(map_for_device(space, {0x7000'0010}, 8, on_d, transfer) == errc::ok);
    REQUIRE(transfer.pieces().size() == 1);
    CHECK(transfer.pieces()[0].at.value == 0x60'0034'5010);
    CHECK(transfer.is_under_way());
    CHECK(map_for_device(space, {0x7000'0010}, 8, on_d, transfer) == errc::invalid);
    transfer.complete();
    CHECK(!transfer.is_under_way());
    // A device on M itself gets the plain physical address.
    const dma_device<identity> on_m{.server = server_m};
    REQUIRE(map_for_device(space, {0x7000'0010}, 8, on_m, transfer) == errc::ok);
    CHECK(transfer.pieces()[0].at.value == 0x34'5010);
    CHECK(transfer.pins().empty());
    transfer.complete();

    CHECK(map_for_device(space, {0x7000'0010}, 0, on_d, transfer) == errc::invalid);
    CHECK(map_for_device(space, {0x1000'0010}, 8, on_d, transfer) == errc::not_covered);  // no way to L
    CHECK(map_for_device(space, {0x7000'3000}, 8, on_d, transfer) == errc::unmapped);
    dma_device<identity> narrow = on_d;
    narrow.mask = (std::uint64_t{1} << 28) - 1;  // QEMU's edu
    CHECK(map_for_device(space, {0x7000'0010}, 8, narrow, transfer) == errc::beyond_mask);
    dma_device<identity> narrow_on_m = on_m;
    narrow_on_m.mask = narrow.mask;
    CHECK(map_for_device(space, {0x7000'0010}, 8, narrow_on_m, transfer) == errc::ok);
    transfer.complete();
    dma_device<identity> coarse = on_d;
    coarse.granule = 0x20;
    CHECK(map_for_device(space, {0x7000'0010}, 0x20, coarse, transfer) == errc::misaligned);
    CHECK(map_for_device(space, {0x7000'0020}, 8, coarse, transfer) == errc::misaligned);
    CHECK(map_for_device(space, {0x7000'0020}, 0x20, coarse, transfer) == errc::ok);
    transfer.complete();
    w.d_to_m.link_lost();
    CHECK(map_for_device(space, {0x7000'0010}, 8, on_d, transfer) == errc::revoked);
    CHECK(!transfer.is_under_way());
}

TEST_CASE("windows stay where they are until the transfer is complete, and when it is dropped") {
    using cache_type = window_cache<memory_aimer>;
    three_servers w;
    const auto space = w.space();
    memory_aimer bridge;
    bridge.base = 0x60'0000'0000;
    bridge.count = 2;
    attached_cache<cache_type, memory_aimer> with(bridge);
    std::vector<requester_slots<>::word> words(1);
    requester_slots<> slots({words.data(), words.size()});
    const dma_route<cache_type> routes[] = {{server_m, &with.cache, &slots}};
    const dma_device<cache_type> device{.server = server_d, .requester = 0x0108, .routes = routes};
    const dma_device<cache_type> other{.server = server_d, .requester = 0x0110, .routes = routes};
    scatter_piece pieces[4];
    cache_type::pin_type pins[4];
    std::uint32_t programmed = 0;
    const auto program = [&](std::uint32_t slot, std::uint16_t id) {
        programmed = (slot + 1) << 16 | id;
        return errc::ok;
    };
    dma_transfer<cache_type::pin_type> transfer(pieces, pins);
    REQUIRE(map_for_device(space, {0x7000'0000}, 0x2000, device, transfer, program) == errc::ok);
    CHECK(programmed == 0x1'0108);
    CHECK(slots.holders(0) == 1);
    std::uint64_t bytes_seen = 0;
    for (const scatter_piece& each : transfer.pieces()) {
        CHECK(bridge.arrives(each.at.value) == 0x34'5000 + bytes_seen);
        bytes_seen += each.bytes;
    }
    CHECK(bytes_seen == 0x2000);
    CHECK(with.cache.pin({0x9000}, 8).error() == errc::busy);
    scatter_piece more[1];
    cache_type::pin_type more_pins[1];
    dma_transfer<cache_type::pin_type> second(more, more_pins);
    CHECK(map_for_device(space, {0x7000'0000}, 8, other, second, program) == errc::limit);  // no slot
    CHECK(!second.is_under_way());
    CHECK(map_for_device(space, {0x7000'0000}, 8, device, second, program) == errc::ok);
    CHECK(slots.holders(0) == 2);
    second.complete();
    dma_transfer<cache_type::pin_type> moved = std::move(transfer);
    CHECK(!transfer.is_under_way());
    CHECK(moved.pins().size() == 2);
    {
        dma_transfer<cache_type::pin_type> dropped = std::move(moved);
        CHECK(dropped.is_under_way());
    }
    CHECK(with.cache.pin({0x9000}, 8).error() == errc::busy);  // the device may still write
    CHECK(slots.holders(0) == 1);
    for (cache_type::pin_type& each : pins) each.release();
    CHECK(with.cache.pin({0x9000}, 8));
}

TEST_CASE("slots of requester IDs") {
    std::vector<requester_slots<>::word> words(2);
    requester_slots<> slots({words.data(), words.size()});
    std::map<std::uint32_t, std::uint16_t> table;
    std::uint32_t writes = 0;
    errc answer = errc::ok;
    const auto program = [&](std::uint32_t slot, std::uint16_t id) {
        ++writes;
        if (answer == errc::ok) table[slot] = id;
        return answer;
    };
    CHECK(*slots.hold(0, program) == 0);  // an ID like any other
    CHECK(*slots.hold(0, program) == 0);
    CHECK(writes == 1);
    CHECK(*slots.hold(7, program) == 1);
    CHECK(slots.hold(9, program).error() == errc::limit);
    slots.release(1);
    CHECK(*slots.hold(7, program) == 1);  // it is still programmed
    CHECK(writes == 2);
    slots.release(1);
    CHECK(*slots.hold(9, program) == 1);
    CHECK(table[1] == 9);
    slots.release(1);
    answer = errc::unreadable;
    CHECK(slots.hold(8, program).error() == errc::unreadable);
    answer = errc::ok;
    CHECK(*slots.hold(8, program) == 1);
    CHECK(slots.holders(0) == 2);
    CHECK(slots.holders(1) == 1);
    for (std::uint32_t i = 2; i < 0x3fff; ++i) REQUIRE(slots.hold(0, program));
    CHECK(slots.hold(0, program).error() == errc::limit);
}

/// A controller that reads what a command points to, byte range by byte range.
struct controller {
    std::map<std::uint64_t, const std::uint64_t*> lists;  ///< by address
    std::vector<std::pair<std::uint64_t, std::uint64_t>> seen;

    void add(std::uint64_t at, std::uint64_t length) {
        if (!seen.empty() && seen.back().first + seen.back().second == at) {
            seen.back().second += length;
        } else {
            seen.emplace_back(at, length);
        }
    }
    /// As the NVMe specification says, of a command of so many bytes.
    void read(nvme_prps prps, std::uint64_t length, std::uint64_t page) {
        seen.clear();
        const std::uint64_t first = std::min(length, page - prps.first % page);
        add(prps.first, first);
        length -= first;
        if (length == 0) return;
        if (length <= page) return add(prps.second, length);
        const std::uint64_t* entry = lists.at(prps.second);
        std::uint64_t index = 0;
        while (length != 0) {
            if (index + 1 == page / 8 && length > page) {
                entry = lists.at(entry[index]);
                index = 0;
            }
            REQUIRE(entry[index] % page == 0);
            const std::uint64_t part = std::min(length, page);
            add(entry[index++], part);
            length -= part;
        }
    }
};

TEST_CASE("model: PRP entries and lists, as a controller reads them") {
    testing::random_bits random(7);
    constexpr unsigned shift = 7;  // small pages, so that lists are chained; the rules are the same
    constexpr std::uint64_t page = 1 << shift;
    std::uint64_t chained = 0;
    for (int round = 0; round < 2000; ++round) {
        std::vector<scatter_piece> pieces;
        const std::uint64_t count = 1 + random() % 12;
        std::uint64_t length = 0;
        std::uint64_t at = 0x60'0000'0000;
        std::vector<std::pair<std::uint64_t, std::uint64_t>> expected;
        for (std::uint64_t i = 0; i < count; ++i) {
            at += (1 + random() % 50) * page;
            const std::uint64_t offset = i == 0 ? random() % page / 4 * 4 : 0;
            std::uint64_t bytes_of_it = (1 + random() % 9) * page - offset;
            if (i + 1 == count && bytes_of_it > 1) bytes_of_it -= random() % std::min(bytes_of_it, page);
            pieces.push_back({{at + offset}, bytes_of_it, 0, {}});
            if (!expected.empty() && expected.back().first + expected.back().second == at + offset) {
                expected.back().second += bytes_of_it;
            } else {
                expected.emplace_back(at + offset, bytes_of_it);
            }
            length += bytes_of_it;
            at += offset + bytes_of_it;
            at = (at + page - 1) / page * page;
        }
        std::uint64_t words[12][page / 8] = {};
        std::vector<nvme_prp_page> lists;
        controller reads;
        for (std::uint64_t i = 0; i < 12; ++i) {
            lists.push_back({{0x9000'0000 + i * page}, words[i]});
            reads.lists[lists.back().at.value] = words[i];
        }
        std::size_t given = 0;
        result<nvme_prps> prps = errc::limit;
        while (!(prps = write_prps({pieces.data(), pieces.size()}, shift, {lists.data(), given}))) {
            REQUIRE(prps.error() == errc::limit);
            for (const auto& list : words)
                for (const std::uint64_t each : list) REQUIRE(each == 0);  // nothing was written
            REQUIRE(++given <= 12);
        }
        chained += given > 1 ? 1 : 0;
        reads.read(*prps, length, page);
        REQUIRE(reads.seen == expected);
    }
    CHECK(chained > 200);
}

TEST_CASE("PRPs that a command cannot have are refused") {
    const auto write = [](std::vector<scatter_piece> pieces) {
        return write_prps({pieces.data(), pieces.size()}, 12, {}).error();
    };
    CHECK(write({}) == errc::invalid);
    CHECK(write({{{0x1000}, 0, 0, {}}}) == errc::invalid);
    CHECK(write({{{0x1002}, 8, 0, {}}}) == errc::misaligned);
    CHECK(write({{{0x1004}, 8, 0, {}}}) == errc::ok);
    CHECK(write({{{0x1004}, 8, 0, {}}, {{0x3000}, 8, 0, {}}}) == errc::misaligned);  // does not end its page
    CHECK(write({{{0x1004}, 0xffc, 0, {}}, {{0x3004}, 8, 0, {}}}) == errc::misaligned);  // does not start one
    CHECK(write({{{0x1004}, 0xffc, 0, {}}, {{0x3000}, 0x1000, 0, {}}}) == errc::ok);
    CHECK(write({{{0x1004}, 0xffc, 0, {}}, {{0x3000}, 0x1001, 0, {}}}) == errc::limit);
    const scatter_piece some[] = {{{0x1000}, 8, 0, {}}};
    CHECK(write_prps(some, 64, {}).error() == errc::invalid);
    CHECK(write_prps(some, 3, {}).error() == errc::invalid);
    std::uint64_t words[8];
    const nvme_prp_page odd[] = {{{0x1008}, words}};
    const scatter_piece three[] = {{{0x1000}, 0x3000, 0, {}}};
    CHECK(write_prps(three, 12, odd).error() == errc::misaligned);
    const nvme_prp_page small[] = {{{0x5000}, {words, 1}}};
    CHECK(write_prps(three, 12, small).error() == errc::limit);
    const nvme_prp_page good[] = {{{0x5000}, words}};
    const auto prps = write_prps(three, 12, good);
    REQUIRE(prps);
    CHECK(prps->first == 0x1000);
    CHECK(prps->second == 0x5000);
    CHECK(words[0] == 0x2000);
    CHECK(words[1] == 0x3000);
}

TEST_CASE("model: scatter-gather lists, as a controller reads them") {
    testing::random_bits random(9);
    for (int round = 0; round < 2000; ++round) {
        std::vector<scatter_piece> pieces;
        std::vector<std::pair<std::uint64_t, std::uint64_t>> expected;
        const std::uint64_t count = 1 + random() % 20;
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::uint64_t at = (i + 1) << 40 | random() % 0x10000;
            const std::uint64_t length =
                random() % 8 == 0 ? random() % 0x3'0000'0000 + 1 : random() % 0x10000 + 1;
            pieces.push_back({{at}, length, 0, {}});
            expected.emplace_back(at, length);
        }
        std::vector<std::vector<nvme_sgl_descriptor>> memory;
        std::vector<nvme_sgl_segment> segments;
        for (std::uint64_t i = 0; i < 40; ++i) memory.emplace_back(2 + random() % 6);
        for (std::uint64_t i = 0; i < 40; ++i)
            segments.push_back({{0x9000'0000 + i * 0x1000}, {memory[i].data(), memory[i].size()}});
        std::size_t given = 0;
        result<nvme_sgl_descriptor> first = errc::limit;
        while (!(first = write_sgl({pieces.data(), pieces.size()}, {segments.data(), given}))) {
            REQUIRE(first.error() == errc::limit);
            REQUIRE(++given <= segments.size());
        }
        controller reads;
        if (first->identifier == nvme_sgl_descriptor::data_block) {
            reads.add(first->address, first->length);
        } else {
            nvme_sgl_descriptor next = *first;
            for (bool is_last = false; !is_last;) {
                REQUIRE((next.identifier == 0x20 || next.identifier == 0x30));
                is_last = next.identifier == 0x30;
                const std::size_t which = (next.address - 0x9000'0000) / 0x1000;
                REQUIRE(next.length % 16 == 0);
                const std::size_t length = next.length / 16;
                REQUIRE(length <= memory[which].size());
                for (std::size_t i = 0; i < length; ++i) {
                    std::uint8_t raw[16];  // as the bytes lie
                    std::memcpy(raw, &memory[which][i], 16);
                    std::uint64_t address = 0;
                    std::uint64_t bytes_of_it = 0;
                    for (unsigned b = 0; b < 8; ++b) address |= std::uint64_t{raw[b]} << (8 * b);
                    for (unsigned b = 0; b < 4; ++b) bytes_of_it |= std::uint64_t{raw[8 + b]} << (8 * b);
                    REQUIRE((raw[12] == 0 && raw[13] == 0 && raw[14] == 0));
                    if (raw[15] == 0) {
                        reads.add(address, bytes_of_it);
                    } else {
                        REQUIRE((!is_last && i + 1 == length));
                        next = memory[which][i];
                    }
                }
            }
        }
        REQUIRE(reads.seen == expected);
    }
    const scatter_piece two[] = {{{0x1001}, 3, 0, {}}, {{0x9000}, 1, 0, {}}};
    nvme_sgl_descriptor into[2];
    const nvme_sgl_segment odd[] = {{{0x1008}, into}};
    CHECK(write_sgl(two, odd).error() == errc::misaligned);
    const nvme_sgl_segment shorter[] = {{{0x1010}, {into, 1}}};
    CHECK(write_sgl(two, shorter).error() == errc::limit);
    const scatter_piece nothing[] = {{{0x1000}, 0, 0, {}}, {{0x9000}, 8, 0, {}}};
    CHECK(write_sgl(nothing, shorter).error() == errc::invalid);
    CHECK(write_sgl({}, odd).error() == errc::invalid);
    raw_segment raw[2];
    CHECK(*write_raw(two, raw) == 2);
    CHECK(raw[0].address == 0x1001);
    CHECK(raw[1].bytes == 1);
    CHECK(write_raw(two, {raw, 1}).error() == errc::limit);
}

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
    CHECK(map({~std::uint64_t{0} - 3}, 8, on_d) == errc::invalid);
    // A window at the end of the addresses: the last of its bytes would be at their beginning.
    identity over{{{0}, std::uint64_t{4} << 30}, {~std::uint64_t{0} - 0x34'57ff}};
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

}  // namespace
