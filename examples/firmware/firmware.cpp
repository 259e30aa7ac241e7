// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Memory from a device tree, on bare metal: RISC-V 64, supervisor mode, one hart, no translation.
#include <ashlar/ashlar.hpp>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>

extern "C" {
extern const std::byte image_begin[], image_end[];  // from the linker script; the stack is inside
void* memcpy(void* to, const void* from, std::size_t size);
}

namespace {
void put(char character) {
    register std::uint64_t a0 asm("a0") = static_cast<unsigned char>(character);
    register std::uint64_t a7 asm("a7") = 1;  // SBI: console_putchar
    asm volatile("ecall" : "+r"(a0) : "r"(a7) : "a1", "memory");
}
void put(const char* text) {
    while (*text != '\0') put(*text++);
}
void put(std::unsigned_integral auto number) {
    if (number >= 10) put(std::uint64_t{number} / 10);
    put(static_cast<char>('0' + static_cast<int>(number % 10)));
}
template <class... Parts>
void say(Parts... parts) {
    (put(parts), ...);
    put('\n');
}

/// QEMU ends with this status.
[[noreturn]] void power_off(std::uint32_t status) {
    *reinterpret_cast<volatile std::uint32_t*>(0x100000) = status == 0 ? 0x5555 : status << 16 | 0x3333;
    for (;;) asm volatile("wfi");
}
void must(bool holds, const char* what, const char* why = "not so") {
    if (holds) return;
    say("failed: ", what, ": ", why);
    power_off(1);
}
void must(ashlar::errc answer, const char* what) {
    must(answer == ashlar::errc::ok, what, ashlar::to_string(answer));
}

using memory = ashlar::physical_memory<ashlar::zone<ashlar::counted<ashlar::radix_buddy<ashlar::platform>>>>;

constexpr unsigned page_shift = 12;
constexpr std::size_t most_nodes = 4;
constinit ashlar::memory_entry entries[64]{};
constinit ashlar::memory_map map{entries, page_shift};
constinit ashlar::defect found[8]{};
constinit ashlar::defects defects{found};
constinit ashlar::topology nodes;
constinit ashlar::metadata_piece pieces[most_nodes]{};
constinit ashlar::view<const ashlar::metadata_piece> planned;
constinit memory ram;

std::byte* bytes_of(ashlar::range<> frames) {
    return reinterpret_cast<std::byte*>(frames.first.number << page_shift);
}
std::uint64_t sum_of(ashlar::bytes bytes) {
    std::uint64_t sum = 0;
    for (const std::byte each : bytes) sum = sum * 31 + std::to_integer<std::uint64_t>(each);
    return sum;
}

void report(ashlar::errc answer, const char* what) {
    for (const auto& each : defects) say("device tree, byte ", each.offset, ": ", each.text);
    must(answer, what);
}
void boot() {
    const auto count = ashlar::plan_metadata<memory>(map, nodes, pieces);
    must(count.error(), "plan_metadata");
    must(*count == 0 ? ashlar::errc::exhausted : ashlar::errc::ok, "usable memory");
    planned = {pieces, *count};
    must(ram.boot(map, nodes, planned, bytes_of), "boot");
    ram.for_each_zone([](const ashlar::zone_description& what, const auto& zone) {
        say("zone ", ashlar::to_string(what.kind), " of node ", what.node, ": frames ",
            what.span.first.number, " to ", what.span.end().number, ", free ", zone.free_frames());
    });
}

void take_every_order() {
    const std::uint64_t before = ram.free_frames();
    for (ashlar::node_id node = 0; node < nodes.node_count(); ++node) {
        unsigned blocks = 0;
        for (unsigned order = 0; order <= memory::top_order; ++order) {
            const auto got = ram.allocate({.order = order, .nodes = ashlar::node_set::only(node)});
            must(got || got.error() == ashlar::errc::exhausted, "what is not there is exhausted");
            if (!got) continue;
            must(ram.zone_of(*got)->node == node && ashlar::aligned(*got, order), "the block asked for");
            must(ram.free(*got, order), "free");
            ++blocks;
        }
        say("node ", node, ": blocks of ", blocks, " orders");
    }
    must(ram.free_frames() == before, "every block came back");
}

void unplug_and_plug(ashlar::node_id node) {
    const std::uint64_t before = ram.free_frames();
    const auto on_node = [node](const char* name, auto verb) {  // in stretches that lie in one zone each
        ram.for_each_zone([&](const ashlar::zone_description& zone, const auto&) {
            map.for_each_usable([&](const ashlar::usable_run& run) {
                const auto stretch = run.frames.clipped_to(zone.span);
                if (zone.node == node && !stretch.empty()) must(verb(stretch), name);
            });
        });
        say("node ", node, " ", name, ": free ", ram.free_frames());
    };
    ram.for_each_zone([node](const ashlar::zone_description& zone, const auto&) {
        if (zone.node == node) must(ram.isolate(zone.span), "isolate");
    });
    on_node("offline", [](ashlar::range<> stretch) { return ram.offline(stretch); });
    const auto none = ram.allocate({.nodes = ashlar::node_set::only(node)});
    must(none.error() == ashlar::errc::exhausted, "nothing comes from a node that is offline");
    on_node("online", [](ashlar::range<> stretch) { return ram.online(stretch); });
    must(ram.free_frames() == before, "the node is back");
}

/// Takes all that there is. The frames make a list: the first word of each names the one before.
void write_every_frame() {
    constexpr std::size_t words = (std::size_t{1} << page_shift) / sizeof(std::uint64_t);
    const auto words_of = [](std::uint64_t f) { return reinterpret_cast<std::uint64_t*>(f << page_shift); };
    const std::uint64_t before = ram.free_frames();
    std::uint64_t last = 0, count = 0;
    for (auto got = ram.allocate({}); got; got = ram.allocate({}), ++count) {
        words_of(got->number)[0] = last;
        for (std::size_t i = 1; i < words; ++i) words_of(got->number)[i] = got->number * words + i;
        last = got->number;
    }
    must(count == before && ram.free_frames() == 0, "every frame was handed out");
    must(ram.validate(), "validate");
    while (last != 0) {
        const std::uint64_t next = words_of(last)[0];
        for (std::size_t i = 1; i < words; ++i) must(words_of(last)[i] == last * words + i, "own frame");
        must(ram.free({last}, 0), "free");
        last = next;
    }
    must(ram.free_frames() == before, "every frame came back");
    say("wrote ", count, " frames");
}

/// As the next kernel does, or this one after a crash: from a copy of the metadata, elsewhere.
void recover_from_copy() {
    constexpr unsigned order = 3;
    const auto kept = ram.allocate({.order = order});
    std::uint64_t needed = 0;
    for (const auto& piece : planned) needed += piece.frames.count;
    const auto copies = ram.allocate({.order = static_cast<unsigned>(std::bit_width(needed - 1))});
    must(kept ? copies.error() : kept.error(), "allocate");
    auto copy_of = [to = bytes_of({*copies, needed})](ashlar::range<> piece) mutable {
        std::byte* const copy = to;
        to += piece.count << page_shift;
        memcpy(copy, bytes_of(piece), piece.count << page_shift);
        return copy;
    };
    static constinit memory next;
    must(next.boot(map, nodes, planned, copy_of, ashlar::start::recover), "recover");
    const std::uint64_t free = ram.free_frames();
    must(next.free_frames() == free, "the copy knows what is free");
    must(next.free(*kept, order), "free what was in use");
    must(next.free_frames() == free + (1U << order) && ram.free_frames() == free, "in the copy alone");
    must(next.validate(), "validate");
    say("recovered: free ", free);
}
}  // namespace

extern "C" {
[[noreturn]] void run(std::uint64_t, const std::byte* tree_address) {
    const auto size = ashlar::fdt_size({tree_address, 8});
    must(size.error(), "fdt_size");
    const ashlar::bytes tree{tree_address, *size};
    const auto disk = ashlar::find_fdt_initrd(tree, defects);
    report(disk.error(), "find_fdt_initrd");
    const ashlar::bytes initrd{reinterpret_cast<const std::byte*>(disk->begin), disk->end - disk->begin};
    const std::uint64_t sum = sum_of(tree) ^ sum_of(initrd);
    const ashlar::bytes image{image_begin, static_cast<std::size_t>(image_end - image_begin)};
    // What is in use comes first: reservations without an address are placed in what is left.
    for (const ashlar::bytes used : {image, tree, initrd}) {
        const auto begin = reinterpret_cast<std::uintptr_t>(used.data());
        must(used.empty() ? ashlar::errc::ok : map.exclude_bytes(begin, begin + used.size()), "exclude");
    }
    report(ashlar::read_fdt(tree, map, nodes, defects), "read_fdt");
    boot();
    take_every_order();
    unplug_and_plug(static_cast<ashlar::node_id>(nodes.node_count() - 1));
    write_every_frame();
    recover_from_copy();
    must(sum == (sum_of(tree) ^ sum_of(initrd)), "tree and initrd are as they were");
    must(ram.validate(), "validate");
    say("done");
    power_off(0);
}

[[noreturn]] void trapped(std::uint64_t cause, std::uint64_t at) {
    say("trap ", cause, " at ", at);
    power_off(2);
}

// The compiler calls these two.
void* memset(void* to, int value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) static_cast<std::byte*>(to)[i] = static_cast<std::byte>(value);
    return to;
}
void* memcpy(void* to, const void* from, std::size_t size) {
    auto* const bytes = static_cast<std::byte*>(to);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<const std::byte*>(from)[i];
    return to;
}
}
