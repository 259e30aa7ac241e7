// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>

#include <ashlar/layer/counted.hpp>
#include <ashlar/linux_backend/memory_files.hpp>
#include <ashlar/migrate/migration.hpp>
#include <ashlar/migrate/remap_table.hpp>
#include <ashlar/migrate/spares.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/zone/physical_memory.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "linux_backend/dimms.hpp"

/// Frames are pages of files, and those who access them say so: a guard is a word of the thread that is odd
/// inside.
struct file_platform : ashlar::platform {
    static constexpr std::uint64_t frame_bytes = 4096;
    static inline ashlar::memory_files memory{};

    [[nodiscard]] static void* bytes_of(ashlar::frame<> f) noexcept { return memory.bytes_of(f); }

    struct cpu_guard {
        cpu_guard() noexcept { inside[mine].fetch_add(1); }
        ~cpu_guard() { inside[mine].fetch_add(1); }
        cpu_guard(const cpu_guard&) = delete;
        cpu_guard& operator=(const cpu_guard&) = delete;
    };
    static void quiesce() noexcept {
        for (const auto& one : inside) {
            const std::uint64_t then = one.load();
            while (then % 2 != 0 && one.load() == then) std::this_thread::yield();
        }
    }
    static inline std::atomic<std::uint64_t> inside[4]{};
    static inline thread_local unsigned mine = 0;  ///< each thread's own
};

/// A firmware: DIMM 0 is the operating system's, DIMMs 1 and 2 are spares, and frames migrate by `Path`.
template <class Path, class Protection = ashlar::trap_and_retry>
struct firmware {
    using table_type = ashlar::remap_table<file_platform>;
    using pool_type =
        ashlar::physical_memory<ashlar::zone<ashlar::counted<ashlar::radix_buddy<file_platform>>>>;
    using engine =
        ashlar::migration<file_platform, table_type, pool_type, Protection, Path, ashlar::memory_file_copy>;

    ashlar::memory_entry told_entries[16];
    ashlar::memory_entry spare_entries[16];
    ashlar::memory_map told{told_entries};
    ashlar::memory_map spares{spare_entries};
    ashlar::topology nodes;
    std::vector<std::byte> metadata;
    pool_type pool;
    std::vector<typename table_type::word> table_words;
    table_type table;
    std::vector<std::uint64_t> book_words;
    ashlar::spare_book book;
    std::vector<ashlar::lost_lines<file_platform>::entry> lost_entries{4};
    ashlar::lost_lines<file_platform> lost;
    engine mover;

    firmware(three_dimms& machine, Path& path)
        : book_words(2 * machine.frames),
          book(spares, {book_words.data(), book_words.size()}),
          lost({lost_entries.data(), lost_entries.size()}),
          mover(table, pool, path, told, book, lost, {}, {machine.files()}) {
        file_platform::memory = machine.files();
        for (std::uint64_t d = 0; d < three_dimms::count; ++d) {
            const std::uint64_t begin = machine.at(d, 0).number * 4096;
            REQUIRE(told.add(begin, begin + machine.frames * 4096, ashlar::memory_kind::usable) ==
                    ashlar::errc::ok);
        }
        const auto carved =
            ashlar::carve_spares(told, spares, ashlar::spares_per_node{.ordinary = 2 * machine.frames});
        REQUIRE(carved.has_value());
        metadata.resize(pool_type::metadata_bytes(spares, nodes));
        REQUIRE(pool.boot(spares, nodes, {metadata.data(), metadata.size()}) == ashlar::errc::ok);
        const ashlar::range<ashlar::os> origins{{machine.at(0, 0).number}, machine.frames};
        const auto targets = ashlar::range<>::between(machine.at(1, 0), machine.at(2, machine.frames));
        table_words = std::vector<typename table_type::word>(
            table_type::metadata_words(origins, targets, machine.frames));
        REQUIRE(table.attach(origins, targets, machine.frames, {table_words.data(), table_words.size()}) ==
                ashlar::errc::ok);
    }
    /// A run of `pages` after the other, from page 0 of DIMM 0 on, to spares.
    void migrate_all(three_dimms& machine, std::uint64_t pages, ashlar::move_options options = {}) {
        for (std::uint64_t i = 0; i < machine.frames; i += pages) {
            const ashlar::errc done = mover.migrate({{machine.at(0, i).number}, pages}, options);
            if (done != ashlar::errc::ok) FAIL("frame " << i << ": " << ashlar::to_string(done));
        }
    }
};
