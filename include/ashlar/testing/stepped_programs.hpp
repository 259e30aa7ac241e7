// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/view.hpp>
#include <ashlar/testing/exploration.hpp>
#include <ashlar/testing/fiber.hpp>
#include <ashlar/testing/fingerprint.hpp>
#include <ashlar/testing/logged_memory.hpp>
#include <ashlar/testing/stepped_atomic.hpp>
#include <ashlar/testing/trace.hpp>
#include <ashlar/testing/weak_memory.hpp>
#include <ashlar/testing/word_uses.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace ashlar::testing {

/// A few programs over a piece of shared memory, each just before its next step or ended, that go on step by
/// step as they are told, and can be set back. What an explorer explores; see there.
///
/// ```
/// stepped_programs running(shared, {one, other}, {});
/// running.begin();
/// while (!running.has_ended(0)) running.take(0, running.choices(0).front());
/// ```
class stepped_programs final : public scheduler {
 public:
    using program = std::function<outcome()>;
    using choice = weak_memory::time;

    /// Everything that a step of one program changes.
    struct mark;

    stepped_programs(view<std::byte> shared, std::vector<program> programs,
                     const exploration_options& options)
        : programs_(std::move(programs)),
          options_(options),
          weak_(options.memory == memory_model::weak),
          raw_(shared),
          uses_(shared.size()) {
        for (std::size_t i = 0; i < programs_.size(); ++i) {
            fibers_.push_back(std::make_unique<fiber>());
            calls_.emplace_back([this, i] { threads_[i].result = programs_[i](); });
        }
    }

    /// Everything as at the start; each program runs to just before its first step.
    void begin() {
        again_ = false;
        wrong_.clear();
        end();
        std::vector<std::uint64_t> values;
        for (const auto& word : uses_.shared()) values.push_back(raw_.read_at(word.offset, word.bytes));
        memory_ = weak_memory(programs_.size(), values);
        threads_.assign(programs_.size(), {});
        for (std::size_t i = 0; i < programs_.size() && !again_; ++i) run_to_next(i, true);
    }
    /// Memory as at the start.
    void end() {
        raw_.rewind(0);
        stacks_.clear();
        path_.clear();
    }
    /// One more word turned out to be shared: everything has to begin again.
    [[nodiscard]] bool again() const { return again_; }
    /// What a step did that is wrong, whatever comes after it; empty if nothing.
    [[nodiscard]] const std::string& wrong() const { return wrong_; }

    [[nodiscard]] std::size_t count() const { return threads_.size(); }
    [[nodiscard]] bool has_ended(std::size_t which) const { return threads_[which].ended; }
    [[nodiscard]] const std::vector<taken_step>& path() const { return path_; }
    [[nodiscard]] std::vector<outcome> outcomes() const {
        std::vector<outcome> all;
        for (const thread& each : threads_) all.push_back(each.result);
        return all;
    }

    /// What the next step of a program that has not ended may do, the newest store first. Never empty.
    [[nodiscard]] std::vector<choice> choices(std::size_t which) const {
        if (!weak_) return {0};
        return memory_.choices(which, threads_[which].word, threads_[which].next);
    }
    /// Neither next step, of two programs, changes what the other one does.
    [[nodiscard]] bool do_not_matter(std::size_t one, std::size_t other) const {
        return threads_[one].word != threads_[other].word ||
               (threads_[one].next.kind == access::load && threads_[other].next.kind == access::load);
    }
    /// Takes the step that a program stands before, and runs on to just before its next one, or its end.
    void take(std::size_t which, choice how) {
        const step next = threads_[which].next;
        taken_step taken{which, next, raw_.offset_of(next.word), 0, 0, true};
        if (weak_) {
            const auto label = static_cast<std::uint32_t>(path_.size() + 1);
            const auto found = memory_.perform(which, threads_[which].word, next, how, label);
            taken.found = found.value;
            taken.stored_by = found.label;
            taken.newest = found.newest;
        } else {
            taken.found = logged_memory::read(next.word, next.bytes);
            taken.stored_by = last_writer(path_, taken.offset);
            if (next.writes(taken.found)) raw_.write(next.word, next.bytes, next.result(taken.found));
        }
        answer_ = taken.found;
        path_.push_back(taken);
        run_to_next(which);
    }

    void save(std::size_t which, mark& to);
    void restore(const mark& to);
    /// The latest mark is needed no more.
    void forget(const mark& latest);

    /// Of everything that tells what may happen from here on.
    [[nodiscard]] fingerprint print() const {
        fingerprint print = raw_.print();
        if (weak_) memory_.add_to(print);
        for (const thread& each : threads_) {
            print.add(each.print.a);
            print.add(each.print.b);
        }
        return print;
    }

    /// What `look()` answers while memory is as everybody finds it who comes now; what it changes is changed
    /// back.
    [[nodiscard]] std::string at_memory(const std::function<std::string()>& look) {
        const std::vector<std::byte> copy = raw_.copy();
        for (std::size_t i = 0; weak_ && i < uses_.shared().size(); ++i) {
            const auto& word = uses_.shared()[i];
            raw_.poke_at(word.offset, word.bytes, memory_.newest(i));
        }
        std::string answer = look();
        raw_.overwrite(copy);
        return answer;
    }

 private:
    struct thread {
        step next;
        std::size_t word = 0;  ///< of the next step, by number among the shared ones
        bool ended = false;
        outcome result{};
        fingerprint print;
    };

    std::uint64_t perform(const step& next) override {
        const std::size_t offset = raw_.offset_of(next.word);
        // Two who only look at an owned cell have to be ordered, too.
        if (uses_.note(offset, next.bytes, active_, next.kind != access::load)) {
            again_ = true;
            fibers_[active_]->pause();
        }
        if (uses_.is_shared(offset)) {
            threads_[active_].next = next;
            threads_[active_].word = uses_.index_of(offset);
            if (!weak_ || next.kind != access::owned) {
                fibers_[active_]->pause();
                return answer_;
            }
            own(offset);
        }
        const std::uint64_t found = logged_memory::read(next.word, next.bytes);
        if (next.writes(found)) raw_.write(next.word, next.bytes, next.result(found));
        return found;
    }
    [[nodiscard]] std::size_t running() const noexcept override { return active_; }

    /// An access to an owned cell, which is no step: whatever the schedule, it is ordered, or wrong.
    void own(std::size_t offset) {
        const step& next = threads_[active_].next;
        const std::uint64_t found = logged_memory::read(next.word, next.bytes);
        path_.push_back({active_, next, offset, found, 0, true});
        if (memory_.own(active_, threads_[active_].word, next.result(found))) return;
        wrong_ = "two accesses to " + name_of(options_, offset) + ", and neither happens before the other";
        fibers_[active_]->pause();
    }
    void run_to_next(std::size_t which, bool from_start = false) {
        thread& t = threads_[which];
        active_ = which;
        scheduler::current = this;
        t.ended = from_start ? fibers_[which]->start(calls_[which]) : fibers_[which]->resume();
        scheduler::current = nullptr;
        t.print = {};
        if (t.ended) {
            for (const std::uint64_t known : t.result) t.print.add(known);
            memory_.end(which);
        } else {
            t.print.add(fibers_[which]->low(), fibers_[which]->used());
        }
    }

    std::vector<program> programs_;
    const exploration_options& options_;
    bool weak_;
    logged_memory raw_;  ///< all words; where memory is weak, those of one program alone
    word_uses uses_;
    weak_memory memory_;
    std::vector<std::unique_ptr<fiber>> fibers_;
    std::vector<std::function<void()>> calls_;
    std::vector<thread> threads_;
    std::vector<taken_step> path_;
    std::vector<std::byte> stacks_;
    std::string wrong_;
    std::size_t active_ = 0;
    std::uint64_t answer_ = 0;
    bool again_ = false;
};

/// Where a program stood, and what memory held, before a step of it: what `restore` needs.
struct stepped_programs::mark {
    std::size_t which = 0;
    thread before;
    fiber::position position;
    weak_memory memory;
    std::size_t writes = 0;
    std::size_t steps = 0;
};

inline void stepped_programs::save(std::size_t which, mark& to) {
    to.which = which;
    to.before = threads_[which];
    to.position = fibers_[which]->save(stacks_);
    if (weak_) to.memory = memory_;
    to.writes = raw_.writes();
    to.steps = path_.size();
}
inline void stepped_programs::restore(const mark& to) {
    threads_[to.which] = to.before;
    fibers_[to.which]->restore(to.position, stacks_);
    if (weak_) memory_ = to.memory;
    raw_.rewind(to.writes);
    path_.resize(to.steps);
    wrong_.clear();
}
inline void stepped_programs::forget(const mark& latest) {
    stacks_.resize(latest.position.at);
}

}  // namespace ashlar::testing
