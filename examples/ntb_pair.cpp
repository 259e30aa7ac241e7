// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Two servers and a bridge between them: two processes and a shared file. One donates memory; the other one
// allocates from it as from a node that is far away, walks its table of guest frames, and survives its death.
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ashlar/ashlar.hpp>
#include <ashlar/linux_backend/mapped_device.hpp>
#include <ashlar/linux_backend/shared_file.hpp>
#include <ashlar/remote.hpp>
#include <vector>

#include "check.hpp"

namespace {

using frames = ashlar::counted<ashlar::radix_buddy<ashlar::platform>>;
using memory = ashlar::physical_memory<ashlar::zone<frames>>;
using window = ashlar::identity_window<>;
using bridge = ashlar::mapped_device<ashlar::shared_file>;  // with hardware: mapped_device<pci_bar>

// The donor's physical memory. What is not donated is its own.
constexpr std::uint64_t mebibyte = 1 << 20;
constexpr std::uint64_t canary_at = 0x1000, question_at = 0x1008, answer_at = 0x1010;
constexpr ashlar::p2m_table p2m{{0x2000}, {0x70000}, 16};  // 16 frames of a guest
constexpr ashlar::byte_range<ashlar::peer> all{{0}, 8 * mebibyte};
constexpr ashlar::byte_range<ashlar::peer> donated{{4 * mebibyte}, 4 * mebibyte};
constexpr std::uint32_t first_start = 1;  // the epoch by which the donor is known

void map(bridge& into, int file) {
    ashlar::shared_file shared;
    check(shared.adopt(ashlar::file_descriptor(dup(file))) == ashlar::errc::ok, "the file is there");
    check(into.map(std::move(shared)) == ashlar::errc::ok, "and is mapped");
}

/// The other server: it fills guest pages, shows that it is there, and answers what a word of its memory is.
[[noreturn]] void donate(int file) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bridge ram;
    map(ram, file);
    for (std::uint64_t page = 0; page < p2m.entries; ++page) {
        const std::uint64_t frame = 0x100 + page * 7 % p2m.entries;  // nowhere in a row
        ram.write64(p2m.root.value + 8 * page, frame);
        ram.write64(frame << 12, 1000 + page);
    }
    ram.store_fence();
    ram.write64(canary_at, ashlar::canary_of(first_start));
    for (;; usleep(100)) {
        const std::uint64_t question = ram.read64(question_at);
        if (question == 0) continue;
        ashlar::device_load_fence();
        ram.write64(answer_at, ram.read64(question));
        ram.store_fence();
        ram.write64(question_at, 0);
    }
}

/// What the other server finds at an address of its own.
std::uint64_t ask(bridge& through, std::uint64_t address) {
    through.store_fence();
    through.write64(question_at, address);
    while (through.read64(question_at) != 0) usleep(100);
    ashlar::device_load_fence();
    return through.read64(answer_at);
}

}  // namespace

int main() {
    const ashlar::file_descriptor file(memfd_create("memory of the donor", MFD_CLOEXEC));
    check(ftruncate(file.number(), all.bytes) == 0, "there is memory to donate");
    const pid_t donor = fork();
    if (donor == 0) donate(file.number());

    // The link comes up when the donor shows its canary.
    bridge through;
    map(through, file.number());
    while (through.read64(canary_at) != ashlar::canary_of(first_start)) usleep(100);
    ashlar::device_load_fence();
    ashlar::link_guard<>::word words[ashlar::link_guard<>::words];
    const ashlar::link_guard<> link(words);
    const std::uint32_t handle = *link.raise(first_start);
    window windows(all, through.local());

    // This server has 1 MiB, and at boot a second node is known, far away and without memory.
    ashlar::mapped_region own;
    check(own.map_zeros(mebibyte) == ashlar::errc::ok, "there is memory");
    const auto begin = reinterpret_cast<std::uintptr_t>(own.bytes().data());
    ashlar::memory_entry entries[4];
    ashlar::memory_map firmware{entries};
    check(firmware.add(begin, begin + mebibyte, ashlar::memory_kind::usable) == ashlar::errc::ok, "a map");
    ashlar::topology nodes;
    check(nodes.add_processor(0) && nodes.add(1), "two nodes");
    check(nodes.set_distance(0, 1, 80) == ashlar::errc::ok, "the second one is far");
    std::vector<std::byte> metadata(memory::metadata_bytes(firmware, nodes));
    memory ram;
    check(ram.boot(firmware, nodes, {metadata.data(), metadata.size()}) == ashlar::errc::ok, "it boots");

    // The donated memory is one more zone.
    ashlar::remote_zone<memory, window> far;
    std::vector<std::byte> more(far.metadata_bytes({through.local().frame_of(12), donated.bytes >> 12}));
    check(far.attach(ram, windows, donated, 1, {more.data(), more.size()}) == ashlar::errc::ok, "attached");
    check(ram.free_frames() == (mebibyte + donated.bytes) >> 12, "there is more of it");
    std::vector<ashlar::frame<>> held;
    while (held.size() < 300) held.push_back(*ram.allocate({.node = 0}));
    check(!far.frames().contains(held[255]) && far.frames().contains(held[256]), "near frames come first");
    const std::uint64_t place = far.to_peer(held[299])->value;
    through.write64(place, 4711);  // the same bytes as at held[299] * 4096
    check(ask(through, place) == 4711, "the donor has what was written");

    // A guest's memory there, by the table that the donor keeps.
    for (std::uint64_t page = 0; page < p2m.entries; ++page) {
        const auto read = [&](ashlar::byte_address<ashlar::peer> entry) {
            return through.load<std::uint64_t>(entry.value);
        };
        const auto found =
            ashlar::walk_p2m<ashlar::flat_p2m<>>(p2m, {&all, 1}, {(0x70000 + page) << 12}, read);
        check(found && found->is_mapped && through.read64(found->at.value) == 1000 + page, "a guest's page");
    }
    check(link.check(handle, through.read64(canary_at)) == ashlar::errc::ok,
          "it was the same server all along");

    // The donor dies, and its memory with it: from now on the bridge reads as all ones.
    check(kill(donor, SIGKILL) == 0 && waitpid(donor, nullptr, 0) == donor, "it is dead");
    check(ftruncate(file.number(), 0) == 0, "and so is its memory");
    check(through.load<std::uint64_t>(place).error() == ashlar::errc::unreadable, "an error, not a crash");
    check(link.check(handle, through.read64(canary_at)) == ashlar::errc::revoked, "the link is lost");
    windows.link_lost();
    ashlar::remote_loss loss;
    check(far.check(loss) == ashlar::errc::revoked && loss.held == 44, "44 of the frames in use went");
    for (const ashlar::frame<> f : held) {
        const ashlar::errc wanted = loss.frames.contains(f) ? ashlar::errc::revoked : ashlar::errc::ok;
        check(ram.free(f, 0) == wanted, "each is told when it is freed");
    }
    check(far.detach() == ashlar::errc::ok && ram.validate() == ashlar::errc::ok, "all else is in order");
    check(ram.free_frames() == mebibyte >> 12 && ram.allocate({.node = 0}), "and the machine goes on");
    std::printf("%u frames lost with the donor, %u of them in use\n", unsigned(loss.frames.count),
                unsigned(loss.held));
}
