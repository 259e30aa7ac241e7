// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/paging/aarch64.hpp>
#include <ashlar/paging/aarch64_stage2.hpp>
#include <ashlar/paging/ept.hpp>
#include <ashlar/paging/riscv.hpp>
#include <ashlar/paging/x86_64.hpp>

// The formats that every test of tests/paging runs on.
namespace ashlar::testing {

using ept_plain = basic_ept<ept_shape{.levels = 5, .execute_only = true, .accessed_dirty = false}>;
using aarch64_dirty = basic_aarch64<aarch64_shape{.hardware_dirty = true}>;
using aarch64_16k = basic_aarch64<aarch64_shape{.granule_shift = 14, .upper_half = true}>;
using aarch64_64k = basic_aarch64<aarch64_shape{.granule_shift = 16, .address_bits = 42}>;
using aarch64_39 = basic_aarch64<aarch64_shape{.address_bits = 39, .physical_bits = 40}>;
using stage2_40 =
    basic_aarch64_stage2<aarch64_shape{.address_bits = 40, .concatenated = true, .hardware_dirty = true}>;
using sv39_pbmt = basic_riscv<riscv_shape{.page_memory = true}>;

/// `visit.template operator()<Format>(name)` for each.
template <class Visit>
void for_each_format(Visit&& visit) {
    visit.template operator()<x86_64>("x86-64");
    visit.template operator()<x86_64_la57>("x86-64, 5 levels");
    visit.template operator()<x86_64_nested>("x86-64, nested");
    visit.template operator()<ept>("EPT");
    visit.template operator()<ept_plain>("EPT, 5 levels, no accessed and dirty flags");
    visit.template operator()<aarch64>("AArch64, 4 KiB");
    visit.template operator()<aarch64_dirty>("AArch64, hardware dirty state");
    visit.template operator()<aarch64_16k>("AArch64, 16 KiB, TTBR1");
    visit.template operator()<aarch64_64k>("AArch64, 64 KiB");
    visit.template operator()<aarch64_39>("AArch64, 39 bits");
    visit.template operator()<aarch64_stage2>("AArch64 stage 2");
    visit.template operator()<stage2_40>("AArch64 stage 2, 40 bits, concatenated");
    visit.template operator()<sv39>("Sv39");
    visit.template operator()<sv48>("Sv48");
    visit.template operator()<sv57>("Sv57");
    visit.template operator()<sv39_pbmt>("Sv39, Svpbmt");
    visit.template operator()<sv39x4>("Sv39x4");
    visit.template operator()<sv48x4>("Sv48x4");
}

/// One of each kind, for what takes long to compile.
template <class Visit>
void for_each_kind(Visit&& visit) {
    visit.template operator()<x86_64>("x86-64");
    visit.template operator()<x86_64_nested>("x86-64, nested");
    visit.template operator()<ept>("EPT");
    visit.template operator()<aarch64_dirty>("AArch64, hardware dirty state");
    visit.template operator()<aarch64_16k>("AArch64, 16 KiB, TTBR1");
    visit.template operator()<stage2_40>("AArch64 stage 2, 40 bits, concatenated");
    visit.template operator()<sv39>("Sv39");
    visit.template operator()<sv48x4>("Sv48x4");
}

}  // namespace ashlar::testing
