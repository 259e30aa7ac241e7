// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <cstdint>

#include "source/three_cpus.hpp"

// What tests of `cpu_rows` share.
namespace ashlar {

inline constexpr range<> frames{{0x1000}, 0x2000};
inline constexpr std::uint64_t row_size = 64;
inline constexpr std::uint64_t line_size = 512;

inline constexpr rows_shape always{.frames_per_cpu = 1};
inline constexpr rows_shape shared_slots{.contract = slot_contract::shared, .frames_per_cpu = 1};
using exclusive_rows = cpu_rows<radix_buddy<three_cpus>, always>;
using shared_rows = cpu_rows<radix_buddy<three_cpus>, shared_slots>;

template <class Source>
struct attached : attached_to<Source> {
    explicit attached(range<> where = frames) : attached_to<Source>(where) {}
    ~attached() {
        for (const auto& report : three_cpus::defects) CHECK(report.first == errc::double_free);
    }
};

/// Large enough for windows of four lines.
inline constexpr range<> many{{0x40000}, 0x40000};
template <class Source>
struct attached_many : attached<Source> {
    attached_many() : attached<Source>(many) {}
};

}  // namespace ashlar
