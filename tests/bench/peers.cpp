// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every peer that was built (ASHLAR_PEERS, with colons between them) keeps what bench/peer/peer.h says.
#include <doctest/doctest.h>

#include <dlfcn.h>
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "peer/load_peer.hpp"

namespace {

struct block {
    std::uint64_t first;
    unsigned order;
};

std::vector<std::string> paths() {
    const char* const list = std::getenv("ASHLAR_PEERS");
    REQUIRE(list != nullptr);
    std::vector<std::string> found;
    std::istringstream text(list);
    for (std::string path; std::getline(text, path, ':');) {
        if (!path.empty()) found.push_back(path);
    }
    REQUIRE(found.size() >= 2);
    return found;
}

/// `count` blocks of orders 0 to 9.
std::vector<block> take(const bench::peer_library& library, void* peer, std::uint32_t cpu, unsigned count) {
    std::vector<block> blocks;
    for (unsigned i = 0; i < count; ++i) {
        const unsigned order = i % 10;
        blocks.push_back({library.allocate(peer, cpu, order), order});
    }
    return blocks;
}

void give(const bench::peer_library& library, void* peer, std::uint32_t cpu, const std::vector<block>& blocks,
          int& refused) {
    for (const block& each : blocks) refused += library.free(peer, cpu, each.first, each.order) != 0 ? 1 : 0;
}

std::uint64_t frames_of(const std::vector<block>& blocks) {
    std::uint64_t frames = 0;
    for (const block& each : blocks) frames += std::uint64_t{1} << each.order;
    return frames;
}

TEST_CASE("blocks are aligned, apart, and counted") {
    for (const std::string& path : paths()) {
        CAPTURE(path);
        const bench::peer_library library = bench::load_peer(path);
        constexpr std::uint64_t frames = std::uint64_t{1} << 14;
        void* const peer = library.create(frames, 2);
        REQUIRE(peer != nullptr);
        CHECK(library.free_count(peer) == frames);

        std::vector<block> blocks = take(library, peer, 0, 100);
        CHECK(library.free_count(peer) == frames - frames_of(blocks));
        std::sort(blocks.begin(), blocks.end(),
                  [](const block& a, const block& b) { return a.first < b.first; });
        for (std::size_t i = 0; i < blocks.size(); ++i) {
            REQUIRE(blocks[i].first != ASHLAR_PEER_NONE);
            CHECK(blocks[i].first % (std::uint64_t{1} << blocks[i].order) == 0);
            if (i != 0)
                CHECK(blocks[i - 1].first + (std::uint64_t{1} << blocks[i - 1].order) <= blocks[i].first);
        }
        int refused = 0;
        give(library, peer, 1, blocks, refused);
        CHECK(refused == 0);
        CHECK(library.free_count(peer) == frames);
        library.destroy(peer);
    }
}

TEST_CASE("threads free what others allocated") {
    for (const std::string& path : paths()) {
        CAPTURE(path);
        const bench::peer_library library = bench::load_peer(path);
        constexpr std::uint64_t frames = std::uint64_t{1} << 14;
        void* const peer = library.create(frames, 2);
        REQUIRE(peer != nullptr);
        int refused[2] = {};
        for (int round = 0; round < 20; ++round) {
            std::vector<block> blocks[2];
            for (const bool frees : {false, true}) {
                std::vector<std::thread> threads;
                for (std::uint32_t cpu = 0; cpu < 2; ++cpu) {
                    threads.emplace_back([&, cpu] {
                        if (frees) {
                            give(library, peer, cpu, blocks[1 - cpu], refused[cpu]);
                        } else {
                            blocks[cpu] = take(library, peer, cpu, 50);
                        }
                    });
                }
                for (std::thread& each : threads) each.join();
            }
        }
        CHECK(refused[0] + refused[1] == 0);
        CHECK(library.free_count(peer) == frames);
        library.destroy(peer);
    }
}

TEST_CASE("the program keeps the malloc of the C library") {
    for (const std::string& path : paths()) (void)bench::load_peer(path);
    for (const char* const name : {"malloc", "free", "posix_memalign"}) {
        CAPTURE(name);
        Dl_info where{};
        REQUIRE(dladdr(dlsym(RTLD_DEFAULT, name), &where) != 0);
        CHECK(std::string(where.dli_fname).find("libc.so") != std::string::npos);
    }
}

TEST_CASE("an allocator of real memory does not start where there is not enough") {
    for (const std::string& path : paths()) {
        const bench::peer_library library = bench::load_peer(path);
        if (library.name.rfind("ashlar-", 0) == 0) continue;
        CAPTURE(path);
        CHECK(library.create(std::uint64_t{1} << 40, 2) == nullptr);
    }
}

}  // namespace
