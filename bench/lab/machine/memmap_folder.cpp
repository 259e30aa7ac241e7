// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/machine/memmap_folder.hpp"

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <system_error>

#include "lab/text/byte_stream.hpp"
#include "lab/text/numbers.hpp"

namespace lab {
namespace {

std::string first_line(const std::filesystem::path& path) {
    const std::string content = read_file(path.string());
    return content.substr(0, content.find('\n'));
}

}  // namespace

std::optional<std::string> read_memmap_folder(const std::string& path) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) return std::nullopt;
    std::map<std::uint64_t, std::filesystem::path> entries;
    for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
        const auto number = parse_number(entry.path().filename().string());
        if (number && entry.is_directory(error)) entries.emplace(*number, entry.path());
    }
    if (entries.empty()) return std::nullopt;
    std::string listing;
    for (const auto& [number, folder] : entries) {
        listing += std::to_string(number);
        for (const char* file : {"start", "end", "type"}) listing += ' ' + first_line(folder / file);
        listing += '\n';
    }
    return listing;
}

}  // namespace lab
