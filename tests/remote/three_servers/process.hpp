// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <signal.h>
#include <unistd.h>

#include <ashlar/core/errc.hpp>
#include <ashlar/linux_backend/file_descriptor.hpp>
#include <ashlar/linux_backend/mapped_device.hpp>
#include <ashlar/linux_backend/shared_file.hpp>
#include <cstdint>
#include <cstdio>
#include <utility>

#include "remote/three_servers/board.hpp"

namespace three_servers {

using mapped_memory = ashlar::mapped_device<ashlar::shared_file>;

/// The process that plays a server: who it is, and the end that it may meet at any step.
struct process {
    board& shared;
    std::uint32_t self;
    std::uint32_t start;  ///< which start of the server it is, from 1 on
    fate end;
    std::uint64_t seed;
    const int* files;  ///< of each server's memory; and the one that all share
    std::uint64_t steps = 0;

    /// Before each access, and between any two.
    void step() {
        shared.of[self].heartbeat.fetch_add(1, std::memory_order_relaxed);
        if (end.at_step == 0 || (end.while_winding_up && !is_winding_up())) return;
        if (++steps == end.at_step) (void)kill(getpid(), SIGKILL);
    }
    [[nodiscard]] bool is_winding_up() const { return shared.is_winding_up.load() != 0; }
    [[nodiscard]] bool is_alive(std::uint32_t server) const { return shared.of[server].is_alive.load() != 0; }

    void must(bool holds, const char* what) const {
        if (holds) return;
        std::fprintf(stderr, "seed %llu, server %u, start %u: not so: %s\n",
                     static_cast<unsigned long long>(seed), self, start, what);
        _exit(1);
    }
    void must(ashlar::errc answer, const char* what) const {
        if (answer != ashlar::errc::ok) std::fprintf(stderr, "%s: ", ashlar::to_string(answer));
        must(answer == ashlar::errc::ok, what);
    }
    /// `invalid` of a file that was cut.
    ashlar::errc map(std::uint32_t server, mapped_memory& into) const {
        ashlar::shared_file file;
        const ashlar::errc answer = file.adopt(ashlar::file_descriptor(dup(files[server])));
        return answer == ashlar::errc::ok ? into.map(std::move(file)) : answer;
    }
};

}  // namespace three_servers
