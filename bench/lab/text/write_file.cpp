// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/text/write_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "lab/failure.hpp"

namespace lab {

namespace {

void check(const std::ofstream& file, const std::string& path) {
    if (file) return;
    throw failure(path + ": it cannot be written" +
                  (errno != 0 ? ": " + std::string(std::strerror(errno)) : ""));
}

}  // namespace

void write_file(const std::string& path, const std::string& content) {
    errno = 0;
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << content;
    file.close();
    check(file, path);
}

void check_writable(const std::string& path) {
    const bool was_there = std::filesystem::exists(path);
    errno = 0;
    const std::ofstream file(path, std::ios::binary | std::ios::app);
    check(file, path);
    if (!was_there) std::filesystem::remove(path);
}

}  // namespace lab
