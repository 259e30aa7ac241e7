// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The row protocol reduced to two rows of two frames, one hint, one whole bit and one transit word, with each
// rule of the protocol a switch. With a rule left out the explorer must find the hole that the rule closes.
#include <doctest/doctest.h>

#include <ashlar/testing/explorer.hpp>
#include <string>

namespace {

using namespace ashlar;
using namespace ashlar::testing;
using word = stepped_atomic<std::uint32_t>;

constexpr auto order = memory_order::seq_cst;
constexpr std::uint32_t full = 3;
constexpr std::uint64_t failed = 100;
constexpr std::uint64_t busy = 101;

struct rules {
    bool recheck_after_put_back = true;
    bool put_back_hints = true;
    bool count_moves = true;
    bool reread_after_clearing = true;
};

struct model {
    word rows[2];
    word whole;
    word hint;
    word transit;
    rules on;

    void begin() {
        if (on.count_moves) transit.fetch_add(1, order);
    }
    void end() {
        if (on.count_moves) transit.fetch_add(0xffff, order);
    }
    static bool suits(std::uint32_t row, bool pair) { return pair ? row == full : row != 0; }

    /// row * 10 + mask, or failed.
    std::uint64_t try_take(bool pair) {
        if (hint.load(order) != 0) {
            bool any = false;
            for (std::uint64_t i = 0; i < 2; ++i) {
                const std::uint32_t seen = rows[i].load(order);
                any = any || seen != 0;
                if (!suits(seen, pair)) continue;
                if (pair) begin();
                const std::uint32_t got = rows[i].exchange(0, order);
                const bool suited = suits(got, pair);
                if (!suited && got != 0) {
                    rows[i].fetch_or(got, order);
                    if (on.put_back_hints) hint.fetch_or(1, order);
                }
                if (pair) end();
                if (suited) return i * 10 + got;
            }
            if (!any) {
                hint.fetch_and(0, order);
                for (auto& row : rows) {
                    if (on.reread_after_clearing && row.load(order) != 0) hint.fetch_or(1, order);
                }
            }
        }
        if (whole.load(order) == 0) return failed;
        begin();
        const std::uint32_t got = whole.fetch_and(0, order);
        if (got != 0) {
            rows[1].exchange(full, order);
            hint.fetch_or(1, order);
        }
        end();
        return got != 0 ? full : failed;
    }
    std::uint64_t take(bool pair) {
        const std::uint32_t before = transit.load(order);
        const std::uint64_t got = try_take(pair);
        if (got != failed || !on.count_moves) return got;
        return transit.load(order) == before && (before & 0xffff) == 0 ? failed : busy;
    }
    void give(std::uint64_t got) {
        const std::size_t index = got / 10;
        const auto mask = static_cast<std::uint32_t>(got % 10);
        if (mask == 0) return;
        if ((rows[index].fetch_or(mask, order) | mask) == full && merge()) return;
        if (hint.load(order) == 0) hint.fetch_or(1, order);
    }
    bool merge() {
        for (;;) {
            for (auto& row : rows) {
                if (row.load(order) != full) return false;
            }
            begin();
            std::uint32_t taken = 0;
            for (auto& row : rows) {
                std::uint32_t expected = full;
                if (!row.compare_exchange(expected, 0, order)) break;
                ++taken;
            }
            if (taken == 2) {
                hint.fetch_and(0, order);
                whole.fetch_or(1, order);
                end();
                return true;
            }
            for (std::uint32_t i = 0; i < taken; ++i) rows[i].fetch_or(full, order);
            end();
            if (!on.recheck_after_put_back || taken == 0) return false;
        }
    }

    [[nodiscard]] std::string judge(const std::vector<outcome>& results, bool may_fail) const {
        const std::uint32_t first = rows[0].load(order);
        const std::uint32_t second = rows[1].load(order);
        if (first == full && second == full) return "lost merge";
        if ((first | second) != 0 && hint.load(order) == 0) return "stale-clear hint";
        for (const auto& result : results) {
            if (result[0] == failed && !may_fail) return "false exhausted";
        }
        return "";
    }
};

using program = outcome (*)(model&);

exploration run(rules on, std::uint32_t row0, std::uint32_t row1, bool hinted, bool whole, bool may_fail,
                const std::vector<program>& programs) {
    model m{};
    m.on = on;
    m.rows[0].store(row0, order);
    m.rows[1].store(row1, order);
    m.hint.store(hinted ? 1 : 0, order);
    m.whole.store(whole ? 1 : 0, order);
    std::vector<explorer::program> threads;
    for (const program each : programs) threads.emplace_back([&m, each] { return each(m); });
    return explore({reinterpret_cast<std::byte*>(&m), offsetof(model, on)}, threads,
                   [&](const auto& results) { return m.judge(results, may_fail); });
}

template <std::uint64_t What>
outcome give_back(model& m) {
    m.give(What);
    return {};
}
template <bool Pair>
outcome take_and_give(model& m) {
    const std::uint64_t got = m.take(Pair);
    if (got < failed) m.give(got);
    return {got};
}
outcome take_and_keep_one(model& m) {
    const std::uint64_t got = m.take(false);
    const std::uint64_t mask = got % 10;
    if (got < failed) m.give(got / 10 * 10 + (mask & (mask - 1)));
    return {got};
}

constexpr program give_last = give_back<12>;
constexpr program give_first_row = give_back<1>;
constexpr program take_one = take_and_give<false>;
constexpr program take_pair = take_and_give<true>;

bool found(const exploration& seen, const std::string& what) {
    for (const auto& f : seen.findings) {
        if (f.what == what) return true;
    }
    return false;
}

TEST_CASE("with every rule on, nothing is found") {
    const rules all;
    CHECK(run(all, full, 1, true, false, true, {give_last, take_one, take_one}).findings.empty());
    CHECK(run(all, 0, 0, false, true, false, {take_and_keep_one, take_and_keep_one}).findings.empty());
    CHECK(run(all, 0, 0, true, false, true, {give_first_row, take_one}).findings.empty());
    CHECK(run(all, full, 0, true, false, true, {take_pair, take_and_keep_one, take_one}).findings.empty());
}

TEST_CASE("without the look after a put-back a merge is lost") {
    CHECK(found(run({.recheck_after_put_back = false}, full, 1, true, false, true, {give_last, take_one}),
                "lost merge"));
}

TEST_CASE("a put-back that does not hint hides frames") {
    CHECK(found(
        run({.put_back_hints = false}, full, 0, true, false, true, {take_pair, take_and_keep_one, take_one}),
        "stale-clear hint"));
}

TEST_CASE("without the transit word memory in motion reads as exhausted") {
    CHECK(found(run({.count_moves = false}, 0, 0, false, true, false, {take_and_keep_one, take_and_keep_one}),
                "false exhausted"));
}

TEST_CASE("a hint cleared without another look at the rows goes stale") {
    CHECK(found(run({.reread_after_clearing = false}, 0, 0, true, false, true, {give_first_row, take_one}),
                "stale-clear hint"));
}

}  // namespace
