// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/replay/block_usage.hpp"

#include <algorithm>
#include <utility>

#include "lab/failure.hpp"
#include "lab/text/numbers.hpp"

namespace lab {
namespace {

using pageblock = block_usage::pageblock;

/// Calls `visit(word, bits)` for the bits of some frames of a pageblock, until it says false.
template <class Visit>
bool for_words(std::uint64_t offset, std::uint64_t count, Visit visit) {
    for (const std::uint64_t end = offset + count; offset < end;) {
        const std::uint64_t bit = offset % 64;
        const std::uint64_t length = std::min(64 - bit, end - offset);
        if (!visit(offset / 64, (~std::uint64_t{0} >> (64 - length)) << bit)) return false;
        offset += length;
    }
    return true;
}

bool are_free(const pageblock& block, std::uint64_t offset, std::uint64_t count) {
    return for_words(offset, count, [&](std::uint64_t word, std::uint64_t bits) {
        return (block.free_bits[word] & bits) == bits;
    });
}

bool are_taken(const pageblock& block, std::uint64_t offset, std::uint64_t count) {
    return for_words(offset, count, [&](std::uint64_t word, std::uint64_t bits) {
        return (block.free_bits[word] & bits) == 0;
    });
}

void flip(pageblock& block, std::uint64_t offset, std::uint64_t count) {
    (void)for_words(offset, count, [&](std::uint64_t word, std::uint64_t bits) {
        block.free_bits[word] ^= bits;
        return true;
    });
}

}  // namespace

block_usage::block_usage(const machine& on, std::string allocator) : allocator_(std::move(allocator)) {
    for (const ashlar::zone_description& what : on.zones()) {
        const std::uint64_t first = what.span.first.number >> block_order;
        const std::uint64_t last = (what.span.end().number - 1) >> block_order;
        zones_.push_back({what, std::vector<pageblock>(static_cast<std::size_t>(last - first + 1))});
    }
    (*on.map)->for_each_usable([this](const ashlar::usable_run& run) {
        change(run.frames, [](pageblock& block, std::uint64_t offset, std::uint64_t count) {
            flip(block, offset, count);
            block.present = static_cast<std::uint16_t>(block.present + count);
            block.free = static_cast<std::uint16_t>(block.free + count);
        });
    });
}

void block_usage::take(ashlar::range<> frames, bool movable) {
    change(frames, [&](pageblock& block, std::uint64_t offset, std::uint64_t count) {
        if (!are_free(block, offset, count)) {
            throw failure(allocator_ + ": hands out frames from " + hexadecimal(frames.first.number) +
                          " on, of which some are in use or not there");
        }
        flip(block, offset, count);
        block.free = static_cast<std::uint16_t>(block.free - count);
        if (movable) return;
        (void)for_words(offset, count, [&](std::uint64_t word, std::uint64_t bits) {
            block.unmovable_bits[word] |= bits;
            return true;
        });
    });
}

void block_usage::give(ashlar::range<> frames) {
    change(frames, [&](pageblock& block, std::uint64_t offset, std::uint64_t count) {
        if (!are_taken(block, offset, count) || block.free + count > block.present) {
            throw failure(allocator_ + ": takes back frames from " + hexadecimal(frames.first.number) +
                          " on, of which some are not in use");
        }
        flip(block, offset, count);
        block.free = static_cast<std::uint16_t>(block.free + count);
        (void)for_words(offset, count, [&](std::uint64_t word, std::uint64_t bits) {
            block.unmovable_bits[word] &= ~bits;
            return true;
        });
    });
}

double block_usage::pinned_share() const {
    std::uint64_t pinned = 0;
    std::uint64_t all = 0;
    for (const zone& each : zones_) {
        all += each.blocks.size();
        pinned += static_cast<std::uint64_t>(
            std::count_if(each.blocks.begin(), each.blocks.end(), [](const pageblock& block) {
                return std::any_of(block.unmovable_bits.begin(), block.unmovable_bits.end(),
                                   [](std::uint64_t word) { return word != 0; });
            }));
    }
    return share(pinned, all);
}

double block_usage::whole_share() const {
    return share(whole_ * block_frames, free_);
}

std::size_t block_usage::index_of(std::uint64_t frame) const {
    const auto after =
        std::upper_bound(zones_.begin(), zones_.end(), frame,
                         [](std::uint64_t f, const zone& each) { return f < each.what.span.first.number; });
    if (after == zones_.begin() || frame >= std::prev(after)->what.span.end().number) {
        throw failure(allocator_ + ": hands out frame " + hexadecimal(frame) + ", which is not there");
    }
    return static_cast<std::size_t>(after - zones_.begin()) - 1;
}

/// Calls `one_block(pageblock, offset in it, count)` for each pageblock, and keeps the sums.
template <class Change>
void block_usage::change(ashlar::range<> frames, Change one_block) {
    for (std::uint64_t at = frames.first.number; at < frames.end().number;) {
        zone& in = zones_[index_of(at)];
        const std::uint64_t end = std::min(
            {((at >> block_order) + 1) << block_order, frames.end().number, in.what.span.end().number});
        pageblock& block = in.blocks[(at >> block_order) - (in.what.span.first.number >> block_order)];
        const std::uint16_t free_before = block.free;
        one_block(block, at % block_frames, end - at);
        const std::uint64_t whole_before = free_before == block_frames ? 1 : 0;
        const std::uint64_t whole_now = block.free == block_frames ? 1 : 0;
        in.free_frames += std::uint64_t{block.free} - free_before;
        free_ += std::uint64_t{block.free} - free_before;
        in.whole_blocks += whole_now - whole_before;
        whole_ += whole_now - whole_before;
        at = end;
    }
}

}  // namespace lab
