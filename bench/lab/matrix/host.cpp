// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/matrix/host.hpp"

#include <sys/utsname.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <thread>

namespace lab {
namespace {

/// As Linux names it; else its architecture.
std::string processor_name() {
    std::ifstream info("/proc/cpuinfo");
    std::string model;
    bool guest = false;
    for (std::string line; std::getline(info, line);) {
        const std::size_t colon = line.find(": ");
        if (colon == std::string::npos) continue;
        if (model.empty() && line.starts_with("model name")) model = line.substr(colon + 2);
        if (line.starts_with("flags")) guest = line.find(" hypervisor") != std::string::npos;
    }
    if (model.empty()) {
        utsname system{};
        model = uname(&system) == 0 ? system.machine : "unknown processor";
    }
    return model + (guest ? " (a virtual machine)" : "");
}

std::string compiler_name() {
#ifdef __clang__
    std::string name = __VERSION__;
#else
    std::string name = "GCC " __VERSION__;
#endif
#ifndef __OPTIMIZE__
    name += ", not optimised";
#endif
    return name;
}

std::string now() {
    const std::time_t seconds = std::time(nullptr);
    std::tm parts{};
    std::array<char, 32> text{};
    if (gmtime_r(&seconds, &parts) == nullptr) return "unknown";
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M", &parts)};
}

}  // namespace

host this_host() {
    host here{processor_name(), std::thread::hardware_concurrency(), compiler_name(), now(), 0};
    (void)getloadavg(&here.load, 1);
    return here;
}

}  // namespace lab
