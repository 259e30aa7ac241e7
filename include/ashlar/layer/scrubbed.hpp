// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/layer/touches_frames.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// When `scrubbed` writes zeros; Linux: init_on_alloc, init_on_free.
struct scrub_shape {
    bool on_allocate = true;  ///< what `allocate` hands out is zero
    bool on_free = false;     ///< what was freed keeps no data of its owner
};

/// Frames are overwritten with zeros when they are handed out, when they are freed, or both.
///
/// - Invariant, on_allocate: every frame of a block that `allocate` answers is zero. On_free: a frame that
///   was freed through this layer holds zeros from before anybody else can take it until somebody owns it;
///   what came by `online` holds what it held.
/// - `allocate_at` never scrubs: it claims frames that are in use already (a boot image, memory that a
///   crashed kernel left).
/// - No words of its own, no state.
///
/// | verb | what happens in which order | why nobody else sees the frames |
/// |---|---|---|
/// | allocate | the source hands the block out, then zeros | the caller owns it since the first step |
/// | free | `would_free`, then zeros, then the source's `free` | the caller owns it until the last step |
///
/// A free that the source would refuse is refused before a byte is written: a double, foreign or misaligned
/// free wipes nothing. What `would_free` says of a block that the caller owns stays true, for nobody else may
/// free it. Two frees of one block at the same moment both pass, and the later one may wipe what a new owner
/// wrote: the same race that no source detects. If the frames are revoked in between, the free says `revoked`
/// and the data are gone, which their owner had given up.
///
/// - Complexity: the source's, and for each frame of the block `frame_bytes` bytes, outside of any lock and
///   guard. A block of 1 GiB takes a while: in contexts that cannot wait ask for less at a time.
/// - Context: as in the source, where the platform's `bytes_of` works.
/// - Failure: that of the source. The layer goes around `poisoned` and `accepted`, not inside.
///
/// Example:
/// ```
/// using frames = ashlar::scrubbed<ashlar::radix_buddy<my_platform>, ashlar::scrub_shape{.on_free = true}>;
/// auto page = memory.allocate({});                 // zero
/// (void)memory.free(*page, 0);                     // zero again, then free
/// (void)memory.free(*page, 0);                     // double_free; nothing is written
/// ```
template <class Source, scrub_shape Shape = scrub_shape{}>
class scrubbed {
    static_assert(frame_source<Source>, "scrubbed<Source>: Source must be a frame_source");

 public:
    using platform_type = typename Source::platform_type;
    using space = typename Source::space;
    using word = typename Source::word;
    static_assert(frame_access<platform_type>,
                  "scrubbed<Source>: the platform must offer frame_access (bytes_of, frame_bytes)");
    static_assert(Shape.on_allocate || Shape.on_free,
                  "scrubbed<Source, scrub_shape>: on_allocate or on_free must be set");
    static_assert(!Shape.on_free || free_checking_source<Source>,
                  "scrubbed<Source, scrub_shape>: to scrub on free, Source must offer would_free (see the "
                  "concept free_checking_source)");

    static constexpr unsigned top_order = Source::top_order;
    static constexpr unsigned isolation_order = Source::isolation_order;
    static constexpr bool touches_frames = true;

    [[nodiscard]] static constexpr std::size_t metadata_words(range<space> frames) noexcept {
        return Source::metadata_words(frames);
    }
    constexpr errc attach(range<space> frames, view<word> words, start how) noexcept {
        return inner_.attach(frames, words, how);
    }
    /// Where the source can tell lost frames from live ones (see `list_buddy::attach`).
    template <class Live>
    requires requires(Source& source, range<space> frames, view<word> words, Live&& live) {
        source.attach(frames, words, start::recover, live);
    }
    constexpr errc attach(range<space> frames, view<word> words, start how, Live&& live) noexcept {
        return inner_.attach(frames, words, how, live);
    }
    constexpr errc detach(range<space> frames) noexcept { return inner_.detach(frames); }
    constexpr errc online(range<space> frames) noexcept { return inner_.online(frames); }
    constexpr errc offline(range<space> frames) noexcept { return inner_.offline(frames); }
    constexpr errc isolate(range<space> frames) noexcept { return inner_.isolate(frames); }
    constexpr errc readmit(range<space> frames) noexcept { return inner_.readmit(frames); }
    constexpr result<std::uint64_t> revoke(range<space> frames) noexcept { return inner_.revoke(frames); }

    constexpr result<frame<space>> allocate(request<space> wanted) noexcept {
        const result<frame<space>> got = inner_.allocate(wanted);
        if (Shape.on_allocate && got) scrub(block(*got, wanted.order));
        return got;
    }
    constexpr errc allocate_at(range<space> frames) noexcept { return inner_.allocate_at(frames); }
    constexpr errc free(frame<space> first, unsigned order) noexcept {
        if constexpr (Shape.on_free) {
            if (const errc wrong = inner_.would_free(first, order); wrong != errc::ok) return wrong;
            scrub(block(first, order));
        }
        return inner_.free(first, order);
    }
    template <free_checking_source Checking = Source>
    [[nodiscard]] constexpr errc would_free(frame<space> first, unsigned order) const noexcept {
        return inner_.would_free(first, order);
    }
    constexpr void drain() noexcept { inner_.drain(); }
    constexpr void drain(cpu_id cpu) noexcept { inner_.drain(cpu); }
    [[nodiscard]] constexpr bool owns(frame<space> f) const noexcept { return inner_.owns(f); }
    [[nodiscard]] constexpr std::uint64_t free_frames() const noexcept { return inner_.free_frames(); }
    template <counted_source Counted = Source>
    [[nodiscard]] constexpr std::uint64_t approximate_free_frames() const noexcept {
        return inner_.approximate_free_frames();
    }
    template <counted_source Counted = Source>
    [[nodiscard]] static constexpr std::uint64_t largest_error() noexcept {
        return Counted::largest_error();
    }
    template <class Sink>
    constexpr void visit_free(Sink&& sink) const noexcept {
        inner_.visit_free(sink);
    }
    [[nodiscard]] constexpr errc validate() const noexcept { return inner_.validate(); }
    template <class Sink>
    constexpr void describe(Sink&& sink) const noexcept {
        inner_.describe(sink);
    }

    [[nodiscard]] constexpr Source& inner() noexcept { return inner_; }
    [[nodiscard]] constexpr const Source& inner() const noexcept { return inner_; }

 private:
    /// Frame by frame: neighbours need not lie side by side in the address space.
    static constexpr void scrub(range<space> frames) noexcept {
        constexpr std::size_t size = static_cast<std::size_t>(platform_type::frame_bytes);
        for (std::uint64_t i = 0; i < frames.count; ++i) {
            void* const content = platform_type::bytes_of(frames.first + i);
            auto* const first = static_cast<std::byte*>(content);
            for (std::size_t at = 0; at < size; ++at) first[at] = std::byte{0};
        }
    }

    Source inner_{};
};

}  // namespace ashlar
