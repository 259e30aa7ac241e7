// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/matrix/lab_command.hpp"

#include <cstdio>
#include <utility>

#include "lab/matrix/lab_options.hpp"
#include "lab/matrix/matrix_report.hpp"
#include "lab/matrix/run_matrix.hpp"
#include "lab/page/page.hpp"
#include "lab/text/write_file.hpp"

namespace lab {

void run_lab_command(arguments words) {
    const lab_options options = parse_lab_options(std::move(words));
    // Before the long part.
    for (const std::string* path : {&options.html_path, &options.json_path, &options.csv_path}) {
        check_writable(*path);
    }
    const matrix_results results = run_matrix(options);
    for (const scenario& told : results.scenarios) std::fputs(scenario_as_text(told).c_str(), stdout);
    write_file(options.html_path, matrix_as_html(results));
    write_file(options.json_path, matrix_as_json(results));
    write_file(options.csv_path, matrix_as_csv(results));
    std::printf("Written: %s, %s, %s\n", options.html_path.c_str(), options.json_path.c_str(),
                options.csv_path.c_str());
}

std::string lab_help() {
    return std::string(
               "lab: --machine NAME begins a machine, the inputs after it are its own; without inputs it is\n"
               "that of replay. Without --composition: every source under reliability_first/nearest, and "
               "rows\n"
               "under the others that differ on the machine. A peer is a shared library with the functions "
               "of\n"
               "bench/peer/peer.h. --repetitions N of each replay for the time (9); one more samples the "
               "state\n"
               "of memory. --html FILE is the page (ashlar-lab.html), --json and --csv are beside it.\n"
               "JSON of lab:\n") +
           matrix_json_help;
}

}  // namespace lab
