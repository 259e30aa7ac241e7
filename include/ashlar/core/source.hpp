// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// How `attach` takes metadata: as new, or as another instance (or this one before a crash) left it.
enum class start : std::uint8_t { fresh, recover };

/// A sink for `visit_free`: accepts ranges of free frames.
struct ignore_ranges {
    template <class Space>
    constexpr void operator()(range<Space>) const noexcept {}
};

/// A sink for `describe`: accepts a property's name and value, in the order of the class comment.
struct ignore_properties {
    constexpr void operator()(const char*, std::uint64_t) const noexcept {}
};

/// Everything that hands out frames offers these verbs; there are no optional ones.
///
/// - `metadata_words(range)`: words of type `word` that `attach` needs for this range, layers included.
/// - `attach(range, words, start)`: takes storage; no frame of the range is usable yet. A second range on one
///   instance is `busy`, a range that is empty or wraps `invalid`, too few words are `limit`; `recover` of
///   words that contradict themselves or the range is `corrupt` and changes nothing.
/// - `detach(range)`: gives storage back; `invalid` unless it is the attached range.
/// - `online(range)`: frames inside the attached range enter. A frame that is online is `busy`, a revoked one
///   `revoked`, one outside `not_owned`.
/// - `offline(range)`: frames leave. Every one must be isolated and free, else `busy`; frames that are not
///   online are `not_owned`.
/// - `isolate(range)`, `readmit(range)`: nothing new is handed out from the range, what is freed stays out.
///   The range starts and ends at multiples of 2^`isolation_order` frames or at the ends of the attached
///   range, else `misaligned`; a range without any online frame is `not_owned`.
/// - `revoke(range)`: the frames are gone, used or not; a later free of one says `revoked`. The value is
///   the number of free frames that left. Frames that are not online are `not_owned`.
/// - `allocate(request)`: 2^order frames, naturally aligned; never frame 0.
/// - `allocate_at(range)`: exactly these frames, isolated or not, frame 0 too; `busy` if one is not free.
/// - `free(frame, order)`: a block, whole or in smaller aligned pieces.
/// - `drain()`, `drain(cpu)`: the per-CPU slots (own, or those of a stopped CPU) give back what they hold.
/// - `owns(frame)`: online here, now.
/// - `free_frames()`: how many are free, isolated frames included; exact at quiescence.
/// - `visit_free(sink)`: ranges of free frames, isolated ones included, disjoint and ascending (`bump`: in no
///   order); two of them may touch, and none is bound to be a block. At quiescence their counts add up to
///   what is free outside of per-CPU slots. While others allocate and free, what is told was free at one
///   moment of the visit, and may be in use by the time the sink sees it: who acts upon a range takes it
///   first, by `allocate_at`, and not inside the sink.
/// - `validate()`: `ok`, or `corrupt` when the metadata contradict themselves; exact at quiescence.
/// - `describe(sink)`: named figures for people and logs.
///
/// An order beyond `top_order` is `unsupported`. A source never touches the frames it manages.
template <class S>
concept frame_source = requires(S source, const S constant, range<typename S::space> frames,
                                frame<typename S::space> f, request<typename S::space> wanted,
                                view<typename S::word> words, unsigned order, cpu_id cpu,
                                ignore_ranges ranges, ignore_properties properties) {
    typename S::platform_type;
    { S::top_order } -> std::convertible_to<unsigned>;
    { S::isolation_order } -> std::convertible_to<unsigned>;
    { S::metadata_words(frames) } -> std::same_as<std::size_t>;
    { source.attach(frames, words, start::fresh) } -> std::same_as<errc>;
    { source.detach(frames) } -> std::same_as<errc>;
    { source.online(frames) } -> std::same_as<errc>;
    { source.offline(frames) } -> std::same_as<errc>;
    { source.isolate(frames) } -> std::same_as<errc>;
    { source.readmit(frames) } -> std::same_as<errc>;
    { source.revoke(frames) } -> std::same_as<result<std::uint64_t>>;
    { source.allocate(wanted) } -> std::same_as<result<frame<typename S::space>>>;
    { source.allocate_at(frames) } -> std::same_as<errc>;
    { source.free(f, order) } -> std::same_as<errc>;
    { source.drain() } -> std::same_as<void>;
    { source.drain(cpu) } -> std::same_as<void>;
    { constant.owns(f) } -> std::same_as<bool>;
    { constant.free_frames() } -> std::same_as<std::uint64_t>;
    { constant.visit_free(ranges) } -> std::same_as<void>;
    { constant.validate() } -> std::same_as<errc>;
    { constant.describe(properties) } -> std::same_as<void>;
};

/// Free units side by side, as a per-CPU layer holds them: bit i is unit i from `first` on. A unit is a frame
/// (then this is a row) or a line of frames (then it is a window of lines).
template <class Space, class Bits>
struct row_of_frames {
    frame<Space> first{};
    Bits mask = 0;
};

/// A source that also hands out whole rows and lines, for the layers that keep some per CPU. A row has
/// 2^`largest_row_order` frames, a line 2^`row_line_order`.
///
/// - `take_row(request, near)`: every free frame of a row that holds a free block of the order (at most
///   `largest_row_order`), of a line of the request's mobility class that is in use in part; by
///   preference close to a frame (`no_limit`: to none). `give_row(first, mask)`: frames of that row come
///   back.
/// - `take_lines(request, window_order, near)`: the lines of an aligned window of 2^window_order (at most
///   `largest_window_order`) that are free as a whole. `give_lines(first, mask)`: lines of that window.
/// - The gives answer the bits that did not become free: free already (a double free), or revoked meanwhile.
/// - `mobility_classes`: how many classes of lines are told apart, 1 or 3. `class_of(first)` and
///   `set_class_of(first, class)`: that of a frame's line. `steal_row(request)`: as `take_row`, of another
///   class, when there is no such row and no whole line.
/// - `exhausted` says that no such row, or window, was met; a requirement is `unsupported`.
/// - `offers_row(first)`: frames that the caller has of that line may be handed out (it is not isolated).
template <class S>
concept row_source = frame_source<S> &&
    requires(S source, const S constant, frame<typename S::space> first, typename S::row_bits mask,
             request<typename S::space> wanted, unsigned window_order) {
    { S::largest_row_order } -> std::convertible_to<unsigned>;
    { S::row_line_order } -> std::convertible_to<unsigned>;
    { S::largest_window_order } -> std::convertible_to<unsigned>;
    { S::mobility_classes } -> std::convertible_to<unsigned>;
    {
        source.take_row(wanted, first)
        } -> std::same_as<result<row_of_frames<typename S::space, typename S::row_bits>>>;
    {
        source.steal_row(wanted)
        } -> std::same_as<result<row_of_frames<typename S::space, typename S::row_bits>>>;
    { constant.class_of(first) } -> std::same_as<mobility>;
    source.set_class_of(first, mobility::movable);
    { source.give_row(first, mask) } -> std::same_as<typename S::row_bits>;
    {
        source.take_lines(wanted, window_order, first)
        } -> std::same_as<result<row_of_frames<typename S::space, typename S::row_bits>>>;
    { source.give_lines(first, mask) } -> std::same_as<typename S::row_bits>;
    { constant.offers_row(first) } -> std::same_as<bool>;
};

/// What a layer that hands rows on has of its source; nothing where the source has no rows.
template <class S>
struct row_properties {};
template <row_source S>
struct row_properties<S> {
    using row_bits = typename S::row_bits;
    static constexpr unsigned largest_row_order = S::largest_row_order;
    static constexpr unsigned row_line_order = S::row_line_order;
    static constexpr unsigned largest_window_order = S::largest_window_order;
    static constexpr unsigned mobility_classes = S::mobility_classes;
};

/// A source whose number of free frames is one load away, at quiescence off by `largest_error()` at most.
template <class S>
concept counted_source = frame_source<S> && requires(const S constant) {
    { constant.approximate_free_frames() } -> std::same_as<std::uint64_t>;
    { S::largest_error() } -> std::same_as<std::uint64_t>;
};

/// A source that can tell beforehand what `free` would answer, for layers that touch frames as they are
/// freed: `ok` for a block that the caller owns, and it stays so until the caller frees it or it is revoked;
/// every other answer for a free that would be refused, unless that races another wrong call.
template <class S>
concept free_checking_source = frame_source<S> &&
    requires(const S constant, frame<typename S::space> first, unsigned order) {
    { constant.would_free(first, order) } -> std::same_as<errc>;
};

/// Bytes of metadata for a range: `metadata_words` in bytes.
template <class S>
[[nodiscard]] constexpr std::size_t metadata_bytes(range<typename S::space> frames) noexcept {
    return S::metadata_words(frames) * sizeof(typename S::word);
}

}  // namespace ashlar
