// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <fcntl.h>
#include <sys/mman.h>

#include <ashlar/linux_backend/file_descriptor.hpp>
#include <ashlar/linux_backend/mapped_region.hpp>

#include "near.hpp"

namespace guests {

/// QEMU's teaching device: it copies between its buffer and the bus. Source: QEMU docs/specs/edu.txt.
struct edu {
    pci_device device;
    bar_memory registers;

    explicit edu(const char* folder) {
        must(device.open(folder), "the device");
        must(*device.vendor_id() == 0x1234 && *device.device_id() == 0x11e8, "it is an edu");
        must(device.enable(), "it can be switched on");
        must(device.set_bus_master(true), "and access memory by itself");
        pci_bar bar;
        must(bar.open(device, 0), "its registers");
        must(registers.map(std::move(bar)), "are mapped");
        must((*registers.load<std::uint32_t>(0) & 0xff) == 0xed, "and it says what it is");
    }
    void run(std::uint64_t from, std::uint64_t to, std::uint64_t bytes, std::uint64_t command) {
        must(registers.store<std::uint64_t>(0x80, from), "from");
        must(registers.store<std::uint64_t>(0x88, to), "to");
        must(registers.store<std::uint64_t>(0x90, bytes), "bytes");
        must(registers.store<std::uint64_t>(0x98, command | 1), "start");
        while ((*registers.load<std::uint64_t>(0x98) & 1) != 0) ::usleep(1000);
    }
    /// By its buffer, of which it takes no more than half at a time.
    void copy(byte_address<machine> from, byte_address<machine> to, std::uint64_t bytes) {
        constexpr std::uint64_t buffer = 0x40000, half = 2048;
        for (std::uint64_t done = 0; done < bytes; done += half) {
            run(from.value + done, buffer, half, 0);
            run(buffer, to.value + done, half, 2);
        }
    }
};

/// Four pages of this guest's own memory, by the addresses that devices have to be given: a table of two
/// levels, and the two pages that it leads to.
class own_pages {
 public:
    own_pages() {
        must(region_.map_zeros(count * page_bytes), "own memory");
        must(::mlock(region_.bytes().data(), region_.bytes().size()) == 0, "that stays where it is");
        const file_descriptor file(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
        for (std::uint64_t i = 0; i < count; ++i) {
            words(i)[0] = 0;
            const std::uint64_t number = reinterpret_cast<std::uintptr_t>(words(i)) / page_bytes;
            std::uint64_t entry = 0;
            const auto got = ::pread(file.number(), &entry, 8, static_cast<off_t>(number * 8));
            must(got == 8 && entry >> 63 != 0, "pagemap knows it");
            physical_[i] = (entry & ((std::uint64_t{1} << 55) - 1)) * page_bytes;
            must(physical_[i] != 0, "and tells where it is");
        }
        words(0)[0] = physical_[1] | 1;
        words(1)[0] = physical_[2] | 1;
        words(1)[1] = physical_[3] | 1;
    }
    [[nodiscard]] p2m_table table() const { return {{physical_[0]}, first_near_frame, 1}; }
    /// 0 and 1 are the table.
    [[nodiscard]] volatile std::uint64_t* words(std::uint64_t page) const {
        return reinterpret_cast<volatile std::uint64_t*>(region_.bytes().data() + page * page_bytes);
    }
    [[nodiscard]] std::uint64_t physical(std::uint64_t page) const { return physical_[page]; }
    [[nodiscard]] const volatile std::uint64_t* find(std::uint64_t at) const {
        for (std::uint64_t i = 0; i < count; ++i)
            if (at - physical_[i] < page_bytes) return words(i) + (at - physical_[i]) / 8;
        return nullptr;
    }

 private:
    static constexpr std::uint64_t count = 4;
    mapped_region region_;
    std::uint64_t physical_[count] = {};
};

/// Tables of this server by physical address, those of the far one by the BAR.
struct both_tables {
    const own_pages* own;
    mapped_access<pci_bar> far;

    [[nodiscard]] result<std::uint64_t> load(byte_address<machine> at) const {
        const volatile std::uint64_t* const word = own->find(at.value);
        return word == nullptr ? far.load(at) : result<std::uint64_t>(*word);
    }
    [[nodiscard]] bool is_alive(server_id server) const { return far.is_alive(server); }
};

using device_transfer = dma_transfer<identity::pin_type>;
/// A transfer and its arrays.
struct page_transfer {
    scatter_piece pieces[4];
    identity::pin_type pins[4];
    device_transfer transfer{pieces, pins};
    [[nodiscard]] byte_address<machine> at() const { return transfer.pieces()[0].at; }
};

/// Pages of both servers, copied by devices of this one. The page `to` of the far one is overwritten, twice.
inline void use_devices(far_link& link, const bar_layout& layout, std::uint64_t from, std::uint64_t to) {
    link.map(caching_mode::uncached);
    const std::uint64_t start = link.heard.epoch;
    const byte_range<peer> shown = layout.last();
    identity whole(shown, link.memory.local(layout.offset_of_last()));
    const own_pages own;
    both_tables access{&own, mapped_access<pci_bar>(link.peers)};
    const guest_memory<identity, both_tables> guest(link, layout, whole, access, own.table());
    const byte_address<guests::guest> own_page{first_near_frame.number * page_bytes};
    // The window as the bus of this machine has it, which is not where this process has it.
    const byte_address<machine> bus = link.memory.source().decoded().first + layout.offset_of_last();
    identity on_bus(shown, bus);
    requester_slots<>::word slot_words[1];
    requester_slots<> slots(slot_words);
    const dma_route<identity> routes[] = {{far_server, &on_bus, &slots}};
    const dma_device<identity> all_bits{.server = near_server, .requester = 0x11 << 3, .routes = routes};
    dma_device<identity> few_bits = all_bits;
    few_bits.mask = (std::uint64_t{1} << 28) - 1;  // what QEMU gives the device if it is not told
    page_transfer source, target;
    const auto map = [&](byte_address<guests::guest> at, const dma_device<identity>& device,
                         page_transfer& into) {
        const errc answer = map_for_device(guest.space, at, page_bytes, device, into.transfer);
        if (answer == errc::ok) must(into.transfer.pieces().size() == 1, "a page is a piece");
        return answer;
    };
    const auto copy = [&](edu& device) {
        device.copy(source.at(), target.at(), page_bytes);
        source.transfer.complete();
        target.transfer.complete();
        must(slots.holders(0) == 0, "nobody is let through any more");
    };

    edu narrow(narrow_folder);
    for (const std::uint64_t page : {from, to}) {
        must_refuse(map(address_of(page), few_bits, source), errc::beyond_mask,
                    "28 bits do not reach the window");
        must(!source.transfer.is_under_way() && source.transfer.pins().empty(), "nothing is pinned");
        for (const auto& each : source.pins) must(!each, "not in the caller's array either");
        must(slots.holders(0) == 0, "and nobody let through");
    }
    // But they reach what lies on the device's own server, by its plain physical address.
    for (std::uint64_t i = 0; i < words_in_page; ++i) own.words(2)[i] = pattern(50, 0, i);
    must(map(own_page, few_bits, source), "own memory");
    must(map(own_page + page_bytes, few_bits, target), "own memory");
    must(source.at().value == own.physical(2) && target.at().value == own.physical(3), "where it is");
    copy(narrow);
    std::uint64_t wrong = 0;
    for (std::uint64_t i = 0; i < words_in_page; ++i) wrong += own.words(3)[i] != pattern(50, 0, i) ? 1 : 0;
    must(wrong == 0, "the device has copied it");

    edu wide(wide_folder);
    must(link.mismatches(to, start) == 0, "nobody has written there until now");
    must(map(address_of(from), all_bits, source), "a page of the far server");
    must(map(address_of(to), all_bits, target), "another one");
    must(slots.holders(0) == 2, "both are let through");
    const auto home = guest.space.locate(address_of(from));
    must(home && source.at() == bus + (home->at.value - shown.first.value), "the window's place on the bus");
    std::printf("the far guest's %#llx is %#llx to a device\n",
                static_cast<unsigned long long>(home->at.value),
                static_cast<unsigned long long>(source.at().value));
    copy(wide);
    page_list<guest_memory<identity, both_tables>> there;
    must(guest.resolve(to, page_bytes, there.list), "the page that was written");
    for (std::uint64_t i = 0; i < words_in_page; ++i)
        wrong += there.words()[i] != pattern(start, from, i) ? 1 : 0;
    there.list.clear();
    must(wrong == 0, "is the other one");
    must(link.mismatches(to, start) == words_in_page, "as the far guest sees it, too");

    // From one server to the other. What a page has to be is told by the number of the page that is asked
    // for.
    for (std::uint64_t i = 0; i < words_in_page; ++i) own.words(3)[i] = pattern(51, to, i);
    must(map(own_page + page_bytes, all_bits, source), "own memory");
    must(map(address_of(to), all_bits, target), "the far server's");
    copy(wide);
    must(link.mismatches(to, 51) == 0, "the far guest has the near one's page");
    link.memory.unmap();
}

}  // namespace guests
