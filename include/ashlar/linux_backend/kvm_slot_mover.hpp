// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/linux_backend/process_pages.hpp>
#include <ashlar/linux_backend/userfault_writers.hpp>

namespace ashlar {

/// Moves frames of a running KVM guest whose memory is a `kvm_memory_slot` over a `process_mapping`: a
/// `frame_mover`. The slot stays, what is mapped under it changes: the guest's frames are pages of the
/// process that has it.
///
/// Why not the slot itself, which KVM lets be deleted and made again elsewhere:
///
/// | while vCPUs run | mapping under the slot | slot deleted, made again |
/// |---|---|---|
/// | loads and stores | wait in their fault | exits for MMIO |
/// | instructions, page tables there | wait in their fault | cannot be served |
/// | locked instructions | atomic | not: emulated as a load and a store |
/// | cost, one frame or 512 | one mmap | two waits for SRCU, some six times that |
/// | slots | one | one for each block that may move |
///
/// So a slot can only be re-pointed with all vCPUs stopped; the mapping is changed under them. KVM drops
/// its translations before the kernel maps anew (MMU notifiers), and a vCPU that comes meanwhile waits.
///
/// Writers are held by userfaultfd: a vCPU that stores sleeps in the kernel. mprotect (`signalled_writers`)
/// would do for a program, but a guest may notice it: KVM_RUN fails with EFAULT, or, where KVM emulates the
/// store, it comes as MMIO; and where KVM walks the guest's page tables itself, an accessed bit that it
/// cannot set is a fault of the guest. So `userfault_writers::holds_kernel()` has to be true.
///
/// Pins: a device that is passed through (VFIO) holds the frames of the whole guest.
///
/// ```
/// ashlar::kvm_memory_slot ram;
/// (void)ram.set(vm, 0, {0}, memory.bytes());       // memory: a process_mapping, page i at frame 0x100 + i
/// ashlar::userfault_writers writers;
/// if (writers.open() != ashlar::errc::ok || !writers.holds_kernel()) return;
/// ashlar::kvm_slot_mover<> mover(memory, writers);
/// (void)mover.move({0x100}, {0x200}, 0);           // under running vCPUs
/// ```
template <class Pinned = nothing_is_pinned>
using kvm_slot_mover = process_page_mover<userfault_writers, Pinned>;

}  // namespace ashlar
