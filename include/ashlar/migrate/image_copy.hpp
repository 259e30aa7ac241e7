// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/core/crc32c.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/view.hpp>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace ashlar {

/// How the bytes of an image are stored. This one: memory whose stores take effect in the order of the
/// program, once a CPU stops or is reset. What needs more (a flush of cache lines, a fence, a page of flash
/// to program) brings its own with these two members.
struct image_memory {
    /// Stores a byte.
    static constexpr void store(std::byte& place, std::byte value) noexcept {
        // Volatile: the compiler neither leaves out nor swaps stores whose order is what survives a crash.
        if (std::is_constant_evaluated()) {
            place = value;
        } else {
            *const_cast<volatile std::byte*>(&place) = value;
        }
    }
    /// Returns when what was stored in these bytes will survive whatever happens.
    static constexpr void barrier(bytes) noexcept {}
};

namespace detail {

/// One of the two copies of a remap image. A view.
///
/// | offset | bytes | what, little-endian |
/// |---|---|---|
/// | 0 | 8 | "AshRemap"; the first byte is the last one that is stored |
/// | 8 | 4 | CRC-32C of all from offset 12 to the last entry |
/// | 12 | 4 | version, 1 |
/// | 16 | 8 | generation |
/// | 24 | 8 | number of entries |
/// | 32 | 16 each | origin, target: frame numbers |
class image_copy {
 public:
    static constexpr std::size_t header_bytes = 32;
    static constexpr std::size_t entry_bytes = 16;

    constexpr image_copy() noexcept = default;
    constexpr explicit image_copy(bytes all) noexcept : all_(all) {
        if (!holds(all, 0, header_bytes)) return;
        for (std::size_t i = 0; i < 8; ++i) {
            if (all[i] != magic(i)) return;
        }
        const auto count = load_little<std::uint64_t>(all, 24);
        if (load_little<std::uint32_t>(all, 12) != version) return;
        if (count > (all.size() - header_bytes) / entry_bytes) return;
        const std::size_t end = header_bytes + static_cast<std::size_t>(count) * entry_bytes;
        crc32c sum;
        for (std::size_t i = 12; i < end; ++i) sum.add(all[i]);
        if (load_little<std::uint32_t>(all, 8) != sum.value()) return;
        generation_ = load_little<std::uint64_t>(all, 16);
        count_ = static_cast<std::size_t>(count);
        is_whole_ = true;
    }

    /// True for a copy that was written to its end. The others answer 0.
    [[nodiscard]] constexpr bool is_whole() const noexcept { return is_whole_; }
    [[nodiscard]] constexpr std::uint64_t generation() const noexcept { return generation_; }
    [[nodiscard]] constexpr std::size_t count() const noexcept { return count_; }
    [[nodiscard]] constexpr frame<os> origin(std::size_t index) const noexcept {
        return {load_little<std::uint64_t>(all_, header_bytes + index * entry_bytes)};
    }
    [[nodiscard]] constexpr frame<machine> target(std::size_t index) const noexcept {
        return {load_little<std::uint64_t>(all_, header_bytes + index * entry_bytes + 8)};
    }
    /// Of two whole copies the one written later; generations may come round.
    [[nodiscard]] constexpr bool is_newer_than(const image_copy& other) const noexcept {
        return generation_ - other.generation_ - 1 < ~std::uint64_t{0} / 2;
    }

    static constexpr std::uint32_t version = 1;
    [[nodiscard]] static constexpr std::byte magic(std::size_t index) noexcept {
        constexpr char text[] = "AshRemap";
        return static_cast<std::byte>(text[index]);
    }

 private:
    bytes all_;
    std::uint64_t generation_ = 0;
    std::size_t count_ = 0;
    bool is_whole_ = false;
};

/// Writes a copy: `begin`, each entry, `commit`. Until the last store of `commit` it is no whole copy.
template <class Medium>
class image_writer {
 public:
    constexpr image_writer(view<std::byte> all, std::uint64_t generation, std::uint64_t count) noexcept
        : all_(all) {
        Medium::store(all_[0], std::byte{0});
        Medium::barrier(all_.subview(0, 1));
        at_ = 12;
        put(image_copy::version, 4);
        put(generation, 8);
        put(count, 8);
    }
    constexpr void entry(frame<os> origin, frame<machine> target) noexcept {
        put(origin.number, 8);
        put(target.number, 8);
    }
    constexpr void commit() noexcept {
        const std::size_t end = at_;
        at_ = 8;
        put(sum_.value(), 4);
        for (std::size_t i = 1; i < 8; ++i) Medium::store(all_[i], image_copy::magic(i));
        Medium::barrier(all_.subview(0, end));
        Medium::store(all_[0], image_copy::magic(0));
        Medium::barrier(all_.subview(0, 1));
    }

 private:
    constexpr void put(std::uint64_t value, std::size_t count) noexcept {
        for (std::size_t i = 0; i < count; ++i) {
            const auto next = static_cast<std::byte>(value >> (8 * i));
            sum_.add(next);
            Medium::store(all_[at_++], next);
        }
    }

    view<std::byte> all_;
    std::size_t at_ = 0;
    crc32c sum_;
};

}  // namespace detail

}  // namespace ashlar
