// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/frame.hpp>
#include <ashlar/core/view.hpp>
#include <bit>
#include <concepts>
#include <cstdint>

namespace ashlar {

/// Takes frames of a failure set and does nothing with them.
struct ignore_frames {
    constexpr void operator()(range<>) const noexcept {}
};

/// Which frames fail together: `set(address, sink)` calls `sink(range<>)` for the frames that share what
/// failed with a physical address, ascending, disjoint, the address's own frame among them. A row, a bank, a
/// DIMM: the user's knowledge of the machine. Pure.
template <class S>
concept failure_set = requires(const S set, std::uint64_t address, ignore_frames sink) {
    set(address, sink);
};

/// Every frame fails alone.
struct frame_alone {
    unsigned page_shift = 12;

    template <class Sink>
    constexpr void operator()(std::uint64_t address, Sink&& sink) const noexcept {
        sink(range<>{{address >> page_shift}, 1});
    }
};

/// How a memory controller takes an address apart: bit i of the bank (and channel, rank) is the parity of the
/// address's bits in `bank_masks[i]`, the row is the bits of `row_mask` as they are. Controllers differ, and
/// some say so in registers; they can be measured (Pessl et al., DRAMA, USENIX Security 2016).
struct dram_decode {
    std::uint64_t row_mask = 0;
    view<const std::uint64_t> bank_masks{};
    std::uint64_t address_mask = 0;  ///< the bits that choose within the controller's memory
    std::uint64_t line_bytes = 64;   ///< no smaller difference of addresses changes the bank

    [[nodiscard]] constexpr std::uint64_t bank_of(std::uint64_t address) const noexcept {
        std::uint64_t bank = 0;
        for (std::size_t i = 0; i < bank_masks.size(); ++i) {
            const auto ones = static_cast<unsigned>(std::popcount(address & bank_masks[i]));
            bank |= std::uint64_t{ones % 2} << i;
        }
        return bank;
    }
    [[nodiscard]] constexpr std::uint64_t row_of(std::uint64_t address) const noexcept {
        return address & row_mask;
    }
};

/// The frames that have a line in the same row of the same bank as an address (a failing word line), or
/// anywhere in the same bank. An example of a `failure_set`.
///
/// - Complexity: the lines of all frames that agree in the row's bits: a few dozen frames for a row, all
///   memory of the controller for a bank.
/// - Context: any.
///
/// ```
/// // 4 GiB: rows by bits 17 to 31; three bits of the bank, each with one of the row's
/// constexpr std::uint64_t banks[] = {0x0002'2000, 0x0004'4000, 0x0008'8000};
/// constexpr ashlar::dram_failures row{
///     {.row_mask = 0xfffe'0000, .bank_masks = banks, .address_mask = 0xffff'ffff}};
/// row(0x1234'5678, watch);      // 0x12344, 0x12345, 0x12354, 0x12355
/// ```
struct dram_failures {
    dram_decode decode{};
    bool whole_bank = false;
    unsigned page_shift = 12;

    template <class Sink>
    constexpr void operator()(std::uint64_t address, Sink&& sink) const noexcept {
        const std::uint64_t page = (std::uint64_t{1} << page_shift) - 1;
        const std::uint64_t row = whole_bank ? 0 : decode.row_mask;
        // Every choice of the bits that may differ, ascending.
        const std::uint64_t open = decode.address_mask & ~row & ~page;
        const std::uint64_t fixed = address & ~open & ~page;
        range<> run{};
        for (std::uint64_t choice = 0;;) {
            const std::uint64_t begin = fixed | choice;
            if (shares_bank(begin, page, address, row)) {
                const frame<> f{begin >> page_shift};
                if (!run.empty() && run.end() == f) {
                    ++run.count;
                } else {
                    if (!run.empty()) sink(run);
                    run = {f, 1};
                }
            }
            choice = (choice - open) & open;
            if (choice == 0) break;
        }
        if (!run.empty()) sink(run);
    }

 private:
    /// A line of the page is in the bank, and in the row as far as that is told by bits inside the page.
    [[nodiscard]] constexpr bool shares_bank(std::uint64_t begin, std::uint64_t page, std::uint64_t address,
                                             std::uint64_t row) const noexcept {
        const std::uint64_t bank = decode.bank_of(address);
        for (std::uint64_t offset = 0; offset <= page; offset += decode.line_bytes) {
            const std::uint64_t line = begin | offset;
            if (decode.bank_of(line) == bank && ((line ^ address) & row) == 0) return true;
        }
        return false;
    }
};
static_assert(failure_set<frame_alone> && failure_set<dram_failures>);

}  // namespace ashlar
