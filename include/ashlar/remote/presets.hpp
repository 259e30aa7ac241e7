// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/remote/check_descriptor.hpp>
#include <ashlar/remote/window_descriptor.hpp>
#include <cstdint>

/// Bridges as data. The size of a BAR is a strap of the board or a choice of firmware: those here are
/// common ones; `with_aperture(preset, bytes)` has what PCI says. Costs are orders of magnitude.
namespace ashlar::presets {

/// Intel Xeon, Sandy Bridge to Broadwell: two 64-bit BARs. SBARnXLAT has no bits below the size of the BAR.
/// Source: Linux drivers/ntb/hw/intel/ntb_hw_gen1.c, intel_ntb_mw_set_trans.
inline constexpr window_descriptor intel_gen1{.name = "Intel gen1",
                                              .windows = 2,
                                              .aperture = std::uint64_t{1} << 32,
                                              .alignment = alignment_rule::aperture,
                                              .granule = 4096,
                                              .limit = limit_rule::base_plus_size_or_zero};

/// The same with BAR 4 split into two of 32 bits: these two show what lies below 4 GiB (ntb_hw_gen1.c,
/// bar4_split); BAR 2 stays as in `intel_gen1`, a window of its own.
inline constexpr window_descriptor intel_gen1_split{.name = "Intel gen1, split BAR",
                                                    .windows = 2,
                                                    .aperture = std::uint64_t{1} << 28,
                                                    .alignment = alignment_rule::aperture,
                                                    .granule = 4096,
                                                    .limit = limit_rule::base_plus_size_or_zero,
                                                    .within_4gib = true,
                                                    .reach = std::uint64_t{1} << 32};

/// Intel Xeon Skylake: the limit is always written, inside and outside (IMBARnLMT, EMBARnLMT).
/// Source: Linux ntb_hw_gen3.c, intel_ntb3_mw_set_trans.
inline constexpr window_descriptor intel_gen3{.name = "Intel gen3",
                                              .windows = 2,
                                              .aperture = std::uint64_t{1} << 32,
                                              .alignment = alignment_rule::aperture,
                                              .granule = 4096,
                                              .limit = limit_rule::base_plus_size};

/// Intel Xeon Ice Lake: the size goes into an index register, as its logarithm: a power of two.
/// Source: Linux ntb_hw_gen4.c, intel_ntb4_mw_set_trans under NTB_HWERR_BAR_ALIGN.
inline constexpr window_descriptor intel_gen4{.name = "Intel gen4, Ice Lake",
                                              .windows = 2,
                                              .aperture = std::uint64_t{1} << 32,
                                              .alignment = alignment_rule::aperture,
                                              .granule = 4096,
                                              .power_of_two_size = true,
                                              .limit = limit_rule::base_plus_size};

/// Intel Xeon Sapphire Rapids: any page. Snoop bits are set with the link. Source: ntb_hw_gen4.c.
inline constexpr window_descriptor intel_gen4_spr{.name = "Intel gen4, Sapphire Rapids",
                                                  .windows = 2,
                                                  .aperture = std::uint64_t{1} << 32,
                                                  .granule = 4096,
                                                  .limit = limit_rule::base_plus_size};

/// AMD: BAR 1 (32 bits), 23, 45; newer parts lack BAR 1. The limit is the size. Written to the peer's half of
/// the registers. Source: Linux drivers/ntb/hw/amd/ntb_hw_amd.c, amd_ntb_mw_set_trans, struct ntb_dev_data.
inline constexpr window_descriptor amd_three{.name = "AMD, three windows",
                                             .windows = 3,
                                             .aperture = std::uint64_t{1} << 30,
                                             .granule = 4096,
                                             .limit = limit_rule::size,
                                             .ready_survives_crash = true};
/// As `amd_three`, without BAR 1.
inline constexpr window_descriptor amd_two{.name = "AMD, two windows",
                                           .windows = 2,
                                           .aperture = std::uint64_t{1} << 30,
                                           .granule = 4096,
                                           .limit = limit_rule::size,
                                           .ready_survives_crash = true};

/// Microchip Switchtec: the first BAR begins with the table; a partition is locked, written, configured.
/// Source: Linux drivers/ntb/hw/mscc/ntb_hw_switchtec.c (LUT_SIZE, switchtec_ntb_part_op: 50 ms a poll, two
/// commands), include/linux/switchtec.h (lut_entry[512]).
inline constexpr window_descriptor switchtec{.name = "Switchtec",
                                             .windows = 2,
                                             .aperture = std::uint64_t{1} << 32,
                                             .slices = 512,
                                             .slice_bytes = 64 << 10,
                                             .slices_shrink_first = true,
                                             .alignment = alignment_rule::block,
                                             .granule = 4096,
                                             .power_of_two_size = true,
                                             .limit = limit_rule::size,
                                             .replaces_bits = true,
                                             .batched = true,
                                             .reaim_ns = 100'000'000};

/// IDT 89HPES: a BAR is a direct window, or a table of 12 or 24 slices of 1/16 or 1/32 of it; up to 29
/// windows in all. Source: Linux drivers/ntb/hw/idt/ntb_hw_idt.c (IDT_MAX_NR_MWS, IDT_TRANS_ALIGN,
/// idt_ntb_peer_mw_set_trans, idt_get_mw_size).
inline constexpr window_descriptor idt_direct{.name = "IDT 89HPES, direct",
                                              .windows = 5,
                                              .aperture = std::uint64_t{1} << 29,
                                              .granule = 4,
                                              .limit = limit_rule::end_address,
                                              .authority = window_authority::initiator,
                                              .split_halves = true};
/// The same bridge, whose BAR is cut into a look-up table of 12.
inline constexpr window_descriptor idt_lut12{.name = "IDT 89HPES, table of 12",
                                             .windows = 0,
                                             .aperture = std::uint64_t{1} << 29,
                                             .slices = 12,
                                             .slices_in_aperture = 16,
                                             .granule = 4,
                                             .limit = limit_rule::whole,
                                             .authority = window_authority::initiator,
                                             .split_halves = true,
                                             .indexed_port = true};
/// As many as there can be: a table of 24 in one BAR, and five BARs that are direct.
inline constexpr window_descriptor idt_lut24{.name = "IDT 89HPES, table of 24",
                                             .windows = 5,
                                             .aperture = std::uint64_t{1} << 29,
                                             .slices = 24,
                                             .slices_in_aperture = 32,
                                             .granule = 4,
                                             .limit = limit_rule::end_address,
                                             .authority = window_authority::initiator,
                                             .split_halves = true,
                                             .indexed_port = true};

/// PLX (Broadcom) 87xx: two BARs of 64 bits or four of 32, no limit register: the size is that of the BAR.
/// The address look-up table cuts BAR 2 into 128 or 256 parts. Source: FreeBSD
/// sys/dev/ntb/ntb_hw/ntb_hw_plx.c.
inline constexpr window_descriptor plx_64{.name = "PLX 87xx, 64-bit",
                                          .windows = 2,
                                          .aperture = std::uint64_t{1} << 32,
                                          .alignment = alignment_rule::aperture,
                                          .granule = 4096,
                                          .limit = limit_rule::whole};
/// The same bridge, whose BARs have 32 bits.
inline constexpr window_descriptor plx_32{.name = "PLX 87xx, 32-bit",
                                          .windows = 4,
                                          .aperture = std::uint64_t{1} << 28,
                                          .alignment = alignment_rule::aperture,
                                          .granule = 4096,
                                          .limit = limit_rule::whole,
                                          .within_4gib = true,
                                          .reach = std::uint64_t{1} << 32};
/// The same bridge, whose BAR is cut into an address look-up table of 128 entries.
inline constexpr window_descriptor plx_alut128{.name = "PLX 87xx, A-LUT of 128",
                                               .windows = 1,
                                               .aperture = std::uint64_t{1} << 30,
                                               .slices = 128,
                                               .slices_in_aperture = 128,
                                               .alignment = alignment_rule::aperture,
                                               .granule = 4096,
                                               .limit = limit_rule::whole};
/// The same with 256 entries.
inline constexpr window_descriptor plx_alut256{.name = "PLX 87xx, A-LUT of 256",
                                               .windows = 1,
                                               .aperture = std::uint64_t{1} << 30,
                                               .slices = 256,
                                               .slices_in_aperture = 256,
                                               .alignment = alignment_rule::aperture,
                                               .granule = 4096,
                                               .limit = limit_rule::whole};

/// A PCI endpoint controller (vNTB): outbound regions of the endpoint, whose alignment is probed (4 to
/// 64 KiB). Commands go through a mailbox in BAR 0, a second at most.
/// Source: Linux drivers/ntb/hw/epf/ntb_hw_epf.c (CMD_CONFIGURE_MW, NTB_EPF_COMMAND_TIMEOUT),
/// drivers/pci/endpoint/functions/pci-epf-vntb.c (MAX_MW).
inline constexpr window_descriptor endpoint{.name = "PCI endpoint",
                                            .windows = 4,
                                            .aperture = 1 << 20,
                                            .granule = 64 << 10,
                                            .limit = limit_rule::size,
                                            .within_4gib = true,
                                            .split_halves = true,
                                            .reaim_ns = 10'000};

/// CXL HDM decoders: 1, or 2 to 10 by twos. Base and size in two halves each, multiples of 256 MiB; committed
/// in order, taken back from the end. Source: CXL 3.0 8.2.4.19; Linux drivers/cxl/core/hdm.c
/// (cxl_decoder_commit, cxl_decoder_reset: "out of order"), drivers/cxl/cxl.h (0x20 * i + 0x10).
inline constexpr window_descriptor cxl_hdm{.name = "CXL HDM decoders",
                                           .windows = 10,
                                           .aperture = std::uint64_t{1} << 36,
                                           .granule = 256 << 20,
                                           .limit = limit_rule::size,
                                           .authority = window_authority::initiator,
                                           .order = commit_order::stack,
                                           .split_halves = true,
                                           .reaim_ns = 1'000'000};

/// A memory slot that the hypervisor moves on request: one window as large as the slot.
inline constexpr window_descriptor memory_slot{.name = "memory slot",
                                               .windows = 1,
                                               .aperture = std::uint64_t{1} << 30,
                                               .granule = 4096,
                                               .limit = limit_rule::whole,
                                               .authority = window_authority::hypervisor,
                                               .reaim_ns = 60'000};

/// ivshmem: BAR 2 shows all of the backend, always. Its size is a power of two.
/// Source: QEMU docs/specs/ivshmem-spec.rst; hw/misc/ivshmem.c.
inline constexpr window_descriptor ivshmem{.name = "ivshmem",
                                           .windows = 1,
                                           .aperture = 64 << 20,
                                           .alignment = alignment_rule::aperture,
                                           .granule = 4096,
                                           .power_of_two_size = true,
                                           .limit = limit_rule::whole,
                                           .authority = window_authority::fixed,
                                           .reaim_ns = 0};

/// All of them, for tests, tools and tables.
inline constexpr const window_descriptor* all[] = {
    &intel_gen1,  &intel_gen1_split, &intel_gen3, &intel_gen4,  &intel_gen4_spr, &amd_three, &amd_two,
    &switchtec,   &idt_direct,       &idt_lut12,  &idt_lut24,   &plx_64,         &plx_32,    &plx_alut128,
    &plx_alut256, &endpoint,         &cxl_hdm,    &memory_slot, &ivshmem};

static_assert(
    [] {
        bool sound = true;
        for (const window_descriptor* each : all) sound = sound && check(*each) == descriptor_defect::none;
        return sound;
    }(),
    "every preset is a sound descriptor");

}  // namespace ashlar::presets
