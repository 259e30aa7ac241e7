// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/remote/p2m_walk.hpp>
#include <cstdint>
#include <string>

namespace remote_tests {

using namespace ashlar;

/// Walks through memory that holds anything, and says what is wrong with how it was done; null if nothing.
/// `word(address)` is what is there.
template <class Format, class Word>
[[nodiscard]] const char* judge_walk(const p2m_table& table, view<const byte_range<peer>> declared,
                                     byte_address<guest> at, Word&& word) {
    unsigned reads = 0;
    bool is_outside = false;
    bool is_odd = false;
    const auto found = walk_p2m<Format>(table, declared, at, [&](byte_address<peer> entry) {
        ++reads;
        is_outside = is_outside || !declares(declared, entry, 8);
        is_odd = is_odd || entry.value % 8 != 0;
        return result<std::uint64_t>(word(entry.value));
    });
    if (reads > Format::levels) return "too many reads";
    if (is_outside) return "a read outside of the declared memory";
    if (is_odd) return "a read that is not aligned";
    if (!found) {
        const bool is_typed = found.error() == errc::unmapped || found.error() == errc::corrupt;
        return is_typed ? nullptr : "an error that it cannot have";
    }
    if (found->entry != word(found->entry_at.value)) return "another entry than was read";
    if (!found->is_mapped)
        return Format::is_valid(found->entry, found->level) ? "a valid entry is not" : nullptr;
    if (!declares(declared, found->at, found->bytes)) return "memory that is not declared";
    constexpr std::uint64_t page = std::uint64_t{1} << Format::page_shift;
    return found->at.offset_in(page) == at.offset_in(page) ? nullptr : "another byte of the page";
}

}  // namespace remote_tests
