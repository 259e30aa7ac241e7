// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What sysfs says of PCI devices, against what /proc/iomem and the devices themselves say.
#include <ashlar/linux_backend/pci_resource.hpp>
//
#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace ashlar;

constexpr char ivshmem[] =
    "0x00000000feb00000 0x00000000feb000ff 0x0000000000040200\n"
    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
    "0x0000000204000000 0x00000002040fffff 0x000000000014220c\n"
    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n";

template <std::size_t N>
constexpr result<std::size_t> count_of(const char (&text)[N], std::size_t places = most_pci_resources) {
    pci_resource into[most_pci_resources];
    return read_pci_resources({text, N - 1}, {into, places});
}
constexpr pci_resource resource_of(std::size_t number) {
    pci_resource into[most_pci_resources];
    (void)read_pci_resources({ivshmem, sizeof ivshmem - 1}, into);
    return into[number];
}

static_assert(*count_of(ivshmem) == 4);
static_assert(resource_of(0) == pci_resource{0xfeb00000, 0xfeb000ff, 0x40200});
static_assert(resource_of(0).bytes() == 0x100 && resource_of(0).has(pci_resource::memory));
static_assert(!resource_of(0).has(pci_resource::prefetchable | pci_resource::io | pci_resource::is_wide));
static_assert(resource_of(1).empty() && resource_of(1).bytes() == 0);
static_assert(resource_of(2).bytes() == 1 << 20 && resource_of(2).has(pci_resource::prefetchable));
static_assert(resource_of(2).has(pci_resource::is_wide) && resource_of(2).start == 0x2'0400'0000);
static_assert(pci_resource{8, 7, pci_resource::memory}.empty());
static_assert(count_of(ivshmem, 4).has_value() && count_of(ivshmem, 3).error() == errc::limit);
static_assert(count_of("").error() == errc::corrupt);
static_assert(count_of("0x1 0x2 0x3\n").has_value());
static_assert(count_of("0x1 0x2 0x3").error() == errc::corrupt);
static_assert(count_of("0x1 0x2\n").error() == errc::corrupt);
static_assert(count_of("1 0x2 0x3\n").error() == errc::corrupt);
static_assert(count_of("0x 0x2 0x3\n").error() == errc::corrupt);
static_assert(count_of("0x1  0x2 0x3\n").error() == errc::corrupt);
static_assert(count_of("0x1 0x2 0x3 \n").error() == errc::corrupt);
static_assert(count_of("0xg 0x2 0x3\n").error() == errc::corrupt);
static_assert(count_of("0xFFffFFffFFffFFff 0x2 0x3\n").has_value());
static_assert(count_of("0x10000000000000000 0x2 0x3\n").error() == errc::corrupt);
static_assert(*read_sysfs_number({"0x1f0\n", 6}) == 0x1f0 && *read_sysfs_number({"0x1f0", 5}) == 0x1f0);
static_assert(read_sysfs_number({"0x1f0 \n", 7}).error() == errc::corrupt);
static_assert(read_sysfs_number({"496\n", 4}).error() == errc::corrupt);
static_assert(read_sysfs_number({}).error() == errc::corrupt);

std::vector<std::string> lines_of(const std::string& name) {
    std::ifstream file(std::string(ASHLAR_TEST_DATA) + "/firmware/pci-sysfs/" + name);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    REQUIRE_MESSAGE(!lines.empty(), name, " cannot be read");
    return lines;
}

/// The `resource` files of a machine by device.
std::map<std::string, std::vector<pci_resource>> devices() {
    std::map<std::string, std::string> texts;
    std::string name;
    for (const std::string& line : lines_of("resources.txt")) {
        if (line.rfind("DEV ", 0) == 0) name = line.substr(4, 12);
        if (line.rfind("0x", 0) == 0) texts[name] += line + "\n";
    }
    std::map<std::string, std::vector<pci_resource>> found;
    for (const auto& [device, text] : texts) {
        pci_resource into[most_pci_resources];
        const auto count = read_pci_resources({text.data(), text.size()}, into);
        REQUIRE(count.has_value());
        found[device].assign(into, into + *count);
    }
    return found;
}

TEST_CASE("each memory BAR of a machine is in its iomem, and nothing else of a device is") {
    std::size_t listed = 0;
    for (const std::string& line : lines_of("iomem.txt")) {
        listed += line.size() > 12 && line.compare(line.size() - 13, 6, " 0000:") == 0 &&
                  line.find("PCI") == std::string::npos;
    }
    std::size_t found = 0;
    const auto all = devices();
    CHECK(all.size() == 8);
    for (const auto& [device, resources] : all) {
        CHECK(resources.size() == 13);
        for (const pci_resource& one : resources) {
            if (!one.has(pci_resource::memory)) continue;
            char wanted[80];
            std::snprintf(wanted, sizeof wanted, "  %08llx-%08llx : %s",
                          static_cast<unsigned long long>(one.start),
                          static_cast<unsigned long long>(one.end), device.c_str());
            std::size_t times = 0;
            for (const std::string& line : lines_of("iomem.txt")) times += line == wanted;
            CHECK_MESSAGE(times == 1, wanted);
            ++found;
        }
    }
    CHECK(found == listed);
    CHECK(found == 8);
}

/// What base64 stands for.
std::string decoded(const std::string& text) {
    std::string bytes;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const std::size_t value = alphabet.find(c);
        if (value == std::string::npos) break;
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        if (++count % 4 != 1) bytes += static_cast<char>(bits >> (6 - 2 * ((count - 1) % 4)) & 0xff);
    }
    return bytes;
}

TEST_CASE("resources are where the BARs in the configuration spaces say") {
    const auto all = devices();
    std::string name;
    std::size_t compared = 0;
    for (const std::string& line : lines_of("config-b64.txt")) {
        if (line.rfind("0000:", 0) == 0) name = line;
        if (line.rfind("0000:", 0) == 0 || line.rfind("==", 0) == 0 || line.empty()) continue;
        const std::string config = decoded(line);
        REQUIRE(config.size() == 256);
        const auto word = [&](std::size_t at) {
            std::uint64_t value = 0;
            for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(config[at + i]);
            return value;
        };
        const auto& resources = all.at(name);
        for (std::size_t bar = 0; bar < 6; ++bar) {
            const pci_resource& one = resources[bar];
            if (one.empty()) continue;
            const std::uint64_t low = word(0x10 + 4 * bar);
            const bool is_port = (low & 1) != 0;
            CHECK(one.has(pci_resource::io) == is_port);
            CHECK(one.has(pci_resource::memory) == !is_port);
            CHECK(one.has(pci_resource::is_wide) == (!is_port && (low & 6) == 4));
            CHECK(one.has(pci_resource::prefetchable) == (!is_port && (low & 8) != 0));
            const std::uint64_t high = one.has(pci_resource::is_wide) ? word(0x14 + 4 * bar) << 32 : 0;
            CHECK(one.start == ((low & ~std::uint64_t{is_port ? 3u : 15u}) | high));
            CHECK((one.bytes() & (one.bytes() - 1)) == 0);
            CHECK(one.start % one.bytes() == 0);
            ++compared;
        }
    }
    CHECK(compared >= 8);
}

template <std::size_t N>
[[nodiscard]] errc read_number(const char (&text)[N]) {
    return read_sysfs_number({text, N - 1}).error();
}
template <std::size_t N>
[[nodiscard]] result<std::size_t> read_lines(const char (&text)[N], std::size_t places) {
    pci_resource into[2];
    return read_pci_resources({text, N - 1}, {into, places});
}

TEST_CASE("numbers and lines of sysfs that are none") {
    CHECK(read_number("0x10\n") == errc::ok);
    CHECK(read_number("0x") == errc::corrupt);
    CHECK(read_number("") == errc::corrupt);
    CHECK(read_number("0x10\n\n") == errc::corrupt);
    CHECK(read_number("0x10 ") == errc::corrupt);
    CHECK(*read_lines("0x0 0xff 0x200\n0x0 0x0 0x0\n", 2) == 2);
    CHECK(read_lines("0x0 0xff 0x200\n0x0 0x0 0x0\n", 1).error() == errc::limit);
    CHECK(read_lines("", 2).error() == errc::corrupt);
    CHECK(read_lines("0x0 0xff\n", 2).error() == errc::corrupt);
}

}  // namespace
