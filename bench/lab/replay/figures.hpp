// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace lab {

/// What a replay of a trace under one composition comes to. Shares are from 0 to 1, and 0 where there is
/// nothing to share. All but the time are the same in every run.
struct figures {
    std::string composition;
    /// Not an allocator, but a placement that knows the future (`show_oracle`): failures and whole blocks
    /// mean something, the rest does not.
    bool oracle = false;
    /// Processor time of one allocation or free: the median over several replays of the whole trace, each
    /// from a fresh boot. The loop does nothing else but look up the step and the frame that an earlier step
    /// got.
    double ns_per_event = 0;
    /// Of the frames that kernel allocations got, those that are mirrored by what the tables say (also where
    /// the composition does not look at that, and gets some by chance).
    double mirrored_kernel_share = 0;
    /// The same of the other allocations: mirrored memory that went to what does not need it.
    double mirrored_user_share = 0;
    /// Of all frames allocated, those on the node of the CPU that asked.
    double local_share = 0;
    /// Requests that preferred mirrored memory and got ordinary memory.
    std::uint64_t fallbacks = 0;
    /// Requests that got nothing.
    std::uint64_t failures = 0;
    /// Of the frames that are free when the trace ends, those in naturally aligned free blocks of 512.
    double whole_blocks_share = 0;
    /// Of all pageblocks, those that hold something unmovable when the trace ends.
    double pinned_blocks_share = 0;
    /// As `whole_blocks_share`, after what can be moved was moved together (`ashlar::compaction`); and the
    /// frames that moved. Of the library's own machines alone.
    std::optional<double> compacted_blocks_share{};
    std::uint64_t compaction_moves = 0;
};

/// For --help, and beneath the table.
inline constexpr const char* figures_help =
    "  ns/event            processor time of one allocation or free: the median over several replays\n"
    "  kernel in mirror    of the frames that the kernel got, those that are mirrored (mirror_off: by "
    "chance)\n"
    "  user in mirror      of the frames that user processes got, those that are mirrored\n"
    "  local               of all frames allocated, those on the node of the CPU that asked\n"
    "  fallbacks           requests that preferred mirrored memory and got ordinary memory\n"
    "  failures            requests that got nothing\n"
    "  whole blocks        of the frames that are free at the end, those in free aligned blocks of 512\n"
    "  pinned blocks       of all pageblocks, those that hold something unmovable at the end\n"
    "  compacted           whole blocks after what can be moved was moved together at the end\n"
    "  moves               frames that moved for that\n"
    "  oracle              not an allocator: a placement that knows when each block will be freed\n";

}  // namespace lab
