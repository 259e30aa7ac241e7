// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/source.hpp>
#include <ashlar/core/view.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace ashlar {

/// Who holds a frame: a small number that the user gives out.
using owner_id = std::uint16_t;

/// "Nobody."
inline constexpr owner_id no_owner = 0;

/// Constants of an `owner_table`.
struct owner_shape {
    unsigned bits = 8;  ///< for each frame, 8 or 16: at most 127 or 32,767 owners
};

/// Who holds each frame of a range: the book that tenants of one machine keep together.
///
/// - Words: a bit for each owner (enrolled or not), then a field for each frame: 0 (nobody had it yet), an
///   owner (holds it), or an owner with the highest bit set (held it last, and left it).
/// - Invariant at quiescence: a frame is held by an owner from the `allocate` that gave it to him to his
///   `free`. Fields of other frames are not written.
///
/// | field goes | by | when |
/// |---|---|---|
/// | nobody or left -> held | `claim` | the machine handed the frame to the owner, who has told nobody yet |
/// | held -> left | `leave` | the owner frees: before the machine may hand the frame to somebody else |
/// | left -> held | `stay` | the machine refused that free: the frame never left |
///
/// Each is a compare-and-swap of the word, since its other fields move too; relaxed: a field publishes
/// nothing. Who wins held -> left is the one that frees; a second one finds `left`. After the machine's
/// `free` nothing is written any more, so the next holder's claim cannot be overtaken; it sees the `left`,
/// because the machine's free (release) and allocate (acquire) order the two. Owners' bits: `dismiss`
/// releases, `enrol` acquires, so that the next owner of a number finds that the last one left all. A block
/// of several words is looked at first and changed word by word: what was changed is put back when a word
/// turns out to be another's, which only a racing wrong call can bring about. A crash leaves frames that the
/// machine counts as used and nobody holds, never two holders.
///
/// - Complexity: one compare-and-swap for each word a block touches (8 frames, of 64 bits).
/// - Context: `claim`, `leave`, `stay`, `owner_of` any; `attach`, `detach` thread, alone; `visit` any, exact
///   at quiescence.
/// - Failure: see the verbs; nothing is changed then.
/// - Source: CN104252419 moves a process's pages when it becomes critical: somebody must know which they are.
///
/// Example:
/// ```
/// using book = ashlar::owner_table<ashlar::platform>;
/// constexpr ashlar::range<> bank{{256}, 1024};
/// constinit book::word words[book::metadata_words(bank)]{};
/// constinit book owners;
/// (void)owners.attach(bank, words);
/// (void)owners.claim({{256}, 8}, 1);
/// const ashlar::errc refused = owners.leave({{256}, 1}, 2);  // not_owned
/// ```
template <class Platform = platform, owner_shape Shape = owner_shape{}>
class owner_table {
    static_assert(atomics<Platform>, "owner_table<Platform>: Platform must offer atomic<T>");
    static_assert(Shape.bits == 8 || Shape.bits == 16,
                  "owner_table<Platform, owner_shape>: bits must be 8 or 16");

    using value = std::uintptr_t;

 public:
    using platform_type = Platform;
    using space = typename Platform::space;
    using word = typename Platform::template atomic<value>;

    /// Owners are 1 .. `last_owner`.
    static constexpr owner_id last_owner = static_cast<owner_id>((1u << (Shape.bits - 1)) - 1);

    /// Words that `attach` needs for a range; 0 for a range that no words describe.
    [[nodiscard]] static constexpr std::size_t metadata_words(range<space> frames) noexcept {
        if (frames.empty() || frames.wraps()) return 0;
        const std::uint64_t fields = (frames.count - 1) / per_word + 1;
        if (fields > std::numeric_limits<std::size_t>::max() / sizeof(word) - owner_words) return 0;
        return owner_words + static_cast<std::size_t>(fields);
    }

    owner_table() noexcept = default;
    owner_table(const owner_table&) = delete;
    owner_table& operator=(const owner_table&) = delete;

    /// A table without owners. `busy` if attached, `invalid` for an empty or wrapping range, `limit` for too
    /// few words.
    constexpr errc attach(range<space> frames, view<word> words) noexcept {
        if (words_ != nullptr) return errc::busy;
        if (frames.empty() || frames.wraps()) return errc::invalid;
        const std::size_t needed = metadata_words(frames);
        if (needed == 0 || words.size() < needed) return errc::limit;
        for (word& each : words.subview(0, needed)) each.store(0, memory_order::relaxed);
        words_ = words.data();
        covered_ = frames;
        return errc::ok;
    }
    /// `busy` while an owner is enrolled.
    constexpr errc detach() noexcept {
        for (std::size_t i = 0; words_ != nullptr && i < owner_words; ++i) {
            if (words_[i].load(memory_order::relaxed) != 0) return errc::busy;
        }
        words_ = nullptr;
        covered_ = {};
        return errc::ok;
    }
    /// Takes an owner's number: `invalid` if there is none such, `busy` if it is taken, `limit` unattached.
    constexpr errc enrol(owner_id owner) noexcept {
        if (owner == no_owner || owner > last_owner) return errc::invalid;
        if (words_ == nullptr) return errc::limit;
        const value before = words_[owner / digits].fetch_or(bit_of(owner), memory_order::acquire);
        return (before & bit_of(owner)) != 0 ? errc::busy : errc::ok;
    }
    /// Gives an enrolled owner's number back; he holds nothing any more.
    constexpr void dismiss(owner_id owner) noexcept {
        words_[owner / digits].fetch_and(static_cast<value>(~bit_of(owner)), memory_order::release);
    }

    [[nodiscard]] constexpr range<space> covered() const noexcept { return covered_; }

    /// The frames are now the owner's. `limit` for frames outside of the table, `corrupt` for frames that
    /// somebody holds: they were freed past him.
    constexpr errc claim(range<space> frames, owner_id owner) noexcept {
        if (!covered_.contains(frames)) return errc::limit;
        return change(
            frames,
            [](value fields, value) noexcept { return held_fields(fields) == 0 ? errc::ok : errc::corrupt; },
            owner, no_owner);
    }
    /// The owner frees them. `double_free` if he has left one of them already, `not_owned` if he does not
    /// hold it.
    constexpr errc leave(range<space> frames, owner_id owner) noexcept {
        if (!covered_.contains(frames)) return errc::not_owned;
        return change(
            frames,
            [owner](value fields, value mask) noexcept {
                return fields == (pattern(owner) & mask) ? errc::ok : first_wrong(fields, mask, owner);
            },
            left_by(owner), owner);
    }
    /// What he left he holds again: the machine did not take it.
    constexpr void stay(range<space> frames, owner_id owner) noexcept {
        put_back(frames, left_by(owner), owner);
    }

    /// The holder, or `no_owner`.
    [[nodiscard]] constexpr owner_id owner_of(frame<space> f) const noexcept {
        if (!covered_.contains(f)) return no_owner;
        const std::uint64_t place = f.number - covered_.first.number;
        const value fields = word_at(place).load(memory_order::relaxed);
        const value field = (fields >> (place % per_word * Shape.bits)) & field_mask;
        return (field & left) != 0 ? no_owner : static_cast<owner_id>(field);
    }
    /// The first frames that an owner holds within a range, in a row: as many as there are, and at most
    /// `most`. Empty if he holds none there.
    [[nodiscard]] constexpr range<space> first_held(
        owner_id owner, range<space> within,
        std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) const noexcept {
        within = within.clipped_to(covered_);
        range<space> run{};
        for (std::uint64_t i = 0; i < within.count;) {
            const std::uint64_t place = within.first.number + i - covered_.first.number;
            const value fields = word_at(place).load(memory_order::relaxed);
            // Whole words of what nobody has cost a load.
            if (fields == 0) {
                if (!run.empty()) return run;
                i += per_word - place % per_word;
                continue;
            }
            const std::uint64_t word_end = i + per_word - place % per_word;
            for (; i < word_end && i < within.count; ++i) {
                const std::uint64_t shift =
                    (within.first.number + i - covered_.first.number) % per_word * Shape.bits;
                if (((fields >> shift) & field_mask) == owner) {
                    run = {run.empty() ? within.first + i : run.first, run.count + 1};
                    if (run.count == most) return run;
                } else if (!run.empty()) {
                    return run;
                }
            }
        }
        return run;
    }
    /// Calls `sink(range)` for the frames an owner holds: disjoint, ascending, each as long as can be.
    template <class Sink>
    constexpr void visit(owner_id owner, Sink&& sink) const noexcept {
        range<space> rest = covered_;
        for (range<space> run = first_held(owner, rest); !run.empty(); run = first_held(owner, rest)) {
            sink(run);
            rest = range<space>::between(run.end(), covered_.end());
        }
    }

 private:
    static constexpr unsigned digits = std::numeric_limits<value>::digits;
    static constexpr unsigned per_word = digits / Shape.bits;
    static constexpr std::size_t owner_words = (std::size_t{last_owner} + 1) / digits;
    static constexpr value field_mask = static_cast<value>((value{1} << Shape.bits) - 1);
    static constexpr value ones = static_cast<value>(std::numeric_limits<value>::max() / field_mask);
    static constexpr value left = value{1} << (Shape.bits - 1);

    [[nodiscard]] static constexpr value bit_of(owner_id owner) noexcept {
        return static_cast<value>(value{1} << (owner % digits));
    }
    [[nodiscard]] static constexpr value left_by(owner_id owner) noexcept { return left | owner; }
    [[nodiscard]] static constexpr value pattern(value field) noexcept {
        return static_cast<value>(ones * field);
    }
    /// The highest bit of each field that somebody holds. A sum stays in its field: it carries into the
    /// highest bit unless the owner is 0.
    [[nodiscard]] static constexpr value held_fields(value fields) noexcept {
        const value owners = static_cast<value>(fields & ~pattern(left));
        return static_cast<value>((owners + pattern(left - 1)) & ~fields & pattern(left));
    }
    [[nodiscard]] static constexpr errc first_wrong(value fields, value mask, owner_id owner) noexcept {
        for (; mask != 0; mask = static_cast<value>(mask >> Shape.bits / 2 >> Shape.bits / 2)) {
            const value field = fields & field_mask;
            if ((mask & 1) != 0 && field == left_by(owner)) return errc::double_free;
            if ((mask & 1) != 0 && field != owner) return errc::not_owned;
            fields = static_cast<value>(fields >> Shape.bits / 2 >> Shape.bits / 2);
        }
        return errc::not_owned;
    }

    [[nodiscard]] constexpr word& word_at(std::uint64_t place) const noexcept {
        return words_[owner_words + static_cast<std::size_t>(place / per_word)];
    }
    /// Calls `act(word, mask, frames before)` for each word of a range until one answers an error.
    template <class Act>
    constexpr errc each_word(range<space> frames, Act act) const noexcept {
        const std::uint64_t begin = frames.first.number - covered_.first.number;
        const std::uint64_t end = begin + frames.count;
        for (std::uint64_t place = begin; place < end;) {
            const std::uint64_t in_word = place % per_word;
            const std::uint64_t count = end - place < per_word - in_word ? end - place : per_word - in_word;
            const value all = std::numeric_limits<value>::max();
            const value low = count == per_word ? all : static_cast<value>(~(all << (count * Shape.bits)));
            const errc answer =
                act(word_at(place), static_cast<value>(low << (in_word * Shape.bits)), place - begin);
            if (answer != errc::ok) return answer;
            place += count;
        }
        return errc::ok;
    }

    /// Sets every field of the range to `to` if `judge(fields, mask)` allows it for every word; else `undo`
    /// is what those become that were set.
    template <class Judge>
    constexpr errc change(range<space> frames, Judge judge, value to, value undo) noexcept {
        const errc wrong = each_word(frames, [&](const word& each, value mask, std::uint64_t) noexcept {
            return judge(each.load(memory_order::relaxed) & mask, mask);
        });
        if (wrong != errc::ok) return wrong;
        std::uint64_t done = 0;
        const errc raced = each_word(frames, [&](word& each, value mask, std::uint64_t before) noexcept {
            done = before;
            value seen = each.load(memory_order::relaxed);
            for (;;) {
                if (const errc answer = judge(seen & mask, mask); answer != errc::ok) return answer;
                const value next = static_cast<value>((seen & ~mask) | (pattern(to) & mask));
                if (each.compare_exchange(seen, next, memory_order::relaxed)) return errc::ok;
            }
        });
        if (raced != errc::ok) put_back({frames.first, done}, to, undo);
        return raced;
    }
    /// Words whose fields are no longer what this caller made of them are somebody else's.
    constexpr void put_back(range<space> frames, value from, value to) noexcept {
        (void)each_word(frames, [&](word& each, value mask, std::uint64_t) noexcept {
            value seen = each.load(memory_order::relaxed);
            while ((seen & mask) == (pattern(from) & mask)) {
                const value next = static_cast<value>((seen & ~mask) | (pattern(to) & mask));
                if (each.compare_exchange(seen, next, memory_order::relaxed)) break;
            }
            return errc::ok;
        });
    }

    word* words_ = nullptr;
    range<space> covered_{};
};

namespace detail {
template <class Machine>
struct default_owner_table {
    using type = owner_table<>;
};
template <frame_source Machine>
struct default_owner_table<Machine> {
    using type = owner_table<typename Machine::platform_type>;
};
}  // namespace detail

}  // namespace ashlar
