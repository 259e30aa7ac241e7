// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace bench {

/// boot/SIZE: a machine booted from its map. Counters: `metadata_bytes` in all, and `bits_per_frame`, what
/// the radix words take of them for each spanned frame.
void register_boots();

/// remap/STRUCTURE/WORKLOAD/ENTRIES: where a frame lies, of a TiB of which ENTRIES frames are remapped.
/// Counter: `bytes`, those of the structure.
///
/// | part | values |
/// |---|---|
/// | structure | `remap_table`, `remap_hash`: the library's |
/// |           | `upper_bound`, `map`, `eytzinger`, `radix`: what else one would take |
/// | workload  | `not_remapped`: anywhere, one frame of a hundred is remapped; `hit`: each is |
/// |           | `local`: 64 in a row in a pageblock that has a remapped frame, then in another one |
/// |           | `with_writer`: as `not_remapped`, while a thread changes a mapping each millisecond |
void register_remap();

/// remote/hit/STRUCTURE: 64 blocks of a peer have a window each; the address of one is made accessible, and
/// let go.
///
/// | structure | |
/// |---|---|
/// | `window_cache` | the library's: a pin, its local address, and its release |
/// | `map_mutex` | a `std::map` behind a mutex, and a count that is held meanwhile |
/// | `map_mutex_once` | the look-up alone: nothing holds the window |
/// | `identity_window` | where the window covers everything |
///
/// remote/identity/ACCESS/UNIT: words of 64 MiB are added up, once as they are mapped, and through an
/// identity window over the same mapping. For each word, also where UNIT is `page`.
///
/// | access | |
/// |---|---|
/// | `raw` | the mapping |
/// | `local_of` | its local address by the window, which is asked once for 4,096 whether the link is up |
/// | `pin` | a pin, its local address before and after the access, its release |
///
/// | unit | |
/// |---|---|
/// | `word` | a word anywhere |
/// | `page` | the 512 words of a page anywhere, under one pin |
void register_remote();

/// move/MOVER/order:N: a block of a program's memory moves from a memory file to another one, of 32 MiB, with
/// nobody else writing. Counter: `frames_per_second`. Under Linux alone, and where the kernel lets it.
///
/// | mover | writers are held by |
/// |---|---|
/// | `process_page` | userfaultfd |
/// | `process_page_signalled` | mprotect, and a handler of SIGSEGV |
/// | `kvm_page` | as `process_page`; the memory is a KVM machine's slot, whose vCPUs do not run |
void register_linux_movers();

/// move/WHAT/order:0: frames of 4 KiB that are in no cache move within a bank of 1 GiB, by the plain copy.
/// `evacuation`: a range is emptied; `promotion`: a tenant goes into mirrored memory and back; `memcpy`: the
/// same copies and no more. Counter: `frames_per_second`.
void register_movers();

/// WORKLOAD/SOURCE/CONTRACT/order:N/threads:N, and without `order` where orders are mixed.
///
/// | part | values |
/// |---|---|
/// | workload | `bulk`: half of the memory is allocated block by block, then freed in the same order |
/// |          | `same`: one block is allocated and freed again and again, in memory that is free otherwise |
/// |          | `random`: half of the memory is allocated, then freed in any order by any thread |
/// |          | `churn`: half (load:50) or most (load:90) is allocated; one goes in any order, one comes |
/// |          | `batch`: 64 blocks are allocated at once and freed at once, where there are such verbs |
/// |          | `batch_one_by_one`: the same, block by block |
/// |          | `mixed`: as `churn` with orders 0 to 9, small ones more often |
/// |          | `handover`: one thread allocates, another one frees |
/// |          | `trace`: what a kernel did (with --trace), as fast as it goes |
/// |          | `fail`: a request that nothing can serve (with --sizes) |
/// | source   | `radix`, `list`, `peer:NAME` |
/// |          | only `same`: `zone`, a zone of `radix`, and `machine`, a machine of one such zone |
/// | contract | `exclusive`, `shared`: a slot a thread, or a CPU behind a try-lock; of `cpu_rows` around |
/// |          | `radix`, of `cpu_magazines` (what Linux does) around one lock and `list` |
/// |          | `guarded`: exclusive, and each verb saves and restores the flags of the CPU (x86-64) |
/// |          | `direct`: no slots and no lock; `locked`: one lock around the source |
/// |          | a peer has none: it is told CPU numbers, a thread each |
/// | memory   | with --sizes: how much there is in all, of which 256 pageblocks here and there are free |
///
/// Time is that of an allocation and its free together (`trace`: of one event); the column CPU is what one
/// thread spends on it. Threads share the memory. `bulk`, `same` and `random` are those of Wrenger et al.,
/// LLFree (USENIX ATC 2023), with its parameters. Counters:
///
/// | counter | of | meaning |
/// |---|---|---|
/// | `allocate_ns`, `free_ns` | `bulk`, `random` | the two apart, in processor time of a thread |
/// | `whole_blocks_share` | `churn`, `mixed`, `trace` | of what is free at the end, what is in whole blocks |
/// | `worst_ns`, `p9999_ns` | with --each | the longest operation, and what 99.99 % took at most |
/// | `next_ns`, `sections`, `section_ns` | `fail` | see there |
///
/// Whole blocks are pageblocks that are all free; what CPUs' slots hold counts as free. Single operations are
/// timed by the clock on the wall, with reading it: a thread that was preempted counts, so take the least of
/// several repetitions.
struct plan;
void register_row_sources(const plan& what);
void register_list_sources(const plan& what);
void register_machine(const plan& what);
void register_peers(const plan& what);

}  // namespace bench
