// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "interleaving/litmus.hpp"

// The results that C++20 allows a litmus test, told from its axioms: every way in which loads may read from
// stores and stores may follow one another is written down, and judged by the rules of [intro.races] and
// [atomics.order] as they stand there. Nothing is shared with the explorer. Load buffering is left out.
namespace ashlar::testing {

/// A relation between at most 16 events.
class relation {
 public:
    [[nodiscard]] bool has(std::size_t a, std::size_t b) const { return (from_[a] >> b & 1) != 0; }
    void add(std::size_t a, std::size_t b) { from_[a] = static_cast<std::uint16_t>(from_[a] | 1U << b); }
    void add(const relation& other) {
        for (std::size_t a = 0; a < 16; ++a) from_[a] = static_cast<std::uint16_t>(from_[a] | other.from_[a]);
    }
    [[nodiscard]] relation then(const relation& next) const {
        relation both;
        for (std::size_t a = 0; a < 16; ++a) {
            for (std::size_t b = 0; b < 16; ++b) {
                if (has(a, b)) both.from_[a] = static_cast<std::uint16_t>(both.from_[a] | next.from_[b]);
            }
        }
        return both;
    }
    void close() {
        for (std::size_t b = 0; b < 16; ++b) {
            for (std::size_t a = 0; a < 16; ++a) {
                if (has(a, b)) from_[a] = static_cast<std::uint16_t>(from_[a] | from_[b]);
            }
        }
    }
    [[nodiscard]] bool has_loop() const {
        for (std::size_t a = 0; a < 16; ++a) {
            if (has(a, a)) return true;
        }
        return false;
    }

 private:
    std::array<std::uint16_t, 16> from_{};
};

class axioms {
 public:
    explicit axioms(const std::vector<litmus_program>& programs) {
        for (std::size_t word = 0; word < litmus_words; ++word)
            events_.push_back({{access::store, word}, true});
        for (const litmus_program& program : programs) {
            const std::size_t first = events_.size();
            for (const litmus_access& each : program) {
                for (std::size_t word = 0; word < litmus_words; ++word) before_.add(word, events_.size());
                for (std::size_t i = first; i < events_.size(); ++i) before_.add(i, events_.size());
                events_.push_back({each, false});
            }
        }
    }
    [[nodiscard]] litmus_results results() {
        choose_sources(litmus_words);
        return results_;
    }

 private:
    struct event {
        litmus_access what;
        bool is_start;
        std::size_t source = 0;  ///< whose store it reads
        std::uint32_t found = 0;
        std::uint32_t left = 0;
        bool writes = false;

        [[nodiscard]] bool reads() const { return !is_start && what.kind != access::store; }
        [[nodiscard]] bool may_write() const { return what.kind != access::load; }
        [[nodiscard]] bool is_sc() const { return !is_start && what.order == seq_cst; }
        [[nodiscard]] bool acquires() const {
            return reads() && (what.order == acquire || what.order == acq_rel || what.order == seq_cst);
        }
        [[nodiscard]] bool releases() const {
            return !is_start && writes &&
                   (what.order == release || what.order == acq_rel || what.order == seq_cst);
        }
    };

    void choose_sources(std::size_t at) {
        if (at == events_.size()) {
            if (compute()) choose_orders(0);
            return;
        }
        if (!events_[at].reads()) return choose_sources(at + 1);
        for (std::size_t i = 0; i < events_.size(); ++i) {
            if (i == at || !events_[i].may_write() || events_[i].what.word != events_[at].what.word) continue;
            events_[at].source = i;
            choose_sources(at + 1);
        }
    }
    /// The values; false where a value would come from itself, or from a store that is not made.
    [[nodiscard]] bool compute() {
        relation causes = before_;
        for (std::size_t i = 0; i < events_.size(); ++i) {
            if (events_[i].reads()) causes.add(events_[i].source, i);
        }
        causes.close();
        if (causes.has_loop()) return false;
        std::vector<std::size_t> order(events_.size());
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
        // Fewer causes first.
        const auto count = [&](std::size_t of) {
            std::size_t sum = 0;
            for (std::size_t i = 0; i < events_.size(); ++i) sum += causes.has(i, of) ? 1 : 0;
            return sum;
        };
        std::sort(order.begin(), order.end(), [&](auto a, auto b) { return count(a) < count(b); });
        for (const std::size_t i : order) {
            event& each = events_[i];
            if (each.reads()) {
                if (!events_[each.source].writes) return false;
                each.found = events_[each.source].left;
            }
            each.writes = each.may_write();
            switch (each.what.kind) {
                case access::fetch_add:
                    each.left = each.found + each.what.operand;
                    break;
                case access::compare_exchange:
                    each.writes = each.found == each.what.expected;
                    each.left = each.what.operand;
                    break;
                default:
                    each.left = each.what.operand;
            }
        }
        return true;
    }
    /// Every modification order of every word.
    void choose_orders(std::size_t word) {
        if (word == litmus_words) return judge();
        std::vector<std::size_t> stores;
        for (std::size_t i = litmus_words; i < events_.size(); ++i) {
            if (events_[i].writes && events_[i].what.word == word) stores.push_back(i);
        }
        do {
            orders_[word] = {word};
            orders_[word].insert(orders_[word].end(), stores.begin(), stores.end());
            choose_orders(word + 1);
        } while (std::next_permutation(stores.begin(), stores.end()));
    }

    void judge() {
        relation coherence;  // rf, mo, fr: "coherence-ordered before"
        for (const auto& order : orders_) {
            for (std::size_t i = 0; i < order.size(); ++i) {
                for (std::size_t k = i + 1; k < order.size(); ++k) coherence.add(order[i], order[k]);
            }
        }
        for (const auto& order : orders_) {
            for (std::size_t i = 0; i < events_.size(); ++i) {
                if (!events_[i].reads()) continue;
                const auto source = std::find(order.begin(), order.end(), events_[i].source);
                if (source == order.end()) continue;
                coherence.add(*source, i);
                for (auto later = source + 1; later < order.end(); ++later) {
                    if (*later != i) coherence.add(i, *later);
                }
                // A read-modify-write follows directly on what it reads.
                if (events_[i].writes && (source + 1 == order.end() || *(source + 1) != i)) return;
            }
        }
        coherence.close();
        if (coherence.has_loop()) return;

        const relation synchronizes = synchronizes_with();
        relation happens = before_;
        happens.add(synchronizes);
        happens.close();
        for (std::size_t a = 0; a < events_.size(); ++a) {
            for (std::size_t b = 0; b < events_.size(); ++b) {
                if (happens.has(a, b) && (a == b || coherence.has(b, a))) return;
            }
        }
        relation strongly = before_.then(happens).then(before_);
        strongly.add(before_);
        for (std::size_t a = 0; a < events_.size(); ++a) {
            for (std::size_t b = 0; b < events_.size(); ++b) {
                if (synchronizes.has(a, b) && events_[a].is_sc() && events_[b].is_sc()) strongly.add(a, b);
            }
        }
        strongly.close();
        relation s;
        for (std::size_t a = 0; a < events_.size(); ++a) {
            for (std::size_t b = 0; b < events_.size(); ++b) {
                if (!events_[a].is_sc() || !events_[b].is_sc()) continue;
                if (strongly.has(a, b) || coherence.has(a, b)) s.add(a, b);
            }
        }
        s.close();
        if (s.has_loop()) return;

        litmus_result result;
        for (const event& each : events_) {
            if (each.reads()) result.push_back(each.found);
        }
        for (const auto& order : orders_) result.push_back(events_[order.back()].left);
        results_.insert(result);
    }
    /// A release to every acquire that reads from its release sequence.
    [[nodiscard]] relation synchronizes_with() const {
        relation with;
        for (std::size_t i = 0; i < events_.size(); ++i) {
            if (!events_[i].acquires()) continue;
            for (std::size_t at = events_[i].source;; at = events_[at].source) {
                if (events_[at].releases()) with.add(at, i);
                if (!events_[at].reads()) break;
            }
        }
        return with;
    }

    std::vector<event> events_;
    relation before_;  ///< sequenced before; what is there at the start comes before everything
    std::array<std::vector<std::size_t>, litmus_words> orders_;
    litmus_results results_;
};

}  // namespace ashlar::testing
