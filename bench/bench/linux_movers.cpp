// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What it costs to move pages of a program, and of a guest, from one memory file to another.
#include "bench/workloads.hpp"

#ifdef __linux__
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include <ashlar/linux_backend/file_descriptor.hpp>
#include <ashlar/linux_backend/kvm_memory_slot.hpp>
#include <ashlar/linux_backend/memory_file.hpp>
#include <ashlar/linux_backend/process_mapping.hpp>
#include <ashlar/linux_backend/process_pages.hpp>
#include <ashlar/linux_backend/signalled_writers.hpp>
#include <ashlar/linux_backend/userfault_writers.hpp>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

namespace bench {
namespace {

using ashlar::errc;
using ashlar::frame;

constexpr std::uint64_t frames = 8192;  // 32 MiB, more than caches keep for one thread

void must(errc error) {
    if (error != errc::ok) throw std::runtime_error(ashlar::to_string(error));
}

/// A program's memory, all of it in the first of two DIMMs; each page begins with its number.
class program_memory {
 public:
    explicit program_memory(unsigned order) {
        for (std::uint64_t d = 0; d < 2; ++d) {
            must(dimms_[d].create("bench", {at(d, 0), frames}));
            std::memset(dimms_[d].bytes_of(at(d, 0)), 0xff, frames * dimms_[d].page_bytes());
        }
        must(mapping_.reserve({dimms_}, frames, order));
        for (std::uint64_t page = 0; page < frames; page += std::uint64_t{1} << order) {
            must(mapping_.assign(page, at(0, page)));
        }
        for (std::uint64_t page = 0; page < frames; ++page) number(page) = page;
    }
    [[nodiscard]] ashlar::process_mapping& mapping() { return mapping_; }
    [[nodiscard]] static frame<> at(std::uint64_t dimm, std::uint64_t index) {
        return {(dimm + 1) * frames + index};
    }
    /// Where the next of so many blocks goes: through all pages, to the other DIMM.
    template <class Mover>
    [[nodiscard]] bool move(Mover& mover, std::uint64_t block) {
        const std::uint64_t page = (block << mapping_.order()) % frames;
        const std::uint64_t round = (block << mapping_.order()) / frames;
        return mover.move(at(round % 2, page), at(1 - round % 2, page), mapping_.order()) == errc::ok;
    }
    [[nodiscard]] bool is_whole() {
        for (std::uint64_t page = 0; page < frames; ++page) {
            if (number(page) != page) return false;
        }
        return true;
    }

 private:
    [[nodiscard]] std::uint64_t& number(std::uint64_t page) {
        void* const first = mapping_.bytes().data() + page * mapping_.page_bytes();
        return *static_cast<std::uint64_t*>(first);
    }

    ashlar::memory_file dimms_[2];
    ashlar::process_mapping mapping_;
};

template <class Hold>
void move_pages(benchmark::State& state, program_memory& memory, Hold& writers) {
    ashlar::process_page_mover mover(memory.mapping(), writers);
    std::uint64_t block = 0;
    bool moved = true;
    for ([[maybe_unused]] auto _ : state) moved = memory.move(mover, block++) && moved;
    if (!moved || !memory.is_whole()) state.SkipWithError("a page did not move");
    state.counters["frames_per_second"] = benchmark::Counter(
        static_cast<double>(block << memory.mapping().order()), benchmark::Counter::kIsRate);
}

void process_page(benchmark::State& state, unsigned order) {
    program_memory memory(order);
    ashlar::userfault_writers writers;
    must(writers.open());
    move_pages(state, memory, writers);
}
void process_page_signalled(benchmark::State& state, unsigned order) {
    program_memory memory(order);
    ashlar::signalled_writers writers;
    must(writers.watch(memory.mapping().bytes()));
    move_pages(state, memory, writers);
}
[[nodiscard]] ashlar::file_descriptor new_machine() {
    const ashlar::file_descriptor kvm(open("/dev/kvm", O_RDWR | O_CLOEXEC));
    return ashlar::file_descriptor(kvm ? ioctl(kvm.number(), KVM_CREATE_VM, 0) : -1);
}
void kvm_page(benchmark::State& state, unsigned order) {
    program_memory memory(order);
    const ashlar::file_descriptor machine = new_machine();
    ashlar::kvm_memory_slot ram;
    must(ram.set(machine.number(), 0, {0}, memory.mapping().bytes()));
    ashlar::userfault_writers writers;
    must(writers.open());
    move_pages(state, memory, writers);
}

void add(const char* mover, void (*run)(benchmark::State&, unsigned)) {
    for (const unsigned order : {0U, 9U}) {
        const std::string name = std::string("move/") + mover + "/order:" + std::to_string(order);
        benchmark::RegisterBenchmark(name.c_str(),
                                     [run, order](benchmark::State& state) { run(state, order); });
    }
}

}  // namespace

void register_linux_movers() {
    ashlar::userfault_writers probe;
    const bool in_kernel = probe.open() == errc::ok;
    if (in_kernel) add("process_page", process_page);
    add("process_page_signalled", process_page_signalled);
    if (in_kernel && probe.holds_kernel() && new_machine()) add("kvm_page", kvm_page);
}

}  // namespace bench

#else

void bench::register_linux_movers() {}

#endif
