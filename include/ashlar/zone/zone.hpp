// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/source/allocate_contiguous.hpp>
#include <ashlar/zone/zone_description.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// A source whose frames are of one node and one reliability: it judges `nodes` and `mirror::required`, which
/// the source cannot. A request that it does not meet is `exhausted` here: no frame suits. Every other verb
/// is the source's. Context, complexity, failure: the source's. The description is set before `attach` and
/// does not change while the zone is attached.
template <class Source>
class zone {
    static_assert(frame_source<Source>, "zone<Source>: Source must be a frame_source");

 public:
    using platform_type = typename Source::platform_type;
    using space = typename Source::space;
    using word = typename Source::word;
    using description_type = basic_zone_description<space>;
    static constexpr unsigned top_order = Source::top_order;
    static constexpr unsigned isolation_order = Source::isolation_order;

    [[nodiscard]] static constexpr std::size_t metadata_words(range<space> frames) noexcept {
        return Source::metadata_words(frames);
    }

    /// What the frames are. Before `attach`.
    constexpr void set_description(const description_type& what) noexcept { description_ = what; }
    [[nodiscard]] constexpr const description_type& description() const noexcept { return description_; }

    constexpr errc attach(range<space> frames, view<word> words, start how) noexcept {
        return inner_.attach(frames, words, how);
    }
    template <class Live>
    constexpr errc attach(range<space> frames, view<word> words, start how, Live&& live) noexcept requires
        requires(Source& source) {
        source.attach(frames, words, how, live);
    }
    { return inner_.attach(frames, words, how, live); }
    constexpr errc detach(range<space> frames) noexcept { return inner_.detach(frames); }
    constexpr errc online(range<space> frames) noexcept { return inner_.online(frames); }
    constexpr errc offline(range<space> frames) noexcept { return inner_.offline(frames); }
    constexpr errc isolate(range<space> frames) noexcept { return inner_.isolate(frames); }
    constexpr errc readmit(range<space> frames) noexcept { return inner_.readmit(frames); }
    constexpr result<std::uint64_t> revoke(range<space> frames) noexcept { return inner_.revoke(frames); }

    // Inlined, the request is never put together: it is the caller's fields, one by one.
    [[gnu::always_inline]] constexpr result<frame<space>> allocate(request<space> wanted) noexcept {
        if (!meets(wanted)) return errc::exhausted;
        wanted.nodes = node_set::all();
        wanted.mirror = mirror::unspecified;
        return inner_.allocate(wanted);
    }
    /// See `ashlar::allocate_contiguous`.
    template <isolation_telling_source Telling = Source>
    constexpr result<range<space>> allocate_contiguous(contiguous_request<space> wanted) noexcept {
        if (const errc wrong = wanted.check(); wrong != errc::ok) return wrong;
        if (!meets(wanted)) return errc::exhausted;
        wanted.nodes = node_set::all();
        wanted.mirror = mirror::unspecified;
        return ashlar::allocate_contiguous(inner_, wanted);
    }
    constexpr errc allocate_at(range<space> frames) noexcept { return inner_.allocate_at(frames); }
    constexpr errc free(frame<space> first, unsigned order) noexcept { return inner_.free(first, order); }
    template <free_checking_source Checking = Source>
    [[nodiscard]] constexpr errc would_free(frame<space> first, unsigned order) const noexcept {
        return inner_.would_free(first, order);
    }
    constexpr void drain() noexcept { inner_.drain(); }
    constexpr void drain(cpu_id cpu) noexcept { inner_.drain(cpu); }

    [[nodiscard]] constexpr bool owns(frame<space> f) const noexcept { return inner_.owns(f); }
    [[nodiscard]] constexpr std::uint64_t free_frames() const noexcept { return inner_.free_frames(); }
    template <class Counted = Source>
    requires counted_source<Counted>
    [[nodiscard]] constexpr std::uint64_t approximate_free_frames() const noexcept {
        return inner_.approximate_free_frames();
    }
    template <class Counted = Source>
    requires counted_source<Counted>
    [[nodiscard]] static constexpr std::uint64_t largest_error() noexcept { return Counted::largest_error(); }
    template <class Sink>
    constexpr void visit_free(Sink&& sink) const noexcept {
        inner_.visit_free(sink);
    }
    [[nodiscard]] constexpr errc validate() const noexcept { return inner_.validate(); }
    /// node, mirrored, kind, then what the source tells.
    template <class Sink>
    constexpr void describe(Sink&& sink) const noexcept {
        sink("node", std::uint64_t{description_.node});
        sink("mirrored", std::uint64_t{description_.mirrored ? 1U : 0U});
        sink("kind", static_cast<std::uint64_t>(description_.kind));
        inner_.describe(sink);
    }

    [[nodiscard]] constexpr Source& inner() noexcept { return inner_; }
    [[nodiscard]] constexpr const Source& inner() const noexcept { return inner_; }

 private:
    template <class Request>
    [[nodiscard]] constexpr bool meets(const Request& wanted) const noexcept {
        if (wanted.mirror == mirror::required && !description_.mirrored) return false;
        return wanted.nodes.is_all() || wanted.nodes.contains(description_.node);
    }

    Source inner_{};
    description_type description_{};
};

}  // namespace ashlar
