// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The stack that per-CPU magazines are made of, against a deque.
#include <doctest/doctest.h>
#include <algorithm>
#include <ashlar/layer/magazine.hpp>
#include <ashlar/layer/unit_marks.hpp>
#include <ashlar/testing/observed_atomic.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <deque>
#include <vector>

namespace ashlar {
namespace {

using detail::magazine;

template <class Bits, unsigned SizeOrder>
struct stack {
    using word = builtin_atomic<Bits>;
    static constexpr Bits room = Bits{1} << SizeOrder;
    word ends[magazine<word>::end_words]{};
    word cells[magazine<word>::cell_words(SizeOrder)]{};
    constexpr magazine<word> view() { return {ends, cells, SizeOrder}; }
};

constexpr bool works_at_compile_time() {
    stack<std::uint32_t, 2> s;
    const auto blocks = s.view();
    blocks.push(7);
    blocks.push(9);
    return blocks.holds(7) && !blocks.holds(8) && blocks.pop_oldest() == 7 && !blocks.holds(7) &&
           blocks.pop() == 9 && blocks.empty();
}
static_assert(works_at_compile_time());

TEST_CASE("what comes last goes first, what is oldest can go, too") {
    stack<std::uint32_t, 3> s;
    const auto blocks = s.view();
    for (std::uint32_t i = 0; i < 8; ++i) blocks.push(100 + i);
    CHECK(blocks.size() == 8);
    CHECK(blocks.pop() == 107);
    CHECK(blocks.pop_oldest() == 100);
    CHECK(blocks.pop_oldest() == 101);
    blocks.push(200);
    CHECK(blocks.pop() == 200);
    CHECK(blocks.pop() == 106);
    std::vector<std::uint32_t> left;
    blocks.for_each([&](std::uint32_t each) { left.push_back(each); });
    CHECK(left == std::vector<std::uint32_t>{102, 103, 104, 105});
    blocks.discard();
    CHECK(blocks.empty());
    CHECK_FALSE(blocks.holds(103));
}

TEST_CASE("what is filled in first is popped first, however much there is of it") {
    for (const std::uint32_t found : {0U, 1U, 5U, 8U}) {
        CAPTURE(found);
        stack<std::uint32_t, 3> s;
        const auto blocks = s.view();
        blocks.push(1);
        (void)blocks.pop();
        std::uint32_t next = 0;
        blocks.fill(8, [&](std::uint32_t& block) {
            block = 50 + next;
            return next++ < found;
        });
        CHECK(blocks.size() == found);
        for (std::uint32_t i = 0; i < found; ++i) {
            CHECK(blocks.holds(50 + i));
            CHECK(blocks.pop() == 50 + i);
        }
        CHECK(blocks.empty());
    }
}

/// After each store of a change: the stack has what it had before, or what it has in the end.
template <class Change>
void changes_at_once(Change change) {
    using word = testing::observed_atomic<std::uint32_t>;
    struct state {
        word ends[magazine<word>::end_words]{};
        word cells[magazine<word>::cell_words(2)]{};
        std::vector<std::vector<std::uint32_t>> seen;
        void look() {
            std::vector<std::uint32_t> now;
            magazine<word>(ends, cells, 2).for_each([&](std::uint32_t each) { now.push_back(each); });
            seen.push_back(now);
        }
    } s;
    magazine<word> blocks(s.ends, s.cells, 2);
    for (const std::uint32_t each : {1U, 2U, 3U, 4U, 5U, 6U}) {
        if (blocks.size() == 4) (void)blocks.pop_oldest();
        blocks.push(each);
    }
    (void)blocks.pop();
    s.look();
    testing::write_observer::context = &s;
    testing::write_observer::written = [](void* context) { static_cast<state*>(context)->look(); };
    change(blocks);
    testing::write_observer::written = nullptr;
    REQUIRE(s.seen.size() > 1);
    for (const auto& each : s.seen) CHECK((each == s.seen.front() || each == s.seen.back()));
    CHECK(s.seen.front() != s.seen.back());
}
TEST_CASE("who looks between two stores finds a block in one place, or in none") {
    changes_at_once([](auto& blocks) { blocks.push(9); });
    changes_at_once([](auto& blocks) { (void)blocks.pop(); });
    changes_at_once([](auto& blocks) { (void)blocks.pop_oldest(); });
}

TEST_CASE("ends that do not belong together read as an empty stack") {
    stack<std::uint32_t, 3> s;
    const auto blocks = s.view();
    blocks.push(5);
    // As in the middle of a fill: the bottom is ahead of the top.
    s.ends[1].store(4, memory_order::relaxed);
    CHECK(blocks.size() == 0);
    CHECK_FALSE(blocks.holds(5));
    blocks.for_each([](std::uint32_t) { FAIL("an empty stack has a block"); });
    blocks.discard();
    CHECK(blocks.empty());
}

/// Words of 8 bits: positions wrap every 256 steps, and half of the blocks share hashes.
template <class Bits, unsigned SizeOrder>
void agrees_with_deque(Bits stride, std::uint64_t seed) {
    stack<Bits, SizeOrder> s;
    // What was there before means nothing.
    testing::random_bits dice(seed);
    for (auto& each : s.cells) each.store(static_cast<Bits>(dice()), memory_order::relaxed);
    const auto blocks = s.view();
    std::deque<Bits> deserved;
    const auto has = [&](Bits block) {
        return std::find(deserved.begin(), deserved.end(), block) != deserved.end();
    };
    for (int step = 0; step < 50'000; ++step) {
        const auto block = static_cast<Bits>(stride * static_cast<Bits>(dice() % 64));
        REQUIRE(blocks.holds(block) == has(block));
        const std::uint64_t what = dice() % 16;
        if (what < 8 && deserved.size() < s.room && !has(block)) {
            blocks.push(block);
            deserved.push_back(block);
        } else if (what < 11 && !deserved.empty()) {
            REQUIRE(blocks.pop() == deserved.back());
            deserved.pop_back();
        } else if (what < 14 && !deserved.empty()) {
            REQUIRE(blocks.pop_oldest() == deserved.front());
            deserved.pop_front();
        } else if (deserved.empty()) {
            const auto many = static_cast<Bits>(dice() % (s.room + 1));
            std::vector<Bits> found;
            for (Bits i = 0; found.size() < many; ++i) found.push_back(static_cast<Bits>(stride * i));
            std::size_t next = 0;
            blocks.fill(s.room, [&](Bits& each) {
                if (next == found.size()) return false;
                each = found[next++];
                return true;
            });
            for (const Bits each : found) deserved.push_front(each);
        }
        REQUIRE(blocks.size() == deserved.size());
        REQUIRE(blocks.empty() == deserved.empty());
    }
}

TEST_CASE("a long random history agrees with a deque, over wrapping positions and shared hashes") {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        agrees_with_deque<std::uint8_t, 1>(1, seed);
        agrees_with_deque<std::uint8_t, 3>(1, seed);
        agrees_with_deque<std::uint8_t, 5>(4, seed);
        agrees_with_deque<std::uint16_t, 4>(512, seed);
        agrees_with_deque<std::uint32_t, 4>(1U << 20, seed);
        agrees_with_deque<std::uint64_t, 4>(std::uint64_t{1} << 32, seed);
    }
}

TEST_CASE("marks are set for every unit that is touched, and cleared for whole ones") {
    using word = builtin_atomic<std::uint32_t>;
    using marks = detail::unit_marks<word, machine, 3>;
    constexpr range<> covered{{61}, 1000};
    std::vector<word> words(marks::words_for(covered));
    const marks units(covered, words.data());
    const auto marked = [&] {
        std::vector<std::uint64_t> frames;
        for (std::uint64_t i = 0; i < covered.count; ++i) {
            if (units.has(covered.first + i)) frames.push_back(covered.first.number + i);
        }
        return frames;
    };
    CHECK(marked().empty());
    units.set({{79}, 2});
    REQUIRE(marked().size() == 16);
    CHECK(marked().front() == 72);
    CHECK(marked().back() == 87);
    units.clear({{73}, 14});
    CHECK(marked().size() == 16);
    units.clear({{73}, 15});
    CHECK(marked().size() == 8);
    units.clear({{72}, 1});
    CHECK(marked().size() == 8);
    units.clear({{72}, 8});
    CHECK(marked().empty());
    // The ends of what is covered are units of their own, smaller ones.
    units.set(covered);
    CHECK(marked().size() == 1000);
    units.clear({{61}, 3});
    CHECK(marked().front() == 64);
    units.clear({{1056}, 5});
    CHECK(marked().back() == 1055);
    units.clear_all();
    CHECK(marked().empty());
    {
        const marks::turn mine(units);
        CHECK(mine.taken);
        const marks::turn other(units);
        CHECK_FALSE(other.taken);
    }
    CHECK(marks::turn(units).taken);
}

}  // namespace
}  // namespace ashlar
