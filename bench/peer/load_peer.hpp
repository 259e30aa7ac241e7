// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "peer/peer.h"

namespace bench {

/// The functions of a library that was loaded. The library stays loaded.
struct peer_library {
    std::string name;  ///< that of its file, without its ending
    decltype(&ashlar_peer_create) create = nullptr;
    decltype(&ashlar_peer_destroy) destroy = nullptr;
    decltype(&ashlar_peer_allocate) allocate = nullptr;
    decltype(&ashlar_peer_free) free = nullptr;
    decltype(&ashlar_peer_free_count) free_count = nullptr;
};

/// Throws `std::runtime_error` with a sentence.
[[nodiscard]] peer_library load_peer(const std::string& path);

}  // namespace bench
