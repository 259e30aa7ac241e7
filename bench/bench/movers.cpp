// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What moving frames costs beside their copies: a range that is emptied, a tenant that goes into mirrored
// memory and back, and, as the limit, the same frames copied by memcpy. A bank of 1 GiB, so that what is
// copied is in no cache.
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/topology.hpp>
#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/migrate/copy_mover.hpp>
#include <ashlar/migrate/evacuation.hpp>
#include <ashlar/migrate/frame_copy.hpp>
#include <ashlar/migrate/promotion.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/zone/physical_memory.hpp>
#include <ashlar/zone/tenant.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

#include "bench/workloads.hpp"

namespace bench {
namespace {

constexpr std::uint64_t bank_frames = std::uint64_t{1} << 18;
constexpr std::uint64_t range_frames = bank_frames / 16;

/// Frames with bytes behind them.
struct bank : ashlar::platform {
    static constexpr std::uint64_t frame_bytes = 4096;
    [[nodiscard]] static void* bytes_of(ashlar::frame<> f) noexcept {
        static std::byte* const memory = [] {
            void* const at = mmap(nullptr, bank_frames * frame_bytes, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE, -1, 0);
            return at == MAP_FAILED ? nullptr : static_cast<std::byte*>(at);
        }();
        return memory + f.number * frame_bytes;
    }
};
using memory =
    ashlar::physical_memory<ashlar::zone<ashlar::counted<ashlar::cpu_rows<ashlar::radix_buddy<bank>>>>>;

/// Users of single frames, who find theirs in a table: one that is as cheap as can be.
class users {
 public:
    using space = ashlar::machine;

    void enter(ashlar::frame<> f) { used_[f.number] = 1; }
    [[nodiscard]] std::uint64_t used_in(ashlar::range<> frames) const {
        std::uint64_t used = 0;
        for (std::uint64_t i = 0; i < frames.count; ++i) used += used_[frames.first.number + i];
        return used;
    }
    [[nodiscard]] ashlar::result<ashlar::used_block<>> block_of(ashlar::frame<> f) const noexcept {
        if (used_[f.number] == 0) return ashlar::errc::not_owned;
        return ashlar::used_block<>{f, 0};
    }
    [[nodiscard]] static ashlar::errc hold(ashlar::used_block<>) noexcept { return ashlar::errc::ok; }
    ashlar::errc repoint(ashlar::used_block<> block, ashlar::frame<> to) noexcept {
        used_[block.first.number] = 0;
        used_[to.number] = 1;
        return ashlar::errc::ok;
    }
    static void release(ashlar::used_block<>, ashlar::frame<>) noexcept {}

 private:
    std::vector<unsigned char> used_ = std::vector<unsigned char>(bank_frames);
};
using copying = ashlar::copy_mover<users, ashlar::cpu_frame_copy<bank>>;

void must(ashlar::errc error) {
    if (error != ashlar::errc::ok) throw std::runtime_error(ashlar::to_string(error));
}

/// A machine with as much mirrored memory as ordinary memory.
struct machine {
    std::vector<std::byte> metadata{};
    std::unique_ptr<memory> ram = std::make_unique<memory>();
    users book{};
    copying mover{book};

    machine() {
        ashlar::memory_entry entries[8];
        ashlar::memory_map map{entries};
        ashlar::topology nodes;
        must(nodes.add(0).error());
        must(map.add(0, bank_frames * bank::frame_bytes, ashlar::memory_kind::usable));
        must(map.set_node(0, bank_frames * bank::frame_bytes, 0));
        must(map.mirror(bank_frames / 2 * bank::frame_bytes, bank_frames * bank::frame_bytes));
        metadata.resize(memory::metadata_bytes(map, nodes));
        must(ram->boot(map, nodes, {metadata.data(), metadata.size()}));
    }
};

void count(benchmark::State& state, std::uint64_t frames) {
    state.counters["frames_per_second"] =
        benchmark::Counter(static_cast<double>(frames), benchmark::Counter::kIsRate);
}

void copy_alone(benchmark::State& state) {
    std::uint64_t frames = 0;
    std::uint64_t at = 0;
    for ([[maybe_unused]] auto _ : state) {
        const ashlar::frame<> from{at};
        const ashlar::frame<> to{(at + bank_frames / 2) % bank_frames};
        for (std::uint64_t i = 0; i < range_frames; ++i) {
            std::memcpy(bank::bytes_of(to + i), bank::bytes_of(from + i), bank::frame_bytes);
        }
        benchmark::ClobberMemory();
        at = (at + range_frames) % bank_frames;
        frames += range_frames;
    }
    count(state, frames);
}

/// A sixteenth of memory is emptied into the rest, of which half is in use; then the fullest sixteenth, and
/// so on.
void evacuate(benchmark::State& state) {
    machine on;
    for (std::uint64_t i = 0; i < bank_frames / 4; ++i) {
        const auto page = on.ram->allocate({.mirror = ashlar::mirror::ordinary});
        must(page.error());
        on.book.enter(*page);
    }
    ashlar::evacuation<memory> emptied(*on.ram);
    ashlar::allocated_destination<memory> anywhere{*on.ram, {.mirror = ashlar::mirror::ordinary}};
    std::uint64_t frames = 0;
    for ([[maybe_unused]] auto _ : state) {
        state.PauseTiming();
        ashlar::range<> fullest{};
        std::uint64_t most = 0;
        for (std::uint64_t at = 0; at < bank_frames / 2; at += range_frames) {
            const ashlar::range<> candidate{{at}, range_frames};
            if (const std::uint64_t used = on.book.used_in(candidate); used > most) {
                most = used;
                fullest = candidate;
            }
        }
        state.ResumeTiming();
        must(emptied.begin(fullest));
        must(emptied.evacuate(anywhere, on.mover));
        emptied.end();
        frames += emptied.report().moved;
    }
    count(state, frames);
}

/// A quarter of memory is one tenant's, who is promoted and demoted in turn.
void promote(benchmark::State& state) {
    machine on;
    using table = ashlar::owner_table<bank>;
    std::vector<table::word> words(table::metadata_words({{0}, bank_frames}));
    table owners;
    must(owners.attach({{0}, bank_frames}, {words.data(), words.size()}));
    ashlar::tenant<memory> owner;
    must(owner.open(*on.ram, owners, 1));
    for (std::uint64_t i = 0; i < bank_frames / 4; ++i) {
        const auto page = owner.allocate({.mirror = ashlar::mirror::ordinary});
        must(page.error());
        on.book.enter(*page);
    }
    ashlar::promotion<memory, ashlar::tenant<memory>> critical(*on.ram, owner);
    bool there = false;
    for ([[maybe_unused]] auto _ : state) {
        must(there ? critical.demote(on.mover) : critical.promote(on.mover));
        there = !there;
    }
    count(state, critical.report().moved);
}

}  // namespace

void register_movers() {
    benchmark::RegisterBenchmark("move/memcpy/order:0", copy_alone);
    benchmark::RegisterBenchmark("move/evacuation/order:0", evacuate);
    benchmark::RegisterBenchmark("move/promotion/order:0", promote);
}

}  // namespace bench
