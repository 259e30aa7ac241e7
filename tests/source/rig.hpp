// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>
#include <ashlar/core/source.hpp>
#include <ashlar/testing/error_set.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <cstdint>
#include <vector>

#include "source/types.hpp"

// What the laws share: a source of the type under test over a range with ragged ends, and its visible state.
namespace ashlar::under_test {

using type = ASHLAR_TYPE_UNDER_TEST;
using source = type::source;
using space = source::space;
using frames_range = range<space>;
using testing::error_set;

inline constexpr std::uint64_t top_size = std::uint64_t{1} << source::top_order;
inline constexpr std::uint64_t isolation_size = std::uint64_t{1} << source::isolation_order;

/// Two blocks of the top order, with less than one before and after them; both ends are ragged.
inline constexpr frame<space> first_top{4 * top_size};
inline constexpr std::uint64_t lead = isolation_size + 3 < top_size ? isolation_size + 3 : 3;
inline constexpr frames_range law_range{{first_top.number - lead}, 2 * top_size + 2 * lead - 1};

/// What a zone judges nodes and mirrored memory by; null for a source that cannot.
template <class Source>
constexpr const zone_description* description_of(const Source& s) {
    if constexpr (requires { s.description(); }) {
        return &s.description();
    } else {
        return nullptr;
    }
}

/// What can be seen of a source from outside.
struct state {
    std::vector<frames_range> free;  ///< maximal
    std::vector<bool> online;        ///< of every frame, or of a sample where there are many
    std::uint64_t free_frames = 0;

    friend bool operator==(const state&, const state&) = default;
};

inline std::vector<bool> online_frames(const source& s, frames_range frames) {
    std::vector<bool> online;
    const std::uint64_t step = frames.count > 8192 ? 61 : 1;
    for (std::uint64_t i = 0; i < frames.count; i += step) online.push_back(s.owns(frames.first + i));
    return online;
}

inline state state_of(source& s, frames_range frames) {
    s.drain();
    state seen{{}, online_frames(s, frames), s.free_frames()};
    s.visit_free([&](frames_range each) {
        if (!seen.free.empty() && seen.free.back().end() == each.first) {
            seen.free.back().count += each.count;
        } else {
            seen.free.push_back(each);
        }
    });
    return seen;
}

struct rig {
    explicit rig(frames_range attached = law_range)
        : frames(attached), words(source::metadata_words(attached)) {
        REQUIRE(s.attach(frames, words.words(), start::fresh) == errc::ok);
    }
    /// The call is refused with one of these errors, and nothing is different after it.
    template <class Call>
    void refuses(error_set errors, Call made) {
        const state before = state_of(s, frames);
        const errc answer = made();
        INFO("it says " << to_string(answer));
        CHECK(errors.contains(answer));
        CHECK(state_of(s, frames) == before);
        CHECK(s.validate() == errc::ok);
    }
    [[nodiscard]] state seen() { return state_of(s, frames); }
    /// Blocks of one order until nothing fits; each is checked. (An assertion for each would be most of what
    /// the laws cost: they are made of what goes wrong alone.)
    [[nodiscard]] std::vector<frame<space>> allocate_all(request<space> wanted) {
        std::vector<frame<space>> blocks;
        // Naturally aligned blocks of one order are the same or share no frame.
        const std::uint64_t lowest = frames.first.number >> wanted.order;
        std::vector<char> taken(static_cast<std::size_t>((frames.end().number >> wanted.order) - lowest + 1));
        for (auto got = s.allocate(wanted);; got = s.allocate(wanted)) {
            if (!got) {
                CHECK(got.error() == errc::exhausted);
                return blocks;
            }
            if (!frames.contains(block(*got, wanted.order))) FAIL("a block that is not attached");
            if (!aligned(*got, wanted.order)) FAIL("a block that is not aligned");
            char& mark = taken.data()[static_cast<std::size_t>((got->number >> wanted.order) - lowest)];
            if (mark != 0) FAIL("a block that is handed out already");
            mark = 1;
            blocks.push_back(*got);
        }
    }
    /// A free that has to succeed, one of many.
    void give_back(frame<space> first, unsigned order) {
        const errc answer = s.free(first, order);
        if (answer != errc::ok) FAIL("free says " << to_string(answer));
    }

    frames_range frames;
    testing::word_buffer<source::word> words;
    source s{};
};

/// Everything online.
struct online_rig : rig {
    explicit online_rig(frames_range attached = law_range) : rig(attached) {
        REQUIRE(s.online(frames) == errc::ok);
    }
};

/// How many naturally aligned blocks lie in a range.
inline std::uint64_t blocks_in(frames_range frames, unsigned order) {
    const std::uint64_t size = std::uint64_t{1} << order;
    const std::uint64_t first = (frames.first.number + size - 1) / size;
    const std::uint64_t end = frames.end().number / size;
    return end > first ? end - first : 0;
}

}  // namespace ashlar::under_test
