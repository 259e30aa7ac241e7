// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/firmware/defects.hpp>
#include <ashlar/firmware/e820.hpp>
#include <ashlar/firmware/extent.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/table_reader.hpp>
#include <ashlar/firmware/uefi.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Where a Multiboot 1 loader put its memory map.
struct multiboot1_info {
    std::uint32_t map_address = 0;  ///< physical
    std::uint32_t map_bytes = 0;    ///< 0 if there is no map
};

/// Reads the structure to which Multiboot 1's EBX points at entry; 52 bytes are enough of it. Without bit 6
/// of the flags there is no map. The caller gives the map's bytes to `read_multiboot1_map`.
///
/// `invalid`, and reported, if the input ends early. Any context.
constexpr result<multiboot1_info> read_multiboot1_info(bytes input, defects& found) noexcept {
    constexpr std::size_t needed_bytes = 52;
    constexpr std::uint32_t has_map = 1u << 6;
    if (!holds(input, 0, needed_bytes)) {
        found.report(
            {table::multiboot, input.size(), defect_kind::truncated, "the Multiboot information is cut off"});
        return errc::invalid;
    }
    multiboot1_info info;
    if ((load_little<std::uint32_t>(input, 0) & has_map) == 0) return info;
    info.map_bytes = load_little<std::uint32_t>(input, 44);
    info.map_address = load_little<std::uint32_t>(input, 48);
    return info;
}

namespace detail {

/// {base u64, length u64, type u32} with a type of E820, as both versions of Multiboot have it.
constexpr void add_multiboot_range(table_reader& reader, bytes input, std::size_t offset) noexcept {
    const auto claimed =
        extent::of(load_little<std::uint64_t>(input, offset), load_little<std::uint64_t>(input, offset + 8));
    reader.add(offset, claimed, e820_kind(load_little<std::uint32_t>(input, offset + 16)), 0);
}

/// Walks the tags of one Multiboot 2 information.
class multiboot2_walk {
 public:
    constexpr multiboot2_walk(bytes information, memory_map& map, defects& found) noexcept
        : input_(information),
          map_(map),
          found_(found),
          reader_(table::multiboot, table_reader::order::sorted, map, found) {}

    constexpr errc run() noexcept {
        bool boot_services = false;
        for (std::size_t at = first_tag; next(at, true); at += step(at)) {
            if (word_at(at) == boot_services_on) boot_services = true;
        }
        errc uefi_answer = errc::ok;
        for (std::size_t at = first_tag; next(at, false); at += step(at)) {
            const std::uint32_t type = word_at(at);
            if (type != ranges && type != uefi_map) continue;
            if (boot_services) {
                report(at, defect_kind::ignored, "a map from before the end of boot services");
            } else if (type == ranges) {
                add_ranges(at);
            } else if (const errc answer = add_descriptors(at); answer == errc::limit) {
                uefi_answer = answer;
            }
        }
        const errc answer = reader_.finish();
        if (boot_services) return errc::busy;
        return answer == errc::ok ? uefi_answer : answer;
    }

 private:
    static constexpr std::size_t first_tag = 8;
    static constexpr std::size_t tag_header = 8;
    static constexpr std::size_t map_header = 16;
    /// Types of tags. Source: Multiboot 2 specification, 3.6.
    static constexpr std::uint32_t end = 0;
    static constexpr std::uint32_t ranges = 6;
    static constexpr std::uint32_t uefi_map = 17;
    static constexpr std::uint32_t boot_services_on = 18;

    [[nodiscard]] constexpr std::uint32_t word_at(std::size_t at) const noexcept {
        return load_little<std::uint32_t>(input_, at);
    }
    [[nodiscard]] constexpr std::size_t size_at(std::size_t at) const noexcept { return word_at(at + 4); }

    /// Tags begin at multiples of 8; the last one need not be padded.
    [[nodiscard]] constexpr std::size_t step(std::size_t at) const noexcept {
        const std::size_t size = size_at(at);
        const std::size_t rest = input_.size() - at;
        const std::size_t padding = (8 - size % 8) % 8;
        return padding < rest - size ? size + padding : rest;
    }

    /// True if a whole tag that is not the last one begins at `at`. What is wrong is reported on one of the
    /// two passes only.
    constexpr bool next(std::size_t at, bool first_pass) noexcept {
        if (!holds(input_, at, tag_header)) {
            if (first_pass) report(at, defect_kind::truncated, "the tags have no end");
            return false;
        }
        if (word_at(at) == end) return false;
        const std::size_t size = size_at(at);
        if (size >= tag_header && holds(input_, at, size)) return true;
        if (first_pass && size < tag_header) {
            report(at, defect_kind::bad_length, "a tag without length ends the information");
        } else if (first_pass) {
            report(at, defect_kind::truncated, "a tag reaches beyond the information");
        }
        return false;
    }

    constexpr void add_ranges(std::size_t at) noexcept {
        constexpr std::size_t least_stride = 24;
        const std::size_t tag_end = at + size_at(at);
        const std::size_t stride = size_at(at) < map_header ? 0 : word_at(at + 8);
        if (stride < least_stride) {
            report(at, defect_kind::bad_length, "an entry of the memory map has 24 bytes or more");
            return;
        }
        std::size_t offset = at + map_header;
        for (; tag_end - offset >= stride; offset += stride) add_multiboot_range(reader_, input_, offset);
        if (offset != tag_end) report(offset, defect_kind::truncated, "the last entry is cut off");
    }

    constexpr errc add_descriptors(std::size_t at) noexcept {
        if (size_at(at) < map_header) {
            report(at, defect_kind::bad_length, "a UEFI map without a descriptor size");
            return errc::invalid;
        }
        const bytes descriptors = input_.subview(at + map_header, size_at(at) - map_header);
        return read_descriptors(descriptors, word_at(at + 8), at + map_header, map_, found_);
    }

    constexpr void report(std::size_t at, defect_kind kind, const char* text) noexcept {
        reader_.report(at, kind, text);
    }

    bytes input_;
    memory_map& map_;
    defects& found_;
    table_reader reader_;
};

}  // namespace detail

/// Reads the memory map of Multiboot 1: {size u32, base u64, length u64, type u32} at any alignment, where
/// `size`, 20 or more, does not count itself; with the types of E820. A shorter `size` ends the map, as
/// nothing says where the next entry is; this is reported, and so is all that `read_e820` reports.
///
/// The image, the modules and the loader's structures lie in memory that the map calls available: the caller
/// excludes them.
///
/// `limit` if the map is full. Any context.
constexpr errc read_multiboot1_map(bytes input, memory_map& map, defects& found) noexcept {
    constexpr std::size_t size_bytes = 4;
    constexpr std::size_t least_size = 20;
    detail::table_reader reader(table::multiboot, detail::table_reader::order::sorted, map, found);
    std::size_t offset = 0;
    while (offset != input.size()) {
        const std::size_t size = load_little<std::uint32_t>(input, offset);
        if (holds(input, offset, size_bytes) && size < least_size) {
            reader.report(offset, defect_kind::bad_length, "an entry that is too short ends the map");
            break;
        }
        if (!holds(input, offset, size_bytes) || !holds(input, offset + size_bytes, size)) {
            reader.report(offset, defect_kind::truncated, "the last entry is cut off");
            break;
        }
        detail::add_multiboot_range(reader, input, offset + size_bytes);
        offset += size_bytes + size;
    }
    return reader.finish();
}

/// Reads the information to which Multiboot 2's EBX points at entry: total size u32, reserved u32, tags. Of
/// the tags the memory map (6) and the UEFI memory map (17) are read; where both speak of the same byte the
/// more restrictive one is right, as always.
///
/// If the loader left boot services on (tag 18), the firmware goes on allocating memory: neither map is
/// read, each is reported as `ignored`, and the answer is `busy`. Who then ends them gets the true map from
/// GetMemoryMap, for `read_uefi`.
///
/// A tag that does not fit ends the information; this is reported, and so is all that the readers of E820
/// and UEFI report. The image, the modules and the information itself lie in memory that the map calls
/// available: the caller excludes them.
///
/// `invalid` if the input does not hold the information's head, or less than the total size (nothing is
/// read), `limit` if the map is full. Any context.
constexpr errc read_multiboot2(bytes input, memory_map& map, defects& found) noexcept {
    constexpr std::size_t head_bytes = 8;
    const std::size_t size = load_little<std::uint32_t>(input, 0);
    if (!holds(input, 0, head_bytes) || input.size() < size) {
        found.report(
            {table::multiboot, input.size(), defect_kind::truncated, "the Multiboot information is cut off"});
        return errc::invalid;
    }
    if (size < head_bytes) {
        found.report({table::multiboot, 0, defect_kind::bad_length, "information without a size"});
        return errc::invalid;
    }
    return detail::multiboot2_walk(input.subview(0, size), map, found).run();
}

}  // namespace ashlar
