// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/migrate/frame_copy.hpp>
#include <ashlar/migrate/frame_mover.hpp>
#include <ashlar/paging/page_table_core.hpp>
#include <ashlar/paging/page_table_format.hpp>
#include <concepts>
#include <cstdint>
#include <utility>

namespace ashlar {

/// Who knows by which address a frame is mapped (Linux: rmap), and whether it may move.
///
/// - `address_of(frame)`: an address whose leaf maps the frame, the only one that does; `not_owned` if none,
///   `busy` if there are several or it may not move. May be stale the next moment.
/// - `pinned(frame, order)`: somebody uses one of the frames by number: a device, a window, a lazy load.
///   Asked again when nobody can write any more; from then on nobody pins what the entry's mark says moves.
/// - `moved(address, from, to, order)`: the leaf at `address` maps `to` now.
template <class R>
concept reverse_map = requires(R map, frame<typename R::space> f, unsigned order, std::uint64_t address) {
    { map.address_of(f) } -> std::same_as<result<std::uint64_t>>;
    { map.pinned(f, order) } -> std::same_as<bool>;
    map.moved(address, f, f, order);
};

/// Moves the pages and blocks that one leaf of a page table maps, while they are in use.
///
/// | step | readers | writers | a failure |
/// |---|---|---|---|
/// | no write permission, the mark; invalidate | `from` | fault | `busy`: gone, or marked |
/// | `pinned`? | `from` | fault | `busy`; permission and mark as before |
/// | copy | `from` | fault | the engine's; permission and mark as before |
/// | the leaf maps `to`, without write; invalidate | `from`, `to` | fault | `busy`: changed meanwhile |
/// | permission and dirty flag as before, no mark | `to` | `to` | |
///
/// - Who changes the leaf meanwhile keeps what he did.
/// - Every step is a compare-exchange from what was read: flags that hardware sets meanwhile stay. The write
///   permission comes back after the second invalidation, not with the new frame: else one CPU would write to
///   `to` while another one still reads `from` by its TLB. As both frames hold the same and nobody writes,
///   AArch64 needs no break for it, and readers never fault.
/// - The mark is a software bit (`Mark`, of `software`): the handler of a write fault that finds it waits and
///   tries again; nobody who finds it makes the entry writable, pins the frame or starts another move.
///   Permission that comes back is not told to TLBs: the handler that finds an entry which allows the access
///   tries again (after its own SFENCE.VMA on RISC-V).
/// - `move` takes blocks of the size of the leaf alone: to move single pages, split it first. Contiguous
///   entries are `unsupported`.
/// - Complexity: two invalidations, one copy. One mover for a frame at a time.
/// - Context: that of the hooks, no guard held. Failure: as a `frame_mover`.
///
/// Source: Linux mm/migrate.c; Arm ARM (DDI 0487) D8.16.1.
///
/// Example:
/// ```
/// struct pages_of_guest {
///     using space = ashlar::machine;
///     ashlar::result<std::uint64_t> address_of(ashlar::frame<> f);
///     bool pinned(ashlar::frame<> f, unsigned order);
///     void moved(std::uint64_t address, ashlar::frame<> from, ashlar::frame<> to, unsigned order);
/// };
/// ashlar::page_table_mover mover(mapper, guest_pages);
/// if (const auto used = mover.block_of(f)) (void)mover.move(used->first, target, used->order);
/// ```
template <class Mapper, reverse_map Reverse, class Copy = cpu_frame_copy<typename Mapper::platform_type>,
          std::uint64_t Mark = 1>
class page_table_mover {
    using format = typename Mapper::format;
    using entry = typename Mapper::entry;
    using geometry = page_geometry<format>;

 public:
    using space = typename Mapper::space;
    static_assert(std::same_as<typename Reverse::space, space>,
                  "page_table_mover<Mapper, Reverse>: the reverse map must deal in the mapper's frames");
    static_assert(frame_copier<Copy, space>,
                  "page_table_mover<Mapper, Reverse, Copy>: Copy must copy frames of the mapper's space");
    static_assert(
        Mark != 0 && Mark >> format::software_bits == 0,
        "page_table_mover<Mapper, Reverse, Copy, Mark>: Mark must be one of the format's software bits");

    constexpr page_table_mover(Mapper& pages, Reverse& reverse, Copy copy = {}) noexcept
        : pages_(pages), reverse_(reverse), copy_(std::move(copy)) {}

    [[nodiscard]] result<used_block<space>> block_of(frame<space> f) noexcept {
        const result<std::uint64_t> address = reverse_.address_of(f);
        if (!address) return address.error();
        const auto found = pages_.find(*address);
        if (!found) return found.error();
        if (!found->is_mapped()) return errc::not_owned;
        const used_block<space> used{found->template first<space>(), geometry::order_of(found->level)};
        if (!block(used.first, used.order).contains(f)) return errc::not_owned;
        if (format::is_contiguous(found->entry)) return errc::unsupported;
        if (is_marked(found->entry) || reverse_.pinned(used.first, used.order)) return errc::busy;
        return used;
    }

    errc move(frame<space> from, frame<space> to, unsigned order) noexcept {
        const unsigned level = order / format::index_bits;
        if (order % format::index_bits != 0 || !format::may_be_leaf(level)) return errc::unsupported;
        if (!aligned(from, order) || !aligned(to, order)) return errc::misaligned;
        if (!geometry::frame_fits(to.number, level)) return errc::invalid;
        const result<std::uint64_t> address = reverse_.address_of(from);
        if (!address) return address.error() == errc::not_owned ? errc::busy : address.error();
        const result<entry> before = hold(*address, from, level);
        if (!before) return before.error();
        errc answer = reverse_.pinned(from, order) ? errc::busy : errc::ok;
        for (std::uint64_t i = 0; answer == errc::ok && i >> order == 0; ++i) {
            answer = copy_(from + i, to + i);
        }
        if (answer == errc::ok) answer = switch_over(*address, from, to, level);
        let_go(*address, *before, answer == errc::ok ? to : from, level);
        if (answer == errc::ok) reverse_.moved(*address, from, to, order);
        return answer;
    }

 private:
    [[nodiscard]] static constexpr bool is_marked(entry e) noexcept {
        return (format::software_of(e) & Mark) != 0;
    }
    [[nodiscard]] static constexpr bool is_held(entry e, frame<space> at, unsigned level) noexcept {
        return format::frame_of(e, level) == at.number && is_marked(e) && !format::is_writable(e);
    }
    /// The entry as it was. Another leaf than that of `from`, or none, is `busy`.
    [[nodiscard]] result<entry> hold(std::uint64_t address, frame<space> from, unsigned level) noexcept {
        const auto mark = [&](entry e) -> result<entry> {
            if (format::frame_of(e, level) != from.number || is_marked(e)) return errc::busy;
            return format::with_software(format::with_write(e, false), format::software_of(e) | Mark);
        };
        const result<entry> before = pages_.update(address, level, mark);
        const errc why = before.error();
        return why == errc::not_owned || why == errc::misaligned ? result<entry>(errc::busy) : before;
    }
    [[nodiscard]] errc switch_over(std::uint64_t address, frame<space> from, frame<space> to,
                                   unsigned level) noexcept {
        const auto point = [&](entry e) -> result<entry> {
            if (!is_held(e, from, level)) return errc::busy;
            return format::with_frame(e, to.number, level);
        };
        const errc why = pages_.update(address, level, point, {.same_bytes = true}).error();
        return why == errc::not_owned || why == errc::misaligned ? errc::busy : why;
    }
    /// What the leaf allowed before, wherever it points now. Nothing if it is somebody else's by now.
    void let_go(std::uint64_t address, entry before, frame<space> at, unsigned level) noexcept {
        const auto restore = [&](entry e) -> result<entry> {
            if (!is_held(e, at, level)) return errc::busy;
            entry next = format::with_software(e, format::software_of(e) & ~Mark);
            if (!format::is_writable(before)) return next;
            next = format::with_write(next, true);
            return format::is_dirty(before) ? format::with_dirty(next, true) : next;
        };
        (void)pages_.update(address, level, restore, {.invalidate = false});
    }

    Mapper& pages_;
    Reverse& reverse_;
    [[no_unique_address]] Copy copy_;
};

}  // namespace ashlar
