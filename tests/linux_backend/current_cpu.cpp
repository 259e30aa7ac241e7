// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Run twice: as programs run, and with the C library told to register no restartable sequences.
#include <doctest/doctest.h>

#include <sched.h>

#include <ashlar/linux_backend/current_cpu.hpp>
#include <ashlar/linux_backend/user_platform.hpp>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace {

bool is_told_not_to_register() {
    const char* const tunables = std::getenv("GLIBC_TUNABLES");
    return tunables != nullptr && std::strstr(tunables, "glibc.pthread.rseq=0") != nullptr;
}

std::vector<int> allowed_cpus() {
    cpu_set_t allowed;
    REQUIRE(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    std::vector<int> cpus;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(static_cast<std::size_t>(cpu), &allowed)) cpus.push_back(cpu);
    }
    return cpus;
}
void move_to(int cpu) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(cpu), &one);
    REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
}

void knows_where_it_is() {
    const std::vector<int> cpus = allowed_cpus();
    REQUIRE_FALSE(cpus.empty());
    for (int round = 0; round < 3; ++round) {
        for (const int cpu : cpus) {
            move_to(cpu);
            CHECK(ashlar::current_cpu() == cpu);
            CHECK(ashlar::cpu_platform<CPU_SETSIZE>::this_cpu() == static_cast<ashlar::cpu_id>(cpu));
            // A number that has no slot is told, not made fit.
            CHECK(ashlar::cpu_platform<1>::this_cpu() == static_cast<ashlar::cpu_id>(cpu));
            const int registered = ashlar::detail::registered_cpu();
            if (is_told_not_to_register()) {
                CHECK(registered < 0);
            } else if (registered >= 0) {
                CHECK(registered == cpu);
            }
        }
    }
}

TEST_CASE("a thread that is moved knows its CPU") {
    std::thread(knows_where_it_is).join();
    std::thread(knows_where_it_is).join();
}

TEST_CASE("the kernel tells it without a call, where the C library has that") {
#if defined(RSEQ_SIG)
    if (is_told_not_to_register()) return;
    CHECK((ashlar::detail::registered_cpu() >= 0) == (__rseq_size != 0));
#endif
}

}  // namespace
