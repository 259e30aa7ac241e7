// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>

namespace ashlar::detail {

/// Says whether a scan that found nothing can be believed. Free memory is out of sight while a thread moves
/// it between levels (split, merge, a take of several words, a put-back): the word counts such moves,
/// {completed, in flight}. Also counted as completed: a word of whole lines becoming all free.
///
/// Writers: whoever moves (read-modify-writes, acq_rel, the first before its first store, the last after its
/// last). Readers: a scan reads it before and after. Equal and none in flight: no move overlapped the scan.
/// The count of completed moves wraps (48 bits; 20 bits with 32-bit words): a scan must not be overtaken by
/// that many.
template <class Word>
class transit {
    using value = typename Word::value_type;
    static constexpr unsigned flight_bits = sizeof(value) == 8 ? 16 : 12;
    static constexpr value one_completed = value{1} << flight_bits;

 public:
    static constexpr void begin(Word& word) noexcept { word.fetch_add(1, memory_order::acq_rel); }
    static constexpr void end(Word& word) noexcept {
        word.fetch_add(static_cast<value>(one_completed - 1), memory_order::acq_rel);
    }
    /// A move that is over in one store.
    static constexpr void note(Word& word) noexcept { word.fetch_add(one_completed, memory_order::acq_rel); }
    [[nodiscard]] static constexpr value read(const Word& word) noexcept {
        return word.load(memory_order::seq_cst);
    }
    [[nodiscard]] static constexpr bool quiet(value seen) noexcept {
        return (seen & (one_completed - 1)) == 0;
    }
};

}  // namespace ashlar::detail
