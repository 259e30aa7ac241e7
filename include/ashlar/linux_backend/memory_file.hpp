// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <ashlar/core/atomic.hpp>
#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/linux_backend/file_descriptor.hpp>
#include <ashlar/linux_backend/mapped_region.hpp>
#include <ashlar/linux_backend/system_error.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ashlar {

/// A bank of memory of a machine that a program plays: a file without a name (memfd) or a shared one, whose
/// pages are the frames. Frame n lies at offset (n - first) * page size; several files with ranges that do
/// not overlap are several DIMMs.
///
/// - A frame's bytes are in the file, not at an address: whoever maps it sees the same memory. `bytes_of`
///   is the file's own mapping of all of it (what the direct map is to a kernel).
/// - Each frame has a word that says who uses it (Linux: what rmap finds): `claim` takes a run of free
///   frames or changes nothing, `disclaim` gives them up. The word is the user's own, never 0.
/// - Two ways to lose memory: `punch` gives the pages back to the system, and the frames read as zeros,
///   anew. `remove` is the DIMM taken away: the file is cut to nothing, and a touch through any mapping is
///   SIGBUS (KVM_RUN: EFAULT), as is one beyond the end of the file.
/// - Huge pages (`huge_page_shift`, 21 or 30) have to be in the system's pool (/proc/sys/vm/nr_hugepages);
///   a frame is then a huge page. Pages of a memfd can be swapped out: `lock` forbids it, within
///   RLIMIT_MEMLOCK or with CAP_IPC_LOCK.
///
/// | word | written by | order |
/// |---|---|---|
/// | gone | `remove`; a look-up beside it finds the frame, or does not | release, acquire |
/// | user of a frame | who claims it, from 0 by compare-and-swap; its user, back to 0 | acq_rel |
///
/// Complexity: O(1), but for what the kernel does with each page. Context: thread. Setting up and moving
/// the object by one thread, alone; all else by any, beside `remove`, too. What is left of a bank that was
/// removed goes with the object, or when it is made anew. Failure: `errc`, nothing changed.
///
/// Example:
/// ```
/// ashlar::memory_file dimm;
/// if (dimm.create("dimm 0", {{0x100}, 256}) != ashlar::errc::ok) return;    // frames 0x100 to 0x1ff
/// std::memset(dimm.bytes_of({0x180}), 0xa5, dimm.page_bytes());
/// (void)dimm.punch({{0x180}, 1});                                          // zeros again
/// (void)dimm.remove();                                                     // no such memory any more
/// ```
class memory_file {
 public:
    memory_file() noexcept = default;
    memory_file(memory_file&& other) noexcept { *this = std::move(other); }
    memory_file& operator=(memory_file&& other) noexcept {
        if (this != &other) {
            file_ = std::move(other.file_);
            all_ = std::move(other.all_);
            users_ = std::move(other.users_);
            frames_ = std::exchange(other.frames_, {});
            page_bytes_ = std::exchange(other.page_bytes_, 0);
            gone_.store(other.gone_.exchange(0, memory_order::relaxed), memory_order::relaxed);
        }
        return *this;
    }

    /// `name` is for /proc/PID/maps. `busy` if open, `invalid` for no frames or too many, `exhausted` if
    /// the pool of huge pages has not enough of them.
    errc create(const char* name, range<> frames, unsigned huge_page_shift = 0) noexcept {
        if (is_open()) return errc::busy;
        if (huge_page_shift >= 40) return errc::invalid;
        unsigned flags = MFD_CLOEXEC;
        if (huge_page_shift != 0) flags |= MFD_HUGETLB | (huge_page_shift << MAP_HUGE_SHIFT);
        file_descriptor file(::memfd_create(name, flags));
        if (!file) return last_error();
        const std::uint64_t page = page_bytes_of(file.number());
        if (frames.empty() || frames.wraps() || frames.count > max_bytes / page) return errc::invalid;
        if (::ftruncate(file.number(), static_cast<off_t>(frames.count * page)) != 0) return last_error();
        const errc opened = open(file.number(), page, frames);
        if (opened == errc::ok) (void)file.release();
        return opened;
    }
    /// A shared file that is there already (in /dev/shm, on hugetlbfs, a memfd of another process), with at
    /// least `frames.count` pages. The descriptor is taken over after `ok`. `remove` cuts it for all.
    errc adopt(int descriptor, range<> frames) noexcept {
        if (is_open()) return errc::busy;
        struct stat status {};
        if (::fstat(descriptor, &status) != 0) return last_error();
        if (!S_ISREG(status.st_mode)) return errc::unsupported;
        const std::uint64_t page = page_bytes_of(descriptor);
        if (frames.empty() || frames.wraps() ||
            frames.count > static_cast<std::uint64_t>(status.st_size) / page) {
            return errc::invalid;
        }
        return open(descriptor, page, frames);
    }
    /// The frames' memory goes back to the system: they read as zeros. `not_owned` beyond the file.
    errc punch(range<> frames) noexcept {
        if (frames.empty() || !this->frames().contains(frames)) return errc::not_owned;
        const int done = ::fallocate(file_.number(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                     static_cast<off_t>(offset_of(frames.first)),
                                     static_cast<off_t>(frames.count * page_bytes_));
        return done == 0 ? errc::ok : last_error();
    }
    /// The memory is gone, for everybody: see above. What still uses a frame is not asked. `not_owned` if
    /// not open.
    errc remove() noexcept {
        if (!is_open()) return errc::not_owned;
        gone_.store(1, memory_order::release);
        if (::ftruncate(file_.number(), 0) == 0) return errc::ok;
        const errc failed = last_error();
        gone_.store(0, memory_order::release);
        return failed;
    }
    /// The frames at addresses of their own as well, until `into` ends; `busy` if that has some already. What
    /// is touched there after `remove` is SIGBUS, too.
    errc map(range<> frames, mapped_region& into) const noexcept {
        if (frames.empty() || !this->frames().contains(frames)) return errc::not_owned;
        return into.map_file(file_.number(), offset_of(frames.first),
                             static_cast<std::size_t>(frames.count * page_bytes_));
    }
    /// The frames' pages come now and stay in memory. `exhausted` beyond RLIMIT_MEMLOCK.
    errc lock(range<> frames) const noexcept {
        if (frames.empty() || !this->frames().contains(frames)) return errc::not_owned;
        return ::mlock(bytes_of(frames.first), static_cast<std::size_t>(frames.count * page_bytes_)) == 0
                   ? errc::ok
                   : last_error();
    }

    [[nodiscard]] range<> frames() const noexcept { return is_open() ? frames_ : range<>{}; }
    [[nodiscard]] bool owns(frame<> f) const noexcept { return frames().contains(f); }
    [[nodiscard]] std::uint64_t page_bytes() const noexcept { return page_bytes_; }
    [[nodiscard]] int descriptor() const noexcept { return file_.number(); }
    /// In bytes; of an own frame.
    [[nodiscard]] std::uint64_t offset_of(frame<> f) const noexcept {
        return (f.number - frames_.first.number) * page_bytes_;
    }
    /// `page_bytes` bytes; null for a frame that is not here.
    [[nodiscard]] std::byte* bytes_of(frame<> f) const noexcept {
        return owns(f) ? all_.bytes().data() + offset_of(f) : nullptr;
    }

    /// Who uses the frame; 0: nobody.
    [[nodiscard]] std::uintptr_t user_of(frame<> f) const noexcept {
        return owns(f) ? user(f).load(memory_order::acquire) : 0;
    }
    /// `busy` if somebody uses one of them, `not_owned` beyond the file.
    errc claim(range<> frames, std::uintptr_t word) noexcept {
        if (frames.empty() || !this->frames().contains(frames)) return errc::not_owned;
        for (std::uint64_t i = 0; i < frames.count; ++i) {
            std::uintptr_t nobody = 0;
            if (user(frames.first + i).compare_exchange(nobody, word, memory_order::acq_rel)) continue;
            disclaim({frames.first, i}, word);
            return errc::busy;
        }
        return errc::ok;
    }
    /// Those of the frames that were claimed with this word are nobody's again.
    void disclaim(range<> frames, std::uintptr_t word) noexcept {
        if (!this->frames().contains(frames)) return;
        for (std::uint64_t i = 0; i < frames.count; ++i) {
            std::uintptr_t mine = word;
            (void)user(frames.first + i).compare_exchange(mine, 0, memory_order::acq_rel);
        }
    }

 private:
    using user_word = builtin_atomic<std::uintptr_t>;
    static constexpr std::uint64_t max_bytes = std::uint64_t{1} << 62;
    static constexpr long hugetlbfs_magic = 0x958458f6;  // linux/magic.h

    [[nodiscard]] bool is_open() const noexcept {
        return file_.number() >= 0 && gone_.load(memory_order::acquire) == 0;
    }
    [[nodiscard]] static std::uint64_t page_bytes_of(int descriptor) noexcept {
        struct statfs system {};
        if (::fstatfs(descriptor, &system) == 0 && static_cast<long>(system.f_type) == hugetlbfs_magic) {
            return static_cast<std::uint64_t>(system.f_bsize);
        }
        return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    }
    /// Takes the descriptor over if it succeeds.
    errc open(int descriptor, std::uint64_t page, range<> frames) noexcept {
        memory_file made;
        made.page_bytes_ = page;
        made.frames_ = frames;
        const std::size_t size = static_cast<std::size_t>(frames.count * page);
        if (const errc failed = made.all_.map_file(descriptor, 0, size); failed != errc::ok) return failed;
        const std::size_t words = static_cast<std::size_t>(frames.count) * sizeof(user_word);
        if (const errc failed = made.users_.map_zeros(words); failed != errc::ok) return failed;
        made.file_ = file_descriptor(descriptor);
        *this = std::move(made);
        return errc::ok;
    }
    [[nodiscard]] user_word& user(frame<> f) const noexcept {
        auto* const words = static_cast<user_word*>(static_cast<void*>(users_.bytes().data()));
        return words[f.number - frames_.first.number];
    }

    file_descriptor file_{};
    mapped_region all_{};
    mapped_region users_{};
    range<> frames_{};
    std::uint64_t page_bytes_ = 0;
    builtin_atomic<std::uint32_t> gone_{};
};

}  // namespace ashlar
