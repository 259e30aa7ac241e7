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

}  // namespace

peer_library load_peer(const std::string& path) {
    // Without a slash the loader would look for it among the system's libraries.
    const auto file = std::filesystem::absolute(path);
    void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error("--peer " + path + ": " + dlerror());
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
