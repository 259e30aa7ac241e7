// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/linux_backend/memory_file.hpp>
//
#include <doctest/doctest.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <ashlar/linux_backend/memory_files.hpp>
#include <ashlar/linux_backend/process_mapping.hpp>
#include <ashlar/linux_backend/system_error.hpp>
#include <cstring>
#include <utility>

#include "linux_backend/dimms.hpp"
#include "linux_backend/faults.hpp"

namespace {

using ashlar::errc;
using ashlar::frame;
using ashlar::memory_file;

bool all_are(const std::byte* bytes, std::size_t count, unsigned value) {
    return std::all_of(bytes, bytes + count, [=](std::byte b) { return b == static_cast<std::byte>(value); });
}

TEST_CASE("the example of memory_file") {
    memory_file dimm;
    REQUIRE(dimm.create("dimm 0", {{0x100}, 256}) == errc::ok);
    CHECK(dimm.frames() == ashlar::range<>{{0x100}, 256});
    CHECK(dimm.page_bytes() == static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)));
    CHECK(dimm.owns({0x1ff}));
    CHECK_FALSE(dimm.owns({0x200}));
    CHECK(dimm.bytes_of({0xff}) == nullptr);
    CHECK(dimm.offset_of({0x180}) == 0x80 * dimm.page_bytes());
    std::memset(dimm.bytes_of({0x180}), 0xa5, dimm.page_bytes());
    std::memset(dimm.bytes_of({0x181}), 0x5a, dimm.page_bytes());
    CHECK(dimm.punch({{0x180}, 1}) == errc::ok);
    CHECK(all_are(dimm.bytes_of({0x180}), dimm.page_bytes(), 0));
    CHECK(all_are(dimm.bytes_of({0x181}), dimm.page_bytes(), 0x5a));
    CHECK(dimm.remove() == errc::ok);
    CHECK_FALSE(dimm.owns({0x180}));
    CHECK(dimm.remove() == errc::not_owned);
    CHECK(dimm.bytes_of({0x180}) == nullptr);
    CHECK(dimm.claim({{0x180}, 1}, 1) == errc::not_owned);
    CHECK(dimm.punch({{0x180}, 1}) == errc::not_owned);
    REQUIRE(dimm.create("another one", {{0x180}, 1}) == errc::ok);  // in the same slot
    CHECK(all_are(dimm.bytes_of({0x180}), dimm.page_bytes(), 0));
    CHECK(dimm.user_of({0x180}) == 0);
}

TEST_CASE("memory that is taken away is SIGBUS through every mapping; a punched page is zeros") {
    memory_file dimm;
    REQUIRE(dimm.create("dimm", {{1}, 4}) == errc::ok);
    ashlar::mapped_region other;
    CHECK(dimm.map({{4}, 2}, other) == errc::not_owned);
    REQUIRE(dimm.map({{1}, 4}, other) == errc::ok);
    CHECK(dimm.map({{1}, 1}, other) == errc::busy);
    ashlar::mapped_region third;
    REQUIRE(dimm.map({{3}, 1}, third) == errc::ok);
    *third.bytes().data() = std::byte{9};
    CHECK(other.bytes()[2 * dimm.page_bytes()] == std::byte{9});
    std::memset(other.bytes().data(), 7, other.bytes().size());
    CHECK(all_are(dimm.bytes_of({1}), 4 * dimm.page_bytes(), 7));
    CHECK(signal_of([&] { touch(other.bytes().data()); }) == 0);
    CHECK(dimm.punch({{1}, 4}) == errc::ok);
    CHECK(all_are(other.bytes().data(), other.bytes().size(), 0));
    CHECK(dimm.remove() == errc::ok);
    CHECK(signal_of([&] { touch(other.bytes().data()); }) == SIGBUS);
}

TEST_CASE("frames that are used have a user, whoever he is") {
    memory_file dimm;
    REQUIRE(dimm.create("dimm", {{8}, 8}) == errc::ok);
    CHECK(dimm.user_of({8}) == 0);
    CHECK(dimm.claim({{10}, 2}, 42) == errc::ok);
    CHECK(dimm.user_of({11}) == 42);
    CHECK(dimm.claim({{8}, 4}, 43) == errc::busy);
    CHECK(dimm.user_of({8}) == 0);  // no trace
    CHECK(dimm.user_of({10}) == 42);
    CHECK(dimm.claim({{15}, 2}, 43) == errc::not_owned);
    CHECK(dimm.claim({{8}, 0}, 43) == errc::not_owned);
    dimm.disclaim({{10}, 2}, 43);  // not his
    CHECK(dimm.user_of({10}) == 42);
    dimm.disclaim({{10}, 2}, 42);
    CHECK(dimm.claim({{8}, 8}, 43) == errc::ok);
    CHECK(dimm.user_of({16}) == 0);
}

TEST_CASE("what cannot be made says why, and nothing is open then") {
    memory_file dimm;
    CHECK(dimm.create("none", {{1}, 0}) == errc::invalid);
    CHECK(dimm.create("wraps", {{~std::uint64_t{0}}, 2}) == errc::invalid);
    CHECK(dimm.create("too large", {{1}, std::uint64_t{1} << 60}) == errc::invalid);
    CHECK(dimm.create("page size", {{1}, 1}, 40) == errc::invalid);
    CHECK(dimm.create("page size", {{1}, 1}, 13) != errc::ok);
    CHECK(dimm.descriptor() < 0);
    CHECK(dimm.punch({{1}, 1}) == errc::not_owned);
    CHECK(dimm.lock({{1}, 1}) == errc::not_owned);
    REQUIRE(dimm.create("one", {{1}, 2}) == errc::ok);
    CHECK(dimm.create("again", {{1}, 2}) == errc::busy);
    CHECK(dimm.punch({{2}, 2}) == errc::not_owned);
    CHECK(dimm.punch({{1}, 0}) == errc::not_owned);
    // Within the limit of memory that may be locked, if there is one of at least two pages.
    const errc locked = dimm.lock(dimm.frames());
    CHECK((locked == errc::ok || locked == errc::exhausted || locked == errc::unsupported));
    // Huge pages come from a pool, which may be empty.
    memory_file huge;
    const errc made = huge.create("huge", {{1}, 2}, 21);
    CHECK((made == errc::ok || made == errc::exhausted || made == errc::revoked || made == errc::invalid));
    if (made == errc::ok) CHECK(huge.page_bytes() == 2 << 20);
}

TEST_CASE("a shared file is memory, too") {
    const int file = memfd_create("shared", MFD_CLOEXEC);
    REQUIRE(file >= 0);
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    REQUIRE(ftruncate(file, static_cast<off_t>(4 * page)) == 0);
    memory_file dimm;
    CHECK(dimm.adopt(-1, {{1}, 4}) != errc::ok);
    CHECK(dimm.adopt(file, {{1}, 5}) == errc::invalid);
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    CHECK(dimm.adopt(ends[0], {{1}, 1}) == errc::unsupported);
    REQUIRE(dimm.adopt(file, {{1}, 4}) == errc::ok);
    CHECK(dimm.adopt(ends[0], {{1}, 1}) == errc::busy);
    const std::byte mark{0x3c};
    REQUIRE(pwrite(file, &mark, 1, static_cast<off_t>(2 * page)) == 1);
    CHECK(*dimm.bytes_of({3}) == mark);
    close(ends[0]);
    close(ends[1]);
}

TEST_CASE("a file is moved with its memory and its users") {
    memory_file first;
    REQUIRE(first.create("first", {{1}, 2}) == errc::ok);
    REQUIRE(first.claim({{2}, 1}, 9) == errc::ok);
    std::memset(first.bytes_of({2}), 1, first.page_bytes());
    memory_file second(std::move(first));
    CHECK_FALSE(first.owns({2}));
    CHECK(first.bytes_of({2}) == nullptr);
    CHECK(first.user_of({2}) == 0);
    CHECK(second.user_of({2}) == 9);
    CHECK(all_are(second.bytes_of({2}), second.page_bytes(), 1));
    first = std::move(second);
    CHECK(first.user_of({2}) == 9);
}

TEST_CASE("several files: whose a frame is, and copies that survive a memory that is gone") {
    three_dimms machine(4);
    const ashlar::memory_files all = machine.files();
    CHECK(all.file_of(machine.at(1, 3)) == &machine.dimm[1]);
    CHECK(all.file_of(machine.at(1, 4)) == nullptr);
    CHECK(all.file_of(ashlar::range<>{machine.at(1, 3), 2}) == nullptr);
    CHECK(all.bytes_of(machine.at(2, 1)) == machine.dimm[2].bytes_of(machine.at(2, 1)));
    CHECK(all.bytes_of({1}) == nullptr);

    const std::size_t page = machine.dimm[0].page_bytes();
    for (std::size_t i = 0; i < page; ++i)
        machine.dimm[0].bytes_of(machine.at(0, 2))[i] = static_cast<std::byte>(i * 7);
    const ashlar::memory_file_copy copy{all};
    CHECK(copy(machine.at(0, 2), machine.at(2, 1)) == errc::ok);
    CHECK(std::memcmp(machine.dimm[0].bytes_of(machine.at(0, 2)), machine.dimm[2].bytes_of(machine.at(2, 1)),
                      page) == 0);
    CHECK(copy({1}, machine.at(2, 1)) == errc::not_owned);
    CHECK(copy(machine.at(0, 2), {1}) == errc::not_owned);
    // The file is cut behind the bank's back: a load would be SIGBUS.
    REQUIRE(ftruncate(machine.dimm[0].descriptor(), static_cast<off_t>(2 * page)) == 0);
    CHECK(copy(machine.at(0, 2), machine.at(2, 1)) == errc::unreadable);
    CHECK(copy(machine.at(0, 1), machine.at(2, 1)) == errc::ok);
    CHECK(copy(machine.at(2, 1), machine.at(0, 2)) ==
          errc::unreadable);  // EFAULT: there is nothing to write to
}

TEST_CASE("pages of a stretch at frames of several files") {
    three_dimms machine(8);
    ashlar::process_mapping memory;
    CHECK(memory.frame_of(0).error() == errc::not_owned);
    CHECK(memory.reserve({}, 8) == errc::invalid);
    CHECK(memory.reserve(machine.files(), 0) == errc::invalid);
    CHECK(memory.reserve(machine.files(), 6, 2) == errc::misaligned);
    CHECK(memory.reserve(machine.files(), std::uint64_t{1} << 60) == errc::invalid);
    CHECK(memory.reserve(machine.files(), std::uint64_t{1} << 45) ==
          errc::exhausted);  // there are 47 bits of addresses
    REQUIRE(memory.reserve(machine.files(), 8) == errc::ok);
    CHECK(memory.reserve(machine.files(), 8) == errc::busy);
    CHECK(memory.pages() == 8);
    const std::size_t page = memory.page_bytes();

    CHECK(signal_of([&] { touch(memory.bytes().data()); }) == SIGSEGV);
    REQUIRE(memory.assign(3, machine.at(1, 5)) == errc::ok);
    CHECK(memory.frame_of(3).value() == machine.at(1, 5));
    CHECK(memory.page_of(machine.at(1, 5)).value() == 3);
    CHECK(memory.block_of(machine.at(1, 5)).value() == ashlar::used_block<>{machine.at(1, 5), 0});
    CHECK(memory.block_of(machine.at(1, 4)).error() == errc::not_owned);
    CHECK(memory.block_of({1}).error() == errc::not_owned);
    std::memset(memory.block_bytes(3).data(), 0x11, page);
    CHECK(all_are(machine.dimm[1].bytes_of(machine.at(1, 5)), page, 0x11));

    CHECK(memory.assign(3, machine.at(1, 6)) == errc::busy);
    CHECK(memory.assign(4, machine.at(1, 5)) == errc::busy);
    CHECK(memory.assign(8, machine.at(1, 6)) == errc::not_owned);
    CHECK(memory.assign(4, {1}) == errc::not_owned);
    CHECK(memory.repoint(4, machine.at(1, 6)) == errc::not_owned);
    CHECK(memory.repoint(3, {1}) == errc::not_owned);
    CHECK(memory.repoint(3, machine.at(1, 5)) == errc::busy);
    CHECK(memory.frame_of(3).value() == machine.at(1, 5));

    // Another stretch over the same DIMMs.
    ashlar::process_mapping other;
    REQUIRE(other.reserve(machine.files(), 1) == errc::ok);
    CHECK(other.assign(0, machine.at(1, 5)) == errc::busy);
    CHECK(other.page_of(machine.at(1, 5)).error() == errc::not_owned);

    REQUIRE(memory.repoint(3, machine.at(2, 0)) == errc::ok);
    CHECK(memory.page_of(machine.at(2, 0)).value() == 3);
    CHECK(memory.page_of(machine.at(1, 5)).error() == errc::not_owned);
    CHECK(all_are(memory.block_bytes(3).data(), page, 0));  // re-pointed, not copied
    CHECK(other.assign(0, machine.at(1, 5)) == errc::ok);
    CHECK(all_are(other.bytes().data(), page, 0x11));

    CHECK(memory.withdraw(3) == errc::ok);
    CHECK(memory.withdraw(3) == errc::not_owned);
    CHECK(signal_of([&] { touch(memory.block_bytes(3).data()); }) == SIGSEGV);
    CHECK(machine.dimm[2].user_of(machine.at(2, 0)) == 0);
    other.reset();
    CHECK(machine.dimm[1].user_of(machine.at(1, 5)) == 0);
}

TEST_CASE("pages in blocks") {
    three_dimms machine(8);
    ashlar::process_mapping memory;
    REQUIRE(memory.reserve(machine.files(), 8, 2) == errc::ok);
    CHECK(reinterpret_cast<std::uintptr_t>(memory.bytes().data()) % (4 * memory.page_bytes()) == 0);
    CHECK(memory.assign(0, machine.at(0, 2)) == errc::misaligned);
    CHECK(memory.assign(2, machine.at(0, 4)) == errc::misaligned);
    REQUIRE(memory.assign(4, machine.at(0, 0)) == errc::ok);
    CHECK(memory.frame_of(6).value() == machine.at(0, 2));
    CHECK(memory.page_of(machine.at(0, 3)).value() == 7);
    CHECK(memory.block_of(machine.at(0, 3)).value() == ashlar::used_block<>{machine.at(0, 0), 2});
    CHECK(memory.block_bytes(7).data() == memory.bytes().data() + 4 * memory.page_bytes());
    CHECK(memory.frame_of(3).error() == errc::not_owned);
    *machine.dimm[0].bytes_of(machine.at(0, 3)) = std::byte{0x77};
    CHECK(memory.bytes()[7 * memory.page_bytes()] == std::byte{0x77});
    // A DIMM that is gone gives nothing back.
    CHECK(machine.dimm[0].remove() == errc::ok);
    CHECK(memory.page_of(machine.at(0, 3)).error() == errc::not_owned);
    CHECK(memory.repoint(4, machine.at(1, 0)) == errc::ok);
    CHECK(memory.bytes()[7 * memory.page_bytes()] == std::byte{0});
}

/// Frames of a file that allows what it is sealed against no more.
void open_sealable(memory_file& file, ashlar::range<> frames) {
    ashlar::file_descriptor made(memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    REQUIRE(made);
    REQUIRE(ftruncate(made.number(), static_cast<off_t>(frames.count) * sysconf(_SC_PAGESIZE)) == 0);
    REQUIRE(file.adopt(made.number(), frames) == errc::ok);
    (void)made.release();
}
void seal(const memory_file& file, int seals) {
    REQUIRE(fcntl(file.descriptor(), F_ADD_SEALS, seals) == 0);
}

TEST_CASE("a file that may not be cut stays, with its frames and their users") {
    memory_file dimm;
    open_sealable(dimm, {{0x100}, 4});
    std::memset(dimm.bytes_of({0x101}), 0x33, dimm.page_bytes());
    REQUIRE(dimm.claim({{0x101}, 1}, 7) == errc::ok);
    seal(dimm, F_SEAL_SHRINK);
    CHECK(dimm.remove() == errc::unsupported);
    CHECK(dimm.owns({0x101}));
    CHECK(all_are(dimm.bytes_of({0x101}), dimm.page_bytes(), 0x33));
    CHECK(dimm.user_of({0x101}) == 7);
}

TEST_CASE("frames that cannot be mapped: the pages stay where they are, and nobody has the frames") {
    memory_file dimms[2];
    REQUIRE(dimms[0].create("dimm", {{0x100}, 8}) == errc::ok);
    open_sealable(dimms[1], {{0x200}, 8});
    ashlar::process_mapping memory;
    REQUIRE(memory.reserve({dimms}, 4) == errc::ok);
    for (std::uint64_t page = 0; page < 4; ++page) REQUIRE(memory.assign(page, {0x107 - page}) == errc::ok);
    const std::size_t page = memory.page_bytes();
    for (unsigned i = 0; i < 4; ++i)
        std::memset(memory.block_bytes(i).data(), static_cast<int>(0x40 + i), page);
    seal(dimms[1], F_SEAL_FUTURE_WRITE);
    CHECK(memory.repoint(1, {0x202}, 2) == errc::unsupported);
    CHECK(memory.repoint(3, {0x206}) == errc::unsupported);
    for (unsigned i = 0; i < 4; ++i) {
        CHECK(memory.frame_of(i).value() == frame<>{0x107 - i});
        CHECK(memory.page_of({0x107 - i}).value() == i);
        CHECK(all_are(memory.block_bytes(i).data(), page, 0x40 + i));
        memory.block_bytes(i)[0] = std::byte{0x77};
        CHECK(*dimms[0].bytes_of({0x107 - i}) == std::byte{0x77});
    }
    for (std::uint64_t f = 0x200; f < 0x208; ++f) CHECK(dimms[1].user_of({f}) == 0);
    CHECK(memory.repoint(1, {0x100}, 2) == errc::ok);
}

TEST_CASE("errors of the system in words of the contract") {
    using ashlar::error_of;
    CHECK(error_of(ENOMEM) == errc::exhausted);
    CHECK(error_of(EAGAIN) == errc::busy);
    CHECK(error_of(EMFILE) == errc::limit);
    CHECK(error_of(EPERM) == errc::unsupported);
    CHECK(error_of(EROFS) == errc::unsupported);  // sysfs in a container
    CHECK(error_of(EIO) == errc::unreadable);
    CHECK(error_of(ENODEV) == errc::revoked);
    CHECK(error_of(EINVAL) == errc::invalid);
}

}  // namespace
