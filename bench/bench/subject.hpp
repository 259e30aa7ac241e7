// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bulk.hpp>
#include <ashlar/core/source.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "peer/peer_subject.hpp"

namespace bench {

/// A source of the library over storage of its own, with all its frames free. Calls of its verbs are compiled
/// into the workloads.
template <class Source>
class source_subject {
 public:
    source_subject(std::uint64_t frames, unsigned)
        : managed_{{std::uint64_t{1} << 20}, frames}, words_(Source::metadata_words(managed_)) {
        if (source_.attach(managed_, words_.words(), ashlar::start::fresh) != ashlar::errc::ok ||
            source_.online(managed_) != ashlar::errc::ok) {
            throw std::runtime_error("the source does not start");
        }
    }
    [[nodiscard]] std::uint64_t allocate(unsigned, unsigned order) {
        const auto got = source_.allocate({.order = order});
        return got ? got->number : no_block;
    }
    [[nodiscard]] bool free(unsigned, std::uint64_t first, unsigned order) {
        return source_.free({first}, order) == ashlar::errc::ok;
    }
    /// All of so many blocks. Frames are the numbers of blocks.
    template <std::size_t Count, ashlar::bulk_source Bulk = Source>
    [[nodiscard]] bool allocate_bulk(std::uint64_t (&blocks)[Count], unsigned order) {
        ashlar::frame<> got[Count];
        if (source_.allocate_bulk({.order = order}, ashlar::view<ashlar::frame<>>(got)).count != Count)
            return false;
        for (std::size_t i = 0; i < Count; ++i) blocks[i] = got[i].number;
        return true;
    }
    template <std::size_t Count, ashlar::bulk_source Bulk = Source>
    [[nodiscard]] bool free_bulk(const std::uint64_t (&blocks)[Count], unsigned order) {
        ashlar::frame<> freed[Count];
        for (std::size_t i = 0; i < Count; ++i) freed[i] = {blocks[i]};
        return source_.free_bulk(ashlar::view<const ashlar::frame<>>(freed), order).error == ashlar::errc::ok;
    }
    /// All frames are free, and nothing is damaged.
    [[nodiscard]] bool is_whole() const {
        return free_frames() == managed_.count && source_.validate() == ashlar::errc::ok;
    }
    [[nodiscard]] std::uint64_t free_frames() const { return source_.free_frames(); }

    [[nodiscard]] Source& source() { return source_; }
    [[nodiscard]] ashlar::range<> managed() const { return managed_; }

 private:
    ashlar::range<> managed_;
    ashlar::testing::word_buffer<typename Source::word> words_;  // CPUs share no line by accident
    Source source_{};
};

}  // namespace bench
