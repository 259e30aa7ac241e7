// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The pure function that orders zones, and interleaving.
#include "zone/machines.hpp"

#include <algorithm>
#include <ashlar/zone/node_choice.hpp>

namespace {

using namespace zone_tests;

constexpr zone_description local_mirror{{{1000}, 10}, 10, 0, zone_kind::normal, true};
constexpr zone_description local_ordinary{{{2000}, 10}, 10, 0, zone_kind::movable, false};
constexpr zone_description near_mirror{{{3000}, 10}, 10, 1, zone_kind::normal, true};
constexpr zone_description near_ordinary{{{4000}, 10}, 10, 1, zone_kind::movable, false};
constexpr zone_description far_mirror{{{5000}, 10}, 10, 2, zone_kind::normal, true};
constexpr zone_description far_ordinary{{{6000}, 10}, 10, 2, zone_kind::movable, false};

constexpr unsigned distance_to(node_id node) {
    return node == 0 ? 10 : node == 1 ? 16 : 28;
}

template <class Order>
constexpr zone_key key(mirror preference, const zone_description& zone) {
    return Order::key(request<>{.node = 0, .mirror = preference}, zone, distance_to(zone.node));
}

template <class Order>
constexpr bool ascending(mirror preference, std::initializer_list<zone_description> zones) {
    zone_key last = 0;
    bool first = true;
    for (const auto& zone : zones) {
        const zone_key here = key<Order>(preference, zone);
        if (here == excluded || (!first && here <= last)) return false;
        last = here;
        first = false;
    }
    return true;
}

static_assert(ascending<reliability_first>(mirror::preferred, {local_mirror, near_mirror, far_mirror,
                                                               local_ordinary, near_ordinary, far_ordinary}));
static_assert(ascending<locality_first>(mirror::preferred, {local_mirror, local_ordinary, near_mirror,
                                                            near_ordinary, far_mirror, far_ordinary}));
static_assert(ascending<reliability_first>(mirror::ordinary, {local_ordinary, near_ordinary, far_ordinary}));
static_assert(ascending<locality_first>(mirror::required, {local_mirror, near_mirror, far_mirror}));
static_assert(key<reliability_first>(mirror::ordinary, local_mirror) == excluded);
static_assert(key<locality_first>(mirror::required, local_ordinary) == excluded);
static_assert(ascending<last_resort<locality_first>>(mirror::ordinary,
                                                     {local_ordinary, near_ordinary, far_ordinary,
                                                      local_mirror, near_mirror, far_mirror}));
static_assert(key<last_resort<reliability_first>>(mirror::required, local_ordinary) == excluded);

TEST_CASE("scarcer kinds come last at the same distance") {
    zone_description low = local_ordinary;
    low.kind = zone_kind::dma32;
    zone_description lowest = local_ordinary;
    lowest.kind = zone_kind::dma;
    CHECK(key<reliability_first>(mirror::ordinary, local_ordinary) <
          key<reliability_first>(mirror::ordinary, low));
    CHECK(key<reliability_first>(mirror::ordinary, low) < key<reliability_first>(mirror::ordinary, lowest));
    CHECK(key<reliability_first>(mirror::ordinary, lowest) <
          key<reliability_first>(mirror::ordinary, near_ordinary));
}

TEST_CASE("interleave yields the nodes of its set in turn") {
    interleave<> next(node_set{0b1011});
    std::vector<node_id> turns;
    for (int i = 0; i < 6; ++i) turns.push_back(next());
    CHECK(turns == std::vector<node_id>{0, 1, 3, 0, 1, 3});
    interleave<> none(node_set{0});
    CHECK(none() == any_node);
}

}  // namespace
