// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/remap_hash.hpp>
#include <ashlar/migrate/remap_image.hpp>
#include <ashlar/migrate/remap_table.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace {

using namespace ashlar;

void require(bool condition) {
    if (!condition) __builtin_trap();
}

constexpr range<os> origins{{16}, 200};
constexpr range<> targets{{1000}, 30};

template <class Table>
void load(view<std::byte> image, std::size_t capacity) {
    std::vector<typename Table::word> words(Table::metadata_words(origins, targets, capacity));
    Table table;
    require(table.attach(origins, targets, capacity, {words.data(), words.size()}) == errc::ok);
    std::map<std::uint64_t, std::uint64_t> expected;
    bool twice = false;
    const bool whole = remap_image<>(image).for_each([&](frame<os> origin, frame<> target) {
        twice = !expected.emplace(origin.number, target.number).second || twice;
    });
    const errc answer = remap_image<>(image).load(table);
    std::map<std::uint64_t, std::uint64_t> got;
    table.for_each([&](frame<os> origin, frame<> target) { got[origin.number] = target.number; });
    require(got.size() == table.size());
    if (answer != errc::ok) {
        require(got.empty());
        require(whole == (answer != errc::corrupt || twice));
        return;
    }
    require(whole && !twice && got == expected && got.size() <= capacity);
    for (const auto& [origin, target] : got) {
        require(origins.contains(frame<os>{origin}) && targets.contains(frame<>{target}));
    }
    // What was loaded is saved and loads.
    std::vector<std::byte> again(remap_image<>::bytes_for(capacity));
    require(remap_image<>({again.data(), again.size()}).save(table) == errc::ok);
}

}  // namespace

/// The first byte is a capacity; the next one, by its bits, has the CRC of a copy put right.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t capacity = 1 + data[0] % 12;
    const unsigned put_right = data[1];
    std::vector<std::byte> image;
    for (std::size_t i = 2; i < size; ++i) image.push_back(static_cast<std::byte>(data[i]));
    const std::size_t half = image.size() / 2;
    for (std::size_t copy = 0; copy < 2; ++copy) {
        if ((put_right >> copy & 1) == 0 || half < 32) continue;
        std::byte* const at = image.data() + copy * half;
        for (std::size_t i = 0; i < 8; ++i) at[i] = detail::image_copy::magic(i);
        for (std::size_t i = 13; i < 16; ++i) at[i] = std::byte{0};
        at[12] = std::byte{1};
        if ((put_right >> (copy + 2) & 1) != 0) {
            for (std::size_t i = 25; i < 32; ++i) at[i] = std::byte{0};
        }
        const auto count = load_little<std::uint64_t>({at, half}, 24);
        if (count > (half - 32) / 16) continue;
        crc32c sum;
        for (std::size_t i = 12; i < 32 + static_cast<std::size_t>(count) * 16; ++i) sum.add(at[i]);
        for (std::size_t i = 0; i < 4; ++i) at[8 + i] = static_cast<std::byte>(sum.value() >> (8 * i));
    }
    load<remap_table<>>({image.data(), image.size()}, capacity);
    load<remap_hash<>>({image.data(), image.size()}, capacity);
    return 0;
}
