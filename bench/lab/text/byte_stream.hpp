// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <sys/types.h>
#include <cstddef>
#include <string>
#include <string_view>

namespace lab {

/// The contents of a file, unpacked by the program xz if they begin like an xz file. Throws `failure`.
class byte_stream {
 public:
    explicit byte_stream(std::string path);
    ~byte_stream();
    byte_stream(const byte_stream&) = delete;
    byte_stream& operator=(const byte_stream&) = delete;

    /// Fills as much of the buffer as there is; fewer bytes than asked for, and no more after them, at the
    /// end.
    [[nodiscard]] std::size_t read(char* buffer, std::size_t size);

    [[nodiscard]] const std::string& path() const { return path_; }

 private:
    void unpack();
    void finish_unpacking();

    std::string path_;
    int descriptor_ = -1;
    pid_t unpacker_ = -1;
};

/// All of a file. More than `limit` bytes are refused.
[[nodiscard]] std::string read_file(const std::string& path, std::size_t limit = std::size_t{1} << 28);

/// Hands out lines without their ends.
class line_reader {
 public:
    explicit line_reader(byte_stream& stream) : stream_(stream) {}

    /// False at the end. The line is valid until the next call.
    [[nodiscard]] bool next(std::string_view& line);

 private:
    [[nodiscard]] bool refill();

    byte_stream& stream_;
    std::string buffer_;
    std::size_t begin_ = 0;
    bool ended_ = false;
};

}  // namespace lab
