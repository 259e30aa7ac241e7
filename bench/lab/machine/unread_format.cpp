// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/machine/unread_format.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace lab {
namespace {

struct format {
    std::size_t offset;
    std::string_view magic;
    const char* advice;
};

using namespace std::string_view_literals;

constexpr format formats[] = {
    {0, "\x1f\x8b"sv, "packed by gzip: unpack it first (only xz is unpacked here)"},
    {0, "BZh"sv, "packed by bzip2: unpack it first (only xz is unpacked here)"},
    {0, "\x28\xb5\x2f\xfd"sv, "packed by zstd: unpack it first (only xz is unpacked here)"},
    {0, "PK\x03\x04"sv, "a zip archive: unpack it first"},
    {257, "ustar"sv, "a tar archive: unpack it first"},
    {0, "\xff\xfe"sv, "UTF-16 text: convert it to UTF-8 first (iconv -f UTF-16)"},
    {0, "\xfe\xff"sv, "UTF-16 text: convert it to UTF-8 first (iconv -f UTF-16)"},
    {0,
     "\x7f"
     "ELF"sv,
     "a program or an image of one, not a table"},
    {4, " @ 0x"sv, "a dump of ACPI tables as text: extract the tables first (acpixtract -a)"},
    {0, "/dts-v1/"sv, "the source of a device tree: compile it first (dtc -O dtb)"},
};

/// Begins of lines that only such a text has.
constexpr format listings[] = {
    {0, "Signature : \""sv, "a disassembled ACPI table: the table itself is needed (compile it with iasl)"},
    {0, " : System RAM"sv,
     "a listing of /proc/iomem, which is what the kernel made of the firmware's map: give "
     "/sys/firmware/memmap or the log of the boot"},
};

}  // namespace

std::optional<std::string> unread_format(ashlar::bytes content) {
    const std::string_view all(reinterpret_cast<const char*>(content.data()), content.size());
    for (const format& known : formats) {
        if (all.substr(0, known.offset + known.magic.size()).substr(std::min(known.offset, all.size())) ==
            known.magic) {
            return known.advice;
        }
    }
    for (const format& known : listings) {
        if (all.find(known.magic) != std::string_view::npos) return known.advice;
    }
    return std::nullopt;
}

}  // namespace lab
