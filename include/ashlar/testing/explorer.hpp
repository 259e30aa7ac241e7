// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <ashlar/core/view.hpp>
#include <ashlar/testing/fiber.hpp>
#include <ashlar/testing/stepped_atomic.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace ashlar::testing {

/// What a program of an exploration returns, to be judged by.
using outcome = std::array<std::uint64_t, 4>;

/// A judgement that failed at an end state, with one schedule that leads there.
struct finding {
    std::string what;
    std::size_t end_states = 0;
    std::string schedule;
};

/// What an exploration saw.
struct exploration {
    std::size_t states = 0;
    std::size_t end_states = 0;
    bool complete = true;  ///< false when the limit of states was reached
    std::vector<finding> findings;
};

/// Runs every interleaving of a few programs over a piece of shared memory, one access to a `stepped_atomic`
/// at a time, sequentially consistent, and judges every end state.
///
/// - `shared` is the memory that the programs change: the words, not the objects that view them.
/// - A program changes nothing but stepped atomics and its own stack (no heap: a program is set back and
/// forth).
/// - States are equal when memory and, for each program, its stack or its outcome are equal; equal states are
///   explored once.
/// - Accesses to words that no program writes are not steps (found out on the way: a first write to such a
/// word
///   starts the exploration anew).
/// - `judge(outcomes)` sees the end state in memory and returns what is wrong, empty if nothing.
///
/// ```
/// stepped_atomic<std::uint32_t> counter;
/// const auto add = [&] { counter.store(counter.load(memory_order::seq_cst) + 1, memory_order::seq_cst);
///                        return outcome{}; };
/// const auto seen = explore({reinterpret_cast<std::byte*>(&counter), sizeof counter}, {add, add},
///                           [&](const auto&) { return counter.load(memory_order::seq_cst) == 2 ? "" :
///                           "lost"; });
/// ```
class explorer final : public scheduler {
 public:
    using program = std::function<outcome()>;
    using judgement = std::function<std::string(const std::vector<outcome>&)>;

    explorer(view<std::byte> shared, std::vector<program> programs, judgement judge, std::size_t limit)
        : shared_(shared),
          programs_(std::move(programs)),
          judge_(std::move(judge)),
          limit_(limit),
          written_(shared.size()) {}

    exploration run() {
        const std::vector<std::byte> initial = save();
        for (std::size_t i = 0; i < programs_.size(); ++i) {
            fibers_.push_back(std::make_unique<fiber>());
            calls_.emplace_back([this, i] { results_[i] = programs_[i](); });
        }
        do {
            restore(initial);
            again_ = false;
            seen_.clear();
            judged_.clear();
            path_.clear();
            result_ = {};
            results_.assign(programs_.size(), {});
            threads_.assign(programs_.size(), {});
            for (active_ = 0; active_ < programs_.size() && !again_; ++active_) advance(active_);
            visit();
        } while (again_);
        restore(initial);
        for (auto& [what, found] : judged_) result_.findings.push_back(found);
        return result_;
    }

 private:
    /// Just before its next step, or ended.
    struct thread {
        std::shared_ptr<const fiber::position> at;
        bool started = false;
    };
    struct step {
        std::size_t thread = 0;
        access kind = access::load;
        std::size_t offset = 0;
        std::uint64_t value = 0;
    };

    void before(const void* word, access kind) override {
        const std::size_t offset = offset_of(word);
        if (written_[offset] == 0) {
            if (kind == access::load) return;
            written_[offset] = 1;
            again_ = true;
        }
        fibers_[active_]->pause();
    }
    [[nodiscard]] std::size_t running() const noexcept override { return active_; }
    void after(const void* word, access kind, std::uint64_t value) override {
        const std::size_t offset = offset_of(word);
        if (written_[offset] != 0) path_.push_back({active_, kind, offset, value});
    }

    /// Takes the step that a thread stands before, and runs on to just before its next one, or its end.
    void advance(std::size_t which) {
        thread& t = threads_[which];
        active_ = which;
        scheduler::current = this;
        const bool ended = t.started ? fibers_[which]->resume(*t.at) : fibers_[which]->start(calls_[which]);
        scheduler::current = nullptr;
        t.started = true;
        t.at = ended ? nullptr : fibers_[which]->where();
    }

    void visit() {
        if (again_) return;
        if (result_.states >= limit_) {
            result_.complete = false;
            return;
        }
        if (!seen_.insert(fingerprint()).second) return;
        ++result_.states;
        const std::vector<std::byte> here = save();
        const std::size_t depth = path_.size();
        bool ended = true;
        for (std::size_t i = 0; i < threads_.size(); ++i) {
            if (threads_[i].at == nullptr) continue;
            ended = false;
            const thread before = threads_[i];
            const outcome result = results_[i];
            advance(i);
            visit();
            restore(here);
            threads_[i] = before;
            results_[i] = result;
            path_.resize(depth);
        }
        if (ended) judge();
    }

    void judge() {
        ++result_.end_states;
        const std::string what = judge_(results_);
        if (what.empty()) return;
        finding& found = judged_[what];
        if (found.end_states++ == 0) {
            found.what = what;
            found.schedule = schedule();
        }
    }

    [[nodiscard]] std::string schedule() const {
        static constexpr const char* names[] = {"load",      "store",    "exchange", "compare-exchange",
                                                "fetch-add", "fetch-or", "fetch-and"};
        std::string text;
        for (const step& s : path_) {
            text += "thread " + std::to_string(s.thread) + " " + names[static_cast<std::size_t>(s.kind)] +
                    " byte " + std::to_string(s.offset) + " -> " + std::to_string(s.value) + "\n";
        }
        return text;
    }

    [[nodiscard]] std::size_t offset_of(const void* word) const {
        return static_cast<std::size_t>(static_cast<const std::byte*>(word) - shared_.data());
    }
    [[nodiscard]] std::vector<std::byte> save() const { return {shared_.begin(), shared_.end()}; }
    void restore(const std::vector<std::byte>& from) {
        std::memcpy(shared_.data(), from.data(), from.size());
    }

    struct print {
        std::uint64_t a = 0x9e3779b97f4a7c15;
        std::uint64_t b = 0xc2b2ae3d27d4eb4f;
        void add(std::uint64_t value) noexcept {
            a = (a ^ value) * 0xff51afd7ed558ccd;
            a ^= a >> 32;
            b = (b + value) * 0x9fb21c651e98df25;
            b ^= b >> 29;
        }
        void add(const std::byte* bytes, std::size_t count) noexcept {
            for (; count >= 8; bytes += 8, count -= 8) {
                std::uint64_t word = 0;
                std::memcpy(&word, bytes, 8);
                add(word);
            }
            for (; count > 0; ++bytes, --count) add(std::to_integer<std::uint64_t>(*bytes));
        }
        bool operator==(const print&) const = default;
    };
    struct print_hash {
        std::size_t operator()(const print& p) const noexcept { return static_cast<std::size_t>(p.a); }
    };
    [[nodiscard]] print fingerprint() const {
        print p;
        p.add(shared_.data(), shared_.size());
        for (std::size_t i = 0; i < threads_.size(); ++i) {
            if (threads_[i].at != nullptr) {
                p.add(threads_[i].at->stack.data(), threads_[i].at->stack.size());
            } else {
                for (const std::uint64_t known : results_[i]) p.add(known);
            }
        }
        return p;
    }

    view<std::byte> shared_;
    std::vector<program> programs_;
    judgement judge_;
    std::size_t limit_;
    std::vector<char> written_;  ///< by offset: not 0 where some program writes
    std::vector<std::unique_ptr<fiber>> fibers_;
    std::vector<std::function<void()>> calls_;
    std::vector<thread> threads_;
    std::vector<outcome> results_;
    std::vector<step> path_;
    std::unordered_set<print, print_hash> seen_;
    std::map<std::string, finding> judged_;
    exploration result_;
    std::size_t active_ = 0;
    bool again_ = false;
};

/// See `explorer`. Stops unfinished at `limit` states.
inline exploration explore(view<std::byte> shared, std::vector<explorer::program> programs,
                           explorer::judgement judge, std::size_t limit = 30'000'000) {
    return explorer(shared, std::move(programs), std::move(judge), limit).run();
}

}  // namespace ashlar::testing
