// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/source.hpp>
#include <ashlar/zone/zone.hpp>
#include <cstdint>

namespace ashlar {

/// The isolation of the units (2^isolation_order frames) that a range touches, by one caller at a time.
///
/// Isolation is a flag, not a count: two callers over one unit would end each other's. So a unit that is
/// isolated already is `busy`, wherever the source tells (`isolation_telling_source`).
template <class Space = machine>
class isolated_range {
 public:
    /// `busy`: others have isolated one of the units (nothing is changed then), or a CPU still holds frames
    /// of it (the units are isolated: call again, or `readmit`). Else as the source's `isolate`; `misaligned`
    /// where a unit reaches out of the source's range.
    template <frame_source Source>
    constexpr errc isolate(Source& source, range<Space> frames) noexcept {
        if (frames.empty() || frames.wraps()) return errc::invalid;
        const range<Space> units = units_of(source, frames);
        if (units_.empty()) {
            if (is_isolated(source, units)) return errc::busy;
        } else if (units != units_) {
            return errc::busy;
        }
        const errc answer = source.isolate(units);
        if (answer == errc::ok || answer == errc::busy) units_ = units;
        return answer;
    }
    template <frame_source Source>
    constexpr void readmit(Source& source) noexcept {
        if (!units_.empty()) (void)source.readmit(units_);
        units_ = {};
    }
    [[nodiscard]] constexpr range<Space> units() const noexcept { return units_; }

 private:
    template <class Source>
    [[nodiscard]] static constexpr range<Space> units_of(const Source& source, range<Space> frames) noexcept {
        constexpr std::uint64_t mask = (std::uint64_t{1} << Source::isolation_order) - 1;
        const frame<Space> first{frames.first.number & ~mask};
        const frame<Space> last{(frames.end().number - 1) | mask};
        const range<Space> units = range<Space>::between(first, last + 1);
        if constexpr (requires { source.zone_of(frames.first)->span; }) {
            [[maybe_unused]] const typename Source::platform_type::cpu_guard guard{};
            const auto* const zone = source.zone_of(frames.first);
            return zone == nullptr ? frames : units.clipped_to(zone->span);
        } else {
            return units;
        }
    }
    template <class Source>
    [[nodiscard]] static constexpr bool is_isolated(const Source& source, range<Space> units) noexcept {
        if constexpr (isolation_telling_source<Source>) {
            constexpr std::uint64_t unit = std::uint64_t{1} << Source::isolation_order;
            for (std::uint64_t at = 0; at < units.count; at += unit) {
                if (source.owns(units.first + at) && !detail::offers(source, units.first + at)) return true;
            }
        }
        return false;
    }

    range<Space> units_{};
};

}  // namespace ashlar
