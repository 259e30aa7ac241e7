// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/platform.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <ashlar/remote/distribution_map.hpp>
#include <ashlar/remote/p2m_cache.hpp>
#include <ashlar/remote/p2m_format.hpp>
#include <ashlar/remote/p2m_walk.hpp>
#include <ashlar/remote/pin_owner.hpp>
#include <ashlar/remote/scatter_list.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ashlar {

/// How a peer's memory is read, once it has a local address.
///
/// - `load(byte_address<machine>)`: one load of 8 bytes, aligned; `unreadable` and its like where the
///   processor can tell.
/// - `is_alive(server_id)`: the link leads to the server that it led to before: a word there has the value
///   that the server once told (a canary). Asked after each resolving, and when all ones was read, which is
///   also what a dead link reads as.
template <class A>
concept remote_access = requires(A& access, byte_address<machine> at, server_id server) {
    { access.load(at) } -> std::same_as<result<std::uint64_t>>;
    { access.is_alive(server) } -> std::convertible_to<bool>;
};

/// A server as another one sees it. `Windows` is one type for all servers: `window_cache`, `identity_window`,
/// or, where the servers are behind bridges of several kinds, a type of the user's that hands on to whatever
/// leads there: `pin`, `reach` and `epoch`, and for its own pins `is_current`, `is_up` and `unpin`.
///
/// ```
/// // In any_windows, `of` calls a function with that of the caches and fixed windows that this one is:
/// pin_type pin(ashlar::byte_address<ashlar::peer> at, std::uint64_t length, ashlar::pin_owner owner) {
///     return of([&](auto& one) {
///         auto got = one.pin(at, length, owner);
///         const auto local = got.local();
///         if (!local) return pin_type(local.error());
///         got.leave_in_place();                               // from here on it is of the pin that is given
///         return pin_type(*this, got.handle(), *local, length, owner);
///     });
/// }
/// ```
template <class Windows, class Platform = platform>
struct remote_server {
    server_id id = 0;
    p2m_table table{};
    view<const byte_range<peer>> memory{};  ///< what it declares: tables and blocks outside are refused
    Windows* windows = nullptr;            ///< towards it; none: it is this server, whose addresses are local
    p2m_cache<Platform>* cache = nullptr;  ///< of its table, if there is one
};

/// Where something is: on which server, and how many bytes from there on are in a row.
struct home_address {
    server_id server = 0;
    byte_address<peer> at{};
    std::uint64_t bytes = 0;
};

/// A guest's memory and devices, which lie on several servers, as one of them accesses them: a guest's
/// address leads by the distribution maps to its home, there by the P2M, which is read through a window, to a
/// physical address, and by a window to a local one. What is at home on this server needs no window.
///
/// - State: views of what the caller keeps. Complexity: `locate` a look-up and at most `Format::levels` loads
///   through windows; `resolve` that for each block, and a pin for each part in one window.
/// - Context: as pinning windows that have to be aimed. Any number of callers at once.
/// - Failure: `not_distributed` for what is not, or of no server; `unmapped` without a valid entry; `corrupt`
///   for one that leads outside of the declared memory; `not_covered` where no window shows what it leads to;
///   `revoked` if the link is lost, or is not the one that it was; `limit` if the list is full; `busy`, also
///   if the P2M's cache forgot something meanwhile; else as windows say. A list is empty then, and nothing is
///   pinned.
/// - Source: CN103823638.
///
/// ```
/// using space_type = ashlar::remote_space<ashlar::flat_p2m<>, windows, my_access>;
/// const space_type space(self, memory, devices, servers, access);
/// (void)space.resolve({0x7000'0010}, 8, list);     // list.pieces()[0].at is 0x40'0034'5010
/// ```
template <p2m_format Format, class Windows, remote_access Access, class Platform = platform>
class remote_space {
 public:
    using server = remote_server<Windows, Platform>;
    using list_type = scatter_list<typename Windows::pin_type>;

    constexpr remote_space(server_id self, const distribution_map<memory_home>& memory,
                           const distribution_map<device_home>& devices, view<const server> servers,
                           Access& access) noexcept
        : self_(self), memory_(memory), devices_(devices), servers_(servers), access_(&access) {}

    /// Where an address is at home. A window is only used to read the table.
    [[nodiscard]] constexpr result<home_address> locate(byte_address<guest> at) const noexcept {
        if (const device_home* const device = devices_.find(at); device != nullptr) {
            const std::uint64_t offset = at.value - device->covered.first.value;
            return home_address{device->server, device->at + offset, device->covered.bytes - offset};
        }
        const memory_home* const home = memory_.find(at);
        if (home == nullptr) return errc::not_distributed;
        const server* const there = find(home->server);
        if (there == nullptr) return errc::not_distributed;
        const std::uint64_t left = home->covered.bytes - (at.value - home->covered.first.value);
        return translate(*there, at, left);
    }

    /// Makes `length` bytes accessible: adds pieces to the list, which was empty. `invalid` for no bytes, a
    /// range that wraps, or a list that is not empty.
    constexpr errc resolve(byte_address<guest> at, std::uint64_t length, list_type& list,
                           pin_owner owner = pin_owner::cpu) const noexcept {
        if (byte_range<guest>{at, length}.empty() || byte_range<guest>{at, length}.wraps())
            return errc::invalid;
        if (!list.pieces().empty()) return errc::invalid;
        const std::uint32_t before = stamp();
        errc answer = errc::ok;
        while (length != 0 && answer == errc::ok) {
            result<home_address> home = locate(at);
            if (!home) {
                answer = home.error();
                break;
            }
            const std::uint64_t part = home->bytes < length ? home->bytes : length;
            answer = pin(home_address{home->server, home->at, part}, list, owner);
            at = at + part;
            length -= part;
        }
        if (answer == errc::ok) answer = check(list, before);
        if (answer != errc::ok) list.clear();
        return answer;
    }

    /// Adds what lies in a row at home to the list, as it is accessed from here.
    constexpr errc pin(home_address home, list_type& list, pin_owner owner) const noexcept {
        const server* const there = find(home.server);
        if (there == nullptr) return errc::not_distributed;
        if (there->windows == nullptr) return list.add({{home.at.value}, home.bytes, home.server, home.at});
        while (home.bytes != 0) {
            const std::uint64_t reach = there->windows->reach(home.at);
            if (reach == 0) return errc::not_covered;
            const std::uint64_t part = reach < home.bytes ? reach : home.bytes;
            auto pin = there->windows->pin(home.at, part, owner);
            if (!pin) return pin.error();
            const auto local = pin.local();
            if (!local) return local.error();
            const errc answer = list.add({*local, part, home.server, home.at}, std::move(pin));
            if (answer != errc::ok) return answer;
            home.at = home.at + part;
            home.bytes -= part;
        }
        return errc::ok;
    }

    /// Another number whenever a link went or came, or the cache of a P2M forgot something: what was located
    /// before counts no more. May also change back, after 2^32 such events.
    [[nodiscard]] constexpr std::uint32_t stamp() const noexcept {
        std::uint32_t sum = 0;
        for (const server& each : servers_) {
            sum += each.cache == nullptr ? 0 : each.cache->version();
            sum += each.windows == nullptr ? 0 : each.windows->epoch();
        }
        return sum;
    }
    [[nodiscard]] constexpr server_id self() const noexcept { return self_; }
    /// The server of that number, or null.
    [[nodiscard]] constexpr const server* find(server_id id) const noexcept {
        for (const server& each : servers_)
            if (each.id == id) return &each;
        return nullptr;
    }

 private:
    /// By the server's cache or table; `left` bytes of the map's entry are left.
    [[nodiscard]] constexpr result<home_address> translate(const server& there, byte_address<guest> at,
                                                           std::uint64_t left) const noexcept {
        constexpr std::uint64_t page = std::uint64_t{1} << Format::page_shift;
        const frame<guest> wanted = at.frame_of(Format::page_shift);
        const std::uint32_t version = there.cache == nullptr ? 0 : there.cache->version();
        const std::uint32_t epoch = there.windows == nullptr ? 0 : there.windows->epoch();
        if (there.cache != nullptr) {
            if (const auto known = there.cache->find(wanted, epoch)) {
                const std::uint64_t offset = at.offset_in(page);
                return home_address{there.id,
                                    {(known->number << Format::page_shift) + offset},
                                    left < page - offset ? left : page - offset};
            }
        }
        const auto read = [&](byte_address<peer> entry) { return load(there, entry); };
        const result<p2m_walk> found = walk_p2m<Format>(there.table, there.memory, at, read);
        if (!found) return found.error();
        if (!found->is_mapped) return errc::unmapped;
        if (there.cache != nullptr)
            there.cache->insert(wanted, found->at.frame_of(Format::page_shift), version, epoch);
        return home_address{there.id, found->at, left < found->bytes ? left : found->bytes};
    }

    [[nodiscard]] constexpr result<std::uint64_t> load(const server& there,
                                                       byte_address<peer> entry) const noexcept {
        if (there.windows == nullptr) return access_->load({entry.value});
        auto pin = there.windows->pin(entry, 8);
        if (!pin) return pin.error();
        const auto local = pin.local();
        if (!local) return local.error();
        const result<std::uint64_t> value = access_->load(*local);
        if (!value) return value;
        if (*value == ~std::uint64_t{0} && !access_->is_alive(there.id)) return errc::revoked;
        // Whatever was read through a link that went is no entry.
        if (const auto still = pin.local(); !still) return still.error();
        return value;
    }

    [[nodiscard]] constexpr errc check(const list_type& list, std::uint32_t before) const noexcept {
        for (const auto& each : list.pins())
            if (const auto local = each.local(); !local) return local.error();
        server_id asked = self_;
        for (const scatter_piece& each : list.pieces()) {
            const server* const there = find(each.server);
            if (there == nullptr || there->windows == nullptr || each.server == asked) continue;
            if (!access_->is_alive(each.server)) return errc::revoked;
            asked = each.server;
        }
        return stamp() == before ? errc::ok : errc::busy;
    }

    server_id self_;
    distribution_map<memory_home> memory_;
    distribution_map<device_home> devices_;
    view<const server> servers_;
    Access* access_;
};

}  // namespace ashlar
