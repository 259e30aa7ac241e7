// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace ashlar::testing {

/// 120 bits that stand for a state: two of 10^8 states have the same with a probability below 10^-20.
struct fingerprint {
    std::uint64_t a = 0x9e3779b97f4a7c15;
    std::uint64_t b = 0xc2b2ae3d27d4eb4f;

    constexpr void add(std::uint64_t value) noexcept {
        a = (a ^ value) * 0xff51afd7ed558ccd;
        a ^= a >> 32;
        b = std::rotl(b + value, 29) * 0x9fb21c651e98df25;
        b ^= b >> 29;
    }
    /// Bytes, their number not included.
    void add(const std::byte* bytes, std::size_t count) noexcept {
        std::uint64_t lanes[4] = {a, b, 0x165667b19e3779f9, 0x27d4eb2f165667c5};
        for (; count >= 32; bytes += 32, count -= 32) {
            for (std::size_t i = 0; i < 4; ++i) {
                std::uint64_t word = 0;
                std::memcpy(&word, bytes + 8 * i, 8);
                lanes[i] = std::rotl(lanes[i] + word * 0xc2b2ae3d27d4eb4f, 31) * 0x9e3779b185ebca87;
            }
        }
        for (const std::uint64_t lane : lanes) add(lane);
        std::uint64_t word = 0;
        for (; count >= 8; bytes += 8, count -= 8) {
            std::memcpy(&word, bytes, 8);
            add(word);
        }
        word = 0;
        std::memcpy(&word, bytes, count);
        add(word);
    }
    /// So that a sum tells what was added, in any order.
    constexpr void plus(const fingerprint& other) noexcept {
        a += other.a;
        b += other.b;
    }
    constexpr void minus(const fingerprint& other) noexcept {
        a -= other.a;
        b -= other.b;
    }
};

/// Fingerprints seen, each with a byte. Open addressing: 16 bytes an entry.
class fingerprint_set {
    struct entry {
        std::uint64_t a = 0;
        std::uint64_t b_and_byte = 0;
    };

 public:
    /// The byte of a state, and whether the state is new. Valid until the next call.
    struct place {
        std::uint64_t& word;
        bool is_new;

        [[nodiscard]] std::uint8_t byte() const noexcept { return static_cast<std::uint8_t>(word); }
        void set_byte(std::uint8_t to) const noexcept { word = (word & ~std::uint64_t{0xff}) | to; }
    };
    place find(const fingerprint& of) {
        if (4 * count_ >= 3 * entries_.size()) grow();
        const std::uint64_t b = of.b << 8 | std::uint64_t{1} << 63;
        entry& found = slot(of.a, b);
        const bool is_new = found.b_and_byte == 0;
        if (is_new) {
            found = {of.a, b};
            ++count_;
        }
        return {found.b_and_byte, is_new};
    }
    void clear() {
        entries_.clear();
        count_ = 0;
    }

 private:
    /// Where the entry is, or belongs. The top bit of `b` marks an entry that is in use.
    [[nodiscard]] entry& slot(std::uint64_t a, std::uint64_t b) {
        const std::size_t mask = entries_.size() - 1;
        std::size_t at = static_cast<std::size_t>(a) & mask;
        while (entries_[at].b_and_byte != 0 &&
               (entries_[at].a != a || ((entries_[at].b_and_byte ^ b) & ~std::uint64_t{0xff}) != 0)) {
            at = (at + 1) & mask;
        }
        return entries_[at];
    }
    void grow() {
        std::vector<entry> old(entries_.empty() ? std::size_t{1024} : 2 * entries_.size());
        old.swap(entries_);
        for (const entry& each : old) {
            if (each.b_and_byte != 0) slot(each.a, each.b_and_byte) = each;
        }
    }

    std::vector<entry> entries_;
    std::size_t count_ = 0;
};

}  // namespace ashlar::testing
