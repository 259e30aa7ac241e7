// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <ashlar/layer/own_words.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// One spin lock around a source, for sources that serve one caller at a time (`list_buddy`).
///
/// - Invariant: between taking and dropping the lock at most one caller is inside the source. The lock word
///   lies in the metadata, a cache line of its own before those of the source: every instance that views the
///   same state excludes every other, and an instance stays constant once attached. `start::recover` frees
///   the lock, whoever held it.
///
/// The word is 0 (free) or 1 (held). It is taken by an acquiring exchange and dropped by a releasing store,
/// so what one holder wrote the next one reads. A platform may offer `static void relax() noexcept`, called
/// between attempts (a pause instruction, a yield in user space).
///
/// - Complexity: a verb of the source plus two stores to one cache line. Not fair.
/// - Context: each verb takes the platform's `cpu_guard` first and the lock second. A guard that turns
///   interrupts off makes every verb callable from threads and interrupts; none may be called from an NMI, a
///   machine check or SMM, nor while another CPU is stopped. `attach` and `detach` race nothing: the caller
///   publishes the instance after the first and withdraws it before the second. `owns`, `would_free` and
///   `metadata_words` take no lock: the source's have to stand writers beside them, and `would_free` has to
///   be right all the same where the caller owns the block.
/// - Failure: that of the source. A sink or predicate that calls a verb of the same state waits for itself.
///
/// Example:
/// ```
/// using frames = ashlar::locked<ashlar::list_buddy<my_platform>>;
/// constinit frames memory;
/// (void)memory.attach({{256}, 1024}, words, ashlar::start::fresh);
/// (void)memory.online({{256}, 1024});
/// const auto page = memory.allocate({.order = 0});
/// ```
template <class Source>
class locked {
    static_assert(frame_source<Source>, "locked<Source>: Source must be a frame_source");

 public:
    using platform_type = typename Source::platform_type;
    using space = typename Source::space;
    using word = typename Source::word;
    static_assert(cpu_local<platform_type>,
                  "locked<Source>: the platform must be cpu_local (this_cpu, max_cpus, cpu_guard, ...)");

    static constexpr unsigned top_order = Source::top_order;
    static constexpr unsigned isolation_order = Source::isolation_order;

    [[nodiscard]] static constexpr std::size_t metadata_words(range<space> frames) noexcept {
        return add_words(layer_line_words<word>, Source::metadata_words(frames));
    }

    constexpr errc attach(range<space> frames, view<word> words, start how) noexcept {
        return adopt(frames, words, [&](view<word> rest) { return inner_.attach(frames, rest, how); });
    }
    /// Where the source can tell lost frames from live ones (see `list_buddy::attach`).
    template <class Live>
    requires requires(Source& source, range<space> frames, view<word> words, Live&& live) {
        source.attach(frames, words, start::recover, live);
    }
    constexpr errc attach(range<space> frames, view<word> words, start how, Live&& live) noexcept {
        return adopt(frames, words, [&](view<word> rest) { return inner_.attach(frames, rest, how, live); });
    }
    constexpr errc detach(range<space> frames) noexcept {
        const errc answer = detach_inner(frames);
        if (answer == errc::ok) lock_ = nullptr;
        return answer;
    }

    constexpr errc online(range<space> frames) noexcept {
        const held in(lock_);
        return inner_.online(frames);
    }
    constexpr errc offline(range<space> frames) noexcept {
        const held in(lock_);
        return inner_.offline(frames);
    }
    constexpr errc isolate(range<space> frames) noexcept {
        const held in(lock_);
        return inner_.isolate(frames);
    }
    constexpr errc readmit(range<space> frames) noexcept {
        const held in(lock_);
        return inner_.readmit(frames);
    }
    constexpr result<std::uint64_t> revoke(range<space> frames) noexcept {
        const held in(lock_);
        return inner_.revoke(frames);
    }
    constexpr result<frame<space>> allocate(request<space> wanted) noexcept {
        const held in(lock_);
        return inner_.allocate(wanted);
    }
    constexpr errc allocate_at(range<space> frames) noexcept {
        const held in(lock_);
        return inner_.allocate_at(frames);
    }
    constexpr errc free(frame<space> first, unsigned order) noexcept {
        const held in(lock_);
        return inner_.free(first, order);
    }
    template <free_checking_source Checking = Source>
    [[nodiscard]] constexpr errc would_free(frame<space> first, unsigned order) const noexcept {
        return inner_.would_free(first, order);
    }
    constexpr void drain() noexcept {
        const held in(lock_);
        inner_.drain();
    }
    constexpr void drain(cpu_id cpu) noexcept {
        const held in(lock_);
        inner_.drain(cpu);
    }
    [[nodiscard]] constexpr bool owns(frame<space> f) const noexcept { return inner_.owns(f); }
    [[nodiscard]] constexpr std::uint64_t free_frames() const noexcept {
        const held in(lock_);
        return inner_.free_frames();
    }
    /// A figure that is kept beside the source is read without the lock.
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
        const held in(lock_);
        inner_.visit_free(sink);
    }
    [[nodiscard]] constexpr errc validate() const noexcept {
        const held in(lock_);
        return inner_.validate();
    }
    template <class Sink>
    constexpr void describe(Sink&& sink) const noexcept {
        const held in(lock_);
        inner_.describe(sink);
    }

    /// Several calls, the lock taken once: `task(source)`, which makes no call of this object.
    template <class Task>
    constexpr void at_once(Task&& task) noexcept {
        const held in(lock_);
        task(inner_);
    }

    /// The source, past the lock: for callers that know that nobody else is inside.
    [[nodiscard]] constexpr Source& inner() noexcept { return inner_; }
    [[nodiscard]] constexpr const Source& inner() const noexcept { return inner_; }

 private:
    /// The guard and the lock; without a lock (detached) only the guard.
    class held {
     public:
        constexpr explicit held(word* lock) noexcept : lock_(lock) {
            if (lock_ == nullptr) return;
            while (lock_->exchange(1, memory_order::acquire) != 0) {
                while (lock_->load(memory_order::relaxed) != 0) relax();
            }
        }
        constexpr ~held() {
            if (lock_ != nullptr) lock_->store(0, memory_order::release);
        }
        held(const held&) = delete;
        held& operator=(const held&) = delete;

     private:
        static constexpr void relax() noexcept {
            if constexpr (requires { platform_type::relax(); }) platform_type::relax();
        }

        [[no_unique_address]] typename platform_type::cpu_guard guard_{};
        word* lock_;
    };

    template <class AttachInner>
    constexpr errc adopt(range<space> frames, view<word> words, AttachInner attach_inner) noexcept {
        const errc wrong = check_attach<locked>(lock_ != nullptr, frames, words);
        if (wrong != errc::ok) return wrong;
        const errc answer = attach_inner(words.subview(layer_line_words<word>));
        if (answer != errc::ok) return answer;
        words[0].store(0, memory_order::relaxed);
        lock_ = words.data();
        return errc::ok;
    }
    constexpr errc detach_inner(range<space> frames) noexcept {
        const held in(lock_);
        return inner_.detach(frames);
    }

    Source inner_{};
    word* lock_ = nullptr;
};

}  // namespace ashlar
