// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <sstream>
#include <string>
#include <vector>

#include "firmware/dump.hpp"

// What golden tests read texts with. It shares nothing with the readers.
namespace firmware_tests {

inline std::string text_of(const std::string& name) {
    const dump file(name);
    return {file.text().data(), file.text().size()};
}

inline std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream input(text);
    for (std::string line; std::getline(input, line);) lines.push_back(line);
    return lines;
}

inline std::uint64_t hex(const std::string& digits) {
    return std::stoull(digits, nullptr, 16);
}

/// The hexadecimal numbers that stand behind these words on a line, each behind the one before it; none if a
/// word is missing.
inline std::vector<std::uint64_t> numbers_after(const std::string& line,
                                                std::initializer_list<const char*> words) {
    std::vector<std::uint64_t> numbers;
    std::size_t at = 0;
    for (const std::string word : words) {
        at = line.find(word, at);
        if (at == std::string::npos) return {};
        at += word.size();
        const char* const digits = line.c_str() + at;
        char* end = nullptr;
        numbers.push_back(std::strtoull(digits, &end, 16));
        if (end == digits) return {};
        at += static_cast<std::size_t>(end - digits);
    }
    return numbers;
}

/// Files of tests/data/firmware whose names begin and end so, without the ending.
inline std::vector<std::string> stems(const std::string& prefix, const std::string& ending) {
    std::vector<std::string> found;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(ASHLAR_TEST_DATA) + "/firmware")) {
        const std::string name = entry.path().filename().string();
        const bool long_enough = name.size() > prefix.size() + ending.size();
        if (!long_enough || name.compare(0, prefix.size(), prefix) != 0) continue;
        if (name.compare(name.size() - ending.size(), ending.size(), ending) != 0) continue;
        found.push_back(name.substr(0, name.size() - ending.size()));
    }
    std::sort(found.begin(), found.end());
    return found;
}

inline std::vector<std::uint64_t> cells(const std::string& list) {
    std::vector<std::uint64_t> values;
    std::istringstream words(list);
    for (std::string word; words >> word;) values.push_back(hex(word));
    return values;
}

}  // namespace firmware_tests
