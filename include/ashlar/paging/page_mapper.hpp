// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/paging/page_table_core.hpp>
#include <ashlar/paging/page_table_format.hpp>
#include <ashlar/paging/page_walk.hpp>
#include <ashlar/paging/table_source.hpp>
#include <concepts>
#include <cstdint>
#include <utility>

namespace ashlar {

/// What an address is mapped to: a page, or with a level above 0 a block.
template <page_table_format Format, class Space = machine>
struct page_mapping {
    frame<Space> first{};
    unsigned level = 0;
    typename Format::permissions permissions{};
    std::uint64_t software = 0;    ///< bits that no processor uses
    bool accessed = false;         ///< set it where hardware does not, and nobody handles the fault
    bool dirty = false;            ///< likewise
    std::uint64_t instead_of = 0;  ///< the payload that has to be there: of a page that was absent until now
};

/// Maps pages and blocks in tables that processors walk meanwhile, and other mappers of the same tables
/// change.
///
/// - A view: the root, the source of tables, and the hook `invalidate(address, level)`, which returns when no
///   CPU (and no device behind the same tables) translates by what the entry of that level said before.
///   Tables are read and written where `Platform::bytes_of` says that frames lie; null is a frame without
///   bytes, and a table there is `corrupt`.
/// - Invariant: at each moment each entry is well formed, and every table that an entry leads to is whole.
///
/// Protocol. Every entry is one atomic word.
///
/// | change of an entry | how | order, and why |
/// |---|---|---|
/// | absent to leaf or table | one compare-exchange | release: who finds a table finds its entries |
/// | leaf to leaf, absent or table | one compare-exchange from what was read | acq_rel; see 1 |
/// | leaf to what may not follow it (`needs_break`) | to absent, invalidate, store | release; see 2 |
/// | accessed, dirty | hardware, at any time, by locked read-modify-writes | |
/// | table to absent | `prune` alone | nobody else is in the tables |
///
/// 1. A flag that hardware set meanwhile makes it fail and be done anew: none is lost.
/// 2. The absent entry has the payload of all ones: nobody else touches it, verbs say `busy`.
///
/// The hook is called after the compare-exchange, or between break and make, never for entries that were
/// absent: a mapping that is new is told to processors that cache such entries by the caller (RISC-V
/// SFENCE.VMA, AArch64 DSB and ISB). An access that hits a broken entry faults; its handler tries again.
///
/// - Complexity: `levels` loads, one compare-exchange if nobody interferes; lock-free but for the hook.
///   `split` writes one table. A verb that fails to get a table frees those that it got: nothing has changed.
/// - Context: that of the source and of the hook. `prune` and `release`: nobody else in the tables.
/// - Failure: `invalid` for addresses that are not translated, levels out of range, frames, software bits and
///   payloads that do not fit; `misaligned` for an address or frame that is not a block's, and where the
///   entries are of another level; `unsupported` for permissions or blocks that the format does not have, and
///   for contiguous entries; `busy` for what is mapped, is absent with another payload, or is being broken;
///   `not_owned` for what is not mapped; `corrupt` for broken tables; else the source's.
///
/// Example:
/// ```
/// const auto flush = [](std::uint64_t address, unsigned) noexcept { flush_everywhere(address); };
/// using mapper = ashlar::page_mapper<ashlar::x86_64, my_platform, pool, decltype(flush)>;
/// mapper pages(*mapper::make_root(tables), tables, flush);
/// (void)pages.map(0x4000'0000, {.first = {0x200}, .level = 1});       // 2 MiB
/// (void)pages.split(0x4000'0000, 1);                                  // 512 pages, mapped as before
/// (void)pages.re_point(0x4000'3000, {0x203}, {0x777});
/// ```
template <page_table_format Format, class Platform, class Source, class Invalidate>
class page_mapper : private detail::page_table_core<Format, Platform, Source, Invalidate> {
    static_assert(frame_access<Platform>,
                  "page_mapper<Format, Platform>: Platform must offer frame_access (bytes_of, frame_bytes)");
    static_assert(atomics<Platform>, "page_mapper<Format, Platform>: Platform must offer atomic<T>");
    static_assert(Platform::frame_bytes == std::uint64_t{1} << Format::page_shift,
                  "page_mapper<Format, Platform>: a frame must be a page of the format");
    static_assert(table_source<Source, typename Platform::space>,
                  "page_mapper<Format, Platform, Source>: Source must be a table_source (allocate, free)");
    static_assert(std::invocable<Invalidate&, std::uint64_t, unsigned>,
                  "page_mapper<..., Invalidate>: the hook is called as invalidate(address, level)");

    using core = detail::page_table_core<Format, Platform, Source, Invalidate>;
    using core::breaking;
    using typename core::geometry;

 public:
    using format = Format;
    using platform_type = Platform;
    using typename core::entry;
    using typename core::space;
    using mapping = page_mapping<Format, space>;

    /// The frames of an empty root: 2^`page_geometry<Format>::root_order` from the source.
    [[nodiscard]] static result<frame<space>> make_root(Source& source) noexcept {
        return typename core::frames_type(source).take(Format::levels - 1);
    }

    constexpr page_mapper(frame<space> top, Source& source, Invalidate invalidate) noexcept
        : core(top, source, std::move(invalidate)) {}
    using core::root;

    /// What translates the address; also what does not (`is_mapped`). Any context, beside anything.
    [[nodiscard]] result<page_walk<Format, space>> find(std::uint64_t address) const noexcept {
        return walk<Format>(root(), address, [](frame<space> table, std::uint64_t index) -> result<entry> {
            const auto* const here = core::word_of(table, index);
            if (here == nullptr) return errc::corrupt;
            return here->load(memory_order::acquire);
        });
    }

    /// Maps the page or block at an address where nothing is mapped; `busy` else.
    errc map(std::uint64_t address, const mapping& wanted) noexcept {
        if (const errc wrong = check(address, wanted.level); wrong != errc::ok) return wrong;
        if (wanted.software >> Format::software_bits != 0 || !is_payload(wanted.instead_of)) {
            return errc::invalid;
        }
        if (!Format::may_be_leaf(wanted.level) || !Format::expressible(wanted.permissions)) {
            return errc::unsupported;
        }
        if (const errc wrong = check_frame(wanted.first, wanted.level); wrong != errc::ok) return wrong;
        entry leaf = Format::leaf(wanted.first.number, wanted.permissions, wanted.level, wanted.software);
        if (wanted.accessed) leaf = Format::with_accessed(leaf, true);
        if (wanted.dirty) leaf = Format::with_dirty(leaf, true);
        return core::enter(address, wanted.level, leaf, wanted.instead_of);
    }
    /// Takes a leaf of the level away and answers what it was, with its last accessed and dirty flags. The
    /// entry keeps `payload`. Tables stay; see `prune`.
    result<entry> unmap(std::uint64_t address, unsigned level = 0, std::uint64_t payload = 0) noexcept {
        if (!is_payload(payload)) return errc::invalid;
        return core::change_leaf(address, level, {},
                                 [&](entry) -> result<entry> { return Format::absent(payload); });
    }
    /// Changes what an absent entry says of its page: from one payload to another. 0 is "nothing".
    errc set_absent(std::uint64_t address, std::uint64_t payload, std::uint64_t instead_of = 0,
                    unsigned level = 0) noexcept {
        if (const errc wrong = check(address, level); wrong != errc::ok) return wrong;
        if (!is_payload(payload) || !is_payload(instead_of)) return errc::invalid;
        return core::enter(address, level, Format::absent(payload), instead_of);
    }
    /// Other permissions for a leaf of the level. Answers the entry before, with the flags that it had: where
    /// software keeps dirty by write protection, this is the moment.
    result<entry> protect(std::uint64_t address, typename Format::permissions allowed,
                          unsigned level = 0) noexcept {
        if (!Format::expressible(allowed)) return errc::unsupported;
        return core::change_leaf(address, level, {}, [&](entry old) -> result<entry> {
            return Format::with_permissions(old, allowed, level);
        });
    }
    /// The leaf of the level maps `to` instead of `from`, with all else as it is, the flags too; `busy` if it
    /// does not map `from`. Who writes meanwhile writes to either: see `page_table_mover` for data that move.
    errc re_point(std::uint64_t address, frame<space> from, frame<space> to, unsigned level = 0) noexcept {
        if (level >= Format::levels) return errc::invalid;
        if (const errc wrong = check_frame(to, level); wrong != errc::ok) return wrong;
        return core::change_leaf(address, level, {},
                                 [&](entry old) -> result<entry> {
                                     if (Format::frame_of(old, level) != from.number) return errc::busy;
                                     return Format::with_frame(old, to.number, level);
                                 })
            .error();
    }
    /// The block of the level at the address becomes a table of leaves that map the same in the same way,
    /// published by one store; `ok` also if it is split already. Where the architecture needs a break,
    /// accesses fault meanwhile.
    errc split(std::uint64_t address, unsigned level) noexcept {
        if (const errc wrong = check(address, level); wrong != errc::ok) return wrong;
        if (level == 0 || !Format::may_be_leaf(level) || !Format::may_be_leaf(level - 1)) {
            return errc::unsupported;
        }
        return core::split_leaf(address, level);
    }
    /// Replaces the leaf of the level by `change(entry) -> result<entry>`, called again when the entry
    /// changed meanwhile; its error is the answer. Answers the entry before. For flags, software bits, write
    /// protection; the result has to be an entry of that level.
    template <class Change>
    result<entry> update(std::uint64_t address, unsigned level, Change&& change,
                         leaf_update how = {}) noexcept {
        return core::change_leaf(address, level, how, change);
    }

    /// Frees tables in which every entry is absent, without payload. Nobody else in the tables.
    void prune() noexcept { (void)core::prune_below(root(), Format::levels - 1, 0); }
    /// Frees all tables, the root too; no CPU uses them any more. The mapper is not to be used again.
    errc release() noexcept { return core::tear_down(root(), Format::levels - 1); }

 private:
    [[nodiscard]] static constexpr errc check(std::uint64_t address, unsigned level) noexcept {
        if (!Format::valid_address(address) || level >= Format::levels) return errc::invalid;
        return geometry::aligned_to(address, level) ? errc::ok : errc::misaligned;
    }
    [[nodiscard]] static constexpr errc check_frame(frame<space> first, unsigned level) noexcept {
        if (geometry::frame_fits(first.number, level)) return errc::ok;
        return geometry::frame_fits(first.number, 0) ? errc::misaligned : errc::invalid;
    }
    [[nodiscard]] static constexpr bool is_payload(std::uint64_t payload) noexcept {
        return payload < breaking;
    }
};

}  // namespace ashlar
