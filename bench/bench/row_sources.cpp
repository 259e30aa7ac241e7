// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/source/radix_buddy.hpp>

#include "bench/registry.hpp"
#include "bench/workloads.hpp"

namespace bench {

void register_row_sources(const plan& what) {
    using shared = ashlar::cpu_rows<ashlar::radix_buddy<each_cpu>,
                                    ashlar::rows_shape{.contract = ashlar::slot_contract::shared}>;
    add_source<ashlar::cpu_rows<ashlar::radix_buddy<each_thread>>>("radix/exclusive", what);
#ifdef __x86_64__
    add_source<ashlar::cpu_rows<ashlar::radix_buddy<each_thread_guarded>>>("radix/guarded", what);
#endif
    add_source<shared>("radix/shared", what);
    add_source<ashlar::radix_buddy<ashlar::platform>>("radix/direct", what);
}

}  // namespace bench
