// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ashlar/linux_backend/file_descriptor.hpp>
#include <ashlar/linux_backend/mapped_region.hpp>
#include <cstdint>
#include <memory>
#include <new>

#include "remote/three_servers/server.hpp"

namespace three_servers {

/// What becomes of a server that has died, and of its memory.
enum class aftermath {
    cut,           ///< its memory is gone: bus errors
    silent,        ///< its memory is there; only its heart stands still
    starts_again,  ///< it starts again over its old memory
    fresh,         ///< its memory goes, comes back empty, and it starts again
};

/// Starts the three, lets one of them die, and says what became of all.
class rig {
 public:
    explicit rig(std::uint64_t seed) : seed_(seed) {
        for (std::uint32_t i = 0; i <= servers; ++i) {
            files_[i] = ashlar::file_descriptor(memfd_create("memory of a server", MFD_CLOEXEC));
            numbers_[i] = files_[i].number();
            resize(i, i == servers ? shared_bytes : memory_bytes);
        }
        has_failed_ = has_failed_ || page_.map_file(numbers_[servers], 0, shared_bytes) != ashlar::errc::ok;
        if (!has_failed_) shared_ = new (page_.bytes().data()) board{};
    }
    rig(const rig&) = delete;
    rig& operator=(const rig&) = delete;
    ~rig() { abandon(); }

    [[nodiscard]] board& shared() { return *shared_; }
    /// Something that no server should have done; it has said what.
    [[nodiscard]] bool has_failed() const { return has_failed_; }
    [[nodiscard]] std::uint32_t starts(std::uint32_t server) const { return starts_[server]; }

    void start(std::uint32_t server, fate end) {
        line_of_server& line = shared_->of[server];
        for (std::uint32_t i = 0; i < servers; ++i) {
            line.joined[i].store(0);
            line.is_done[i].store(0);
        }
        line.is_alive.store(1);
        process who{*shared_, server, ++starts_[server], end, seed_, numbers_};
        const pid_t parent = ::getpid();
        pids_[server] = ::fork();
        if (pids_[server] != 0) {
            has_failed_ = has_failed_ || pids_[server] < 0;
            return;
        }
        (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(1);
        {
            const auto playing = std::make_unique<three_servers::server>(who);
            playing->run();
        }
        ::_exit(0);
    }
    void end(std::uint32_t server) { (void)::kill(pids_[server], SIGKILL); }
    void wind_up() { shared_->is_winding_up.store(1); }

    /// Until that is so, or a server has failed.
    template <class Condition>
    void wait_until(Condition is_so) {
        while (!has_failed_ && !is_so()) {
            reap();
            ::usleep(100);
        }
    }
    /// It has ended by itself or was killed.
    [[nodiscard]] bool has_ended(std::uint32_t server) const { return pids_[server] == 0; }
    [[nodiscard]] bool was_killed(std::uint32_t server) const { return was_killed_[server]; }

    /// After its death: see `aftermath`. The news of it, and what becomes of its memory.
    void bury(std::uint32_t server, aftermath what) {
        shared_->of[server].is_alive.store(0);
        if (what == aftermath::cut || what == aftermath::fresh) resize(server, 0);
        if (what == aftermath::fresh) resize(server, memory_bytes);
    }

 private:
    void resize(std::uint32_t server, std::uint64_t bytes) {
        has_failed_ = has_failed_ || ::ftruncate(numbers_[server], static_cast<off_t>(bytes)) != 0;
    }
    void reap() {
        for (std::uint32_t i = 0; i < servers; ++i) {
            int status = 0;
            if (pids_[i] == 0 || ::waitpid(pids_[i], &status, WNOHANG) != pids_[i]) continue;
            pids_[i] = 0;
            was_killed_[i] = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
            has_failed_ =
                has_failed_ || (!was_killed_[i] && (!WIFEXITED(status) || WEXITSTATUS(status) != 0));
        }
    }
    void abandon() {
        for (pid_t& pid : pids_) {
            if (pid <= 0) continue;
            (void)::kill(pid, SIGKILL);
            (void)::waitpid(pid, nullptr, 0);
            pid = 0;
        }
    }

    std::uint64_t seed_;
    ashlar::file_descriptor files_[servers + 1]{};  ///< the last one is shared by all
    int numbers_[servers + 1]{};
    ashlar::mapped_region page_{};
    board* shared_ = nullptr;
    pid_t pids_[servers]{};
    bool was_killed_[servers]{};
    std::uint32_t starts_[servers]{};
    bool has_failed_ = false;
};

}  // namespace three_servers
