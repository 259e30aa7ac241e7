// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A DIMM fails under a running program. Linux plays the machine: two DIMMs are memory files, the program's
// memory lies in their frames, and its threads go on counting while one DIMM is emptied and taken away.
#include <ashlar/ashlar.hpp>
#include <ashlar/linux_backend/memory_file.hpp>
#include <ashlar/linux_backend/process_mapping.hpp>
#include <ashlar/linux_backend/process_pages.hpp>
#include <ashlar/linux_backend/signalled_writers.hpp>
#include <ashlar/linux_backend/userfault_writers.hpp>
#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

#include "check.hpp"

namespace {

constexpr ashlar::range<> dimm_a{{0x1000}, 512};
constexpr ashlar::range<> dimm_b{{0x1200}, 512};
constexpr std::uint64_t pages = 128;  // of the program

using frames = ashlar::radix_buddy<ashlar::platform>;
using memory = ashlar::physical_memory<ashlar::zone<ashlar::counted<frames>>>;

/// Two threads, each with a counter of its own in every page.
class program {
 public:
    explicit program(ashlar::view<std::byte> bytes) : bytes_(bytes) {
        for (std::size_t t = 0; t < 2; ++t) threads_.emplace_back([this, t] { run(t); });
    }
    void count_for(std::uint64_t rounds) const {
        for (const auto& mine : rounds_) {
            for (const std::uint64_t until = mine + rounds; mine < until;) std::this_thread::yield();
        }
    }
    /// Stops; true if every counter has all that was counted.
    bool is_right() {
        stop_ = true;
        for (std::thread& thread : threads_) thread.join();
        bool right = true;
        for (std::size_t p = 0; p < pages; ++p) {
            for (std::size_t t = 0; t < 2; ++t) right = right && counter(p, t) == rounds_[t];
        }
        return right;
    }

 private:
    [[nodiscard]] volatile std::uint64_t& counter(std::size_t page, std::size_t thread) const {
        void* const at = bytes_.data() + page * (bytes_.size() / pages) + 64 * thread;
        return *static_cast<volatile std::uint64_t*>(at);
    }
    void run(std::size_t thread) {
        while (!stop_) {
            for (std::size_t p = 0; p < pages; ++p) counter(p, thread) = counter(p, thread) + 1;
            ++rounds_[thread];
        }
    }

    ashlar::view<std::byte> bytes_;
    std::atomic<bool> stop_{false};
    std::atomic<std::uint64_t> rounds_[2]{};
    std::vector<std::thread> threads_;
};

/// Empties DIMM A under the program, with whatever holds its writers back meanwhile.
template <class Hold>
void take_dimm_away(memory& ram, ashlar::memory_file& dimm, ashlar::process_mapping& mapping, Hold& writers) {
    ashlar::process_page_mover mover(mapping, writers);
    ashlar::evacuation<memory> emptied(ram);
    check(emptied.begin(dimm_a) == ashlar::errc::ok, "nothing new comes from DIMM A");
    ashlar::allocated_destination<memory> elsewhere{ram};
    while (emptied.evacuate(elsewhere, mover, 64) == ashlar::errc::limit) std::this_thread::yield();
    check(emptied.report().moved == pages && emptied.report().left == 0, "all of it moved");
    check(ram.offline(dimm_a) == ashlar::errc::ok, "DIMM A is off line");
    check(dimm.remove() == ashlar::errc::ok, "and out: a touch would be SIGBUS");
}

}  // namespace

int main() {
    ashlar::memory_file dimms[2];
    check(dimms[0].create("dimm a", dimm_a) == ashlar::errc::ok, "DIMM A");
    check(dimms[1].create("dimm b", dimm_b) == ashlar::errc::ok, "DIMM B");

    ashlar::memory_entry entries[4];
    ashlar::memory_map map{entries};
    const std::uint64_t end = dimm_b.end().number << map.page_shift();
    check(map.add(dimm_a.first.number << map.page_shift(), end, ashlar::memory_kind::usable) ==
              ashlar::errc::ok,
          "the firmware's map");
    std::vector<std::byte> metadata(memory::metadata_bytes(map, {}));
    memory ram;
    check(ram.boot(map, {}, {metadata.data(), metadata.size()}) == ashlar::errc::ok, "it boots");

    ashlar::process_mapping mapping;
    check(mapping.reserve({dimms}, pages) == ashlar::errc::ok, "addresses for the program");
    for (std::uint64_t page = 0; page < pages; ++page) {
        const auto frame = ram.allocate({.below = dimm_b.first});
        check(frame && mapping.assign(page, *frame) == ashlar::errc::ok, "a page in DIMM A");
    }

    program counting(mapping.bytes());
    counting.count_for(100);
    ashlar::userfault_writers in_kernel;
    ashlar::signalled_writers by_signal;
    if (in_kernel.open() == ashlar::errc::ok) {
        take_dimm_away(ram, dimms[0], mapping, in_kernel);
    } else {  // an older kernel, or not allowed
        check(by_signal.watch(mapping.bytes()) == ashlar::errc::ok, "SIGSEGV is ours");
        take_dimm_away(ram, dimms[0], mapping, by_signal);
    }
    counting.count_for(100);
    check(counting.is_right(), "no count was lost");
    std::puts("DIMM A is gone, and the program did not notice");
}
