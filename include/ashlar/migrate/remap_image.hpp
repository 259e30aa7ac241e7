// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/migrate/image_copy.hpp>
#include <ashlar/migrate/remapping.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace ashlar {

/// What a table maps, kept in bytes that outlive it: memory that a reset leaves alone, a non-volatile DIMM,
/// flash. Two copies with a generation and a CRC each (`detail::image_copy` has the format, the same on every
/// machine); the older one is written over, so that a crash at any store leaves one that loads.
///
/// - Invariant: from the first `save` on at least one copy is whole. Which one counts is told by the
///   generations; a copy is whole from the one store of its first byte on.
/// - Complexity: a pass over the entries; 8 steps a byte for the CRC.
/// - Context: thread, or early boot; alone. No stores but through `Medium` (see `image_memory`).
/// - Failure: typed. `save` leaves the image as it was, but for the older copy; `load` leaves the table as it
///   was. Bytes are looked at as if an enemy had written them. That no two origins have one target, and that
///   nobody else uses it, is for the table's owner to check.
/// - Source: US9600202 keeps the table in the memory module's own non-volatile memory.
///
/// Example:
/// ```
/// static std::byte kept[ashlar::remap_image<>::bytes_for(1024)];
/// ashlar::remap_image<> image{kept};
/// (void)image.save(moved);                          // after each migration
/// (void)image.load(table);                          // at the next boot, into a table that maps nothing
/// ```
template <class Medium = image_memory>
class remap_image {
 public:
    /// Bytes for a table of that capacity; 0 where they cannot be counted.
    [[nodiscard]] static constexpr std::size_t bytes_for(std::size_t capacity) noexcept {
        constexpr std::size_t most =
            (std::numeric_limits<std::size_t>::max() / 2 - copy::header_bytes) / copy::entry_bytes;
        return capacity > most ? 0 : 2 * (copy::header_bytes + capacity * copy::entry_bytes);
    }

    /// The same bytes at every boot: where the second copy begins depends on how many they are.
    constexpr explicit remap_image(view<std::byte> all) noexcept : all_(all) {}

    /// What the last `save` is counted as; 0 without one.
    [[nodiscard]] constexpr std::uint64_t generation() const noexcept { return latest().generation(); }

    /// Writes all that is mapped. `limit` if it is more than the bytes hold; `busy` if a writer changes the
    /// table meanwhile.
    template <remapping Table>
    constexpr errc save(const Table& table) const noexcept {
        const std::size_t count = table.size();
        if (half() < copy::header_bytes || count > (half() - copy::header_bytes) / copy::entry_bytes)
            return errc::limit;
        const copy first(all_.subview(0, half()));
        const copy second(all_.subview(half(), half()));
        const bool to_first = second.is_whole() && !(first.is_whole() && first.is_newer_than(second));
        const std::uint64_t latest = to_first ? second.generation() : first.generation();
        detail::image_writer<Medium> writer(to_first ? all_.subview(0, half()) : all_.subview(half(), half()),
                                            latest + 1, count);
        std::size_t written = 0;
        table.for_each([&](frame<os> origin, frame<machine> target) noexcept {
            if (++written <= count) writer.entry(origin, target);
        });
        if (written != count) return errc::busy;
        writer.commit();
        return errc::ok;
    }

    /// Maps what the newest whole copy says, in a table without mappings. `corrupt` if no copy is whole or it
    /// names an origin twice, `not_owned` if it names frames that are not the table's, `limit` if it has more
    /// than the table holds, `busy` if something is mapped already or another writer is inside.
    template <remapping Table>
    constexpr errc load(Table& table) const noexcept {
        const copy from = latest();
        if (!from.is_whole()) return errc::corrupt;
        if (table.size() != 0) return errc::busy;
        if (from.count() > table.capacity()) return errc::limit;
        for (std::size_t i = 0; i < from.count(); ++i) {
            errc answer = table.find(from.origin(i)) ? errc::corrupt : errc::ok;
            if (answer == errc::ok) answer = table.assign(from.origin(i), from.target(i));
            if (answer == errc::ok) continue;
            while (i-- > 0) (void)table.erase(from.origin(i));
            return answer;
        }
        return errc::ok;
    }

    /// Calls `sink(origin, target)` for what the newest whole copy says, without a table: at boot retired
    /// origins are kept from the allocator before there is one. False if no copy is whole.
    template <class Sink>
    constexpr bool for_each(Sink&& sink) const noexcept {
        const copy from = latest();
        for (std::size_t i = 0; i < from.count(); ++i) sink(from.origin(i), from.target(i));
        return from.is_whole();
    }

 private:
    using copy = detail::image_copy;

    [[nodiscard]] constexpr std::size_t half() const noexcept { return all_.size() / 2; }
    [[nodiscard]] constexpr copy latest() const noexcept {
        const copy first(all_.subview(0, half()));
        const copy second(all_.subview(half(), half()));
        if (!second.is_whole()) return first;
        return first.is_whole() && first.is_newer_than(second) ? first : second;
    }

    view<std::byte> all_;
};

}  // namespace ashlar
