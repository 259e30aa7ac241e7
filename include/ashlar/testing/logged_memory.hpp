// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/view.hpp>
#include <ashlar/testing/fingerprint.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace ashlar::testing {

/// Memory whose writes can be taken back, and whose fingerprint is kept up to date write by write.
class logged_memory {
 public:
    explicit logged_memory(view<std::byte> bytes) : bytes_(bytes) {}

    /// A word of 1, 2, 4 or 8 bytes.
    [[nodiscard]] static std::uint64_t read(const void* word, std::size_t bytes) {
        switch (bytes) {
            case 1:
                return read_as<std::uint8_t>(word);
            case 2:
                return read_as<std::uint16_t>(word);
            case 4:
                return read_as<std::uint32_t>(word);
            default:
                return read_as<std::uint64_t>(word);
        }
    }
    [[nodiscard]] std::uint64_t read_at(std::size_t at, std::size_t bytes) const {
        return read(bytes_.data() + at, bytes);
    }
    void write(const void* word, std::size_t bytes, std::uint64_t value) {
        const std::size_t at = offset_of(word);
        const std::uint64_t old = read(word, bytes);
        if (old == value) return;
        log_.push_back({old, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(bytes)});
        change(at, bytes, old, value);
    }

    [[nodiscard]] std::size_t offset_of(const void* word) const {
        return static_cast<std::size_t>(static_cast<const std::byte*>(word) - bytes_.data());
    }
    /// How many writes there are to take back.
    [[nodiscard]] std::size_t writes() const { return log_.size(); }
    void rewind(std::size_t writes) {
        for (; log_.size() > writes; log_.pop_back()) {
            const entry& last = log_.back();
            change(last.at, last.bytes, read_at(last.at, last.bytes), last.old);
        }
    }
    /// Of what was written.
    [[nodiscard]] const fingerprint& print() const { return print_; }

    /// For whoever changes the memory past the log, and back.
    [[nodiscard]] std::vector<std::byte> copy() const { return {bytes_.begin(), bytes_.end()}; }
    void poke_at(std::size_t at, std::size_t bytes, std::uint64_t value) {
        std::byte* const word = bytes_.data() + at;
        switch (bytes) {
            case 1:
                return write_as<std::uint8_t>(word, value);
            case 2:
                return write_as<std::uint16_t>(word, value);
            case 4:
                return write_as<std::uint32_t>(word, value);
            default:
                return write_as<std::uint64_t>(word, value);
        }
    }
    void overwrite(const std::vector<std::byte>& with) {
        std::memcpy(bytes_.data(), with.data(), with.size());
    }

 private:
    struct entry {
        std::uint64_t old = 0;
        std::uint32_t at = 0;
        std::uint32_t bytes = 0;
    };
    template <class T>
    [[nodiscard]] static std::uint64_t read_as(const void* word) {
        T value = 0;
        std::memcpy(&value, word, sizeof value);
        return value;
    }
    template <class T>
    static void write_as(void* word, std::uint64_t value) {
        const auto narrow = static_cast<T>(value);
        std::memcpy(word, &narrow, sizeof narrow);
    }
    void change(std::size_t at, std::size_t bytes, std::uint64_t from, std::uint64_t to) {
        print_.minus(print_of(at, from));
        print_.plus(print_of(at, to));
        poke_at(at, bytes, to);
    }
    [[nodiscard]] static fingerprint print_of(std::size_t at, std::uint64_t value) {
        fingerprint one;
        one.add(at);
        one.add(value);
        return one;
    }

    view<std::byte> bytes_;
    std::vector<entry> log_;
    fingerprint print_;
};

}  // namespace ashlar::testing
