// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/view.hpp>
#include <cstddef>
#include <vector>

namespace ashlar::testing {

/// Storage for metadata words that begins on a 64-byte boundary. Hosted.
template <class Word>
class word_buffer {
 public:
    explicit word_buffer(std::size_t count) : count_(count), lines_((count + per_line - 1) / per_line) {}

    [[nodiscard]] view<Word> words() { return {lines_.empty() ? nullptr : lines_[0].words, count_}; }
    /// Word by word: what another machine sees of this state. `other` is of the same size.
    void copy_from(word_buffer& other) {
        for (std::size_t i = 0; i < count_; ++i) {
            words()[i].store(other.words()[i].load(memory_order::relaxed), memory_order::relaxed);
        }
    }
    [[nodiscard]] bool equals(word_buffer& other) {
        for (std::size_t i = 0; i < count_; ++i) {
            if (words()[i].load(memory_order::relaxed) != other.words()[i].load(memory_order::relaxed))
                return false;
        }
        return count_ == other.count_;
    }

 private:
    static constexpr std::size_t per_line = sizeof(Word) < 64 ? 64 / sizeof(Word) : 1;
    struct alignas(64) line {
        Word words[per_line]{};
    };

    std::size_t count_;
    std::vector<line> lines_;
};

}  // namespace ashlar::testing
