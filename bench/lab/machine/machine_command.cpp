// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/machine/machine_command.hpp"

#include <cstdio>
#include <string>

#include "lab/failure.hpp"
#include "lab/machine/machine.hpp"
#include "lab/machine/machine_boot.hpp"
#include "lab/machine/machine_report.hpp"
#include "lab/text/write_file.hpp"

namespace lab {

void run_machine_command(arguments words) {
    machine_inputs inputs;
    boot_views views;
    std::string json_path;
    while (const auto word = words.next()) {
        if (inputs.take(*word, words) || views.take(*word)) continue;
        if (*word == "--json") {
            json_path = words.value();
        } else {
            throw usage_error("machine does not know " + *word);
        }
    }
    inputs.check();
    if (!inputs.any()) throw usage_error("machine needs a file that describes one");

    const machine read = read_machine(inputs);
    for (const std::string& note : read.notes) std::fprintf(stderr, "ashlar-lab: %s\n", note.c_str());
    std::fputs(machine_as_text(read).c_str(), stdout);
    if (views.any()) std::fputs(boot_as_text(read, views).c_str(), stdout);
    if (!json_path.empty()) write_file(json_path, machine_as_json(read));
}

}  // namespace lab
