// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <unistd.h>

#include <ashlar/core/view.hpp>
#include <concepts>
#include <cstdint>
#include <type_traits>

namespace ashlar {

/// How the processor treats what is mapped.
enum class caching_mode : std::uint8_t {
    cached,           ///< like memory
    uncached,         ///< each access is one of the bus, in order; for registers
    write_combining,  ///< stores wait in buffers and leave together, in any order, until a store fence; loads
                      ///< are not cached. For prefetchable memory
};

/// The lower-case name. Any context.
[[nodiscard]] constexpr const char* to_string(caching_mode mode) noexcept {
    switch (mode) {
        case caching_mode::cached:
            return "cached";
        case caching_mode::uncached:
            return "uncached";
        case caching_mode::write_combining:
            return "write combining";
    }
    return "unknown";
}

/// A part of a device that can be mapped: `bytes` from `at` on, which are in the file from `file_offset` on.
/// All are whole pages; the last byte may lie beyond the device's end.
struct device_piece {
    std::uint64_t at = 0;
    std::uint64_t file_offset = 0;
    std::uint64_t bytes = 0;
};

/// How a device is mapped: the descriptor, pieces by ascending place, and where in the first page its first
/// byte is (`lead`; pieces count from the start of that page).
struct device_layout {
    int descriptor = -1;
    std::uint64_t bytes = 0;
    std::uint64_t lead = 0;
    std::uint64_t page_bytes = 0;
    caching_mode caching = caching_mode::uncached;
    view<const device_piece> pieces{};
};

/// What can be mapped as a `mapped_device`: `pci_bar`, `uio_map`, `vfio_region`, `physical_window`,
/// `shared_file`.
///
/// - `layout()`: how; the pieces are the source's own. A negative descriptor: not open.
/// - `is_present()`: the device answers still, as far as that can be told past the mapping. Asked when all
///   ones was read. May sleep.
/// - Optional `read(offset, bytes, count)`, `write(...)` -> errc: of what is in no piece, 1 to 8 bytes.
template <class S>
concept device_source = std::is_nothrow_move_constructible_v<S> && std::is_nothrow_move_assignable_v<S> &&
    requires(const S& source) {
    { source.layout() } -> std::same_as<device_layout>;
    { source.is_present() } -> std::same_as<bool>;
};

namespace detail {

[[nodiscard]] inline std::uint64_t system_page_bytes() noexcept {
    return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}
/// Up to whole pages.
[[nodiscard]] constexpr std::uint64_t whole_pages(std::uint64_t length, std::uint64_t page) noexcept {
    return (length + page - 1) / page * page;
}

}  // namespace detail
}  // namespace ashlar
