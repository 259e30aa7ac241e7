// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/firmware/linux_node_line.hpp>
#include <ashlar/firmware/linux_range.hpp>
#include <ashlar/firmware/text.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace ashlar::detail {

/// What a line of a log is about.
enum class log_topic : std::uint8_t {
    other,
    start,      ///< a kernel or a hypervisor begins to boot
    e820,       ///< an entry as the BIOS or a loader gave it, or Xen to a guest
    uefi,       ///< anything of EFI; some of it are descriptors
    srat,       ///< anything of the SRAT
    node,       ///< a node's range of memory
    crash,      ///< a kernel that was started by the crash of another runs in what that one set aside for it
    set_aside,  ///< memory that a device tree reserves
    host_map,   ///< what follows are entries of the map that the hypervisor was given
    guest_map,  ///< what follows are entries of a map that it gives to a guest
    host        ///< any other line of the Xen hypervisor
};

struct log_line {
    log_topic topic = log_topic::other;
    text_cursor rest;  ///< behind what shows the topic
    bool xen = false;  ///< of the hypervisor, not of a guest
    number node{};     ///< of `node`
};

/// Consumes a line of the Xen hypervisor up to the range of an entry of its RAM map, if it is one. A time may
/// stand before it, in brackets too.
///
///     (XEN) [0000003432ac52a2]  [0000000000000000, 000000000009ffff] (usable)
[[nodiscard]] constexpr bool accept_xen_entry(text_cursor& cursor) noexcept {
    for (int attempt = 0; attempt < 2; ++attempt) {
        written_range range;
        text_cursor ahead = cursor;
        if (read_any_range(ahead, range)) {
            ahead.skip_spaces();
            return ahead.peek() == '(' && range.first.digits == 16;
        }
        if (!cursor.skip_past("]")) return false;
    }
    return false;
}

[[nodiscard]] constexpr log_line topic_of(characters line) noexcept {
    text_cursor cursor(line);
    number node;
    if (cursor.skip_past("(XEN)")) {
        text_cursor srat = cursor;
        if (srat.skip_past("SRAT:")) return {log_topic::srat, srat, true};
        if (cursor.contains("Xen version ")) return {log_topic::start, cursor, true};
        if (cursor.contains("RAM map:")) return {log_topic::host_map, cursor, true};
        if (cursor.contains("emory map:")) return {log_topic::guest_map, cursor, true};
        text_cursor entry = cursor;
        entry.skip_spaces();
        if (accept_xen_entry(entry)) return {log_topic::e820, entry, true};
        return {log_topic::host, cursor, true};
    }
    for (const char* maker : {"BIOS-e820:", "BIOS-e801:", "BIOS-88:"}) {
        if (cursor.skip_past(maker)) return {log_topic::e820, cursor};
    }
    if (cursor.skip_past("efi:") || cursor.skip_past("EFI:")) return {log_topic::uefi, cursor};
    if (cursor.skip_past("SRAT:")) return {log_topic::srat, cursor};
    if (accept_node(cursor, node)) return {log_topic::node, cursor, false, node};
    if (cursor.contains("elfcorehdr=")) return {log_topic::crash, cursor};
    if (cursor.skip_past("OF: reserved mem:")) return {log_topic::set_aside, cursor};
    text_cursor version = cursor;
    if (version.skip_past("Linux version ") && is_digit(version.peek())) return {log_topic::start, version};
    if (cursor.skip_past("Xen:")) {
        written_range range;
        text_cursor ahead = cursor;
        if (read_any_range(ahead, range)) return {log_topic::e820, cursor};
    }
    return {log_topic::other, text_cursor(line)};
}

/// What is left of the line at `offset`, and up to two lines behind it that may be what a mailer wrapped: a
/// line that is about something itself is none.
[[nodiscard]] constexpr text_cursor with_continuation(characters log, std::size_t offset, characters line,
                                                      const text_cursor& rest) noexcept {
    const std::size_t begin = offset + line.size() - rest.rest().size();
    std::size_t end = offset + line.size();
    for (int more = 0; more < 2 && end < log.size(); ++more) {
        std::size_t next = end + 1;
        if (log[end] == '\r' && next < log.size() && log[next] == '\n') ++next;
        std::size_t next_end = next;
        while (next_end < log.size() && !is_line_end(log[next_end])) ++next_end;
        if (next >= next_end) break;
        if (topic_of(log.subview(next, next_end - next)).topic != log_topic::other) break;
        end = next_end;
    }
    return text_cursor(log.subview(begin, end - begin));
}

/// Which boot of a log is read, and what is told of it. A log that a system collects goes on over many boots,
/// and the machine may have been another one before: the last boot of which any memory is told counts.
struct log_survey {
    std::size_t begin = 0;  ///< where that boot begins
    std::size_t end = 0;    ///< where the next one does
    unsigned boots = 0;     ///< of which memory is told
    bool xen = false;       ///< the hypervisor says what memory there is, and its guests what it lent to them
    bool e820 = false;
    bool uefi = false;
    bool affinities = false;
    bool several_nodes = false;
    bool crash = false;

    [[nodiscard]] static constexpr log_survey of(characters log) noexcept {
        log_survey before;
        log_survey kept;
        log_survey current;
        bool told = false;
        kept.end = log.size();
        current.end = log.size();
        for_each_line(log, [&](std::size_t offset, characters content) noexcept {
            const log_line line = topic_of(content);
            // Below a hypervisor, systems that boot are its guests.
            if (line.topic == log_topic::start && (line.xen || !current.xen)) {
                if (told && kept.begin == current.begin) kept.end = offset;
                current = {};
                current.begin = offset;
                current.end = log.size();
                current.boots = kept.boots;
                told = false;
            }
            if (line.topic == log_topic::crash) current.crash = true;
            const bool tells = current.note(line);
            if (tells && !told) {
                before = kept;
                ++current.boots;
                told = true;
            }
            if (told) kept = current;
            if (told && current.crash && before.boots != 0) {
                kept = before;
                kept.boots = current.boots;
            }
            return true;
        });
        return kept;
    }

 private:
    /// True if the line tells of memory.
    constexpr bool note(const log_line& line) noexcept {
        switch (line.topic) {
            case log_topic::e820:
                if (line.xen) xen = true;
                e820 = true;
                return true;
            case log_topic::uefi:
                if (!is_descriptor(line.rest)) return false;
                uefi = true;
                return true;
            case log_topic::srat:
                if (line.rest.contains(" PXM ")) affinities = true;
                return false;
            case log_topic::node:
                if (line.node.value != 0) several_nodes = true;
                return true;
            default:
                return false;
        }
    }

    [[nodiscard]] static constexpr bool is_descriptor(text_cursor rest) noexcept {
        rest.skip_spaces();
        if (rest.accept("mem")) return rest.decimal() && rest.accept(":") && !rest.contains("(invalid)");
        written_range range;
        return text_cursor(rest).accept("0x") && read_range(rest, range);
    }
};

}  // namespace ashlar::detail
