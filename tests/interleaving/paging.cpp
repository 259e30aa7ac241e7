// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving of the shipped mapper and mover with processors that walk the tables, keep what they
// found in a TLB, set accessed and dirty flags, and write: tables of two entries, two levels.
#include <doctest/doctest.h>

#include <ashlar/migrate/page_table_mover.hpp>
#include <ashlar/paging/aarch64.hpp>
#include <ashlar/paging/page_mapper.hpp>
#include <ashlar/paging/x86_64.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "interleaving/run.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

using step_word = stepped_atomic<std::uint64_t>;

/// The entries of a shipped format in tables of two.
template <class Format>
struct tiny : Format {
    static constexpr unsigned page_shift = 4;
    static constexpr unsigned index_bits = 1;
    static constexpr unsigned root_index_bits = 1;
    static constexpr unsigned levels = 2;
};

constexpr range<> table_frames{{8}, 4};
constexpr std::uint64_t from = 0;  // the frames that data are in; those of blocks are naturally aligned
constexpr std::uint64_t to = 512;

/// All that processors have, in one word, so that an access through the TLB is one step and an invalidation
/// is complete when it returns: two bytes of data, a TLB entry for each of two processors, whether the writer
/// is done, and how many invalidations there were.
struct processors {
    static constexpr unsigned valid = 1;
    static constexpr unsigned writable = 2;
    static constexpr unsigned at_target = 4;

    [[nodiscard]] static std::uint64_t field(std::uint64_t h, unsigned byte) { return h >> 8 * byte & 0xff; }
    [[nodiscard]] static std::uint64_t with(std::uint64_t h, unsigned byte, std::uint64_t value) {
        return (h & ~(std::uint64_t{0xff} << 8 * byte)) | value << 8 * byte;
    }
    [[nodiscard]] static std::uint64_t data(std::uint64_t h, bool target) { return field(h, target ? 1 : 0); }
};
constexpr unsigned tlb_byte = 2;
constexpr unsigned done_byte = 4;
constexpr unsigned generation_byte = 5;

struct shared_words {
    step_word tables[table_frames.count][2];
    step_word taken;                ///< frames of the pool, one bit each
    step_word hardware;             ///< `processors`
    owned_cell<std::uint8_t> page;  ///< what is in the page at address 0
};

struct tiny_platform : stepped_platform {
    static constexpr std::uint64_t frame_bytes = 16;
    static inline shared_words* words = nullptr;
    [[nodiscard]] static void* bytes_of(frame<> f) noexcept {
        return table_frames.contains(f) ? words->tables[f.number - table_frames.first.number] : nullptr;
    }
};

/// The lowest frame that is free.
struct pool {
    using space = machine;
    shared_words* words;
    result<frame<>> allocate(request<>) noexcept {
        std::uint64_t seen = words->taken.load(memory_order::relaxed);
        for (;;) {
            std::uint64_t i = 0;
            while (i < table_frames.count && (seen >> i & 1) != 0) ++i;
            if (i == table_frames.count) return errc::exhausted;
            if (words->taken.compare_exchange(seen, seen | std::uint64_t{1} << i, memory_order::acq_rel)) {
                return table_frames.first + i;
            }
        }
    }
    errc free(frame<> f, unsigned) noexcept {
        words->taken.fetch_and(~(std::uint64_t{1} << (f.number - table_frames.first.number)),
                               memory_order::acq_rel);
        return errc::ok;
    }
};

/// Empties both TLBs; walks that are under way come to nothing.
struct shootdown {
    shared_words* words;
    void operator()(std::uint64_t, unsigned) const noexcept {
        std::uint64_t h = words->hardware.load(memory_order::relaxed);
        for (;;) {
            std::uint64_t next = processors::with(h, tlb_byte, 0);
            next = processors::with(next, tlb_byte + 1, 0);
            next = processors::with(next, generation_byte, processors::field(h, generation_byte) + 1);
            if (words->hardware.compare_exchange(h, next, memory_order::acq_rel)) return;
        }
    }
};
struct atomic_copy {
    shared_words* words;
    errc operator()(frame<> source, frame<> target) const noexcept {
        std::uint64_t h = words->hardware.load(memory_order::relaxed);
        while (!words->hardware.compare_exchange(
            h, processors::with(h, target.number == to ? 1 : 0, processors::data(h, source.number == to)),
            memory_order::acq_rel)) {
        }
        return errc::ok;
    }
};

template <class Format>
struct world {
    using mapper = page_mapper<Format, tiny_platform, pool, shootdown>;
    shared_words shared;
    pool tables{&shared};
    mapper pages;

    world() : pages(start(), tables, shootdown{&shared}) {}
    frame<> start() {
        tiny_platform::words = &shared;
        return *mapper::make_root(tables);
    }
    /// The entry for address 0, and its level.
    [[nodiscard]] page_walk<Format> now() const { return *pages.find(0); }
    [[nodiscard]] unsigned frames_used() const {
        return static_cast<unsigned>(__builtin_popcountll(shared.taken.load(memory_order::relaxed)));
    }
    view<std::byte> bytes() { return {reinterpret_cast<std::byte*>(&shared), sizeof shared}; }
};

/// A processor translates address 0: from its TLB, or by a walk that sets flags. It gives up after a few
/// tries, which a fault handler would not.
template <class Format>
struct processor {
    world<Format>* w;
    unsigned number;
    static constexpr unsigned tries = 3;

    /// The word, with the TLB loaded in it; 0 for a fault.
    [[nodiscard]] std::uint64_t translate(bool write) const noexcept {
        step_word& hardware = w->shared.hardware;
        const std::uint64_t before = hardware.load(memory_order::acquire);
        const std::uint64_t known = processors::field(before, tlb_byte + number);
        if ((known & processors::valid) != 0 && (!write || (known & processors::writable) != 0))
            return before;
        const auto found = w->pages.find(0);
        if (!found || !found->is_mapped()) return 0;
        if (write && !Format::is_writable(found->entry)) return 0;
        std::uint64_t seen = found->entry;
        std::uint64_t flagged = Format::with_accessed(seen, true);
        if (write) flagged = Format::with_dirty(flagged, true);
        auto& entry = static_cast<step_word*>(
            tiny_platform::bytes_of(found->table))[static_cast<std::size_t>(found->index)];
        if (flagged != seen && !entry.compare_exchange(seen, flagged, memory_order::acq_rel)) return 0;
        // A writable entry that is not dirty is walked again for a write: so it is kept as read-only.
        const std::uint64_t loaded = processors::valid | (write ? processors::writable : 0U) |
                                     (found->target().number == to ? processors::at_target : 0U);
        std::uint64_t expected = before;
        const std::uint64_t after = processors::with(before, tlb_byte + number, loaded);
        return hardware.compare_exchange(expected, after, memory_order::acq_rel) ? after : 0;
    }
    [[nodiscard]] bool store(std::uint64_t value) const noexcept {
        for (unsigned i = 0; i < tries; ++i) {
            std::uint64_t h = translate(true);
            if (h == 0) continue;
            const bool target = (processors::field(h, tlb_byte + number) & processors::at_target) != 0;
            const std::uint64_t written = processors::with(h, target ? 1 : 0, value);
            if (w->shared.hardware.compare_exchange(h, written, memory_order::acq_rel)) return true;
        }
        return false;
    }
    /// 0xff if it gave up.
    [[nodiscard]] std::uint64_t load() const noexcept {
        for (unsigned i = 0; i < tries; ++i) {
            const std::uint64_t h = translate(false);
            if (h == 0) continue;
            const std::uint64_t latest = w->shared.hardware.load(memory_order::acquire);
            const std::uint64_t known = processors::field(latest, tlb_byte + number);
            if ((known & processors::valid) == 0) continue;
            return processors::data(latest, (known & processors::at_target) != 0);
        }
        return 0xff;
    }
    void say_done() const noexcept {
        std::uint64_t h = w->shared.hardware.load(memory_order::relaxed);
        while (!w->shared.hardware.compare_exchange(h, processors::with(h, done_byte, 1),
                                                    memory_order::acq_rel)) {
        }
    }
};

struct one_page {
    using space = machine;
    result<std::uint64_t> address_of(frame<> f) noexcept {
        return f.number == from ? result<std::uint64_t>(std::uint64_t{0}) : errc::not_owned;
    }
    bool pinned(frame<>, unsigned) noexcept { return false; }
    void moved(std::uint64_t, frame<>, frame<>, unsigned) noexcept {}
};

constexpr std::uint64_t old_value = 3;
constexpr std::uint64_t new_value = 7;

template <class Format>
explorer::program move_page(world<Format>& w) {
    return [&w] {
        one_page reverse;
        page_table_mover<typename world<Format>::mapper, one_page, atomic_copy> mover(w.pages, reverse,
                                                                                      atomic_copy{&w.shared});
        return outcome{static_cast<std::uint64_t>(mover.move({from}, {to}, 0))};
    };
}
template <class Format>
explorer::program write_data(world<Format>& w) {
    return [&w] {
        const processor<Format> cpu{&w, 0};
        const bool stored = cpu.store(new_value);
        if (stored) cpu.say_done();
        return outcome{stored ? std::uint64_t{1} : 0};
    };
}
/// Looks whether the writer is done, then reads.
template <class Format>
explorer::program read_data(world<Format>& w) {
    return [&w] {
        const processor<Format> cpu{&w, 1};
        const std::uint64_t first = cpu.load();
        const std::uint64_t done =
            processors::field(w.shared.hardware.load(memory_order::acquire), done_byte);
        return outcome{first, done, cpu.load()};
    };
}

template <class Format>
void moves(const char* name, bool with_reader) {
    world<Format> w;
    REQUIRE(w.pages.map(0, {.first = {from}, .permissions = {.write = true}, .software = 4}) == errc::ok);
    w.shared.hardware.store(old_value, memory_order::relaxed);
    std::vector<explorer::program> programs{move_page(w), write_data(w)};
    if (with_reader) programs.push_back(read_data(w));
    const auto judge = [&](const std::vector<outcome>& results) -> std::string {
        const auto found = w.now();
        const std::uint64_t h = w.shared.hardware.load(memory_order::relaxed);
        if (results[0][0] != 0) return "the move failed";
        if (found.target() != frame<>{to}) return "the page is not where it was moved";
        if (!Format::is_writable(found.entry)) return "the page lost its permission";
        if (Format::software_of(found.entry) != 4) return "the mark stayed, or another bit went";
        const bool written = results[1][0] != 0;
        if (processors::data(h, true) != (written ? new_value : old_value)) return "a write was lost";
        if (written && !Format::is_dirty(found.entry)) return "a dirty flag was lost";
        if (!with_reader) return "";
        const std::uint64_t last = results[2][2];
        if (results[2][1] != 0 && last != new_value && last != 0xff)
            return "who knows of the write reads old data";
        if (results[2][0] == new_value && last == old_value) return "data went back in time";
        return "";
    };
    if (with_reader) {
        explore_and_tell(name, w.bytes(), programs, judge, {});
    } else {
        explore_weak(name, w.bytes(), programs, judge, {});
    }
}

TEST_CASE("a page moves under a processor that writes, and one that reads") {
    moves<tiny<x86_64>>("x86-64: mover, writer", false);
    moves<tiny<x86_64>>("x86-64: mover, writer, reader", true);
    using dirty = basic_aarch64<aarch64_shape{.hardware_dirty = true}>;
    moves<tiny<dirty>>("AArch64: mover, writer", false);
    moves<tiny<dirty>>("AArch64: mover, writer, reader", true);
}

TEST_CASE("flags that hardware sets meanwhile are not lost") {
    using format = tiny<x86_64>;
    world<format> w;
    REQUIRE(w.pages.map(0, {.first = {from}, .permissions = {.write = true}}) == errc::ok);
    const auto re_point = [&w] {
        return outcome{static_cast<std::uint64_t>(w.pages.re_point(0, {from}, {to}))};
    };
    const auto protect = [&w] {
        return outcome{static_cast<std::uint64_t>(w.pages.protect(0, {.execute = true}).error())};
    };
    const auto found = w.now();
    const auto flags = [&w, found] {
        auto& entry = w.shared.tables[found.table.number - table_frames.first.number][found.index];
        return outcome{entry.fetch_or(0x60, memory_order::acq_rel)};
    };
    const auto judge = [&](const std::vector<outcome>&) -> std::string {
        const auto e = w.now().entry;
        if (!format::is_accessed(e) || !format::is_dirty(e)) return "a flag was lost";
        if (w.now().target() != frame<>{to}) return "not re-pointed";
        return w.now().permissions().execute ? "" : "not protected";
    };
    explore_weak("re-point, protect, flags", w.bytes(), {re_point, protect, flags}, judge, {});
}

/// A block is split while a processor walks and sets flags: what it finds is whole.
template <class Format>
void splits(const char* name) {
    world<Format> w;
    REQUIRE(w.pages.map(0, {.first = {to}, .level = 1, .permissions = {.write = true}}) == errc::ok);
    const auto split = [&w] { return outcome{static_cast<std::uint64_t>(w.pages.split(0, 1))}; };
    const auto walk = [&w] {
        const auto found = w.pages.find(0x10);
        if (!found) return outcome{1};
        if (!found->is_mapped()) return outcome{found->level == 1 ? std::uint64_t{2} : 3};
        std::uint64_t seen = found->entry;
        auto& entry = w.shared.tables[found->table.number - table_frames.first.number][found->index];
        const std::uint64_t flagged = Format::with_dirty(Format::with_accessed(seen, true), true);
        const bool set = entry.compare_exchange(seen, flagged, memory_order::acq_rel);
        return outcome{0, found->target().number, set ? std::uint64_t{1} : 0};
    };
    const auto judge = [&](const std::vector<outcome>& results) -> std::string {
        if (results[0][0] != 0) return "not split";
        if (results[1][0] == 1 || results[1][0] == 3) return "a table that is not whole was found";
        if (results[1][0] == 0 && results[1][1] != to + 1) return "mapped elsewhere";
        const auto found = *w.pages.find(0x10);
        if (found.level != 0 || found.target() != frame<>{to + 1}) return "not what it was";
        if (results[1][2] != 0 && !Format::is_accessed(found.entry)) return "a flag was lost";
        if (results[1][2] != 0 && !Format::is_dirty(found.entry)) return "a flag was lost";
        return w.frames_used() == 2 ? "" : "a table was lost";
    };
    explore_weak(name, w.bytes(), {split, walk}, judge, {});
    // Two split: one table is used, the other one goes back.
    const auto both = [&](const std::vector<outcome>& results) -> std::string {
        const bool busy = results[0][0] == static_cast<std::uint64_t>(errc::busy) ||
                          results[1][0] == static_cast<std::uint64_t>(errc::busy);
        if (results[0][0] != 0 && results[1][0] != 0) return "nobody split it";
        if (busy && !Format::needs_break(Format::table(1), Format::leaf(0, {}, 1), 1, true)) return "busy";
        if (!busy && (results[0][0] != 0 || results[1][0] != 0)) return "an error that cannot be";
        return w.frames_used() == 2 && w.pages.find(0x10)->target() == frame<>{to + 1} ? ""
                                                                                       : "a table was lost";
    };
    explore_weak((std::string(name) + ", twice").c_str(), w.bytes(), {split, split}, both, {});
}

TEST_CASE("a block is split under a processor that walks") {
    splits<tiny<x86_64>>("x86-64: split, walk");
    splits<tiny<aarch64>>("AArch64: split, walk");
}

TEST_CASE("two mappers that need the same table") {
    using format = tiny<x86_64>;
    world<format> w;
    const auto map = [&w](std::uint64_t address) {
        return [&w, address] {
            return outcome{static_cast<std::uint64_t>(
                w.pages.map(address, {.first = {address >> 4}, .permissions = {.write = true}}))};
        };
    };
    const auto judge = [&](const std::vector<outcome>& results) -> std::string {
        if (results[0][0] != 0 || results[1][0] != 0) return "not mapped";
        if (!w.pages.find(0)->is_mapped() || w.pages.find(0x10)->target() != frame<>{1}) return "not there";
        return w.frames_used() == 2 ? "" : "a table was lost";
    };
    explore_weak("map, map beside it", w.bytes(), {map(0), map(0x10)}, judge, {});
    const auto one = [&](const std::vector<outcome>& results) -> std::string {
        if ((results[0][0] == 0) == (results[1][0] == 0)) return "not exactly one";
        return w.frames_used() == 2 ? "" : "a table was lost";
    };
    explore_weak("map, map the same", w.bytes(), {map(0), map(0)}, one, {});
    const auto unmap = [&w] { return outcome{static_cast<std::uint64_t>(w.pages.unmap(0).error())}; };
    const auto either = [&](const std::vector<outcome>& results) -> std::string {
        const bool gone = results[1][0] == 0;
        if (results[0][0] != 0) return "not mapped";
        return w.pages.find(0)->is_mapped() != gone ? "" : "neither mapped nor unmapped";
    };
    explore_weak("map, unmap", w.bytes(), {map(0), unmap}, either, {});
}

TEST_CASE("what is in a page is there for who finds it mapped") {
    using format = tiny<x86_64>;
    world<format> w;
    const auto fill_and_map = [&w] {
        w.shared.page.set(1);
        return outcome{
            static_cast<std::uint64_t>(w.pages.map(0, {.first = {from}, .permissions = {.write = true}}))};
    };
    const auto read = [&w] {
        const auto found = w.pages.find(0);
        if (!found || !found->is_mapped()) return outcome{0};
        return outcome{0, w.shared.page.get()};
    };
    const auto all_well = [](const std::vector<outcome>& results) -> std::string {
        return results[0][0] == 0 ? "" : "not mapped";
    };
    explore_weak("map, read", w.bytes(), {fill_and_map, read}, all_well, {});
    REQUIRE(w.pages.map(0x10, {.first = {to}, .permissions = {.write = true}}) == errc::ok);
    explore_weak("map into a table that is there, read", w.bytes(), {fill_and_map, read}, all_well, {});
}

/// A page is taken out, filled anew and put where it was; another one takes it out, or re-points it: to him
/// who gets it last it is as it was left.
template <class Format>
void takes_over(const char* name) {
    world<Format> w;
    const auto map = [&w] {
        return static_cast<std::uint64_t>(w.pages.map(0, {.first = {from}, .permissions = {.write = true}}));
    };
    REQUIRE(map() == 0);
    const auto fill_anew = [&w, map] {
        const auto old = w.pages.unmap(0);
        if (!old || Format::frame_of(*old, 0) != from) return outcome{1};
        w.shared.page.set(2);
        return outcome{0, map()};
    };
    const auto unmap = [&w] {
        if (!w.pages.unmap(0)) return outcome{1};
        return outcome{0, w.shared.page.get()};
    };
    const auto re_point = [&w] {
        if (w.pages.re_point(0, {from}, {to}) != errc::ok) return outcome{1};
        return outcome{0, w.shared.page.get()};
    };
    // The page is only that of the first program if the other one comes after it.
    const auto judge = [](const std::vector<outcome>& results) -> std::string {
        return results[0][0] != 0 || results[0][1] == 0 ||
                       results[0][1] == static_cast<std::uint64_t>(errc::busy)
                   ? ""
                   : "not mapped again";
    };
    explore_weak((std::string(name) + ": filled anew, unmapped").c_str(), w.bytes(), {fill_anew, unmap},
                 judge, {});
    explore_weak((std::string(name) + ": filled anew, re-pointed").c_str(), w.bytes(), {fill_anew, re_point},
                 judge, {});
}
TEST_CASE("who gets a page finds it as it was left") {
    takes_over<tiny<x86_64>>("x86-64");
    takes_over<tiny<aarch64>>("AArch64");
}

}  // namespace
