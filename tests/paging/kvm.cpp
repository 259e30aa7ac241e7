// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A processor's verdict on the tables: a guest in long mode runs through them, while the host splits and
// re-points what it reads and writes.
#include <doctest/doctest.h>

#include "paging/kvm_guest.hpp"
// After the system's headers.
#include <ashlar/migrate/page_table_mover.hpp>
#include <ashlar/paging/page_mapper.hpp>
#include <ashlar/paging/x86_64.hpp>
#include <ashlar/source/list_buddy.hpp>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

// What the guest executes. Reads rsi, writes one more to rdi.
asm(R"(
    .pushsection .rodata
    .globl guest_once, guest_once_end, guest_loop, guest_loop_fault, guest_loop_end
guest_once:
    mov %cr3, %rax
    mov %rax, %cr3
    mov (%rsi), %rax
    inc %rax
    mov %rax, (%rdi)
    hlt
guest_once_end:

# Counts in (rdi), which has to be what r8 says each time, until 16(rbx) is set; empties the TLB when (rbx) is asked
# and tells it in 8(rbx).
guest_loop:
    cmpq $0, 16(%rbx)
    jne 2f
    mov (%rbx), %rcx
    cmp 8(%rbx), %rcx
    je 1f
    mov %cr3, %rdx
    mov %rdx, %cr3
    mov %rcx, 8(%rbx)
1:  mov (%rdi), %rax
    cmp %r8, %rax
    jne 2f
    inc %rax
    mov %rax, (%rdi)
    mov %rax, %r8
    jmp guest_loop
2:  hlt
    .balign 16
# A page fault: counted in r9, tried again.
guest_loop_fault:
    inc %r9
    mov (%rbx), %rcx
    cmp 8(%rbx), %rcx
    je 3f
    mov %cr3, %rdx
    mov %rdx, %cr3
    mov %rcx, 8(%rbx)
3:  add $8, %rsp
    iretq
guest_loop_end:
    .popsection
)");
extern "C" const std::byte guest_once[], guest_once_end[], guest_loop[], guest_loop_fault[], guest_loop_end[];

namespace {

using namespace ashlar;
using namespace ashlar::testing;

constexpr std::uint64_t code_at = 0x1000'0000;
constexpr std::uint64_t stack_at = 0x1000'1000;
constexpr std::uint64_t talk_at = 0x1000'2000;    // host and guest
constexpr std::uint64_t tables_at = 0x1000'3000;  // GDT and IDT
constexpr std::uint64_t block_at = 0x4000'0000;   // 2 MiB
constexpr std::uint64_t high_at = 0xffff'8000'0000'0000;

std::uint64_t* words_of(std::uint64_t frame_number) {
    return static_cast<std::uint64_t*>(guest_platform::bytes_of({frame_number}));
}
std::atomic_ref<std::uint64_t> talk(unsigned index) {
    return std::atomic_ref<std::uint64_t>(words_of(0x22)[index]);
}

using buddy = list_buddy<guest_platform>;
constexpr range<> table_frames{{0x100}, 0x100};

/// The guest flushes its TLB when it is asked to, as an interrupt between processors would make it.
struct shootdown {
    const std::atomic<bool>* running = nullptr;
    void operator()(std::uint64_t, unsigned) const noexcept {
        if (running == nullptr || !running->load()) return;
        const std::uint64_t asked = talk(0).fetch_add(1) + 1;
        while (talk(1).load() != asked && running->load()) std::this_thread::yield();
    }
};
using mapper_type = page_mapper<x86_64, guest_platform, buddy, shootdown>;

struct machine_under_test {
    kvm_guest guest;
    std::vector<buddy::word> words = std::vector<buddy::word>(buddy::metadata_words(table_frames));
    buddy source;
    std::atomic<bool> running = false;
    std::unique_ptr<mapper_type> pages;
    frame<> root;

    machine_under_test(const std::byte* code, const std::byte* end) {
        REQUIRE(source.attach(table_frames, {words.data(), words.size()}, start::fresh) == errc::ok);
        REQUIRE(source.online(table_frames) == errc::ok);
        root = *mapper_type::make_root(source);
        pages = std::make_unique<mapper_type>(root, source, shootdown{&running});
        std::memcpy(guest_platform::bytes_of({0x20}), code, static_cast<std::size_t>(end - code));
        const auto data = x86_64::permissions{.write = true};
        REQUIRE(pages->map(code_at, {.first = {0x20}, .permissions = {.execute = true}}) == errc::ok);
        REQUIRE(pages->map(stack_at, {.first = {0x21}, .permissions = data}) == errc::ok);
        REQUIRE(pages->map(talk_at, {.first = {0x22}, .permissions = data}) == errc::ok);
        REQUIRE(pages->map(tables_at, {.first = {0x23}, .permissions = data}) == errc::ok);
        REQUIRE(pages->map(block_at, {.first = {0x400}, .level = 1, .permissions = data}) == errc::ok);
    }
    /// Whether the guest read and wrote; false if it died of a page fault, without a handler.
    [[nodiscard]] bool once(std::uint64_t read, std::uint64_t write, std::uint64_t& value) {
        guest.enter_long_mode(root, 0, 0, 0);
        kvm_regs registers{};
        registers.rip = code_at;
        registers.rsi = read;
        registers.rdi = write;
        const std::uint32_t why = guest.run(registers);
        value = registers.rax;
        REQUIRE((why == KVM_EXIT_HLT || why == KVM_EXIT_SHUTDOWN));
        return why == KVM_EXIT_HLT;
    }
    [[nodiscard]] std::uint64_t entry(std::uint64_t address) const { return pages->find(address)->entry; }
};

TEST_CASE("a guest runs through the tables: a block, split, a page re-pointed, permissions") {
    machine_under_test m(guest_once, guest_once_end);
    auto& pages = *m.pages;
    constexpr std::uint64_t here = block_at + 0x3008;
    std::uint64_t value = 0;
    words_of(0x403)[1] = 41;
    CHECK(m.once(here, here + 8, value));
    CHECK(value == 42);
    CHECK(words_of(0x403)[2] == 42);
    CHECK(x86_64::is_accessed(m.entry(here)));
    CHECK(x86_64::is_dirty(m.entry(here)));
    CHECK(x86_64::is_accessed(m.entry(code_at)));
    CHECK(!x86_64::is_dirty(m.entry(code_at)));

    REQUIRE(pages.split(block_at, 1) == errc::ok);
    CHECK(m.once(here + 8, here, value));
    CHECK(value == 43);
    CHECK(words_of(0x403)[1] == 43);
    words_of(0x5ff)[511] = 7;
    CHECK(m.once(block_at + 0x1f'fff8, here, value));
    CHECK(value == 8);

    words_of(0x777)[1] = 1000;
    REQUIRE(pages.re_point(block_at + 0x3000, {0x403}, {0x777}) == errc::ok);
    CHECK(m.once(here, here + 8, value));
    CHECK(value == 1001);
    CHECK(words_of(0x777)[2] == 1001);
    CHECK(words_of(0x403)[2] == 42);

    REQUIRE(pages.map(high_at, {.first = {0x30}, .permissions = {.write = true, .global = true}}) ==
            errc::ok);
    words_of(0x30)[0] = 5;
    CHECK(m.once(high_at, high_at + 8, value));
    CHECK(words_of(0x30)[1] == 6);

    REQUIRE(pages.protect(block_at + 0x3000, {}));
    CHECK(m.once(here, high_at, value));
    CHECK(!m.once(here, here + 8, value));
    CHECK(words_of(0x777)[2] == 1001);
    REQUIRE(pages.unmap(block_at + 0x3000, 0, 0x123));
    CHECK(!m.once(here, high_at, value));
    REQUIRE(pages.map(block_at + 0x3000, {.first = {0x403}, .instead_of = 0x123}) == errc::ok);
    CHECK(m.once(here, high_at, value));
    CHECK(value == 9);                    // the 8 that was written there, and one more
    REQUIRE(pages.protect(code_at, {}));  // no execution
    CHECK(!m.once(here, high_at, value));
    CHECK(pages.release() == errc::ok);
    CHECK(m.source.free_frames() == table_frames.count);
}

struct guest_pages {
    using space = machine;
    std::uint64_t first = 0;  ///< what block_at is mapped to, as a block; else what `page` is
    std::uint64_t page = 0;
    result<std::uint64_t> address_of(frame<> f) {
        if (page == 0) return block_at + ((f.number - first) << 12);
        return f.number == page ? result<std::uint64_t>(block_at + 0x3000) : errc::not_owned;
    }
    bool pinned(frame<>, unsigned) { return false; }
    void moved(std::uint64_t, frame<>, frame<> to, unsigned order) {
        (order == 9 ? first : page) = to.number;
    }
};

TEST_CASE("a guest counts in a page while its frame, then its block, moves under it") {
    machine_under_test m(guest_loop, guest_loop_end);
    auto& pages = *m.pages;
    // A code and a data segment; one gate, for page faults (Intel SDM volume 3A, 3.4.5 and 6.14.1).
    words_of(0x23)[1] = 0x00af'9b00'0000'ffff;
    words_of(0x23)[2] = 0x00cf'9300'0000'ffff;
    const std::uint64_t handler = code_at + static_cast<std::uint64_t>(guest_loop_fault - guest_loop);
    words_of(0x23)[4 + 2 * 14] =
        (handler & 0xffff) | 8 << 16 | std::uint64_t{0x8e00} << 32 | (handler >> 16) << 48;
    words_of(0x23)[4 + 2 * 14 + 1] = handler >> 32;
    m.guest.enter_long_mode(m.root, tables_at, tables_at + 32, 15 * 16);
    for (std::uint64_t i = 1; i < 512; ++i) words_of(0x403)[i] = i * 0x0101'0101;

    kvm_regs registers{};
    registers.rip = code_at;
    registers.rsp = stack_at + 4096;
    registers.rbx = talk_at;
    registers.rdi = block_at + 0x3000;
    std::uint32_t why = 0;
    m.running = true;
    std::thread processor([&] {
        why = m.guest.run(registers);
        m.running = false;
    });
    guest_pages reverse{.first = 0x400};
    page_table_mover mover(pages, reverse);
    const auto wait = [&] {  // the guest goes on counting between moves
        const std::uint64_t asked = talk(0).fetch_add(1) + 1;
        while (talk(1).load() != asked && m.running) std::this_thread::yield();
    };
    for (unsigned i = 0; i < 6 && m.running; ++i) {
        const std::uint64_t to = 0x400 + 0x200 * ((i + 1) % 4);
        CHECK(mover.block_of({reverse.first + 3}).value() == used_block<>{{reverse.first}, 9});
        CHECK(mover.move({reverse.first}, {to}, 9) == errc::ok);
        std::memset(words_of(0x400 + 0x200 * (i % 4) + 3), 0xee, 4096);  // nobody uses it any more
        wait();
    }
    CHECK(pages.split(block_at, 1) == errc::ok);
    reverse.page = reverse.first + 3;
    unsigned moved = 0;
    for (unsigned i = 0; i < 100 && m.running; ++i) {
        const std::uint64_t from = reverse.page;
        const std::uint64_t to = i % 2 == 0 ? 0x40 + i % 64 : 0xc00 + i;
        moved += mover.move({from}, {to}, 0) == errc::ok ? 1 : 0;
        std::memset(words_of(from), 0xee, 4096);
        wait();
    }
    talk(2).store(1);
    processor.join();
    CHECK(why == KVM_EXIT_HLT);
    CHECK(moved == 100);
    CHECK(registers.rax == registers.r8);  // it read what it had written, each time
    CHECK(registers.r8 > 100);
    const std::uint64_t* const there = words_of(reverse.page);
    CHECK(there[0] == registers.r8);
    for (std::uint64_t i = 1; i < 512; ++i) REQUIRE(there[i] == i * 0x0101'0101);
    const std::uint64_t left = m.entry(block_at + 0x3000);
    CHECK(x86_64::is_writable(left));
    CHECK(x86_64::is_dirty(left));
    CHECK(x86_64::software_of(left) == 0);
    MESSAGE("counted to ", registers.r8, ", ", registers.r9, " page faults");
}

}  // namespace
