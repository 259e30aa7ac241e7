// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/core/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "remote/p2m_tables.hpp"

namespace {

using namespace ashlar;

template <class Format>
void walk(const p2m_table& table, byte_address<guest> at, bytes memory) {
    const byte_range<peer> declared[] = {{{0x1000}, 0x2000}, {{0x8000}, 0x1'0000}};
    const char* const wrong =
        remote_tests::judge_walk<Format>(table, declared, at, [&](std::uint64_t address) {
            return memory.empty() ? 0 : load_little<std::uint64_t>(memory, address % memory.size());
        });
    if (wrong == nullptr) return;
    std::puts(wrong);
    __builtin_trap();
}

}  // namespace

/// Root, first frame, entries and address; the rest is the memory, again and again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const bytes input(reinterpret_cast<const std::byte*>(data), size);
    if (size < 32) return 0;
    const p2m_table table{{load_little<std::uint64_t>(input, 0)},
                          {load_little<std::uint64_t>(input, 8)},
                          load_little<std::uint64_t>(input, 16)};
    const byte_address<guest> at{load_little<std::uint64_t>(input, 24)};
    const bytes memory = input.subview(32);
    walk<flat_p2m<>>(table, at, memory);
    walk<tree_p2m<1>>(table, at, memory);
    walk<tree_p2m<2>>(table, at, memory);
    walk<tree_p2m<4>>(table, at, memory);
    // Where that leads nowhere at once, at a place that is declared.
    const p2m_table near{{0x1000 + table.root.value % 0x1000 / 8 * 8}, {table.first.number % 16}, 512};
    walk<tree_p2m<4>>(near, {at.value % (std::uint64_t{1} << 48)}, memory);
    walk<flat_p2m<>>(near, {at.value % (std::uint64_t{1} << 22)}, memory);
    return 0;
}
