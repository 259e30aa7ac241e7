// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>

#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <vector>

// What tests of `cpu_rows` share.
namespace ashlar {

inline constexpr range<> frames{{0x1000}, 0x2000};
inline constexpr std::uint64_t row_size = 64;
inline constexpr std::uint64_t line_size = 512;

/// Three CPUs; the test says which one is running, how deep in guards, and hears of defects.
struct three_cpus : platform {
    static inline thread_local cpu_id cpu = 0;
    static inline int depth = 0;
    static inline std::vector<std::uint64_t> defects{};
    struct cpu_guard {
        cpu_guard() noexcept { ++depth; }
        ~cpu_guard() { --depth; }
        cpu_guard(const cpu_guard&) = delete;
        cpu_guard& operator=(const cpu_guard&) = delete;
    };
    [[nodiscard]] static cpu_id this_cpu() noexcept {
        CHECK(depth == 1);
        return cpu;
    }
    [[nodiscard]] static constexpr cpu_id max_cpus() noexcept { return 3; }
    static void defect(errc what, std::uint64_t where) noexcept {
        CHECK(what == errc::double_free);
        defects.push_back(where);
    }
};
inline constexpr rows_shape always{.frames_per_cpu = 1};
inline constexpr rows_shape shared_slots{.contract = slot_contract::shared, .frames_per_cpu = 1};
using exclusive_rows = cpu_rows<radix_buddy<three_cpus>, always>;
using shared_rows = cpu_rows<radix_buddy<three_cpus>, shared_slots>;

template <class Source>
struct attached {
    explicit attached(range<> where = frames) : storage(Source::metadata_words(where)) {
        three_cpus::cpu = 0;
        three_cpus::defects.clear();
        REQUIRE(memory.attach(where, storage.words(), start::fresh) == errc::ok);
        REQUIRE(memory.online(where) == errc::ok);
    }
    ~attached() { CHECK(three_cpus::depth == 0); }
    attached(const attached&) = delete;
    attached& operator=(const attached&) = delete;
    testing::word_buffer<typename Source::word> storage;
    Source memory;
};

/// Large enough for windows of four lines.
inline constexpr range<> many{{0x40000}, 0x40000};
template <class Source>
struct attached_many : attached<Source> {
    attached_many() : attached<Source>(many) {}
};

}  // namespace ashlar
