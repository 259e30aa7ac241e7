// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/request.hpp>
#include <concepts>
#include <cstdint>

namespace ashlar {

/// A logical CPU, dense from 0.
using cpu_id = std::uint32_t;

/// The defaults of everything that an embedding may know better: one CPU, an empty guard, builtin atomics, no
/// defect hook. Derive from it and redeclare what differs. Every member may be called in any context, with or
/// without the guard held, except `on_each_cpu` and `quiesce`, which are never called with a guard held.
struct platform {
    /// The address space that the allocators deal in: `machine`, or `os` where a remap table sits below.
    using space = machine;

    template <class T>
    using atomic = builtin_atomic<T>;

    /// The caller's CPU; 0 before ids exist. Read inside the guard.
    [[nodiscard]] static constexpr cpu_id this_cpu() noexcept { return 0; }
    /// How many CPUs there can ever be: per-CPU slots are sized by it.
    [[nodiscard]] static constexpr cpu_id max_cpus() noexcept { return 1; }
    /// The node that a request without one is nearest to.
    [[nodiscard]] static constexpr node_id this_node() noexcept { return 0; }

    /// While it lives the caller stays on its CPU and is not interrupted by another user of the allocator.
    struct cpu_guard {};

    /// Runs `task` once on every CPU that is up, and returns when all have. A machine calls it when memory is
    /// exhausted, isolated or revoked, no guard held; where the caller cannot wait for the others, on its own
    /// CPU alone.
    template <class Task>
    static constexpr void on_each_cpu(Task&& task) noexcept {
        task();
    }
    /// Returns when every guard that was held at the call has been dropped.
    static constexpr void quiesce() noexcept {}

    /// A wrong call that was found after its caller had gone on (a double free in a flush, for example).
    static constexpr void defect(errc, std::uint64_t /*frame_number*/) noexcept {}
};

/// Atomics: a member template `atomic<T>` with the interface of `builtin_atomic`.
template <class P>
concept atomics = requires(typename P::template atomic<std::uint32_t> word,
                           const typename P::template atomic<std::uint32_t> constant, std::uint32_t value) {
    { constant.load(memory_order::acquire) } -> std::same_as<std::uint32_t>;
    word.store(value, memory_order::release);
    { word.exchange(value, memory_order::acq_rel) } -> std::same_as<std::uint32_t>;
    { word.compare_exchange(value, value, memory_order::seq_cst) } -> std::same_as<bool>;
    { word.fetch_add(value, memory_order::acq_rel) } -> std::same_as<std::uint32_t>;
    { word.fetch_or(value, memory_order::seq_cst) } -> std::same_as<std::uint32_t>;
    { word.fetch_and(value, memory_order::seq_cst) } -> std::same_as<std::uint32_t>;
};

/// CPU-local: `this_cpu`, `max_cpus`, `cpu_guard`, `on_each_cpu`, `quiesce`.
template <class P>
concept cpu_local = requires {
    { P::this_cpu() } -> std::same_as<cpu_id>;
    { P::max_cpus() } -> std::same_as<cpu_id>;
    typename P::cpu_guard;
    P::quiesce();
    P::on_each_cpu([] {});
}
&&std::default_initializable<typename P::cpu_guard>;

/// Frame access: `bytes_of(frame)` gives the address of a frame's bytes for as long as the caller owns it,
/// and `frame_bytes` the size of a frame. Only layers and movers that touch frames ask for it.
template <class P>
concept frame_access = requires(frame<typename P::space> f) {
    { P::bytes_of(f) } -> std::convertible_to<void*>;
    { P::frame_bytes } -> std::convertible_to<std::uint64_t>;
};

/// Frame poison: `poison(frame, count)` marks frames that nobody may touch (in the shadow of KASAN or ASan),
/// `unpoison(frame, count)` takes the mark away. Either may meet frames that are so already, from any context
/// in which frames are allocated and freed, and calls no allocator over the same frames.
template <class P>
concept frame_poison = requires(frame<typename P::space> first, std::uint64_t count) {
    P::poison(first, count);
    P::unpoison(first, count);
};

/// Frame acceptance: `accept(range)` makes memory usable that a confidential guest was given but has not
/// accepted (UEFI 2.9 memory type 15; SEV-SNP, TDX). It is called with the guard held, at most once at a time
/// for the same frames, and calls no allocator over them. An error is the platform's own, `busy` if trying
/// again may help, and never `exhausted`. After an error, or a crash, it is called again for the same range,
/// part of which it may have accepted already.
template <class P>
concept frame_acceptance = requires(range<typename P::space> frames) {
    { P::accept(frames) } -> std::same_as<errc>;
};

/// A clock: `now()` in nanoseconds, never backwards.
template <class P>
concept clock = requires {
    { P::now() } -> std::same_as<std::uint64_t>;
};

}  // namespace ashlar
