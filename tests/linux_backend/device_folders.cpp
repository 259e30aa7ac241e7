// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Devices as sysfs, UIO and /dev/mem show them, in folders of the test's with the kernel's file formats.
#include <ashlar/linux_backend/pci_bar.hpp>
//
#include <doctest/doctest.h>
#include <unistd.h>

#include <ashlar/linux_backend/mapped_device.hpp>
#include <ashlar/linux_backend/physical_window.hpp>
#include <ashlar/linux_backend/uio_map.hpp>
#include <ashlar/remote/register_access.hpp>
#include <ashlar/remote/registers_intel.hpp>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include "linux_backend/temporary_folder.hpp"

namespace {

using namespace ashlar;
using mapped_bar = mapped_device<pci_bar>;
static_assert(register_access<mapped_bar>);
static_assert(register_access<mapped_device<uio_map>>);
static_assert(register_access<mapped_device<physical_window>>);

const std::uint64_t page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));

std::string line(std::uint64_t start, std::uint64_t end, std::uint64_t flags) {
    char text[64];
    std::snprintf(text, sizeof text, "0x%016llx 0x%016llx 0x%016llx\n",
                  static_cast<unsigned long long>(start), static_cast<unsigned long long>(end),
                  static_cast<unsigned long long>(flags));
    return text;
}
/// Four bytes as a load finds them.
std::uint32_t word(const char* text) {
    std::uint32_t value = 0;
    std::memcpy(&value, text, sizeof value);
    return value;
}
const std::string none = line(0, 0, 0);

/// ivshmem with a window of 1 MiB: registers below a page, ports, memory that has no address yet.
struct pci_folder : temporary_folder {
    pci_folder() {
        write("resource", line(0xfeb00100, 0xfeb001ff, 0x40200) + line(0xc000, 0xc03f, 0x40101) +
                              line(0x204000000, 0x2040fffff, 0x14220c) + none +
                              line(0, 0xfff, pci_resource::memory | pci_resource::unset) +
                              line(0xfec00000, 0xfec01fff, 0x40200) + line(0xfed00000, 0xfed00fff, 0x46200));
        write("resource6", "", 0x1000);  // the ROM
        write("enable", "0\n");
        write("config", std::string("\xf4\x1a\x10\x11\x03\x01\x00\x00", 8), 256);
        write("resource0", "", 0x100);
        write("resource1", "", 0x40);
        write("resource2", "", 1 << 20);
        std::filesystem::create_hard_link(path("resource2"), path("resource2_wc"));
        write("resource5", "", 0x1000);  // not what the line says
    }
};

TEST_CASE("a device: its resources, its switches, and what it says of itself") {
    const pci_folder folder;
    pci_device device;
    CHECK(device.enable() == errc::not_owned);
    CHECK(device.is_enabled().error() == errc::not_owned);
    CHECK(device.decodes_memory().error() == errc::not_owned);
    REQUIRE(device.open(folder.path().c_str()) == errc::ok);
    CHECK(device.open(folder.path().c_str()) == errc::busy);
    CHECK(device.resources() == 7);
    CHECK(device.resource(2).bytes() == 1 << 20);
    CHECK(device.resource(3).empty());
    CHECK(device.resource(99).empty());
    CHECK(*device.vendor_id() == 0x1af4);
    CHECK(*device.device_id() == 0x1110);
    CHECK_FALSE(*device.is_enabled());
    CHECK(device.enable() == errc::ok);
    CHECK(folder.read("enable") == "1\n");
    CHECK(*device.is_enabled());
    CHECK(device.disable() == errc::ok);
    CHECK(folder.read("enable") == "0\n");
    CHECK(device.enable() == errc::ok);
    for (const char* const odd : {"", "-1\n", "on\n"}) {
        folder.write("enable", odd);
        CHECK(device.is_enabled().error() == errc::corrupt);
    }
    folder.write("enable", "1\n");
    device.close();
    CHECK(folder.read("enable") == "0\n");  // taken back
    REQUIRE(device.open(folder.path().c_str()) == errc::ok);
    std::filesystem::remove(folder.path("enable"));
    CHECK(device.enable() == errc::revoked);
    folder.write("enable", "0\n");
    device.close();
    CHECK(folder.read("enable") == "0\n");  // what was not switched on is not switched off

    REQUIRE(device.open(folder.path().c_str()) == errc::ok);
    CHECK(*device.decodes_memory());
    CHECK(device.set_decode(false) == errc::ok);
    CHECK_FALSE(*device.decodes_memory());
    CHECK(folder.read("config").substr(0, 8) == std::string("\xf4\x1a\x10\x11\x01\x01\x00\x00", 8));
    CHECK(device.set_bus_master(true) == errc::ok);
    CHECK(device.set_decode(true) == errc::ok);
    CHECK(folder.read("config").substr(4, 2) == "\x07\x01");
    pci_device moved = std::move(device);
    CHECK(*moved.vendor_id() == 0x1af4);
    CHECK(device.vendor_id().error() == errc::not_owned);
    folder.patch("config", 0, "\xff\xff\xff\xff\xff\xff");
    CHECK(moved.decodes_memory().error() == errc::revoked);
    CHECK(moved.set_decode(true) == errc::revoked);
    folder.resize("config", 0);
    CHECK(moved.vendor_id().error() == errc::unreadable);
}

TEST_CASE("a virtual function has no identity and no decode bit of its own") {
    const pci_folder folder;
    folder.write("config", std::string("\xff\xff\xff\xff\x04\x00\x10\x00", 8), 256);
    folder.write("vendor", "0x8086\n");
    folder.write("device", "0x1889\n");
    pci_device device;
    REQUIRE(device.open(folder.path().c_str()) == errc::ok);
    CHECK_FALSE(device.is_virtual_function());
    CHECK_FALSE(*device.decodes_memory());
    device.close();
    folder.write("physfn/config", "");
    REQUIRE(device.open(folder.path().c_str()) == errc::ok);
    CHECK(device.is_virtual_function());
    CHECK(*device.vendor_id() == 0x8086);
    CHECK(*device.device_id() == 0x1889);
    CHECK(*device.decodes_memory());
    pci_bar bar;
    REQUIRE(bar.open(device, 2) == errc::ok);
    CHECK(bar.is_present());
    folder.write("vendor", "0x18086\n");
    CHECK(device.vendor_id().error() == errc::corrupt);
    folder.patch("config", 4, "\xff\xff");
    CHECK(device.decodes_memory().error() == errc::revoked);
    CHECK_FALSE(bar.is_present());
}

TEST_CASE("folders that are no device's") {
    pci_device device;
    CHECK(device.open("/nonexistent/0000:00:05.0") == errc::revoked);
    const temporary_folder folder;
    CHECK(device.open(folder.path().c_str()) == errc::revoked);
    folder.write("resource", "no line\n");
    CHECK(device.open(folder.path().c_str()) == errc::corrupt);
    std::string lines;
    for (unsigned i = 0; i < 17; ++i) lines += none;
    folder.write("resource", lines);
    CHECK(device.open(folder.path().c_str()) == errc::revoked);  // no configuration space
    folder.write("config", "", 64);
    CHECK(device.open(folder.path().c_str()) == errc::ok);
    CHECK(device.is_enabled().error() == errc::revoked);
    folder.write("enable", "x");
    CHECK(device.is_enabled().error() == errc::corrupt);
    device.close();
    folder.write("resource", lines + none);
    CHECK(device.open(folder.path().c_str()) == errc::limit);
}

TEST_CASE("BARs that can be mapped, and why others cannot") {
    const pci_folder folder;
    pci_device device;
    REQUIRE(device.open(folder.path().c_str()) == errc::ok);
    pci_bar bar;
    CHECK(bar.open(device, 1) == errc::unsupported);  // ports
    CHECK(bar.open(device, 3) == errc::not_owned);
    CHECK(bar.open(device, 6) == errc::not_owned);
    CHECK(bar.open(device, 17) == errc::not_owned);
    CHECK(bar.open(device, 4) == errc::unreadable);  // it has no address
    CHECK(bar.open(device, 5) == errc::corrupt);     // another size
    folder.write("resource0_wc", "", 0x100);
    CHECK(bar.open(device, 0, caching_mode::write_combining) == errc::unsupported);
    CHECK(bar.open(device, 2, caching_mode::cached) == errc::unsupported);
    REQUIRE(device.set_decode(false) == errc::ok);
    CHECK(bar.open(device, 2) == errc::unreadable);
    REQUIRE(device.set_decode(true) == errc::ok);
    REQUIRE(bar.open(device, 2, caching_mode::write_combining) == errc::ok);
    CHECK(bar.open(device, 2) == errc::busy);
    CHECK(bar.decoded() == byte_range<machine>{{0x2'0400'0000}, 1 << 20});
    mapped_bar memory;
    REQUIRE(memory.map(std::move(bar)) == errc::ok);
    CHECK(memory.caching() == caching_mode::write_combining);
    CHECK(memory.size() == 1 << 20);
    device.close();  // the mapping does not need it
    CHECK(memory.store<std::uint32_t>(0xffffc, 0x64636261) == errc::ok);
    CHECK(memory.read_back(0xffffc) == errc::ok);
    CHECK(folder.read("resource2").substr(0xffffc) == "abcd");
    std::filesystem::remove(folder.path("resource2_wc"));
    REQUIRE(device.open(folder.path().c_str()) == errc::ok);
    pci_bar other;
    CHECK(other.open(device, 2, caching_mode::write_combining) == errc::unsupported);  // the kernel cannot
}

TEST_CASE("a BAR between two pages is mapped with its page, and is where it is there") {
    const pci_folder folder;
    pci_device device;
    REQUIRE(device.open(folder.path().c_str()) == errc::ok);
    pci_bar bar;
    REQUIRE(bar.open(device, 0) == errc::ok);
    mapped_bar registers;
    REQUIRE(registers.map(std::move(bar)) == errc::ok);
    CHECK(registers.caching() == caching_mode::uncached);
    CHECK(registers.size() == 0x100);
    CHECK(registers.local().value % page == 0x100);
    CHECK(registers.store<std::uint32_t>(0xfc, 7) == errc::ok);
    CHECK(*registers.load<std::uint32_t>(0xfc) == 7);
    CHECK(registers.load<std::uint32_t>(0x100).error() == errc::not_owned);
}

TEST_CASE("all ones is an error once the device does not answer, and a value before") {
    const pci_folder folder;
    pci_device device;
    REQUIRE(device.open(folder.path().c_str()) == errc::ok);
    pci_bar bar;
    REQUIRE(bar.open(device, 2) == errc::ok);
    mapped_bar memory;
    REQUIRE(memory.map(std::move(bar)) == errc::ok);
    memory.write64(0x40, ~std::uint64_t{0});
    memory.write64(0x48, 5);
    CHECK(*memory.load<std::uint64_t>(0x40) == ~std::uint64_t{0});
    CHECK(*memory.load<std::uint8_t>(0x40) == 0xff);
    REQUIRE(device.set_decode(false) == errc::ok);
    CHECK(memory.load<std::uint32_t>(0x40).error() == errc::revoked);
    REQUIRE(device.set_decode(true) == errc::ok);
    CHECK(memory.load<std::uint32_t>(0x40).has_value());
    folder.patch("config", 0, "\xff\xff\xff\xff\xff\xff");
    for (const std::uint64_t offset : {0x40u, 0x44u})
        CHECK(memory.load<std::uint32_t>(offset).error() == errc::revoked);
    CHECK(memory.read_back(0x40) == errc::revoked);
    CHECK(*memory.load<std::uint64_t>(0x48) == 5);  // what is no such value came from somewhere
    CHECK(memory.read64(0x40) == ~std::uint64_t{0});
    folder.resize("resource2", 0);
    CHECK(memory.load<std::uint64_t>(0x48).error() == errc::unreadable);
    CHECK(memory.read64(0x48) == ~std::uint64_t{0});
    memory.write64(0x48, 5);
    CHECK(memory.lost_pages() == 1);
}

TEST_CASE("a bridge's register program runs over a BAR that is mapped, and sees it go") {
    const pci_folder folder;
    pci_device device;
    REQUIRE(device.open(folder.path().c_str()) == errc::ok);
    pci_bar bar;
    REQUIRE(bar.open(device, 2) == errc::ok);
    mapped_bar registers;
    REQUIRE(registers.map(std::move(bar)) == errc::ok);
    intel_gen4_registers program(registers, 0x40'0000'0000, 0x50'0000'0000, true);
    const window_aim aim{{0x1'0000'0000}, 1 << 20};
    CHECK(program.disable(0) == errc::ok);
    CHECK(program.write(0, aim) == errc::ok);
    CHECK(*program.read(0) == aim.target);
    CHECK(program.enable(0, aim) == errc::ok);
    CHECK(*program.enabled(0));
    CHECK(*registers.load<std::uint64_t>(0x10) == 0x1'0000'0000);   // EMBAR translation
    CHECK(*registers.load<std::uint64_t>(0x18) == 0x40'0010'0000);  // limit
    CHECK((*registers.load<std::uint32_t>(0x74) & 0xffff) == 20);   // index
    folder.resize("resource2", 0);
    CHECK(program.enabled(0).error() == errc::revoked);
    CHECK(program.disable(0) == errc::revoked);
    CHECK(program.write(0, aim) == errc::revoked);
}

/// Two maps: memory of two pages, and registers that begin in the middle of a page.
struct uio_folder : temporary_folder {
    uio_folder() {
        map(0, "0x0000000204000000\n", "0x0000000000002000\n", "0x0\n");
        map(1, "0x00000000feb00000\n", "0x0000000000001000\n", "0x100\n");
        write("uio0", "", 4 * page);
    }
    void map(unsigned number, const char* address, const char* size, const char* offset) const {
        const std::string folder = "class/maps/map" + std::to_string(number);
        write(folder + "/addr", address);
        write(folder + "/size", size);
        write(folder + "/offset", offset);
        write(folder + "/name", "registers\n");
    }
    errc open(uio_map& into, unsigned number) const {
        return into.open(path("class").c_str(), path("uio0").c_str(), number);
    }
};

TEST_CASE("maps of UIO: which one is in the offset, and it begins where sysfs says") {
    const uio_folder folder;
    uio_map map;
    REQUIRE(folder.open(map, 1) == errc::ok);
    CHECK(folder.open(map, 1) == errc::busy);
    CHECK(map.address() == 0xfeb00000);
    mapped_device<uio_map> registers;
    REQUIRE(registers.map(std::move(map)) == errc::ok);
    CHECK(registers.size() == 0xf00);
    CHECK(registers.store<std::uint32_t>(8, 0x64636261) == errc::ok);
    CHECK(folder.read("uio0").substr(page + 0x108, 4) == "abcd");
    CHECK(registers.load<std::uint32_t>(0xf00).error() == errc::not_owned);
    registers.write64(16, ~std::uint64_t{0});
    CHECK(registers.load<std::uint64_t>(16).has_value());
    std::filesystem::remove_all(folder.path("class/maps"));  // the driver let it go
    CHECK(registers.load<std::uint64_t>(16).error() == errc::revoked);
    CHECK(registers.load<std::uint32_t>(8).has_value());
}

TEST_CASE("maps of UIO that there are not, or that make no sense") {
    const uio_folder folder;
    uio_map map;
    CHECK(folder.open(map, 2) == errc::revoked);
    CHECK(folder.open(map, 5) == errc::revoked);
    CHECK(map.open("/nonexistent/uio0", folder.path("uio0").c_str(), 0) == errc::revoked);
    CHECK(map.open(folder.path("class").c_str(), "/nonexistent/uio0", 0) == errc::revoked);
    folder.map(2, "0x1000\n", "4096\n", "0x0\n");
    CHECK(folder.open(map, 2) == errc::corrupt);
    folder.map(2, "0x1000\n", "0x100\n", "0x100\n");
    CHECK(folder.open(map, 2) == errc::corrupt);
    folder.map(2, "0x1000\n", "0x3000\n", "0x1000\n");
    CHECK(folder.open(map, 2) == errc::corrupt);
    folder.map(2, "0x1000\n", "0xffffffffffffffff\n", "0x0\n");
    CHECK(folder.open(map, 2) == errc::corrupt);
    folder.map(2, "0x1000\n", "0x100000\n", "0x100000\n");
    CHECK(folder.open(map, 2) == errc::corrupt);
    std::filesystem::remove(folder.path("class/maps/map2/offset"));
    CHECK(folder.open(map, 2) == errc::revoked);
    CHECK(folder.open(map, 0) == errc::ok);
}

TEST_CASE("physical addresses, at any byte, of an image of a machine's memory") {
    const temporary_folder folder;
    folder.write("memory", "", 8 * page);
    folder.patch("memory", 3 * page - 4, "abcdefgh");
    physical_window window;
    const std::string image = folder.path("memory");
    CHECK(window.open({{0x1000}, 0}, caching_mode::uncached, image.c_str()) == errc::invalid);
    CHECK(window.open({{~std::uint64_t{0} - 15}, 32}, caching_mode::uncached, image.c_str()) ==
          errc::invalid);
    CHECK(window.open({{0}, ~std::uint64_t{0} - page}, caching_mode::uncached, image.c_str()) ==
          errc::invalid);
    CHECK(window.open({{0x1000}, 16}, caching_mode::write_combining, image.c_str()) == errc::unsupported);
    CHECK(window.open({{0x1000}, 16}, caching_mode::cached, "/nonexistent/mem") == errc::revoked);
    const byte_range<machine> wanted{{3 * page - 4}, 16};
    REQUIRE(window.open(wanted, caching_mode::cached, image.c_str()) == errc::ok);
    CHECK(window.open(wanted, caching_mode::cached, image.c_str()) == errc::busy);
    CHECK(window.decoded() == wanted);
    mapped_device<physical_window> memory;
    REQUIRE(memory.map(std::move(window)) == errc::ok);
    CHECK(memory.size() == 16);
    CHECK(*memory.load<std::uint32_t>(0) == word("abcd"));
    CHECK(*memory.load<std::uint32_t>(4) == word("efgh"));
    // An address that no file has.
    physical_window beyond;
    REQUIRE(beyond.open({{~std::uint64_t{0} - 0xffff}, 16}, caching_mode::cached, image.c_str()) == errc::ok);
    CHECK(mapped_device<physical_window>().map(std::move(beyond)) != errc::ok);
}

}  // namespace
