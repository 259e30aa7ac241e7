// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/layer/cpu_slots.hpp>
#include <ashlar/layer/magazine_slot.hpp>
#include <ashlar/layer/own_words.hpp>
#include <ashlar/layer/unit_marks.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace ashlar::detail {

/// What `cpu_magazines` is made of, and how blocks move between the slots and the source; see there.
template <class Source, magazine_shape Shape>
class magazine_core {
    // Here, for the base comes first: a wrong composition is told in one sentence.
    static_assert(frame_source<Source>, "cpu_magazines<Source>: Source must be a frame_source");

 public:
    using platform_type = typename Source::platform_type;
    using space = typename Source::space;
    using word = typename Source::word;
    static_assert(
        cpu_local<platform_type>,
        "cpu_magazines<Source>: the platform must be cpu_local (this_cpu, max_cpus, cpu_guard, ...)");
    static_assert(Shape.batch >= 1 && Shape.batch <= Shape.high && Shape.high <= 1u << 20,
                  "cpu_magazines<Source, magazine_shape>: batch must lie in 1 .. high, high be at most 2^20");
    static_assert(Shape.largest_order <= Source::isolation_order &&
                      Shape.largest_order <= Source::top_order &&
                      Shape.huge_order <= Source::isolation_order && Shape.huge_order <= Source::top_order,
                  "cpu_magazines<Source, magazine_shape>: largest_order and huge_order must be at most the "
                  "source's top_order and isolation_order");
    static_assert(Shape.huge_order == 0 || Shape.huge_order > Shape.largest_order,
                  "cpu_magazines<Source, magazine_shape>: huge_order must be 0 or above largest_order");
    static_assert((Shape.high >> Shape.largest_order) >= 1 && (Shape.high >> Shape.huge_order) >= 1,
                  "cpu_magazines<Source, magazine_shape>: high must hold a block of each order");
    static_assert(Shape.frames_per_cpu >= 1,
                  "cpu_magazines<Source, magazine_shape>: frames_per_cpu must be at least 1");

 protected:
    using slot = magazine_slot<word, Shape>;
    using value = typename slot::value;
    using slots = cpu_slots<platform_type, slot, Shape.contract>;
    using own_slot = typename slots::own;
    using marks = unit_marks<word, space, Source::isolation_order>;

    [[nodiscard]] static constexpr cpu_id cpus_for(range<space> frames) noexcept {
        return slots::cpus_for(frames.count, Shape.frames_per_cpu);
    }
    /// 0 for ranges that cannot be attached.
    [[nodiscard]] static constexpr std::size_t own_words(range<space> frames) noexcept {
        constexpr std::uint64_t most = std::numeric_limits<value>::max() - below_largest;
        if (frames.empty() || frames.wraps() || frames.count > most) return 0;
        return add_words(slots::words_for(cpus_for(frames)), marks::words_for(frames));
    }
    constexpr void bind(range<space> frames, view<word> words, start how) noexcept {
        const cpu_id cpus = cpus_for(frames);
        marks_ = marks(frames, words.data() + slots::words_for(cpus));
        if (how == start::fresh) marks_.clear_all();
        marks_.end_turn();
        slots_.bind(words, cpus);
        frames_ = frames;
    }
    constexpr void unbind() noexcept {
        slots_.unbind();
        marks_ = {};
        frames_ = {};
    }

    [[nodiscard]] constexpr value number_of(frame<space> first) const noexcept {
        return static_cast<value>(first.number - (frames_.first.number & ~below_largest));
    }
    [[nodiscard]] constexpr frame<space> frame_at(value block) const noexcept {
        return {(frames_.first.number & ~below_largest) + block};
    }

    /// Some slot holds a frame of the range.
    [[nodiscard]] constexpr bool any_holds(range<space> frames) const noexcept {
        bool any = false;
        for (cpu_id cpu = 0; cpu < slots_.count(); ++cpu) {
            slots_[cpu].for_each([&](value each, unsigned order) noexcept {
                any = any || block(frame_at(each), order).overlaps(frames);
            });
        }
        return any;
    }
    /// A block of the slot of `cpu` is free in the source, or held by a CPU after it.
    [[nodiscard]] constexpr bool is_elsewhere(value block, unsigned order, cpu_id cpu) const noexcept {
        if constexpr (free_checking_source<Source>) {
            if (inner_.would_free(frame_at(block), order) == errc::double_free) return true;
        }
        for (cpu_id other = cpu + 1; other < slots_.count(); ++other) {
            if (slots_[other].holds(block, order)) return true;
        }
        return false;
    }
    /// No slot contradicts itself, the source or another one.
    [[nodiscard]] constexpr bool are_sound() const noexcept {
        bool sound = true;
        for (cpu_id cpu = 0; cpu < slots_.count(); ++cpu) {
            std::uint64_t frames = 0;
            slots_[cpu].for_each([&](value block, unsigned order) noexcept {
                frames += std::uint64_t{1} << order;
                if (is_elsewhere(block, order, cpu)) sound = false;
            });
            if (frames != slots_[cpu].held_frames()) sound = false;
        }
        return sound;
    }

    /// A batch for an empty stack, of which the first block is the answer.
    constexpr result<frame<space>> refill(slot into, unsigned stack, const request<space>& wanted) noexcept {
        const auto more = static_cast<value>(slot::batch_of(stack) - 1);
        if (!into.has_room(static_cast<std::uint32_t>(more) * slot::frames_of(stack))) make_room(into, stack);
        result<frame<space>> first = errc::exhausted;
        at_once([&](auto& source) noexcept {
            first = source.allocate(wanted);
            if (!first || more == 0) return;
            into.fill(stack, more, [&](value& block) noexcept {
                const result<frame<space>> got = source.allocate(wanted);
                block = number_of(*got);
                return got.has_value();
            });
        });
        return first;
    }
    /// A batch of the oldest goes back: of this stack, then of the others.
    [[gnu::noinline]] constexpr void make_room(slot from, unsigned stack) noexcept {
        at_once([&](auto& source) noexcept {
            std::uint32_t left = static_cast<std::uint32_t>(slot::batch_of(stack)) * slot::frames_of(stack);
            for (unsigned i = 0; i < slot::stacks; ++i) {
                const unsigned next = (stack + i) % slot::stacks;
                const std::uint32_t size = slot::frames_of(next);
                for (; left > 0 && !from[next].empty(); left -= size < left ? size : left) {
                    give_oldest(source, from, next);
                }
            }
        });
    }
    constexpr void flush(slot from) noexcept {
        if (from.empty()) return;
        at_once([&](auto& source) noexcept {
            for (unsigned stack = 0; stack < slot::stacks; ++stack) {
                for (value left = from[stack].size(); left > 0; --left) give_oldest(source, from, stack);
            }
        });
    }
    constexpr void flush_own() noexcept {
        const own_slot own(slots_);
        if (own.held) flush(own.slot);
    }
    /// Gives a block that is in no slot any more; where the source refuses, what it takes of it.
    template <class Inner>
    static constexpr void give(Inner& source, frame<space> first, unsigned order) noexcept {
        errc wrong = source.free(first, order);
        if (wrong == errc::ok) return;
        for (std::uint64_t i = 0; i < std::uint64_t{1} << order; ++i) {
            if (order != 0) wrong = source.free(first + i, 0);
            // Revoked frames are lost to nobody.
            if (wrong != errc::ok && wrong != errc::revoked) platform_type::defect(wrong, first.number + i);
        }
    }

    Source inner_{};
    range<space> frames_{};
    slots slots_{};
    marks marks_{};

 private:
    /// Blocks are numbered by their first frame, from a boundary of the largest of them on.
    static constexpr std::uint64_t below_largest = (std::uint64_t{1} << slot::order_of(slot::stacks - 1)) - 1;

    template <class Inner>
    constexpr void give_oldest(Inner& source, slot from, unsigned stack) noexcept {
        const frame<space> first = frame_at(from.pop_oldest(stack));
        give(source, first, slot::order_of(stack));
    }
    /// Several calls of the source, under one lock where it has one to take.
    template <class Task>
    constexpr void at_once(Task task) noexcept {
        if constexpr (requires { inner_.at_once(task); }) {
            inner_.at_once(task);
        } else {
            task(inner_);
        }
    }
};

}  // namespace ashlar::detail
