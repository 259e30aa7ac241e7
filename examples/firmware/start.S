# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# OpenSBI enters here on one hart, in supervisor mode, without translation: a0 = hart, a1 = device tree.
    .section .boot, "ax"
    .global _start
_start:
    la t0, on_trap
    csrw stvec, t0
    la t0, bss_begin
    la sp, stack_top
1:  sd zero, 0(t0)
    addi t0, t0, 8
    bltu t0, sp, 1b
    tail run
    .align 2
on_trap:
    la sp, stack_top
    csrr a0, scause
    csrr a1, sepc
    tail trapped
