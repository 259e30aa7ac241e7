// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <cstddef>

namespace ashlar::detail {

/// Whose turn it is to change a remap structure, and how much is in it: the first line of its words, which no
/// reader looks at. A view.
///
/// | word | who writes | order |
/// |---|---|---|
/// | 0, 1 while somebody changes the structure | `turn`: exchange, store | acquire, release |
/// | 1, how many origins are mapped | who has the turn | relaxed |
/// | 2, where a search begins | who has the turn | relaxed |
///
/// Nobody waits for a turn: a second writer, on the same CPU or another one, is told.
template <class Word>
class remap_writer {
    using value = typename Word::value_type;

 public:
    static constexpr std::size_t words = 64 / sizeof(value);

    constexpr remap_writer() noexcept = default;
    constexpr explicit remap_writer(Word* first) noexcept : words_(first) {}

    [[nodiscard]] constexpr std::size_t size() const noexcept {
        return words_ == nullptr ? 0 : static_cast<std::size_t>(words_[1].load(memory_order::relaxed));
    }
    constexpr void set_size(std::size_t size) const noexcept {
        words_[1].store(static_cast<value>(size), memory_order::relaxed);
    }
    [[nodiscard]] constexpr Word& search_begin() const noexcept { return words_[2]; }

    /// The right to change the structure while it lives; not `taken` while somebody else has it.
    class turn {
     public:
        constexpr explicit turn(const remap_writer& of) noexcept
            : word_(of.words_), taken(word_->exchange(1, memory_order::acquire) == 0) {}
        constexpr ~turn() {
            if (taken) word_->store(0, memory_order::release);
        }
        turn(const turn&) = delete;
        turn& operator=(const turn&) = delete;

     private:
        Word* word_;

     public:
        const bool taken;
    };

 private:
    Word* words_ = nullptr;
};

}  // namespace ashlar::detail
