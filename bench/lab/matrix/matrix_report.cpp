// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/matrix/matrix_report.hpp"

#include "lab/text/csv.hpp"
#include "lab/text/numbers.hpp"
#include "lab/text/text_table.hpp"

namespace lab {
namespace {

constexpr int time_digits = 2;
constexpr int share_digits = 6;

}  // namespace

std::string scenario_as_text(const scenario& told) {
    using align = text_table::align;
    text_table table({{"composition", align::left},
                      {"ns/event", align::right},
                      {"quartiles", align::right},
                      {"kernel in mirror", align::right},
                      {"local", align::right},
                      {"fallbacks", align::right},
                      {"pinned blocks", align::right},
                      {"failures", align::right},
                      {"whole blocks", align::right},
                      {"compacted", align::right},
                      {"moves", align::right}});
    for (const matrix_run& run : told.runs) {
        if (run.told.oracle) {
            table.add_row({run.told.composition, "-", "-", "-", "-", "-", "-", grouped(run.told.failures),
                           percent(run.told.whole_blocks_share), "-", "-"});
            continue;
        }
        const spread& time = run.ns_per_event;
        const auto compacted = run.told.compacted_blocks_share;
        table.add_row({run.told.composition, fixed(time.median, 1),
                       fixed(time.lower_quartile, 1) + " - " + fixed(time.upper_quartile, 1),
                       percent(run.told.mirrored_kernel_share), percent(run.told.local_share),
                       grouped(run.told.fallbacks), percent(run.told.pinned_blocks_share),
                       grouped(run.told.failures), percent(run.told.whole_blocks_share),
                       compacted ? percent(*compacted) : "-",
                       compacted ? grouped(run.told.compaction_moves) : "-"});
    }
    return told.trace + "\non: " + told.machine + "\n\n" + table.str() + '\n';
}

std::string matrix_as_csv(const matrix_results& results) {
    std::string csv = csv_line({"machine", "trace", "subject", "ns_per_event", "least", "lower_quartile",
                                "upper_quartile", "most", "mirrored_kernel_share", "mirrored_user_share",
                                "local_share", "fallbacks", "pinned_blocks_share", "failures",
                                "whole_blocks_share", "compacted_blocks_share", "compaction_moves"});
    for (const scenario& told : results.scenarios) {
        for (const matrix_run& run : told.runs) {
            if (run.told.oracle) {
                csv += csv_line({told.machine, told.trace, run.told.composition, "", "", "", "", "", "", "",
                                 "", "", "", std::to_string(run.told.failures),
                                 fixed(run.told.whole_blocks_share, share_digits), "", ""});
                continue;
            }
            const spread& time = run.ns_per_event;
            const auto compacted = run.told.compacted_blocks_share;
            csv += csv_line(
                {told.machine, told.trace, run.told.composition, fixed(time.median, time_digits),
                 fixed(time.least, time_digits), fixed(time.lower_quartile, time_digits),
                 fixed(time.upper_quartile, time_digits), fixed(time.most, time_digits),
                 fixed(run.told.mirrored_kernel_share, share_digits),
                 fixed(run.told.mirrored_user_share, share_digits), fixed(run.told.local_share, share_digits),
                 std::to_string(run.told.fallbacks), fixed(run.told.pinned_blocks_share, share_digits),
                 std::to_string(run.told.failures), fixed(run.told.whole_blocks_share, share_digits),
                 compacted ? fixed(*compacted, share_digits) : "",
                 std::to_string(run.told.compaction_moves)});
        }
    }
    return csv;
}

}  // namespace lab
