// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/view.hpp>
#include <ashlar/zone/mirror_order.hpp>
#include <ashlar/zone/zone_description.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace ashlar::detail {

/// One snapshot of which zones there are: their spans by address, and for each node and mirror preference the
/// order in which to try them. Built aside, published whole, never changed while somebody may read it.
template <class Space>
class zone_table {
 public:
    using description = basic_zone_description<Space>;
    struct span {
        frame<Space> first{};
        frame<Space> end{};
        std::uint32_t zone = 0;
    };
    /// Ordinary, preferred, required.
    static constexpr std::size_t preferences = 3;

    [[nodiscard]] static constexpr std::size_t list_bytes(std::size_t zones, std::size_t nodes) noexcept {
        return nodes * preferences * (zones + 1);
    }

    constexpr zone_table() noexcept = default;
    constexpr zone_table(view<span> spans, view<std::uint8_t> lists, std::size_t nodes) noexcept
        : spans_(spans), lists_(lists), nodes_(nodes) {}

    [[nodiscard]] constexpr std::size_t capacity() const noexcept { return spans_.size(); }
    [[nodiscard]] constexpr std::size_t size() const noexcept { return count_; }
    [[nodiscard]] constexpr std::size_t nodes() const noexcept { return nodes_; }
    [[nodiscard]] constexpr bool has_mirror() const noexcept { return has_mirror_; }
    [[nodiscard]] constexpr const span* begin() const noexcept { return spans_.data(); }
    [[nodiscard]] constexpr const span* end() const noexcept { return spans_.data() + count_; }

    /// The span that holds a frame, or null. O(log zones).
    [[nodiscard]] constexpr const span* find(frame<Space> f) const noexcept {
        const span* low = begin();
        for (std::size_t length = count_; length > 0;) {
            const std::size_t half = length / 2;
            if (low[half].end <= f) {
                low += half + 1;
                length -= half + 1;
            } else {
                length = half;
            }
        }
        return low != end() && low->first <= f ? low : nullptr;
    }

    /// Zone numbers in the order in which a request from `node` tries them. `preference` is not unspecified;
    /// a node that does not exist is served as node 0.
    [[nodiscard]] constexpr view<const std::uint8_t> list(node_id node, mirror preference) const noexcept {
        if (nodes_ == 0) return {};
        const std::uint8_t* entry = lists_.data() + offset(node < nodes_ ? node : 0, preference);
        return {entry + 1, *entry};
    }

    /// Fills the table. `describe(zone number)` gives a zone's description, or null for an unused number;
    /// `distance(from, to)` as in the SLIT.
    template <class Order, class Describe, class Distance>
    constexpr void build(std::size_t zone_numbers, Describe&& describe, Distance&& distance) noexcept {
        count_ = 0;
        has_mirror_ = false;
        for (std::size_t zone = 0; zone < zone_numbers; ++zone) {
            if (const description* what = describe(zone); what != nullptr) insert(*what, zone);
        }
        for (std::size_t node = 0; node < nodes_; ++node) {
            for (const mirror preference : {mirror::ordinary, mirror::preferred, mirror::required}) {
                build_list<Order>(static_cast<node_id>(node), preference, describe, distance);
            }
        }
    }

 private:
    [[nodiscard]] constexpr std::size_t offset(std::size_t node, mirror preference) const noexcept {
        return (node * preferences + index_of(preference)) * (spans_.size() + 1);
    }
    [[nodiscard]] static constexpr std::size_t index_of(mirror preference) noexcept {
        return static_cast<std::size_t>(preference) - static_cast<std::size_t>(mirror::ordinary);
    }

    constexpr void insert(const description& what, std::size_t zone) noexcept {
        std::size_t place = count_++;
        for (; place > 0 && spans_[place - 1].first > what.span.first; --place)
            spans_[place] = spans_[place - 1];
        spans_[place] = {what.span.first, what.span.end(), static_cast<std::uint32_t>(zone)};
        has_mirror_ = has_mirror_ || what.mirrored;
    }

    template <class Order, class Describe, class Distance>
    constexpr void build_list(node_id node, mirror preference, Describe& describe,
                              Distance& distance) noexcept {
        std::uint8_t* const list = lists_.data() + offset(node, preference);
        request<Space> wanted{};
        wanted.node = node;
        // Without mirrored memory in the machine, requests for it are served from ordinary memory.
        wanted.mirror = has_mirror_ ? preference : mirror::ordinary;
        const auto key = [&](std::size_t zone) noexcept {
            const description& what = *describe(zone);
            return Order::key(wanted, what, distance(node, what.node));
        };
        *list = 0;
        for (const span& candidate : *this) {
            const zone_key place_of_candidate = key(candidate.zone);
            if (place_of_candidate == excluded) continue;
            std::size_t place = ++*list;
            for (; place > 1 && key(list[place - 1]) > place_of_candidate; --place)
                list[place] = list[place - 1];
            list[place] = static_cast<std::uint8_t>(candidate.zone);
        }
    }

    view<span> spans_;
    view<std::uint8_t> lists_;
    std::size_t nodes_ = 0;
    std::size_t count_ = 0;
    bool has_mirror_ = false;
};

}  // namespace ashlar::detail
