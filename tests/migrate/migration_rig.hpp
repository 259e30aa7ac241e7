// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A small machine whose memory is an array, its operating system's accesses, and what moves its frames.
#pragma once

#include <doctest/doctest.h>

#include <ashlar/layer/counted.hpp>
#include <ashlar/migrate/migration.hpp>
#include <ashlar/migrate/remap_hash.hpp>
#include <ashlar/migrate/remap_table.hpp>
#include <ashlar/migrate/remapped_access.hpp>
#include <ashlar/migrate/spares.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/zone/physical_memory.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <utility>
#include <vector>

namespace migrate_tests {

using namespace ashlar;

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

/// The plainest table: a word an origin. Can be told to refuse.
class word_table {
 public:
    static constexpr std::size_t origins = 1 << 16;

    explicit word_table(std::size_t capacity = 1 << 16) : capacity_(capacity), words_(origins) {}

    [[nodiscard]] frame<machine> translate(frame<os> origin) const noexcept {
        const auto found = find(origin);
        return found ? *found : frame<machine>{origin.number};
    }
    [[nodiscard]] result<frame<machine>> find(frame<os> origin) const noexcept {
        if (origin.number >= origins) return errc::not_owned;
        const std::uint64_t word = words_[index(origin)].load(memory_order::acquire);
        return word == 0 ? result<frame<machine>>(errc::not_owned) : frame<machine>{word - 1};
    }
    errc assign(frame<os> origin, frame<machine> target) noexcept {
        if (refuses()) return errc::limit;
        const bool is_new = !find(origin).has_value();
        if (is_new && size_ == capacity_) return errc::limit;
        size_ += is_new ? 1 : 0;
        words_[index(origin)].store(target.number + 1, memory_order::release);
        return errc::ok;
    }
    errc erase(frame<os> origin) noexcept {
        if (refuses()) return errc::busy;
        if (!find(origin)) return errc::not_owned;
        --size_;
        words_[index(origin)].store(0, memory_order::release);
        return errc::ok;
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

    int refuse_at = 0;      ///< the call that is refused, from now on; 0: none
    int refused_calls = 1;  ///< and how many, from that one on

 private:
    [[nodiscard]] static std::size_t index(frame<os> f) noexcept {
        return static_cast<std::size_t>(f.number);
    }
    bool refuses() noexcept {
        if (refuse_at == 0 || refuse_at-- > 1) return false;
        refuse_at = --refused_calls != 0 ? 1 : 0;
        return true;
    }
    std::size_t capacity_;
    std::size_t size_ = 0;
    std::vector<builtin_atomic<std::uint64_t>> words_;
};
static_assert(remapping<word_table>);

/// A shipped table over the same origins.
template <class Table>
class shipped_table : public Table {
 public:
    explicit shipped_table(std::size_t capacity)
        : words_(Table::metadata_words({{0}, word_table::origins}, {{0}, word_table::origins}, capacity)) {
        REQUIRE(!words_.empty());
        REQUIRE(this->attach({{0}, word_table::origins}, {{0}, word_table::origins}, capacity,
                             {words_.data(), words_.size()}) == errc::ok);
    }

 private:
    std::vector<typename Table::word> words_;
};

/// Memory as an array, of which some lines cannot be read. `Tag`: each test program has its own.
template <std::uint64_t FrameBytes = 4096>
struct array_platform : platform {
    static constexpr std::uint64_t frame_bytes = FrameBytes;
    static inline std::byte* memory = nullptr;
    static inline std::set<std::uint64_t> unreadable;  ///< lines, by address
    static inline int fail_copy_at = 0;                ///< the call of `copy_part` that fails; 0: none
    static inline unsigned waits = 0;
    static inline errc last_defect = errc::ok;

    [[nodiscard]] static void* bytes_of(frame<machine> f) noexcept { return memory + f.number * frame_bytes; }
    static void quiesce() noexcept { ++waits; }
    static void defect(errc what, std::uint64_t) noexcept { last_defect = what; }

    /// Stops at the first line that cannot be read; a write of a whole line makes it readable.
    static copy_result copy_part(frame<machine> from, frame<machine> to, frame_part part) noexcept {
        if (fail_copy_at != 0 && --fail_copy_at == 0) return {0, errc::corrupt};
        constexpr std::uint64_t line = line_geometry<array_platform>::line_bytes;
        for (std::uint64_t at = part.offset; at < part.offset + part.count; at += line) {
            const std::uint64_t source = from.number * frame_bytes + at;
            if (unreadable.count(source) != 0) return {at - part.offset, errc::unreadable};
            const std::uint64_t target = to.number * frame_bytes + at;
            for (std::uint64_t i = 0; i < line; ++i) memory[target + i] = memory[source + i];
            unreadable.erase(target);
        }
        return {part.count, errc::ok};
    }
};

/// Devices that may object, and are told of the end.
struct recorded_fence {
    struct record {
        errc answer = errc::ok;
        int open = 0;
        int begun = 0;
        errc outcome = errc::ok;
        std::function<void()> inside{};  ///< called from `begin`
    };
    record* kept = nullptr;

    errc begin(range<os>) const noexcept {
        if (kept == nullptr) return errc::ok;
        ++kept->begun;
        if (kept->inside) kept->inside();
        if (kept->answer == errc::ok) ++kept->open;
        return kept->answer;
    }
    void end(range<os>, errc outcome) const noexcept {
        if (kept == nullptr) return;
        --kept->open;
        kept->outcome = outcome;
    }
};

/// The consulting path, which can be told to refuse.
template <class Platform>
struct failing_path : consulting_path<Platform> {
    using base = consulting_path<Platform>;
    using base::base;
    int fail_at = 0;  ///< the call that fails, from now on; 0: none

    errc hold(const frame_move& move) noexcept { return fails() ? errc::busy : base::hold(move); }
    errc track(const frame_move& move) noexcept { return fails() ? errc::busy : base::track(move); }
    errc split(const frame_move& move, std::uint32_t stride) noexcept {
        return fails() ? errc::busy : base::split(move, stride);
    }
    errc point(frame<os> origin, frame<machine> target) noexcept {
        return fails() ? errc::busy : base::point(origin, target);
    }

 private:
    bool fails() noexcept { return fail_at != 0 && --fail_at == 0; }
};

/// What the firmware tells, and what it keeps.
struct memory_rules {
    std::uint64_t bytes = 64 * mebibyte;
    node_id nodes = 1;
    std::uint64_t mirrored_bytes = 0;  ///< at the beginning of each node
    spares_per_node spares{.ordinary = 1024, .mirrored = 0};
    std::size_t table_capacity = 1 << 12;
    std::size_t lost_entries = 4;
};

template <class Protection = trap_and_retry, class Platform = array_platform<>,
          class Copier = cpu_part_copy<Platform>, class Table = word_table>
struct rig {
    using pool_type = physical_memory<zone<counted<radix_buddy<Platform>>>>;
    using path_type = failing_path<Platform>;
    using engine_type = migration<Platform, Table, pool_type, Protection, path_type, Copier, recorded_fence>;

    memory_entry told_entries[32];
    memory_entry spare_entries[32];
    memory_map told{told_entries, shift()};
    memory_map spares{spare_entries, shift()};
    topology nodes;
    std::vector<std::byte> metadata;
    pool_type pool;
    std::unique_ptr<std::byte[]> memory;
    Table table;
    std::vector<std::uint64_t> words;
    spare_book book;
    std::vector<typename lost_lines<Platform>::entry> lost_entries;
    lost_lines<Platform> lost;
    std::vector<typename path_type::word> dirty;
    path_type path;
    recorded_fence::record devices;
    engine_type mover;
    remapped_access<Table, Platform> access;

    explicit rig(memory_rules rules = {}, Copier copier = {})
        : memory(new std::byte[rules.bytes]),
          table(rules.table_capacity),
          words(carved(rules)),
          book(spares, {words.data(), words.size()}),
          lost_entries(rules.lost_entries),
          lost({lost_entries.data(), lost_entries.size()}),
          dirty(path_type::dirty_words(64)),
          path({dirty.data(), dirty.size()}),
          mover(table, pool, path, told, book, lost, recorded_fence{&devices}, copier),
          access(table, path, book, lost) {
        Platform::memory = memory.get();
        Platform::unreadable.clear();
        Platform::fail_copy_at = 0;
        Platform::waits = 0;
        Platform::last_defect = errc::ok;
        metadata.resize(pool_type::metadata_bytes(spares, nodes));
        REQUIRE(pool.boot(spares, nodes, {metadata.data(), metadata.size()}) == errc::ok);
    }
    [[nodiscard]] static constexpr unsigned shift() {
        return static_cast<unsigned>(std::countr_zero(Platform::frame_bytes));
    }
    [[nodiscard]] std::byte& byte(frame<machine> f, std::uint64_t at = 0) {
        return memory[f.number * Platform::frame_bytes + at];
    }
    void fill(frame<machine> f, unsigned seed) {
        for (std::uint64_t i = 0; i < Platform::frame_bytes; ++i) byte(f, i) = pattern(seed, i);
    }
    [[nodiscard]] static std::byte pattern(unsigned seed, std::uint64_t at) {
        return static_cast<std::byte>(seed * 131 + at * 7 + (at >> 8));
    }
    /// What the operating system reads of a frame is what `fill` wrote.
    [[nodiscard]] bool reads(frame<os> f, unsigned seed) {
        std::vector<std::byte> got(Platform::frame_bytes);
        if (access.read(f.number * Platform::frame_bytes, {got.data(), got.size()}) != errc::ok) return false;
        for (std::uint64_t i = 0; i < got.size(); ++i) {
            if (got[i] != pattern(seed, i)) return false;
        }
        return true;
    }
    [[nodiscard]] spare_state state(std::uint64_t spare) {
        const auto known = book.state_of({spare});
        REQUIRE(known.has_value());
        return *known;
    }
    /// Everything that a failed move leaves as it was.
    struct picture {
        std::vector<std::pair<std::uint64_t, std::uint64_t>> entries;
        std::vector<std::uint64_t> words;
        std::uint64_t free = 0;
        std::vector<std::uint64_t> free_spares;
        bool operator==(const picture&) const = default;
    };
    [[nodiscard]] picture take() {
        picture now;
        for (std::uint64_t i = 0; i < word_table::origins; ++i) {
            if (const auto found = table.find({i})) now.entries.push_back({i, found->number});
        }
        now.words = words;
        now.free = pool.free_frames();
        pool.visit_free([&](range<> run) {
            for (std::uint64_t i = 0; i < run.count; ++i) now.free_spares.push_back(run.first.number + i);
        });
        return now;
    }

 private:
    std::size_t carved(const memory_rules& rules) {
        const std::uint64_t each = rules.bytes / rules.nodes;
        for (node_id node = 0; node < rules.nodes; ++node) {
            REQUIRE(nodes.add(node).has_value());
            const std::uint64_t begin = node * each;
            REQUIRE(told.add(begin, begin + each, memory_kind::usable) == errc::ok);
            REQUIRE(told.set_node(begin, begin + each, node) == errc::ok);
            if (rules.mirrored_bytes != 0)
                REQUIRE(told.mirror(begin, begin + rules.mirrored_bytes) == errc::ok);
        }
        for (node_id from = 0; from < rules.nodes; ++from) {
            for (node_id to = 0; to < rules.nodes; ++to) {
                const unsigned hops = from < to ? to - from : from - to;
                // Up is farther than down: no two nodes are as near.
                const unsigned distance = 10 + 10 * hops + (to > from ? 1 : 0);
                REQUIRE(nodes.set_distance(from, to, static_cast<std::uint8_t>(distance)) == errc::ok);
            }
        }
        const auto count = carve_spares(told, spares, rules.spares);
        REQUIRE(count.has_value());
        return static_cast<std::size_t>(*count);
    }
};

}  // namespace migrate_tests
