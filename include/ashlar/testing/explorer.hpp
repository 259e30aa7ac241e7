// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/view.hpp>
#include <ashlar/testing/exploration.hpp>
#include <ashlar/testing/fingerprint.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <ashlar/testing/stepped_programs.hpp>
#include <ashlar/testing/trace.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ashlar::testing {

/// Runs every schedule of a few programs over a piece of shared memory, one access to a `stepped_atomic` at a
/// time, and judges every end state. Sequentially consistent, or with weak memory: then a load finds any
/// value that it may, each in turn.
///
/// - `shared` is the memory that the programs change: the words, not the objects that view them.
/// - At most 8 programs. A program changes nothing but stepped atomics and owned cells in `shared`, and its
///   own stack (no heap: a program is set back and forth).
/// - States are equal when memory and, for each program, its stack or its outcome are equal; equal states are
///   explored once. Of two steps that do not matter to one another one order is enough (sleep sets).
/// - Accesses to words of one program, and to those that none writes, are not steps.
/// - `judge(outcomes)` sees the end state in memory and returns what is wrong, empty if nothing.
/// - Bounds, random schedules, what else is looked at: `exploration_options`.
///
/// Source: Godefroid, Partial-Order Methods for the Verification of Concurrent Systems (1996).
///
/// ```
/// stepped_atomic<std::uint32_t> counter;
/// const auto add = [&] { counter.store(counter.load(memory_order::seq_cst) + 1, memory_order::seq_cst);
///                        return outcome{}; };
/// const auto seen = explore({reinterpret_cast<std::byte*>(&counter), sizeof counter}, {add, add},
///                           [&](const auto&) { return counter.load(memory_order::seq_cst) == 2 ? "" :
///                           "lost"; }, {.memory = memory_model::weak});
/// ```
class explorer {
 public:
    using program = stepped_programs::program;
    using judgement = std::function<std::string(const std::vector<outcome>&)>;

    explorer(view<std::byte> shared, std::vector<program> programs, judgement judge,
             exploration_options options)
        : options_(std::move(options)),
          judge_(std::move(judge)),
          running_(shared, std::move(programs), options_) {}

    exploration run() {
        if (options_.random_runs == 0) {
            do {
                running_.begin();
                seen_.clear();
                judged_.clear();
                result_ = {};
                depth_ = 0;
                visit(nobody, options_.deviations, 0);
            } while (running_.again() && !stop_);
        }
        for (std::uint64_t i = 0; i < options_.random_runs && !stop_;) {
            running_.begin();
            walk(options_.seed + i);
            if (!running_.again()) ++i;
        }
        running_.end();
        for (auto& [what, found] : judged_) result_.findings.push_back(found);
        return result_;
    }

 private:
    static constexpr std::size_t nobody = ~std::size_t{0};
    static constexpr std::size_t longest_walk = 1'000'000;
    using mark = stepped_programs::mark;

    /// `left`: how many deviations. `asleep`: programs whose step here leads nowhere new.
    void visit(std::size_t last, std::uint32_t left, std::uint32_t asleep) {
        if (running_.again() || stop_) return;
        if (!running_.wrong().empty()) return note(running_.wrong());
        const std::uint32_t todo = to_do(last, left, asleep);
        if (stop_) return;
        std::uint32_t done = asleep;
        for (std::size_t i = 0; i < running_.count() && !running_.again(); ++i) {
            if ((todo >> i & 1) == 0) continue;
            std::uint32_t still_asleep = 0;
            for (std::size_t other = 0; other < running_.count() && left == no_bound; ++other) {
                if ((done >> other & 1) != 0 && running_.do_not_matter(i, other)) still_asleep |= 1U << other;
            }
            const std::uint32_t preempts = last != nobody && last != i && !running_.has_ended(last) ? 1 : 0;
            std::uint32_t cost = preempts;
            const mark& here = set_mark(i);
            for (const auto choice : running_.choices(i)) {
                if (cost > left) break;
                running_.take(i, choice);
                visit(i, left == no_bound ? left : left - cost, still_asleep);
                if (running_.again()) return;
                running_.restore(here);
                cost = preempts + 1;
            }
            drop_mark(here);
            done |= 1U << i;
        }
    }
    /// Which programs have to go on from here, so that every schedule is seen. Judges what is new.
    [[nodiscard]] std::uint32_t to_do(std::size_t last, std::uint32_t left, std::uint32_t asleep) {
        if (result_.states >= options_.states) {
            result_.complete = false;
            return 0;
        }
        std::uint32_t alive = 0;
        for (std::size_t i = 0; i < running_.count(); ++i) alive |= running_.has_ended(i) ? 0U : 1U << i;
        fingerprint print = running_.print();
        if (left != no_bound && last != nobody && !running_.has_ended(last)) print.add(last);
        const auto place = seen_.find(print);
        std::uint32_t todo = alive;
        if (left == no_bound) {
            // The byte: who was asleep whenever the state was met. He still has to go on from here.
            const std::uint32_t open = place.is_new ? alive : place.byte();
            todo = open & ~asleep;
            place.set_byte(static_cast<std::uint8_t>(open & asleep));
        } else {
            // The byte: how many deviations were left, at most.
            const auto most = static_cast<std::uint8_t>(left < 254 ? left + 1 : 255);
            if (!place.is_new && place.byte() >= most) return 0;
            place.set_byte(most);
        }
        if (!place.is_new) return todo;
        ++result_.states;
        if (alive == 0) {
            judge();
        } else {
            look_closer();
        }
        return todo;
    }

    void judge() {
        ++result_.end_states;
        const std::string what = running_.at_memory([this] { return judge_(running_.outcomes()); });
        if (!what.empty()) note(what);
    }
    void look_closer() {
        if (options_.at_each_state) {
            const std::string what = running_.at_memory(options_.at_each_state);
            if (!what.empty()) note(what);
        }
        for (std::size_t i = 0; options_.alone != 0 && i < running_.count() && !running_.again(); ++i) {
            if (!running_.has_ended(i) && !ends_alone(i))
                note("program " + std::to_string(i) + " waits for one that has stopped");
        }
    }
    [[nodiscard]] bool ends_alone(std::size_t which) {
        const mark& here = set_mark(which);
        for (std::uint32_t i = 0; i < options_.alone && !running_.has_ended(which); ++i) {
            running_.take(which, running_.choices(which).front());
            if (running_.again()) return true;
        }
        const bool ended = running_.has_ended(which);
        running_.restore(here);
        drop_mark(here);
        return ended;
    }
    void note(const std::string& what) {
        finding& found = judged_[what];
        if (found.end_states++ == 0) {
            found.what = what;
            found.schedule = to_text(running_.path(), options_);
            found.seed = seed_;
        }
        stop_ = stop_ || options_.stop_at_first;
    }
    /// Marks nest.
    [[nodiscard]] const mark& set_mark(std::size_t which) {
        if (marks_.size() == depth_) marks_.emplace_back();
        running_.save(which, marks_[depth_]);
        return marks_[depth_++];
    }
    void drop_mark(const mark& latest) {
        running_.forget(latest);
        --depth_;
    }

    /// One random schedule.
    void walk(std::uint64_t seed) {
        random_bits random(seed);
        const auto below = [&random](std::size_t bound) {
            return static_cast<std::size_t>(random() % bound);
        };
        const std::size_t stays = below(4);  // how much a program likes to go on
        std::size_t last = nobody;
        seed_ = seed;
        while (!running_.again()) {
            if (!running_.wrong().empty()) return note(running_.wrong());
            std::vector<std::size_t> alive;
            for (std::size_t i = 0; i < running_.count(); ++i) {
                if (!running_.has_ended(i)) alive.push_back(i);
            }
            if (alive.empty()) return judge();
            if (running_.path().size() == longest_walk) {
                result_.complete = false;
                return;
            }
            if (last == nobody || running_.has_ended(last) || below(stays + 1) == 0)
                last = alive[below(alive.size())];
            const auto may = running_.choices(last);
            running_.take(last, may[below(2) * below(may.size())]);
            ++result_.states;
        }
    }

    exploration_options options_;
    judgement judge_;
    stepped_programs running_;
    std::deque<mark> marks_;
    std::size_t depth_ = 0;
    fingerprint_set seen_;
    std::map<std::string, finding> judged_;
    exploration result_;
    std::uint64_t seed_ = 0;
    bool stop_ = false;
};

/// See `explorer`.
inline exploration explore(view<std::byte> shared, std::vector<explorer::program> programs,
                           explorer::judgement judge, exploration_options options = {}) {
    return explorer(shared, std::move(programs), std::move(judge), std::move(options)).run();
}

}  // namespace ashlar::testing
