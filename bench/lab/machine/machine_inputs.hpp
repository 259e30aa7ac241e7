// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lab/arguments.hpp"

namespace lab {

/// The files that describe a machine, as the command line names them.
struct machine_inputs {
    std::vector<std::string> files;  ///< recognised by what they contain
    std::vector<std::string> e820;   ///< raw E820 entries
    std::vector<std::string> uefi;   ///< raw UEFI descriptors
    std::size_t stride = 0;          ///< bytes from one of them to the next
    /// Bytes of mirrored memory that each node keeps, the lowest: as if the firmware mirrored no more.
    std::optional<std::uint64_t> mirror_limit;

    [[nodiscard]] bool any() const { return !files.empty() || !e820.empty() || !uefi.empty(); }

    /// Takes a word of the command line if it is one of these. Throws `usage_error`.
    [[nodiscard]] bool take(const std::string& word, arguments& rest);
    /// To be called after the last word. Throws `usage_error`.
    void check() const;
};

/// For --help.
inline constexpr const char* machine_inputs_help =
    "Machine inputs, in any order:\n"
    "  FILE            recognised by content: a UEFI memory map (EFIM file), an ACPI table (SRAT, SLIT, "
    "HMAT,\n"
    "                  NFIT, CEDT; others are ignored), a device tree blob, what a Multiboot 1 or 2 or PVH "
    "loader\n"
    "                  passed, raw E820 entries, or a Linux log or parts of it (BIOS-e820, efi: memNN, SRAT "
    "and\n"
    "                  node range lines; Xen's too). SRAT lines do not count where an SRAT table is given.\n"
    "                  May be packed by xz.\n"
    "                  /sys/firmware/memmap, or a listing of it: NUMBER START END TYPE\n"
    "  --e820 FILE     raw E820 entries of 20 or 24 bytes, whatever they look like\n"
    "  --uefi FILE     raw UEFI memory descriptors\n"
    "  --stride N      bytes from one descriptor to the next: the DescriptorSize of GetMemoryMap\n"
    "  --mirror-limit SIZE   as if the firmware mirrored only so much of each node: 16M, 1G\n";

}  // namespace lab
