// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/zone/tenant.hpp>

struct guest_platform : ashlar::platform {
    using space = ashlar::guest;
};

ashlar::tenant<ashlar::radix_buddy<ashlar::platform>, ashlar::owner_table<guest_platform>> owner;
