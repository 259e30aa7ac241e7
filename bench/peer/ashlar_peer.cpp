// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Ashlar itself behind the interface of a peer, so that it is measured as the others are. The build makes one
// library of each contract (ASHLAR_PEER_CONTRACT).
#include "peer/peer.h"

#include <ashlar/layer/cpu_rows.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/testing/word_buffer.hpp>
#include <memory>
#include <new>

namespace {

/// The CPU is what the caller says, and so is how many there are.
struct told_cpu : ashlar::platform {
    [[gnu::tls_model("initial-exec")]] static inline thread_local ashlar::cpu_id cpu = 0;
    [[nodiscard]] static ashlar::cpu_id this_cpu() noexcept { return cpu; }
    static inline ashlar::cpu_id cpus = 1;
    [[nodiscard]] static ashlar::cpu_id max_cpus() noexcept { return cpus; }
};
using source = ashlar::cpu_rows<ashlar::radix_buddy<told_cpu>,
                                ashlar::rows_shape{.contract = ashlar::slot_contract::ASHLAR_PEER_CONTRACT}>;

/// No block begins below this frame: as on a real machine, alignment is that of frame numbers.
constexpr std::uint64_t first_frame = std::uint64_t{1} << 20;

struct peer {
    explicit peer(std::uint64_t count)
        : managed{{first_frame}, count}, words(source::metadata_words(managed)) {}
    ashlar::range<> managed;
    ashlar::testing::word_buffer<source::word> words;  // rows of a line share a cache line
    source frames;
};

}  // namespace

extern "C" void* ashlar_peer_create(std::uint64_t frames, std::uint32_t cpus) {
    told_cpu::cpus = cpus;
    auto made = std::make_unique<peer>(frames);
    const ashlar::view<source::word> words = made->words.words();
    if (made->frames.attach(made->managed, words, ashlar::start::fresh) != ashlar::errc::ok) return nullptr;
    if (made->frames.online(made->managed) != ashlar::errc::ok) return nullptr;
    return made.release();
}
extern "C" void ashlar_peer_destroy(void* peer_pointer) {
    delete static_cast<peer*>(peer_pointer);
}
extern "C" std::uint64_t ashlar_peer_allocate(void* peer_pointer, std::uint32_t cpu, std::uint32_t order) {
    told_cpu::cpu = cpu;
    const auto got = static_cast<peer*>(peer_pointer)->frames.allocate({.order = order});
    return got ? got->number : ASHLAR_PEER_NONE;
}
extern "C" int ashlar_peer_free(void* peer_pointer, std::uint32_t cpu, std::uint64_t first,
                                std::uint32_t order) {
    told_cpu::cpu = cpu;
    return static_cast<int>(static_cast<peer*>(peer_pointer)->frames.free({first}, order));
}
extern "C" std::uint64_t ashlar_peer_free_count(void* peer_pointer) {
    return static_cast<peer*>(peer_pointer)->frames.free_frames();
}
