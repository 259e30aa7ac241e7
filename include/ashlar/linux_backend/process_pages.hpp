// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/linux_backend/memory_files.hpp>
#include <ashlar/linux_backend/process_mapping.hpp>
#include <ashlar/linux_backend/writer_hold.hpp>
#include <ashlar/migrate/copy_mover.hpp>
#include <ashlar/migrate/frame_mover.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ashlar {

/// Whether somebody holds a block by its frames, so that it may not move: a callable `bool(used_block<>)`.
template <class P>
concept pin_check = requires(P pinned, used_block<> block) {
    { pinned(block) } -> std::convertible_to<bool>;
};

/// Of a process whose memory no device and no system call in flight holds.
struct nothing_is_pinned {
    constexpr bool operator()(used_block<>) const noexcept { return false; }
};

/// The pages of a `process_mapping` as a `block_owner`: what a `copy_mover` holds, re-points and releases.
///
/// No write is lost, because each store of each thread is in one of three places. Before `hold` returns: it
/// is in the old frame, and the copy, which begins afterwards, has it. While held: it faults, changes
/// nothing, and is tried again after `release`. After the re-point: it is in the new frame, which is the
/// only one that any thread has mapped, since the kernel flushes every TLB before the new mapping can be
/// touched. Reads go on all the time: while held both frames have the same bytes.
///
/// `Pinned` is asked twice: before writers are held, and while they are (a pin that began in between). A
/// pin that begins later than that has to wait for the mover, by means of whoever pins.
///
/// Complexity: a hold, a release, one mmap. Context: thread, may sleep; one mover at a time. Failure:
/// `busy` for a block that is pinned or is not the stretch's any more, `invalid` for one of another order,
/// else as `Hold` and `process_mapping::repoint`; all is as before.
///
/// Example: see `process_page_mover`.
template <class Hold, class Pinned = nothing_is_pinned>
class process_pages {
    static_assert(writer_hold<Hold>, "process_pages<Hold>: Hold must be a writer_hold (hold, release)");
    static_assert(pin_check<Pinned>,
                  "process_pages<Hold, Pinned>: Pinned must say whether a used_block is pinned");

 public:
    using space = machine;

    process_pages(process_mapping& mapping, Hold& writers, Pinned pinned = {}) noexcept
        : mapping_(mapping), writers_(writers), pinned_(std::move(pinned)) {}

    [[nodiscard]] result<used_block<>> block_of(frame<> f) noexcept {
        const auto block = mapping_.block_of(f);
        if (block && pinned_(*block)) return errc::busy;
        return block;
    }
    errc hold(used_block<> block) noexcept {
        if (block.order != mapping_.order()) return errc::invalid;
        if (!aligned(block.first, block.order)) return errc::misaligned;
        const auto page = mapping_.page_of(block.first);
        if (!page || pinned_(block)) return errc::busy;
        page_ = *page;
        moved_ = false;
        const view<std::byte> part = mapping_.block_bytes(page_);
        if (const errc failed = writers_.hold(part); failed != errc::ok) return failed;
        if (!pinned_(block)) return errc::ok;
        writers_.release(part, false);
        return errc::busy;
    }
    errc repoint(used_block<>, frame<> to) noexcept {
        const errc done = mapping_.repoint(page_, to);
        moved_ = done == errc::ok;
        return done;
    }
    void release(used_block<>, frame<>) noexcept { writers_.release(mapping_.block_bytes(page_), moved_); }

 private:
    process_mapping& mapping_;
    Hold& writers_;
    Pinned pinned_;
    std::uint64_t page_ = 0;
    bool moved_ = false;
};

/// Moves pages of a process from frame to frame under its running threads: a `frame_mover`.
///
/// ```
/// ashlar::memory_file dimms[2];                           // frames 0x100 to 0x1ff, and 0x200 to 0x2ff
/// ashlar::process_mapping memory;                         // page i at frame 0x100 + i
/// ashlar::userfault_writers writers;
/// ashlar::process_page_mover mover(memory, writers);
/// if (mover.move({0x100}, {0x200}, 0) != ashlar::errc::ok) return;
/// // page 0 is in frame 0x200 of the second DIMM; no thread noticed
/// ```
template <class Hold, class Pinned = nothing_is_pinned>
class process_page_mover {
 public:
    using space = machine;

    process_page_mover(process_mapping& mapping, Hold& writers, Pinned pinned = {}) noexcept
        : pages_(mapping, writers, std::move(pinned)), mover_(pages_, memory_file_copy{mapping.memory()}) {}
    process_page_mover(const process_page_mover&) = delete;
    process_page_mover& operator=(const process_page_mover&) = delete;

    [[nodiscard]] result<used_block<>> block_of(frame<> f) noexcept { return mover_.block_of(f); }
    errc move(frame<> from, frame<> to, unsigned order) noexcept { return mover_.move(from, to, order); }

 private:
    process_pages<Hold, Pinned> pages_;
    copy_mover<process_pages<Hold, Pinned>, memory_file_copy> mover_;
};

}  // namespace ashlar
