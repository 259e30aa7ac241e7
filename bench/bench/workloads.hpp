// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace bench {

/// boot/SIZE: a machine booted from its map. Counters: `metadata_bytes` in all, and `bits_per_frame`, what
/// the radix words take of them for each spanned frame.
void register_boots();

/// WORKLOAD/SOURCE/CONTRACT/order:N/threads:N
///
/// | part | values |
/// |---|---|
/// | workload | `bulk`: half of the memory is allocated block by block, then freed in the same order |
/// |          | `same`: one block is allocated and freed again and again, in memory that is free otherwise |
/// | source   | `radix`, `list` |
/// | contract | `exclusive`, `shared`: `cpu_rows`, a slot a thread, or a CPU behind a try-lock |
/// |          | `direct`: no slots and no lock; `locked`: one lock around the source |
///
/// Time is that of an allocation and its free together; the column CPU is what one thread spends on it.
/// `bulk` has counters that tell the two apart, `allocate_ns` and `free_ns`, in CPU time too. Half of the
/// memory is shared among the threads.
void register_allocations();

}  // namespace bench
