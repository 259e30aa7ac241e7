// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/view.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

/// Threads that count in all pages of a memory, without a pause: each has a word of its own in every line
/// of 64 bytes (a load and a store), and all share one word in each page (an atomic addition). Each
/// remembers what it did, so that a store that is lost shows.
class writer_threads {
 public:
    writer_threads(ashlar::view<std::byte> memory, std::size_t page_bytes, unsigned threads)
        : memory_(memory), page_(page_bytes), pages_(memory.size() / page_bytes) {
        for (unsigned t = 0; t < threads; ++t) {
            own_.push_back(std::make_unique<counts>());
            own_.back()->words.resize(pages_ * lines());
        }
        for (unsigned t = 0; t < threads; ++t) threads_.emplace_back([this, t] { run(t); });
    }
    ~writer_threads() { stop(); }

    void stop() {
        stop_.store(true);
        for (std::thread& thread : threads_) {
            if (thread.joinable()) thread.join();
        }
    }
    /// Returns when each thread has stored `more` times more.
    void wait_for(std::uint64_t more) const {
        for (const auto& one : own_) {
            const std::uint64_t until = one->stores.load() + more;
            while (one->stores.load() < until) std::this_thread::yield();
        }
    }
    /// After `stop`: how many stores are not in the memory.
    [[nodiscard]] std::uint64_t lost() const {
        std::uint64_t lost = 0;
        std::uint64_t shared = 0;
        for (std::size_t t = 0; t < own_.size(); ++t) {
            for (std::size_t i = 0; i < own_[t]->words.size(); ++i) lost += own_[t]->words[i] - word(i, t)[0];
            shared += own_[t]->shared;
        }
        for (std::size_t p = 0; p < pages_; ++p) shared -= shared_word(p)[0];
        return lost + shared;
    }
    [[nodiscard]] std::uint64_t stores() const {
        std::uint64_t all = 0;
        for (const auto& one : own_) all += one->stores.load();
        return all;
    }

 private:
    struct counts {
        std::vector<std::uint64_t> words;  ///< of each line
        std::uint64_t shared = 0;          ///< in all pages
        std::atomic<std::uint64_t> stores{0};
    };
    static constexpr std::size_t line = 64;

    [[nodiscard]] std::size_t lines() const { return page_ / line; }
    [[nodiscard]] std::uint64_t* word(std::size_t index, std::size_t thread) const {
        return static_cast<std::uint64_t*>(static_cast<void*>(memory_.data() + index * line)) + thread;
    }
    /// The last word of the last line.
    [[nodiscard]] std::uint64_t* shared_word(std::size_t page) const {
        return word(page * lines() + lines() - 1, 7);
    }

    void run(unsigned thread) {
        counts& mine = *own_[thread];
        for (std::size_t step = thread; !stop_.load(std::memory_order_relaxed); ++step) {
            for (std::size_t p = 0; p < pages_; ++p) {
                const std::size_t index = p * lines() + (step * 5 + p) % lines();
                volatile std::uint64_t* const here = word(index, thread);
                *here = *here + 1;
                ++mine.words[index];
            }
            for (std::size_t p = step % 8; p < pages_; p += 8) {
                __atomic_fetch_add(shared_word(p), 1, __ATOMIC_RELAXED);
                ++mine.shared;
            }
            mine.stores.fetch_add(pages_, std::memory_order_relaxed);
        }
    }

    ashlar::view<std::byte> memory_;
    std::size_t page_;
    std::size_t pages_;
    std::atomic<bool> stop_{false};
    std::vector<std::unique_ptr<counts>> own_;
    std::vector<std::thread> threads_;
};
