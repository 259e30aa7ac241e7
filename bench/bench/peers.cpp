// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <memory>

#include "bench/registry.hpp"
#include "bench/timed_subject.hpp"
#include "bench/workload/whole_frees.hpp"
#include "bench/workloads.hpp"
#include "peer/load_peer.hpp"

namespace bench {

void register_peers(const plan& what) {
    plan whole = what;
    if (what.events != nullptr)
        whole.events = std::make_shared<const lab::operation_list>(with_whole_frees(*what.events));
    for (const std::string& path : what.wanted.peers) {
        const auto library = std::make_shared<peer_library>(load_peer(path));
        add_subject<peer_subject>(
            "peer:" + library->name,
            [library](std::uint64_t frames, unsigned cpus) {
                return std::make_shared<peer_subject>(*library, frames, cpus);
            },
            whole);
    }
}

void add_timed(const std::string& name, const make_any_subject& make, const plan& what, extent which) {
    const registry<timed_subject> workloads(
        name,
        [make](std::uint64_t frames, unsigned cpus) {
            return std::make_shared<timed_subject>(make(frames, cpus), cpus);
        },
        what);
    which == extent::same ? workloads.add_same() : workloads.add_all();
}

}  // namespace bench
