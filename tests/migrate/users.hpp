// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/platform.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/migrate/copy_mover.hpp>
#include <ashlar/migrate/frame_copy.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <set>
#include <vector>

// Memory with bytes in it, and users whose blocks move.
namespace migrate_tests {

/// Frames of 64 bytes, all of them there.
struct bank : ashlar::platform {
    static constexpr std::uint64_t frame_bytes = 64;
    static constexpr std::uint64_t frames = std::uint64_t{1} << 14;
    [[nodiscard]] static void* bytes_of(ashlar::frame<> f) noexcept {
        return memory() + f.number * frame_bytes;
    }

 private:
    [[nodiscard]] static std::byte* memory() noexcept {
        static std::vector<std::byte> bytes(frames * frame_bytes);
        return bytes.data();
    }
};

/// Users of blocks: each writes what nobody else writes, finds its block through this book, and can be
/// pinned.
template <class Platform>
class users {
 public:
    using space = ashlar::machine;

    /// A block that the caller has from an allocator gets a user.
    std::uint64_t enter(ashlar::frame<> first, unsigned order) {
        const std::lock_guard lock(mutex_);
        const std::uint64_t id = ++last_;
        blocks_[first.number] = {id, order, false};
        homes_[id] = first.number;
        write(first, order, id);
        return id;
    }
    /// The user leaves; the block is the caller's to free.
    ashlar::used_block<> leave(std::uint64_t id) {
        const std::lock_guard lock(mutex_);
        const std::uint64_t first = homes_.at(id);
        const unsigned order = blocks_.at(first).order;
        blocks_.erase(first);
        homes_.erase(id);
        return {{first}, order};
    }
    void pin(std::uint64_t id, bool on = true) {
        const std::lock_guard lock(mutex_);
        blocks_.at(homes_.at(id)).pinned = on;
    }
    [[nodiscard]] ashlar::used_block<> home_of(std::uint64_t id) const {
        const std::lock_guard lock(mutex_);
        return {{homes_.at(id)}, blocks_.at(homes_.at(id)).order};
    }
    [[nodiscard]] std::vector<std::uint64_t> ids() const {
        const std::lock_guard lock(mutex_);
        std::vector<std::uint64_t> all;
        for (const auto& [id, first] : homes_) all.push_back(id);
        return all;
    }
    /// True if each user finds what it wrote.
    [[nodiscard]] bool intact() const {
        const std::lock_guard lock(mutex_);
        for (const auto& [first, user] : blocks_) {
            for (std::uint64_t i = 0; i < std::uint64_t{1} << user.order; ++i) {
                std::uint64_t words[2];
                std::memcpy(words, Platform::bytes_of({first + i}), sizeof words);
                if (words[0] != user.id || words[1] != i) return false;
            }
        }
        return true;
    }
    [[nodiscard]] std::uint64_t frames() const {
        const std::lock_guard lock(mutex_);
        std::uint64_t all = 0;
        for (const auto& [first, user] : blocks_) all += std::uint64_t{1} << user.order;
        return all;
    }

    ashlar::result<ashlar::used_block<>> block_of(ashlar::frame<> f) noexcept {
        const std::lock_guard lock(mutex_);
        const auto after = blocks_.upper_bound(f.number);
        if (after == blocks_.begin()) return ashlar::errc::not_owned;
        const auto& [first, user] = *std::prev(after);
        if (f.number - first >= std::uint64_t{1} << user.order) return ashlar::errc::not_owned;
        if (user.pinned) return ashlar::errc::busy;
        return ashlar::used_block<>{{first}, user.order};
    }
    /// The lock of the book is what holds writers back.
    ashlar::errc hold(ashlar::used_block<> block) noexcept {
        mutex_.lock();
        const auto found = blocks_.find(block.first.number);
        const bool there =
            found != blocks_.end() && found->second.order == block.order && !found->second.pinned;
        if (!there) mutex_.unlock();
        return there ? ashlar::errc::ok : ashlar::errc::busy;
    }
    ashlar::errc repoint(ashlar::used_block<> block, ashlar::frame<> to) noexcept {
        if (refusals_ != 0 && --refusals_ == 0) return ashlar::errc::unsupported;
        auto node = blocks_.extract(block.first.number);
        homes_.at(node.mapped().id) = to.number;
        node.key() = to.number;
        blocks_.insert(std::move(node));
        return ashlar::errc::ok;
    }
    void release(ashlar::used_block<>, ashlar::frame<>) noexcept { mutex_.unlock(); }

    /// The nth `repoint` from now on is refused.
    void refuse(unsigned nth) { refusals_ = nth; }

 private:
    struct occupant {
        std::uint64_t id = 0;
        unsigned order = 0;
        bool pinned = false;
    };
    static void write(ashlar::frame<> first, unsigned order, std::uint64_t id) {
        for (std::uint64_t i = 0; i < std::uint64_t{1} << order; ++i) {
            const std::uint64_t words[2] = {id, i};
            std::memcpy(Platform::bytes_of(first + i), words, sizeof words);
        }
    }

    mutable std::mutex mutex_;
    std::map<std::uint64_t, occupant> blocks_;
    std::map<std::uint64_t, std::uint64_t> homes_;
    std::uint64_t last_ = 0;
    unsigned refusals_ = 0;
};

/// A copy engine that meets a memory error in some frames.
template <class Platform>
struct failing_copy {
    std::set<std::uint64_t>* bad = nullptr;

    ashlar::errc operator()(ashlar::frame<> from, ashlar::frame<> to) const noexcept {
        if (bad != nullptr && bad->contains(from.number)) return ashlar::errc::unreadable;
        return ashlar::cpu_frame_copy<Platform>{}(from, to);
    }
};

template <class Platform>
using test_mover = ashlar::copy_mover<users<Platform>, failing_copy<Platform>>;

}  // namespace migrate_tests
