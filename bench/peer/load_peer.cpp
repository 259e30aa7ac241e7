// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "peer/load_peer.hpp"

#include <dlfcn.h>
#include <filesystem>
#include <stdexcept>

namespace bench {
namespace {

template <class Function>
void find(void* library, const std::string& path, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    if (function == nullptr) throw std::runtime_error("--peer " + path + ": has no function " + name);
}

std::string why_not_loaded() {
    std::string why = dlerror();
    // Of allocators that expect to be there when the program starts, such as jemalloc.
    if (why.find("static TLS") != std::string::npos) {
        why += "; GLIBC_TUNABLES=glibc.rtld.optional_static_tls=16384 in the environment makes room";
    }
    return why;
}

}  // namespace

peer_library load_peer(const std::string& path) {
    // Without a slash the loader would look for it among the system's libraries.
    const auto file = std::filesystem::absolute(path);
    void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error("--peer " + path + ": " + why_not_loaded());
    peer_library found;
    found.name = file.stem().string();
    find(library, path, "ashlar_peer_create", found.create);
    find(library, path, "ashlar_peer_destroy", found.destroy);
    find(library, path, "ashlar_peer_allocate", found.allocate);
    find(library, path, "ashlar_peer_free", found.free);
    find(library, path, "ashlar_peer_free_count", found.free_count);
    return found;
}

}  // namespace bench
