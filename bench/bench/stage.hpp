// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <barrier>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// What the threads of one run share: the subject, blocks that pass from thread to thread, and a place to
/// wait for one another.
template <class Subject>
class stage {
 public:
    using factory = std::function<std::shared_ptr<Subject>(unsigned cpus)>;
    using check = bool (*)(const Subject&);

    /// `whole`: whether all that was allocated is free again.
    stage(
        factory make, unsigned threads,
        check whole = [](const Subject& subject) { return subject.is_whole(); })
        : make_(std::move(make)),
          is_whole_(whole),
          threads_(threads),
          barrier_(static_cast<std::ptrdiff_t>(threads)) {}

    /// Every thread calls both; thread 0 makes and drops the subject. None, if it does not start: `error()`
    /// says why.
    Subject* enter(unsigned thread) {
        if (thread == 0) start();
        wait();
        return subject_.get();
    }
    void leave(unsigned thread) {
        wait();
        if (thread == 0) {
            subject_.reset();
            blocks = {};
            orders = {};
        }
        wait();
    }
    void wait() { barrier_.arrive_and_wait(); }

    [[nodiscard]] unsigned threads() const { return threads_; }
    [[nodiscard]] const std::string& error() const { return error_; }
    [[nodiscard]] bool is_whole() const { return is_whole_(*subject_); }

    std::vector<std::uint64_t> blocks;  ///< of all threads
    std::vector<std::uint8_t> orders;   ///< of the blocks, where they are not all the same

 private:
    void start() {
        try {
            subject_ = make_(threads_);
        } catch (const std::exception& problem) {
            error_ = problem.what();
        }
    }

    factory make_;
    check is_whole_;
    unsigned threads_;
    std::barrier<> barrier_;
    std::shared_ptr<Subject> subject_;
    std::string error_;
};

}  // namespace bench
