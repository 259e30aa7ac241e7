// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "bench/options.hpp"

namespace bench {

/// boot/SIZE: a machine booted from its map. Counters: `metadata_bytes` in all, and `bits_per_frame`, what
/// the radix words take of them for each spanned frame.
void register_boots();

/// WORKLOAD/SOURCE/CONTRACT/order:N/threads:N, and without `order` where orders are mixed.
///
/// | part | values |
/// |---|---|
/// | workload | `bulk`: half of the memory is allocated block by block, then freed in the same order |
/// |          | `same`: one block is allocated and freed again and again, in memory that is free otherwise |
/// |          | `random`: half of the memory is allocated, then freed in any order by any thread |
/// |          | `churn`: half (load:50) or most (load:90) is allocated; one goes in any order, one comes |
/// |          | `mixed`: the same with orders 0 to 9, small ones more often |
/// |          | `handover`: one thread allocates, another one frees |
/// |          | `trace`: what a kernel did (with --trace), as fast as it goes |
/// | source   | `radix`, `list`, `peer:NAME` |
/// | contract | `exclusive`, `shared`: a slot a thread, or a CPU behind a try-lock; of `cpu_rows` around |
/// |          | `radix`, of `cpu_magazines` (what Linux does) around one lock and `list` |
/// |          | `direct`: no slots and no lock; `locked`: one lock around the source |
/// |          | a peer has none: it is told CPU numbers, a thread each |
///
/// Time is that of an allocation and its free together (`trace`: of one event); the column CPU is what one
/// thread spends on it. `bulk` and `random` have counters that tell the two apart, `allocate_ns` and
/// `free_ns`, in processor time of a thread. Threads share the memory. The first three are those of
/// Wrenger et al., LLFree (USENIX ATC 2023), with its parameters.
void register_allocations(const options& wanted);

}  // namespace bench
