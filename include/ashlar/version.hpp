// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace ashlar {

/// The version. The interface is stable within one major version, from 1.0.0 on (semantic versioning).
inline constexpr unsigned version_major = 0;
inline constexpr unsigned version_minor = 1;
inline constexpr unsigned version_patch = 0;

}  // namespace ashlar
