// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ashlar/linux_backend/file_descriptor.hpp>
#include <cstdlib>
#include <cstring>

#include "near.hpp"

// The drivers by which programs get at devices, and the tests of what they offer.
namespace guests {

/// Those of the folder, by name: each after what it needs.
inline void load_modules() {
    dirent** found = nullptr;
    const int count = ::scandir("/modules", &found, nullptr, ::alphasort);
    must(count > 2, "there are modules");
    for (int i = 0; i < count; ++i) {
        if (found[i]->d_name[0] != '.') {
            char path[300];
            std::snprintf(path, sizeof path, "/modules/%s", found[i]->d_name);
            const file_descriptor file(::open(path, O_RDONLY | O_CLOEXEC));
            const bool loaded = ::syscall(SYS_finit_module, file.number(), "", 0) == 0;
            must(loaded || errno == EEXIST, path, std::strerror(errno));
        }
        std::free(found[i]);
    }
    std::free(found);
}

inline void tell(const char* path, const char* text) {
    const file_descriptor file(::open(path, O_WRONLY | O_CLOEXEC));
    must(::write(file.number(), text, std::strlen(text)) > 0, path, std::strerror(errno));
}

/// All tests of one kind of devices, none left out.
inline void test_devices(const char* kind) {
    std::printf("devices by %s\n", kind);
    std::fflush(stdout);
    const ::pid_t child = ::fork();
    if (child == 0) {
        char name[] = "/devices", plain[] = "--no-colors=true", setting[64];
        std::snprintf(setting, sizeof setting, "ASHLAR_DEVICES=%s", kind);
        char* const arguments[] = {name, plain, nullptr};
        char* const settings[] = {setting, nullptr};
        (void)::execve(name, arguments, settings);
        ::_exit(127);
    }
    int status = -1;
    must(::waitpid(child, &status, 0) == child && status == 0, kind);
}

/// A device that the kernel gives up: who has mapped its memory still reads it, and all ones is believed no
/// more.
inline void take_away() {
    char remove[64];
    std::snprintf(remove, sizeof remove, "%s/remove", bridge_folder);
    for (int round = 0; round < 2; ++round) {
        pci_device device;
        must(device.open(bridge_folder), "the device");
        must(device.enable(), "is switched on");
        pci_bar bar;
        must(bar.open(device, 2), "its memory");
        bar_memory memory;
        must(memory.map(std::move(bar)), "is mapped");
        must(memory.store<std::uint64_t>(0, ~std::uint64_t{0}), "all ones are stored");
        must(memory.store<std::uint64_t>(8, 4711), "and something else");
        must(memory.load<std::uint64_t>(0).error(), "all ones is what is there");
        tell(remove, "1");
        must_refuse(memory.load<std::uint64_t>(0).error(), errc::revoked,
                    "all ones of a device that is gone");
        must(memory.read64(8) == 4711, "what else is there is told");
        pci_bar none;
        must_refuse(none.open(device, 2), errc::revoked, "it cannot be opened again");
        must_refuse(pci_device().open(bridge_folder), errc::revoked, "nor found");
        tell("/sys/bus/pci/rescan", "1");
    }
}

/// The devices are nobody's; then the memory is a UIO driver's, and one of the others is VFIO's.
inline void use_drivers() {
    must(::mount("devtmpfs", "/dev", "devtmpfs", 0, nullptr) == 0, "/dev");
    take_away();
    test_devices("pci");
    load_modules();
    // A driver for another device, whose BARs are as these are: 0 has registers, 2 memory
    // (drivers/uio/uio_cif.c).
    tell("/sys/bus/pci/drivers/hilscher/new_id", "1af4 1110");
    test_devices("uio");
    tell("/sys/bus/pci/devices/0000:00:12.0/driver_override", "vfio-pci");
    tell("/sys/bus/pci/drivers_probe", "0000:00:12.0");
    test_devices("vfio");
    test_devices("dev_mem");
    test_devices("pci");
}

}  // namespace guests
