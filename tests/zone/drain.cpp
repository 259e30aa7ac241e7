// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What other CPUs keep for themselves, when a machine has nothing else, or when frames leave.
#include <ashlar/layer/cpu_magazines.hpp>
#include <ashlar/layer/cpu_rows.hpp>
#include <set>
#include <vector>

#include "zone/machines.hpp"

namespace {

using namespace zone_tests;

/// Three CPUs, of which the test says which one runs.
struct told_cpu : platform {
    static inline cpu_id cpu = 0;
    static inline int depth = 0;
    static inline int calls = 0;
    struct cpu_guard {
        cpu_guard() noexcept { ++depth; }
        ~cpu_guard() { --depth; }
        cpu_guard(const cpu_guard&) = delete;
        cpu_guard& operator=(const cpu_guard&) = delete;
    };
    [[nodiscard]] static cpu_id this_cpu() noexcept { return cpu; }
    [[nodiscard]] static constexpr cpu_id max_cpus() noexcept { return 3; }
    template <class Task>
    static void on_each_cpu(Task&& task) noexcept {
        CHECK(depth == 0);
        ++calls;
        const cpu_id own = cpu;
        for (cpu = 0; cpu < max_cpus(); ++cpu) task();
        cpu = own;
    }
};
using rows = physical_memory<zone<cpu_rows<counted<radix_buddy<told_cpu>>>>>;
using stacks = physical_memory<zone<cpu_magazines<locked<list_buddy<told_cpu>>>>>;

/// 64 MiB on each of two nodes.
struct two_nodes : firmware {
    two_nodes() {
        ram(gibibyte, gibibyte + 64 * mebibyte, 0);
        ram(2 * gibibyte, 2 * gibibyte + 64 * mebibyte, 1);
    }
    static constexpr std::uint64_t frames = 128 * mebibyte >> 12;
};

template <class Memory>
struct running {
    running() {
        told_cpu::cpu = 0;
        told_cpu::calls = 0;
    }
    [[nodiscard]] result<frame<>> allocate_on(cpu_id cpu, request<> wanted = {}) {
        told_cpu::cpu = cpu;
        return ram->allocate(wanted);
    }
    two_nodes machine;
    booted<Memory> ram{machine};
};

TEST_CASE_TEMPLATE("memory is exhausted when all of it is in use, whatever CPUs had kept", memory, rows,
                   stacks) {
    running<memory> on;
    std::set<std::uint64_t> taken;
    const auto take = [&](cpu_id cpu, node_id node) {
        const auto got = on.allocate_on(cpu, {.node = node});
        REQUIRE(got);
        CHECK(taken.insert(got->number).second);
    };
    take(1, 0);
    take(2, 1);
    take(1, 1);
    CHECK(told_cpu::calls == 0);
    told_cpu::cpu = 0;
    while (const auto got = on.ram->allocate({})) CHECK(taken.insert(got->number).second);
    CHECK(taken.size() == two_nodes::frames);
    CHECK(told_cpu::calls == 1);
    // Nobody keeps anything now: nobody is disturbed.
    CHECK(on.ram->allocate({}).error() == errc::exhausted);
    CHECK(told_cpu::calls == 1);
    for (const std::uint64_t each : taken) REQUIRE(on.ram->free({each}, 0) == errc::ok);
    CHECK(on.ram->free_frames() == two_nodes::frames);
    CHECK(on.ram->validate() == errc::ok);
}

TEST_CASE("a large block is put together from what CPUs kept, once, and then it fails") {
    running<rows> on;
    std::vector<frame<>> huge;
    const auto one = on.allocate_on(1);
    const auto other = on.allocate_on(2, {.node = 1});
    REQUIRE((one && other));
    told_cpu::cpu = 0;
    while (const auto got = on.ram->allocate({.order = 9})) huge.push_back(*got);
    CHECK(huge.size() == two_nodes::frames / 512 - 2);
    const int calls = told_cpu::calls;
    REQUIRE(on.allocate_on(1));
    told_cpu::cpu = 0;
    CHECK(on.ram->allocate({.order = 9}).error() == errc::exhausted);
    CHECK(told_cpu::calls == calls + 1);
    CHECK(on.ram->allocate({.order = 9}).error() == errc::exhausted);
    CHECK(told_cpu::calls == calls + 1);
    CHECK(on.ram->allocate({.order = 9, .effort = 0}).error() == errc::limit);
    CHECK(told_cpu::calls == calls + 1);
}

TEST_CASE_TEMPLATE("frames are isolated although other CPUs kept some of them", memory, rows, stacks) {
    running<memory> on;
    const auto used = on.allocate_on(1, {.node = 0});
    REQUIRE(used);
    told_cpu::cpu = 0;
    const range<> all{{gibibyte >> 12}, 64 * mebibyte >> 12};
    CHECK(on.ram->isolate(all) == errc::ok);
    CHECK(told_cpu::calls == 1);
    CHECK(on.ram->offline(all) == errc::busy);
    REQUIRE(on.ram->free(*used, 0) == errc::ok);
    CHECK(on.ram->offline(all) == errc::ok);
}

TEST_CASE_TEMPLATE("frames that are gone are handed out by no CPU", memory, rows, stacks) {
    running<memory> on;
    const auto used = on.allocate_on(1, {.node = 0});
    REQUIRE(used);
    told_cpu::cpu = 0;
    const range<> gone{{gibibyte >> 12}, 64 * mebibyte >> 12};
    REQUIRE(on.ram->revoke(gone));
    told_cpu::cpu = 1;
    while (const auto got = on.ram->allocate({})) CHECK_FALSE(gone.contains(*got));
    CHECK(on.ram->free(*used, 0) == errc::revoked);
    CHECK(on.ram->validate() == errc::ok);
}

}  // namespace
