// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A fuzzer's input as calls, against the oracle, for one type; ASHLAR_TYPE_UNDER_TEST names it. The first
// byte chooses the range, the second how it starts; then 32 bytes are a call, see request_stream.
#include <ashlar/core/bytes.hpp>
#include <ashlar/testing/model_run.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <string>

#include "source/types.hpp"

using type = ashlar::under_test::ASHLAR_TYPE_UNDER_TEST;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using source = type::source;
    constexpr std::size_t call_bytes = 32;
    if (size < 2 + call_bytes) return 0;
    constexpr std::uint64_t top = source::top_order < 8 ? std::uint64_t{1} << source::top_order : 256;
    constexpr ashlar::range<source::space> geometries[] = {
        {{4 * top}, 4 * top},
        {{4 * top - 5}, 2 * top + 9},
        {{0}, top + top / 2},
        {{top + 1}, top - 2},
        {{7}, 1},
    };
    const ashlar::bytes input(reinterpret_cast<const std::byte*>(data) + 2, size - 2);
    ashlar::testing::model_run<source, ashlar::testing::input_bits> run(
        geometries[data[0] % std::size(geometries)], data[1], type::freedom,
        ashlar::testing::input_bits(input));
    const std::string wrong = run.steps(input.size() / call_bytes);
    if (wrong.empty()) return 0;
    (void)std::fprintf(stderr, "%s\n", wrong.c_str());
    __builtin_trap();
}
