// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Frames that move: a process becomes critical, a DIMM is emptied, a frame fails, whole blocks are made.
#include <ashlar/ashlar.hpp>

#include "check.hpp"

namespace {

constexpr std::uint64_t ram_frames = 0x2000;
alignas(4096) std::byte ram_bytes[ram_frames * 4096];  // the whole machine

struct my_platform : ashlar::platform {
    static constexpr std::uint64_t frame_bytes = 4096;
    static void* bytes_of(ashlar::frame<> f) noexcept { return ram_bytes + f.number * frame_bytes; }
};
using frames = ashlar::counted<ashlar::radix_buddy<my_platform>>;
using memory = ashlar::physical_memory<ashlar::zone<frames>>;

/// Who uses which frame: one process, whose page n lies in frame where[n].
struct page_directory {
    using space = ashlar::machine;

    static constexpr unsigned pages = 600;
    ashlar::frame<> where[pages]{};

    ashlar::result<ashlar::used_block<>> block_of(ashlar::frame<> f) noexcept {
        for (const ashlar::frame<> each : where) {
            if (each == f) return ashlar::used_block<>{f, 0};
        }
        return ashlar::errc::not_owned;
    }
    ashlar::errc hold(ashlar::used_block<>) noexcept { return ashlar::errc::ok; }  // nobody runs meanwhile
    ashlar::errc repoint(ashlar::used_block<> block, ashlar::frame<> to) noexcept {
        for (ashlar::frame<>& each : where) {
            if (each == block.first) each = to;
        }
        return ashlar::errc::ok;
    }
    void release(ashlar::used_block<>, ashlar::frame<>) noexcept {}

    [[nodiscard]] std::byte& first_byte(unsigned page) const {
        return *static_cast<std::byte*>(my_platform::bytes_of(where[page]));
    }
};

memory ram;
alignas(64) std::byte metadata[1 << 16];
using book = ashlar::owner_table<my_platform>;
book::word owner_words[book::metadata_words({{0}, ram_frames})];
book owners;
ashlar::tenant<memory> database;
page_directory directory;

void start() {
    ashlar::memory_entry entries[8];
    ashlar::memory_map map{entries};
    ashlar::topology nodes;
    check(nodes.add(0).has_value(), "one node");
    check(map.add(0, ram_frames * 4096, ashlar::memory_kind::usable) == ashlar::errc::ok, "RAM");
    check(map.set_node(0, ram_frames * 4096, 0) == ashlar::errc::ok, "of node 0");
    check(map.mirror(0x1000 * 4096, ram_frames * 4096) == ashlar::errc::ok, "half of it mirrored");
    check(ram.boot(map, nodes, metadata) == ashlar::errc::ok, "boot");
    check(owners.attach({{0}, ram_frames}, owner_words) == ashlar::errc::ok, "a book of owners");
    check(database.open(ram, owners, 1) == ashlar::errc::ok, "a process");
    for (unsigned page = 0; page < page_directory::pages; ++page) {
        directory.where[page] = database.allocate({}).value();
        directory.first_byte(page) = static_cast<std::byte>(page);
    }
}

bool intact() {
    for (unsigned page = 0; page < page_directory::pages; ++page) {
        if (directory.first_byte(page) != static_cast<std::byte>(page)) return false;
    }
    return true;
}

}  // namespace

int main() {
    start();

    ashlar::copy_mover<page_directory, ashlar::cpu_frame_copy<my_platform>> mover(directory);

    // The process becomes critical: what it has goes into mirrored memory, 64 frames at a time.
    ashlar::promotion critical(ram, database);
    while (critical.promote(mover, 64) == ashlar::errc::limit) {
    }
    check(critical.report().mirrored == critical.report().resident, "all that it has is mirrored");

    // A DIMM is to be taken out, and the process lies in it in part.
    check(critical.demote(mover) == ashlar::errc::ok, "it is not critical any more");
    const ashlar::range<> dimm{{0x200}, 0x200};
    ashlar::tenant_mover moved(database, mover);  // the frames stay the process's, wherever they are
    ashlar::evacuation emptied(ram);
    check(emptied.begin(dimm) == ashlar::errc::ok, "nothing new comes there");
    check(emptied.evacuate(ashlar::allocated_destination<memory>{ram}, moved) == ashlar::errc::ok,
          "it is empty");
    check(ram.offline(dimm) == ashlar::errc::ok, "and off line");
    emptied.end();

    // A frame has an error: the machine-check handler notes it, a thread moves what it holds.
    ashlar::retirement<memory>::word errors[16]{};
    ashlar::retirement<memory> failing(ram, errors);
    const ashlar::frame<> bad = directory.where[7];
    check(failing.note(bad) == ashlar::errc::ok, "noted");
    check(failing.work(ashlar::allocated_destination<memory>{ram}, moved) == ashlar::errc::ok, "moved");
    check(directory.where[7] != bad && ram.allocate_at({bad, 1}) == ashlar::errc::busy, "nobody gets it");

    // Whole pageblocks are made out of what is scattered.
    std::uint16_t words[ashlar::compaction<memory>::words({{0}, 0x1000})];
    ashlar::compaction<memory> whole(ram, {{0}, 0x1000}, words);
    whole.survey();
    check(whole.compact(moved) == ashlar::errc::ok, "no more to gain");

    check(intact(), "every page holds what was written to it");
    check(database.figures().held == page_directory::pages, "and is the process's");
    return 0;
}
