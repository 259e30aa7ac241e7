// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/remote/check_descriptor.hpp>
#include <ashlar/remote/window_descriptor.hpp>
#include <cstdint>

/// Bridges as data. The size of a BAR is a strap of the board or a choice of firmware: those here are
/// common ones; `with_aperture(preset, bytes)` has what PCI says. Costs are orders of magnitude, which no
/// public source confirms unless it is named.
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

/// Intel Xeon Skylake: the limit is always written, inside and outside (IMBARnLMT, EMBARnLMT), base + size
/// also where that is all of the BAR. Source: Linux ntb_hw_gen3.c, intel_ntb3_mw_set_trans.
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

/// Intel Xeon Sapphire Rapids: any page. Snoop bits are set with the link.
/// Source: ntb_hw_gen4.c (intel_ntb4_mw_get_align: PAGE_SIZE; intel_ntb4_link_enable).
inline constexpr window_descriptor intel_gen4_spr{.name = "Intel gen4, Sapphire Rapids",
                                                  .windows = 2,
                                                  .aperture = std::uint64_t{1} << 32,
                                                  .granule = 4096,
                                                  .limit = limit_rule::base_plus_size};

/// AMD: BAR 1 (32 bits), 23, 45; newer parts lack BAR 1. The limit is the size. Written to the peer's half of
/// the registers. Source: Linux drivers/ntb/hw/amd/ntb_hw_amd.c, amd_ntb_mw_get_align (4 KiB),
/// amd_ntb_mw_set_trans, struct ntb_dev_data. FreeBSD's ntb_hw_amd.c says the size of the BAR for the
/// alignment, and that BAR 1 is below 4 GiB; which of the two the part needs is not confirmed by a public
/// source. What Linux does is what is here.
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

/// Microchip Switchtec: the first BAR begins with the table; a partition is locked, written, configured: as
/// many entries as one likes between the two commands. Some entries are the driver's own (nr_rsvd_luts).
/// Source: Linux drivers/ntb/hw/mscc/ntb_hw_switchtec.c (LUT_SIZE, switchtec_ntb_part_op: 50 ms a poll, two
/// commands; crosslink_setup_mws: many between them), include/linux/switchtec.h (lut_entry[512]).
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

/// IDT 89HPES: a BAR is a direct window, or (BAR 2 or 4) a table of 12 or 24 slices of 1/16 or 1/32 of it; up
/// to 29 windows in all, where all BARs have 32 bits and none maps the registers. Linux takes any size of a
/// direct window (IDT_DIR_SIZE_ALIGN 1); here it is a multiple of 4, as the start.
/// Source: Linux drivers/ntb/hw/idt/ntb_hw_idt.c (comment on memory windows, IDT_MAX_NR_MWS, IDT_TRANS_ALIGN,
/// idt_scan_mws, idt_ntb_peer_mw_set_trans).
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

/// PLX (Broadcom) PEX 87xx in front of a root port: two BARs of 64 bits or four of 32, no limit register: the
/// size is that of the BAR, to which the translation is aligned, and which the other host has enumerated. So
/// no register closes such a window. Translations are written in halves of 32 bits.
/// Source: FreeBSD sys/dev/ntb/ntb_hw/ntb_hw_plx.c (ntb_plx_mw_get_range: alignment, "no limit registers").
inline constexpr window_descriptor plx_64{.name = "PLX 87xx, 64-bit",
                                          .windows = 2,
                                          .aperture = std::uint64_t{1} << 32,
                                          .alignment = alignment_rule::aperture,
                                          .granule = 4096,
                                          .limit = limit_rule::whole,
                                          .split_halves = true};
/// The same bridge, whose BARs have 32 bits: the targets, too (ERANGE in ntb_plx_mw_set_trans).
inline constexpr window_descriptor plx_32{.name = "PLX 87xx, 32-bit",
                                          .windows = 4,
                                          .aperture = std::uint64_t{1} << 28,
                                          .alignment = alignment_rule::aperture,
                                          .granule = 4096,
                                          .limit = limit_rule::whole,
                                          .within_4gib = true,
                                          .reach = std::uint64_t{1} << 32};
/// Two of them back to back: nobody else sees the BARs between the two, so their size is changed with each
/// aim, a power of two from 1 MiB on, and 0 closes (ntb_plx_mw_set_trans_internal). One BAR is shared with
/// the peer's registers.
inline constexpr window_descriptor plx_back_to_back{.name = "PLX 87xx, back to back",
                                                    .windows = 2,
                                                    .aperture = std::uint64_t{1} << 32,
                                                    .alignment = alignment_rule::block,
                                                    .granule = 1 << 20,
                                                    .power_of_two_size = true,
                                                    .limit = limit_rule::size,
                                                    .split_halves = true};
/// The address look-up table cuts BAR 2: into 128 parts where both NT functions have one, into 256 where one
/// has it (ntb_plx_attach: "A-LUT entries"). Each entry has bits that close it.
inline constexpr window_descriptor plx_alut128{.name = "PLX 87xx, A-LUT of 128",
                                               .windows = 1,
                                               .aperture = std::uint64_t{1} << 30,
                                               .slices = 128,
                                               .slices_in_aperture = 128,
                                               .alignment = alignment_rule::aperture,
                                               .granule = 4096,
                                               .limit = limit_rule::whole,
                                               .split_halves = true};
/// The same with 256 entries.
inline constexpr window_descriptor plx_alut256{.name = "PLX 87xx, A-LUT of 256",
                                               .windows = 1,
                                               .aperture = std::uint64_t{1} << 30,
                                               .slices = 256,
                                               .slices_in_aperture = 256,
                                               .alignment = alignment_rule::aperture,
                                               .granule = 4096,
                                               .limit = limit_rule::whole,
                                               .split_halves = true};

/// A PCI endpoint controller (vNTB): outbound regions of the endpoint, whose alignment is probed (4 to
/// 64 KiB). Commands go through a mailbox in BAR 0, a second at most. That no region crosses 4 GiB is a rule
/// of DesignWare's controllers before 4.60a, for the endpoint's own side of a region; here it holds for the
/// target, too.
/// Source: Linux drivers/ntb/hw/epf/ntb_hw_epf.c (CMD_CONFIGURE_MW, NTB_EPF_COMMAND_TIMEOUT),
/// drivers/pci/endpoint/functions/pci-epf-vntb.c (MAX_MW), drivers/pci/controller/dwc/pcie-designware.c
/// (dw_pcie_prog_outbound_atu: region_align, region_limit).
inline constexpr window_descriptor endpoint{.name = "PCI endpoint",
                                            .windows = 4,
                                            .aperture = 1 << 20,
                                            .granule = 64 << 10,
                                            .limit = limit_rule::size,
                                            .within_4gib = true,
                                            .split_halves = true,
                                            .reaim_ns = 10'000};

/// CXL HDM decoders: 1, or 2 to 10 by twos. Base and size in two halves each, multiples of 256 MiB; committed
/// in order, taken back from the end, 10 ms at most. A decoder has no target: it says which addresses of the
/// host it decodes, and the device's own addresses follow one decoder after the other. So nothing is aimed.
/// Source: CXL 2.0 8.2.5.12 (3.1: 8.2.4.20), 8.2.5.12.20 for the 10 ms; Linux drivers/cxl/core/hdm.c
/// (setup_hw_decoder, cxl_decoder_commit, cxl_decoder_reset: "out of order"), drivers/cxl/cxl.h
/// (cxl_hdm_decoder_count, 0x20 * i + 0x10).
inline constexpr window_descriptor cxl_hdm{.name = "CXL HDM decoders",
                                           .windows = 10,
                                           .aperture = std::uint64_t{1} << 36,
                                           .granule = 256 << 20,
                                           .limit = limit_rule::size,
                                           .authority = window_authority::initiator,
                                           .has_target = false,
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

/// ivshmem: BAR 2 shows all of the shared memory object, always; its registers (mask, status, position,
/// doorbell) aim nothing. That the size is a power of two follows from its being a BAR's.
/// Source: QEMU docs/specs/ivshmem-spec.rst (PCI BARs, PCI device registers); hw/misc/ivshmem-pci.c.
inline constexpr window_descriptor ivshmem{.name = "ivshmem",
                                           .windows = 1,
                                           .aperture = 64 << 20,
                                           .alignment = alignment_rule::aperture,
                                           .granule = 4096,
                                           .power_of_two_size = true,
                                           .limit = limit_rule::whole,
                                           .authority = window_authority::fixed,
                                           .has_target = false,
                                           .reaim_ns = 0};

/// All of them, for tests, tools and tables.
inline constexpr const window_descriptor* all[] = {
    &intel_gen1,  &intel_gen1_split, &intel_gen3, &intel_gen4, &intel_gen4_spr, &amd_three, &amd_two,
    &switchtec,   &idt_direct,       &idt_lut12,  &idt_lut24,  &plx_64,         &plx_32,    &plx_back_to_back,
    &plx_alut128, &plx_alut256,      &endpoint,   &cxl_hdm,    &memory_slot,    &ivshmem};

static_assert(
    [] {
        bool sound = true;
        for (const window_descriptor* each : all) sound = sound && check(*each) == descriptor_defect::none;
        return sound;
    }(),
    "every preset is a sound descriptor");

}  // namespace ashlar::presets
