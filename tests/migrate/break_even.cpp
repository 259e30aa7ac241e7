// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/break_even.hpp>
//
#include <doctest/doctest.h>

#include <cstdint>
#include <initializer_list>

namespace {

using ashlar::break_even;
using ashlar::cheaper_back_end;
using ashlar::remap_back_end;

static_assert(break_even({.lookup = 3'000, .repoint = 10'000'000}) == 3'334);

TEST_CASE("from the break-even on, and not before, accesses cost as much as a re-point") {
    for (const std::uint64_t lookup : {1u, 2u, 3u, 7u, 3'000u}) {
        for (const std::uint64_t repoint : {1u, 2u, 5u, 21u, 9'000u, 10'000'001u}) {
            const std::uint64_t from = break_even({lookup, repoint});
            CHECK(from * lookup >= repoint);
            CHECK((from - 1) * lookup < repoint);
            CHECK(cheaper_back_end({lookup, repoint}, from) == remap_back_end::repoint);
            CHECK(cheaper_back_end({lookup, repoint}, from - 1) == remap_back_end::consult);
        }
    }
}

TEST_CASE("what is free is cheaper; of two that are free, the one that asks nothing of accesses") {
    CHECK(break_even({.lookup = 0, .repoint = 1}) == ~std::uint64_t{0});
    CHECK(cheaper_back_end({.lookup = 0, .repoint = 1}, 1'000'000) == remap_back_end::consult);
    CHECK(cheaper_back_end({.lookup = 1, .repoint = 0}, 0) == remap_back_end::repoint);
    CHECK(cheaper_back_end({.lookup = 0, .repoint = 0}, 0) == remap_back_end::repoint);
    CHECK(break_even({.lookup = ~std::uint64_t{0}, .repoint = ~std::uint64_t{0}}) == 1);
}

}  // namespace
