// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/text/write_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "lab/failure.hpp"

namespace lab {

void write_file(const std::string& path, const std::string& content) {
    errno = 0;
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << content;
    file.close();
    if (file) return;
    throw failure(path + ": it cannot be written" +
                  (errno != 0 ? ": " + std::string(std::strerror(errno)) : ""));
}

}  // namespace lab
