// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/remote/register_access.hpp>
#include <cstdint>

namespace ashlar::detail {

/// How a program of registers writes what has to be seen written: each register is read back, or, in a group
/// of writes to one device, only the last one. Writes to a device stay in order, and a read comes behind
/// them, so when the last one is seen all have arrived. Plain state of one caller. O(1). Any context.
class gathered_writes {
 public:
    /// `ok`: seen there, or in a group, written. `revoked`: nothing answers; `corrupt`: it reads otherwise.
    template <register_access Registers>
    constexpr errc put32(Registers& registers, std::uint64_t offset, std::uint32_t value) noexcept {
        registers.write32(offset, value);
        if (!open_) return expect(registers.read32(offset), value);
        note(offset, value, false);
        return errc::ok;
    }
    template <register_access Registers>
    constexpr errc put64(Registers& registers, std::uint64_t offset, std::uint64_t value) noexcept {
        registers.write64(offset, value);
        if (!open_) return expect(registers.read64(offset), value);
        note(offset, value, true);
        return errc::ok;
    }
    constexpr errc begin() noexcept {
        open_ = true;
        written_ = false;
        return errc::ok;
    }
    template <register_access Registers>
    constexpr errc end(Registers& registers) noexcept {
        open_ = false;
        if (!written_) return errc::ok;
        if (wide_) return expect(registers.read64(offset_), value_);
        return expect(registers.read32(offset_), static_cast<std::uint32_t>(value_));
    }

 private:
    constexpr void note(std::uint64_t offset, std::uint64_t value, bool wide) noexcept {
        offset_ = offset;
        value_ = value;
        wide_ = wide;
        written_ = true;
    }

    std::uint64_t offset_ = 0;
    std::uint64_t value_ = 0;
    bool wide_ = false;
    bool written_ = false;
    bool open_ = false;
};

}  // namespace ashlar::detail
