// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random moves, restorations, poisonings and accesses, against an oracle of where each origin's bytes are and
// what they are.
#include <doctest/doctest.h>

#include <ashlar/testing/random_bits.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "harness/by_day.hpp"
#include "migrate/migration_rig.hpp"

namespace {

using namespace migrate_tests;

/// Small frames: 8 lines of 8 bytes.
struct small_frames : array_platform<64> {
    static constexpr std::uint64_t line_bytes = 8;
    static copy_result copy_part(frame<machine> from, frame<machine> to, frame_part part) noexcept {
        for (std::uint64_t i = 0; i < part.count; ++i) {
            memory[to.number * 64 + part.offset + i] = memory[from.number * 64 + part.offset + i];
        }
        return {part.count, errc::ok};
    }
};

/// 96 frames of the system, 32 spares; two nodes, some of it mirrored.
constexpr memory_rules rules{.bytes = 128 * 64,
                             .nodes = 2,
                             .mirrored_bytes = 16 * 64,
                             .spares = {.ordinary = 12, .mirrored = 4},
                             .table_capacity = 24};

template <class Protection, class Table>
class model {
 public:
    using rig_type = rig<Protection, small_frames, cpu_part_copy<small_frames>, Table>;

    explicit model(std::uint64_t seed) : random_(seed) {
        r.told.for_each_usable([&](const usable_run& run) {
            for (std::uint64_t i = 0; i < run.frames.count; ++i)
                usable_.push_back(run.frames.first.number + i);
        });
        r.spares.for_each_usable([&](const usable_run& run) {
            for (std::uint64_t i = 0; i < run.frames.count; ++i) free_.insert(run.frames.first.number + i);
        });
        REQUIRE(usable_.size() == 96);
        REQUIRE(free_.size() == 32);
        for (const std::uint64_t f : usable_) {
            r.fill({f}, static_cast<unsigned>(f));
            bytes_[f].assign(&r.byte({f}), &r.byte({f}) + 64);
        }
    }

    void run(std::uint64_t steps) {
        for (std::uint64_t i = 0; i < steps; ++i) {
            const auto what = below(16);
            if (what < 4) begin(false);
            if (what == 4) begin(true);
            if (what >= 5 && what < 8) step();
            if (what == 8) commit();
            if (what == 9 && below(4) == 0) abort();
            if (what == 10 && poisoned_.size() < 8 && below(32) == 0) poison();
            if (what > 10) access();
            if (i % 16 == 0) check();
        }
        if (move_) abort();
        check();
        CHECK(done_ > steps / 200);
        CHECK(refused_ > 0);
    }

 private:
    struct open_move {
        range<os> origins;
        bool restoring;
        bool poison_old;
        bool ready;
    };

    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
    std::uint64_t any_frame() { return below(8) == 0 ? below(127) : usable_[below(usable_.size())]; }

    [[nodiscard]] std::uint64_t place(std::uint64_t origin) const {
        const auto found = place_.find(origin);
        return found == place_.end() ? origin : found->second;
    }
    /// Usable, and of one node and reliability: one stretch of the map.
    [[nodiscard]] bool is_one_run(range<os> origins) {
        bool inside = false;
        r.told.for_each_usable([&](const usable_run& run) {
            inside = inside || run.frames.contains(range<>{{origins.first.number}, origins.count});
        });
        return inside;
    }
    [[nodiscard]] std::uint64_t mapped_in(range<os> origins) const {
        std::uint64_t mapped = 0;
        for (std::uint64_t i = 0; i < origins.count; ++i) mapped += place_.count(origins.first.number + i);
        return mapped;
    }
    /// As many free spares in a row, within one node and reliability.
    [[nodiscard]] bool has_run(std::uint64_t count, bool only_ordinary) {
        bool found = false;
        r.spares.for_each_usable([&](const usable_run& run) {
            std::uint64_t in_a_row = 0;
            for (std::uint64_t i = 0; i < run.frames.count; ++i) {
                in_a_row = free_.count(run.frames.first.number + i) != 0 ? in_a_row + 1 : 0;
                found = found || (in_a_row >= count && !(only_ordinary && run.mirrored));
            }
        });
        return found;
    }
    [[nodiscard]] bool is_mirrored(std::uint64_t f) const { return f % 64 < 16; }

    void begin(bool restoring) {
        range<os> origins{{any_frame()}, below(3) == 0 ? 1 + below(5) : 1};
        if (restoring && !place_.empty() && below(4) != 0) {
            auto at = place_.begin();
            std::advance(at, static_cast<long>(below(place_.size())));
            origins = {{at->first}, 1};
        }
        const move_options options{.poison_old = poisoned_.size() < 8 && below(16) == 0};
        const errc answer =
            restoring ? r.mover.begin_restore(origins, options) : r.mover.begin(origins, options);
        if (move_) {
            CHECK(answer == errc::busy);
            return;
        }
        errc expected = errc::ok;
        bool is_usable = true;
        for (std::uint64_t i = 0; i < origins.count; ++i)
            is_usable = is_usable && bytes_.count(origins.first.number + i) != 0;
        if (!is_usable) {
            expected = errc::not_owned;
        } else if (!is_one_run(origins)) {
            expected = errc::misaligned;
        } else if (restoring) {
            expected = mapped_in(origins) == origins.count ? errc::ok : errc::not_owned;
        } else if (place_.size() + origins.count - mapped_in(origins) > rules.table_capacity) {
            expected = errc::limit;
        } else if (!has_run(origins.count, !is_mirrored(origins.first.number))) {
            expected = errc::exhausted;
        }
        CHECK(answer == expected);
        refused_ += answer != errc::ok ? 1 : 0;
        if (answer != errc::ok) return;
        move_ = open_move{origins, restoring, options.poison_old, false};
        const auto& report = r.mover.report();
        if (restoring) return;
        for (std::uint64_t i = 0; i < origins.count; ++i) {
            // The spare was free; nobody has it now.
            REQUIRE(free_.erase(report.move.target.number + i) == 1);
            CHECK(r.state(report.move.target.number + i) == spare_state::claimed);
        }
        const bool has_mirrored = is_mirrored(report.move.target.number);
        if (!is_mirrored(origins.first.number)) CHECK(!has_mirrored);
        CHECK(report.fallback == (is_mirrored(origins.first.number) && !has_mirrored));
    }
    void step() {
        const auto progress = r.mover.step(1 + below(200));
        if (!move_) {
            CHECK(progress.error() == errc::invalid);
            return;
        }
        REQUIRE(progress.has_value());
        move_->ready = *progress == move_progress::ready;
    }
    void commit() {
        const errc answer = r.mover.commit();
        if (!move_ || !move_->ready) {
            CHECK(answer == errc::invalid);
            return;
        }
        REQUIRE(answer == errc::ok);
        for (std::uint64_t i = 0; i < move_->origins.count; ++i) {
            const std::uint64_t origin = move_->origins.first.number + i;
            if (place_.count(origin) != 0) {
                (move_->poison_old ? poisoned_ : free_).insert(place_[origin]);
                place_.erase(origin);
            }
            if (!move_->restoring) place_[origin] = r.mover.report().move.target.number + i;
        }
        ++done_;
        move_.reset();
    }
    void abort() {
        const errc answer = r.mover.abort();
        if (!move_) {
            CHECK(answer == errc::invalid);
            return;
        }
        CHECK(answer == errc::ok);
        for (std::uint64_t i = 0; i < move_->origins.count && !move_->restoring; ++i)
            free_.insert(r.mover.report().move.target.number + i);
        move_.reset();
    }
    void poison() {
        const std::uint64_t spare = below(4) == 0 || free_.empty() ? below(127) : *free_.begin();
        const errc answer = r.mover.poison({spare});
        const bool is_spare = r.book.state_of({spare}).has_value();
        if (poisoned_.count(spare) != 0) {
            CHECK(answer == errc::revoked);
        } else if (free_.count(spare) != 0) {
            CHECK(answer == errc::ok);
            free_.erase(spare);
            poisoned_.insert(spare);
        } else {
            CHECK(answer == (is_spare ? errc::busy : errc::not_owned));
        }
    }
    /// Reads or writes a few bytes, across frames too.
    void access() {
        const std::uint64_t f = any_frame();
        const std::uint64_t at = f * 64 + below(64);
        const std::uint64_t count = 1 + below(20);
        std::vector<std::byte> data(static_cast<std::size_t>(count));
        const bool writes = below(2) == 0;
        for (auto& each : data) each = static_cast<std::byte>(random_());
        const auto sent = data;
        const errc answer = writes ? r.access.write(at, {data.data(), data.size()})
                                   : r.access.read(at, {data.data(), data.size()});
        bool is_memory = true;
        for (const std::uint64_t each : {at / 64, (at + count - 1) / 64})
            is_memory = is_memory && bytes_.count(each) != 0;
        if (!is_memory) {
            // A spare is refused, and so is nothing else: what is no memory is not the table's to judge.
            if (r.book.state_of({f}).has_value()) CHECK(answer == errc::not_owned);
            if (answer != errc::not_owned || !writes) return;
        }
        if (!writes) {
            if (!is_memory) return;
            REQUIRE(answer == errc::ok);
            bool is_right = true;
            for (std::uint64_t i = 0; i < count; ++i) is_right = is_right && data[i] == byte_at(at + i);
            REQUIRE(is_right);
            return;
        }
        // A write that was refused in its second frame has written the first.
        const std::uint64_t whole = answer == errc::ok ? count : 64 - at % 64;
        const bool first_refused = answer != errc::ok && (whole >= count || !first_went(at, sent));
        if (answer == errc::busy) CHECK(move_.has_value());
        if (first_refused) return;
        for (std::uint64_t i = 0; i < whole && i < count; ++i) {
            if (bytes_.count((at + i) / 64) != 0) byte_at(at + i) = sent[i];
        }
    }
    std::byte& byte_at(std::uint64_t address) { return bytes_[address / 64][address % 64]; }
    /// Whether the part of a refused write that lies in its first frame is there.
    bool first_went(std::uint64_t at, const std::vector<std::byte>& sent) {
        if (bytes_.count(at / 64) == 0) return false;
        std::vector<std::byte> now(64 - at % 64);
        REQUIRE(r.access.read(at, {now.data(), now.size()}) == errc::ok);
        for (std::size_t i = 0; i < now.size(); ++i) {
            if (now[i] != sent[i]) return false;
        }
        return true;
    }
    void check() {
        for (const std::uint64_t f : usable_) {
            const auto found = r.table.find({f});
            CHECK(found.has_value() == (place_.count(f) != 0));
            if (found) CHECK(found->number == place_[f]);
            std::byte now[64];
            REQUIRE(r.access.read(f * 64, now) == errc::ok);
            REQUIRE(std::vector<std::byte>(now, now + 64) == bytes_[f]);
            const bool moves = move_ && move_->origins.contains(frame<os>{f});
            CHECK(r.mover.state_of({f}) == (moves                  ? origin_state::copying
                                            : place_.count(f) != 0 ? origin_state::remapped
                                                                   : origin_state::direct));
        }
        CHECK(r.table.size() == place_.size());
        CHECK(r.pool.free_frames() == free_.size());
        for (const std::uint64_t spare : free_) CHECK(r.state(spare) == spare_state::free);
        for (const std::uint64_t spare : poisoned_) CHECK(r.state(spare) == spare_state::poisoned);
        for (const auto& [origin, spare] : place_) {
            CHECK(r.state(spare) == spare_state::active);
            CHECK(r.book.origin_of({spare})->number == origin);
        }
        CHECK(r.pool.validate() == errc::ok);
        CHECK(r.devices.open == (move_ ? 1 : 0));
    }

    rig_type r{rules};
    testing::random_bits random_;
    std::vector<std::uint64_t> usable_;
    std::map<std::uint64_t, std::vector<std::byte>> bytes_;  ///< what the system has in each frame
    std::map<std::uint64_t, std::uint64_t> place_;           ///< of origins that were moved
    std::set<std::uint64_t> free_;
    std::set<std::uint64_t> poisoned_;
    std::optional<open_move> move_;
    std::uint64_t done_ = 0;
    std::uint64_t refused_ = 0;
};

/// A write protection and a table.
template <class Protection, class Table>
struct with {
    using model_type = model<Protection, Table>;
};

TEST_CASE_TEMPLATE("model: origins, spares and bytes", Types, with<trap_and_retry, word_table>,
                   with<copy_cursor<3>, shipped_table<remap_table<>>>,
                   with<dirty_recopy<2, 1>, shipped_table<remap_hash<>>>) {
    const std::uint64_t steps = ashlar::harness::by_day(20'000, 400'000);
    for (const unsigned seed : {1u, 2u, 3u}) {
        typename Types::model_type run(seed);
        run.run(steps);
    }
}

}  // namespace
