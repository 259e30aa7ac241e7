// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <cstddef>

namespace ashlar::detail {

/// How a writer may use memory again that a reader, who takes no lock and says nothing of himself, might
/// still look at: the reader finds out, looks again, and if that happens too often, has the writer told
/// `busy`. A view of one line.
///
/// | word | who writes | order |
/// |---|---|---|
/// | 0, how often memory was used again | the writer | store release, load acquire; see below |
/// | 1, readers who were overtaken and look once more | they `fetch_add` | acquire to come, relaxed to go |
/// | | the writer adds 0 to look | release |
///
/// - The writer changes word 0 after the memory was cut off and before its first new word. New words are
///   stored with release and loaded with acquire: who sees one sees word 0 changed, too. So the load after a
///   look needs no order of its own.
/// - Word 1 is only changed by read-modify-writes, of which one comes first. The reader's: the writer sees it
///   and leaves the memory alone. The writer's: the reader sees everything that was cut off by then, and the
///   next look of the writer sees the reader. A reader who goes has done his loads: each of them acquires.
///
/// So a look is made at most `looks + 1` times: wait-free. (Who slept while word 0 came round, 2^32 or 2^64
/// uses, is not told apart.)
template <class Word>
class remap_overtaken {
    using value = typename Word::value_type;

 public:
    static constexpr std::size_t words = 64 / sizeof(value);
    static constexpr unsigned looks = 2;

    constexpr remap_overtaken() noexcept = default;
    constexpr explicit remap_overtaken(Word* first) noexcept : words_(first) {}

    /// Calls `look()` until it is certain: it answers {what was found, whether that is certain by itself}.
    template <class Look>
    [[nodiscard]] constexpr value certain(Look look) const noexcept {
        for (unsigned i = 0; i < looks; ++i) {
            const value before = words_[0].load(memory_order::acquire);
            const auto seen = look();
            if (seen.certain || words_[0].load(memory_order::relaxed) == before) return seen.cell;
        }
        words_[1].fetch_add(1, memory_order::acquire);
        const auto seen = look();
        words_[1].fetch_add(static_cast<value>(-1), memory_order::relaxed);
        return seen.cell;
    }

    /// The writer, before memory that is cut off gets new words. False: not now.
    [[nodiscard]] constexpr bool use_again() const noexcept {
        if (words_[1].fetch_add(0, memory_order::release) != 0) return false;
        words_[0].store(static_cast<value>(words_[0].load(memory_order::relaxed) + 1), memory_order::release);
        return true;
    }

 private:
    Word* words_ = nullptr;
};

}  // namespace ashlar::detail
