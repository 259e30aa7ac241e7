// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/ashlar.hpp>

const unsigned* version_of_other_unit() {
    return &ashlar::version_major;
}
