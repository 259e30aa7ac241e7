// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/firmware/topology.hpp>
#include <ashlar/zone/first_choices.hpp>
#include <ashlar/zone/metadata_carver.hpp>
#include <ashlar/zone/mirror_counters.hpp>
#include <ashlar/zone/zone_description.hpp>
#include <ashlar/zone/zone_reserve.hpp>
#include <ashlar/zone/zone_table.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Constants of a machine.
struct machine_shape {
    unsigned max_zones = 64;   ///< at most 255
    unsigned spare_zones = 8;  ///< room in the zone lists for zones that are attached after boot
    std::uint32_t section_effort =
        256;  ///< pageblocks that are searched before the CPU guard is dropped once
};

namespace detail {

/// The zones of a machine by number, and the tables by which they are found.
///
/// Protocol. The table is a snapshot, two of them in the metadata. A change (one at a time: `change`) builds
/// the one that is not in use, publishes its generation (release; the lowest bit says which table), and waits
/// for `quiesce()`. Readers load the generation (acquire) under the CPU guard, so they never see a table or a
/// zone go away. Who looks at zones for longer than a guard should last holds `stay` instead, any number at
/// once: there is no `change` then. What is not in the tables belongs to the holder of `change`.
template <class Zone, class Order, machine_shape Shape>
class zone_slots {
 public:
    using platform_type = typename Zone::platform_type;
    using space = typename Zone::space;
    using description_type = basic_zone_description<space>;
    using table = zone_table<space>;
    using zone_type = Zone;
    using reserve_type = zone_reserve<platform_type>;
    static constexpr std::uint32_t section_effort = Shape.section_effort;
    static constexpr std::size_t max_zones = Shape.max_zones;

    struct bookkeeping {
        table tables[2];
        view<std::uint8_t> distances;
    };

    /// Held by the one that changes which zones there are.
    class change {
     public:
        explicit change(zone_slots& owner) noexcept : owner_(owner) {
            std::uint32_t expected = 0;
            held_ = owner_.holders_.compare_exchange(expected, one_changes, memory_order::acquire);
        }
        ~change() {
            if (held_) owner_.holders_.store(0, memory_order::release);
        }
        change(const change&) = delete;
        change& operator=(const change&) = delete;
        [[nodiscard]] bool held() const noexcept { return held_; }

     private:
        zone_slots& owner_;
        bool held_ = false;
    };

    /// Held by those for whom the zones have to stay as they are.
    class stay {
     public:
        explicit stay(zone_slots& owner) noexcept : owner_(owner) {
            std::uint32_t seen = owner_.holders_.load(memory_order::relaxed);
            while (seen != one_changes && !held_) {
                held_ = owner_.holders_.compare_exchange(seen, seen + 1, memory_order::acquire);
            }
        }
        ~stay() {
            if (held_) (void)owner_.holders_.fetch_add(~std::uint32_t{0}, memory_order::release);
        }
        stay(const stay&) = delete;
        stay& operator=(const stay&) = delete;
        [[nodiscard]] bool held() const noexcept { return held_; }

     private:
        zone_slots& owner_;
        bool held_ = false;
    };

    [[nodiscard]] Zone& operator[](std::size_t number) noexcept { return zones_[number]; }
    [[nodiscard]] const Zone& operator[](std::size_t number) const noexcept { return zones_[number]; }

    [[nodiscard]] reserve_type& reserve(std::size_t number) noexcept { return reserves_[number]; }
    [[nodiscard]] const reserve_type& reserve(std::size_t number) const noexcept { return reserves_[number]; }
    [[nodiscard]] const mirrored_frame_limit<platform_type>& mirror_limit() const noexcept {
        return mirror_limit_;
    }
    [[nodiscard]] first_choices<platform_type>& choices() noexcept { return choices_; }
    [[nodiscard]] const first_choices<platform_type>& choices() const noexcept { return choices_; }
    /// After reserves were set, by the one who sets them.
    void note_reserves() noexcept {
        bool any = false;
        for (const reserve_type& each : reserves_) any = any || !each.keeps_nothing();
        choices_.set(first_choices<platform_type>::reason::frames_kept_back, any);
    }
    /// Frames that may be in use, or `mirrored_frame_limit::none`.
    void limit_mirror(std::uint64_t frames) noexcept {
        mirror_limit_.set(frames);
        choices_.set(first_choices<platform_type>::reason::mirror_limit, mirror_limit_.is_set());
    }
    /// log2 of the bytes of a frame.
    [[nodiscard]] unsigned page_shift() const noexcept { return page_shift_; }
    [[nodiscard]] zone_kind highest_kind(const request<space>& wanted) const noexcept {
        return ashlar::highest_kind(wanted, dma_end_, dma32_end_);
    }

    /// Changes with every published table.
    [[nodiscard]] std::uint32_t generation() const noexcept {
        return generation_.load(memory_order::acquire);
    }
    [[nodiscard]] const table& of(std::uint32_t generation) const noexcept {
        return books_.tables[generation % 2];
    }
    [[nodiscard]] const table& active() const noexcept { return of(generation()); }
    /// True before the first zone.
    [[nodiscard]] bool empty() const noexcept { return numbers_ == 0; }

    [[nodiscard]] static bookkeeping carve_tables(metadata_carver& carver, std::size_t zones,
                                                  std::size_t nodes) noexcept {
        const std::size_t capacity =
            zones + Shape.spare_zones < Shape.max_zones ? zones + Shape.spare_zones : Shape.max_zones;
        bookkeeping books;
        for (table& each : books.tables) {
            const auto spans = carver.template carve<typename table::span>(capacity);
            const auto lists = carver.template carve<std::uint8_t>(table::list_bytes(capacity, nodes));
            each = table(spans, lists, nodes);
        }
        books.distances = carver.template carve<std::uint8_t>(nodes * nodes);
        return books;
    }

    void keep(const bookkeeping& books, const topology& nodes, const zone_rules& rules,
              unsigned page_shift) noexcept {
        books_ = books;
        page_shift_ = page_shift;
        dma_end_ = rules.dma_end >> page_shift;
        dma32_end_ = rules.dma32_end >> page_shift;
        const unsigned count = nodes.node_count();
        for (unsigned from = 0; from < count; ++from) {
            for (unsigned to = 0; to < count; ++to) {
                books_.distances[from * count + to] =
                    nodes.distance(static_cast<node_id>(from), static_cast<node_id>(to));
            }
        }
    }

    /// Attaches a zone under a number of its own; not published yet.
    errc add(view<typename Zone::word> words, const description_type& what, start how) noexcept {
        if (words.data() == nullptr) return errc::limit;
        std::size_t number = 0;
        while (number < Shape.max_zones && used_[number]) ++number;
        if (number == Shape.max_zones) return errc::limit;
        zones_[number].set_description(what);
        const errc error = zones_[number].attach(what.span, words, how);
        if (error != errc::ok) return error;
        reserves_[number].reset(how == start::fresh ? 0 : present_frames(zones_[number]));
        used_[number] = true;
        if (number >= numbers_) numbers_ = number + 1;
        return errc::ok;
    }

    /// Unpublishes, waits, detaches.
    errc remove(std::size_t number) noexcept {
        used_[number] = false;
        publish();
        return zones_[number].detach(zones_[number].description().span);
    }

    /// Undoes every `add` of a boot that failed.
    void forget() noexcept {
        for (std::size_t number = 0; number < numbers_; ++number) {
            if (used_[number]) (void)zones_[number].detach(zones_[number].description().span);
            used_[number] = false;
        }
        numbers_ = 0;
    }

    static constexpr std::size_t none = ~std::size_t{0};
    /// The number of the zone, published or not, whose span holds all of a range, or `none`.
    [[nodiscard]] std::size_t holding(range<space> frames) noexcept {
        for (std::size_t number = 0; number < numbers_; ++number) {
            if (used_[number] && zones_[number].description().span.contains(frames)) return number;
        }
        return none;
    }

    /// Publishes the zones as they are now, and returns when nobody reads the table before.
    void publish() noexcept {
        const std::uint32_t next = generation_.load(memory_order::relaxed) + 1;
        table& fresh = books_.tables[next % 2];
        fresh.template build<Order>(
            numbers_,
            [this](std::size_t number) noexcept {
                return used_[number] ? &zones_[number].description() : nullptr;
            },
            [this, &fresh](node_id from, node_id to) noexcept {
                return unsigned{books_.distances[from * fresh.nodes() + to]};
            });
        generation_.store(next, memory_order::release);
        choices_.publish(fresh, [this](std::size_t number) noexcept -> const description_type& {
            return zones_[number].description();
        });
        platform_type::quiesce();
    }

 private:
    using atomic = typename platform_type::template atomic<std::uint32_t>;
    static constexpr std::uint32_t one_changes = ~std::uint32_t{0};

    [[nodiscard]] static std::uint64_t present_frames(const Zone& zone) noexcept {
        std::uint64_t present = 0;
        zone.describe([&present](const char* name, std::uint64_t value) noexcept {
            if (same_text(name, "present_frames")) present += value;
        });
        return present;
    }
    [[nodiscard]] static constexpr bool same_text(const char* a, const char* b) noexcept {
        while (*a != 0 && *a == *b) ++a, ++b;
        return *a == *b;
    }

    Zone zones_[Shape.max_zones]{};
    reserve_type reserves_[Shape.max_zones]{};
    bool used_[Shape.max_zones]{};
    std::size_t numbers_ = 0;  ///< zone numbers in use are below this
    bookkeeping books_{};
    first_choices<platform_type> choices_{};
    atomic generation_{};
    atomic holders_{};  ///< `one_changes`, or how many `stay`
    mirrored_frame_limit<platform_type> mirror_limit_{};
    unsigned page_shift_ = 0;
    std::uint64_t dma_end_ = 0;
    std::uint64_t dma32_end_ = 0;
};

}  // namespace detail

}  // namespace ashlar
