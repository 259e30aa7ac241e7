// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Entries as the manuals and the kernels that ship have them, bit by bit, at compile time; then what holds
// for entries of every format.
#include <doctest/doctest.h>

#include <ashlar/paging/page_table_format.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <cstdint>
#include <initializer_list>

#include "paging/formats.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

// x86-64: Intel SDM volume 3A, 4.5; values of Linux arch/x86/include/asm/pgtable_types.h.
static_assert(page_table_format<x86_64> && page_table_format<x86_64_la57>);
static_assert(x86_64::absent() == 0 && x86_64::table(0x1000) == 0x100'0007);
static_assert(x86_64::leaf(0x12345, {.write = true}, 0) == 0x8000'0000'1234'5003);
constexpr auto flagged(std::uint64_t e) {
    return x86_64::with_dirty(x86_64::with_accessed(e, true), true);
}
// __PAGE_KERNEL, __PAGE_KERNEL_IDENT_LARGE_EXEC, PAGE_SHARED.
static_assert(flagged(x86_64::leaf(0, {.write = true, .global = true}, 0)) == 0x8000'0000'0000'0163);
static_assert(flagged(x86_64::leaf(0, {.write = true, .execute = true, .global = true}, 1)) == 0x1e3);
static_assert(x86_64::with_accessed(x86_64::leaf(0, {.write = true, .user = true}, 0), true) ==
              0x8000'0000'0000'0027);
// The PAT bit is bit 7 of a page, bit 12 of a block; index 5 is PAT and PWT.
static_assert(x86_64::leaf(0x2, {.execute = true, .memory = 5}, 0) == 0x2089);
static_assert(x86_64::leaf(0x200, {.execute = true, .memory = 5}, 1) == 0x20'1089);
static_assert(x86_64::leaf(0x4'0000, {.execute = true, .memory = 6}, 2) == 0x4000'1091);
static_assert(x86_64::child_of(0x20'1089, 1, 511) == 0x3f'f089);
static_assert(x86_64::child_of(0x4000'1091, 2, 1) == 0x4020'1091);
static_assert(x86_64::permissions_of(0x20'1089, 1).memory == 5);
static_assert(x86_64::frame_of(0x20'1089, 1) == 0x200 && x86_64::well_formed(0x20'1089, 1));
// Software bits 9-11 and 52-58.
static_assert(x86_64::leaf(0x1, {.execute = true}, 0, 0x3ff) == 0x07f0'0000'0000'1e01);
static_assert(x86_64::software_of(0x0400'0000'0000'1801) == 0x204);
static_assert(x86_64::payload_of(x86_64::absent(0x123)) == 0x123 && !x86_64::is_present(0xfffe));
// Reserved: PS in a PML4 entry, bits 13-20 of a 2 MiB block, frames beyond MAXPHYADDR.
static_assert(!x86_64::well_formed(0x83, 3) && x86_64::well_formed(0x03, 3));
static_assert(!x86_64::well_formed(0x20'2083, 1) && !x86_64::well_formed(0x20'0083, 2));
using x86_64_36 = basic_x86_64<x86_64_shape{.physical_bits = 36, .gigabyte_pages = false}>;
static_assert(!x86_64_36::well_formed(0x10'0000'0001, 0) && x86_64_36::well_formed(0xf'ffff'f001, 0));
static_assert(!x86_64_36::well_formed(0x4000'0083, 2) && !x86_64_36::may_be_leaf(2));
// Canonical addresses.
static_assert(x86_64::valid_address(0x7fff'ffff'ffff) && !x86_64::valid_address(0x8000'0000'0000));
static_assert(x86_64::valid_address(0xffff'8000'0000'0000) && !x86_64::valid_address(0xffff'7fff'ffff'ffff));
static_assert(x86_64_la57::valid_address(0xff'ffff'ffff'ffff) && x86_64_la57::levels == 5);
static_assert(page_geometry<x86_64>::index_of(0xffff'ffff'8020'3000, 3) == 511);
static_assert(page_geometry<x86_64>::index_of(0xffff'ffff'8020'3000, 2) == 510);
static_assert(page_geometry<x86_64>::index_of(0xffff'ffff'8020'3000, 1) == 1);
static_assert(page_geometry<x86_64>::index_of(0xffff'ffff'8020'3000, 0) == 3);
// Nested: every access is a user's (AMD APM volume 2, 15.25.5); guest addresses are not extended.
static_assert(x86_64_nested::leaf(0x1, {.write = true, .execute = true}, 0) == 0x1007);
static_assert(x86_64_nested::valid_address(0xffff'ffff'f000) && !x86_64_nested::valid_address(1ull << 48));

// A change of size needs a break where instruction TLBs cannot have both.
using x86_64_resized = basic_x86_64<x86_64_shape{.break_to_resize = true}>;
static_assert(x86_64_resized::needs_break(0x20'0083, x86_64::table(1), 1, false));
static_assert(!x86_64_resized::needs_break(0x8000'0000'0020'0083, x86_64::table(1), 1, false));
static_assert(!x86_64_resized::needs_break(0x20'0083, 0x40'0083, 1, false));
static_assert(!x86_64::needs_break(0x20'0083, x86_64::table(1), 1, false));

// EPT: Intel SDM volume 3C, 29.3.2.
static_assert(page_table_format<ept>);
static_assert(ept::leaf(0x1, {.write = true, .execute = true}, 0) == 0x1037);
static_assert(ept::leaf(0x200, {.write = true, .execute = true, .ignore_pat = true}, 1) == 0x20'00f7);
static_assert(ept::leaf(0xfee00, {.write = true, .memory = 0}, 0) == 0xfee0'0003);
static_assert(ept::table(0x5) == 0x5007 && ept::is_present(0x4) && !ept::is_present(0x400));
static_assert(ept::with_dirty(ept::with_accessed(0x1037, true), true) == 0x1337);
static_assert(ept::leaf(0x1, {}, 0, 0x3f) == 0x01f0'0000'0000'1831);
static_assert(ept::child_of(0x20'03f7, 1, 2) == 0x20'2377);
using ept_resized = basic_ept<ept_shape{.break_to_resize = true}>;
static_assert(ept_resized::needs_break(0x20'00b7, ept::table(1), 1, false));
static_assert(!ept_resized::needs_break(0x20'00b3, ept::table(1), 1, false));
// Misconfigurations, 29.3.3.1.
static_assert(!ept::well_formed(0x1032, 0) && !ept::well_formed(0x1036, 0) && !ept::well_formed(0x1034, 0));
static_assert(ept_plain::well_formed(0x1034, 0) && !ept_plain::well_formed(0x1032, 0));
static_assert(!ept::well_formed(0x1017, 0) && !ept::well_formed(0x101f, 0) && !ept::well_formed(0x103f, 0));
static_assert(!ept::well_formed(0x1037, 1) && !ept::well_formed(0x87, 3) && !ept::well_formed(0x20'10b7, 1));
static_assert(!ept::expressible({.read = false, .write = true}));
static_assert(!ept::expressible({.read = false, .execute = true}));
static_assert(ept_plain::expressible({.read = false, .execute = true}));
static_assert(ept::absent(~std::uint64_t{0} >> 12) == 0x7fff'ffff'ffff'f800);
static_assert(ept_plain::is_accessed(0x1031) && !ept_plain::is_dirty(0x1031) && ept_plain::is_dirty(0x1033));

// AArch64: Arm ARM D8.3; values as Linux prints them (arch/arm64/include/asm/pgtable-prot.h).
static_assert(page_table_format<aarch64> && page_table_format<aarch64_64k>);
static_assert(aarch64::table(0x41234) == 0x4123'4003 && aarch64::absent() == 0);
constexpr auto kernel_data = aarch64_dirty::with_dirty(
    aarch64_dirty::with_accessed(aarch64_dirty::leaf(0x80200, {.write = true, .global = true}, 0), true),
    true);
static_assert(kernel_data == 0x0068'0000'8020'0703);
static_assert(aarch64_dirty::with_dirty(kernel_data, false) == 0x0068'0000'8020'0783);
static_assert(aarch64_dirty::with_write(kernel_data, false) == 0x0060'0000'8020'0783);
static_assert(aarch64_dirty::with_write(0x0060'0000'8020'0783, true) == 0x0068'0000'8020'0783);
constexpr auto user_data = aarch64_dirty::with_dirty(
    aarch64_dirty::with_accessed(aarch64_dirty::leaf(0x80000, {.write = true, .user = true}, 0, 1), true),
    true);
static_assert(user_data == 0x00e8'0000'8000'0f43);
static_assert(aarch64::leaf(0x80000, {.execute = true, .user = true}, 0) == 0x0020'0000'8000'0bc3);
static_assert(aarch64::leaf(0x40200, {.execute = true, .global = true}, 1) == 0x0040'0000'4020'0381);
static_assert(aarch64::leaf(0x9000, {.write = true, .global = true, .memory = 3, .shareability = 0}, 0) ==
              0x0060'0000'0900'000f);
static_assert(aarch64::child_of(0x0060'0000'4020'0301, 1, 2) == 0x0060'0000'4020'2303);
static_assert(aarch64::child_of(0x0070'0000'4000'0301, 2, 2) == 0x0060'0000'4040'0301);
static_assert(aarch64::is_contiguous(0x0070'0000'4020'0301));
static_assert(aarch64::with_contiguous(0x0060'0000'4020'0301, true) == 0x0070'0000'4020'0301);
// A page has bits 0b11; a block at level 0 of the architecture, or bits below its size, are no descriptors.
static_assert(!aarch64::well_formed(0x4020'0301, 0) && !aarch64::well_formed(0x1, 3));
static_assert(!aarch64::well_formed(0x4020'1301, 1) && aarch64::well_formed(0x4021'0301, 1));  // nT
static_assert(!aarch64_39::well_formed(0x100'0000'0003, 0) && aarch64_39::well_formed(0xff'ffff'f003, 0));
static_assert(!aarch64_64k::well_formed(0x1003, 0) && aarch64_64k::well_formed(0x1'0003, 0));
// Geometry: D8.2.6 to D8.2.8.
static_assert(aarch64::levels == 4 && aarch64_39::levels == 3 && aarch64_39::root_index_bits == 9);
static_assert(aarch64_16k::levels == 4 && aarch64_16k::root_index_bits == 1);
static_assert(aarch64_64k::levels == 2 && aarch64_64k::root_index_bits == 13);
static_assert(aarch64_16k::may_be_leaf(1) && !aarch64_16k::may_be_leaf(2) && aarch64::may_be_leaf(2));
static_assert(page_geometry<aarch64_16k>::shift_of(1) == 25 && page_geometry<aarch64_64k>::shift_of(1) == 29);
static_assert(aarch64_16k::valid_address(0xffff'0000'0000'0000) && !aarch64_16k::valid_address(0));
static_assert(aarch64::valid_address(0xffff'ffff'ffff) && !aarch64::valid_address(0x1'0000'0000'0000));
// Break-before-make: D8.16.1.
constexpr auto a_block = aarch64::leaf(0x40200, {.write = true}, 1);
constexpr auto read_only = aarch64::with_write(a_block, false);
static_assert(aarch64::needs_break(a_block, aarch64::table(1), 1, false));
static_assert(aarch64::needs_break(a_block, aarch64::with_frame(a_block, 0x40400, 1), 1, true));
static_assert(aarch64::needs_break(read_only, aarch64::with_frame(read_only, 0x40400, 1), 1, false));
static_assert(!aarch64::needs_break(read_only, aarch64::with_frame(read_only, 0x40400, 1), 1, true));
static_assert(aarch64::needs_break(a_block, aarch64::leaf(0x40200, {.write = true, .memory = 1}, 1), 1,
                                   true));
static_assert(aarch64::needs_break(a_block, aarch64::leaf(0x40200, {.write = true, .global = true}, 1), 1,
                                   true));
static_assert(!aarch64::needs_break(a_block, read_only, 1, false));
static_assert(!aarch64::needs_break(a_block, aarch64::with_accessed(a_block, true), 1, false));
static_assert(!aarch64::needs_break(a_block, 0, 1, false) && !aarch64::needs_break(0, a_block, 1, false));

// AArch64 stage 2: D8.3.2; values of Linux arch/arm64/kvm/hyp/pgtable.c.
static_assert(page_table_format<aarch64_stage2> && page_table_format<stage2_40>);
static_assert(aarch64_stage2::with_accessed(aarch64_stage2::leaf(0x80000, {.write = true, .execute = true},
                                                                 0),
                                            true) == 0x8000'07ff);
static_assert(aarch64_stage2::leaf(0x40200, {}, 1) == 0x0040'0000'4020'037d);
static_assert(aarch64_stage2::leaf(0x9000, {.write = true, .memory = 1}, 0) == 0x0040'0000'0900'03c7);
static_assert(stage2_40::leaf(0x1, {.write = true, .execute = true}, 0) == 0x0008'0000'0000'137f);
static_assert(stage2_40::levels == 3 && stage2_40::root_index_bits == 10);
static_assert(aarch64_stage2::levels == 4 && page_geometry<aarch64_stage2>::root_order == 0);

// RISC-V: privileged architecture, "Sv39: Supervisor memory management"; values of Linux and xv6.
static_assert(page_table_format<sv39> && page_table_format<sv48x4>);
static_assert(sv39::table(0x80201) == 0x2008'0401 && sv39::absent() == 0);
static_assert(sv39::with_dirty(sv39::with_accessed(sv39::leaf(0x80200, {.write = true, .global = true}, 0),
                                                   true),
                               true) == 0x2008'00e7);                     // PAGE_KERNEL
static_assert(sv39::leaf(0x80200, {.execute = true}, 1) == 0x2008'000b);  // kernel text
static_assert(sv39::leaf(0x87f42, {.write = true, .execute = true, .user = true}, 0) == 0x21fd'081f);
static_assert(sv39::leaf(0x1, {.read = false, .execute = true}, 0, 3) == 0x709);
static_assert(sv39::child_of(0x2008'000b, 1, 3) == 0x2008'0c0b);
static_assert(sv39::is_leaf(0x9, 2) && !sv39::is_leaf(0x1, 2) && !sv39::well_formed(0x1, 0));
// Reserved: W without R, bits 54-60, N, Svpbmt where it is not; A, D and U of tables; misaligned blocks.
static_assert(!sv39::well_formed(0x5, 0) && !sv39::well_formed(0xd, 0) &&
              !sv39::well_formed(1ull << 54 | 3, 0));
static_assert(!sv39::well_formed(1ull << 63 | 3, 0) && !sv39::well_formed(1ull << 61 | 3, 0));
static_assert(sv39_pbmt::well_formed(2ull << 61 | 3, 0) && !sv39_pbmt::well_formed(3ull << 61 | 3, 0));
static_assert(!sv39::well_formed(0x11, 1) && !sv39::well_formed(0x41, 1) && !sv39::well_formed(0x403, 1));
static_assert(sv39_pbmt::leaf(0x1, {.write = true, .memory = 2}, 0) == 0x4000'0000'0000'0407);
static_assert(!sv39::expressible({.read = false, .write = true}) && !sv39::expressible({.memory = 1}));
static_assert(sv39::valid_address(0xffff'ffc0'0000'0000) && !sv39::valid_address(0x40'0000'0000));
static_assert(sv48::levels == 4 && sv57::levels == 5 && sv57::may_be_leaf(4));
// G-stage: a root of 16 KiB, user in every leaf, no global.
static_assert(page_geometry<sv39x4>::root_order == 2 && page_geometry<sv39x4>::address_bits == 41);
static_assert(sv39x4::leaf(0x80000, {.write = true, .global = true}, 0) == 0x2000'0017);
static_assert(sv39x4::valid_address(0x1ff'ffff'ffff) && !sv39x4::valid_address(0x200'0000'0000));
static_assert(!sv39x4::well_formed(0x37, 0));

/// The examples of the class comments.
namespace as_in_the_comments {
constexpr auto entry = x86_64::leaf(0x12345, {.write = true}, 0);
static_assert(entry == 0x8000'0000'1234'5003);
static_assert(x86_64::child_of(x86_64::leaf(0x200, {.execute = true}, 1), 1, 3) == 0x20'3001);
static_assert(ept::leaf(0x200, {.write = true, .execute = true}, 1) == 0x20'00b7);
static_assert(!ept::well_formed(0x2, 0));
using stage1 = aarch64;
constexpr auto block = stage1::leaf(0x40200, {.write = true, .global = true}, 1);
static_assert(block == 0x0060'0000'4020'0301);
static_assert(stage1::needs_break(block, stage1::table(0x1234), 1, false));
using stage2 = basic_aarch64_stage2<aarch64_shape{.address_bits = 40, .concatenated = true}>;
static_assert(stage2::levels == 3 && page_geometry<stage2>::root_order == 1);
static_assert(stage2::leaf(0x80000, {.write = true, .execute = true}, 0) == 0x8000'03ff);
static_assert(sv39::leaf(0x80200, {.write = true}, 0) == 0x2008'0007);
static_assert(page_geometry<sv39x4>::root_order == 2);
}  // namespace as_in_the_comments

template <class Format>
std::uint64_t random_frame(random_bits& random, unsigned level) {
    const std::uint64_t all = ~std::uint64_t{0} >> (64 - Format::physical_bits + Format::page_shift);
    return random() & all & ~((std::uint64_t{1} << page_geometry<Format>::order_of(level)) - 1);
}

/// What is put into an entry is what comes out, nothing else changes, and all is well formed.
template <class Format>
void round_trips(const char* name) {
    CAPTURE(name);
    static_assert(page_table_format<Format>);
    random_bits random(7);
    for (unsigned i = 0; i < 4000; ++i) {
        const auto level = static_cast<unsigned>(random() % Format::levels);
        const auto below = [&](unsigned bits) { return random() & (~std::uint64_t{0} >> (64 - bits)); };
        const std::uint64_t payload = below(Format::absent_bits);
        const auto absent = Format::absent(payload);
        REQUIRE(!Format::is_present(absent));
        REQUIRE(!Format::is_leaf(absent, level));
        REQUIRE(Format::well_formed(absent, level));
        REQUIRE(Format::payload_of(absent) == payload);
        const std::uint64_t child = random_frame<Format>(random, 0);
        REQUIRE(Format::is_present(Format::table(child)));
        REQUIRE(Format::frame_of(Format::table(child), 1) == child);
        REQUIRE(!Format::is_leaf(Format::table(child), 1));
        REQUIRE(Format::well_formed(Format::table(child), 1));
        if (!Format::may_be_leaf(level)) continue;

        typename Format::permissions allowed{};
        allowed.write = random() % 2 != 0;
        allowed.execute = random() % 2 != 0;
        const std::uint64_t frame = random_frame<Format>(random, level);
        const std::uint64_t software = below(Format::software_bits);
        auto e = Format::leaf(frame, allowed, level, software);
        const auto holds = [&] {
            REQUIRE(Format::is_present(e));
            REQUIRE(Format::is_leaf(e, level));
            REQUIRE(Format::well_formed(e, level));
            REQUIRE(Format::frame_of(e, level) == frame);
            REQUIRE(Format::software_of(e) == software);
            REQUIRE(Format::is_writable(e) == allowed.write);
            const auto said = Format::permissions_of(e, level);
            REQUIRE(said.read == allowed.read);
            REQUIRE(said.write == allowed.write);
            REQUIRE(said.execute == allowed.execute);
            REQUIRE(said.memory == allowed.memory);
            REQUIRE(Format::with_permissions(e, said, level) == e);
            REQUIRE(!Format::is_contiguous(e));
            REQUIRE(!Format::needs_break(e, e, level, false));
        };
        holds();
        for (const bool on : {true, false}) {
            const auto flagged = Format::with_dirty(Format::with_accessed(e, on), on);
            REQUIRE(Format::frame_of(flagged, level) == frame);
            REQUIRE(Format::software_of(flagged) == software);
            REQUIRE(Format::well_formed(flagged, level));
            REQUIRE(Format::permissions_of(flagged, level) == Format::permissions_of(e, level));
            if (Format::with_accessed(e, true) != Format::with_accessed(e, false)) {
                REQUIRE(Format::is_accessed(flagged) == on);
            }
            if (Format::with_dirty(e, true) != Format::with_dirty(e, false)) {
                REQUIRE(Format::is_dirty(flagged) == on);
            }
            if (on) e = flagged;
        }
        holds();
        if (level != 0 && Format::may_be_leaf(level - 1)) {
            const std::uint64_t index = below(Format::index_bits);
            const auto part = Format::child_of(e, level, index);
            REQUIRE(Format::is_leaf(part, level - 1));
            REQUIRE(Format::well_formed(part, level - 1));
            REQUIRE(Format::frame_of(part, level - 1) ==
                    frame + (index << page_geometry<Format>::order_of(level - 1)));
            REQUIRE(Format::permissions_of(part, level - 1) == Format::permissions_of(e, level));
            REQUIRE(Format::software_of(part) == software);
            REQUIRE(Format::is_accessed(part) == Format::is_accessed(e));
            REQUIRE(Format::is_dirty(part) == Format::is_dirty(e));
        }
        const auto protect = Format::with_write(e, false);
        REQUIRE(!Format::is_writable(protect));
        REQUIRE(Format::frame_of(protect, level) == frame);
        REQUIRE(!Format::needs_break(e, protect, level, false));
        REQUIRE(Format::is_writable(Format::with_write(protect, true)));
        REQUIRE(Format::software_of(Format::with_software(e, software ^ 1)) == (software ^ 1));
        REQUIRE(Format::with_software(Format::with_software(e, software ^ 1), software) == e);
        REQUIRE(Format::with_frame(Format::with_frame(e, 0, level), frame, level) == e);
        allowed.write = !allowed.write;
        e = Format::with_permissions(e, allowed, level);
        holds();
    }
}

TEST_CASE("every format: what is put into an entry is what comes out of it") {
    for_each_format([]<class Format>(const char* name) { round_trips<Format>(name); });
}

}  // namespace
