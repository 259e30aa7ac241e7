// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <stdexcept>

#include "peer/load_peer.hpp"

namespace bench {

constexpr std::uint64_t no_block = ASHLAR_PEER_NONE;

/// An allocator behind the interface of peers.
class peer_subject {
 public:
    peer_subject(const peer_library& library, std::uint64_t frames, unsigned cpus)
        : library_(&library), peer_(library.create(frames, cpus)), frames_(frames) {
        if (peer_ == nullptr) throw std::runtime_error("peer " + library.name + " does not start");
    }
    ~peer_subject() { library_->destroy(peer_); }
    peer_subject(const peer_subject&) = delete;
    peer_subject& operator=(const peer_subject&) = delete;

    [[nodiscard]] std::uint64_t allocate(unsigned cpu, unsigned order) {
        return library_->allocate(peer_, cpu, order);
    }
    [[nodiscard]] bool free(unsigned cpu, std::uint64_t first, unsigned order) {
        return library_->free(peer_, cpu, first, order) == 0;
    }
    [[nodiscard]] bool is_whole() const { return free_frames() == frames_; }
    [[nodiscard]] std::uint64_t free_frames() const { return library_->free_count(peer_); }

 private:
    const peer_library* library_;
    void* peer_;
    std::uint64_t frames_;
};

}  // namespace bench
