// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/source.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <cstdint>
#include <utility>
#include <vector>

namespace ashlar {

using defect_reports = std::vector<std::pair<errc, std::uint64_t>>;

/// Three CPUs; the test says which one is running, how deep in guards, and hears of defects.
struct three_cpus : platform {
    static inline thread_local cpu_id cpu = 0;
    static inline int depth = 0;
    static inline defect_reports defects{};
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
    static void defect(errc what, std::uint64_t where) noexcept { defects.emplace_back(what, where); }
};

/// A source of these CPUs with all of a range online.
template <class Source>
struct attached_to {
    explicit attached_to(range<> where) : storage(Source::metadata_words(where)) {
        three_cpus::cpu = 0;
        three_cpus::defects.clear();
        REQUIRE(memory.attach(where, storage.words(), start::fresh) == errc::ok);
        REQUIRE(memory.online(where) == errc::ok);
    }
    ~attached_to() {
        CHECK(three_cpus::depth == 0);
        three_cpus::cpu = 0;
    }
    attached_to(const attached_to&) = delete;
    attached_to& operator=(const attached_to&) = delete;

    testing::word_buffer<typename Source::word> storage;
    Source memory;
};

}  // namespace ashlar
