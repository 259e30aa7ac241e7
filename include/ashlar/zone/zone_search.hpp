// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/request_preferences.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/source.hpp>
#include <ashlar/zone/drain_everywhere.hpp>
#include <ashlar/zone/watermarks.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// Whether a machine lets a request have `frames` frames of a zone. Where the mirror limit alone forbids it,
/// an `answer` of exhausted becomes `limit`.
template <class Slots, class Table>
[[nodiscard]] constexpr bool admits(const Slots& zones, const Table& table, std::size_t number,
                                    const request<typename Slots::space>& wanted, std::uint64_t frames,
                                    errc& answer) noexcept {
    const auto& zone = zones[number];
    if (!zones.reserve(number).admits(zone, frames, wanted.urgent, zones.highest_kind(wanted))) return false;
    if (!zone.description().mirrored || zones.mirror_limit().admits(zones, table, frames)) return true;
    if (answer == errc::exhausted) answer = errc::limit;
    return false;
}

/// A request on its way through a machine's zone list, from one guard section to the next.
template <class Slots>
class zone_search {
 public:
    using space = typename Slots::space;

    /// `wanted.mirror` is not unspecified.
    constexpr zone_search(Slots& zones, const request<space>& wanted) noexcept
        : zones_(zones), wanted_(wanted), effort_(wanted.effort) {}

    [[nodiscard]] constexpr bool finished() const noexcept { return finished_; }
    /// All zones once more, with the effort that is left.
    constexpr void restart() noexcept {
        started_ = false;
        finished_ = false;
    }

    /// Tries the zones from where the search stands until one has a block, all have been asked, or it is time
    /// to let interrupts in. Guard held.
    constexpr result<frame<space>> section() noexcept {
        const std::uint32_t generation = zones_.generation();
        if (!started_ || generation_ != generation) {
            // Other zones, another list: from its beginning.
            started_ = true;
            generation_ = generation;
            place_ = 0;
            sections_ = 0;
            answer_ = errc::exhausted;
        }
        const auto& table = zones_.of(generation);
        request<space> wanted = wanted_;
        if (wanted.node == any_node) wanted.node = Slots::platform_type::this_node();
        const auto list = table.list(wanted.node, wanted.mirror);
        const bool prefers_mirror = wanted.mirror == mirror::preferred && table.has_mirror();
        // Served from ordinary memory where there is no other: the zones are not asked for more.
        if (!table.has_mirror()) wanted.mirror = mirror::ordinary;
        for (; place_ < list.size(); ++place_, sections_ = 0) {
            const std::size_t number = list[place_];
            if (!admits(zones_, table, number, wanted_, std::uint64_t{1} << wanted_.order, answer_)) continue;
            auto& zone = zones_[number];
            wanted.effort = section_effort(zone);
            const auto got = zone.allocate(wanted);
            finished_ = got.has_value();
            if (finished_) {
                if (prefers_mirror && !zone.description().mirrored) zones_.reserve(number).count_fallback();
                return got;
            }
            // A bound on the search that was spent; without one it is a platform's answer as any other.
            if (got.error() == errc::limit && wanted.effort != unbounded_effort) {
                if (effort_ != unbounded_effort) effort_ -= wanted.effort;
                finished_ = effort_ == 0;
                ++sections_;
                return errc::limit;
            }
            if (got.error() != errc::exhausted) answer_ = got.error();
        }
        finished_ = true;
        return answer_;
    }

 private:
    /// A zone whose hints do not get better by searching (they cannot for the very largest blocks) is
    /// searched to its end once it has had a section for each of its parts.
    template <class Zone>
    [[nodiscard]] constexpr std::uint32_t section_effort(const Zone& zone) const noexcept {
        const std::uint64_t part = std::uint64_t{Slots::section_effort} << Zone::isolation_order % 64;
        if (sections_ > zone.description().span.count / part) return effort_;
        return effort_ < Slots::section_effort ? effort_ : Slots::section_effort;
    }

    Slots& zones_;
    const request<space>& wanted_;
    std::uint32_t effort_;
    std::uint32_t generation_ = 0;
    std::size_t place_ = 0;       ///< in the list
    std::uint64_t sections_ = 0;  ///< in the zone at that place
    errc answer_ = errc::exhausted;
    bool started_ = false;
    bool finished_ = false;
};

/// A request on the first zone of its list, when nothing but that zone has a say in it: most requests end
/// here. `exhausted` or `limit`: see `search_zones`. Guard held.
template <class Slots>
[[nodiscard, gnu::always_inline]] inline result<frame<typename Slots::space>> try_first_choice(
    Slots& zones, request<typename Slots::space> wanted) noexcept {
    const node_id node = wanted.node == any_node ? Slots::platform_type::this_node() : wanted.node;
    const unsigned choice = zones.choices().of(node, wanted.mirror);
    if (choice == 0 || wanted.effort != unbounded_effort) return errc::exhausted;
    wanted.effort = Slots::section_effort;
    wanted.mirror = mirror::unspecified;  // the list has judged it
    return zones[choice - 1].allocate(wanted);
}

/// A request on the zones of its list, the guard dropped between sections; what other CPUs keep for
/// themselves is drained, once, before it is believed that memory is exhausted. No guard held.
template <class Slots>
[[gnu::noinline]] result<frame<typename Slots::space>> search_zones(Slots& zones, request_preferences what,
                                                                    std::uint64_t nodes,
                                                                    std::uint64_t below) noexcept {
    if (what.order() > Slots::zone_type::top_order) return errc::unsupported;
    request<typename Slots::space> wanted = what.with<typename Slots::space>(nodes, below);
    if (wanted.mirror == mirror::unspecified) wanted.mirror = zones.choices().default_mirror();
    zone_search<Slots> search(zones, wanted);
    for (bool drained = false;;) {
        {
            [[maybe_unused]] const typename Slots::platform_type::cpu_guard guard{};
            const auto got = search.section();
            if (!search.finished()) continue;
            if (got || got.error() != errc::exhausted || drained) return got;
        }
        drained = drain_everywhere(zones);
        if (!drained) return errc::exhausted;
        search.restart();
    }
}

template <class Slots>
[[gnu::always_inline]] inline result<frame<typename Slots::space>> allocate_from_zones(
    Slots& zones, const request<typename Slots::space>& wanted) noexcept {
    {
        [[maybe_unused]] const typename Slots::platform_type::cpu_guard guard{};
        if (const auto got = try_first_choice(zones, wanted)) [[likely]]
            return got;
    }
    return search_zones(zones, request_preferences(wanted), wanted.nodes.bits, wanted.below.number);
}

}  // namespace ashlar::detail
