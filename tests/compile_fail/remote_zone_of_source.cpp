// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/remote/identity_window.hpp>
#include <ashlar/remote/remote_zone.hpp>
#include <ashlar/source/list_buddy.hpp>

ashlar::remote_zone<ashlar::list_buddy<ashlar::platform>, ashlar::identity_window<>> zone;
