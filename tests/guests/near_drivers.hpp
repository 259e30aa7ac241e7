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

/// The devices are nobody's; then the memory is a UIO driver's, and one of the others is VFIO's.
inline void use_drivers() {
    must(::mount("devtmpfs", "/dev", "devtmpfs", 0, nullptr) == 0, "/dev");
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
