// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>

#include <ashlar/core/bytes.hpp>
#include <ashlar/core/view.hpp>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <string>

namespace firmware_tests {

/// A file of tests/data/firmware.
class dump {
 public:
    explicit dump(const std::string& name) {
        std::ifstream file(std::string(ASHLAR_TEST_DATA "/firmware/") + name, std::ios::binary);
        content_.assign(std::istreambuf_iterator<char>(file), {});
        REQUIRE_MESSAGE(!content_.empty(), name, " cannot be read");
    }

    [[nodiscard]] ashlar::bytes bytes() const {
        return {reinterpret_cast<const std::byte*>(content_.data()), content_.size()};
    }
    [[nodiscard]] ashlar::view<const char> text() const { return {content_.data(), content_.size()}; }

 private:
    std::string content_;
};

}  // namespace firmware_tests
