// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <unistd.h>

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/linux_backend/memory_file.hpp>
#include <ashlar/linux_backend/system_error.hpp>
#include <ashlar/migrate/part_copy.hpp>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// The memory of a machine in several files: whose a frame is. A view; slots whose file is not open count
/// as empty, so DIMMs come and go in an array that stays where it is. Complexity: O(files).
struct memory_files {
    view<memory_file> files{};

    [[nodiscard]] memory_file* file_of(frame<> f) const noexcept {
        for (memory_file& file : files) {
            if (file.owns(f)) return &file;
        }
        return nullptr;
    }
    /// The file that has all of the frames; null if there is none.
    [[nodiscard]] memory_file* file_of(range<> frames) const noexcept {
        memory_file* const file = file_of(frames.first);
        return file != nullptr && file->frames().contains(frames) ? file : nullptr;
    }
    /// Null for a frame that no file has.
    [[nodiscard]] std::byte* bytes_of(frame<> f) const noexcept {
        const memory_file* const file = file_of(f);
        return file != nullptr ? file->bytes_of(f) : nullptr;
    }
};

/// Copies frames of files by reads: `unreadable`, where a load would be SIGBUS, for a page with a memory
/// error (EIO) and for a file that was cut. A `frame_copier` and a `part_copier`. Any thread; may sleep.
struct memory_file_copy {
    memory_files memory{};

    errc operator()(frame<> from, frame<> to) const noexcept {
        const memory_file* const source = memory.file_of(from);
        return (*this)(from, to, {0, source == nullptr ? 0 : source->page_bytes()}).error;
    }
    copy_result operator()(frame<> from, frame<> to, frame_part part) const noexcept {
        const memory_file* const source = memory.file_of(from);
        const memory_file* const target = memory.file_of(to);
        if (source == nullptr || target == nullptr) return {0, errc::not_owned};
        if (source->page_bytes() != target->page_bytes()) return {0, errc::misaligned};
        std::byte* const into = target->bytes_of(to) + part.offset;
        const std::uint64_t offset = source->offset_of(from) + part.offset;
        for (std::uint64_t done = 0; done < part.count;) {
            const ::ssize_t got =
                ::pread(source->descriptor(), into + done, static_cast<std::size_t>(part.count - done),
                        static_cast<off_t>(offset + done));
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return {done, got < 0 ? last_error() : errc::unreadable};
            done += static_cast<std::uint64_t>(got);
        }
        return {part.count, errc::ok};
    }
};

}  // namespace ashlar
