// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/replay/peer_player.hpp"

#include <cstdint>
#include <type_traits>
#include <vector>

#include "lab/failure.hpp"
#include "lab/replay/peer_frames.hpp"
#include "lab/replay/processor_time.hpp"
#include "peer/peer_subject.hpp"

namespace lab {
namespace {

class peer_player final : public player {
 public:
    peer_player(const bench::peer_library& library, const replay_input& input)
        : library_(library), input_(input), frames_(library, input.on, cpus()), slots_(input.trace.slots) {}

    void show(observer& watch) override {
        bench::peer_subject peer = start();
        play(peer, input_.trace.steps, watch);
        nobody unseen;
        play(peer, input_.trace.clean_up, unseen);
        if (!peer.is_whole()) throw failure("peer " + library_.name + " lost frames");
    }

    double time() override {
        bench::peer_subject peer = start();
        nobody unseen;
        const double before = processor_time();
        play(peer, input_.trace.steps, unseen);
        return processor_time() - before;
    }

 private:
    struct block {
        std::uint64_t first = no_frame;
        std::uint32_t left = 0;  ///< frames that the trace has not freed
        std::uint8_t order = 0;
    };

    [[nodiscard]] unsigned cpus() const { return static_cast<unsigned>(input_.nodes_of_cpus.size()); }
    [[nodiscard]] bench::peer_subject start() const { return {library_, frames_.count(), cpus()}; }

    template <class Watch>
    void play(bench::peer_subject& peer, const std::vector<operation>& steps, Watch& watch) {
        bool refused = false;
        for (const operation& step : steps) {
            block& held = slots_[step.slot];
            if (step.what == trace_event::action::allocate) {
                held = {peer.allocate(step.cpu, step.order), std::uint32_t{1} << step.order, step.order};
                if (held.first == no_frame) {
                    watch.failed(step);
                } else {
                    tell(held, watch, [&](ashlar::range<> piece) { watch.allocated(step, piece, false); });
                }
            } else if (held.first != no_frame && (held.left -= std::uint32_t{1} << step.order) == 0) {
                refused |= !peer.free(step.cpu, held.first, held.order);
                tell(held, watch, [&](ashlar::range<> piece) { watch.freed(step, piece); });
            }
            watch.stepped();
        }
        if (refused) throw failure("peer " + library_.name + " refuses the free of a block that it gave");
    }

    template <class Watch, class Visit>
    void tell(const block& held, Watch&, Visit visit) const {
        if constexpr (!std::is_same_v<Watch, nobody>) {
            frames_.for_pieces(held.first, std::uint64_t{1} << held.order, visit);
        }
    }

    const bench::peer_library& library_;
    const replay_input& input_;
    peer_frames frames_;
    std::vector<block> slots_;
};

}  // namespace

std::unique_ptr<player> make_peer_player(const bench::peer_library& library, const replay_input& input) {
    return std::make_unique<peer_player>(library, input);
}

}  // namespace lab
