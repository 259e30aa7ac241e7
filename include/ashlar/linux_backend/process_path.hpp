// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/linux_backend/process_mapping.hpp>
#include <ashlar/linux_backend/writer_hold.hpp>
#include <ashlar/migrate/access_path.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// The path of a program whose memory is a `process_mapping`, for a `migration`: accesses are loads and
/// stores of the processor, nothing is consulted, and a move re-points the mapping. The pages of the
/// stretch are the frames of an operating system, from `first` on; each begins in the machine frame of its
/// own number.
///
/// - All frames of a move are re-pointed by one mmap, at the last `point`: until then, as the bytes are the
///   same and writes are held, nobody can tell the difference, and a move that fails before has nothing to
///   undo.
/// - Complexity: a hold, a mmap and a release for each move, whatever its size.
/// - Context: thread, may sleep; one move at a time.
/// - Failure: `invalid` for frames that are not of the stretch, or a mapping of larger blocks than pages;
///   else as `Hold` and `process_mapping::repoint`; all is as before.
///
/// ```
/// ashlar::process_path path(memory, writers, ashlar::frame<ashlar::os>{0x100});
/// using engine = ashlar::migration<my_platform, table, pool, ashlar::trap_and_retry, decltype(path),
///                                  ashlar::memory_file_copy>;
/// engine mover(remaps, spares, path, told, book, lost, {}, {memory.memory()});
/// (void)mover.migrate(ashlar::frame<ashlar::os>{0x180});      // under the threads that write there
/// ```
template <writer_hold Hold>
class process_path {
 public:
    process_path(process_mapping& mapping, Hold& writers, frame<os> first) noexcept
        : mapping_(mapping), writers_(writers), first_(first) {}
    process_path(const process_path&) = delete;
    process_path& operator=(const process_path&) = delete;

    errc hold(const frame_move& move) noexcept {
        const range<os> all{first_, mapping_.pages()};
        if (mapping_.order() != 0 || move.origins.empty() || !all.contains(move.origins))
            return errc::invalid;
        const errc done = writers_.hold(bytes_of(move.origins));
        held_ = done == errc::ok;
        moved_ = false;
        move_ = move;
        return done;
    }
    errc point(frame<os> origin, frame<machine> target) noexcept {
        const std::uint64_t last = move_.origins.count - 1;
        if (origin != move_.origins.first + last || target != move_.target + last) return errc::ok;
        const errc done = mapping_.repoint(page_of(move_.origins.first), move_.target, move_.origins.count);
        moved_ = done == errc::ok;
        return done;
    }
    void release(const frame_move& move) noexcept {
        if (held_) writers_.release(bytes_of(move.origins), moved_);
        held_ = false;
    }

    [[nodiscard]] std::uint64_t page_of(frame<os> f) const noexcept { return f.number - first_.number; }

 private:
    [[nodiscard]] view<std::byte> bytes_of(range<os> origins) const noexcept {
        const std::uint64_t page = mapping_.page_bytes();
        return mapping_.bytes().subview(static_cast<std::size_t>(page_of(origins.first) * page),
                                        static_cast<std::size_t>(origins.count * page));
    }

    process_mapping& mapping_;
    Hold& writers_;
    frame<os> first_;
    frame_move move_{};
    bool held_ = false;
    bool moved_ = false;
};

}  // namespace ashlar
