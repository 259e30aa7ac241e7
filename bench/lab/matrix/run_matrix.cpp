// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/matrix/run_matrix.hpp"

#include <list>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include "lab/failure.hpp"
#include "lab/matrix/recorder.hpp"
#include "lab/matrix/subject.hpp"
#include "lab/replay/load.hpp"
#include "lab/replay/oracle.hpp"
#include "lab/replay/take_times.hpp"
#include "lab/text/progress.hpp"

namespace lab {
namespace {

/// Enough for a line 1,000 pixels wide, and for who moves through time by hand.
constexpr std::size_t intervals = 80;

struct loaded_trace {
    std::string path;
    operation_list list;
};

/// Without a machine of its own, one is made for each trace.
struct loaded_machine {
    std::string name;
    std::optional<machine> read;
};

class matrix {
 public:
    explicit matrix(const lab_options& options) : options_(options) {
        std::set<std::string> names;
        for (const std::string& path : options.peers) {
            peers_.push_back(bench::load_peer(path));
            if (!names.insert(peers_.back().name).second) {
                throw usage_error("two peers are called " + peers_.back().name);
            }
        }
        for (const machine_choice& each : options.machines) {
            machines_.push_back({each.name, std::nullopt});
            if (each.inputs.any()) machines_.back().read = load_machine(each.inputs);
        }
        for (const std::string& path : options.traces) traces_.push_back({path, load_trace(path)});
    }

    [[nodiscard]] matrix_results run() {
        matrix_results results{this_host(), options_.repetitions, {}};
        for (const loaded_machine& on : machines_) {
            for (const loaded_trace& played : traces_) {
                if (on.read) {
                    results.scenarios.push_back(run(on.name, *on.read, played));
                } else {
                    results.scenarios.push_back(run(on.name, machine_for(played.list), played));
                }
            }
        }
        return results;
    }

 private:
    scenario run(const std::string& name, const machine& on, const loaded_trace& played) {
        const replay_input input = make_replay_input(played.list, on);
        scenario told = describe(name, on, played);
        std::vector<subject> subjects = composition_subjects(options_.compositions, on);
        for (const bench::peer_library& each : peers_) subjects.push_back(peer_subject_of(each));

        std::vector<std::unique_ptr<player>> players;
        for (const subject& each : subjects) {
            say(told, each.name + ": sampling");
            players.push_back(each.make(input));
            told.runs.push_back(watch(each.name, *players.back(), input, told.moments));
        }
        const rounds wanted{options_.repetitions, options_.repetitions};
        auto times = take_times(players, wanted, [&](std::size_t round, std::size_t i) {
            say(told, subjects[i].name + ": taking times, round " + std::to_string(round + 1) + " of " +
                          std::to_string(wanted.most));
        });
        for (std::size_t i = 0; i < players.size(); ++i) {
            for (double& time : times[i]) time /= static_cast<double>(told.events);
            told.runs[i].ns_per_event = spread_of(times[i]);
            told.runs[i].told.ns_per_event = told.runs[i].ns_per_event.median;
            told.runs[i].repetitions = std::move(times[i]);
        }
        say(told, std::string(oracle_name) + ": sampling");
        told.runs.push_back(watch_oracle(input, told.moments));
        ++done_;
        return told;
    }

    static scenario describe(const std::string& name, const machine& on, const loaded_trace& played) {
        scenario told;
        told.machine = name;
        told.nodes = on.nodes.node_count();
        told.page_shift = (*on.map)->page_shift();
        told.zones = on.zones();
        told.trace = played.path;
        told.events = played.list.steps.size();
        told.peak_frames = played.list.peak_frames;
        told.left_frames = played.list.left_frames;
        told.moments = moments_of(played.list, intervals);
        told.heat = heat_layout_of(block_usage(on));
        return told;
    }

    static matrix_run watch(const std::string& name, player& played, const replay_input& input,
                            const std::vector<moment>& moments) {
        recorder watching(name, input, moments);
        played.show(watching);
        return {watching.verdict(), {}, {}, watching.over_time()};
    }

    static matrix_run watch_oracle(const replay_input& input, const std::vector<moment>& moments) {
        recorder watching(std::string(oracle_name), input, moments);
        show_oracle(input, watching);
        matrix_run run{watching.verdict(), {}, {}, watching.over_time()};
        run.told.oracle = true;
        // Nobody asked it for these.
        for (share_series* chance : {&run.over_time.kernel_in_mirror, &run.over_time.local})
            chance->assign(chance->size(), std::nullopt);
        return run;
    }

    void say(const scenario& now, const std::string& what) {
        shown_.at("scenario " + std::to_string(done_ + 1) + " of " +
                  std::to_string(machines_.size() * traces_.size()) + " (" + now.machine + "): " + what);
    }

    const lab_options& options_;
    std::list<bench::peer_library> peers_;  // subjects keep references
    std::vector<loaded_machine> machines_;
    std::vector<loaded_trace> traces_;
    std::size_t done_ = 0;
    progress shown_{"lab"};
};

}  // namespace

matrix_results run_matrix(const lab_options& options) {
    return matrix(options).run();
}

}  // namespace lab
