// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Memory of processes and guests: what is refused before the system is asked for it, which might do it.
#include <ashlar/linux_backend/kvm_memory_slot.hpp>
//
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <ashlar/linux_backend/file_descriptor.hpp>
#include <ashlar/linux_backend/kvm_slot_path.hpp>
#include <ashlar/linux_backend/mapped_device.hpp>
#include <ashlar/linux_backend/process_pages.hpp>
#include <ashlar/linux_backend/process_path.hpp>
#include <ashlar/linux_backend/shared_file.hpp>
#include <ashlar/linux_backend/signalled_writers.hpp>
#include <cstdio>
#include <limits>
#include <utility>

#include "harness/by_day.hpp"
#include "linux_backend/dimms.hpp"

namespace {

using namespace ashlar;

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

/// Files and devices that answer nothing here: what reaches them is told as `unsupported`.
[[nodiscard]] file_descriptor deaf() {
    file_descriptor file(::open("/dev/null", O_RDWR | O_CLOEXEC));
    REQUIRE(file);
    return file;
}

TEST_CASE("a slot of KVM has whole pages that the guest can address, and is set before it is used") {
    const file_descriptor vm = deaf();
    mapped_region memory;
    REQUIRE(memory.map_zeros(2 * page) == errc::ok);
    const view<std::byte> all = memory.bytes();
    kvm_memory_slot slot;
    CHECK(slot.set(vm.number(), 0, {0}, all) == errc::unsupported);
    CHECK(slot.set(vm.number(), 0, {0}, {}) == errc::invalid);
    CHECK(slot.set(vm.number(), 0, {most / page + 1}, all) == errc::invalid);
    CHECK(slot.set(vm.number(), 0, {0}, {all.data() + 8, page}) == errc::misaligned);
    CHECK(slot.set(vm.number(), 0, {0}, all.subview(0, page + 8)) == errc::misaligned);
    CHECK(slot.log_writes(true) == errc::invalid);
    std::uint64_t words[1];
    CHECK(slot.fetch_written(words) == errc::invalid);
}

TEST_CASE("files of memory: no frames, and more than a file has bytes for") {
    memory_file file;
    // As bytes these are one page more than 2^64.
    CHECK(file.create("ashlar", {{0}, (std::uint64_t{1} << 52) + 1}) == errc::invalid);
    CHECK(file.create("ashlar", {{0x100}, 0}) == errc::invalid);
    CHECK(file.create("ashlar", {{most}, 2}) == errc::invalid);
    CHECK(file.frames().empty());
    REQUIRE(file.create("ashlar", {{0x100}, 4}) == errc::ok);
    CHECK(file.punch({{0x100}, 0}) == errc::not_owned);
    CHECK(file.punch({{0x102}, 3}) == errc::not_owned);
    mapped_region again;
    CHECK(file.map({{0x100}, 0}, again) == errc::not_owned);
    CHECK(file.map({{0xff}, 2}, again) == errc::not_owned);
    CHECK(file.lock({{0x100}, 0}) == errc::not_owned);
    CHECK(file.claim({{0x100}, 0}, 1) == errc::not_owned);
    CHECK(again.bytes().empty());
    mapped_region none;
    CHECK(none.reserve(0, page) == errc::invalid);
    CHECK(none.reserve(page, std::numeric_limits<std::size_t>::max()) == errc::invalid);
    CHECK(none.reserve(std::size_t{1} << 62, page) == errc::exhausted);
    CHECK(none.map_zeros(0) == errc::invalid);
    CHECK(none.bytes().empty());
}

TEST_CASE("a mapping of a process: sizes that there are not, and moves that are not its own") {
    three_dimms machine(8);
    process_mapping memory;
    CHECK(memory.reserve(machine.files(), 0) == errc::invalid);
    CHECK(memory.reserve({}, 8) == errc::invalid);
    CHECK(memory.reserve(machine.files(), std::uint64_t{1} << 40, 40) == errc::invalid);
    CHECK(memory.reserve(machine.files(), most) == errc::invalid);
    CHECK(memory.reserve(machine.files(), 7, 1) == errc::misaligned);
    machine.fill(memory, 1);
    CHECK(memory.reserve(machine.files(), 8) == errc::busy);
    CHECK(memory.page_of({0x9999}).error() == errc::not_owned);
    signalled_writers writers;
    REQUIRE(writers.watch(memory.bytes()) == errc::ok);
    // Nobody's part, and no part.
    mapped_region other;
    REQUIRE(other.map_zeros(page) == errc::ok);
    CHECK(writers.hold(other.bytes()) == errc::invalid);
    CHECK(writers.hold({}) == errc::invalid);
    CHECK(writers.hold(memory.bytes().subview(page, 0)) == errc::invalid);
    other.bytes()[0] = std::byte{1};
    REQUIRE(writers.hold(memory.block_bytes(0)) == errc::ok);
    writers.release(memory.block_bytes(0), false);
    // Frame by frame only where a block is one.
    process_path blocks(memory, writers, {0x100});
    CHECK(blocks.hold({.origins = {{0x100}, 1}, .target = {0x20000}}) == errc::invalid);
    writers.unwatch();
    three_dimms small(4);
    process_mapping single;
    small.fill(single);
    REQUIRE(writers.watch(single.bytes()) == errc::ok);
    process_path path(single, writers, {0x100});
    CHECK(path.hold({.origins = {{0x100}, 0}, .target = {0x20000}}) == errc::invalid);
    CHECK(path.hold({.origins = {{0x102}, 3}, .target = {0x20000}}) == errc::invalid);
    // All are re-pointed with the last one, and where the move leads to.
    const frame_move move{.origins = {{0x100}, 2}, .target = small.at(1, 0)};
    REQUIRE(path.hold(move) == errc::ok);
    CHECK(path.point({0x100}, small.at(1, 1)) == errc::ok);
    CHECK(path.point({0x101}, small.at(1, 2)) == errc::ok);
    CHECK(*single.frame_of(0) == small.at(0, 0));
    CHECK(path.point({0x101}, small.at(1, 1)) == errc::ok);
    CHECK(*single.frame_of(0) == small.at(1, 0));
    CHECK(*single.frame_of(1) == small.at(1, 1));
    path.release(move);
    writers.unwatch();
}

struct page_platform : platform {
    static constexpr std::uint64_t frame_bytes = page;
    [[nodiscard]] static void* bytes_of(frame<>) noexcept { return nullptr; }
};

TEST_CASE("writers that nobody watches, and a log that there is not, hold no move up") {
    three_dimms machine(4);
    process_mapping memory;
    machine.fill(memory);
    signalled_writers nobody;
    process_pages pages(memory, nobody);
    CHECK(pages.hold({{machine.at(0, 1)}, 0}) == errc::invalid);
    kvm_memory_slot unset;
    std::uint64_t words[2]{};
    kvm_slot_path<page_platform, signalled_writers> path(unset, memory, nobody, {0x100}, words);
    CHECK(path.track({.origins = {{0x100}, 1}, .target = machine.at(1, 0)}) == errc::invalid);
    CHECK(path.hold({.origins = {{0x200}, 1}, .target = machine.at(1, 0)}) == errc::invalid);
    CHECK(*memory.frame_of(0) == machine.at(0, 0));
}

/// While it lives the process gets `bytes` of addresses more, and then none.
struct few_addresses {
    ::rlimit before{};

    explicit few_addresses(std::uint64_t bytes) {
        unsigned long size = 0;
        std::FILE* const file = std::fopen("/proc/self/statm", "r");
        REQUIRE(file != nullptr);
        const int read = std::fscanf(file, "%lu", &size);
        (void)std::fclose(file);
        REQUIRE(read == 1);
        REQUIRE(::getrlimit(RLIMIT_AS, &before) == 0);
        const ::rlimit now{size * page + bytes, before.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_AS, &now) == 0);
    }
    ~few_addresses() { (void)::setrlimit(RLIMIT_AS, &before); }
    few_addresses(const few_addresses&) = delete;
    few_addresses& operator=(const few_addresses&) = delete;
};

// (AddressSanitizer has all addresses already.)
TEST_CASE("where the process has no addresses left it is told so, and all is as before" *
          doctest::skip(harness::address_sanitizer)) {
    constexpr std::uint64_t frames = 64;
    for (const std::uint64_t room : {std::uint64_t{1}, frames}) {  // for who uses them, or for them
        memory_file file;
        errc answer = errc::ok;
        {
            const few_addresses limit(room * page);
            answer = file.create("ashlar", {{0x100}, frames});
        }
        CHECK(answer == errc::exhausted);
        CHECK(file.frames().empty());
        CHECK(file.create("ashlar", {{0x100}, frames}) == errc::ok);
    }
    three_dimms machine(frames);
    for (const std::uint64_t room : {std::uint64_t{0}, std::uint64_t{2}}) {  // the table alone has room
        process_mapping memory;
        errc answer = errc::ok;
        {
            const few_addresses limit(room * page);
            answer = memory.reserve(machine.files(), frames);
        }
        CHECK(answer == errc::exhausted);
        CHECK(memory.pages() == 0);
        machine.fill(memory);
    }
    // What is lost is noted in two bits a page: so large that the notes are larger than a page.
    constexpr std::uint64_t large = std::uint64_t{1} << 30;
    for (const std::uint64_t room : {std::uint64_t{0}, large / page + 1}) {
        shared_file memory;
        REQUIRE(memory.create("ashlar", large) == errc::ok);
        mapped_device<shared_file> mapped;
        errc answer = errc::ok;
        {
            const few_addresses limit(room * page);
            answer = mapped.map(std::move(memory));
        }
        CHECK(answer == errc::exhausted);
        CHECK(mapped.size() == 0);
    }
}

}  // namespace
