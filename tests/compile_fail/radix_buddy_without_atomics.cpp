// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/source/radix_buddy.hpp>

struct bare {
    using space = ashlar::machine;
};

ashlar::radix_buddy<bare> source;
