// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>

namespace lab {

enum class input_kind {
    empty,
    efi_map_file,
    srat,
    slit,
    hmat,
    nfit,
    cedt,
    other_acpi_table,
    device_tree,
    multiboot1_map,
    multiboot2,
    e820,    ///< raw entries of 20 or 24 bytes, PVH's too
    memmap,  ///< a listing of /sys/firmware/memmap
    json,    ///< what --json writes
    text,
    unknown
};

/// What a file contains: by magic, else by a structure that fits the file to its last byte; text by the
/// absence of what text does not have.
[[nodiscard]] input_kind recognise(ashlar::bytes content);

}  // namespace lab
