// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What ashlar-bench and ashlar-lab ask of an allocator that they load: --peer FILE.so, FILE.so being a shared
// library with these five functions. C, so that any allocator can be given this face in a few lines.
#ifndef ASHLAR_PEER_H
#define ASHLAR_PEER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Nothing to allocate; what no frame has as its number.
#define ASHLAR_PEER_NONE UINT64_MAX

// An allocator of `frames` page frames, all free, for callers that say to be on CPU 0 .. cpus - 1. The
// frames' memory does not exist and must not be touched; which numbers they have is the allocator's affair.
// NULL on failure.
void* ashlar_peer_create(uint64_t frames, uint32_t cpus);

// Nobody is inside any more.
void ashlar_peer_destroy(void* peer);

// The number of the first of 2^order frames, naturally aligned; ASHLAR_PEER_NONE if there is no such block.
// One thread at a time says to be on a CPU.
uint64_t ashlar_peer_allocate(void* peer, uint32_t cpu, uint32_t order);

// Gives a block back, whole and on any CPU. 0 on success.
int ashlar_peer_free(void* peer, uint32_t cpu, uint64_t first, uint32_t order);

// How many frames are free, those that CPUs keep for themselves included. Nobody else is inside.
uint64_t ashlar_peer_free_count(void* peer);

#ifdef __cplusplus
}
#endif

#endif
