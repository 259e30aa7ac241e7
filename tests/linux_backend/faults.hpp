// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>

/// What a fault ends in, instead of the program.
struct caught_fault {
    static inline sigjmp_buf back;
    static inline thread_local bool expected = false;

    static void on_fault(int number) {
        if (expected) siglongjmp(back, number);
        signal(number, SIG_DFL);
    }
};

/// The signal that `run` dies of; 0 if it does not. What it has on the stack is not destroyed.
template <class Run>
int signal_of(const Run& run) {
    struct sigaction ours {};
    ours.sa_handler = &caught_fault::on_fault;
    ours.sa_flags = SA_NODEFER;
    struct sigaction before[2];
    REQUIRE(sigaction(SIGSEGV, &ours, &before[0]) == 0);
    REQUIRE(sigaction(SIGBUS, &ours, &before[1]) == 0);
    caught_fault::expected = true;
    const int number = sigsetjmp(caught_fault::back, 1);
    if (number == 0) run();
    caught_fault::expected = false;
    REQUIRE(sigaction(SIGSEGV, &before[0], nullptr) == 0);
    REQUIRE(sigaction(SIGBUS, &before[1], nullptr) == 0);
    return number;
}

/// A load and a store.
inline void touch(std::byte* at) {
    volatile std::byte* const one = at;
    *one = *one;
}

/// How a process ends that does this, and nothing else: a wait status.
template <class Run>
int end_of(const Run& run) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) _exit(run());
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return status;
}
inline bool dies_of(int status, int number) {
    return WIFSIGNALED(status) && WTERMSIG(status) == number;
}
