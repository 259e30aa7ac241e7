// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The guest whose memory the other one sees: no system, the library alone. It is started as PVH says, takes
// frames all over its memory, builds a table of them, and answers what it finds in them.
#include <ashlar/ashlar.hpp>
#include <ashlar/remote.hpp>
#include <ashlar/testing/random_bits.hpp>
#include <cstddef>
#include <cstdint>

#include "two_guests.hpp"

// From 32 bits without paging to 64 bits with 8 GiB at their own addresses, in pages of 2 MiB. SSE is on: the
// compiler may use it. Source: Xen's docs/misc/pvh.pandoc.
asm(R"(
.pushsection .note.Xen, "a", @note
    .balign 4
    .long 4, 4, 18                  # XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long enter
.popsection
.pushsection .text.enter, "ax", @progbits
.code32
    .globl enter
enter:
    movl %ebx, %edi                 # the start info: run's first argument
    movl $stack_end, %esp
    movl $directory + 3, directory_pointers_top
    movl $directories + 3, %eax
    movl $directory, %ecx
1:  movl %eax, (%ecx)
    addl $4096, %eax
    addl $8, %ecx
    cmpl $directory + 64, %ecx
    jb 1b
    movl $0x83, %eax                # present, writable, 2 MiB
    xorl %edx, %edx
    movl $directories, %ecx
2:  movl %eax, (%ecx)
    movl %edx, 4(%ecx)
    addl $0x200000, %eax
    adcl $0, %edx
    addl $8, %ecx
    cmpl $directories + 8 * 4096, %ecx
    jb 2b
    movl $directory_pointers_top, %eax
    movl %eax, %cr3
    movl $0x620, %eax               # PAE, OSFXSR, OSXMMEXCPT
    movl %eax, %cr4
    movl $0xc0000080, %ecx          # EFER
    rdmsr
    orl $0x100, %eax                # LME
    wrmsr
    movl $0x80000013, %eax          # PG, ET, MP, PE
    movl %eax, %cr0
    lgdt descriptors_end
    ljmp $8, $3f
.code64
3:  movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    call run
tick:                               # of the timer: it has done what it is for
    pushq %rax
    movb $0x20, %al
    outb %al, $0x20
    popq %rax
    iretq
.balign 8
descriptors:
    .quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
descriptors_end:
    .word 23
    .quad descriptors
.popsection
.pushsection .bss
    .balign 4096
directory_pointers_top: .skip 4096
directory:              .skip 4096
directories:            .skip 8 * 4096
stack:                  .skip 65536
stack_end:
.popsection
)");

extern "C" {
extern const std::byte image_begin[] asm("__executable_start");
extern const std::byte image_end[] asm("_end");
extern const std::byte timer_gate[] asm("tick");

// The compiler calls these.
void* memset(void* to, int value, std::size_t size) {
    void* const begin = to;
    asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
    return begin;
}
void* memcpy(void* to, const void* from, std::size_t size) {
    void* const begin = to;
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
    return begin;
}
}

namespace {

using namespace guests;

void out(std::uint16_t port, std::uint8_t value) {
    asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}
void put(const char* text) {
    for (; *text != '\0'; ++text) out(0x3f8, static_cast<std::uint8_t>(*text));
}
void put(std::uint64_t number) {
    if (number >= 10) put(number / 10);
    out(0x3f8, static_cast<std::uint8_t>('0' + number % 10));
}
template <class... Parts>
void say(Parts... parts) {
    (put(parts), ...);
    put("\n");
}
/// QEMU ends with 2 * status + 1.
[[noreturn]] void end(std::uint8_t status) {
    out(0xf4, status);
    for (;;) asm volatile("hlt");
}
void must(bool holds, const char* what, const char* why = "not so") {
    if (holds) return;
    say("failed: ", what, ": ", why);
    end(1);
}
void must(errc answer, const char* what) {
    must(answer == errc::ok, what, to_string(answer));
}

/// A tick of 1/1000 s, vector 32 for it, and all other interrupts masked: so that waiting costs no processor.
void start_timer() {
    static constinit std::uint64_t gates[66]{};
    const auto handler = reinterpret_cast<std::uintptr_t>(timer_gate);
    gates[64] = (handler & 0xffff) | 8 << 16 | std::uint64_t{0x8e00} << 32 | (handler >> 16 & 0xffff) << 48;
    gates[65] = handler >> 32;
    struct [[gnu::packed]] {
        std::uint16_t limit = sizeof gates - 1;
        std::uint64_t base = reinterpret_cast<std::uintptr_t>(gates);
    } const table;
    asm volatile("lidt %0" : : "m"(table), "m"(gates));
    struct port_write {
        std::uint16_t port;
        std::uint8_t value;
    };
    constexpr std::uint16_t divisor = 1'193'182 / 1000;
    // Both PICs: initialise, vectors from 32 and 40 on, cascaded at 2, as an 8086 has them, masks. The timer:
    // divides.
    constexpr port_write writes[] = {{0x20, 0x11},        {0xa0, 0x11}, {0x21, 32},   {0xa1, 40},
                                     {0x21, 4},           {0xa1, 2},    {0x21, 1},    {0xa1, 1},
                                     {0x21, 0xfe},        {0xa1, 0xff}, {0x43, 0x34}, {0x40, divisor & 0xff},
                                     {0x40, divisor >> 8}};
    for (const port_write& each : writes) out(each.port, each.value);
}
void nap() {
    asm volatile("sti; hlt; cli" : : : "memory");
}

using memory = physical_memory<zone<counted<radix_buddy<platform>>>>;
constinit memory_entry entries[64]{};
constinit memory_map map{entries};
constinit defect found[8]{};
constinit defects wrong{found};
constinit topology nodes;
constinit metadata_piece pieces[1]{};
constinit memory ram;

/// This guest's own memory, as the near one has it behind its BAR.
struct own_memory {
    [[nodiscard]] static volatile std::uint64_t& word(std::uint64_t at) {
        return *reinterpret_cast<volatile std::uint64_t*>(at);
    }
    [[nodiscard]] static std::uint32_t read32(std::uint64_t at) {
        return *reinterpret_cast<volatile std::uint32_t*>(at);
    }
    [[nodiscard]] static std::uint64_t read64(std::uint64_t at) { return word(at); }
    static void write32(std::uint64_t at, std::uint32_t value) {
        *reinterpret_cast<volatile std::uint32_t*>(at) = value;
    }
    static void write64(std::uint64_t at, std::uint64_t value) { word(at) = value; }
    static void store_fence() { asm volatile("mfence" : : : "memory"); }
};
static_assert(register_access<own_memory>);

/// The machine, from what PVH tells. Its end; below the first MiB, and behind that, is what others use.
std::uint64_t boot(const std::byte* info) {
    const auto start = read_pvh_start_info({info, 56}, wrong);
    must(start.error(), "read_pvh_start_info");
    must(start->has_map(), "there is a memory map");
    const auto* const table = reinterpret_cast<const std::byte*>(start->map_address);
    must(read_pvh_map({table, start->map_bytes()}, map, wrong), "read_pvh_map");
    must(map.exclude_bytes(0, shared_page::at + page_bytes), "exclude");
    must(map.exclude_bytes(reinterpret_cast<std::uintptr_t>(image_begin),
                           reinterpret_cast<std::uintptr_t>(image_end)),
         "exclude the image");
    std::uint64_t last = 0;
    map.for_each_usable([&](const usable_run& run) { last = run.frames.end().number; });
    const auto count = plan_metadata<memory>(map, nodes, pieces);
    must(count.error(), "plan_metadata");
    must(ram.boot(map, nodes, {pieces, *count},
                  [](range<> frames) { return reinterpret_cast<std::byte*>(frames.first.number << 12); }),
         "boot");
    return last << 12;
}

/// A page of a table, zeroed.
std::uint64_t table_page() {
    const auto taken = ram.allocate({});
    must(taken.error(), "allocate");
    for (std::uint64_t i = 0; i < words_in_page; ++i) own_memory::word((taken->number << 12) + i * 8) = 0;
    return taken->number << 12;
}
/// A frame anywhere, of the part that comes next: low and high memory in turn, if there are both.
std::uint64_t some_page(testing::random_bits& random, std::uint64_t end_of_memory, std::uint64_t turn) {
    constexpr std::uint64_t dma32_end = std::uint64_t{1} << 20;
    const std::uint64_t end = end_of_memory >> 12;
    const bool high = end > dma32_end && turn % 2 == 0;
    const std::uint64_t first = high ? dma32_end : 0;
    const std::uint64_t count = (high || end < dma32_end ? end : dma32_end) - first;
    for (;;) {
        const frame<> wanted{first + random() % count};
        if (ram.allocate_at({wanted, 1}) == errc::ok) return wanted.number << 12;
    }
}

/// The table of all pages, filled with this start's pattern. Its root.
std::uint64_t build(std::uint64_t seed, std::uint64_t end_of_memory) {
    testing::random_bits random(seed);
    const std::uint64_t root = table_page();
    std::uint64_t neighbours = 0, high = 0, before = 0;
    for (std::uint64_t page = 0; page < pages; ++page) {
        volatile std::uint64_t& entry = own_memory::word(root + page / 512 * 8);
        if (page % 512 == 0) entry = table_page() | 1;
        const std::uint64_t at = some_page(random, end_of_memory, page);
        own_memory::word((entry & ~std::uint64_t{0xfff}) + page % 512 * 8) = at | 1;
        for (std::uint64_t i = 0; i < words_in_page; ++i)
            own_memory::word(at + i * 8) = pattern(seed, page, i);
        if (at == before + page_bytes) ++neighbours;
        if (at >> 32 != 0) ++high;
        before = at;
    }
    const std::uint64_t last = table_page();
    own_memory::word(root + pages / 512 * 8) = last | 1;
    own_memory::word(last + 8) = std::uint64_t{1} << 40 | 1;
    own_memory::word(last + 16) = ~std::uint64_t{0};
    say(pages, " pages, ", neighbours, " behind the one before, ", high, " above 4 GiB");
    return root;
}

std::uint64_t find_page(std::uint64_t root, std::uint64_t page) {
    const std::uint64_t table = own_memory::word(root + page / 512 * 8) & ~std::uint64_t{0xfff};
    return own_memory::word(table + page % 512 * 8) & ~std::uint64_t{0xfff};
}
std::uint64_t mismatches(std::uint64_t at, std::uint64_t seed, std::uint64_t page) {
    std::uint64_t count = 0;
    for (std::uint64_t i = 0; i < words_in_page; ++i)
        if (own_memory::word(at + i * 8) != pattern(seed, page, i)) ++count;
    return count;
}

}  // namespace

extern "C" [[noreturn, gnu::used]] void run(const std::byte* info) {
    // The command line is a digit: which start this is.
    const auto* const line = reinterpret_cast<const char*>(load_little<std::uint64_t>({info, 56}, 24));
    const auto epoch = static_cast<std::uint32_t>(*line - '0');
    must(is_epoch(epoch) && epoch < 10, "the command line is the epoch");
    const std::uint64_t end_of_memory = boot(info);
    for (std::uint64_t i = 0; i < words_in_page; ++i) own_memory::word(shared_page::at + i * 8) = 0;
    const auto donated = ram.allocate({.order = 10});
    must(donated.error(), "there is memory to donate");
    const std::uint64_t root = build(epoch, end_of_memory);
    static_assert(donated_bytes == page_bytes << 10);
    own_memory::word(shared_page::root) = root;
    own_memory::word(shared_page::donated) = donated->number << 12;
    own_memory::store_fence();
    own_memory::word(shared_page::canary) = canary_of(epoch);

    start_timer();
    own_memory words;
    scratchpad_words<own_memory> pads(words, shared_page::far_hello, shared_page::near_hello);
    hand_shake<scratchpad_words<own_memory>> shake(
        pads, {.epoch = epoch, .offered = {{0}, end_of_memory}, .canary = {shared_page::canary}});
    bool met = false;
    std::uint64_t done = 0;
    for (;;) {
        if (shake.step() == errc::ok && !met) {
            met = true;
            say("met the start ", std::uint64_t{shake.peer_hello().epoch}, " of the other guest");
        }
        const std::uint64_t asked = own_memory::word(shared_page::question);
        if (asked == done) {
            nap();
            continue;
        }
        done = asked;
        const std::uint64_t subject = own_memory::word(shared_page::subject);
        std::uint64_t answer = 0;
        switch (static_cast<about>(asked & 0xff)) {
            case about::mismatches:
                answer = mismatches(find_page(root, subject), own_memory::word(shared_page::seed), subject);
                break;
            case about::word:
                answer = own_memory::word(subject);
                break;
            case about::end:
                must(ram.validate(), "validate");
                say("done");
                end(0);
        }
        own_memory::word(shared_page::answer) = answer;
        own_memory::store_fence();
        own_memory::word(shared_page::answered) = asked;
    }
}
