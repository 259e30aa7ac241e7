// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/firmware/memory_map.hpp>
#include <ashlar/firmware/topology.hpp>
#include <ashlar/zone/contiguous_search.hpp>
#include <ashlar/zone/drain_everywhere.hpp>
#include <ashlar/zone/machine_builder.hpp>
#include <ashlar/zone/machine_reserves.hpp>
#include <ashlar/zone/metadata_plan.hpp>
#include <ashlar/zone/mirror_counters.hpp>
#include <ashlar/zone/mirror_order.hpp>
#include <ashlar/zone/watermarks.hpp>
#include <ashlar/zone/zone.hpp>
#include <ashlar/zone/zone_hotplug.hpp>
#include <ashlar/zone/zone_search.hpp>
#include <ashlar/zone/zone_slots.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// All memory of a machine: zones cut from the firmware's map, tried in the order that `Order::key` gives for
/// the request's node and mirror preference. A frame is freed to the zone that holds it, whatever the caller
/// thinks.
///
/// - Invariant: attached zones do not overlap; blocks never merge across a zone's boundary.
/// - Protocol: see zone_slots. A request that has searched `section_effort` pageblocks in a zone drops the
///   guard once before it goes on; what it learned stays in the zone's hints. When every zone has failed, or
///   frames are isolated or revoked, the other CPUs' slots are drained through the platform's `on_each_cpu`,
///   once, if they hold anything.
/// - Complexity: the first choice is an entry of a table, the others a list; `free` finds its zone in O(log
///   zones), without a lock.
/// - Context: the verbs as the zones' source allows; boot, attach and detach from thread context, no guard
///   held. allocate, isolate and revoke may call `on_each_cpu`: where a caller cannot wait for the others (an
///   interrupt), the platform's runs the task on the caller's CPU alone. What passes over all zones and takes
///   as long as its visitor (visit_free, validate, describe, for_each_zone) is not for the time of an attach
///   or detach. A verb on a range needs the range to lie in one zone, else `misaligned`.
/// - Mirrored memory exists iff a mirrored zone does. Without one, requests for it are served from ordinary
///   memory.
/// - Failure: `exhausted` when every zone on the list said so, `busy` when one could not tell.
///
/// ```
/// using frames = ashlar::counted<ashlar::radix_buddy<ashlar::platform>>;
/// using memory = ashlar::physical_memory<ashlar::zone<frames>, ashlar::reliability_first>;
/// constinit memory ram;
/// alignas(64) std::byte metadata[2 << 20];
/// (void)ram.boot(map, nodes, metadata);
/// auto page = ram.allocate({.order = 9, .node = 1, .mirror = ashlar::mirror::preferred});
/// (void)ram.free(*page, 9);
/// ```
template <class Zone, class Order = reliability_first, machine_shape Shape = machine_shape{}>
class physical_memory {
    static_assert(frame_source<Zone>, "physical_memory<Zone>: Zone must be a frame_source");
    static_assert(
        requires(const Zone& zone) { zone.description(); },
        "physical_memory<Zone>: Zone must have a description; wrap the source in zone<Source>");
    static_assert(
        requires(request<typename Zone::space> wanted, basic_zone_description<typename Zone::space> what) {
            { Order::key(wanted, what, 10u) } -> std::same_as<zone_key>;
        },
        "physical_memory<Zone, Order>: Order must offer key(request, zone, distance), see mirror_order.hpp");
    static_assert(Shape.max_zones >= 1 && Shape.max_zones <= 255,
                  "physical_memory: a machine has 1 to 255 zones");

 public:
    using zone_type = Zone;
    using platform_type = typename Zone::platform_type;
    using space = typename Zone::space;
    using word = std::byte;  ///< a machine takes raw bytes
    using description_type = basic_zone_description<space>;
    static_assert(cpu_local<platform_type>,
                  "physical_memory: the platform must be cpu_local (this_cpu, max_cpus, cpu_guard, ...)");
    static constexpr unsigned top_order = Zone::top_order;
    static constexpr unsigned isolation_order = Zone::isolation_order;

    /// What `boot` needs, any alignment of the bytes; 0 if there would be too many zones.
    [[nodiscard]] static std::size_t metadata_bytes(const memory_map& map, const topology& nodes,
                                                    const zone_rules& rules = {}) noexcept {
        return builder::bytes(map, nodes, rules, true, [](node_id) noexcept { return true; });
    }
    /// The part for the zones of one node; `with_tables` adds the machine's own. See `plan_metadata`.
    [[nodiscard]] static std::size_t metadata_bytes_of_node(const memory_map& map, const topology& nodes,
                                                            node_id node, bool with_tables,
                                                            const zone_rules& rules = {}) noexcept {
        return builder::bytes(map, nodes, rules, with_tables, [node](node_id of) { return of == node; });
    }

    /// Attaches and onlines every zone of a map. `recover` takes over the metadata of an earlier boot from
    /// the same map. `busy` after a boot, `limit` when zones or metadata do not fit; `corrupt` as the zones.
    /// Nothing is kept of a boot that failed. Usable stretches that a zone cannot take for the number of its
    /// holes are left out in part, see `dropped_frames`. What the map lends out unaccepted
    /// (`memory_map::use_unaccepted`) is marked in the zones' `accepted` layer before it is online;
    /// `unsupported` if there is none, `misaligned` if something else than whole units is lent.
    errc boot(const memory_map& map, const topology& nodes, view<std::byte> metadata,
              start how = start::fresh, const zone_rules& rules = {}) noexcept {
        return builder(zones_, map, nodes, rules)
            .boot(
                1, [metadata](std::size_t) noexcept { return metadata; },
                [](std::size_t, node_id) noexcept { return true; }, how, dropped_);
    }
    /// As above, with the metadata in the pieces of `plan_metadata`, the first for the machine's tables too.
    /// `bytes_of(range<>)` gives the address of a piece's first byte.
    template <class BytesOf>
    errc boot(const memory_map& map, const topology& nodes, view<const metadata_piece> pieces,
              BytesOf&& bytes_of, start how = start::fresh, const zone_rules& rules = {}) noexcept {
        return builder(zones_, map, nodes, rules)
            .boot(
                pieces.size(),
                [&](std::size_t piece) noexcept {
                    const std::uint64_t size = pieces[piece].frames.count << map.page_shift();
                    return view<std::byte>(bytes_of(pieces[piece].frames), static_cast<std::size_t>(size));
                },
                [&](std::size_t piece, node_id node) noexcept { return pieces[piece].node == node; }, how,
                dropped_);
    }

    /// Bytes for one more zone, any alignment.
    [[nodiscard]] static std::size_t metadata_words(range<space> frames) noexcept {
        detail::metadata_carver carver({});
        (void)carver.template carve<typename Zone::word>(Zone::metadata_words(frames));
        return carver.used();
    }

    /// One more zone after boot, with no frame online yet. `busy` before boot or if it overlaps a zone,
    /// `invalid` for a node that the machine does not have, `limit` when the zone table or the metadata are
    /// too small.
    errc attach(const description_type& what, view<std::byte> metadata, start how) noexcept {
        return detail::attach_zone(zones_, what, metadata, how);
    }
    /// As above, for ordinary memory of node 0.
    errc attach(range<space> frames, view<std::byte> metadata, start how) noexcept {
        return attach(description_type{frames, frames.count, 0, zone_kind::normal, false}, metadata, how);
    }

    /// Takes a zone away: unpublish, `quiesce`, detach. The range is a zone's whole span, else `invalid`.
    errc detach(range<space> frames) noexcept { return detail::detach_zone(zones_, frames); }

    errc online(range<space> frames) noexcept {
        return in_zone(frames, [&](Zone& zone, auto& reserve) noexcept {
            const errc error = zone.online(frames);
            if (error == errc::ok) reserve.arrived(frames.count);
            return error;
        });
    }
    errc offline(range<space> frames) noexcept {
        return in_zone(frames, [&](Zone& zone, auto& reserve) noexcept {
            const errc error = zone.offline(frames);
            if (error == errc::ok) reserve.left(frames.count);
            return error;
        });
    }
    errc isolate(range<space> frames) noexcept {
        const auto set = [&]() noexcept {
            return in_zone(frames, [frames](Zone& zone, auto&) noexcept { return zone.isolate(frames); });
        };
        const errc answer = set();
        return answer == errc::busy && detail::drain_everywhere(zones_) ? set() : answer;
    }
    errc readmit(range<space> frames) noexcept {
        return in_zone(frames, [frames](Zone& zone, auto&) noexcept { return zone.readmit(frames); });
    }
    result<std::uint64_t> revoke(range<space> frames) noexcept {
        result<std::uint64_t> left = std::uint64_t{0};
        const errc error = in_zone(frames, [frames, &left](Zone& zone, auto& reserve) noexcept {
            left = zone.revoke(frames);
            if (left) reserve.left(frames.count);
            return left.error();
        });
        if (error != errc::ok) return error;
        (void)detail::drain_everywhere(zones_);  // nobody hands out what is gone
        return left;
    }

    [[gnu::always_inline]] result<frame<space>> allocate(request<space> wanted) noexcept {
        return detail::allocate_from_zones(zones_, wanted);
    }
    /// With everything at its default.
    template <std::integral Integer>
    result<frame<space>> allocate(Integer order) noexcept {
        return allocate(request<space>{.order = static_cast<unsigned>(order)});
    }
    errc allocate_at(range<space> frames) noexcept {
        return in_zone(frames, [frames](Zone& zone, auto&) noexcept { return zone.allocate_at(frames); });
    }
    /// Frames in a row, any number of them, in one zone; see `ashlar::allocate_contiguous`. Nodes, mirrored
    /// memory, reserves and limits as in `allocate`. While it searches, boot, attach and detach say `busy`.
    template <isolation_telling_source Telling = Zone>
    result<range<space>> allocate_contiguous(contiguous_request<space> wanted) noexcept {
        if (const errc wrong = wanted.check(); wrong != errc::ok) return wrong;
        if (wanted.mirror == mirror::unspecified) wanted.mirror = default_mirror();
        return detail::search_contiguous(zones_, wanted);
    }
    errc free(frame<space> first, unsigned order) noexcept {
        [[maybe_unused]] const typename platform_type::cpu_guard guard{};
        const auto* const span = active().find(first);
        return span == nullptr ? errc::not_owned : zones_[span->zone].free(first, order);
    }
    /// What `free` would answer.
    template <free_checking_source Checking = Zone>
    [[nodiscard]] errc would_free(frame<space> first, unsigned order) const noexcept {
        [[maybe_unused]] const typename platform_type::cpu_guard guard{};
        const auto* const span = active().find(first);
        return span == nullptr ? errc::not_owned : zones_[span->zone].would_free(first, order);
    }

    void drain() noexcept {
        [[maybe_unused]] const typename platform_type::cpu_guard guard{};
        for (const auto& span : active()) zones_[span.zone].drain();
    }
    void drain(cpu_id cpu) noexcept {
        for (const auto& span : active()) zones_[span.zone].drain(cpu);
    }

    [[nodiscard]] bool owns(frame<space> f) const noexcept {
        [[maybe_unused]] const typename platform_type::cpu_guard guard{};
        const auto* const span = active().find(f);
        return span != nullptr && zones_[span->zone].owns(f);
    }
    [[nodiscard]] std::uint64_t free_frames() const noexcept {
        [[maybe_unused]] const typename platform_type::cpu_guard guard{};
        std::uint64_t free = 0;
        for (const auto& span : active()) free += zones_[span.zone].free_frames();
        return free;
    }
    /// False for a frame that is isolated, or in no zone.
    template <isolation_telling_source Telling = Zone>
    [[nodiscard]] bool offers(frame<space> f) const noexcept {
        [[maybe_unused]] const typename platform_type::cpu_guard guard{};
        const auto* const span = active().find(f);
        return span != nullptr && detail::offers(zones_[span->zone], f);
    }
    template <class Sink>
    void visit_free(Sink&& sink) const noexcept {
        for (const auto& span : active()) zones_[span.zone].visit_free(sink);
    }
    [[nodiscard]] errc validate() const noexcept {
        for (const auto& span : active()) {
            if (const errc error = zones_[span.zone].validate(); error != errc::ok) return error;
        }
        return errc::ok;
    }
    /// "zone" and its place by address, its marks ("min", "low", "high"), what it keeps back
    /// ("protection_KIND"), "fallbacks", then what the zone tells, for each zone. See `write_buddyinfo` and
    /// `write_zoneinfo`.
    template <class Sink>
    void describe(Sink&& sink) const noexcept {
        std::uint64_t place = 0;
        for (const auto& span : active()) {
            sink("zone", place++);
            zones_.reserve(span.zone).describe(sink);
            zones_[span.zone].describe(sink);
        }
    }

    /// What requests with an unspecified mirror preference get from now on; `unspecified`: ordinary.
    void set_default_mirror(mirror preference) noexcept { zones_.choices().set_default_mirror(preference); }
    [[nodiscard]] mirror default_mirror() const noexcept { return zones_.choices().default_mirror(); }
    /// Marks and reserves of every zone from what was online at boot; until then none is kept back. The
    /// sources should count their free frames (`counted`), else each allocation does. What is kept back is
    /// `exhausted` for others; of requests at once each CPU may get a block more. One caller at a time.
    void set_watermarks(const watermark_rules& rules = {}) noexcept {
        detail::set_watermarks(zones_, active(), rules);
        zones_.note_reserves();
    }
    /// Those of a frame's zone. `invalid` unless min <= low <= high. One caller at a time, of both.
    errc set_watermarks(frame<space> f, const watermarks& marks) noexcept {
        const auto* const span = active().find(f);
        if (span == nullptr) return errc::not_owned;
        if (marks.min > marks.low || marks.low > marks.high) return errc::invalid;
        zones_.reserve(span->zone).set(marks);
        zones_.note_reserves();
        return errc::ok;
    }
    /// Marks of the zone that holds a frame; zero without a zone.
    [[nodiscard]] watermarks watermarks_of(frame<space> f) const noexcept {
        const auto* const span = active().find(f);
        return span == nullptr ? watermarks{} : zones_.reserve(span->zone).marks();
    }
    /// How the zone that holds a frame stands to its marks.
    [[nodiscard]] memory_pressure pressure_of(frame<space> f) const noexcept {
        const auto* const span = active().find(f);
        return span == nullptr ? memory_pressure::none
                               : zones_.reserve(span->zone).pressure(zones_[span->zone]);
    }

    /// At most so many mirrored frames may be in use from now on; beyond, `preferred` gets ordinary memory
    /// and `required` says `limit`. `limit` for more than there are, `busy` for less than are in use; the old
    /// limit then stays. Requests at once may exceed it by one block for each CPU. One caller at a time.
    errc set_mirror_limit(std::uint64_t frames) noexcept {
        const mirror_counters now = mirror_figures();
        if (frames > now.total) return errc::limit;
        if (frames < now.used) return errc::busy;
        zones_.limit_mirror(frames == now.total ? detail::mirrored_frame_limit<platform_type>::none : frames);
        return errc::ok;
    }
    /// Exact at quiescence; a pass over the zones.
    [[nodiscard]] mirror_counters mirror_figures() const noexcept {
        [[maybe_unused]] const typename platform_type::cpu_guard guard{};
        return zones_.mirror_limit().count(zones_, active());
    }
    /// True when the machine has mirrored memory.
    [[nodiscard]] bool has_mirror() const noexcept { return active().has_mirror(); }
    /// Usable frames that boot had to leave out because a zone could not remember one more hole.
    [[nodiscard]] std::uint64_t dropped_frames() const noexcept { return dropped_; }
    [[nodiscard]] std::size_t zone_count() const noexcept { return active().size(); }

    /// Calls `sink(description, zone)` for each zone, ascending.
    template <class Sink>
    void for_each_zone(Sink&& sink) const noexcept {
        for (const auto& span : active()) sink(zones_[span.zone].description(), zones_[span.zone]);
    }
    /// The description of the zone whose span holds a frame, or null.
    [[nodiscard]] const description_type* zone_of(frame<space> f) const noexcept {
        const auto* const span = active().find(f);
        return span == nullptr ? nullptr : &zones_[span->zone].description();
    }
    /// The nodes that have a zone.
    [[nodiscard]] node_set nodes_with_memory() const noexcept {
        node_set nodes{0};
        for (const auto& span : active())
            nodes = nodes | node_set::only(zones_[span.zone].description().node);
        return nodes;
    }

 private:
    using slots = detail::zone_slots<Zone, Order, Shape>;
    using builder = detail::machine_builder<slots>;
    using table = typename slots::table;

    [[nodiscard]] const table& active() const noexcept { return zones_.active(); }

    template <class Verb>
    errc in_zone(range<space> frames, Verb&& verb) noexcept {
        if (frames.empty() || frames.wraps()) return errc::invalid;
        [[maybe_unused]] const typename platform_type::cpu_guard guard{};
        const auto* const span = active().find(frames.first);
        if (span == nullptr) return errc::not_owned;
        if (frames.end() > span->end) return errc::misaligned;
        return verb(zones_[span->zone], zones_.reserve(span->zone));
    }

    slots zones_{};
    std::uint64_t dropped_ = 0;
};

}  // namespace ashlar
