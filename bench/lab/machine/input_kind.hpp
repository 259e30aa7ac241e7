// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>

namespace lab {

enum class input_kind { empty, efi_map_file, srat, slit, other_acpi_table, text, unknown };

/// What a file contains, by magic; text by the absence of what text does not have.
[[nodiscard]] input_kind recognise(ashlar::bytes content);

}  // namespace lab
