// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Plans and explanations against a search of everything, on random descriptors of a small address space: 64
// units of 256 MiB, sixteen of them to each 4 GiB.
#include <doctest/doctest.h>

#include <algorithm>
#include <ashlar/remote/explain.hpp>
#include <ashlar/remote/plan_windows.hpp>
#include <ashlar/remote/presets.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using namespace ashlar;
using block = byte_range<peer>;

constexpr std::uint64_t unit = std::uint64_t{1} << 28;
constexpr std::uint64_t units = 64;

bool power_of_two(std::uint64_t n) {
    std::uint64_t p = 1;
    while (p < n) p *= 2;
    return p == n;
}

/// What the rules say, in units, rule by rule.
bool may_show(const window_descriptor& d, window_kind kind, std::uint64_t most, std::uint64_t first,
              std::uint64_t count) {
    if (d.authority == window_authority::fixed) {
        return first * unit == d.fixed_target.value && count * unit == most;
    }
    if (count * unit > most) return false;
    if (d.reach != 0 && (first + count) * unit > d.reach) return false;
    if (d.within_4gib && first / 16 != (first + count - 1) / 16) return false;
    if (kind == window_kind::slice) return count * unit == most && first % count == 0;
    if (d.limit == limit_rule::whole && count * unit != most) return false;
    if (d.limit != limit_rule::whole && count * unit % d.granule != 0) return false;
    if (d.limit != limit_rule::whole && d.power_of_two_size && !power_of_two(count)) return false;
    switch (d.alignment) {
        case alignment_rule::granule:
            return first * unit % d.granule == 0;
        case alignment_rule::aperture:
            return first * unit % d.aperture == 0;
        case alignment_rule::block:
            return first % count == 0;
    }
    return false;
}
std::uint64_t size_of(const window_descriptor& d, window_kind kind, std::uint32_t number) {
    return kind == window_kind::slice ? slice_size(d) : window_size(d, number);
}

window_descriptor random_descriptor(testing::random_bits& random) {
    for (;;) {
        window_descriptor d{.name = "random"};
        d.windows = static_cast<std::uint32_t>(random() % 4);
        d.aperture = unit << random() % 5;
        d.granule = unit << random() % 2;
        d.slices = static_cast<std::uint32_t>(random() % 2 * (random() % 6));
        if (random() % 2 != 0) {
            d.slice_bytes = unit << random() % 3;
        } else {
            d.slices_in_aperture = 1U << random() % 4;
        }
        d.slices_shrink_first = random() % 2 != 0;
        d.alignment = static_cast<alignment_rule>(random() % 3);
        d.power_of_two_size = random() % 2 != 0;
        d.limit = random() % 4 == 0 ? limit_rule::whole : limit_rule::size;
        d.within_4gib = random() % 3 == 0;
        d.reach = random() % 4 == 0 ? unit * (1 + random() % units) : 0;
        d.replaces_bits = random() % 4 == 0;
        if (random() % 12 == 0) {
            d.authority = window_authority::fixed;
            d.windows = 1;
            d.slices = 0;
            d.fixed_target = {random() % units * unit};
        }
        if (check(d) == descriptor_defect::none) return d;
    }
}

/// The fewest windows, by trying every block that has the first byte which is not shown yet.
class everything {
 public:
    everything(const window_descriptor& d, std::vector<bool> needed) : d_(d), needed_(std::move(needed)) {}

    std::optional<unsigned> fewest(std::uint64_t from, std::uint32_t first, std::uint32_t others,
                                   std::uint32_t slices) {
        while (from < units && !needed_[from]) ++from;
        if (from >= units) return 0;
        const auto key = std::tuple(from, first, others, slices);
        if (const auto known = known_.find(key); known != known_.end()) return known->second;
        std::optional<unsigned> best;
        const auto consider = [&](std::optional<unsigned> rest) {
            if (rest && (!best || *rest + 1 < *best)) best = *rest + 1;
        };
        for (std::uint64_t start = 0; start <= from; ++start) {
            for (std::uint64_t end = from + 1; end <= units; ++end) {
                const auto fits = [&](window_kind kind, std::uint32_t number) {
                    return may_show(d_, kind, size_of(d_, kind, number), start, end - start);
                };
                if (first != 0 && fits(window_kind::direct, 0)) consider(fewest(end, 0, others, slices));
                if (others != 0 && fits(window_kind::direct, 1))
                    consider(fewest(end, first, others - 1, slices));
                if (slices != 0 && fits(window_kind::slice, 0))
                    consider(fewest(end, first, others, slices - 1));
            }
        }
        return known_[key] = best;
    }

 private:
    const window_descriptor& d_;
    std::vector<bool> needed_;
    std::map<std::tuple<std::uint64_t, std::uint32_t, std::uint32_t, std::uint32_t>, std::optional<unsigned>>
        known_;
};

TEST_CASE("plans have as few windows as any, and show all that is memory") {
    testing::random_bits random(7);
    unsigned planned = 0;
    unsigned beyond = 0;
    unsigned too_few = 0;
    for (unsigned round = 0; round < 3'000; ++round) {
        const window_descriptor d = random_descriptor(random);
        const std::uint64_t first = random() % units;
        const std::uint64_t count = 1 + random() % std::min<std::uint64_t>(units - first, 24);
        const block wanted{{first * unit}, count * unit};
        // Half the time there are holes, given in no order.
        std::vector<block> memory;
        std::vector<bool> needed(units, false);
        if (random() % 2 != 0) {
            for (std::uint64_t at = 0; at < units;) {
                at += random() % 6;
                const std::uint64_t length = std::min(1 + random() % 8, units - std::min(at, units));
                if (length == 0) break;
                memory.push_back({{at * unit}, length * unit});
                for (std::uint64_t i = at; i < at + length; ++i) needed[i] = i >= first && i < first + count;
                at += length + 1;
            }
            if (memory.size() > 1) std::swap(memory.front(), memory.back());
        }
        if (memory.empty()) {
            for (std::uint64_t i = first; i < first + count; ++i) needed[i] = true;
        }
        // Blocks beyond the small space are not searched.
        window_descriptor bounded = d;
        if (bounded.reach == 0 && bounded.authority != window_authority::fixed) bounded.reach = units * unit;
        if (bounded.authority == window_authority::fixed &&
            bounded.fixed_target.value + bounded.aperture > units * unit) {
            continue;
        }

        planned_window plan[64];
        const auto answer = plan_windows(bounded, wanted, {memory.data(), memory.size()}, plan);
        if (wanted.first.value % d.granule != 0 || wanted.bytes % d.granule != 0) {
            CHECK(answer.error() == errc::misaligned);
            continue;
        }
        const bool differs = bounded.windows != 0 && slice_area(bounded) != 0;
        everything all(bounded, needed);
        const auto best = all.fewest(0, differs ? 1 : 0, bounded.windows - (differs ? 1 : 0), bounded.slices);
        CAPTURE(round);
        REQUIRE(answer.has_value() == best.has_value());
        if (!best) {
            // With as many windows of each kind as one likes, is there a plan?
            everything more(bounded, needed);
            const auto enough =
                more.fewest(0, differs ? 1 : 0, bounded.windows > (differs ? 1U : 0U) ? 24 : 0,
                            bounded.slices != 0 ? 24 : 0);
            if (enough) CHECK(answer.error() == errc::too_large);
            ++(answer.error() == errc::too_large ? too_few : beyond);
            continue;
        }
        REQUIRE(*answer == *best);
        ++planned;
        std::set<std::pair<window_kind, std::uint32_t>> used;
        for (std::size_t i = 0; i < *answer; ++i) {
            const planned_window& each = plan[i];
            const std::uint64_t start = each.block.first.value / unit;
            const std::uint64_t length = each.block.bytes / unit;
            CHECK(used.emplace(each.kind, each.number).second);
            CHECK(each.number < (each.kind == window_kind::slice ? bounded.slices : bounded.windows));
            CHECK(may_show(bounded, each.kind, size_of(bounded, each.kind, each.number), start, length));
            for (std::uint64_t at = start; at < start + length; ++at) needed[at] = false;
        }
        CHECK(std::count(needed.begin(), needed.end(), true) == 0);
        // With one entry less there is no room for it.
        if (*answer != 0) {
            CHECK(
                plan_windows(bounded, wanted, {memory.data(), memory.size()}, {plan, *answer - 1}).error() ==
                errc::limit);
        }
    }
    CHECK(planned > 500);
    CHECK(beyond > 50);
    CHECK(too_few > 50);
}

TEST_CASE("an explanation is the smallest block that has the bytes, or the one that ends last") {
    testing::random_bits random(11);
    unsigned kept = 0;
    for (unsigned round = 0; round < 6'000; ++round) {
        window_descriptor d = random_descriptor(random);
        if (d.reach == 0) d.reach = units * unit;
        if (check(d) != descriptor_defect::none) continue;
        const window_kind kind = random() % 4 == 0 ? window_kind::slice : window_kind::direct;
        const std::uint64_t most = size_of(d, kind, d.windows > 1 ? 1 : 0);
        if (kind == window_kind::slice ? d.slices == 0 : d.windows == 0) {
            CHECK(explain(d, {{0}, unit}, kind).rule == window_rule::window_of_the_kind);
            continue;
        }
        const std::uint64_t first = random() % units;
        const std::uint64_t count = 1 + random() % std::min<std::uint64_t>(units - first, 20);
        const explanation why = explain(d, {{first * unit}, count * unit}, kind);
        CAPTURE(round);
        REQUIRE(why.legal() == may_show(d, kind, most, first, count));
        if (why.legal()) {
            ++kept;
            continue;
        }
        if (d.authority == window_authority::fixed) {
            CHECK(why.nearest == block{d.fixed_target, d.aperture});
            continue;
        }
        std::uint64_t smallest = 0;
        std::uint64_t furthest = 0;
        for (std::uint64_t start = 0; start <= first; ++start) {
            for (std::uint64_t end = first + 1; end <= units; ++end) {
                if (!may_show(d, kind, most, start, end - start)) continue;
                furthest = std::max(furthest, end);
                if (end >= first + count && (smallest == 0 || end - start < smallest)) smallest = end - start;
            }
        }
        if (smallest != 0) {
            CHECK(why.nearest.bytes == smallest * unit);
            CHECK(why.nearest.contains(block{{first * unit}, count * unit}));
        } else if (furthest != 0) {
            CHECK(why.nearest.end().value == furthest * unit);
            CHECK(why.nearest.contains(byte_address<peer>{first * unit}));
        } else {
            CHECK(why.nearest.empty());
        }
        if (!why.nearest.empty()) {
            CHECK(may_show(d, kind, most, why.nearest.first.value / unit, why.nearest.bytes / unit));
        }
    }
    CHECK(kept > 200);
}

TEST_CASE("plans of the presets") {
    constexpr std::uint64_t gib = std::uint64_t{1} << 30;
    planned_window plan[40];
    SUBCASE("two BARs for what lies in both") {
        CHECK(plan_windows(presets::intel_gen3, {{0x1'8000'0000}, 0x1'0000'0000}, {}, plan).value() == 2);
        CHECK(plan_windows(presets::intel_gen3, {{6 * gib}, ~std::uint64_t{0}}, {}, plan).error() ==
              errc::invalid);
        const auto count = plan_windows(presets::intel_gen3, {{6 * gib}, 4 * gib}, {}, plan);
        REQUIRE(*count == 2);
        CHECK(plan[0].block == block{{4 * gib}, 4 * gib});
        CHECK(plan[1].block == block{{8 * gib}, 2 * gib});
        CHECK(plan_windows(presets::intel_gen3, {{6 * gib}, 8 * gib}, {}, plan).error() == errc::too_large);
    }
    SUBCASE("the hole below 4 GiB needs no window") {
        const block memory[] = {{{0}, 3 * gib}, {{4 * gib}, 5 * gib}};
        const auto pages = with_aperture(presets::amd_three, gib);
        CHECK(plan_windows(pages, {{2 * gib}, 3 * gib}, {}, plan).value() == 3);
        REQUIRE(plan_windows(pages, {{2 * gib}, 3 * gib}, memory, plan).value() == 2);
        CHECK(plan[0].block == block{{2 * gib}, gib});
        CHECK(plan[1].block == block{{4 * gib}, gib});
        CHECK(plan_windows(pages, {{3 * gib}, gib}, memory, plan).value() == 0);
    }
    SUBCASE("a slice before the direct window saves ten") {
        // One direct window, aligned to 16 units; slices of one unit.
        const window_descriptor d{.windows = 1,
                                  .aperture = 16 * unit,
                                  .slices = 12,
                                  .slice_bytes = unit,
                                  .alignment = alignment_rule::aperture,
                                  .granule = unit};
        REQUIRE(plan_windows(d, {{15 * unit}, 17 * unit}, {}, plan).value() == 2);
        CHECK(plan[0].kind == window_kind::slice);
        CHECK(plan[1].kind == window_kind::direct);
        CHECK(plan_windows(d, {{15 * unit}, 5 * unit}, {}, plan, {.windows = 0}).value() == 5);
    }
    SUBCASE("what no window shows") {
        CHECK(plan_windows(presets::plx_32, {{4 * gib}, gib}, {}, plan).error() == errc::not_covered);
        CHECK(plan_windows(presets::ivshmem, {{gib}, 4096}, {}, plan).error() == errc::not_covered);
        CHECK(plan_windows(presets::ivshmem, {{4096}, 4096}, {}, plan).value() == 1);
        CHECK(plan_windows(presets::amd_two, {{1}, 4096}, {}, plan).error() == errc::misaligned);
        CHECK(plan_windows(presets::amd_two, {{0}, 0}, {}, plan).error() == errc::invalid);
        CHECK(plan_windows(with_aperture(presets::amd_two, 5), {{0}, 4096}, {}, plan).error() ==
              errc::invalid);
        CHECK(plan_windows(presets::amd_two, {{0}, 4096}, {}, plan, {.windows = 0}).error() == errc::limit);
    }
    SUBCASE("the last page there is") {
        const auto count = plan_windows(presets::amd_two, {{0xffff'ffff'ffff'e000}, 0x2000}, {}, plan);
        REQUIRE(*count == 1);
        CHECK(plan[0].block == block{{0xffff'ffff'ffff'e000}, 0x2000});
    }
}

}  // namespace
