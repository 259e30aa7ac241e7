// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A firmware keeps spare memory back and moves a failing frame into it, while the operating system, here a
// thread, goes on using the same addresses. Every access of the system consults the table of remapped frames.
#include <ashlar/ashlar.hpp>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "check.hpp"

namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
alignas(4096) std::byte memory[16 * mebibyte];  // the whole machine
std::atomic<std::uint32_t> held[2];             // odd: the thread is inside an access
thread_local unsigned self = 0;                 // 0: the firmware, 1: the system
std::atomic<std::uint64_t> clock_ns;

struct my_platform : ashlar::platform {
    static constexpr std::uint64_t frame_bytes = 4096;
    static void* bytes_of(ashlar::frame<> f) noexcept { return memory + f.number * frame_bytes; }
    static std::uint64_t now() noexcept { return clock_ns += 1000; }
    struct cpu_guard {
        cpu_guard() noexcept { held[self].fetch_add(1); }
        ~cpu_guard() { held[self].fetch_add(1); }
    };
    /// Returns when no access that had begun is under way.
    static void quiesce() noexcept {
        const std::uint32_t seen = held[1].fetch_add(0);
        while (seen % 2 != 0 && held[1].load() == seen) std::this_thread::yield();
    }
};
using table = ashlar::remap_table<my_platform>;
using pool = ashlar::physical_memory<ashlar::zone<ashlar::counted<ashlar::radix_buddy<my_platform>>>>;
using engine = ashlar::migration<my_platform, table, pool>;

// What the firmware has: maps, spares, table, engine.
ashlar::memory_entry told_entries[8];
ashlar::memory_entry spare_entries[8];
ashlar::memory_map told{told_entries};
ashlar::memory_map spares{spare_entries};
pool spare_pool;
table remapped;
std::uint64_t book_words[256];
ashlar::spare_book book(spares, book_words);
ashlar::consulting_path<my_platform> path;
ashlar::lost_lines<my_platform> lost;
engine mover(remapped, spare_pool, path, told, book, lost);
ashlar::remapped_access<table, my_platform> system_memory(remapped, path, book, lost);

/// The operating system counts in one word, again and again; a write that traps is made again.
void run_system(std::uint64_t address, const std::atomic<bool>& stop, std::atomic<std::uint64_t>& counted) {
    self = 1;
    for (; !stop; ++counted) {
        std::byte word[8];
        const std::uint64_t next = counted + 1;
        check(system_memory.read(address, word) == ashlar::errc::ok, "reads go on");
        check(ashlar::load_little<std::uint64_t>(word, 0) == counted, "no write is lost");
        for (unsigned i = 0; i < 8; ++i) word[i] = static_cast<std::byte>(next >> (8 * i));
        while (system_memory.write(address, word) == ashlar::errc::busy) std::this_thread::yield();
    }
}

}  // namespace

int main() {
    // At start-up: the uppermost MiB becomes spares, the system is told of the rest.
    (void)told.add(0, sizeof memory, ashlar::memory_kind::usable);
    const auto carved = ashlar::carve_spares(told, spares, ashlar::spares_per_node{.ordinary = 256});
    check(carved && *carved == 256 && told.usable_frames() == 4096 - 256,
          "what is told shrinks by the spares");
    std::vector<std::byte> metadata(pool::metadata_bytes(spares, {}));
    check(spare_pool.boot(spares, {}, {metadata.data(), metadata.size()}) == ashlar::errc::ok, "a pool");
    constexpr ashlar::range<ashlar::os> usable{{0}, 4096 - 256};
    constexpr ashlar::range<> targets{{4096 - 256}, 256};
    std::vector<table::word> words(table::metadata_words(usable, targets, 256));
    check(remapped.attach(usable, targets, 256, {words.data(), words.size()}) == ashlar::errc::ok, "a table");

    constexpr ashlar::frame<> failing{0x800};
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> counted{0};
    const auto let_it_count = [&] {
        for (const std::uint64_t until = counted + 1000; counted < until;) std::this_thread::yield();
    };
    std::thread system([&] { run_system(failing.number * 4096 + 24, stop, counted); });

    let_it_count();

    // Corrected errors are reported: the third within a minute is one too many.
    ashlar::error_bucket buckets[16]{};
    ashlar::error_counter<my_platform> errors(buckets, {.errors = 3, .period = 60'000'000'000});
    while (errors.note(failing) != ashlar::error_verdict::migrate) std::this_thread::yield();
    check(mover.vacate(failing) == ashlar::errc::ok, "it moves, and the system notices nothing");
    check(remapped.translate({0x800}) == ashlar::frame<>{0xf00}, "into the lowest spare");
    check(!mover.admits({0xf00}), "which the system may not touch");

    let_it_count();
    // The spare fails too: another one, and no chain. Then in slices, as an SMI would, back after the repair.
    check(mover.vacate({0xf00}) == ashlar::errc::ok && remapped.size() == 1, "the entry is rewritten");
    check(mover.migrate(ashlar::range<ashlar::os>{{0x800}, 4}) == ashlar::errc::ok, "with its neighbours");
    check(mover.begin_restore({{0x800}, 4}) == ashlar::errc::ok, "restoring begins");
    while (*mover.step(1024) == ashlar::move_progress::more) std::this_thread::yield();
    check(mover.commit() == ashlar::errc::ok, "restored");
    check(mover.state_of({0x800}) == ashlar::origin_state::direct && remapped.size() == 0, "as it was");
    check(mover.migrate(ashlar::frame<ashlar::os>{0x800}) == ashlar::errc::ok, "it fails for good");
    let_it_count();
    stop = true;
    system.join();

    // The next boot is told of neither the frame nor the spare that failed.
    ashlar::memory_entry next_entries[8];
    ashlar::memory_map next{next_entries};
    (void)next.add(0, sizeof memory, ashlar::memory_kind::usable);
    check(ashlar::exclude_retired(mover, next) == ashlar::errc::ok && next.usable_frames() == 4094,
          "two less");
}
