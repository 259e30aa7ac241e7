// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/linux_backend/kvm_memory_slot.hpp>
#include <ashlar/linux_backend/process_mapping.hpp>
#include <ashlar/linux_backend/process_path.hpp>
#include <ashlar/linux_backend/writer_hold.hpp>
#include <ashlar/migrate/access_path.hpp>
#include <ashlar/migrate/line_geometry.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// The path of a KVM guest whose memory is one slot over a `process_mapping`, for a `migration`: that of
/// the process which has the guest (`process_path`), and KVM's log of what vCPUs write, so that with
/// `dirty_recopy` the guest goes on while its frames are copied, and waits only for the last few.
///
/// - What the log tells are frames; a frame that was written is copied as a whole.
/// - Only stores of the guest, and of KVM for it, are in the log. A program that stores into guest memory
///   itself (device models) while frames move uses `trap_and_retry`, which holds everybody.
/// - The log is begun by the first `track` and goes on. It is this path's: who migrates the guest to
///   another host at the same time would miss what is taken here.
///
/// Complexity: `track`, `hold` and each round: one pass over the bits of the slot. Context, failure: as
/// `process_path`; `track` also as `kvm_memory_slot::log_writes`, `limit` for too few words.
///
/// ```
/// std::uint64_t words[2 * ashlar::kvm_memory_slot::log_words(512)];
/// ashlar::kvm_slot_path<my_platform, ashlar::userfault_writers> path(ram, memory, writers, {0x100}, words);
/// using engine = ashlar::migration<my_platform, table, pool, ashlar::dirty_recopy<>, decltype(path),
///                                  ashlar::memory_file_copy>;
/// engine mover(remaps, spares, path, told, book, lost, {}, {memory.memory()});
/// ```
template <class Platform, writer_hold Hold>
class kvm_slot_path : public process_path<Hold> {
    using geometry = line_geometry<Platform>;
    static_assert(
        geometry::lines_per_frame % 32 == 0,
        "kvm_slot_path<Platform>: lines are told of 32 at a time, a frame must have a multiple of that");
    static constexpr std::uint64_t groups_per_frame = geometry::lines_per_frame / 32;

 public:
    /// The slot has all of the mapping; page 0 is frame `first`. `words`: twice `log_words(pages)`.
    kvm_slot_path(kvm_memory_slot& slot, process_mapping& mapping, Hold& writers, frame<os> first,
                  view<std::uint64_t> words) noexcept
        : process_path<Hold>(mapping, writers, first), slot_(slot) {
        const std::size_t each = words.size() / 2;
        fetched_ = words.subview(0, each);
        written_ = words.subview(each, each);
    }

    errc track(const frame_move& move) noexcept {
        if (!slot_.logs_writes()) {
            if (const errc failed = slot_.log_writes(true); failed != errc::ok) return failed;
        }
        if (const errc failed = slot_.fetch_written(fetched_); failed != errc::ok) return failed;
        for (std::uint64_t& word : written_) word = 0;
        first_page_ = this->page_of(move.origins.first);
        return errc::ok;
    }
    errc hold(const frame_move& move) noexcept {
        if (const errc failed = process_path<Hold>::hold(move); failed != errc::ok) return failed;
        if (slot_.logs_writes()) fetch();
        return errc::ok;
    }
    /// Of a frame's groups the last one takes the bit.
    [[nodiscard]] std::uint32_t take_dirty(std::uint64_t group) noexcept {
        if (group == 0) fetch();
        const std::uint64_t page = first_page_ + group / groups_per_frame;
        std::uint64_t& word = written_[static_cast<std::size_t>(page / 64)];
        const std::uint64_t bit = std::uint64_t{1} << (page % 64);
        if ((word & bit) == 0) return 0;
        if (group % groups_per_frame == groups_per_frame - 1) word &= ~bit;
        return ~std::uint32_t{0};
    }

 private:
    void fetch() noexcept {
        // An error leaves KVM's log as it is: all of the slot counts as written.
        const bool known = slot_.fetch_written(fetched_) == errc::ok;
        for (std::size_t i = 0; i < written_.size(); ++i)
            written_[i] |= known ? fetched_[i] : ~std::uint64_t{0};
    }

    kvm_memory_slot& slot_;
    view<std::uint64_t> fetched_{};
    view<std::uint64_t> written_{};
    std::uint64_t first_page_ = 0;
};

}  // namespace ashlar
