// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "bench/options.hpp"

#include <cstddef>
#include <stdexcept>

#include "lab/text/numbers.hpp"

namespace bench {
namespace {

constexpr std::uint64_t frame_bytes = 4096;
constexpr std::uint64_t least_memory = std::uint64_t{64} << 20;
constexpr std::uint64_t most_memory = std::uint64_t{16} << 40;

[[nodiscard]] std::uint64_t frames_of(const std::string& size) {
    const auto bytes = lab::parse_size(size);
    if (!bytes || *bytes < least_memory || *bytes > most_memory) {
        throw std::invalid_argument("--memory " + size + ": wants a size from 64M to 16T");
    }
    return *bytes / frame_bytes;
}

}  // namespace

const char* const help_text =
    "ashlar-bench [--peer FILE.so]... [--trace FILE] [--memory SIZE] [options of Google Benchmark]\n"
    "What an allocation and a free cost, on metadata alone.\n"
    "  --peer FILE.so   measures this allocator, too (bench/peer/peer.h); any number of times\n"
    "  --trace FILE     replays a kernel's allocation trace as well\n"
    "  --memory SIZE    of the managed memory: 64M to 16T; 8G unless told\n"
    "Of Google Benchmark's own: --benchmark_filter=REGEX, --benchmark_out=FILE, --benchmark_format=json,\n"
    "--benchmark_repetitions=N, --benchmark_list_tests=true\n";

options read_options(const std::vector<std::string>& words) {
    options read;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        const std::size_t sign = word.find('=');
        const std::string name = word.substr(0, sign);
        if (name == "--help" || name == "-h") {
            read.help = true;
        } else if (name == "--peer" || name == "--trace" || name == "--memory") {
            if (sign == std::string::npos && i + 1 == words.size()) {
                throw std::invalid_argument(name + " wants a value");
            }
            const std::string value = sign == std::string::npos ? words[++i] : word.substr(sign + 1);
            if (name == "--peer") read.peers.push_back(value);
            if (name == "--trace") read.trace = value;
            if (name == "--memory") read.frames = frames_of(value);
        } else {
            read.rest.push_back(word);
        }
    }
    return read;
}

}  // namespace bench
