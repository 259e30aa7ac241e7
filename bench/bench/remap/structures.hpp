// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <ashlar/migrate/remap_hash.hpp>
#include <ashlar/migrate/remap_table.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <vector>

#include "bench/remap/huge_array.hpp"

// What finds the target of a remapped frame: the library's two tables, and what else one would take. Each is
// made from mappings that are sorted by origin, and has `translate(frame)` and `bytes()`.
namespace bench {

struct mapping {
    std::uint64_t origin;
    std::uint64_t target;
};

/// A TiB of 4 KiB frames, with their spares above.
inline constexpr std::uint64_t remap_frames = std::uint64_t{1} << 28;
inline constexpr std::uint64_t remap_spares = std::uint64_t{1} << 21;

/// One of the library's.
template <class Table>
class own_table {
 public:
    explicit own_table(const std::vector<mapping>& all)
        : words_(Table::metadata_words(origins, targets, all.size())) {
        must(table_.attach(origins, targets, all.size(), {words_.data(), words_.size()}));
        for (const mapping& each : all) must(table_.assign({each.origin}, {each.target}));
    }
    [[nodiscard]] std::uint64_t translate(std::uint64_t frame) const {
        return table_.translate({frame}).number;
    }
    [[nodiscard]] std::size_t bytes() const { return words_.bytes(); }
    /// One mapping goes and comes back.
    void change(const mapping& which) {
        (void)table_.erase({which.origin});
        while (table_.assign({which.origin}, {which.target}) == ashlar::errc::busy) {
        }
    }

 private:
    static constexpr ashlar::range<ashlar::os> origins{{0}, remap_frames};
    static constexpr ashlar::range<> targets{{remap_frames}, remap_spares};

    static void must(ashlar::errc error) {
        if (error != ashlar::errc::ok) throw std::runtime_error(ashlar::to_string(error));
    }

    huge_array<typename Table::word> words_;
    Table table_;
};

/// std::upper_bound on a sorted array.
class sorted_array {
 public:
    explicit sorted_array(const std::vector<mapping>& all) : origins_(all.size()), targets_(all.size()) {
        for (std::size_t i = 0; i < all.size(); ++i) {
            origins_[i] = all[i].origin;
            targets_[i] = all[i].target;
        }
    }
    [[nodiscard]] std::uint64_t translate(std::uint64_t frame) const {
        const auto* const above = std::upper_bound(origins_.begin(), origins_.end(), frame);
        if (above == origins_.begin() || above[-1] != frame) return frame;
        return targets_[static_cast<std::size_t>(above - origins_.begin()) - 1];
    }
    [[nodiscard]] std::size_t bytes() const { return origins_.bytes() + targets_.bytes(); }

 private:
    huge_array<std::uint64_t> origins_;
    huge_array<std::uint64_t> targets_;
};

/// std::map.
class tree_map {
 public:
    explicit tree_map(const std::vector<mapping>& all) {
        for (const mapping& each : all) map_.emplace_hint(map_.end(), each.origin, each.target);
    }
    [[nodiscard]] std::uint64_t translate(std::uint64_t frame) const {
        const auto found = map_.find(frame);
        return found == map_.end() ? frame : found->second;
    }
    /// Three links, a colour, a key, a value, and malloc's own.
    [[nodiscard]] std::size_t bytes() const { return map_.size() * 64; }

 private:
    std::map<std::uint64_t, std::uint64_t> map_;
};

/// A sorted array in the order of a complete binary tree, searched without branches and prefetched (Khuong
/// and Morin, Array Layouts for Comparison-Based Searching, 2017).
class eytzinger {
 public:
    explicit eytzinger(const std::vector<mapping>& all) : origins_(all.size() + 1), targets_(all.size() + 1) {
        std::size_t next = 0;
        place(all, next, 1);
    }
    [[nodiscard]] std::uint64_t translate(std::uint64_t frame) const {
        const std::size_t count = origins_.size() - 1;
        std::size_t at = 1;
        while (at <= count) {
            __builtin_prefetch(origins_.data() + at * 8);
            at = 2 * at + (origins_[at] < frame ? 1 : 0);
        }
        // The last step to the left leads to the first origin that is not below.
        at >>= std::countr_one(at) + 1;
        return at != 0 && origins_[at] == frame ? targets_[at] : frame;
    }
    [[nodiscard]] std::size_t bytes() const { return origins_.bytes() + targets_.bytes(); }

 private:
    void place(const std::vector<mapping>& all, std::size_t& next, std::size_t at) {
        if (at > all.size()) return;
        place(all, next, 2 * at);
        origins_[at] = all[next].origin;
        targets_[at] = all[next++].target;
        place(all, next, 2 * at + 1);
    }

    huge_array<std::uint64_t> origins_;
    huge_array<std::uint64_t> targets_;
};

/// A directory of pageblocks, and a page of 32-bit targets for each that has an origin.
class radix_table {
 public:
    explicit radix_table(const std::vector<mapping>& all)
        : directory_(remap_frames / leaf_frames), leaves_(leaf_frames * count_leaves(all)) {
        std::uint32_t used = 0;
        for (const mapping& each : all) {
            std::uint32_t& leaf = directory_[each.origin / leaf_frames];
            if (leaf == 0) leaf = ++used;
            leaves_[(leaf - 1) * leaf_frames + each.origin % leaf_frames] =
                static_cast<std::uint32_t>(each.target - remap_frames + 1);
        }
    }
    [[nodiscard]] std::uint64_t translate(std::uint64_t frame) const {
        const std::uint64_t leaf = directory_[frame / leaf_frames];
        if (leaf == 0) return frame;
        const std::uint64_t target = leaves_[(leaf - 1) * leaf_frames + frame % leaf_frames];
        return target == 0 ? frame : target - 1 + remap_frames;
    }
    [[nodiscard]] std::size_t bytes() const { return directory_.bytes() + leaves_.bytes(); }

 private:
    static constexpr std::uint64_t leaf_frames = 512;

    [[nodiscard]] static std::size_t count_leaves(const std::vector<mapping>& all) {
        std::size_t count = 0;
        for (std::size_t i = 0; i < all.size(); ++i) {
            count += i == 0 || all[i].origin / leaf_frames != all[i - 1].origin / leaf_frames ? 1 : 0;
        }
        return count;
    }

    huge_array<std::uint32_t> directory_;
    huge_array<std::uint32_t> leaves_;
};

}  // namespace bench
