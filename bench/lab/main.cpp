// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "lab/arguments.hpp"
#include "lab/failure.hpp"
#include "lab/machine/machine_boot.hpp"
#include "lab/machine/machine_command.hpp"
#include "lab/machine/machine_inputs.hpp"
#include "lab/matrix/lab_command.hpp"
#include "lab/replay/replay_command.hpp"

namespace {

void print_help() {
    std::printf(
        "ashlar-lab machine FILES... [--json FILE] [--buddyinfo] [--zoneinfo] [--watermarks]\n"
        "    prints the nodes, distances, zones, mirrored memory and defects that firmware tables tell\n"
        "ashlar-lab replay --trace FILE [machine inputs] [--composition NAME]... [--json FILE] [--csv FILE]\n"
        "    replays a trace of page allocations on that machine, under compositions of policies\n"
        "ashlar-lab lab --trace FILE... [[--machine NAME] machine inputs]... [--composition NAME]...\n"
        "           [--peer FILE.so]... [--repetitions N] [--html FILE] [--json FILE] [--csv FILE]\n"
        "    all of them with one another, beside other allocators: a page with charts, JSON and CSV\n\n"
        "%s\n%s\n%s\n%s",
        lab::machine_inputs_help, lab::boot_views_help, lab::replay_help().c_str(), lab::lab_help().c_str());
}

void run(const std::vector<std::string>& words) {
    const std::string command = words.empty() ? "" : words.front();
    for (const std::string& word : words) {
        if (word == "--help" || word == "-h") return print_help();
    }
    lab::arguments rest({words.begin() + (words.empty() ? 0 : 1), words.end()});
    if (command == "machine") return lab::run_machine_command(std::move(rest));
    if (command == "replay") return lab::run_replay_command(std::move(rest));
    if (command == "lab") return lab::run_lab_command(std::move(rest));
    if (command == "help") return print_help();
    throw lab::usage_error(command.empty() ? "machine, replay or lab?"
                                           : command + " is none of machine, replay and lab");
}

}  // namespace

int main(int argc, char** argv) {
    try {
        run({argv + 1, argv + argc});
        if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
            throw lab::failure("stdout: cannot be written");
        return 0;
    } catch (const lab::usage_error& error) {
        std::fprintf(stderr, "ashlar-lab: %s (--help tells more)\n", error.what());
        return 2;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "ashlar-lab: %s\n", error.what());
        return 1;
    }
}
