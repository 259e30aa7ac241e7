// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "firmware/dump.hpp"
#include "lab/machine/e820_layout.hpp"
#include "lab/machine/input_kind.hpp"

namespace {

using firmware_tests::dump;
using lab::input_kind;

ashlar::bytes bytes_of(const std::string& content) {
    return {reinterpret_cast<const std::byte*>(content.data()), content.size()};
}

input_kind kind_of(const std::string& content) {
    return lab::recognise(bytes_of(content));
}

/// An ACPI table's header that says its length.
std::string acpi_table(const std::string& signature, std::size_t size) {
    std::string table(size, '\0');
    table.replace(0, 4, signature);
    table[4] = static_cast<char>(size);
    return table;
}

TEST_CASE("what has no magic has to fit to its last byte") {
    const dump map("multiboot1-q35-6G-kvm.bin");
    CHECK(lab::recognise(map.bytes().subview(0, map.bytes().size() - 1)) == input_kind::unknown);
    const dump information("multiboot2-grub-bios-6G.bin");
    CHECK(lab::recognise(information.bytes().subview(0, information.bytes().size() - 8)) !=
          input_kind::multiboot2);
    const dump entries("pvh-q35-6G-kvm.bin");
    CHECK(lab::recognise(entries.bytes().subview(0, entries.bytes().size() - 7)) == input_kind::unknown);
    CHECK(kind_of(std::string(8, '\x10')) == input_kind::unknown);
}

/// Raw E820 entries.
struct entries {
    std::string content;

    entries& add(std::uint64_t begin, std::uint64_t length, std::uint32_t type) {
        return put(begin, 8).put(length, 8).put(type, 4);
    }
    entries& put(std::uint64_t value, unsigned size) {
        for (unsigned i = 0; i < size; ++i) content += static_cast<char>(value >> (8 * i));
        return *this;
    }
};

TEST_CASE("inputs are recognised by what they contain") {
    CHECK(kind_of("") == input_kind::empty);
    CHECK(kind_of("[    0.000000] BIOS-e820: [mem 0x0-0x1] usable\n") == input_kind::text);
    CHECK(kind_of(" \n{\"nodes\": []}\n") == input_kind::json);
    CHECK(kind_of("Gr\xc3\xbc\xc3\x9f"
                  "e\r\n") == input_kind::text);
    CHECK(kind_of(std::string(100, 'x') + '\0') == input_kind::text);  // a stray byte of a serial line
    CHECK(kind_of(std::string(100, '\0')) == input_kind::unknown);
    CHECK(kind_of("SRAT: PXM 0 -> APIC 0x00 -> Node 0\n") == input_kind::text);
    CHECK(kind_of("0 0x0 0x9ffff System RAM\n") == input_kind::memmap);
    CHECK(kind_of("0 0x0-0x9ffff System RAM\n") == input_kind::text);
    CHECK(kind_of(acpi_table("FACP", 100)) == input_kind::other_acpi_table);
    CHECK(kind_of(acpi_table("facp", 100)) == input_kind::unknown);
    CHECK(kind_of(acpi_table("FACP", 100).substr(0, 99)) == input_kind::unknown);
    CHECK(lab::recognise(dump("acpi-hmat-HMAT.bin").bytes()) == input_kind::hmat);
    CHECK(lab::recognise(dump("acpi-nvdimm-NFIT.bin").bytes()) == input_kind::nfit);
    CHECK(lab::recognise(dump("acpi-cxl-CEDT.bin").bytes()) == input_kind::cedt);
    CHECK(lab::recognise(dump("ovmf_numa4/sysfs-memmap.txt").bytes()) == input_kind::memmap);
    CHECK(lab::recognise(dump("mirror_numa4/SRAT.dat").bytes()) == input_kind::srat);
    CHECK(lab::recognise(dump("mirror_numa4/SLIT.dat").bytes()) == input_kind::slit);
    CHECK(lab::recognise(dump("mirror_numa4/dmesg.txt").bytes()) == input_kind::text);
    CHECK(lab::recognise(dump("acpi-aarch64-SRAT.bin").bytes()) == input_kind::srat);
    CHECK(lab::recognise(dump("ovmf-q35-6G.efimap").bytes()) == input_kind::efi_map_file);
    CHECK(lab::recognise(dump("pvh-q35-6G-kvm.bin").bytes()) == input_kind::e820);
    CHECK(lab::recognise(dump("multiboot1-microvm-512M-kvm.bin").bytes()) == input_kind::multiboot1_map);
    CHECK(lab::recognise(dump("multiboot2-grub-bios-6G.bin").bytes()) == input_kind::multiboot2);
    CHECK(lab::recognise(dump("riscv64-virt-numa2.dtb").bytes()) == input_kind::device_tree);
}

TEST_CASE("E820 entries of 20 bytes") {
    entries file;
    for (unsigned i = 0; i < 6; ++i) file.add(0x100000 * i, 0x1000, i % 2 + 1);
    REQUIRE(file.content.size() == 120);  // five of 24 would fit too
    CHECK(lab::find_e820_layout(bytes_of(file.content)).stride == 20);
    CHECK(lab::find_e820_layout(bytes_of(file.content)).plausible);
}

TEST_CASE("E820 entries of 24 bytes") {
    entries file;
    for (unsigned i = 0; i < 5; ++i) file.add(0x100000 * i, 0x1000, i % 2 + 1).put(1, 4);
    const lab::e820_layout layout = lab::find_e820_layout(bytes_of(file.content));
    CHECK(layout.stride == 24);
    CHECK(layout.extra == ashlar::e820_extra::attributes);
    CHECK(layout.plausible);
}

TEST_CASE("E820 entries with padding") {
    const lab::e820_layout layout = lab::find_e820_layout(dump("pvh-q35-6G-kvm.bin").bytes());
    CHECK(layout.stride == 24);
    CHECK(layout.extra == ashlar::e820_extra::padding);
    CHECK(layout.plausible);
}

TEST_CASE("one E820 entry") {
    entries file;
    file.add(0, 0x1000, 1);
    CHECK(lab::find_e820_layout(bytes_of(file.content)).stride == 20);
    file.put(1, 4);
    CHECK(lab::find_e820_layout(bytes_of(file.content)).stride == 24);
}

TEST_CASE("what is no E820 table") {
    CHECK(!lab::find_e820_layout(dump("ovmf-q35-6G.efimap").bytes()).plausible);
    CHECK(!lab::find_e820_layout(bytes_of("short")).plausible);
    CHECK(!lab::find_e820_layout(bytes_of(std::string(480, 'x'))).plausible);
}

}  // namespace
