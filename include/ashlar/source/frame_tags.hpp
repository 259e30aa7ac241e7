// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// What a list buddy knows of one frame, in a byte. Values from `head` on are the first frame of a free block
/// and carry its order in the low bits.
enum frame_tag : std::uint32_t {
    tag_absent = 0,   ///< never online
    tag_revoked = 1,  ///< was online and is gone
    tag_used = 2,     ///< online and handed out
    tag_inner = 3,    ///< free, in a block that begins at a lower frame
    tag_head = 0x80,  ///< free, first of its block
};

[[nodiscard]] constexpr std::uint32_t head_tag(unsigned order) noexcept {
    return tag_head | order;
}
[[nodiscard]] constexpr bool is_head(std::uint32_t tag) noexcept {
    return (tag & tag_head) != 0;
}
[[nodiscard]] constexpr unsigned order_of_head(std::uint32_t tag) noexcept {
    return tag & 0x1f;
}
[[nodiscard]] constexpr bool is_free_tag(std::uint32_t tag) noexcept {
    return tag >= tag_inner;
}
[[nodiscard]] constexpr bool is_online_tag(std::uint32_t tag) noexcept {
    return tag >= tag_used;
}

/// An array of byte tags packed four to a word (byte-wide atomics are calls on some targets). One writer at a
/// time; a reader beside it sees each tag as it was or as it becomes. `get`, `set` constant; the others a
/// step per word.
template <class Word>
class frame_tags {
 public:
    static constexpr std::size_t per_word = 4;

    constexpr frame_tags() noexcept = default;
    constexpr explicit frame_tags(Word* words) noexcept : words_(words) {}

    [[nodiscard]] constexpr std::uint32_t get(std::size_t index) const noexcept {
        return load(index / per_word) >> shift(index) & 0xff;
    }
    constexpr void set(std::size_t index, std::uint32_t tag) noexcept {
        const std::uint32_t others = load(index / per_word) & ~(std::uint32_t{0xff} << shift(index));
        words_[index / per_word].store(others | tag << shift(index), memory_order::relaxed);
    }
    constexpr void fill(std::size_t index, std::size_t end, std::uint32_t tag) noexcept {
        for (; index < end && index % per_word != 0; ++index) set(index, tag);
        for (; end - index >= per_word && index < end; index += per_word) {
            words_[index / per_word].store(repeat(tag), memory_order::relaxed);
        }
        for (; index < end; ++index) set(index, tag);
    }
    /// The first index in [index, end) whose tag differs; `end` where none does.
    [[nodiscard]] constexpr std::size_t first_other(std::size_t index, std::size_t end,
                                                    std::uint32_t tag) const noexcept {
        while (index < end) {
            if (index % per_word == 0 && end - index >= per_word && load(index / per_word) == repeat(tag)) {
                index += per_word;
            } else if (get(index) == tag) {
                ++index;
            } else {
                break;
            }
        }
        return index;
    }
    /// The first head in [index, end); `end` where there is none.
    [[nodiscard]] constexpr std::size_t next_head(std::size_t index, std::size_t end) const noexcept {
        while (index < end) {
            if (index % per_word == 0 && (load(index / per_word) & repeat(tag_head)) == 0) {
                index += per_word;
            } else if (!is_head(get(index))) {
                ++index;
            } else {
                return index;
            }
        }
        return end;
    }

 private:
    [[nodiscard]] constexpr std::uint32_t load(std::size_t word) const noexcept {
        return words_[word].load(memory_order::relaxed);
    }
    [[nodiscard]] static constexpr unsigned shift(std::size_t index) noexcept {
        return static_cast<unsigned>(index % per_word) * 8;
    }
    [[nodiscard]] static constexpr std::uint32_t repeat(std::uint32_t tag) noexcept {
        return tag * 0x0101'0101u;
    }

    Word* words_ = nullptr;
};

}  // namespace ashlar::detail
