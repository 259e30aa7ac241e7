// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What Linux does: lists under one lock, and stacks of small blocks for each CPU.
#include <ashlar/layer/cpu_magazines.hpp>
#include <ashlar/layer/locked.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <thread>

#include "bench/registry.hpp"
#include "bench/workloads.hpp"

namespace bench {
namespace {

struct hosted : ashlar::platform {
    /// A thread that waits for a lock lets the holder run.
    static void relax() noexcept { std::this_thread::yield(); }
};
template <class Platform>
using locked_list = ashlar::locked<ashlar::list_buddy<Platform>>;

}  // namespace

void register_list_sources(const plan& what) {
    using shared = ashlar::cpu_magazines<locked_list<each_cpu>,
                                         ashlar::magazine_shape{.contract = ashlar::slot_contract::shared}>;
    add_source<ashlar::cpu_magazines<locked_list<each_thread>>>("list/exclusive", what);
    add_source<shared>("list/shared", what);
    add_source<locked_list<hosted>>("list/locked", what);
}

}  // namespace bench
