// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Descriptors: what is wrong with one, and for each preset which blocks its windows cannot show, and why.
#include <doctest/doctest.h>

#include <ashlar/remote/check_descriptor.hpp>
#include <ashlar/remote/explain.hpp>
#include <ashlar/remote/presets.hpp>
#include <cstdint>
#include <cstring>
#include <initializer_list>

namespace {

using namespace ashlar;
using defect = descriptor_defect;
using block = byte_range<peer>;

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t mib = 1024 * kib;
constexpr std::uint64_t gib = 1024 * mib;

constexpr bool says(const window_descriptor& d, block wanted, window_rule rule, block nearest,
                    window_kind kind = window_kind::direct) {
    const explanation why = explain(d, wanted, kind);
    return why.rule == rule && why.nearest == nearest && why.legal() == (rule == window_rule::kept);
}
constexpr bool shows(const window_descriptor& d, block wanted, window_kind kind = window_kind::direct) {
    return says(d, wanted, window_rule::kept, wanted, kind);
}
using rule = window_rule;

// Intel gen1: the translation has no bits below the size of the BAR.
static_assert(shows(presets::intel_gen1, {{8 * gib}, 4 * gib}));
static_assert(shows(presets::intel_gen1, {{8 * gib}, 12 * kib}));
static_assert(says(presets::intel_gen1, {{9 * gib}, gib}, rule::aligned_to_aperture, {{8 * gib}, 2 * gib}));
static_assert(says(presets::intel_gen1, {{8 * gib}, 5 * gib}, rule::fits_window, {{8 * gib}, 4 * gib}));
static_assert(says(presets::intel_gen1, {{8 * gib}, 100}, rule::size_in_granules, {{8 * gib}, 4 * kib}));
// A block across two BARs' worth: none covers it, the first byte's does.
static_assert(says(presets::intel_gen1, {{11 * gib}, 2 * gib}, rule::aligned_to_aperture,
                   {{8 * gib}, 4 * gib}));
// Its halves of a split BAR: 32 bits.
static_assert(shows(presets::intel_gen1_split, {{256 * mib}, 256 * mib}));
static_assert(says(presets::intel_gen1_split, {{4 * gib}, 4 * kib}, rule::within_reach, {}));
static_assert(says(presets::intel_gen1_split, {{4 * gib - 4 * kib}, 4 * kib}, rule::aligned_to_aperture,
                   {{4 * gib - 256 * mib}, 256 * mib}));
// gen3, gen4: the same alignment; Ice Lake only powers of two, Sapphire Rapids any page.
static_assert(shows(presets::intel_gen3, {{4 * gib}, 3 * gib}));
static_assert(says(presets::intel_gen3, {{4 * gib + 4 * kib}, 4 * kib}, rule::aligned_to_aperture,
                   {{4 * gib}, 8 * kib}));
static_assert(says(presets::intel_gen4, {{4 * gib}, 3 * gib}, rule::size_is_power_of_two,
                   {{4 * gib}, 4 * gib}));
static_assert(says(presets::intel_gen4, {{4 * gib}, 12 * kib}, rule::size_is_power_of_two,
                   {{4 * gib}, 16 * kib}));
static_assert(shows(presets::intel_gen4_spr, {{4 * gib + 4 * kib}, 3 * gib}));
// AMD: any page.
static_assert(shows(presets::amd_three, {{0x1234'5000}, 0x3000}));
static_assert(says(presets::amd_two, {{0x1000'0800}, 0x1000}, rule::aligned_to_granule,
                   {{0x1000'0000}, 0x2000}));
static_assert(says(presets::amd_two, {{0x1000'0000}, 2 * gib}, rule::fits_window, {{0x1000'0000}, gib}));
// Switchtec: aligned to its size, a power of two; slices of 64 KiB.
static_assert(shows(presets::switchtec, {{64 * mib}, 64 * mib}));
static_assert(says(presets::switchtec, {{64 * mib + 4 * kib}, 64 * mib}, rule::aligned_to_block,
                   {{0}, 128 * mib * 2}));
static_assert(says(presets::switchtec, {{4 * kib}, 8 * kib}, rule::aligned_to_block, {{0}, 16 * kib}));
static_assert(says(presets::switchtec, {{0}, 12 * kib}, rule::size_is_power_of_two, {{0}, 16 * kib}));
static_assert(shows(presets::switchtec, {{192 * kib}, 64 * kib}, window_kind::slice));
static_assert(says(presets::switchtec, {{192 * kib}, 4 * kib}, rule::whole_window, {{192 * kib}, 64 * kib},
                   window_kind::slice));
static_assert(says(presets::switchtec, {{200 * kib}, 64 * kib}, rule::aligned_to_block,
                   {{192 * kib}, 64 * kib}, window_kind::slice));
// The table takes 32 MiB of the first BAR, and what is behind it is no larger than that.
static_assert(window_size(presets::switchtec, 0) == 32 * mib);
static_assert(window_size(presets::switchtec, 1) == 4 * gib);
// IDT: words of four bytes; the table cuts the BAR.
static_assert(shows(presets::idt_direct, {{0x1004}, 12}));
static_assert(says(presets::idt_direct, {{0x1002}, 12}, rule::aligned_to_granule, {{0x1000}, 16}));
static_assert(slice_size(presets::idt_lut12) == 32 * mib && slice_size(presets::idt_lut24) == 16 * mib);
static_assert(presets::idt_lut24.windows + presets::idt_lut24.slices == 29);
static_assert(says(presets::idt_lut12, {{0}, 4}, rule::window_of_the_kind, {}));
static_assert(shows(presets::idt_lut12, {{96 * mib}, 32 * mib}, window_kind::slice));
// PLX: the size is that of the BAR.
static_assert(shows(presets::plx_64, {{4 * gib}, 4 * gib}));
static_assert(says(presets::plx_64, {{4 * gib}, gib}, rule::whole_window, {{4 * gib}, 4 * gib}));
static_assert(says(presets::plx_32, {{4 * gib}, 256 * mib}, rule::within_reach, {}));
static_assert(shows(presets::plx_back_to_back, {{64 * mib}, 64 * mib}));
static_assert(says(presets::plx_back_to_back, {{64 * mib}, 4 * kib}, rule::size_in_granules,
                   {{64 * mib}, mib}));
static_assert(says(presets::plx_back_to_back, {{65 * mib}, 2 * mib}, rule::aligned_to_block,
                   {{64 * mib}, 4 * mib}));
static_assert(presets::plx_64.split_halves && !presets::plx_32.split_halves);
static_assert(slice_size(presets::plx_alut128) == 8 * mib && slice_size(presets::plx_alut256) == 4 * mib);
// A PCI endpoint: no carry into the upper half.
static_assert(shows(presets::endpoint, {{4 * gib - 64 * kib}, 64 * kib}));
static_assert(says(presets::endpoint, {{4 * gib - 64 * kib}, 128 * kib}, rule::within_4gib,
                   {{4 * gib - 64 * kib}, 64 * kib}));
static_assert(says(presets::endpoint, {{0x1000}, 64 * kib}, rule::aligned_to_granule, {{0}, 128 * kib}));
// CXL: 256 MiB.
static_assert(shows(presets::cxl_hdm, {{0x3'1000'0000}, 512 * mib}));
static_assert(says(presets::cxl_hdm, {{0x3'0000'0000}, mib}, rule::size_in_granules,
                   {{0x3'0000'0000}, 256 * mib}));
static_assert(presets::cxl_hdm.order == commit_order::stack);
static_assert(!presets::cxl_hdm.has_target && !presets::ivshmem.has_target &&
              presets::memory_slot.has_target);
// ivshmem: what the hypervisor was given.
static_assert(shows(presets::ivshmem, {{0}, 64 * mib}));
static_assert(says(presets::ivshmem, {{mib}, mib}, rule::fixed_target, {{0}, 64 * mib}));
static_assert(says(presets::ivshmem, {{gib}, mib}, rule::fixed_target, {{0}, 64 * mib}));
// A memory slot.
static_assert(says(presets::memory_slot, {{0x1000}, mib}, rule::whole_window, {{0x1000}, gib}));

constexpr window_descriptor sound{.name = "some", .windows = 2, .aperture = mib};
static_assert(check(sound) == defect::none);
static_assert(says(sound, {{0}, 0}, rule::not_empty, {}));
static_assert(says(sound, {{~std::uint64_t{0}}, 2}, rule::not_empty, {}));
static_assert(says(with_aperture(sound, 3), {{0}, 1}, rule::sound_descriptor, {}));
// The example of `window_descriptor`.
constexpr window_descriptor bridge = with_aperture(presets::intel_gen3, 1 << 30);
static_assert(says(bridge, {{0x4000'1000}, 4096}, rule::aligned_to_aperture, {{0x4000'0000}, 0x2000}));

/// The last page there is.
static_assert(shows(sound, {{0xffff'ffff'ffff'f000}, 4 * kib}));

TEST_CASE("what is wrong with a descriptor is said") {
    const auto with = [](auto change) {
        window_descriptor d = sound;
        change(d);
        return check(d);
    };
    using d = window_descriptor&;
    CHECK(with([](d x) { x.windows = 0; }) == defect::no_windows);
    CHECK(with([](d x) { x.aperture = 0; }) == defect::aperture);
    CHECK(with([](d x) { x.aperture = 3 * mib; }) == defect::aperture);
    CHECK(with([](d x) { x.granule = 0; }) == defect::granule);
    CHECK(with([](d x) { x.granule = 12; }) == defect::granule);
    CHECK(with([](d x) { x.granule = 2 * mib; }) == defect::granule);
    CHECK(with([](d x) { x.slices = 4, x.slice_bytes = 3 * kib; }) == defect::slice);
    CHECK(with([](d x) { x.slices = 4, x.slice_bytes = 2 * kib; }) == defect::slice);
    CHECK(with([](d x) { x.slices = 17, x.slice_bytes = 64 * kib; }) == defect::slice);
    CHECK(with([](d x) { x.slices = 4, x.slices_in_aperture = 3; }) == defect::slice);
    CHECK(with([](d x) { x.slices = 16, x.slice_bytes = 64 * kib; }) == defect::none);
    CHECK(with([](d x) { x.slices = 16, x.slice_bytes = 64 * kib, x.slices_shrink_first = true; }) ==
          defect::slices_fill_first);
    CHECK(with([](d x) { x.replaces_bits = true; }) == defect::carries);
    CHECK(with([](d x) { x.alignment = alignment_rule::block; }) == defect::block_size);
    CHECK(with([](d x) { x.alignment = alignment_rule::block, x.power_of_two_size = true; }) == defect::none);
    // What the table leaves is no power of two, and without a limit all of it is shown.
    CHECK(with([](d x) {
              x.slices = 4, x.slice_bytes = 64 * kib, x.slices_shrink_first = true;
              x.alignment = alignment_rule::block, x.power_of_two_size = true, x.limit = limit_rule::whole;
          }) == defect::block_size);
    CHECK(with([](d x) { x.reach = 4; }) == defect::reach);
    const auto fixed = [&](byte_address<peer> target, std::uint64_t reach) {
        return with([&](d x) {
            x.authority = window_authority::fixed;
            x.fixed_target = target;
            x.reach = reach;
        });
    };
    CHECK(fixed({4 * kib}, 0) == defect::none);
    CHECK(fixed({4}, 0) == defect::fixed_target);
    CHECK(fixed({mib}, 2 * mib) == defect::none);
    CHECK(fixed({mib + 4 * kib}, 2 * mib) == defect::fixed_target);
    CHECK(fixed({0xffff'ffff'ffff'f000}, 0) == defect::fixed_target);
}

TEST_CASE("each preset is sound, named once, and shows its nearest block") {
    for (const window_descriptor* each : presets::all) {
        CAPTURE(each->name);
        CHECK(check(*each) == defect::none);
        for (const window_descriptor* other : presets::all) {
            CHECK((other == each || std::strcmp(other->name, each->name) != 0));
        }
        for (const window_kind kind : {window_kind::direct, window_kind::slice}) {
            for (std::uint64_t at = 0; at < 12 * gib; at += 0x1234'5679) {
                const explanation why = explain(*each, {{at}, 0x1001}, kind);
                CHECK(std::strlen(why.sentence()) > 10);
                if (why.nearest.empty()) continue;
                CHECK(explain(*each, why.nearest, kind).legal());
                if (each->authority != window_authority::fixed)
                    CHECK(why.nearest.contains(byte_address<peer>{at}));
            }
        }
    }
}

TEST_CASE("each rule and each defect has its sentence, and rules their errors") {
    for (int i = 0; i <= static_cast<int>(rule::within_reach); ++i) {
        const auto each = static_cast<rule>(i);
        CHECK(std::strcmp(to_string(each), "unknown") != 0);
        CHECK((to_errc(each) == errc::ok) == (each == rule::kept));
    }
    for (int i = 0; i <= static_cast<int>(defect::fixed_target); ++i) {
        CHECK(std::strcmp(to_string(static_cast<defect>(i)), "unknown") != 0);
    }
    CHECK(to_errc(rule::fits_window) == errc::too_large);
    CHECK(to_errc(rule::aligned_to_aperture) == errc::misaligned);
    CHECK(to_errc(rule::within_reach) == errc::not_covered);
    CHECK(to_errc(rule::not_empty) == errc::invalid);
}

}  // namespace
