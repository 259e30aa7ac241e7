// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `poisoned` over real memory, with AddressSanitizer's shadow: who touches a free frame dies.
#include <doctest/doctest.h>
#include <ashlar/layer/poisoned.hpp>
#include <ashlar/layer/scrubbed.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASHLAR_TEST_WITH_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ASHLAR_TEST_WITH_ASAN 1
#endif

#ifdef ASHLAR_TEST_WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace ashlar {
namespace {

constexpr range<> frames{{0x100}, 64};

/// 64 frames of 4 KiB in user space.
struct asan_platform : platform {
    static constexpr std::uint64_t frame_bytes = 4096;
    alignas(4096) static inline std::byte memory[64 * 4096]{};
    [[nodiscard]] static std::byte* bytes_of(frame<> f) noexcept {
        return memory + (f.number - frames.first.number) * frame_bytes;
    }
#ifdef ASHLAR_TEST_WITH_ASAN
    static void poison(frame<> first, std::uint64_t count) noexcept {
        ASAN_POISON_MEMORY_REGION(bytes_of(first), count * frame_bytes);
    }
    static void unpoison(frame<> first, std::uint64_t count) noexcept {
        ASAN_UNPOISON_MEMORY_REGION(bytes_of(first), count * frame_bytes);
    }
#else
    static void poison(frame<>, std::uint64_t) noexcept {}
    static void unpoison(frame<>, std::uint64_t) noexcept {}
#endif
};
using zone =
    scrubbed<poisoned<radix_buddy<asan_platform>>, scrub_shape{.on_allocate = true, .on_free = true}>;

struct attached {
    attached() {
        REQUIRE(memory.attach(frames, storage.words(), start::fresh) == errc::ok);
        REQUIRE(memory.online(frames) == errc::ok);
    }
    ~attached() { CHECK(memory.detach(frames) == errc::ok); }
    attached(const attached&) = delete;
    attached& operator=(const attached&) = delete;
    testing::word_buffer<zone::word> storage{zone::metadata_words(frames)};
    zone memory;
};

TEST_CASE("a frame can be written and read from allocate to free") {
    attached a;
    for (int round = 0; round < 100; ++round) {
        const auto got = a.memory.allocate({.order = 2});
        REQUIRE(got);
        volatile std::byte* const bytes = asan_platform::bytes_of(*got);
        for (std::size_t at = 0; at < 4 * 4096; at += 512) {
            CHECK(bytes[at] == std::byte{0});
            bytes[at] = std::byte{7};
        }
        REQUIRE(a.memory.free(*got, 2) == errc::ok);
    }
}

#ifdef ASHLAR_TEST_WITH_ASAN

/// What a child process says on its way out if it reads the byte; empty if it lives.
std::string death_by_reading(const std::byte* byte) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        (void)dup2(ends[1], 2);
        (void)close(ends[0]);
        const volatile std::byte* const watched = byte;
        const std::byte seen = *watched;
        _exit(seen == std::byte{1} ? 1 : 0);
    }
    (void)close(ends[1]);
    std::string said;
    char part[512];
    for (ssize_t count = 0; (count = read(ends[0], part, sizeof part)) > 0;)
        said.append(part, static_cast<std::size_t>(count));
    (void)close(ends[0]);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    const bool lives = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (lives) return "";
    return said.empty() ? "it died and said nothing" : said;
}

TEST_CASE("use after free of a frame is caught") {
    attached a;
    const auto got = a.memory.allocate({.order = 1});
    REQUIRE(got);
    const std::byte* const byte = asan_platform::bytes_of(*got) + 4096 + 17;
    CHECK(death_by_reading(byte) == "");
    REQUIRE(a.memory.free(*got, 1) == errc::ok);
    CHECK(death_by_reading(byte).find("use-after-poison") != std::string::npos);
    REQUIRE(a.memory.allocate_at({*got + 1, 1}) == errc::ok);
    CHECK(death_by_reading(byte) == "");
    CHECK(death_by_reading(asan_platform::bytes_of(*got)).find("use-after-poison") != std::string::npos);
    // A wrong free poisons nothing.
    CHECK(a.memory.free(*got, 1) == errc::double_free);
    CHECK(death_by_reading(byte) == "");
}

#else

TEST_CASE("use after free of a frame") {
    MESSAGE("left out: only AddressSanitizer (preset asan) has a shadow to poison");
}

#endif

}  // namespace
}  // namespace ashlar
