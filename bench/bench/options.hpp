// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

/// What ashlar-bench takes beside the options of Google Benchmark.
struct options {
    std::vector<std::string> peers;                 ///< --peer FILE.so, any number of times
    std::string trace;                              ///< --trace FILE
    std::uint64_t frames = std::uint64_t{1} << 21;  ///< --memory SIZE, in frames of 4 KiB
    std::vector<std::string> sizes;                 ///< --sizes SIZE,SIZE..., as they are written
    bool each = false;                              ///< --each
    std::uint64_t iterations = 0;                   ///< --iterations N; 0: as many as the time wants
    std::vector<std::string> rest;                  ///< for Google Benchmark
    bool help = false;
};

/// A size of managed memory, from 64M to 16T, in frames. Throws `std::invalid_argument` with a sentence that
/// begins with `option`.
[[nodiscard]] std::uint64_t frames_of(const std::string& option, const std::string& size);

/// `words` is the command line without the program's name. Throws `std::invalid_argument` with a sentence.
[[nodiscard]] options read_options(const std::vector<std::string>& words);

extern const char* const help_text;

}  // namespace bench
