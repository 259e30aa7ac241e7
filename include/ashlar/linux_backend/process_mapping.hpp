// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/linux_backend/mapped_region.hpp>
#include <ashlar/linux_backend/memory_files.hpp>
#include <ashlar/linux_backend/system_error.hpp>
#include <ashlar/migrate/frame_mover.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// A stretch of a process's addresses, and for each page of it the frame where its bytes are: the page
/// table of a memory that can be moved under a program. Pages come in blocks of 2^order frames, naturally
/// aligned in both.
///
/// - Invariant: page p is mapped at `frame_of(p)`, or may not be touched (SIGSEGV); a frame that the
///   stretch has is claimed by it in its file, so no other stretch has it.
/// - `repoint` is one mmap(MAP_FIXED): the kernel takes the old pages out, flushes every CPU's TLB and puts
///   the new mapping in under the address space's lock. A thread that touches a page meanwhile waits in its
///   fault and goes on in the new frame; nobody ever finds a hole, and after the call nobody has the old
///   frame. What a device or the kernel holds by its old page (vmsplice, O_DIRECT and io_uring in flight,
///   VFIO) is not re-pointed: that is a pin, which the mover has to be told of. A child of fork() keeps the
///   old frames.
/// - Each run of pages whose frames are not in order is a mapping of its own in the kernel:
///   vm.max_map_count (65,530) of them are `exhausted`.
///
/// | word | written by | order |
/// |---|---|---|
/// | frame of a block, plus 1 | the one thread that writes | release; acquire to read |
///
/// Complexity: O(1) and one system call; metadata 8 bytes a block. Context: thread. One thread at a time
/// writes, any may read `frame_of` and `block_of`. Failure: `errc`, all as before.
///
/// Example:
/// ```
/// ashlar::process_mapping memory;
/// if (memory.reserve({dimms}, 64) != ashlar::errc::ok) return;  // 64 pages of addresses
/// (void)memory.assign(0, {0x100});                              // page 0 lies in frame 0x100
/// std::memcpy(memory.bytes().data(), "here", 5);                // in dimms[0].bytes_of({0x100}), too
/// ```
class process_mapping {
 public:
    process_mapping() noexcept = default;
    process_mapping(const process_mapping&) = delete;
    process_mapping& operator=(const process_mapping&) = delete;
    ~process_mapping() { reset(); }

    /// Addresses for `pages` pages, a multiple of 2^order. The files stay where they are as long as the
    /// mapping lives; those that are open have pages of one size. `busy` if reserved already.
    errc reserve(memory_files memory, std::uint64_t pages, unsigned order = 0) noexcept {
        if (!stretch_.bytes().empty()) return errc::busy;
        std::uint64_t page = 0;
        for (const memory_file& file : memory.files) {
            if (file.frames().empty()) continue;
            if (page != 0 && file.page_bytes() != page) return errc::misaligned;
            page = file.page_bytes();
        }
        if (page == 0 || order >= 40 || pages == 0) return errc::invalid;
        if (pages > (std::uint64_t{1} << 62) / page || (page << order) >> order != page) return errc::invalid;
        if (!aligned(frame<os>{pages}, order)) return errc::misaligned;
        const std::size_t block = static_cast<std::size_t>(page << order);
        if (const errc failed = table_.map_zeros(static_cast<std::size_t>(pages >> order) * sizeof(word));
            failed != errc::ok) {
            return failed;
        }
        if (const errc failed = stretch_.reserve(static_cast<std::size_t>(pages * page), block);
            failed != errc::ok) {
            table_.reset();
            return failed;
        }
        memory_ = memory;
        page_bytes_ = page;
        order_ = order;
        return errc::ok;
    }
    /// Maps the block of `page` at the frames from `first` on, with what is in them. `busy` if the page has
    /// a frame or somebody uses one of the frames, `misaligned`, `not_owned` for a page or frames that
    /// there are not.
    errc assign(std::uint64_t page, frame<> first) noexcept {
        if (page >= pages()) return errc::not_owned;
        if (frame_of(page)) return errc::busy;
        return point(page, first, 1);
    }
    /// The block's pages may not be touched any more; the frames are nobody's. `not_owned` if it has none.
    errc withdraw(std::uint64_t page) noexcept {
        const auto old = frame_of(page);
        if (!old) return old.error();
        constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
        const view<std::byte> at = block_bytes(page);
        if (::mmap(at.data(), at.size(), PROT_NONE, flags, -1, 0) == MAP_FAILED) return last_error();
        disclaim(page, *old);
        entry(page).store(0, memory_order::release);
        return errc::ok;
    }
    /// `blocks` blocks in a row, that of `page` and following, are at the frames from `to` on from now on,
    /// all at once; the old frames are nobody's. Bytes are not copied: that, and that nobody writes
    /// meanwhile, is the mover's. As `assign`; `not_owned` if one of them has no frame.
    errc repoint(std::uint64_t page, frame<> to, std::uint64_t blocks = 1) noexcept {
        if (blocks == 0 || page >= pages() || blocks > (pages() - page + offset_mask()) >> order_) {
            return errc::not_owned;
        }
        for (std::uint64_t i = 0; i < blocks; ++i) {
            if (!frame_of(page + (i << order_))) return errc::not_owned;
        }
        return point(page, to, blocks);
    }

    /// All of it, mapped or not.
    [[nodiscard]] view<std::byte> bytes() const noexcept { return stretch_.bytes(); }
    [[nodiscard]] view<std::byte> block_bytes(std::uint64_t page) const noexcept {
        const std::uint64_t first = page >> order_ << order_;
        return bytes().subview(static_cast<std::size_t>(first * page_bytes_),
                               static_cast<std::size_t>(page_bytes_ << order_));
    }
    [[nodiscard]] std::uint64_t pages() const noexcept {
        return page_bytes_ == 0 ? 0 : bytes().size() / page_bytes_;
    }
    [[nodiscard]] std::uint64_t page_bytes() const noexcept { return page_bytes_; }
    [[nodiscard]] unsigned order() const noexcept { return order_; }
    [[nodiscard]] memory_files memory() const noexcept { return memory_; }

    /// Where the page's bytes are. `not_owned` if there is no such page, or it has no frame.
    [[nodiscard]] result<frame<>> frame_of(std::uint64_t page) const noexcept {
        if (page >= pages()) return errc::not_owned;
        const std::uint64_t plus_one = entry(page).load(memory_order::acquire);
        if (plus_one == 0) return errc::not_owned;
        return frame<>{plus_one - 1 + (page & offset_mask())};
    }
    /// The page whose bytes are in the frame. `not_owned` if there is none in this stretch.
    [[nodiscard]] result<std::uint64_t> page_of(frame<> f) const noexcept {
        const memory_file* const file = memory_.file_of(f);
        const std::uintptr_t user = file == nullptr ? 0 : file->user_of(f);
        const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(table_.bytes().data());
        if (user - first >= table_.bytes().size()) return errc::not_owned;
        return ((user - first) / sizeof(word) << order_) + (f.number & offset_mask());
    }
    /// The block of the stretch that has the frame. `not_owned` if none has.
    [[nodiscard]] result<used_block<>> block_of(frame<> f) const noexcept {
        const auto page = page_of(f);
        if (!page) return page.error();
        return used_block<>{{f.number & ~offset_mask()}, order_};
    }

    /// Unmaps all of it; the frames are nobody's.
    void reset() noexcept {
        for (std::uint64_t page = 0; page < pages(); page += std::uint64_t{1} << order_) {
            if (const auto at = frame_of(page)) disclaim(page, *at);
        }
        stretch_.reset();
        table_.reset();
        page_bytes_ = 0;
    }

 private:
    using word = builtin_atomic<std::uint64_t>;

    [[nodiscard]] std::uint64_t offset_mask() const noexcept { return (std::uint64_t{1} << order_) - 1; }
    [[nodiscard]] word& entry(std::uint64_t page) const noexcept {
        return static_cast<word*>(static_cast<void*>(table_.bytes().data()))[page >> order_];
    }
    /// What a frame's file says of its user: which entry of which table maps it.
    [[nodiscard]] std::uintptr_t user_word(std::uint64_t page) const noexcept {
        return reinterpret_cast<std::uintptr_t>(&entry(page));
    }
    void disclaim(std::uint64_t page, frame<> inside) noexcept {
        const range<> frames = block(frame<>{inside.number & ~offset_mask()}, order_);
        // Of a file that was removed meanwhile there is nothing to give up.
        if (memory_file* const file = memory_.file_of(frames)) file->disclaim(frames, user_word(page));
    }
    errc point(std::uint64_t page, frame<> to, std::uint64_t blocks) noexcept {
        if ((page & offset_mask()) != 0 || !aligned(to, order_)) return errc::misaligned;
        const range<> frames{to, blocks << order_};
        memory_file* const file = frames.wraps() ? nullptr : memory_.file_of(frames);
        if (file == nullptr) return errc::not_owned;
        for (std::uint64_t i = 0; i < blocks; ++i) {
            const errc taken = file->claim(target_block(to, i), user_word(page + (i << order_)));
            if (taken == errc::ok) continue;
            disclaim(*file, page, to, i);
            return taken;
        }
        // Populated, so that whoever waits for a block does not wait for a page fault, too.
        if (const errc failed = map(page, *file, to, blocks, MAP_POPULATE); failed != errc::ok) {
            disclaim(*file, page, to, blocks);
            map_again(page, blocks);
            return failed;
        }
        for (std::uint64_t i = 0; i < blocks; ++i) {
            const std::uint64_t here = page + (i << order_);
            const auto old = frame_of(here);
            entry(here).store(target_block(to, i).first.number + 1, memory_order::release);
            if (old) disclaim(here, *old);
        }
        return errc::ok;
    }
    [[nodiscard]] range<> target_block(frame<> to, std::uint64_t i) const noexcept {
        return block(to + (i << order_), order_);
    }
    void disclaim(memory_file& file, std::uint64_t page, frame<> to, std::uint64_t blocks) noexcept {
        for (std::uint64_t i = 0; i < blocks; ++i) {
            file.disclaim(target_block(to, i), user_word(page + (i << order_)));
        }
    }
    /// Until 6.12 the kernel may have unmapped the blocks before it ran out of memory for the mapping.
    void map_again(std::uint64_t page, std::uint64_t blocks) noexcept {
        for (std::uint64_t i = 0; i < blocks; ++i) {
            const std::uint64_t here = page + (i << order_);
            const auto old = frame_of(here);
            const memory_file* const file = old ? memory_.file_of(*old) : nullptr;
            if (file != nullptr) (void)map(here, *file, *old, 1, 0);
        }
    }
    errc map(std::uint64_t page, const memory_file& file, frame<> to, std::uint64_t blocks,
             int flags) const noexcept {
        // Not by the C library's function: ThreadSanitizer takes that for a store to memory that others use.
        std::byte* const at = block_bytes(page).data();
        const auto size = static_cast<std::size_t>((blocks << order_) * page_bytes_);
        constexpr int access = PROT_READ | PROT_WRITE;
        flags |= MAP_SHARED | MAP_FIXED;
#ifdef SYS_mmap2
        const auto offset = static_cast<long>(file.offset_of(to) / 4096);
        const long done = ::syscall(SYS_mmap2, at, size, access, flags, file.descriptor(), offset);
#else
        const auto offset = static_cast<long>(file.offset_of(to));
        const long done = ::syscall(SYS_mmap, at, size, access, flags, file.descriptor(), offset);
#endif
        return done == -1 ? last_error() : errc::ok;
    }

    memory_files memory_{};
    mapped_region stretch_{};
    mapped_region table_{};
    std::uint64_t page_bytes_ = 0;
    unsigned order_ = 0;
};

}  // namespace ashlar
