// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>

namespace ashlar {

namespace detail {

/// True if `text` begins with `prefix`; `rest` is then what follows.
[[nodiscard]] constexpr bool begins_with(const char* text, const char* prefix, const char*& rest) noexcept {
    while (*prefix != 0) {
        if (*text++ != *prefix++) return false;
    }
    rest = text;
    return true;
}

/// Writes text piece by piece, with numbers and padding.
template <class Sink>
class text_writer {
 public:
    constexpr explicit text_writer(Sink& sink) noexcept : sink_(sink) {}

    /// Right-aligned in `width` columns.
    constexpr text_writer& text(const char* what, std::size_t width = 0) noexcept {
        std::size_t length = 0;
        while (what[length] != 0) ++length;
        return padded(what, length, width, 0);
    }
    constexpr text_writer& left_text(const char* what, std::size_t width) noexcept {
        std::size_t length = 0;
        while (what[length] != 0) ++length;
        return padded(what, length, 0, width);
    }
    constexpr text_writer& number(std::uint64_t value, std::size_t width = 0) noexcept {
        char digits[20] = {};
        std::size_t at = sizeof digits;
        do {
            digits[--at] = static_cast<char>('0' + value % 10);
            value /= 10;
        } while (value != 0);
        return padded(digits + at, sizeof digits - at, width, 0);
    }

 private:
    constexpr text_writer& padded(const char* what, std::size_t length, std::size_t before,
                                  std::size_t after) noexcept {
        for (; before > length; --before) sink_(" ", 1);
        sink_(what, length);
        for (; after > length; --after) sink_(" ", 1);
        return *this;
    }

    Sink& sink_;
};

/// Zone names of Linux by `zone_kind`.
inline constexpr const char* linux_zone_names[] = {"DMA", "DMA32", "Normal", "Movable"};

[[nodiscard]] constexpr const char* linux_zone_name(std::uint64_t kind) noexcept {
    return linux_zone_names[kind < 4 ? kind : 3];
}

/// The properties of one zone, gathered from `describe` until the next zone begins.
struct zone_properties {
    static constexpr unsigned orders = 40;
    static constexpr unsigned kinds = 4;

    bool begun = false;
    std::uint64_t node = 0;
    std::uint64_t kind = 0;
    std::uint64_t spanned = 0;
    std::uint64_t present = 0;
    std::uint64_t online = 0;
    std::uint64_t free = 0;
    std::uint64_t min = 0;
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    std::uint64_t first_frame = 0;
    std::uint64_t protection[kinds] = {};
    std::uint64_t free_blocks[orders] = {};
    unsigned order_count = 0;

    constexpr void take(const char* name, std::uint64_t value) noexcept {
        const struct {
            const char* name;
            std::uint64_t& place;
        } plain[] = {{"node", node},
                     {"kind", kind},
                     {"first_frame", first_frame},
                     {"frames", spanned},
                     {"present_frames", present},
                     {"online_frames", online},
                     {"free_frames", free},
                     {"min", min},
                     {"low", low},
                     {"high", high},
                     {"protection_dma", protection[0]},
                     {"protection_dma32", protection[1]},
                     {"protection_normal", protection[2]},
                     {"protection_movable", protection[3]}};
        const char* rest = nullptr;
        for (const auto& property : plain) {
            if (begins_with(name, property.name, rest) && *rest == 0) {
                property.place = value;
                return;
            }
        }
        if (begins_with(name, "free_blocks_order_", rest) && order_count < orders) {
            free_blocks[order_count++] = value;
        }
    }
};

/// Calls `sink(zone_properties)` for each zone that a machine describes.
template <class Machine, class Sink>
constexpr void for_each_zone_properties(const Machine& machine, Sink&& sink) noexcept {
    zone_properties zone{};
    machine.describe([&](const char* name, std::uint64_t value) noexcept {
        const char* rest = nullptr;
        if (begins_with(name, "zone", rest) && *rest == 0) {
            if (zone.begun) sink(zone);
            zone = {};
            zone.begun = true;
            return;
        }
        zone.take(name, value);
    });
    if (zone.begun) sink(zone);
}

}  // namespace detail

/// Writes a machine's free blocks by order as Linux's /proc/buddyinfo does, one line a zone, ascending by
/// address. `sink(const char* text, std::size_t length)` takes the text in pieces. Exact at quiescence.
/// Context: that of `describe`.
template <class Machine, class Sink>
constexpr void write_buddyinfo(const Machine& machine, Sink&& sink) noexcept {
    detail::text_writer out(sink);
    detail::for_each_zone_properties(machine, [&out](const detail::zone_properties& zone) noexcept {
        out.text("Node ")
            .number(zone.node)
            .text(", zone ")
            .text(detail::linux_zone_name(zone.kind), 8)
            .text(" ");
        for (unsigned order = 0; order < zone.order_count; ++order) {
            out.number(zone.free_blocks[order], 6).text(" ");
        }
        out.text("\n");
    });
}

/// Writes what a machine's zones have, as the beginning of each zone in Linux's /proc/zoneinfo: free, marks,
/// spanned, present (managed is what is online now), protection, start_pfn. As `write_buddyinfo` otherwise.
template <class Machine, class Sink>
constexpr void write_zoneinfo(const Machine& machine, Sink&& sink) noexcept {
    detail::text_writer out(sink);
    detail::for_each_zone_properties(machine, [&out](const detail::zone_properties& zone) noexcept {
        out.text("Node ").number(zone.node).text(", zone ").text(detail::linux_zone_name(zone.kind), 8);
        out.text("\n  pages free     ").number(zone.free);
        const struct {
            const char* name;
            std::uint64_t value;
        } lines[] = {{"min", zone.min},         {"low", zone.low},         {"high", zone.high},
                     {"spanned", zone.spanned}, {"present", zone.present}, {"managed", zone.online}};
        for (const auto& line : lines) {
            out.text("\n        ").left_text(line.name, 9).number(line.value);
        }
        out.text("\n        protection: (");
        for (unsigned kind = 0; kind < detail::zone_properties::kinds; ++kind) {
            out.text(kind == 0 ? "" : ", ").number(zone.protection[kind]);
        }
        out.text(")\n  start_pfn:           ").number(zone.first_frame).text("\n");
    });
}

}  // namespace ashlar
