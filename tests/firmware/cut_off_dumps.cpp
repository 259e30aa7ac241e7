// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <ashlar/firmware/cedt.hpp>
#include <ashlar/firmware/e820.hpp>
#include <ashlar/firmware/hmat.hpp>
#include <ashlar/firmware/linux_log.hpp>
#include <ashlar/firmware/linux_memmap.hpp>
#include <ashlar/firmware/nfit.hpp>
#include <ashlar/firmware/srat.hpp>
#include <ashlar/firmware/uefi.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

#include "firmware/dump.hpp"
#include "firmware/setup.hpp"

// Tables of tests/data/firmware that end too early, at each byte.
namespace {

using ashlar::errc;
using firmware_tests::dump;
using firmware_tests::setup;
using firmware_tests::well_formed;

/// Reads the first `length` bytes of a dump into `s`.
using read_part = errc (*)(const dump&, std::size_t length, setup& s);

errc read_padded_e820(const dump& file, std::size_t length, setup& s) {
    return ashlar::read_e820(file.bytes().subview(0, length), 24, s.map, s.defects,
                             ashlar::e820_extra::padding);
}
errc read_efi_file(const dump& file, std::size_t length, setup& s) {
    return ashlar::read_efi_map_file(file.bytes().subview(0, length), s.map, s.defects);
}
errc read_srat(const dump& file, std::size_t length, setup& s) {
    return ashlar::read_srat(file.bytes().subview(0, length), s.map, s.nodes, s.defects);
}
errc read_log(const dump& file, std::size_t length, setup& s) {
    return ashlar::read_linux_log(file.text().subview(0, length), s.map, &s.nodes, s.defects);
}
errc read_nfit(const dump& file, std::size_t length, setup& s) {
    return ashlar::read_nfit(file.bytes().subview(0, length), s.map, s.nodes, s.defects);
}
errc read_cedt(const dump& file, std::size_t length, setup& s) {
    return ashlar::read_cedt(file.bytes().subview(0, length), s.map, s.nodes, s.defects);
}
errc read_listing(const dump& file, std::size_t length, setup& s) {
    return ashlar::read_linux_memmap(file.text().subview(0, length), s.map, s.defects);
}

TEST_CASE("a dump that is cut off anywhere never gains memory") {
    struct {
        const char* name;
        read_part read;
    } const files[] = {
        {"pvh-q35-6G-kvm.bin", read_padded_e820},
        {"pvh-microvm-512M-kvm.bin", read_padded_e820},
        {"ovmf-q35-512M.efimap", read_efi_file},
        {"aavmf-virt-1G.efimap", read_efi_file},
        {"acpi-hotplug-SRAT.bin", read_srat},
        {"acpi-aarch64-SRAT.bin", read_srat},
        {"mirror_numa4/SRAT.dat", read_srat},
        {"mirror_numa4/e820.txt", read_log},
        {"ovmf_numa4/e820.txt", read_log},
        {"sb_numa4/e820.txt", read_log},
        {"ovmf_numa4/efi-memmap.txt", read_log},
        {"patent-48g-printed.txt", read_log},
        {"patent-48g-corrected.txt", read_log},
        {"acpi-nvdimm-NFIT.bin", read_nfit},
        {"acpi-cxl-CEDT.bin", read_cedt},
        {"sb_numa4/sysfs-memmap.txt", read_listing},
        {"ovmf_numa4/sysfs-memmap.txt", read_listing},
    };
    for (const auto& one : files) {
        const dump file(one.name);
        setup whole;
        REQUIRE(one.read(file, file.bytes().size(), whole) == errc::ok);
        for (std::size_t length = 0; length < file.bytes().size(); ++length) {
            setup part;
            const errc answer = one.read(file, length, part);
            const bool plausible = (answer == errc::ok || answer == errc::invalid) && well_formed(part.map) &&
                                   firmware_tests::usable_within(part.map, whole.map);
            REQUIRE_MESSAGE(plausible, one.name, " cut off at ", length);
        }
    }
}

TEST_CASE("an HMAT that is cut off anywhere tells nothing else") {
    for (const std::string name : {"acpi-hmat-HMAT.bin", "sb_numa4/HMAT.dat"}) {
        const dump file(name);
        setup whole;
        for (const std::uint32_t domain : {0u, 1u, 2u, 3u}) REQUIRE(whole.nodes.add(domain).has_value());
        REQUIRE(ashlar::read_hmat(file.bytes(), whole.nodes, whole.performance, whole.defects) == errc::ok);
        for (std::size_t length = 0; length < file.bytes().size(); ++length) {
            setup part;
            const errc answer = ashlar::read_hmat(file.bytes().subview(0, length), whole.nodes,
                                                  part.performance, part.defects);
            bool plausible = answer == errc::ok || (answer == errc::invalid && length < 40);
            plausible = plausible && !part.defects.empty();
            for (const ashlar::access_performance& pair : part.performance.pairs()) {
                const auto all = whole.performance.between(pair.initiator, pair.memory);
                plausible = plausible && !all.contradicts(pair);
            }
            plausible = plausible && part.performance.pairs().size() <= whole.performance.pairs().size() &&
                        part.performance.caches().size() < whole.performance.caches().size();
            REQUIRE_MESSAGE(plausible, name, " cut off at ", length);
        }
    }
}

}  // namespace
