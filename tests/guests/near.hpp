// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <sys/io.h>
#include <unistd.h>

#include <ashlar/linux_backend/mapped_access.hpp>
#include <ashlar/linux_backend/mapped_device.hpp>
#include <ashlar/linux_backend/pci_bar.hpp>
#include <ashlar/remote.hpp>
#include <cstdint>
#include <cstdio>
#include <utility>

#include "two_guests.hpp"

// What the near guest has to do with the far one: the link, and memory behind it.
namespace guests {

/// QEMU's exit status is 2 * status + 1.
[[noreturn]] inline void end(std::uint8_t status) {
    std::fflush(stdout);
    (void)::ioperm(0xf4, 1, 1);
    ::outb(status, 0xf4);
    for (;;) ::pause();
}
inline void must(bool holds, const char* what, const char* why = "not so") {
    if (holds) return;
    std::printf("failed: %s: %s\n", what, why);
    end(1);
}
inline void must(errc answer, const char* what) {
    must(answer == errc::ok, what, to_string(answer));
}
inline void must_refuse(errc answer, errc wanted, const char* what) {
    if (answer == wanted) return;
    std::printf("failed: %s: %s, not %s\n", what, to_string(answer), to_string(wanted));
    end(1);
}
/// Whoever started the guests does it, and says so.
inline void ask_host(const char* what) {
    std::printf("@%s\n", what);
    std::fflush(stdout);
    char line[16];
    must(std::fgets(line, sizeof line, stdin) != nullptr, what);
}

// Where QEMU was told to plug what in.
inline constexpr const char* bridge_folder = "/sys/bus/pci/devices/0000:00:10.0";
inline constexpr const char* wide_folder = "/sys/bus/pci/devices/0000:00:11.0";
inline constexpr const char* narrow_folder = "/sys/bus/pci/devices/0000:00:12.0";

inline constexpr server_id near_server = 1;
inline constexpr server_id far_server = 2;
inline constexpr std::uint64_t gibibyte = 1 << 30;

using bar_memory = mapped_device<pci_bar>;
using identity = identity_window<>;

/// The far guest's memory behind the BAR: its own addresses are offsets there, but for what QEMU has moved
/// above 4 GiB. (A q35 machine of 2.75 GiB or more keeps 2 GiB below: hw/i386/pc_q35.c.)
struct bar_layout {
    std::uint64_t low = 0;
    byte_range<peer> declared[2];
    std::size_t ranges = 1;

    explicit bar_layout(std::uint64_t bytes) : low(bytes < 0xb000'0000 ? bytes : 2 * gibibyte) {
        declared[0] = {{0}, low};
        declared[1] = {{4 * gibibyte}, bytes - low};
        if (bytes != low) ranges = 2;
    }
    [[nodiscard]] view<const byte_range<peer>> memory() const { return {declared, ranges}; }
    /// The last of the ranges, and where it starts in the BAR.
    [[nodiscard]] byte_range<peer> last() const { return declared[ranges - 1]; }
    [[nodiscard]] std::uint64_t offset_of_last() const { return ranges == 1 ? 0 : low; }
};

/// The link to the far guest, and what it told when the link came up.
struct far_link {
    pci_device device;
    bar_memory memory;
    link_guard<>::word words[link_guard<>::words];
    link_guard<> guard{words};
    std::uint32_t handle = 0;
    std::uint32_t own_epoch = 0;
    hello heard;
    p2m_table table;
    mapped_peer<pci_bar> peers[1] = {{far_server, &memory, shared_page::canary, 0}};
    std::uint64_t questions = 0;

    void map(caching_mode caching) {
        pci_bar bar;
        must(bar.open(device, 2, caching), "the BAR can be opened");
        must(memory.map(std::move(bar)), "and mapped");
        must(memory.caching() == caching, "as it was asked for");
    }
    /// Waits for the far guest, and for it to have heard this one.
    void raise() {
        scratchpad_words<bar_memory> pads(memory, shared_page::near_hello, shared_page::far_hello);
        hand_shake<scratchpad_words<bar_memory>> shake(pads, {.epoch = ++own_epoch});
        errc answer = errc::busy;
        while ((answer = shake.step()) != errc::ok) {
            must(answer == errc::busy || answer == errc::revoked, "the hand-shake", to_string(answer));
            ::usleep(1000);
        }
        heard = shake.peer_hello();
        peers[0].epoch = heard.epoch;
        const auto raised = guard.raise(heard.epoch);
        must(raised.error(), "the link comes up");
        handle = *raised;
        must(check(), "and is what the far guest says");
        table = {{*memory.load<std::uint64_t>(shared_page::root)}, first_frame, root_entries};
        std::printf("link up: start %u of the far guest, its memory ends at %#llx, its table is at %#llx\n",
                    heard.epoch, static_cast<unsigned long long>(heard.offered.end().value),
                    static_cast<unsigned long long>(table.root.value));
    }
    /// By the canary as it is now.
    [[nodiscard]] errc check() const { return guard.check(handle, memory.read64(heard.canary.value)); }

    /// What the far guest finds; `revoked` if it has not answered in time.
    result<std::uint64_t> ask(about what, std::uint64_t subject, std::uint64_t seed = 0,
                              int milliseconds = 20'000) {
        const std::uint64_t question = ++questions << 8 | static_cast<std::uint8_t>(what);
        memory.write64(shared_page::subject, subject);
        memory.write64(shared_page::seed, seed);
        memory.store_fence();
        memory.write64(shared_page::question, question);
        must(memory.read_back(shared_page::question), "the question has arrived");
        for (int tries = 0; tries < milliseconds; ++tries) {
            if (memory.read64(shared_page::answered) == question) {
                device_load_fence();
                return memory.read64(shared_page::answer);
            }
            ::usleep(1000);
        }
        return errc::revoked;
    }
    [[nodiscard]] std::uint64_t mismatches(std::uint64_t page, std::uint64_t seed) {
        const auto found = ask(about::mismatches, page, seed);
        must(found.error(), "the far guest answers");
        return *found;
    }
};

inline constexpr std::uint64_t guest_bytes = root_entries * 512 * page_bytes;
[[nodiscard]] constexpr byte_address<guest> address_of(std::uint64_t page) noexcept {
    return {(first_frame.number + page) * page_bytes};
}
/// What lies on the near server itself, if it has a table: two pages.
inline constexpr frame<guest> first_near_frame{0x90000};
inline constexpr byte_range<peer> near_memory[] = {{{0}, 256 << 20}};

/// A guest's addresses: from the first frame on they lie on the far server, read through `windows`.
template <class Windows, class Access>
struct guest_memory {
    using space_type = remote_space<format, Windows, Access>;
    using list_type = typename space_type::list_type;
    memory_home homes[2] = {{{address_of(0), guest_bytes}, far_server},
                            {{{first_near_frame.number * page_bytes}, 2 * page_bytes}, near_server}};
    remote_server<Windows> servers[2];
    space_type space;

    guest_memory(const far_link& link, const bar_layout& layout, Windows& windows, Access& access,
                 p2m_table near_table = {})
        : servers{{far_server, link.table, layout.memory(), &windows, nullptr},
                  {near_server, near_table, near_memory, nullptr, nullptr}},
          space(near_server, map(), {}, servers, access) {}
    guest_memory(const guest_memory&) = delete;
    guest_memory& operator=(const guest_memory&) = delete;

    errc resolve(std::uint64_t page, std::uint64_t bytes, list_type& list) const {
        return space.resolve(address_of(page), bytes, list);
    }

 private:
    [[nodiscard]] distribution_map<memory_home> map() const {
        distribution_map<memory_home> made;
        must(made.attach(homes), "the distribution map");
        return made;
    }
};

template <class Memory>
struct page_list {
    scatter_piece pieces[4];
    typename Memory::list_type::pin_type pins[4];
    typename Memory::list_type list{pieces, pins};

    [[nodiscard]] volatile std::uint64_t* words() const {
        return reinterpret_cast<volatile std::uint64_t*>(list.pieces()[0].at.value);
    }
};

/// Reads every word of all pages that the windows show; how many pages that were.
template <class Memory>
std::uint64_t read_all(const Memory& guest, std::uint64_t seed, std::uint64_t changed = 0) {
    std::uint64_t shown = 0, wrong = 0;
    for (std::uint64_t page = changed; page < pages; ++page) {
        page_list<Memory> at;
        const errc answer = guest.resolve(page, page_bytes, at.list);
        if (answer == errc::not_covered) continue;
        must(answer, "a page is found");
        must(at.list.pieces().size() == 1 && at.list.bytes() == page_bytes, "in one piece");
        const volatile std::uint64_t* const words = at.words();
        for (std::uint64_t i = 0; i < words_in_page; ++i) wrong += words[i] != pattern(seed, page, i) ? 1 : 0;
        ++shown;
    }
    must(wrong == 0, "each page is what the far guest wrote");
    return shown;
}
/// Fills a page; the far guest then finds nothing else in it.
template <class Memory>
void write(far_link& link, const Memory& guest, std::uint64_t page, std::uint64_t seed) {
    page_list<Memory> at;
    must(guest.resolve(page, page_bytes, at.list), "a page to write");
    for (std::uint64_t i = 0; i < words_in_page; ++i) at.words()[i] = pattern(seed, page, i);
    device_store_fence();
    must(at.words()[words_in_page - 1] == pattern(seed, page, words_in_page - 1), "it reads back");
    at.list.clear();
    must(link.mismatches(page, seed) == 0, "the far guest finds what was written");
}
template <class Memory>
void refuse(const Memory& guest) {
    page_list<Memory> at;
    must_refuse(guest.resolve(invalid_page, 8, at.list), errc::unmapped, "an entry that is not valid");
    must_refuse(guest.resolve(foreign_page, 8, at.list), errc::corrupt, "one that leads out of the memory");
    must_refuse(guest.resolve(ones_page, 8, at.list), errc::corrupt, "all ones of a server that is there");
    must_refuse(guest.space.resolve({0}, 8, at.list), errc::not_distributed, "what is not distributed");
    must(at.list.pieces().empty() && at.list.pins().empty(), "a refusal leaves no piece");
}

}  // namespace guests
