// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace ashlar {

/// The interface is stable within one major version, from 1.0.0 on (semantic versioning).
inline constexpr unsigned version_major = 0;
inline constexpr unsigned version_minor = 1;  ///< counts additions; before 1.0.0 any change
inline constexpr unsigned version_patch = 0;  ///< counts corrections

}  // namespace ashlar
