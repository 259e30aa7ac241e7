// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/linux_e820_line.hpp>
#include <ashlar/firmware/linux_efi_line.hpp>
#include <ashlar/firmware/linux_srat_line.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/table_reader.hpp>
#include <ashlar/firmware/text.hpp>
#include <ashlar/firmware/topology.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace ashlar {
namespace detail {

/// Reads a log line by line. The tables may be interleaved: each has its own reader.
class linux_log_reader {
 public:
    constexpr linux_log_reader(memory_map& map, topology* nodes, defects& found) noexcept
        : e820_(table::e820, table_reader::order::sorted, map, found),
          uefi_(table::uefi, table_reader::order::any, map, found),
          srat_(table::srat, table_reader::order::any, map, found),
          nodes_(nodes != nullptr && !nodes->has_domains() ? nodes : nullptr) {}

    constexpr void read_line(std::uint64_t offset, characters line) noexcept {
        text_cursor cursor(line);
        if (cursor.skip_past("BIOS-e820:")) {
            read_e820_line(e820_, offset, cursor);
            recognised_ = true;
        } else if (cursor.skip_past("efi:") || cursor.skip_past("EFI:")) {
            if (listing_.read_line(uefi_, offset, cursor)) recognised_ = true;
        } else if (nodes_ != nullptr && cursor.skip_past("SRAT:")) {
            if (read_srat_line(srat_, *nodes_, offset, cursor, full_)) recognised_ = true;
        }
    }

    /// `invalid` if no line was recognised, `limit` if something did not fit.
    constexpr errc finish() noexcept {
        for (table_reader* reader : {&e820_, &uefi_, &srat_}) {
            if (reader->finish() != errc::ok) full_ = true;
        }
        if (!recognised_) return errc::invalid;
        return full_ ? errc::limit : errc::ok;
    }

 private:
    table_reader e820_;
    table_reader uefi_;
    table_reader srat_;
    linux_efi_listing listing_;
    topology* nodes_;
    bool recognised_ = false;
    bool full_ = false;
};

}  // namespace detail

/// Reads the memory tables that a Linux kernel prints when it boots (dmesg, a serial console, a file with
/// only these lines), whatever stands before them in a line, with any line ends:
/// - "BIOS-e820:" lines, in the forms that kernels have used since 2.6, and with the type "mirror" and the
///   labels "(1G~2G)" of CN104252419;
/// - the descriptors that `efi=debug` lists after "efi:", with MR for mirrored memory;
/// - "SRAT:" lines, if `nodes` is given and has no domain yet (a binary SRAT knows more).
///
/// Every other line is skipped, also those by which the kernel tells how it changed the map.
///
/// E820 entries are believed as `read_e820` says; also reported are lines that cannot be read, addresses that
/// are not written with 16 digits and labels that are off by a unit or more (both are kept as the addresses
/// say). Descriptors are believed as `read_uefi` says, SRAT lines as `read_srat` says. The offset of a defect
/// is that of its line. Time is linear in the length of the text.
///
/// `invalid` if no line is such a line, `limit` if the map or the topology is full. Any context.
constexpr errc read_linux_log(view<const char> log, memory_map& map, topology* nodes,
                              defects& found) noexcept {
    detail::linux_log_reader reader(map, nodes, found);
    detail::for_each_line(log, [&reader](std::size_t offset, detail::characters line) noexcept {
        reader.read_line(offset, line);
        return true;
    });
    const errc answer = reader.finish();
    if (answer == errc::invalid) {
        found.report({table::log, 0, defect_kind::malformed, "no line of a memory table in this text"});
    }
    return answer;
}

}  // namespace ashlar
