// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "bench/options.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>

#include "lab/text/numbers.hpp"

namespace bench {
namespace {

constexpr std::uint64_t frame_bytes = 4096;
constexpr std::uint64_t least_memory = std::uint64_t{64} << 20;
constexpr std::uint64_t most_memory = std::uint64_t{16} << 40;

[[nodiscard]] std::vector<std::string> sizes_of(const std::string& list) {
    std::vector<std::string> sizes;
    for (std::size_t at = 0; at <= list.size();) {
        const std::size_t comma = std::min(list.find(',', at), list.size());
        sizes.push_back(list.substr(at, comma - at));
        (void)frames_of("--sizes", sizes.back());
        at = comma + 1;
    }
    return sizes;
}

[[nodiscard]] std::uint64_t iterations_of(const std::string& text) {
    const auto number = lab::parse_number(text);
    if (!number || *number == 0) throw std::invalid_argument("--iterations " + text + ": wants a number");
    return *number;
}

}  // namespace

std::uint64_t frames_of(const std::string& option, const std::string& size) {
    const auto bytes = lab::parse_size(size);
    if (!bytes || *bytes < least_memory || *bytes > most_memory) {
        throw std::invalid_argument(option + " " + size + ": wants a size from 64M to 16T");
    }
    return *bytes / frame_bytes;
}

const char* const help_text =
    "ashlar-bench [--peer FILE.so]... [--trace FILE] [--memory SIZE] [--sizes SIZE,SIZE...] [--each]\n"
    "             [--iterations N] [options of Google Benchmark]\n"
    "What an allocation and a free cost, on metadata alone.\n"
    "  --peer FILE.so   measures this allocator, too (bench/peer/peer.h); any number of times\n"
    "  --trace FILE     replays a kernel's allocation trace as well\n"
    "  --memory SIZE    of the managed memory: 64M to 16T; 8G unless told\n"
    "  --sizes LIST     only how speed depends on the size of memory, which is taken but for 512 MiB of it,\n"
    "                   here and there; and what a request costs that fails, once and again\n"
    "  --each           takes the time of each operation: the worst, and what 99.99 % of them stay below\n"
    "                   (counters worst_ns, p9999_ns). The columns of time have that in them, too\n"
    "  --iterations N   at least so many, once, instead of as many as the time wants\n"
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
        } else if (word == "--each") {
            read.each = true;
        } else if (name == "--peer" || name == "--trace" || name == "--memory" || name == "--sizes" ||
                   name == "--iterations") {
            if (sign == std::string::npos && i + 1 == words.size()) {
                throw std::invalid_argument(name + " wants a value");
            }
            const std::string value = sign == std::string::npos ? words[++i] : word.substr(sign + 1);
            if (name == "--peer") read.peers.push_back(value);
            if (name == "--trace") read.trace = value;
            if (name == "--memory") read.frames = frames_of(name, value);
            if (name == "--sizes") read.sizes = sizes_of(value);
            if (name == "--iterations") read.iterations = iterations_of(value);
        } else {
            read.rest.push_back(word);
        }
    }
    if (read.each && !read.sizes.empty())
        throw std::invalid_argument("--each and --sizes are for runs of their own");
    return read;
}

}  // namespace bench
