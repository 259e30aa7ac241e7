// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/ashlar.hpp>

#if !defined(linux)
#error "a consumer with GNU extensions is what is built here"
#endif

const unsigned* version_of_other_unit();

int main() {
    return version_of_other_unit() == &ashlar::version_major ? 0 : 1;
}
