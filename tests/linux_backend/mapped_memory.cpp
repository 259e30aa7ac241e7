// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Memory that is shared, and goes: what the accesses of `mapped_device` and plain pointers make of it.
#include <ashlar/linux_backend/mapped_device.hpp>
//
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <ashlar/linux_backend/shared_file.hpp>
#include <ashlar/remote/register_access.hpp>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "harness/by_day.hpp"
#include "linux_backend/faults.hpp"
#include "linux_backend/temporary_folder.hpp"

namespace {

using namespace ashlar;
using mapped_file = mapped_device<shared_file>;
static_assert(register_access<mapped_file>);

const std::uint64_t page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));

/// Some pages of a memfd, mapped, and a descriptor to cut them by.
struct shared_pages {
    mapped_file memory;
    file_descriptor file;

    explicit shared_pages(std::uint64_t pages) {
        shared_file made;
        REQUIRE(made.create("shared", pages * page) == errc::ok);
        file = file_descriptor(dup(made.descriptor()));
        REQUIRE(memory.map(std::move(made)) == errc::ok);
    }
    void cut(std::uint64_t pages) const {
        REQUIRE(ftruncate(file.number(), static_cast<off_t>(pages * page)) == 0);
    }
};

std::uint64_t plain_load(const mapped_file& memory, std::uint64_t offset) {
    return *reinterpret_cast<const volatile std::uint64_t*>(memory.bytes().data() + offset);
}

TEST_CASE("accesses of each width, at their places, and not beyond") {
    shared_pages pages(2);
    mapped_file& memory = pages.memory;
    CHECK(memory.is_mapped());
    CHECK(memory.size() == 2 * page);
    CHECK(memory.caching() == caching_mode::cached);
    CHECK(memory.local(8).value == reinterpret_cast<std::uintptr_t>(memory.bytes().data()) + 8);
    CHECK(memory.store<std::uint64_t>(0x10, 0x1122334455667788) == errc::ok);
    CHECK(*memory.load<std::uint64_t>(0x10) == 0x1122334455667788);
    const bool is_little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    CHECK(*memory.load<std::uint8_t>(0x10) == (is_little ? 0x88 : 0x11));
    CHECK(*memory.load<std::uint16_t>(0x12) == (is_little ? 0x5566 : 0x3344));
    CHECK(*memory.load<std::uint32_t>(0x14) == (is_little ? 0x11223344 : 0x55667788));
    CHECK(memory.store<std::uint8_t>(0x11, 0xaa) == errc::ok);
    CHECK(memory.store<std::uint16_t>(0x12, 0xbbcc) == errc::ok);
    CHECK(memory.store<std::uint32_t>(0x14, 0xdeadbeef) == errc::ok);
    CHECK(memory.read64(0x10) == (is_little ? 0xdeadbeefbbccaa88 : 0x11aabbccdeadbeef));
    CHECK(memory.read32(0x14) == 0xdeadbeef);
    memory.write64(0x18, 7);
    memory.write32(0x20, 9);
    memory.store_fence();
    CHECK(*memory.load<std::uint64_t>(0x18) == 7);
    CHECK(*memory.load<std::uint32_t>(0x20) == 9);
    CHECK(memory.read_back(0x20) == errc::ok);
    // All ones is a value like any other of a file that is there.
    memory.write64(0x28, ~std::uint64_t{0});
    CHECK(*memory.load<std::uint64_t>(0x28) == ~std::uint64_t{0});

    CHECK(memory.load<std::uint8_t>(2 * page - 1).has_value());
    CHECK(memory.load<std::uint64_t>(2 * page - 8).has_value());
    CHECK(memory.load<std::uint64_t>(2 * page).error() == errc::not_owned);
    CHECK(memory.load<std::uint8_t>(~std::uint64_t{0}).error() == errc::not_owned);
    CHECK(memory.store<std::uint16_t>(2 * page, 1) == errc::not_owned);
    CHECK(memory.load<std::uint16_t>(1).error() == errc::misaligned);
    CHECK(memory.load<std::uint64_t>(4).error() == errc::misaligned);
    CHECK(memory.store<std::uint32_t>(2, 1) == errc::misaligned);
    CHECK(memory.read_back(2 * page) == errc::not_owned);
    CHECK(memory.read32(2 * page) == ~std::uint32_t{0});
    CHECK(memory.read64(4) == ~std::uint64_t{0});
    memory.write64(2 * page, 1);

    const mapped_file moved = std::move(memory);
    CHECK(moved.read32(0x20) == 9);
    CHECK_FALSE(memory.is_mapped());
    CHECK(memory.size() == 0);
    CHECK(memory.load<std::uint8_t>(0).error() == errc::not_owned);
}

TEST_CASE("a file by name is the same memory for all; one that ends inside a page ends there") {
    const temporary_folder folder;
    folder.write("memory", "", page + 1000);
    mapped_file one;
    mapped_file other;
    for (mapped_file* each : {&one, &other}) {
        shared_file file;
        REQUIRE(file.open(folder.path("memory").c_str()) == errc::ok);
        CHECK(file.open(folder.path("memory").c_str()) == errc::busy);
        REQUIRE(each->map(std::move(file)) == errc::ok);
    }
    one.write32(page + 996, 0x12345678);
    CHECK(other.read32(page + 996) == 0x12345678);
    CHECK(other.load<std::uint32_t>(page + 1000).error() == errc::not_owned);
    other.unmap();
    CHECK_FALSE(other.is_mapped());
    CHECK(one.read32(page + 996) == 0x12345678);
}

TEST_CASE("a mapping moves as a whole; what it takes the place of is unmapped before") {
    shared_pages first(1);
    shared_pages second(2);
    first.memory.write64(8, 1);
    second.memory.write64(8, 2);
    second.cut(1);
    CHECK(second.memory.load<std::uint64_t>(page).error() == errc::unreadable);
    const std::byte* const there = second.memory.bytes().data();
    first.memory = std::move(second.memory);
    CHECK(first.memory.bytes().data() == there);
    CHECK(first.memory.size() == 2 * page);
    CHECK(first.memory.read64(8) == 2);
    CHECK(first.memory.lost_pages() == 1);
    CHECK(first.memory.load<std::uint64_t>(page + 8).error() == errc::unreadable);
    CHECK_FALSE(second.memory.is_mapped());
    CHECK(second.memory.size() == 0);
    CHECK(second.memory.load<std::uint64_t>(0).error() == errc::not_owned);
    // Where nothing is mapped something can be.
    shared_file again;
    REQUIRE(again.adopt(file_descriptor(dup(first.file.number()))) == errc::ok);
    REQUIRE(second.memory.map(std::move(again)) == errc::ok);
    CHECK(second.memory.read64(8) == 1);
    first.memory = mapped_file();
    CHECK_FALSE(first.memory.is_mapped());
    CHECK(first.memory.lost_pages() == 0);
}

TEST_CASE("what cannot be shared or mapped is told") {
    shared_file file;
    CHECK(file.open("/nonexistent/memory") == errc::revoked);
    CHECK(file.open("/dev/null") == errc::unsupported);
    CHECK(file.create("none", 0) == errc::invalid);
    CHECK(file.create("too much", ~std::uint64_t{0}) == errc::invalid);
    CHECK(file.adopt(file_descriptor(memfd_create("empty", MFD_CLOEXEC))) == errc::invalid);
    CHECK(file.adopt(file_descriptor()) == errc::invalid);
    mapped_file memory;
    CHECK(memory.map(std::move(file)) == errc::invalid);
    shared_file first;
    REQUIRE(first.create("first", page) == errc::ok);
    CHECK(first.create("first", page) == errc::busy);
    REQUIRE(memory.map(std::move(first)) == errc::ok);
    shared_file second;
    REQUIRE(second.create("second", page) == errc::ok);
    CHECK(memory.map(std::move(second)) == errc::busy);
    // For reading only: nobody can map it for stores.
    const temporary_folder folder;
    folder.write("memory", "x");
    shared_file third;
    REQUIRE(third.adopt(file_descriptor(open(folder.path("memory").c_str(), O_RDONLY | O_CLOEXEC))) ==
            errc::ok);
    mapped_file read_only;
    CHECK(read_only.map(std::move(third)) == errc::unsupported);
    CHECK_FALSE(read_only.is_mapped());
}

TEST_CASE("a file that is cut is all ones and an error, page by page, and no signal") {
    shared_pages pages(4);
    mapped_file& memory = pages.memory;
    for (std::uint64_t i = 0; i < 4; ++i) memory.write64(i * page, i + 1);
    mapped_file other;
    shared_file again;
    REQUIRE(again.adopt(file_descriptor(dup(pages.file.number()))) == errc::ok);
    REQUIRE(other.map(std::move(again)) == errc::ok);
    pages.cut(2);
    CHECK(*memory.load<std::uint64_t>(page) == 2);
    CHECK(memory.lost_pages() == 0);
    CHECK(memory.load<std::uint64_t>(2 * page).error() == errc::unreadable);
    CHECK(memory.lost_pages() == 1);
    CHECK(memory.read32(2 * page + 8) == ~std::uint32_t{0});
    CHECK(plain_load(memory, 2 * page + 64) == ~std::uint64_t{0});
    CHECK(memory.store<std::uint32_t>(3 * page, 1) == errc::unreadable);
    CHECK(memory.lost_pages() == 2);
    CHECK(memory.read_back(3 * page) == errc::unreadable);
    CHECK(memory.read64(3 * page) == ~std::uint64_t{0});  // what was stored there did not arrive
    CHECK(*memory.load<std::uint64_t>(page) == 2);
    CHECK(memory.read_back(0) == errc::ok);
    CHECK(other.lost_pages() == 0);
    CHECK(other.load<std::uint8_t>(2 * page).error() == errc::unreadable);
    // A plain load of a page that nobody has touched.
    CHECK(plain_load(other, 3 * page) == ~std::uint64_t{0});
    CHECK(other.lost_pages() == 2);
    // The file grows again: the pages stay lost until it is mapped anew.
    pages.cut(4);
    CHECK(memory.load<std::uint64_t>(2 * page).error() == errc::unreadable);
    other.unmap();
    shared_file fresh;
    REQUIRE(fresh.adopt(file_descriptor(dup(pages.file.number()))) == errc::ok);
    REQUIRE(other.map(std::move(fresh)) == errc::ok);
    CHECK(*other.load<std::uint64_t>(2 * page) == 0);
    CHECK(*other.load<std::uint64_t>(page) == 2);
}

TEST_CASE("threads that touch what went find ones, whoever is first") {
    constexpr std::uint64_t count = 64;
    shared_pages pages(count);
    pages.cut(0);
    std::vector<std::thread> threads;
    std::vector<std::uint64_t> wrong(4, 0);
    for (std::uint64_t& mistakes : wrong) {
        threads.emplace_back([&pages, &mistakes] {
            for (std::uint64_t i = 0; i < count; ++i) {
                mistakes += plain_load(pages.memory, i * page) != ~std::uint64_t{0};
                mistakes += pages.memory.load<std::uint64_t>(i * page).error() != errc::unreadable;
            }
        });
    }
    for (std::thread& each : threads) each.join();
    CHECK(std::count(wrong.begin(), wrong.end(), 0) == 4);
    CHECK(pages.memory.lost_pages() == count);
}

/// Says of a memfd whatever it is told to.
struct told_source {
    file_descriptor file{};
    device_layout what{};
    device_piece piece{};

    [[nodiscard]] device_layout layout() const noexcept {
        device_layout told = what;
        told.descriptor = file.number();
        told.pieces = {&piece, 1};
        return told;
    }
    [[nodiscard]] static bool is_present() noexcept { return true; }
};

TEST_CASE("a source that says what cannot be: told, closed, and nothing is mapped") {
    const auto answer_of = [](device_layout what, device_piece piece) {
        told_source source;
        source.file = file_descriptor(memfd_create("told", MFD_CLOEXEC));
        REQUIRE(ftruncate(source.file.number(), static_cast<off_t>(4 * page)) == 0);
        source.what = what;
        source.piece = piece;
        mapped_device<told_source> memory;
        const errc answer = memory.map(std::move(source));
        CHECK(memory.is_mapped() == (answer == errc::ok));
        CHECK(memory.size() == (answer == errc::ok ? what.bytes : 0));
        return answer;
    };
    const device_layout good{.bytes = 2 * page, .page_bytes = page};
    CHECK(answer_of(good, {0, 0, 2 * page}) == errc::ok);
    CHECK(answer_of({.bytes = 0, .page_bytes = page}, {0, 0, page}) == errc::invalid);
    CHECK(answer_of({.bytes = 0, .lead = 8, .page_bytes = page}, {0, 0, page}) == errc::invalid);
    CHECK(answer_of({.bytes = page, .page_bytes = 0}, {0, 0, page}) == errc::invalid);
    CHECK(answer_of({.bytes = page, .lead = page, .page_bytes = page}, {0, 0, page}) == errc::invalid);
    CHECK(answer_of({.bytes = ~std::uint64_t{0}, .page_bytes = page}, {0, 0, page}) == errc::limit);
    CHECK(answer_of({.bytes = ~std::uint64_t{0} / 2, .page_bytes = page}, {0, 0, page}) == errc::limit);
    CHECK(answer_of(good, {0, 0, 3 * page}) == errc::corrupt);
    CHECK(answer_of(good, {2 * page, 0, page}) == errc::corrupt);
    CHECK(answer_of(good, {~std::uint64_t{0} - page + 1, 0, 2 * page}) == errc::corrupt);
    CHECK(answer_of(good, {0, 0, 0}) == errc::corrupt);
    CHECK(answer_of(good, {8, 0, page}) == errc::misaligned);
    CHECK(answer_of(good, {0, 0, page + 8}) == errc::misaligned);
    CHECK(answer_of(good, {0, ~std::uint64_t{0} - page + 1, page}) == errc::limit);
    CHECK(answer_of(good, {0, 8, page}) == errc::invalid);  // so says mmap
    // One that is not open, and says of no piece where it is.
    struct closed_source {
        [[nodiscard]] static device_layout layout() noexcept { return {.bytes = page, .page_bytes = page}; }
        [[nodiscard]] static bool is_present() noexcept { return true; }
    };
    mapped_device<closed_source> closed;
    CHECK(closed.map({}) == errc::invalid);
    CHECK(!closed.is_mapped());
    // What no piece has is there, but cannot be accessed.
    told_source half;
    half.file = file_descriptor(memfd_create("half", MFD_CLOEXEC));
    REQUIRE(ftruncate(half.file.number(), static_cast<off_t>(page)) == 0);
    half.what = good;
    half.piece = {0, 0, page};
    mapped_device<told_source> memory;
    REQUIRE(memory.map(std::move(half)) == errc::ok);
    CHECK(memory.load<std::uint32_t>(0).has_value());
    CHECK(memory.load<std::uint32_t>(page).error() == errc::unsupported);
    CHECK(memory.store<std::uint32_t>(page, 1) == errc::unsupported);
}

TEST_CASE("a shared file is opened once") {
    shared_file file;
    CHECK(file.open("/nowhere/at/all") == errc::revoked);
    CHECK(file.create("none", 0) == errc::invalid);
    CHECK(file.create("none", page, 40) == errc::invalid);
    CHECK(file.create("none", ~std::uint64_t{0}) == errc::invalid);
    REQUIRE(file.create("one", page) == errc::ok);
    const int descriptor = file.descriptor();
    CHECK(file.create("another", page) == errc::busy);
    CHECK(file.open("/dev/null") == errc::busy);
    CHECK(file.adopt(file_descriptor(dup(descriptor))) == errc::busy);
    CHECK(file.descriptor() == descriptor);
    CHECK(file.layout().bytes == page);
}

/// By the handler that is there.
int signal_of_touching(std::byte* at) {
    caught_fault::expected = true;
    const int number = sigsetjmp(caught_fault::back, 1);
    if (number == 0) touch(at);
    caught_fault::expected = false;
    return number;
}

TEST_CASE("bus errors of others go to whom they belonged, and all do when nothing is guarded") {
    shared_pages cut(1);
    mapped_region unguarded;
    REQUIRE(unguarded.map_file(cut.file.number(), 0, page) == errc::ok);
    cut.cut(0);
    // A handler that was there before: the guard is the last one that took the signal.
    cut.memory.unmap();
    struct sigaction ours {};
    ours.sa_handler = &caught_fault::on_fault;
    ours.sa_flags = SA_NODEFER;
    struct sigaction before {};
    REQUIRE(sigaction(SIGBUS, &ours, &before) == 0);
    {
        shared_pages guarded(1);
        guarded.cut(0);
        CHECK(signal_of_touching(unguarded.bytes().data()) == SIGBUS);
        CHECK(guarded.memory.load<std::uint8_t>(0).error() == errc::unreadable);
    }
    struct sigaction now {};
    REQUIRE(sigaction(SIGBUS, &before, &now) == 0);
    const bool is_back = now.sa_handler == &caught_fault::on_fault;
    CHECK(is_back);
    CHECK(signal_of([&] { touch(unguarded.bytes().data()); }) == SIGBUS);
}

bool dies_of_bus_error(int status) {
    return dies_of(status, SIGBUS);
}
/// The kernel has found an error in a page that nobody touched.
void tell_of_error(std::byte* at) {
    siginfo_t news{};
    news.si_code = BUS_MCEERR_AO;
    news.si_addr = at;
    (void)syscall(SYS_rt_sigqueueinfo, getpid(), SIGBUS, &news);
}

TEST_CASE("signals that no access raised: what was done without a guard is done, and it goes on guarding") {
    CHECK(dies_of_bus_error(end_of([] {
        signal(SIGBUS, SIG_DFL);
        const shared_pages guarded(1);
        raise(SIGBUS);
        return 0;
    })));
    CHECK(dies_of_bus_error(end_of([] {
        signal(SIGBUS, SIG_DFL);
        const shared_pages guarded(1);
        tell_of_error(guarded.memory.bytes().data());
        return 0;
    })));
    CHECK(end_of([] {
              signal(SIGBUS, SIG_IGN);
              const shared_pages guarded(1);
              raise(SIGBUS);
              tell_of_error(guarded.memory.bytes().data());
              if (guarded.memory.lost_pages() != 0) return 1;
              guarded.cut(0);
              return guarded.memory.load<std::uint8_t>(0).error() == errc::unreadable ? 0 : 2;
          }) == 0);
    // What an access raises cannot be ignored.
    CHECK(dies_of_bus_error(end_of([] {
        signal(SIGBUS, SIG_IGN);
        const shared_pages guarded(1);
        const shared_pages cut(1);
        mapped_region unguarded;
        if (unguarded.map_file(cut.file.number(), 0, page) != errc::ok) return 1;
        cut.cut(0);
        touch(unguarded.bytes().data());
        return 0;
    })));
}

TEST_CASE("no memory for a page of ones: the error goes to whom it belonged, and no page counts as lost") {
    if (harness::address_sanitizer) {
        MESSAGE("left out: AddressSanitizer needs memory of its own");
        return;
    }
    static const shared_pages* watched = nullptr;
    CHECK(end_of([] {
              signal(SIGBUS, [](int) { _exit(watched->memory.lost_pages() == 0 ? 0 : 1); });
              const shared_pages guarded(1);
              watched = &guarded;
              guarded.cut(0);
              const rlimit none{0, 0};
              if (setrlimit(RLIMIT_AS, &none) != 0) return 2;
              touch(guarded.memory.bytes().data());
              return 3;
          }) == 0);
}

/// Took the signal from the guard, and hands on what it does not know.
struct handler_above {
    static inline struct sigaction below {};
    static void on_error(int number, siginfo_t* info, void* context) {
        below.sa_sigaction(number, info, context);
    }
};

TEST_CASE("a handler above a guard's, and a guard's above it again: who was there first has others' errors") {
    shared_pages cut(1);
    mapped_region unguarded;
    REQUIRE(unguarded.map_file(cut.file.number(), 0, page) == errc::ok);
    cut.memory.unmap();
    cut.cut(0);
    struct sigaction first {};
    first.sa_handler = &caught_fault::on_fault;
    first.sa_flags = SA_NODEFER;
    struct sigaction before {};
    REQUIRE(sigaction(SIGBUS, &first, &before) == 0);
    {
        shared_pages lower(1);
        struct sigaction above {};
        above.sa_sigaction = &handler_above::on_error;
        above.sa_flags = SA_SIGINFO | SA_NODEFER;
        REQUIRE(sigaction(SIGBUS, &above, &handler_above::below) == 0);
        shared_pages upper(1);
        lower.cut(0);
        upper.cut(0);
        CHECK(lower.memory.load<std::uint8_t>(0).error() == errc::unreadable);
        CHECK(upper.memory.load<std::uint8_t>(0).error() == errc::unreadable);
        for (unsigned again = 0; again < 3; ++again)
            CHECK(signal_of_touching(unguarded.bytes().data()) == SIGBUS);
    }
    REQUIRE(sigaction(SIGBUS, &before, nullptr) == 0);
}

TEST_CASE("guards: whole pages, one stretch each, sixty-four in a process") {
    mapped_region some;
    REQUIRE(some.map_zeros(4 * page) == errc::ok);
    bus_error_guard guard;
    CHECK(guard.watch({}, page) == errc::invalid);
    CHECK(guard.watch(some.bytes(), 0) == errc::invalid);
    CHECK(guard.watch(some.bytes().subview(8, page), page) == errc::misaligned);
    CHECK(guard.watch(some.bytes().subview(0, page + 8), page) == errc::misaligned);
    CHECK_FALSE(guard.is_lost(some.bytes().data(), 1));
    REQUIRE(guard.watch(some.bytes(), page) == errc::ok);
    CHECK(guard.watch(some.bytes(), page) == errc::busy);
    CHECK_FALSE(guard.is_lost(some.bytes().data(), 4 * page));
    const auto others = std::make_unique<bus_error_guard[]>(64);
    for (unsigned i = 0; i < 63; ++i) CHECK(others[i].watch(some.bytes(), page) == errc::ok);
    CHECK(others[63].watch(some.bytes(), page) == errc::limit);
    others[7] = std::move(guard);
    CHECK_FALSE(guard.watches());
    CHECK(others[7].watches());
    CHECK(others[63].watch(some.bytes(), page) == errc::ok);
    // A mapping has one, too: it is told, and nothing is mapped.
    shared_file file;
    REQUIRE(file.create("one more", page) == errc::ok);
    mapped_file memory;
    CHECK(memory.map(std::move(file)) == errc::limit);
    CHECK_FALSE(memory.is_mapped());
    others[0].unwatch();
    REQUIRE(file.create("one more", page) == errc::ok);
    CHECK(memory.map(std::move(file)) == errc::ok);
}

}  // namespace
