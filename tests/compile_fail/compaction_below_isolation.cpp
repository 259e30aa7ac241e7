// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/migrate/compaction.hpp>
#include <ashlar/source/radix_buddy.hpp>

using frames = ashlar::radix_buddy<ashlar::platform>;
ashlar::compaction<frames, 6>* whole = nullptr;
std::size_t words = whole->words({{0}, 1024});
