// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <barrier>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace bench {

/// What the threads of one run share: the subject, made anew for each run, blocks that pass from thread to
/// thread, and a place to wait for one another.
template <class Subject>
class stage {
 public:
    using factory = std::function<std::unique_ptr<Subject>(unsigned cpus)>;

    stage(factory make, unsigned threads)
        : make_(std::move(make)), threads_(threads), barrier_(static_cast<std::ptrdiff_t>(threads)) {}

    /// Every thread calls both; thread 0 makes and drops the subject.
    Subject& enter(unsigned thread) {
        if (thread == 0) subject_ = make_(threads_);
        wait();
        return *subject_;
    }
    void leave(unsigned thread) {
        wait();
        if (thread == 0) subject_.reset();
        wait();
    }
    void wait() { barrier_.arrive_and_wait(); }

    [[nodiscard]] unsigned threads() const { return threads_; }

    std::vector<std::uint64_t> blocks;  ///< of all threads

 private:
    factory make_;
    unsigned threads_;
    std::barrier<> barrier_;
    std::unique_ptr<Subject> subject_;
};

/// Processor time of the calling thread: other programs on the machine do not count.
[[nodiscard]] inline double thread_nanoseconds() {
    std::timespec now{};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

/// The same order of blocks in every run.
class dice {
 public:
    explicit dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}
    /// Below `end`.
    [[nodiscard]] std::size_t below(std::size_t end) {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return static_cast<std::size_t>(state_ % end);
    }

 private:
    std::uint64_t state_;
};

inline void shuffle_blocks(std::vector<std::uint64_t>& blocks, std::uint64_t seed) {
    dice roll(seed);
    for (std::size_t left = blocks.size(); left > 1; --left)
        std::swap(blocks[left - 1], blocks[roll.below(left)]);
}

}  // namespace bench
