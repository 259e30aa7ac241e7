// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <ashlar/remote/p2m_format.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <cstdint>

// What the two guests have agreed on. The far one has the memory, the near one sees it behind a BAR.
namespace guests {

using namespace ashlar;

inline constexpr std::uint64_t page_bytes = 4096;
inline constexpr std::uint64_t words_in_page = page_bytes / 8;

/// The far guest's table: nine entries of the root, each leads to a table of 512.
using format = tree_p2m<2>;
inline constexpr frame<guest> first_frame{0x40000};
inline constexpr std::uint64_t pages = 4096;
inline constexpr std::uint64_t root_entries = pages / 512 + 1;
// Behind the pages: no frame; one beyond the far guest's memory; all ones.
inline constexpr std::uint64_t invalid_page = pages;
inline constexpr std::uint64_t foreign_page = pages + 1;
inline constexpr std::uint64_t ones_page = pages + 2;

/// What a word of a page is once somebody, whose number is the seed, has filled it.
[[nodiscard]] constexpr std::uint64_t pattern(std::uint64_t seed, std::uint64_t page,
                                              std::uint64_t word) noexcept {
    return testing::random_bits(seed << 48 ^ page << 16 ^ word)();
}

/// Where words are that both use, in the far guest's memory. What it has to tell is there before its canary.
struct shared_page {
    static constexpr std::uint64_t at = 0x10'0000;
    static constexpr std::uint64_t canary = at;
    static constexpr std::uint64_t far_hello = at + 0x40;
    static constexpr std::uint64_t near_hello = at + 0x80;
    static constexpr std::uint64_t root = at + 0x100;
    static constexpr std::uint64_t donated = at + 0x108;  ///< of `donated_bytes`
    // The near guest asks: the number and kind of the question come last.
    static constexpr std::uint64_t question = at + 0x200;
    static constexpr std::uint64_t subject = at + 0x208;
    static constexpr std::uint64_t seed = at + 0x210;
    // The far one answers: the question that it answered comes last.
    static constexpr std::uint64_t answered = at + 0x240;
    static constexpr std::uint64_t answer = at + 0x248;
};
inline constexpr std::uint64_t donated_bytes = std::uint64_t{4} << 20;

/// The low byte of a question.
enum class about : std::uint8_t {
    mismatches = 1,  ///< words of the page `subject` that are not `pattern(seed, subject, word)`
    word = 2,        ///< at the address `subject`
    end = 3,         ///< nothing: the guest ends
};

}  // namespace guests
