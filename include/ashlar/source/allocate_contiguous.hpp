// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/result.hpp>
#include <ashlar/core/source.hpp>
#include <ashlar/source/contiguous_request.hpp>
#include <ashlar/source/free_range.hpp>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace ashlar {

namespace detail {

/// Searches of one call: who loses so many races says `busy`.
inline constexpr unsigned contiguous_searches = 8;
/// Pageblocks that are looked at for a block before the search for a run begins.
inline constexpr std::uint32_t contiguous_block_effort = 256;

/// True when a source, or what its layers are around, tells which free frames are isolated.
template <class Source>
[[nodiscard]] constexpr bool tells_isolation() noexcept {
    if constexpr (
        requires(const Source& source, frame<typename Source::space> f) { source.offers(f); } ||
        requires(const Source& source, frame<typename Source::space> f) { source.offers_row(f); }) {
        return true;
    } else if constexpr (requires(const Source& source) { source.inner(); }) {
        return tells_isolation<std::remove_cvref_t<decltype(std::declval<const Source&>().inner())>>();
    } else {
        return false;
    }
}
/// False for a frame of an isolated unit. Past all locks: it is one load.
template <class Source>
[[nodiscard]] constexpr bool offers(const Source& source, frame<typename Source::space> f) noexcept {
    if constexpr (requires { source.offers(f); }) {
        return source.offers(f);
    } else if constexpr (requires { source.offers_row(f); }) {
        return source.offers_row(f);
    } else {
        return detail::offers(source.inner(), f);
    }
}

}  // namespace detail

/// A source that tells, or is around one that tells, whether the frames that it has free are offered, and not
/// isolated: by `offers(frame)`, or `offers_row(frame)` where it has rows.
template <class Source>
concept isolation_telling_source = frame_source<Source> && detail::tells_isolation<Source>();

namespace detail {

/// The part of a range that lies in one block of the order with its first frame.
template <class Space>
[[nodiscard]] constexpr range<Space> first_unit(range<Space> frames, unsigned order) noexcept {
    const std::uint64_t last = frames.first.number | ((std::uint64_t{1} << order) - 1);
    const std::uint64_t after = last - frames.first.number;
    return {frames.first, after < frames.count ? after + 1 : frames.count};
}

/// The lowest place for a request among the free frames that a source tells and offers, first in the order in
/// which it tells them; an empty range if there is none.
template <class Source, class Space>
[[nodiscard]] constexpr range<Space> find_place(const Source& source,
                                                const contiguous_request<Space>& wanted) noexcept {
    range<Space> place{};
    range<Space> free{};          // what is told in a row
    frame<Space> looked_up_to{};  // in that
    range<Space> run{};           // of offered frames, before `looked_up_to`
    source.visit_free([&](range<Space> told) noexcept {
        const bool goes_on = !free.empty() && free.end() == told.first;
        free = goes_on ? range<Space>{free.first, free.count + told.count} : told;
        if (!goes_on) looked_up_to = told.first;
        // Most are too short: they cost no more than this.
        if (free.count < wanted.count || !place.empty()) return;
        range<Space> rest = wanted.part_of(range<Space>::between(looked_up_to, free.end()));
        looked_up_to = free.end();
        while (place.empty() && !rest.empty()) {
            const range<Space> unit = detail::first_unit(rest, Source::isolation_order);
            rest = range<Space>::between(unit.end(), rest.end());
            if (!detail::offers(source, unit.first)) continue;
            const bool joins = !run.empty() && run.end() == unit.first;
            run = joins ? range<Space>{run.first, run.count + unit.count} : unit;
            place = wanted.place_in(run);
        }
    });
    return place;
}

/// Finds places and takes the first one that is still free. `answer` is for when there is none.
template <class Source, class Space>
constexpr result<range<Space>> take_free_run(Source& source, contiguous_request<Space> wanted,
                                             errc answer) noexcept {
    // What the caller's slots hold may be the missing piece.
    source.drain();
    for (unsigned search = 0; search < contiguous_searches; ++search) {
        const range<Space> place = detail::find_place(source, wanted);
        if (place.empty()) break;
        const errc refused = source.allocate_at(place);
        if (refused == errc::ok) return place;
        // Somebody was faster: with an allocation, or with `offline` or `revoke`.
        const bool gone = refused == errc::not_owned || refused == errc::revoked;
        answer = gone ? errc::busy : refused;
        wanted.not_before = place.end();
    }
    return answer;
}

}  // namespace detail

/// Takes `count` frames in a row that lie as the request says: no power of two, larger than any block,
/// aligned to more than their size, across no boundary of a device or IOMMU. The frames are freed by
/// `free_range`, or block by block. Over whatever has a member `allocate_contiguous` (a machine, which goes
/// through its zones and their reserves; a zone, which judges nodes and mirrored memory) it calls that.
///
/// - Protocol: the verbs of the contract only. Where the smallest block that holds the frames is aligned
///   enough, that block is taken and its tail freed. If there is none, or the alignment is larger than it, or
///   `not_before` is set, the free frames are looked through, and the lowest place is taken with
///   `allocate_at`; who comes too late looks again above it. What is isolated is not handed out; a taker that
///   has passed the test before the flag was set keeps its frames, as with `allocate`.
/// - Complexity: that of `allocate` in the common case; else up to eight times that of `visit_free`, which
///   over `locked` holds the lock. For the time of the call up to `count` frames more are taken.
/// - Context: thread; as for `visit_free`.
/// - Failure: `invalid` for a `count` of 0, an `alignment` or `boundary` that is no power of two, a `count`
///   beyond the `boundary`. `unsupported` for requirements that the type cannot judge. `exhausted` when there
///   was no such range wherever the search was at each moment: exact at quiescence. `busy` when others took
///   what was found, or another CPU holds it in its slot. What else `allocate_at` says (`accepted`: the
///   platform's answer) is passed on. Nothing is kept then.
/// - The source is an `isolation_telling_source`, as all that have a buddy or `bump` inside are.
/// - Source: the constraints of Linux's dma_pool_create and dma_set_seg_boundary and of Xen's
///   alloc_domheap_pages (address bits); alloc_contig_pages for a search over free frames.
///
/// ```
/// // 300 frames below 4 GiB that cross no multiple of 2 MiB
/// auto ring = ashlar::allocate_contiguous(
///     source, {.count = 300, .alignment = 16, .boundary = 512, .below = {1 << 20}});
/// (void)ashlar::free_range(source, *ring);
/// ```
template <class Source>
constexpr result<range<typename Source::space>> allocate_contiguous(
    Source& source, const contiguous_request<typename Source::space>& wanted) noexcept {
    using frames = range<typename Source::space>;
    if constexpr (requires { source.allocate_contiguous(wanted); }) {
        return source.allocate_contiguous(wanted);
    } else {
        static_assert(frame_source<Source>, "allocate_contiguous(source): source must be a frame_source");
        static_assert(isolation_telling_source<Source>,
                      "allocate_contiguous(source): source must tell what is isolated: offers(frame)");
        if (const errc wrong = wanted.check(); wrong != errc::ok) return wrong;
        if (!wanted.nodes.is_all() || wanted.mirror == mirror::required) return errc::unsupported;
        request<typename Source::space> block = wanted.block();
        const std::uint64_t size = std::uint64_t{1} << block.order % 64;
        // What cannot free could not take the tail back.
        const bool tail_goes_back = free_checking_source<Source> || wanted.count == size;
        errc answer = errc::exhausted;
        if (block.order <= Source::top_order && wanted.alignment <= size && wanted.not_before.number == 0 &&
            tail_goes_back) {
            const bool only_blocks = wanted.alignment == wanted.count;
            if (!only_blocks) block.effort = detail::contiguous_block_effort;
            const auto got = source.allocate(block);
            if (got) {
                if (size != wanted.count) {
                    (void)free_range(source, frames{*got + wanted.count, size - wanted.count});
                }
                return frames{*got, wanted.count};
            }
            if (only_blocks) return got.error();
            if (got.error() != errc::limit) answer = got.error();
        }
        return detail::take_free_run(source, wanted, answer);
    }
}

}  // namespace ashlar
