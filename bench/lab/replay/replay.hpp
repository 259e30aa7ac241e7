// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/request.hpp>
#include <ashlar/zone/physical_memory.hpp>
#include <ashlar/zone/zone.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "lab/failure.hpp"
#include "lab/replay/lab_platform.hpp"
#include "lab/replay/left_blocks.hpp"
#include "lab/replay/player.hpp"
#include "lab/replay/policies.hpp"
#include "lab/replay/processor_time.hpp"
#include "lab/replay/replay_input.hpp"

namespace lab {

/// A machine of one composition, booted from the input's map.
template <class Source, class Order>
class booted {
 public:
    using memory = ashlar::physical_memory<ashlar::zone<Source>, Order>;

    booted(std::string composition, const ashlar::memory_map& map, const ashlar::topology& nodes)
        : composition_(std::move(composition)), metadata_(memory::metadata_bytes(map, nodes)) {
        if (metadata_.empty()) throw failure("the machine has more zones than a composition can hold");
        check("boot", ram_->boot(map, nodes, {metadata_.data(), metadata_.size()}));
        free_at_boot_ = ram_->free_frames();
    }

    [[nodiscard]] memory& operator*() { return *ram_; }
    [[nodiscard]] memory* operator->() { return ram_.get(); }

    void check(const char* what, ashlar::errc answer) const {
        if (answer == ashlar::errc::ok) return;
        throw failure(composition_ + ": " + what + " answers: " + to_string(answer));
    }

    /// Nothing is lost and nothing is there twice, once all has been freed.
    void check_all_free() const {
        check("validate", ram_->validate());
        if (ram_->free_frames() == free_at_boot_) return;
        throw failure(composition_ + ": " + std::to_string(ram_->free_frames()) +
                      " frames are free after everything was "
                      "freed, and " +
                      std::to_string(free_at_boot_) + " were at boot");
    }

 private:
    std::string composition_;
    std::vector<std::byte> metadata_;
    std::unique_ptr<memory> ram_ = std::make_unique<memory>();
    std::uint64_t free_at_boot_ = 0;
};

/// Replays a trace on fresh machines of one composition.
template <class Source, class Order, class NodeChoice>
class replay final : public player {
    using machine_type = booted<Source, Order>;
    static constexpr bool mirrors = !std::is_same_v<Order, mirror_off>;
    static_assert(largest_trace_order <= Source::top_order);

 public:
    replay(std::string composition, const replay_input& input)
        : composition_(std::move(composition)),
          input_(input),
          map_(mirrors ? nullptr : input.on.map_without_mirror()),
          slots_(input.trace.slots) {}

    void show(observer& watch) override {
        machine_type ram = boot();
        play(*ram, input_.trace.steps, watch);
        ram.check("validate", ram->validate());
        watch.ended();
        left_blocks left(input_.trace, slots_, watch);
        left.compact(*ram);
        ram.check("validate", ram->validate());
        left.free_all(
            [&](ashlar::frame<> first, unsigned order) { ram.check("a free", ram->free(first, order)); });
        ram.check_all_free();
    }

    [[nodiscard]] double time() override {
        machine_type ram = boot();
        nobody unseen;
        const double start = processor_time();
        play(*ram, input_.trace.steps, unseen);
        return processor_time() - start;
    }

 private:
    [[nodiscard]] machine_type boot() const {
        lab_platform::cpus = static_cast<ashlar::cpu_id>(input_.nodes_of_cpus.size());
        return {composition_, mirrors ? **input_.on.map : **map_, input_.on.nodes};
    }

    template <class Watch>
    void play(typename machine_type::memory& ram, const std::vector<operation>& steps, Watch& watch) {
        NodeChoice choose(ram.nodes_with_memory());
        const bool has_mirror = mirrors && ram.has_mirror();
        ashlar::errc worst = ashlar::errc::ok;
        for (const operation& step : steps) {
            std::uint64_t& slot = slots_[step.slot];
            lab_platform::cpu = step.cpu;
            lab_platform::node = input_.nodes_of_cpus[step.cpu];
            if (step.what == trace_event::action::allocate) {
                const auto got = ram.allocate(
                    {.order = step.order,
                     .node = choose(),
                     .mirror = mirrors && step.kernel ? ashlar::mirror::preferred : ashlar::mirror::ordinary,
                     .mobility = step.mobility});
                slot = got ? got->number : no_frame;
                if (got) {
                    watch.allocated(step, {*got, std::uint64_t{1} << step.order}, has_mirror && step.kernel);
                } else {
                    watch.failed(step);
                }
            } else if (slot != no_frame) {
                const ashlar::frame<> first{slot + step.offset};
                const ashlar::errc answer = ram.free(first, step.order);
                if (answer != ashlar::errc::ok) worst = answer;
                watch.freed(step, {first, std::uint64_t{1} << step.order});
            }
            watch.stepped();
        }
        if (worst != ashlar::errc::ok) throw failure(composition_ + ": a free answers: " + to_string(worst));
    }

    std::string composition_;
    const replay_input& input_;
    std::unique_ptr<owned_map> map_;
    std::vector<std::uint64_t> slots_;
};

}  // namespace lab
