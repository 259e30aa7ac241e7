// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "peer/peer.h"

namespace bench {

constexpr std::uint64_t no_block = ASHLAR_PEER_NONE;

/// A source of the library over storage of its own, with all its frames free. Calls of its verbs are compiled
/// into the workloads.
template <class Source>
class source_subject {
 public:
    source_subject(std::uint64_t frames, unsigned)
        : managed_{{std::uint64_t{1} << 20}, frames}, words_(Source::metadata_words(managed_)) {
        if (source_.attach(managed_, {words_.data(), words_.size()}, ashlar::start::fresh) !=
                ashlar::errc::ok ||
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
    /// All frames are free again, and nothing is damaged.
    [[nodiscard]] bool is_whole() const {
        return source_.free_frames() == managed_.count && source_.validate() == ashlar::errc::ok;
    }

 private:
    ashlar::range<> managed_;
    std::vector<typename Source::word> words_;
    Source source_{};
};

/// The functions of a library that was loaded. The library stays loaded.
struct peer_library {
    std::string name;
    decltype(&ashlar_peer_create) create = nullptr;
    decltype(&ashlar_peer_destroy) destroy = nullptr;
    decltype(&ashlar_peer_allocate) allocate = nullptr;
    decltype(&ashlar_peer_free) free = nullptr;
    decltype(&ashlar_peer_free_count) free_count = nullptr;
};
/// Throws `std::runtime_error` with a sentence.
[[nodiscard]] peer_library load_peer(const std::string& path);

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
    [[nodiscard]] bool is_whole() const { return library_->free_count(peer_) == frames_; }

 private:
    const peer_library* library_;
    void* peer_;
    std::uint64_t frames_;
};

}  // namespace bench
