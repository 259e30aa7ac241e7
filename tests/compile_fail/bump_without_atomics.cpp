// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/source/bump.hpp>

struct bare {
    using space = ashlar::machine;
};

ashlar::bump<bare> source;
