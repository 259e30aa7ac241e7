// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>

#include <ashlar/core/frame.hpp>
#include <ashlar/linux_backend/memory_file.hpp>
#include <ashlar/linux_backend/memory_files.hpp>
#include <ashlar/linux_backend/process_mapping.hpp>
#include <cstddef>
#include <cstdint>

/// A machine of three DIMMs with `frames` frames each: DIMM d begins at frame d * 0x10000.
struct three_dimms {
    static constexpr std::size_t count = 3;
    std::uint64_t frames;
    ashlar::memory_file dimm[count];

    explicit three_dimms(std::uint64_t frames_of_each) : frames(frames_of_each) {
        for (std::uint64_t d = 0; d < count; ++d) {
            REQUIRE(dimm[d].create("ashlar DIMM", {at(d, 0), frames}) == ashlar::errc::ok);
        }
    }
    [[nodiscard]] static constexpr ashlar::frame<> at(std::uint64_t d, std::uint64_t index) {
        return {(d + 1) * 0x10000 + index};
    }
    [[nodiscard]] ashlar::memory_files files() { return {dimm}; }

    /// All of DIMM 0, page i at its frame i.
    void fill(ashlar::process_mapping& memory, unsigned order = 0) {
        REQUIRE(memory.reserve(files(), frames, order) == ashlar::errc::ok);
        for (std::uint64_t page = 0; page < frames; page += std::uint64_t{1} << order) {
            REQUIRE(memory.assign(page, at(0, page)) == ashlar::errc::ok);
        }
    }
    /// Moves every block of the stretch to DIMM d, at the place that it has in its own.
    template <class Mover>
    void move_all(ashlar::process_mapping& memory, Mover& mover, std::uint64_t d) {
        for (std::uint64_t page = 0; page < frames; page += std::uint64_t{1} << memory.order()) {
            const auto from = memory.frame_of(page);
            REQUIRE(from);
            const ashlar::errc done = mover.move(*from, at(d, page), memory.order());
            if (done != ashlar::errc::ok) FAIL("page " << page << ": " << ashlar::to_string(done));
        }
    }
};
