// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

namespace ashlar {

/// Where a re-aiming is: what the next step does.
enum class reaim_step : std::uint8_t {
    idle,       ///< nothing begun, or ended
    drain,      ///< wait for the pins
    fence,      ///< store fence
    flush,      ///< read back through the windows: stores that are posted have arrived where they were sent
    disable,    ///< close them in the bridge, and see that they are closed
    write,      ///< the translation
    verify,     ///< read it back: a bridge drops bits that it has not
    enable,     ///< open them
    confirm,    ///< read back that they are open, and that the peer is there
    publish,    ///< a new generation, or none
    take_back,  ///< it failed: close them in the bridge
};

}  // namespace ashlar
