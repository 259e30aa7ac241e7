// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/platform.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/layer/own_words.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Who may use a CPU's slot.
enum class slot_contract : std::uint8_t {
    exclusive,  ///< the CPU alone: the guard keeps everybody else off it. Plain loads and stores
    shared,     ///< whoever says it is that CPU: a lock that is tried once; who fails uses the source
};

namespace detail {

/// What every slot begins with: a word that is 1 while somebody is in a shared slot. Taken by an acquiring
/// exchange, dropped by a releasing store.
template <class Word>
class slot_lock {
 public:
    constexpr slot_lock() noexcept = default;
    constexpr explicit slot_lock(Word* words) noexcept : words_(words) {}

    /// False of a slot that was made of nothing.
    [[nodiscard]] constexpr bool is_bound() const noexcept { return words_ != nullptr; }
    [[nodiscard]] constexpr bool try_lock() const noexcept {
        return words_[0].exchange(1, memory_order::acquire) == 0;
    }
    constexpr void unlock() const noexcept { words_[0].store(0, memory_order::release); }

 protected:
    Word* words_ = nullptr;
};

/// The slots of a per-CPU layer, in the caller's words: {identity, CPUs, words of a slot} in a line, then one
/// slot for each CPU. A view. `Slot` says `word`, `words` (whole lines) and `identity`, and is made from the
/// address of its first word.
///
/// The three words of the header are written by `bind` alone. Who writes in a slot: see the slot; one at a
/// time, by the guard or by the slot's lock (`own`), and `bind` and whoever drains a stopped CPU.
template <class Platform, class Slot, slot_contract Contract>
class cpu_slots {
 public:
    using word = typename Slot::word;

    /// In smaller ranges, by CPU, nobody has a slot: they would hold too much of what there is.
    [[nodiscard]] static constexpr cpu_id cpus_for(std::uint64_t frames,
                                                   std::uint32_t frames_per_cpu) noexcept {
        const cpu_id cpus = Platform::max_cpus();
        return frames / frames_per_cpu < cpus ? 0 : cpus;
    }
    [[nodiscard]] static constexpr std::size_t words_for(cpu_id cpus) noexcept {
        return line + std::size_t{cpus} * Slot::words;
    }
    /// These are the words of slots as they are here.
    [[nodiscard]] static constexpr bool are_recoverable(view<word> words, cpu_id cpus) noexcept {
        return words[0].load(memory_order::relaxed) == Slot::identity &&
               words[1].load(memory_order::relaxed) == cpus &&
               words[2].load(memory_order::relaxed) == Slot::words;
    }

    [[nodiscard]] constexpr bool bound() const noexcept { return words_ != nullptr; }
    /// What the slots held is forgotten.
    constexpr void bind(view<word> words, cpu_id cpus) noexcept {
        words_ = words.data();
        cpus_ = cpus;
        for (cpu_id cpu = 0; cpu < cpus; ++cpu) (*this)[cpu].discard();
        words[2].store(Slot::words, memory_order::relaxed);
        words[1].store(cpus, memory_order::relaxed);
        words[0].store(Slot::identity, memory_order::release);
    }
    constexpr void unbind() noexcept {
        words_ = nullptr;
        cpus_ = 0;
    }

    /// CPUs that have a slot.
    [[nodiscard]] constexpr cpu_id count() const noexcept { return cpus_; }
    [[nodiscard]] constexpr Slot operator[](cpu_id cpu) const noexcept {
        return Slot(words_ + words_for(cpu));
    }

    /// The guard and, inside it, the caller's slot; not `held` where there is none or somebody else is in it.
    struct own {
        struct look {};
        constexpr explicit own(const cpu_slots& slots) noexcept {
            const cpu_id cpu = Platform::this_cpu();
            if (cpu >= slots.cpus_) [[unlikely]]
                return;
            slot = slots[cpu];
            held = Contract == slot_contract::exclusive || slot.try_lock();
        }
        /// A shared slot that is only looked at so far; not bound where there is none.
        constexpr own(const cpu_slots& slots, look) noexcept requires(Contract == slot_contract::shared) {
            if (const cpu_id cpu = Platform::this_cpu(); cpu < slots.cpus_) slot = slots[cpu];
        }
        /// A slot that was looked at.
        constexpr explicit own(Slot seen) noexcept requires(Contract == slot_contract::shared) : slot(seen) {
            enter();
        }
        constexpr void enter() noexcept requires(Contract == slot_contract::shared) {
            held = slot.is_bound() && slot.try_lock();
        }
        constexpr ~own() {
            if (Contract == slot_contract::shared && held) slot.unlock();
        }
        own(const own&) = delete;
        own& operator=(const own&) = delete;

        [[no_unique_address]] typename Platform::cpu_guard guard{};
        Slot slot{};
        bool held = false;
    };

 private:
    static constexpr std::size_t line = layer_line_words<word>;

    word* words_ = nullptr;
    cpu_id cpus_ = 0;
};

/// A request that any block of its order serves: what slots hand out is of any place in the source.
template <class Space>
[[nodiscard]] constexpr bool serves_any_block(const request<Space>& wanted) noexcept {
    return wanted.nodes.is_all() && wanted.mirror != mirror::required && wanted.below == no_limit<Space>;
}

}  // namespace detail

}  // namespace ashlar
