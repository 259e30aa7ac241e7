// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/testing/call.hpp>
#include <ashlar/testing/holdings.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::testing {

/// What a request stream has to know of a source.
template <class Space = machine>
struct stream_shape {
    range<Space> frames{};  ///< the attached range
    unsigned top_order = 0;
    unsigned isolation_order = 0;
    /// Only calls whose outcome does not hang on which block an earlier `allocate` chose: for two sources
    /// side by side.
    bool comparable = false;
};

/// Random calls of every verb, right and wrong ones, for a user who holds what `held` says: every field of a
/// request varies, blocks are freed whole and in pieces, ranges are aligned and not, frames are foreign,
/// freed twice and misaligned. Phases in which the source fills up, empties and stays level follow each
/// other.
///
/// Three verbs stand for what a runner does with them: `attach` for recovery from a copy, `detach` for a new
/// start, `validate` for a full comparison.
///
/// A stream is made of rolls: a roll does not depend on what is held, so two sources can be given the same
/// one.
/// - Complexity: constant a call.
/// - Context: any; two streams of the same seed yield the same calls.
///
/// Example:
/// ```
/// ashlar::testing::request_stream<> stream({.frames = {{64}, 256}, .top_order = 6, .isolation_order = 3},
/// 42); ashlar::testing::holdings<> held(6); const auto next = stream.next(held);
/// ```
template <class Space = machine, class Bits = random_bits>
class request_stream {
 public:
    /// The dice of one call.
    struct roll {
        std::uint64_t kind = 0;
        std::uint64_t a = 0;
        std::uint64_t b = 0;
        std::uint64_t c = 0;
    };

    constexpr request_stream(stream_shape<Space> shape, Bits bits) noexcept : shape_(shape), bits_(bits) {}
    constexpr request_stream(stream_shape<Space> shape, std::uint64_t seed) noexcept
        : request_stream(shape, Bits(seed)) {}

    [[nodiscard]] call<Space> next(const holdings<Space>& held) { return shape_call(next_roll(), held); }

    [[nodiscard]] constexpr roll next_roll() noexcept {
        if (calls_++ % 512 == 0) phase_ = bits_() % 3;
        return {bits_(), bits_(), bits_(), bits_()};
    }
    /// The call that a roll means for this holder. To be called once a roll and holder, in the order of the
    /// rolls.
    [[nodiscard]] call<Space> shape_call(const roll& r, const holdings<Space>& held) {
        const std::uint64_t kind = r.kind % 1024;
        if (kind < 800) {
            // Shares of allocations in the three phases: filling, level, emptying.
            constexpr std::uint64_t allocations[] = {560, 400, 240};
            return kind < allocations[phase_] ? allocation(r) : right_free(r, held);
        }
        if (kind < 850) return wrong_free(r, held);
        if (kind < 880 && !shape_.comparable)
            return {.which = verb::allocate_at, .frames = some_range(r, 64)};
        if (kind < 880) return allocation(r);
        if (kind < 905) return remember(verb::isolate, pageblocks(r));
        if (kind < 940) return {.which = verb::readmit, .frames = recent(r)};
        if (kind < 950) return {.which = r.a % 2 != 0 ? verb::drain : verb::drain_cpu, .cpu = small_cpu(r)};
        if (kind < 953) return {.which = verb::attach, .how = start::recover};
        if (kind < 960) return {.which = verb::validate};
        if (shape_.comparable) return allocation(r);
        if (kind < 990) return {.which = verb::offline, .frames = part_of_recent(r)};
        if (kind < 1020) return {.which = verb::online, .frames = part_of_recent(r)};
        if (kind < 1023) return {.which = verb::revoke, .frames = some_range(r, 8)};
        return {.which = r.a % 16 == 0 ? verb::detach : verb::revoke, .frames = some_range(r, 32)};
    }

 private:
    using frames_range = range<Space>;

    [[nodiscard]] static constexpr cpu_id small_cpu(const roll& r) noexcept {
        return static_cast<cpu_id>(r.b % 3);
    }
    /// Mostly small, sometimes any, now and then beyond the top.
    [[nodiscard]] constexpr unsigned some_order(std::uint64_t dice) const noexcept {
        const std::uint64_t orders = shape_.top_order + 1;
        if (dice % 64 == 0) return static_cast<unsigned>(shape_.top_order + 1 + (dice >> 6) % 70);
        if (dice % 8 == 1) return static_cast<unsigned>((dice >> 6) % orders);
        unsigned order = 0;
        for (dice >>= 6; (dice & 1) != 0 && order < shape_.top_order; dice >>= 1) ++order;
        return order;
    }
    [[nodiscard]] constexpr frame<Space> some_frame(std::uint64_t dice) const noexcept {
        return shape_.frames.first + dice % shape_.frames.count;
    }
    /// Anywhere in the attached range, now and then empty or beyond its ends.
    [[nodiscard]] constexpr frames_range some_range(const roll& r, std::uint64_t longest) const noexcept {
        const frame<Space> first = some_frame(r.a);
        const std::uint64_t count = r.b % 32 == 0 ? 0 : 1 + (r.b >> 5) % longest;
        if (r.c % 64 == 0) return {{r.a}, count};
        if (r.c % 64 == 1) return {first, shape_.frames.count};
        return r.c % 16 == 2 ? frames_range{first, count}
                             : frames_range{first, count}.clipped_to(shape_.frames);
    }
    [[nodiscard]] constexpr call<Space> allocation(const roll& r) const noexcept {
        request<Space> wanted{.order = some_order(r.a)};
        wanted.node = r.b % 2 != 0 ? any_node : static_cast<node_id>(r.b >> 1 & 3);
        if (r.b >> 8 & 63) {
            wanted.mirror = static_cast<mirror>((r.b >> 14) % 3);
        } else {
            wanted.mirror = mirror::required;
        }
        if ((r.b >> 20 & 63) == 0) wanted.nodes = node_set::only(static_cast<node_id>(r.b >> 26 & 3));
        if ((r.b >> 30 & 3) == 0) wanted.below = some_frame(r.c) + 1;
        wanted.mobility = static_cast<mobility>((r.b >> 32) % 3);
        wanted.urgent = (r.b >> 40 & 1) != 0;
        if ((r.b >> 41 & 7) == 0) wanted.effort = static_cast<std::uint32_t>(r.b >> 44 & 7);
        return {.which = verb::allocate, .wanted = wanted};
    }
    [[nodiscard]] call<Space> right_free(const roll& r, const holdings<Space>& held) const {
        if (held.empty()) return allocation(r);
        const auto chosen = held.at(static_cast<std::size_t>(r.a % held.size()));
        if (r.b % 4 != 0 || chosen.order == 0) {
            return {.which = verb::free, .frames = {chosen.first, 0}, .order = chosen.order};
        }
        const unsigned order = static_cast<unsigned>((r.b >> 2) % chosen.order);
        const std::uint64_t pieces = std::uint64_t{1} << (chosen.order - order);
        return {.which = verb::free, .frames = {chosen.first + (r.c % pieces << order), 0}, .order = order};
    }
    /// Random places (freed already, never online, or right by chance), misaligned blocks, foreign frames.
    [[nodiscard]] call<Space> wrong_free(const roll& r, const holdings<Space>& held) const {
        const unsigned order = some_order(r.b);
        call<Space> made{.which = verb::free, .frames = {some_frame(r.a), 0}, .order = order};
        const std::uint64_t sort = r.c % 8;
        if (sort == 0) made.frames.first = shape_.frames.end() + r.a % 64;
        if (sort == 1) made.frames.first = {shape_.frames.first.number - 1 - r.a % 64};
        if (sort == 2) made.frames.first = {r.a};
        if (sort == 3 && !held.empty() && !shape_.comparable) {
            made.frames.first = held.at(static_cast<std::size_t>(r.a % held.size())).first + 1;
            made.order = 1 + static_cast<unsigned>(r.b % (shape_.top_order + 1));
        }
        if (sort > 3 && order < 64) made.frames.first.number &= ~((std::uint64_t{1} << order) - 1);
        // What lies inside the range hangs on the blocks chosen, except a misaligned block.
        if (shape_.comparable && shape_.frames.contains(made.frames.first) &&
            aligned(made.frames.first, made.order)) {
            made.frames.first = shape_.frames.end();
        }
        return made;
    }
    [[nodiscard]] constexpr frames_range pageblocks(const roll& r) const noexcept {
        if (r.c % 16 == 0) return some_range(r, 64);
        if (r.c % 64 == 1) return shape_.frames;
        const std::uint64_t size = std::uint64_t{1} << shape_.isolation_order;
        const std::uint64_t first = some_frame(r.a).number & ~(size - 1);
        return frames_range{{first}, size * (1 + r.b % 4)}.clipped_to(shape_.frames);
    }
    [[nodiscard]] constexpr call<Space> remember(verb which, frames_range frames) noexcept {
        recent_[recent_count_++ % recent_size] = frames;
        return {.which = which, .frames = frames};
    }
    [[nodiscard]] constexpr frames_range recent(const roll& r) const noexcept {
        return recent_count_ == 0 || r.c % 8 == 0 ? pageblocks(r) : recent_[r.a % recent_size];
    }
    [[nodiscard]] constexpr frames_range part_of_recent(const roll& r) const noexcept {
        const frames_range whole = recent(r);
        if (whole.empty() || r.c % 4 < 2) return whole;
        const std::uint64_t skip = r.b % whole.count;
        return {whole.first + skip, 1 + (r.b >> 20) % (whole.count - skip)};
    }

    static constexpr std::size_t recent_size = 4;

    stream_shape<Space> shape_;
    Bits bits_;
    std::uint64_t calls_ = 0;
    std::uint64_t phase_ = 0;
    frames_range recent_[recent_size]{};
    std::size_t recent_count_ = 0;
};

}  // namespace ashlar::testing
