// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <ashlar/testing/fingerprint.hpp>
#include <ashlar/testing/stepped_atomic.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ashlar::testing {

/// Shared words as the C++20 memory model lets them be seen: a step has one choice for each store that it may
/// read from, or that a store may come after in modification order.
///
/// - Each word has its stores in modification order; each thread a view: for each word, the oldest store that
///   it may still see. A store carries the view that it releases; an acquiring load joins the view of what it
///   reads. A read-modify-write follows directly on what it read, and passes on what that released (release
///   sequences). A store may come before others that the thread has not seen.
/// - Sequential consistency: the total order S is not the order in which steps are taken, and need not be
///   known: each thread has a second view, of the sc steps that precede its next step in S, by the newest
///   store of each word that one of them read or left. An sc step cannot be at an older one; and it precedes
///   in S all sc steps of its word that were at newer ones, with everything that precedes it. So accesses
///   that mix orders on one word are as weak as C++20 allows, and no weaker.
/// - Stronger than C++20 in one point: no load reads from a store that is taken later (load buffering;
///   program order and reads-from together have no cycle, as in RC11).
/// - Not modelled: fences (the atomics here have none), consume, mixed sizes.
/// - Old stores that nobody can read are forgotten and times are counted from the oldest store left: equal
///   futures have equal states.
///
/// Source: ISO C++20 [intro.races], [atomics.order]; Lahav, Vafeiadis et al., Repairing Sequential
/// Consistency in C/C++11 (PLDI 2017); Kang et al., A Promising Semantics for Relaxed-Memory Concurrency
/// (POPL 2017), without promises.
///
/// ```
/// weak_memory memory(1, {0, 0});                     // one thread, two words
/// memory.perform(0, 1, next, memory.choices(0, 1, next).front(), 1);
/// ```
class weak_memory {
 public:
    /// A place in the modification order of a word, from the oldest store that is left.
    using time = std::uint8_t;
    static constexpr std::size_t most_stores = 200;

    /// What a step found: the value, the label of the store that it is of, whether that is the newest one.
    struct found {
        std::uint64_t value = 0;
        std::uint32_t label = 0;
        bool newest = true;
    };

    weak_memory() = default;
    weak_memory(std::size_t threads, const std::vector<std::uint64_t>& values)
        : words_(values.size()), threads_(threads), live_((std::size_t{1} << threads) - 1) {
        for (const std::uint64_t value : values) {
            starts_.push_back(static_cast<std::uint16_t>(starts_.size()));
            stores_.push_back({value, false, 0});
        }
        starts_.push_back(static_cast<std::uint16_t>(values.size()));
        views_.resize((threads * per_thread + values.size() * per_store) * words_);
    }

    /// What a step may do, the newest store first. Never empty.
    [[nodiscard]] std::vector<time> choices(std::size_t thread, std::size_t word, const step& next) const {
        std::vector<time> may;
        const time oldest = next.order == memory_order::seq_cst
                                ? std::max(seen(thread)[word], before_next(thread)[word])
                                : seen(thread)[word];
        for (std::size_t at = size(word); at-- > oldest;) {
            const std::size_t index = starts_[word] + at;
            const bool followed = at + 1 < size(word) && stores_[index + 1].is_update;
            if (!followed || !next.writes(stores_[index].value)) may.push_back(static_cast<time>(at));
        }
        return may;
    }

    /// Takes a step by one of its choices. `label` names what it stores.
    found perform(std::size_t thread, std::size_t word, const step& next, time at, std::uint32_t label) {
        const std::size_t from = starts_[word] + at;
        const found result{stores_[from].value, stores_[from].label, at + 1U == size(word)};
        const bool reads = next.kind != access::store;
        const bool writes = next.writes(result.value);
        const bool sc = next.order == memory_order::seq_cst;
        const bool acquires =
            reads && (sc || next.order == memory_order::acquire || next.order == memory_order::acq_rel);
        const bool releases =
            writes && (sc || next.order == memory_order::release || next.order == memory_order::acq_rel);
        const std::size_t into = writes ? insert(word, at + 1U) : from;
        before_step_.assign(before_next(thread), before_next(thread) + words_);
        if (sc) gather_before(thread, word, at, writes);
        if (reads) raise(seen(thread)[word], at);
        if (acquires) join(seen(thread), released(from));
        if (writes) {
            stores_[into] = {next.result(result.value), next.is_update(), label};
            seen(thread)[word] = static_cast<time>(at + 1U);
        }
        if (releases) {
            join(released(into), seen(thread));
            join(past(into), before_step_.data());
        }
        if (writes && next.is_update()) {
            join(released(into), released(from));
            join(past(into), past(from));
        }
        if (sc) place_in_order(thread, word, into, writes);
        if (acquires) join(before_next(thread), past(from));
        forget();
        return result;
    }

    /// An access to what one thread at a time owns, which leaves `value`; false if not all earlier ones
    /// happen before it.
    [[nodiscard]] bool own(std::size_t thread, std::size_t word, std::uint64_t value) {
        const std::size_t newest = size(word) - 1;
        if (seen(thread)[word] != newest) return false;
        stores_[insert(word, newest + 1)].value = value;
        seen(thread)[word] = static_cast<time>(newest + 1);
        forget();
        return true;
    }

    /// A thread that ended sees nothing any more.
    void end(std::size_t thread) {
        live_ &= ~(std::size_t{1} << thread);
        std::fill_n(seen(thread), per_thread * words_, time{0});
        forget();
    }

    /// What everybody finds in a word when all is over.
    [[nodiscard]] std::uint64_t newest(std::size_t word) const {
        return stores_[starts_[word + 1] - 1U].value;
    }
    [[nodiscard]] bool is_full() const {
        for (std::size_t word = 0; word < words_; ++word) {
            if (size(word) > most_stores) return true;
        }
        return false;
    }

    void add_to(fingerprint& print) const {
        for (const std::uint16_t start : starts_) print.add(start);
        std::uint64_t updates = 0;
        for (const store& each : stores_) {
            print.add(each.value);
            updates = updates * 3 + (each.is_update ? 2 : 1);
        }
        print.add(updates);
        print.add(reinterpret_cast<const std::byte*>(views_.data()), views_.size());
    }

 private:
    struct store {
        std::uint64_t value = 0;
        bool is_update = false;
        std::uint32_t label = 0;
    };
    /// Of a thread: what it has seen; what precedes its next step in S.
    static constexpr std::size_t per_thread = 2;
    /// Of a store: what it releases; what strongly happens before the steps after an acquire of it; what
    /// precedes it in S, and itself, if it is an sc step; what precedes the sc loads that read it, and those.
    static constexpr std::size_t per_store = 4;

    [[nodiscard]] std::size_t size(std::size_t word) const {
        return starts_[word + 1] - std::size_t{starts_[word]};
    }

    [[nodiscard]] time* view(std::size_t index) { return views_.data() + index * words_; }
    [[nodiscard]] const time* view(std::size_t index) const { return views_.data() + index * words_; }
    [[nodiscard]] time* seen(std::size_t thread) { return view(thread * per_thread); }
    [[nodiscard]] const time* seen(std::size_t thread) const { return view(thread * per_thread); }
    [[nodiscard]] time* before_next(std::size_t thread) { return view(thread * per_thread + 1); }
    [[nodiscard]] const time* before_next(std::size_t thread) const { return view(thread * per_thread + 1); }
    [[nodiscard]] time* of_store(std::size_t index, std::size_t which) {
        return view(threads_ * per_thread + index * per_store + which);
    }
    [[nodiscard]] time* released(std::size_t index) { return of_store(index, 0); }
    [[nodiscard]] time* past(std::size_t index) { return of_store(index, 1); }
    [[nodiscard]] time* before(std::size_t index) { return of_store(index, 2); }
    [[nodiscard]] time* before_reads(std::size_t index) { return of_store(index, 3); }

    static void raise(time& to, std::size_t at) { to = std::max(to, static_cast<time>(at)); }
    void join(time* to, const time* with) const {
        for (std::size_t i = 0; i < words_; ++i) to[i] = std::max(to[i], with[i]);
    }

    /// Makes room for a store: later ones of the word move up by one.
    std::size_t insert(std::size_t word, std::size_t at) {
        const std::size_t index = starts_[word] + at;
        if (at < size(word)) {
            for (std::size_t i = word; i < views_.size(); i += words_) {
                if (views_[i] >= at) ++views_[i];
            }
        }
        stores_.insert(stores_.begin() + static_cast<std::ptrdiff_t>(index), store{});
        const std::size_t views_at = (threads_ * per_thread + index * per_store) * words_;
        views_.insert(views_.begin() + static_cast<std::ptrdiff_t>(views_at), per_store * words_, time{0});
        for (std::size_t i = word + 1; i <= words_; ++i) ++starts_[i];
        return index;
    }

    /// What precedes an sc step in S: what strongly happens before it, the sc steps that were at older stores
    /// of the word, the sc step that left what it reads, and all that precedes those.
    void gather_before(std::size_t thread, std::size_t word, std::size_t at, bool writes) {
        time* const mine = before_next(thread);
        for (std::size_t i = 0; i <= at; ++i) {
            join(mine, before(starts_[word] + i));
            if (i < at || writes) join(mine, before_reads(starts_[word] + i));
        }
    }
    /// The step is after all that in S, and before the sc steps that were at newer stores of the word.
    void place_in_order(std::size_t thread, std::size_t word, std::size_t index, bool writes) {
        time* const mine = before_next(thread);
        const std::size_t at = index - starts_[word];
        raise(mine[word], at);
        join(writes ? before(index) : before_reads(index), mine);
        for (std::size_t i = 0; i * words_ < views_.size(); ++i) {
            if (is_order(i) && view(i)[word] > at) join(view(i), mine);
        }
    }
    /// A view that is of S, not of what is seen.
    [[nodiscard]] bool is_order(std::size_t index) const {
        if (index < threads_ * per_thread) return index % per_thread == 1;
        return (index - threads_ * per_thread) % per_store != 0;
    }

    /// Forgets the stores that no thread can read any more.
    void forget() {
        bool any = false;
        oldest_.assign(words_, 0);
        for (std::size_t word = 0; word < words_; ++word) {
            if (size(word) == 1) continue;
            std::size_t oldest = size(word) - 1;
            for (std::size_t thread = 0; thread < threads_; ++thread) {
                if ((live_ >> thread & 1) != 0) oldest = std::min<std::size_t>(oldest, seen(thread)[word]);
            }
            oldest_[word] = static_cast<time>(oldest);
            if (oldest != 0) drop(word, oldest);
            any = any || oldest != 0;
        }
        if (!any) return;
        for (std::size_t i = 0; i < views_.size(); i += words_) {
            for (std::size_t word = 0; word < words_; ++word) {
                time& at = views_[i + word];
                at = static_cast<time>(at - std::min(at, oldest_[word]));
            }
        }
    }
    void drop(std::size_t word, std::size_t count) {
        const std::size_t first = starts_[word];
        for (std::size_t index = first; index < first + count; ++index) {
            join(before(first + count), before(index));
            join(before(first + count), before_reads(index));
        }
        const auto stores_at = stores_.begin() + static_cast<std::ptrdiff_t>(first);
        stores_.erase(stores_at, stores_at + static_cast<std::ptrdiff_t>(count));
        stores_[first].is_update = false;
        const auto views_at = views_.begin() + static_cast<std::ptrdiff_t>(
                                                   (threads_ * per_thread + first * per_store) * words_);
        views_.erase(views_at, views_at + static_cast<std::ptrdiff_t>(count * per_store * words_));
        for (std::size_t i = word + 1; i <= words_; ++i)
            starts_[i] = static_cast<std::uint16_t>(starts_[i] - count);
    }

    std::size_t words_ = 0;
    std::size_t threads_ = 0;
    std::size_t live_ = 0;
    std::vector<std::uint16_t> starts_;
    std::vector<store> stores_;
    std::vector<time> views_;  ///< of the threads, then of the stores
    std::vector<time> oldest_;
    std::vector<time> before_step_;
};

}  // namespace ashlar::testing
