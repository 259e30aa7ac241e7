// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Page tables out of an allocator: a block is mapped, split, and one of its pages moves to another frame
// while its address stays.
#include <ashlar/ashlar.hpp>
#include <cstring>

#include "check.hpp"

namespace {

constexpr ashlar::range<> bank{{0x1000}, 0x800};    // 8 MiB from 16 MiB on
alignas(4096) std::byte memory[bank.count * 4096];  // what is there, on this machine

struct my_platform : ashlar::platform {
    static constexpr std::uint64_t frame_bytes = 4096;
    static void* bytes_of(ashlar::frame<> f) noexcept {
        return bank.contains(f) ? memory + (f.number - bank.first.number) * frame_bytes : nullptr;
    }
};
using frames = ashlar::radix_buddy<my_platform>;
frames::word words[frames::metadata_words(bank)];
constinit frames ram;
unsigned flushes = 0;

/// Returns when no CPU translates by the old entry: INVLPG here, an interrupt to the others.
struct shootdown {
    void operator()(std::uint64_t /*address*/, unsigned /*level*/) const noexcept { ++flushes; }
};
using page_tables = ashlar::page_mapper<ashlar::x86_64, my_platform, frames, shootdown>;

/// Who is mapped where: a kernel has it anyway.
struct mapped_frames {
    using space = ashlar::machine;
    ashlar::frame<> page;
    std::uint64_t address;
    ashlar::result<std::uint64_t> address_of(ashlar::frame<> f) const {
        return f == page ? ashlar::result<std::uint64_t>(address) : ashlar::errc::not_owned;
    }
    bool pinned(ashlar::frame<>, unsigned) const { return false; }
    void moved(std::uint64_t, ashlar::frame<>, ashlar::frame<> to, unsigned) { page = to; }
};

ashlar::errc map_and_move() {
    const auto root = page_tables::make_root(ram);
    const auto block = ram.allocate({.order = 9});
    const auto spare = ram.allocate({});
    if (!root || !block || !spare) return ashlar::errc::exhausted;
    std::memset(my_platform::bytes_of(*block + 3), 0x5a, 4096);

    page_tables pages{*root, ram, shootdown{}};
    // 2 MiB at 1 GiB, then 512 pages of it; page 3 moves to another frame, whoever reads it meanwhile.
    (void)pages.map(0x4000'0000, {.first = *block, .level = 1, .permissions = {.write = true}});
    (void)pages.split(0x4000'0000, 1);
    mapped_frames known{*block + 3, 0x4000'3000};
    ashlar::page_table_mover mover{pages, known};
    const ashlar::errc moved = mover.move(*block + 3, *spare, 0);

    const auto found = pages.find(0x4000'3123);
    check(moved == ashlar::errc::ok && found && found->target() == *spare, "the page lies in its new frame");
    check(found->permissions().write && !found->permissions().execute, "it may be written as before");
    check(static_cast<unsigned char*>(my_platform::bytes_of(*spare))[4095] == 0x5a, "its bytes came along");
    check(known.page == *spare && flushes == 3,
          "the split, the write protection and the new frame were told");
    check(pages.find(0x4000'4000)->target() == *block + 4, "its neighbours are where they were");
    return pages.release();
}

}  // namespace

int main() {
    check(ram.attach(bank, words, ashlar::start::fresh) == ashlar::errc::ok, "attach");
    check(ram.online(bank) == ashlar::errc::ok, "online");
    check(map_and_move() == ashlar::errc::ok, "map and move");
    check(ram.free_frames() == bank.count - 513, "all tables are free again");
}
