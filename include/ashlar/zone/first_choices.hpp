// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/view.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace ashlar::detail {

/// Which zone serves most requests of a machine, in two loads: the first of a node's list, as long as nothing
/// but the preference has a say in it.
///
/// Protocol: the zones are written by whoever changes which zones there are, after a zone is ready (release)
/// and before the wait that lets it go; readers (acquire) hold the CPU guard. The settings are one word, of
/// which everybody who sets something changes his own bits; a request in flight may still see the old ones.
template <class Platform>
class first_choices {
 public:
    /// What makes every request search.
    enum class reason : std::uint32_t { mirror_limit = 4, frames_kept_back = 8 };

    /// The number of the zone plus one, or 0: search.
    [[nodiscard, gnu::always_inline]] constexpr unsigned of(node_id node, mirror preference) const noexcept {
        std::uint32_t place = settings_.load(memory_order::relaxed);
        if (place > preferences_mask || node >= max_nodes) return 0;
        if (preference != mirror::unspecified) {
            place = static_cast<std::uint32_t>(preference) & preferences_mask;
        }
        return zones_[node][place].load(memory_order::acquire);
    }
    [[nodiscard]] constexpr mirror default_mirror() const noexcept {
        return static_cast<mirror>(settings_.load(memory_order::relaxed) & preferences_mask);
    }
    /// `unspecified` is taken as ordinary.
    constexpr void set_default_mirror(mirror preference) noexcept {
        const auto wanted = static_cast<std::uint32_t>(preference) & preferences_mask;
        const std::uint32_t bits = wanted == 0 ? ordinary : wanted;
        std::uint32_t seen = settings_.load(memory_order::relaxed);
        while (!settings_.compare_exchange(seen, (seen & ~preferences_mask) | bits, memory_order::relaxed)) {
        }
    }
    /// One caller at a time for each reason.
    constexpr void set(reason why, bool on) noexcept {
        const auto bit = static_cast<std::uint32_t>(why);
        if (on) {
            (void)settings_.fetch_or(bit, memory_order::relaxed);
        } else {
            (void)settings_.fetch_and(~bit, memory_order::relaxed);
        }
    }
    /// The first choice of every list of a table. `describe(zone number)` gives a zone's description.
    template <class Table, class Describe>
    constexpr void publish(const Table& table, Describe&& describe) noexcept {
        for (unsigned node = 0; node < max_nodes; ++node) {
            for (const mirror preference : {mirror::ordinary, mirror::preferred, mirror::required}) {
                const auto list = node < table.nodes() ? table.list(static_cast<node_id>(node), preference)
                                                       : view<const std::uint8_t>{};
                // Where it is not what the request prefers, that is counted.
                const bool is_choice =
                    list.size() != 0 &&
                    (preference != mirror::preferred || !table.has_mirror() || describe(list[0]).mirrored);
                zones_[node][static_cast<std::size_t>(preference)].store(is_choice ? list[0] + 1u : 0u,
                                                                         memory_order::release);
            }
        }
    }

 private:
    using atomic = typename Platform::template atomic<std::uint32_t>;
    static constexpr std::uint32_t preferences_mask = 3;
    static constexpr std::uint32_t ordinary = static_cast<std::uint32_t>(mirror::ordinary);
    static_assert(static_cast<std::uint32_t>(mirror::required) <= preferences_mask);

    atomic settings_{ordinary};  ///< the default preference, and reasons
    atomic zones_[max_nodes][preferences_mask + 1]{};
};

}  // namespace ashlar::detail
