// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/testing/bridge_models.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace ashlar::testing {

/// A bridge with a peer's memory behind it, register by register (bridge_models.hpp), which does what real
/// ones may:
///
/// - stores through windows are posted: up to `depth` wait in a queue, and are translated when they leave it.
///   A load through a window pushes them out before it;
/// - writes to registers are posted in a queue of their own, and take effect when a register is read, or
///   when `register_depth` are there;
/// - `write64` is two writes where `halves` says so, and something may come between;
/// - bits that a register has not read as 0, closed windows swallow stores and answer all ones;
/// - while the link is down everything answers all ones, and stores are lost.
///
/// It is a `register_access` and, with `read_back` and `check_link`, a `window_path`; `landed` is called for
/// each store that arrives, with where and what. For tests of users, too. Any number of threads.
template <class Model>
class simulated_bridge {
 public:
    explicit simulated_bridge(Model model = {}) : model_(std::move(model)) { model_.reset(registers_); }

    /// Accesses to registers, of 32 or 64 bits, that were made.
    std::uint64_t register_reads = 0;
    std::uint64_t register_writes = 0;
    std::size_t depth = 64;
    std::size_t register_depth = 16;
    bool halves = false;
    /// Called with the bridge locked.
    std::function<void(std::uint64_t, std::uint64_t)> landed;
    /// Called between two halves of a register's write, unlocked.
    std::function<void()> between_halves;

    [[nodiscard]] Model& model() { return model_; }

    // Registers.
    std::uint32_t read32(std::uint64_t offset) {
        const std::lock_guard locked(mutex_);
        ++register_reads;
        if (!up_) return ~std::uint32_t{0};
        settle();
        return model_.read(registers_, offset);
    }
    std::uint64_t read64(std::uint64_t offset) {
        const std::lock_guard locked(mutex_);
        ++register_reads;
        if (!up_) return ~std::uint64_t{0};
        settle();
        const std::uint64_t low = model_.read(registers_, offset);
        return std::uint64_t{model_.read(registers_, offset + 4)} << 32 | low;
    }
    void write32(std::uint64_t offset, std::uint32_t value) {
        {
            const std::lock_guard locked(mutex_);
            ++register_writes;
            if (!up_) return;
            post(offset, value);
        }
        if (between_halves) between_halves();
    }
    /// Half a word: takes effect at once.
    void write16(std::uint64_t offset, std::uint16_t value) {
        const std::lock_guard locked(mutex_);
        if (!up_) return;
        settle();
        const unsigned shift = offset % 4 * 8;
        const std::uint32_t rest = registers_.get(offset & ~std::uint64_t{3}) & ~(0xffffU << shift);
        registers_.set(offset & ~std::uint64_t{3}, rest | std::uint32_t{value} << shift);
    }
    void write64(std::uint64_t offset, std::uint64_t value) {
        if (halves) {
            write32(offset, static_cast<std::uint32_t>(value));
            write32(offset + 4, static_cast<std::uint32_t>(value >> 32));
            return;
        }
        const std::lock_guard locked(mutex_);
        ++register_writes;
        if (!up_) return;
        post(offset, static_cast<std::uint32_t>(value));
        post(offset + 4, static_cast<std::uint32_t>(value >> 32));
    }
    void store_fence() {}

    // Windows.
    void store(std::uint64_t local, std::uint64_t value) {
        const std::lock_guard locked(mutex_);
        if (!up_) return;
        stores_.emplace_back(local, value);
        if (stores_.size() > depth) arrive();
    }
    std::uint64_t load(std::uint64_t local) {
        const std::lock_guard locked(mutex_);
        if (!up_) return ~std::uint64_t{0};
        while (!stores_.empty()) arrive();
        std::uint64_t at = 0;
        return translate(local, at) ? peer_word(at) : ~std::uint64_t{0};
    }
    std::uint64_t read_back(std::uint32_t window) { return load(model_.place(window)); }
    errc check_link() {
        const std::lock_guard locked(mutex_);
        return up_ && same_peer_ ? errc::ok : errc::revoked;
    }

    // The other side, and what may happen.
    [[nodiscard]] std::uint64_t peer_word(std::uint64_t at) const {
        const auto found = memory_.find(at);
        return found == memory_.end() ? 0 : found->second;
    }
    void set_peer_word(std::uint64_t at, std::uint64_t value) { memory_[at] = value; }
    /// Everything in the queues is lost.
    void drop_link() {
        const std::lock_guard locked(mutex_);
        up_ = false;
        stores_.clear();
        posted_.clear();
    }
    void restore_link(bool same_peer) {
        const std::lock_guard locked(mutex_);
        up_ = true;
        same_peer_ = same_peer;
    }
    /// What the bridge lets pass, with what is posted to its registers.
    [[nodiscard]] simulated_window look(std::uint32_t window) {
        const std::lock_guard locked(mutex_);
        settle();
        return model_.look(registers_, window);
    }
    /// One posted store goes on, if there is one.
    void go_on() {
        const std::lock_guard locked(mutex_);
        if (!stores_.empty()) arrive();
    }

 private:
    void post(std::uint64_t offset, std::uint32_t value) {
        posted_.emplace_back(offset, value);
        if (posted_.size() > register_depth) take_effect();
    }
    void take_effect() {
        const auto [offset, value] = posted_.front();
        posted_.pop_front();
        model_.write(registers_, offset, value);
    }
    void settle() {
        while (!posted_.empty()) take_effect();
    }
    bool translate(std::uint64_t local, std::uint64_t& at) {
        for (std::uint32_t i = 0; i < Model::windows; ++i) {
            const std::uint64_t offset = local - model_.place(i);
            if (offset >= model_.aperture) continue;
            const simulated_window window = model_.look(registers_, i);
            if (!window.open || offset >= window.bytes) return false;
            at = window.target + offset;
            if (window.replaces_bits) {
                at = (window.target & ~(window.bytes - 1)) | (local & (window.bytes - 1));
            }
            return true;
        }
        return false;
    }
    void arrive() {
        const auto [local, value] = stores_.front();
        stores_.pop_front();
        std::uint64_t at = 0;
        if (!translate(local, at)) return;
        memory_[at] = value;
        if (landed) landed(at, value);
    }

    Model model_;
    std::mutex mutex_;
    register_file registers_{Model::register_bytes};
    std::deque<std::pair<std::uint64_t, std::uint64_t>> stores_;
    std::deque<std::pair<std::uint64_t, std::uint32_t>> posted_;
    std::unordered_map<std::uint64_t, std::uint64_t> memory_;
    bool up_ = true;
    bool same_peer_ = true;
};

}  // namespace ashlar::testing
