// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ashlar::testing {

/// Which words several programs use and one of them writes: those alone tell schedules apart. Found out on
/// the way; who finds one more begins anew, and so nothing is missed.
class word_uses {
 public:
    explicit word_uses(std::size_t bytes) : uses_(bytes) {}

    /// Notes an access to the word at an offset; true if that makes it a shared one.
    bool note(std::size_t offset, std::size_t bytes, std::size_t program, bool writes) {
        use& seen = uses_[offset];
        const std::uint32_t users = seen.users | std::uint32_t{1} << program;
        const bool written = seen.written || writes;
        if (users == seen.users && written == seen.written) return false;
        const bool was_shared = is_shared(offset);
        seen.users = users;
        seen.written = written;
        if (was_shared || !is_shared(offset)) return false;
        seen.index = static_cast<std::uint32_t>(shared_.size());
        shared_.push_back({offset, bytes});
        return true;
    }
    [[nodiscard]] bool is_shared(std::size_t offset) const {
        const use& seen = uses_[offset];
        return seen.written && (seen.users & (seen.users - 1)) != 0;
    }
    /// The number of a shared word.
    [[nodiscard]] std::size_t index_of(std::size_t offset) const { return uses_[offset].index; }
    /// A word that several programs use.
    struct word {
        std::size_t offset = 0;
        std::size_t bytes = 0;
    };
    /// The shared words, by number.
    [[nodiscard]] const std::vector<word>& shared() const { return shared_; }

 private:
    struct use {
        std::uint32_t users = 0;
        std::uint32_t index = 0;
        bool written = false;
    };
    std::vector<use> uses_;
    std::vector<word> shared_;
};

}  // namespace ashlar::testing
