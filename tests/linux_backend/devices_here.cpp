// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The devices of the machine at hand, of the kind that ASHLAR_DEVICES names (else PCI). Those that a driver
// has are only looked at; registers are only touched where it is known what they do.
#include <ashlar/linux_backend/pci_bar.hpp>
//
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <ashlar/linux_backend/mapped_device.hpp>
#include <ashlar/linux_backend/physical_window.hpp>
#include <ashlar/linux_backend/uio_map.hpp>
#include <ashlar/linux_backend/vfio_region.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace ashlar;

bool is_asked_for(const std::string& kind) {
    const char* const asked = getenv("ASHLAR_DEVICES");
    return kind == (asked == nullptr ? "pci" : asked);
}
[[noreturn]] void leave_out(const char* why) {
    std::printf("left out: %s\n", why);
    std::fflush(stdout);
    std::_Exit(77);
}
std::vector<std::filesystem::path> entries_of(const char* folder) {
    std::vector<std::filesystem::path> found;
    std::error_code none;
    for (const auto& each : std::filesystem::directory_iterator(folder, none)) found.push_back(each.path());
    return found;
}
std::string word_of(const std::filesystem::path& file) {
    std::string text;
    std::ifstream(file) >> text;
    return text;
}

/// What QEMU's teaching device does with a BAR that is mapped: a number of its own, and a register that
/// inverts.
template <device_source Source>
void check_edu(mapped_device<Source>& registers) {
    CHECK((registers.read32(0) & 0xff) == 0xed);
    CHECK(registers.template store<std::uint32_t>(4, 0x12345678) == errc::ok);
    CHECK(registers.read_back(4) == errc::ok);
    CHECK(*registers.template load<std::uint32_t>(4) == static_cast<std::uint32_t>(~0x12345678u));
}

/// Memory behind a BAR, QEMU's ivshmem: nobody else's.
void check_memory(mapped_device<uio_map>& memory) {
    CHECK(memory.size() >= 4096);
    for (const std::uint64_t each : {std::uint64_t{0}, memory.size() - 8}) {
        CHECK(memory.store<std::uint64_t>(each, 0x123456789abcdef0 + each) == errc::ok);
        CHECK(memory.read_back(each) == errc::ok);
    }
    CHECK(*memory.load<std::uint64_t>(0) == 0x123456789abcdef0);
    CHECK(*memory.load<std::uint64_t>(memory.size() - 8) == 0x123456789abcdef0 + memory.size() - 8);
}

TEST_CASE("PCI devices are what sysfs says elsewhere, and their BARs are mapped or refused for a reason") {
    if (!is_asked_for("pci")) return;
    unsigned devices = 0;
    unsigned bars = 0;
    for (const auto& folder : entries_of("/sys/bus/pci/devices")) {
        pci_device device;
        const errc opened = device.open(folder.c_str());
        if (opened == errc::unsupported) continue;  // without the right to read it
        REQUIRE_MESSAGE(opened == errc::ok, folder.string());
        ++devices;
        char id[8];
        std::snprintf(id, sizeof id, "0x%04x", unsigned{*device.vendor_id()});
        CHECK(word_of(folder / "vendor") == id);
        std::snprintf(id, sizeof id, "0x%04x", unsigned{*device.device_id()});
        CHECK(word_of(folder / "device") == id);
        CHECK(device.is_enabled().has_value());
        CHECK(*device.is_enabled() == (word_of(folder / "enable") != "0"));
        CHECK(device.decodes_memory().has_value());
        const bool is_free = !std::filesystem::exists(folder / "driver");
        for (unsigned number = 0; number < 6; ++number) {
            const pci_resource resource = device.resource(number);
            if (resource.empty()) continue;
            CHECK((resource.bytes() & (resource.bytes() - 1)) == 0);
            pci_bar bar;
            const errc answer = bar.open(device, number);
            const bool has_file = std::filesystem::exists(folder / ("resource" + std::to_string(number)));
            if (!has_file) CHECK(answer != errc::ok);
            if (answer != errc::ok) {
                std::printf("%s BAR %u: %s\n", folder.filename().c_str(), number, to_string(answer));
                continue;
            }
            CHECK(bar.decoded().bytes == resource.bytes());
            CHECK(bar.is_present());
            if (!is_free) continue;
            mapped_device<pci_bar> mapped;
            const errc done = mapped.map(std::move(bar));
            std::printf("%s BAR %u: mapped, %s\n", folder.filename().c_str(), number, to_string(done));
            if (done != errc::ok) continue;
            ++bars;
            CHECK(mapped.size() == resource.bytes());
            CHECK(mapped.local().value % 4096 == resource.start % 4096);
            if (*device.vendor_id() == 0x1234 && *device.device_id() == 0x11e8 && number == 0)
                check_edu(mapped);
        }
    }
    if (devices == 0) leave_out("there are no PCI devices that may be read here");
    std::printf("%u PCI devices read, %u BARs mapped\n", devices, bars);
}

TEST_CASE("maps of UIO") {
    if (!is_asked_for("uio")) return;
    unsigned maps = 0;
    for (const auto& folder : entries_of("/sys/class/uio")) {
        const std::string device = "/dev/" + folder.filename().string();
        for (unsigned number = 0; number < uio_map::most_maps; ++number) {
            if (!std::filesystem::exists(folder / "maps" / ("map" + std::to_string(number)))) continue;
            uio_map map;
            const errc opened = map.open(folder.c_str(), device.c_str(), number);
            if (opened != errc::ok) {
                std::printf("%s map %u: %s\n", device.c_str(), number, to_string(opened));
                continue;
            }
            CHECK(map.is_present());
            // A part of a page is none that UIO maps.
            const bool is_whole = map.layout().bytes % 4096 == 0;
            mapped_device<uio_map> mapped;
            CHECK(mapped.map(std::move(map)) == (is_whole ? errc::ok : errc::invalid));
            if (!is_whole) continue;
            ++maps;
            if (word_of(folder / "device/vendor") == "0x1af4" && number == 1) check_memory(mapped);
        }
    }
    if (maps == 0) leave_out("there is no UIO device that may be mapped here");
}

/// A device of one of VFIO's groups, and what keeps it.
struct vfio_device {
    file_descriptor container{open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC)};
    file_descriptor group{};
    file_descriptor device{};

    bool take(const std::filesystem::path& of) {
        group = file_descriptor(open(("/dev/vfio/" + of.filename().string()).c_str(), O_RDWR | O_CLOEXEC));
        int number = container.number();
        if (!container || !group || ioctl(group.number(), VFIO_GROUP_SET_CONTAINER, &number) != 0)
            return false;
        if (ioctl(container.number(), VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) != 0) return false;
        for (const auto& each : entries_of((of / "devices").c_str())) {
            const std::string name = each.filename().string();
            device = file_descriptor(ioctl(group.number(), VFIO_GROUP_GET_DEVICE_FD, name.c_str()));
            if (device) return true;
        }
        return false;
    }
};

TEST_CASE("regions of VFIO") {
    if (!is_asked_for("vfio")) return;
    unsigned regions = 0;
    for (const auto& group : entries_of("/sys/kernel/iommu_groups")) {
        vfio_device taken;
        if (!taken.take(group)) continue;
        vfio_region config;
        REQUIRE(config.open(taken.device.number(), VFIO_PCI_CONFIG_REGION_INDEX) == errc::ok);
        mapped_device<vfio_region> space;
        REQUIRE(space.map(std::move(config)) == errc::ok);
        CHECK(*space.load<std::uint16_t>(0) != 0xffff);  // by system calls: it is never mapped
        const auto command = space.load<std::uint16_t>(4);
        REQUIRE(command.has_value());
        CHECK(space.store<std::uint16_t>(4, static_cast<std::uint16_t>(*command | 2)) == errc::ok);
        for (unsigned number = 0; number < 6; ++number) {
            vfio_region region;
            const errc opened = region.open(taken.device.number(), number);
            if (opened == errc::not_owned) continue;
            CHECK(opened == errc::ok);
            mapped_device<vfio_region> mapped;
            CHECK(mapped.map(std::move(region)) == errc::ok);
            ++regions;
            const bool is_edu =
                *space.load<std::uint16_t>(0) == 0x1234 && *space.load<std::uint16_t>(2) == 0x11e8;
            if (!is_edu || number != 0) continue;
            check_edu(mapped);
            // A BAR that is not decoded is a bus error to the kernel; and decoded again, to who maps it anew.
            const auto decoding = static_cast<std::uint16_t>(*command | 2);
            CHECK(space.store<std::uint16_t>(4, static_cast<std::uint16_t>(*command & ~2)) == errc::ok);
            CHECK(mapped.load<std::uint32_t>(0).error() == errc::unreadable);
            CHECK(mapped.read32(4) == ~std::uint32_t{0});
            CHECK(mapped.lost_pages() == 1);
            CHECK(space.store<std::uint16_t>(4, decoding) == errc::ok);
            CHECK(mapped.load<std::uint32_t>(0).error() == errc::unreadable);
            mapped.unmap();
            vfio_region again;
            REQUIRE(again.open(taken.device.number(), number) == errc::ok);
            REQUIRE(mapped.map(std::move(again)) == errc::ok);
            check_edu(mapped);
        }
    }
    if (regions == 0) leave_out("no device is given to VFIO here");
}

TEST_CASE("physical addresses by /dev/mem") {
    if (!is_asked_for("dev_mem")) return;
#if defined(__x86_64__) || defined(__i386__)
    physical_window bios;
    if (const errc opened = bios.open({{0xf'0000}, 0x1'0000}); opened != errc::ok)
        leave_out("/dev/mem cannot be opened");
    mapped_device<physical_window> mapped;
    const errc answer = mapped.map(std::move(bios));
    if (answer == errc::unsupported) leave_out("/dev/mem may not be mapped");
    REQUIRE(answer == errc::ok);
    CHECK(mapped.load<std::uint32_t>(0xfff0).has_value());
    for (const auto& folder : entries_of("/sys/bus/pci/devices")) {
        const bool is_edu = word_of(folder / "vendor") == "0x1234" && word_of(folder / "device") == "0x11e8";
        if (!is_edu || std::filesystem::exists(folder / "driver")) continue;
        pci_device device;
        REQUIRE(device.open(folder.c_str()) == errc::ok);
        REQUIRE(device.enable() == errc::ok);
        physical_window bar;
        REQUIRE(bar.open({{device.resource(0).start}, device.resource(0).bytes()}) == errc::ok);
        mapped_device<physical_window> registers;
        REQUIRE(registers.map(std::move(bar)) == errc::ok);
        check_edu(registers);
        std::printf("%s by its physical address\n", folder.filename().c_str());
    }
#else
    leave_out("which physical addresses may be read is only known of PCs");
#endif
}

}  // namespace
