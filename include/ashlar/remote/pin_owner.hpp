// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

namespace ashlar {

/// Who holds a window in place, and so for how long: whoever needs a window waits for processors, not for
/// what a device decides.
enum class pin_owner : std::uint8_t {
    cpu,     ///< a processor that reads or writes, and is soon done
    dma,     ///< a transfer that was started, until it completes
    device,  ///< a device that keeps the address: queues, doorbells
};

}  // namespace ashlar
