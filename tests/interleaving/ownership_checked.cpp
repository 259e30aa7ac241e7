// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every interleaving, with weak memory, of wrong frees under `ownership_checked`: of frees of one frame one
// succeeds, wherever the frame goes, and nobody else's frame is touched.
#include <doctest/doctest.h>

#include <ashlar/layer/ownership_checked.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <string>

#include "interleaving/small_slots.hpp"
#include "interleaving/world.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

/// Frames that a program frees are its own in the end, too, if the free was refused.
template <class Source>
struct checked_world : world<Source, 4> {
    /// What programs want to free, and how much of it each names.
    std::vector<std::uint64_t> named;

    [[nodiscard]] std::string judge(const std::vector<outcome>& results) {
        std::uint64_t freed = 0;
        std::uint64_t wanted = 0;
        for (std::size_t i = 0; i < named.size(); ++i) {
            wanted |= named[i];
            if (results[i][told] != code(errc::ok)) continue;
            if ((freed & named[i]) != 0) return "two frees of one frame succeed";
            freed |= named[i];
        }
        // A right free is refused only where a wrong one is in its way: somebody succeeds.
        if (wanted != 0 && freed == 0) return "nobody succeeds";
        for (cpu_id cpu = 0; cpu < 3; ++cpu) this->memory.drain(cpu);
        std::vector<outcome> holders = results;
        for (std::size_t i = 0; i < named.size(); ++i) holders[i][held] = 0;
        holders.push_back({wanted & ~freed});
        std::uint64_t in_use = static_cast<std::uint64_t>(std::popcount(this->held_at_start));
        for (const auto& each : holders) in_use += static_cast<std::uint64_t>(std::popcount(each[held]));
        if (this->memory.held_by_users() != in_use) return "the bits are wrong";
        return world<Source, 4>::judge(holders);
    }
};
using plain = checked_world<ownership_checked<radix_buddy<own_cpu, tiny>>>;
using rows = checked_world<ownership_checked<cpu_rows<radix_buddy<own_cpu, tiny>, own_rows>>>;
using magazines = checked_world<ownership_checked<cpu_magazines<radix_buddy<own_cpu, tiny>, own_stacks>>>;
using shared_magazines =
    checked_world<ownership_checked<cpu_magazines<radix_buddy<one_cpu, tiny>, shared_stacks>>>;

std::string one_is_told(const std::vector<outcome>& results) {
    return told_nothing_but(results, {errc::ok, errc::double_free, errc::exhausted, errc::busy});
}

template <class World>
void explore_wrong_frees(const char* kind) {
    const auto name = [kind](const char* what) { return std::string(kind) + ": " + what; };
    {
        World w;
        w.hold({{8}, 2});
        w.hand_over({{8}, 1});
        w.named = {1, 1};
        run(name("give 8, give 8").c_str(), w, {give_unused(w, 8), give_unused(w, 8)}, one_is_told);
    }
    {
        World w;
        w.hold({{8}, 2});
        w.hand_over({{8}, 2});
        w.named = {3, 2};
        run(name("give 8 and 9 as a block, give 9").c_str(), w, {give_unused(w, 8, 1), give_unused(w, 9)},
            one_is_told);
    }
    {
        // Somebody else takes: whatever he gets is his alone.
        World w;
        w.hold({{8}, 3});
        w.hand_over({{8}, 2});
        w.named = {1, 2};
        run(name("give 8, give 9, take").c_str(), w, {give(w, 8), give(w, 9), take(w, 0)}, one_is_told);
    }
}

TEST_CASE("around the radix buddy") {
    explore_wrong_frees<plain>("radix");
}
TEST_CASE("around per-CPU rows: the frame lies in the other CPU's slot by then") {
    explore_wrong_frees<rows>("rows");
}
TEST_CASE("around per-CPU stacks, exclusive and shared") {
    explore_wrong_frees<magazines>("stacks");
    explore_wrong_frees<shared_magazines>("shared stacks");
}

}  // namespace
