// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/layer/accepted.hpp>
#include <ashlar/layer/counted.hpp>
#include <ashlar/layer/cpu_magazines.hpp>
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/layer/locked.hpp>
#include <ashlar/layer/ownership_checked.hpp>
#include <ashlar/layer/poisoned.hpp>
#include <ashlar/layer/scrubbed.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/fault_injected.hpp>
#include <ashlar/testing/model_run.hpp>
#include <ashlar/testing/naive_bitmap.hpp>
#include <ashlar/zone/zone.hpp>
#include <cstddef>
#include <cstdint>

// The frame sources and compositions under test. Each struct here becomes the tests law-<name> and
// model-<name> (with hyphens): tests/source/CMakeLists.txt reads the names from the lines that begin with
// `struct`.
namespace ashlar::under_test {

inline constexpr testing::model_freedom has_limits{.limits = true};

/// Three CPUs, of which the caller is the second, then an id beyond them.
struct three_cpus : platform {
    [[nodiscard]] static constexpr cpu_id this_cpu() noexcept { return 1; }
    [[nodiscard]] static constexpr cpu_id max_cpus() noexcept { return 3; }
};

inline constexpr buddy_shape small_buddy{.top_order = 6, .pageblock_order = 3};
inline constexpr buddy_shape small_lines{
    .top_order = 8, .row_order = 2, .line_order = 4, .pageblock_order = 4};
inline constexpr buddy_shape kept_apart{.placement = placement::fullest, .mobility_classes = true};
inline constexpr buddy_shape small_32{
    .top_order = 12, .word_bits = 32, .row_order = 5, .line_order = 7, .pageblock_order = 6};

/// Stacks that are soon full, and stacks of blocks as large as a unit of isolation.
inline constexpr magazine_shape small_stacks{
    .batch = 4, .high = 12, .largest_order = 2, .huge_order = 3, .frames_per_cpu = 1};
inline constexpr magazine_shape shared_stacks{
    .contract = slot_contract::shared, .batch = 16, .high = 512, .huge_order = 9, .frames_per_cpu = 1};

/// A zone of mirrored memory, of node 2.
template <class Zone>
struct mirrored : Zone {
    constexpr mirrored() noexcept { this->set_description({.node = 2, .mirrored = true}); }
};

/// Frames that can be touched; all of them are the same few bytes. Platform of what touches frames.
struct touchable : three_cpus {
    static inline std::byte bytes[16]{};
    static constexpr std::uint64_t frame_bytes = 16;
    [[nodiscard]] static void* bytes_of(frame<>) noexcept { return bytes; }
    static void poison(frame<>, std::uint64_t) noexcept {}
    static void unpoison(frame<>, std::uint64_t) noexcept {}
    [[nodiscard]] static errc accept(range<>) noexcept { return errc::ok; }
};
inline constexpr scrub_shape scrub_both{.on_allocate = true, .on_free = true};

/// All memory is unaccepted when it is attached.
template <class Source>
struct unaccepted_at_first : Source {
    constexpr errc attach(range<> frames, view<typename Source::word> words, start how) noexcept {
        const errc answer = Source::attach(frames, words, how);
        if (answer != errc::ok || how == start::recover) return answer;
        return this->mark_unaccepted(frames);
    }
    template <class Live>
    constexpr errc attach(range<> frames, view<typename Source::word> words, start how,
                          Live&& live) noexcept {
        return Source::attach(frames, words, how, live);
    }
};

struct naive {
    using source = testing::naive_bitmap<platform, small_buddy>;
    static constexpr testing::model_freedom freedom{};
};
struct list_buddy_full {
    using source = list_buddy<platform>;
    static constexpr testing::model_freedom freedom{};
};
struct list_buddy_small {
    using source = list_buddy<platform, small_buddy>;
    static constexpr testing::model_freedom freedom{};
};
struct list_buddy_flat {
    using source = list_buddy<platform, buddy_shape{.top_order = 4, .pageblock_order = 4}>;
    static constexpr testing::model_freedom freedom{};
};
struct locked_list {
    using source = locked<list_buddy<platform, small_buddy>>;
    static constexpr testing::model_freedom freedom{};
};
struct counted_locked_list {
    using source = counted<locked<list_buddy<three_cpus, small_buddy>>, count_shape{.delta = 3}>;
    static constexpr testing::model_freedom freedom{};
};
struct locked_counted_list {
    using source = locked<counted<list_buddy<platform, small_buddy>>>;
    static constexpr testing::model_freedom freedom{};
};
struct fault_injected_list {
    using source = testing::fault_injected<list_buddy<platform, small_buddy>>;
    static constexpr testing::model_freedom freedom{};
};
struct radix_buddy_full {
    using source = radix_buddy<platform>;
    static constexpr testing::model_freedom freedom = has_limits;
};
struct radix_buddy_small {
    using source = radix_buddy<platform, small_lines>;
    static constexpr testing::model_freedom freedom = has_limits;
};
struct radix_buddy_words_32 {
    using source = radix_buddy<platform, small_32>;
    static constexpr testing::model_freedom freedom = has_limits;
};
struct counted_radix {
    using source = counted<radix_buddy<three_cpus, small_lines>, count_shape{.delta = 5}>;
    static constexpr testing::model_freedom freedom = has_limits;
};
struct cpu_rows_radix {
    using source = cpu_rows<radix_buddy<three_cpus, small_lines>, rows_shape{.frames_per_cpu = 1}>;
    static constexpr testing::model_freedom freedom = has_limits;
};
struct cpu_rows_counted_radix {
    using source = cpu_rows<counted<radix_buddy<three_cpus, kept_apart>, count_shape{.delta = 5}>,
                            rows_shape{.contract = slot_contract::shared, .frames_per_cpu = 1}>;
    static constexpr testing::model_freedom freedom = has_limits;
};
struct cpu_magazines_list {
    using source = cpu_magazines<locked<list_buddy<three_cpus, small_buddy>>, small_stacks>;
    static constexpr testing::model_freedom freedom{};
};
struct cpu_magazines_counted_list {
    using source = cpu_magazines<locked<counted<list_buddy<three_cpus>>>, shared_stacks>;
    static constexpr testing::model_freedom freedom{};
};
struct cpu_magazines_radix {
    using source = cpu_magazines<radix_buddy<three_cpus, small_lines>, small_stacks>;
    static constexpr testing::model_freedom freedom = has_limits;
};
struct cpu_magazines_counted_radix {
    using source = cpu_magazines<counted<radix_buddy<three_cpus>, count_shape{.delta = 5}>, shared_stacks>;
    static constexpr testing::model_freedom freedom = has_limits;
};
struct ownership_checked_list {
    using source = ownership_checked<locked<list_buddy<three_cpus, small_buddy>>>;
    static constexpr testing::model_freedom freedom{};
};
struct ownership_checked_cpu_rows {
    using source =
        ownership_checked<cpu_rows<radix_buddy<three_cpus, small_lines>, rows_shape{.frames_per_cpu = 1}>>;
    static constexpr testing::model_freedom freedom = has_limits;
};
struct ownership_checked_cpu_magazines {
    using source = ownership_checked<cpu_magazines<counted<radix_buddy<three_cpus, small_32>>, small_stacks>>;
    static constexpr testing::model_freedom freedom = has_limits;
};
struct scrubbed_radix {
    using source = scrubbed<radix_buddy<touchable, small_lines>, scrub_both>;
    static constexpr testing::model_freedom freedom = has_limits;
};
struct poisoned_locked_list {
    using source = poisoned<locked<list_buddy<touchable, small_buddy>>>;
    static constexpr testing::model_freedom freedom{};
};
struct accepted_list {
    using source = unaccepted_at_first<accepted<list_buddy<touchable, small_buddy>>>;
    static constexpr testing::model_freedom freedom{};
};
struct scrubbed_poisoned_accepted_counted_radix {
    using source =
        scrubbed<poisoned<unaccepted_at_first<accepted<counted<radix_buddy<touchable, small_lines>>>>>,
                 scrub_both>;
    static constexpr testing::model_freedom freedom = has_limits;
};
struct zone_radix {
    using source = zone<radix_buddy<platform, small_lines>>;
    static constexpr testing::model_freedom freedom = has_limits;
};
struct zone_counted_radix {
    using source = mirrored<zone<counted<radix_buddy<three_cpus, small_lines>, count_shape{.delta = 5}>>>;
    static constexpr testing::model_freedom freedom = has_limits;
};

}  // namespace ashlar::under_test
