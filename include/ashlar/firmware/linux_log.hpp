// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/linux_e820_line.hpp>
#include <ashlar/firmware/linux_efi_line.hpp>
#include <ashlar/firmware/linux_log_lines.hpp>
#include <ashlar/firmware/linux_node_line.hpp>
#include <ashlar/firmware/linux_srat_line.hpp>
#include <ashlar/firmware/memory_entry.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/table_reader.hpp>
#include <ashlar/firmware/text.hpp>
#include <ashlar/firmware/topology.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace ashlar {
namespace detail {

/// Calls `sink(offset, characters, log_line)` for each line of the boot that was chosen.
template <class Sink>
constexpr void for_each_line_of_boot(characters log, const log_survey& boot, Sink&& sink) noexcept {
    const characters part = log.subview(boot.begin, boot.end - boot.begin);
    for_each_line(part, [&](std::size_t offset, characters content) noexcept {
        sink(boot.begin + offset, content, topic_of(content));
        return true;
    });
}

/// Reads the boot that a survey chose. The tables may be interleaved: each has its own reader.
class linux_log_reader {
 public:
    constexpr linux_log_reader(characters log, memory_map& map, topology* nodes, defects& found) noexcept
        : log_(log),
          told_(log_survey::of(log)),
          e820_(table::e820, table_reader::order::sorted, map, found),
          uefi_(table::uefi, table_reader::order::any, map, found),
          srat_(table::srat, table_reader::order::any, map, found),
          ranges_(table::log, table_reader::order::any, map, found),
          map_(map),
          nodes_(nodes != nullptr && !nodes->has_domains() ? nodes : nullptr) {}

    /// `invalid` if no line was recognised, `limit` if something did not fit.
    constexpr errc run() noexcept {
        if (told_.boots > 1) {
            ranges_.report(told_.begin, defect_kind::ignored, "other boots in the same log are not read");
        }
        if (told_.e820) {
            for_each_line_of_boot(
                log_, told_, [this](std::size_t offset, characters content, const log_line& line) noexcept {
                    if (line.topic == log_topic::host_map) guest_map_ = false;
                    if (line.topic == log_topic::guest_map) guest_map_ = true;
                    if (line.topic == log_topic::e820 && line.xen == told_.xen && !guest_map_) {
                        read_e820_line(e820_, offset, with_continuation(log_, offset, content, line.rest));
                        recognised_ = true;
                    }
                });
            // What a loader or a hypervisor passes on is less than what the firmware gave to it.
            uefi_.confine();
        }
        for_each_line_of_boot(log_, told_,
                              [this](std::size_t offset, characters content, const log_line& line) noexcept {
                                  if (line.xen == told_.xen) read_line(offset, content, line);
                              });
        for (table_reader* reader : {&e820_, &uefi_, &srat_, &ranges_}) {
            if (reader->finish() != errc::ok) full_ = true;
        }
        if (!recognised_) return errc::invalid;
        return full_ ? errc::limit : errc::ok;
    }

 private:
    constexpr void read_line(std::size_t offset, characters content, const log_line& line) noexcept {
        switch (line.topic) {
            case log_topic::uefi:
                if (listing_.read_line(uefi_, offset, with_continuation(log_, offset, content, line.rest))) {
                    recognised_ = true;
                }
                break;
            case log_topic::srat:
                if (nodes_ != nullptr &&
                    read_srat_line(srat_, *nodes_, offset,
                                   with_continuation(log_, offset, content, line.rest), full_)) {
                    recognised_ = true;
                }
                break;
            case log_topic::node:
                read_range_of_node(offset, content, line);
                break;
            case log_topic::set_aside:
                if (!read_reserved_line(map_, line.rest)) full_ = true;
                break;
            default:
                break;
        }
    }

    constexpr void read_range_of_node(std::size_t offset, characters content, const log_line& line) noexcept {
        const bool only_source = !told_.e820 && !told_.uefi;
        topology* const nodes = told_.affinities || !(told_.several_nodes || only_source) ? nullptr : nodes_;
        if (only_source && !recognised_ranges_) {
            ranges_.report(offset, defect_kind::derived,
                           "memory as the kernel saw it, with what the firmware reserves in it");
        }
        recognised_ranges_ = true;
        recognised_ = true;
        const text_cursor rest = with_continuation(log_, offset, content, line.rest);
        const memory_kind kind = only_source ? memory_kind::usable : memory_kind::none;
        if (!read_node_line(ranges_, nodes, offset, line.node, rest, kind)) full_ = true;
    }

    characters log_;
    log_survey told_;
    table_reader e820_;
    table_reader uefi_;
    table_reader srat_;
    table_reader ranges_;
    memory_map& map_;
    linux_efi_listing listing_;
    topology* nodes_;
    bool guest_map_ = false;
    bool recognised_ = false;
    bool recognised_ranges_ = false;
    bool full_ = false;
};

}  // namespace detail

/// Reads the memory tables that a Linux kernel prints when it boots (dmesg, a serial console, a file with
/// only these lines), whatever stands before them in a line, with any line ends, also where a mailer quoted
/// them or wrapped their lines:
/// - "BIOS-e820:" lines (BIOS-e801, BIOS-88, Xen), in the forms that kernels have used since 2.4, and with
/// the
///   type "mirror" and the labels "(1G~2G)" of CN104252419; or, where there are "(XEN)" lines, the RAM map of
///   the hypervisor in place of what it lent to the Linux above it;
/// - the descriptors that `efi=debug` lists after "efi:", with MR for mirrored memory. Beside E820 lines they
///   tell more of that memory, and add none: after kexec the rest belongs to the kernel before;
/// - "SRAT:" lines, if `nodes` is given and has no domain yet (a binary SRAT knows more);
/// - "node   0:" lines ("Early memory node ranges"): which node memory belongs to, where no SRAT line says it
///   and there are several; and what memory there is, where nothing else says it, as on many machines with
///   device trees. What the firmware reserves in it is not told then, but for "OF: reserved mem:" lines:
///   reported as `derived`.
///
/// Every other line is skipped, also those by which the kernel tells how it changed the map. Of a log with
/// several boots the last is read (not that of a kernel which a crash started), which is reported as
/// `ignored`.
///
/// E820 entries are believed as `read_e820` says; also reported are lines that cannot be read, addresses that
/// are not written with 16 digits and labels that are off by a unit or more (both are kept as the addresses
/// say). Descriptors are believed as `read_uefi` says, SRAT lines as `read_srat` says. The offset of a defect
/// is that of its line. Time is linear in the length of the text.
///
/// `invalid` if no line is such a line, `limit` if the map or the topology is full. Any context.
constexpr errc read_linux_log(view<const char> log, memory_map& map, topology* nodes,
                              defects& found) noexcept {
    const errc answer = detail::linux_log_reader(log, map, nodes, found).run();
    if (answer == errc::invalid) {
        found.report(
            {table::log, 0, defect_kind::malformed,
             "no line of a memory table in this text: neither BIOS-e820, efi: memNN nor node ranges"});
    }
    return answer;
}

}  // namespace ashlar
