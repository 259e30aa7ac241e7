// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/defects.hpp>

#include <set>
#include <string>

namespace {

using ashlar::defect_kind;

TEST_CASE("findings that do not fit are counted") {
    ashlar::defect found[2];
    ashlar::defects defects{found};
    CHECK(defects.empty());
    for (unsigned i = 0; i < 5; ++i) {
        defects.report({ashlar::table::e820, i, defect_kind::hole, "a hole", i, i});
    }
    CHECK(defects.size() == 2);
    CHECK(defects.dropped() == 3);
    CHECK(defects[1].offset == 1);
    CHECK(defects.count(defect_kind::hole) == 2);
    CHECK(defects.count(defect_kind::full) == 0);
}

TEST_CASE("a list without an array only counts") {
    ashlar::defects defects;
    defects.report({});
    CHECK(defects.empty());
    CHECK(defects.dropped() == 1);
}

TEST_CASE("every kind and table has a name of its own") {
    std::set<std::string> names;
    for (unsigned kind = 0; kind <= static_cast<unsigned>(defect_kind::full); ++kind) {
        names.insert(ashlar::to_string(static_cast<defect_kind>(kind)));
    }
    CHECK(names.size() == static_cast<unsigned>(defect_kind::full) + 1);
    CHECK(names.count("unknown") == 0);
    CHECK(ashlar::to_string(static_cast<defect_kind>(200)) == std::string("unknown"));

    names.clear();
    for (unsigned source = 0; source <= static_cast<unsigned>(ashlar::table::map); ++source) {
        names.insert(ashlar::to_string(static_cast<ashlar::table>(source)));
    }
    CHECK(names.size() == static_cast<unsigned>(ashlar::table::map) + 1);
    CHECK(ashlar::to_string(static_cast<ashlar::table>(200)) == std::string("unknown"));
}

}  // namespace
