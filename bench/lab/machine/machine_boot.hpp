// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "lab/machine/machine.hpp"

namespace lab {

/// What to print of a machine that was booted.
struct boot_views {
    bool buddyinfo = false;
    bool zoneinfo = false;
    bool watermarks = false;

    [[nodiscard]] bool any() const { return buddyinfo || zoneinfo || watermarks; }
    /// Takes a word of the command line if it is one of these.
    [[nodiscard]] bool take(const std::string& word);
};

/// For --help.
inline constexpr const char* boot_views_help =
    "Of the machine, booted with Linux's watermarks and no frame in use (after its tables):\n"
    "  --buddyinfo     free blocks by order, as /proc/buddyinfo\n"
    "  --zoneinfo      marks, spanned and present frames and what is kept back, as /proc/zoneinfo\n"
    "  --watermarks    the marks of each zone as a table\n";

/// Boots a machine of lock-free buddies from the map and prints these views of it. Throws `failure`.
[[nodiscard]] std::string boot_as_text(const machine& shown, const boot_views& views);

}  // namespace lab
