// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/result.hpp>
#include <set>
#include <string>
#include <type_traits>

using namespace ashlar;

TEST_CASE("a result holds a value or an error, never both") {
    constexpr result<frame<>> good{frame<>{7}};
    static_assert(good && good.error() == errc::ok && *good == frame<>{7});
    constexpr result<frame<>> bad{errc::exhausted};
    static_assert(!bad && bad.error() == errc::exhausted && bad.value() == frame<>{});
    constexpr result<frame<>> nonsense{errc::ok};
    static_assert(!nonsense && nonsense.error() == errc::corrupt);
    CHECK(good->number == 7);
}

TEST_CASE("a result of one word fits two registers") {
    static_assert(std::is_trivially_copyable_v<result<frame<>>>);
    static_assert(sizeof(result<frame<>>) <= 16);
}

TEST_CASE("every error has a name of its own") {
    std::set<std::string> names;
    for (unsigned i = 0; i <= static_cast<unsigned>(errc::beyond_mask); ++i) {
        names.insert(to_string(static_cast<errc>(i)));
    }
    CHECK(names.size() == static_cast<unsigned>(errc::beyond_mask) + 1);
    CHECK(names.count("unknown") == 0);
    CHECK(std::string(to_string(static_cast<errc>(200))) == "unknown");
}

TEST_CASE("node sets hold the nodes below max_nodes") {
    static_assert(node_set{}.is_all() && node_set::all().contains(max_nodes - 1));
    static_assert(node_set::only(3).contains(3) && !node_set::only(3).contains(4));
    static_assert(!node_set::all().contains(any_node) && node_set::only(any_node).bits == 0);
    static_assert((node_set::only(1) | node_set::only(2)).bits == 6);
    CHECK((node_set::only(63) | node_set::only(0)).contains(63));
}

TEST_CASE("a request is one frame without conditions until it says more") {
    constexpr request<> plain{};
    static_assert(plain.order == 0 && plain.node == any_node && plain.nodes.is_all());
    static_assert(plain.below == no_limit<> && plain.mirror == mirror::unspecified);
    static_assert(!plain.urgent && plain.effort == unbounded_effort);
    constexpr request<> huge{.order = 9, .node = 1, .mirror = mirror::preferred};
    CHECK(huge.order == 9);
}
