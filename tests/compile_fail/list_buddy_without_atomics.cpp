// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/source/list_buddy.hpp>

struct bare {
    using space = ashlar::machine;
};

ashlar::list_buddy<bare> source;
