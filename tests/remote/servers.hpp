// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/remote/identity_window.hpp>
#include <ashlar/remote/remote_space.hpp>
#include <cstdint>
#include <functional>
#include <map>

namespace remote_tests {

using namespace ashlar;

/// The memory of several servers, word by word, as one of them reads it through its windows. What nobody
/// wrote is all ones, as a bus has it.
struct servers_memory {
    std::map<server_id, std::map<std::uint64_t, std::uint64_t>> words;
    /// Where a local address arrives.
    std::function<std::pair<server_id, std::uint64_t>(std::uint64_t)> route;
    std::map<server_id, bool> is_dead;
    std::uint64_t loads = 0;
    std::uint64_t last = 0;  ///< the local address of the last load
    std::uint64_t asked = 0;

    [[nodiscard]] result<std::uint64_t> load(byte_address<machine> at) noexcept {
        ++loads;
        last = at.value;
        if (at.value % 8 != 0) return errc::misaligned;
        const auto [server, address] = route(at.value);
        if (is_dead[server]) return ~std::uint64_t{0};
        const auto found = words[server].find(address);
        return found == words[server].end() ? ~std::uint64_t{0} : found->second;
    }
    [[nodiscard]] bool is_alive(server_id server) noexcept {
        ++asked;
        return !is_dead[server];
    }
};
static_assert(remote_access<servers_memory>);

inline constexpr server_id server_l = 1;
inline constexpr server_id server_m = 2;
inline constexpr server_id server_d = 3;

/// The three servers of the specification, as L sees them.
struct three_servers {
    servers_memory memory;
    identity_window<> l_to_m{{{0}, std::uint64_t{4} << 30}, {0x40'0000'0000}};
    identity_window<> l_to_d{{{0x1'0000'0000}, 1 << 30}, {0x42'0000'0000}};
    identity_window<> d_to_m{{{0}, std::uint64_t{4} << 30}, {0x60'0000'0000}};
    memory_home homes[2] = {{{{0x1000'0000}, 0x1000'0000}, server_l},
                            {{{0x7000'0000}, 0x1000'0000}, server_m}};
    device_home devices[1] = {{{{0xd000'0000}, 0x1000}, server_d, {0x1'0010'0000}}};
    distribution_map<memory_home> memory_map;
    distribution_map<device_home> device_map;
    byte_range<peer> declared[1] = {{{0}, 0x8000'0000}};
    remote_server<identity_window<>> seen[3] = {
        {server_l, {{0x5000}, {0x10000}, 0x100}, declared, nullptr, nullptr},
        {server_m, {{0x20'0000}, {0x70000}, 0x10000}, declared, &l_to_m, nullptr},
        {server_d, {}, {}, &l_to_d, nullptr}};

    three_servers() {
        (void)memory_map.attach(homes);
        (void)device_map.attach(devices);
        memory.words[server_m][0x20'0000] = 0x345;
        memory.words[server_m][0x20'0008] = 0x346;
        memory.words[server_m][0x20'0010] = 0x111;
        memory.words[server_m][0x20'0020] = 0x80000;  // beyond the declared memory
        memory.words[server_l][0x5000] = 0x77;
        memory.route = [](std::uint64_t local) -> std::pair<server_id, std::uint64_t> {
            if (local >= 0x42'0000'0000) return {server_d, local - 0x42'0000'0000 + 0x1'0000'0000};
            if (local >= 0x40'0000'0000) return {server_m, local - 0x40'0000'0000};
            return {server_l, local};
        };
    }
    using space_type = remote_space<flat_p2m<>, identity_window<>, servers_memory>;
    [[nodiscard]] space_type space() { return {server_l, memory_map, device_map, seen, memory}; }
};

}  // namespace remote_tests
