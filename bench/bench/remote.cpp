// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What it costs to find and hold the window of a peer's block that has one, and to use one that covers
// everything.
#include <benchmark/benchmark.h>

#include <ashlar/remote/identity_window.hpp>
#include <ashlar/remote/window_cache.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/workloads.hpp"

namespace bench {
namespace {

constexpr std::uint32_t windows = 64;
constexpr std::uint64_t block = 0x1'0000;

/// Windows that lead nowhere: hits do not aim.
struct still_windows {
    [[nodiscard]] static std::uint32_t windows() noexcept { return bench::windows; }
    [[nodiscard]] static std::uint64_t block_bytes() noexcept { return block; }
    [[nodiscard]] static ashlar::byte_address<ashlar::machine> local_of(std::uint32_t window) noexcept {
        return {0x40'0000'0000 + window * block};
    }
    [[nodiscard]] static std::uint64_t cost_of(std::uint32_t) noexcept { return 1000; }
    static ashlar::errc aim(std::uint32_t, ashlar::byte_address<ashlar::peer>) noexcept {
        return ashlar::errc::ok;
    }
    static ashlar::errc disable(std::uint32_t) noexcept { return ashlar::errc::ok; }
};

/// Blocks anywhere in 64 GiB of a peer, as many as there are windows, and addresses in them.
struct accesses {
    std::vector<std::uint64_t> blocks;
    std::vector<std::uint64_t> addresses;

    accesses() {
        std::mt19937_64 random(1);
        while (blocks.size() < windows) {
            const std::uint64_t next = random() % (std::uint64_t{1} << 20) * block;
            bool is_new = true;
            for (const std::uint64_t each : blocks) is_new = is_new && each != next;
            if (is_new) blocks.push_back(next);
        }
        for (std::size_t i = 0; i < 4096; ++i)
            addresses.push_back(blocks[random() % windows] + random() % (block / 8) * 8);
    }
};

class pinning {
 public:
    using cache_type = ashlar::window_cache<still_windows>;
    struct alignas(64) line {
        cache_type::word words[16];
    };

    explicit pinning(const accesses& input) : lines_(cache_type::metadata_words(windows) / 16 + 1) {
        if (cache_.attach(bridge_, {lines_[0].words, lines_.size() * 16}) != ashlar::errc::ok)
            throw std::runtime_error("the cache was refused");
        for (const std::uint64_t each : input.blocks)
            if (!cache_.pin({each}, 8)) throw std::runtime_error("a block has no window");
    }
    std::uint64_t access(std::uint64_t at) {
        const auto pin = cache_.pin({at}, 8);
        const auto local = pin.local();
        return local ? local->value : 0;
    }

 private:
    still_windows bridge_;
    std::vector<line> lines_;
    cache_type cache_;
};

/// What one writes at first: a map behind a mutex, and a count that is held meanwhile.
class map_and_mutex {
 public:
    explicit map_and_mutex(const accesses& input) {
        for (std::uint32_t i = 0; i < windows; ++i)
            map_[input.blocks[i] / block] = {0x40'0000'0000 + i * block, 0};
    }
    std::uint64_t access(std::uint64_t at) {
        entry* found = nullptr;
        {
            const std::lock_guard<std::mutex> hold(mutex_);
            const auto place = map_.find(at / block);
            if (place == map_.end()) return 0;
            found = &place->second;
            ++found->pins;
        }
        const std::uint64_t local = found->local + at % block;
        const std::lock_guard<std::mutex> hold(mutex_);
        --found->pins;
        return local;
    }

 private:
    struct entry {
        std::uint64_t local = 0;
        std::uint32_t pins = 0;
    };
    std::mutex mutex_;
    std::map<std::uint64_t, entry> map_;
};

/// The same, but only the look-up, once under the lock: nothing holds the window.
class map_and_mutex_once {
 public:
    explicit map_and_mutex_once(const accesses& input) {
        for (std::uint32_t i = 0; i < windows; ++i)
            map_[input.blocks[i] / block] = 0x40'0000'0000 + i * block;
    }
    std::uint64_t access(std::uint64_t at) {
        const std::lock_guard<std::mutex> hold(mutex_);
        const auto place = map_.find(at / block);
        return place == map_.end() ? 0 : place->second + at % block;
    }

 private:
    std::mutex mutex_;
    std::map<std::uint64_t, std::uint64_t> map_;
};

class whole {
 public:
    explicit whole(const accesses&) {}
    std::uint64_t access(std::uint64_t at) {
        const auto pin = all_.pin({at}, 8);
        const auto local = pin.local();
        return local ? local->value : 0;
    }

 private:
    ashlar::identity_window<> all_{{{0}, std::uint64_t{1} << 40}, {0x40'0000'0000}};
};

/// Who shares windows has threads, and where there are some, mutexes cost atomic operations: those of glibc
/// do not while a program has one thread.
class another_thread {
 public:
    ~another_thread() {
        end_.release();
        thread_.join();
    }

 private:
    std::binary_semaphore end_{0};
    std::thread thread_{[this] { end_.acquire(); }};
};

template <class Subject>
void add(const char* name) {
    const std::string full = std::string("remote/hit/") + name;
    const auto subject = std::make_shared<std::unique_ptr<Subject>>();
    benchmark::RegisterBenchmark(full.c_str(), [subject](benchmark::State& state) {
        static const accesses input;
        if (!*subject) *subject = std::make_unique<Subject>(input);
        const another_thread waits;
        std::size_t at = 0;
        std::uint64_t sum = 0;
        bool is_right = true;
        for ([[maybe_unused]] auto _ : state) {
            const std::uint64_t local = (*subject)->access(input.addresses[at]);
            is_right = is_right && local != 0;
            sum += local;
            at = (at + 1) % input.addresses.size();
        }
        benchmark::DoNotOptimize(sum);
        if (!is_right) state.SkipWithError("a block has no window");
    });
}

/// A mapping, words anywhere in it, and pages that stay in the caches: what an access costs beside the
/// memory.
struct mapping {
    static constexpr std::size_t words = 8 << 20;
    static constexpr std::size_t page_words = 512;
    static constexpr std::size_t cached_pages = 64;
    static constexpr std::size_t accesses = 4096;

    std::vector<std::uint64_t> memory = std::vector<std::uint64_t>(words, 3);
    std::vector<std::uint64_t> offsets;  ///< in bytes, of words
    std::vector<std::uint64_t> pages;    ///< in bytes
    /// The peer's memory from 4 GiB on, as this mapping shows it.
    ashlar::identity_window<> window{{{std::uint64_t{1} << 32}, words * 8}, {address_of(memory.data())}};

    mapping() {
        std::mt19937_64 random(2);
        for (std::size_t i = 0; i < accesses; ++i) {
            offsets.push_back(random() % words * 8);
            pages.push_back(random() % cached_pages * page_words * 8);
        }
    }
    [[nodiscard]] static std::uint64_t address_of(const std::uint64_t* at) {
        return reinterpret_cast<std::uintptr_t>(at);
    }
    [[nodiscard]] static const std::uint64_t* words_at(ashlar::byte_address<ashlar::machine> local) {
        return reinterpret_cast<const std::uint64_t*>(static_cast<std::uintptr_t>(local.value));
    }
    [[nodiscard]] static ashlar::byte_address<ashlar::peer> peer_of(std::uint64_t offset) {
        return {(std::uint64_t{1} << 32) + offset};
    }
};

/// The same pages for all who access them.
[[nodiscard]] mapping& shared_mapping() {
    static mapping shared;
    return shared;
}

struct raw_access {
    static constexpr std::uint64_t add(mapping& of, std::uint64_t offset, std::size_t count) {
        const std::uint64_t* const at = of.memory.data() + offset / 8;
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < count; ++i) sum += at[i];
        return sum;
    }
};
struct address_access {
    static std::uint64_t add(mapping& of, std::uint64_t offset, std::size_t count) {
        const std::uint64_t* const at = mapping::words_at(of.window.local_of(mapping::peer_of(offset)));
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < count; ++i) sum += at[i];
        return sum;
    }
};
struct pinned_access {
    static std::uint64_t add(mapping& of, std::uint64_t offset, std::size_t count) {
        const auto pin = of.window.pin(mapping::peer_of(offset), count * 8);
        const auto local = pin.local();
        if (!local) return 0;
        const std::uint64_t* const at = mapping::words_at(*local);
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < count; ++i) sum += at[i];
        return pin.local() ? sum : 0;
    }
};

template <class Access>
void add_identity(const char* name) {
    for (const bool is_page : {false, true}) {
        const std::string full = std::string("remote/identity/") + name + (is_page ? "/page" : "/word");
        benchmark::RegisterBenchmark(full.c_str(), [is_page](benchmark::State& state) {
            mapping& of = shared_mapping();
            const std::vector<std::uint64_t>& offsets = is_page ? of.pages : of.offsets;
            const std::size_t count = is_page ? mapping::page_words : 1;
            std::uint64_t wanted = 0;
            std::uint64_t sum = 0;
            for ([[maybe_unused]] auto _ : state) {
                if (of.window.is_up())
                    for (const std::uint64_t offset : offsets) sum += Access::add(of, offset, count);
                wanted += 3 * count * offsets.size();
                benchmark::DoNotOptimize(sum);
            }
            if (sum != wanted) state.SkipWithError("not what is there");
            const auto words = static_cast<double>(state.iterations()) * static_cast<double>(count) *
                               static_cast<double>(offsets.size());
            // Seconds for each word.
            state.counters["a_word"] =
                benchmark::Counter(words, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
        });
    }
}

}  // namespace

void register_remote() {
    add<pinning>("window_cache");
    add<map_and_mutex>("map_mutex");
    add<map_and_mutex_once>("map_mutex_once");
    add<whole>("identity_window");
    add_identity<raw_access>("raw");
    add_identity<address_access>("local_of");
    add_identity<pinned_access>("pin");
}

}  // namespace bench
