// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/replay/replay_report.hpp"

#include "lab/text/csv.hpp"
#include "lab/text/json_writer.hpp"
#include "lab/text/numbers.hpp"
#include "lab/text/text_table.hpp"

namespace lab {
namespace {

constexpr int time_digits = 2;
constexpr int share_digits = 6;

std::string compacted_or(const figures& told, const char* none) {
    return told.compacted_blocks_share ? percent(*told.compacted_blocks_share) : none;
}

}  // namespace

std::string figures_as_text(const std::vector<figures>& all) {
    using align = text_table::align;
    text_table table({{"composition", align::left},
                      {"ns/event", align::right},
                      {"kernel in mirror", align::right},
                      {"user in mirror", align::right},
                      {"local", align::right},
                      {"fallbacks", align::right},
                      {"failures", align::right},
                      {"whole blocks", align::right},
                      {"pinned blocks", align::right},
                      {"compacted", align::right},
                      {"moves", align::right}});
    for (const figures& each : all) {
        if (each.oracle) {
            table.add_row({each.composition, "-", "-", "-", "-", "-", grouped(each.failures),
                           percent(each.whole_blocks_share), "-", "-", "-"});
            continue;
        }
        table.add_row({each.composition, fixed(each.ns_per_event, 1), percent(each.mirrored_kernel_share),
                       percent(each.mirrored_user_share), percent(each.local_share), grouped(each.fallbacks),
                       grouped(each.failures), percent(each.whole_blocks_share),
                       percent(each.pinned_blocks_share), compacted_or(each, "-"),
                       each.compacted_blocks_share ? grouped(each.compaction_moves) : "-"});
    }
    return table.str() + '\n' + figures_help;
}

std::string figures_as_json(const std::vector<figures>& all) {
    json_writer json;
    json.begin_object(json_writer::layout::lines);
    json.key("compositions");
    json.begin_array(json_writer::layout::lines);
    for (const figures& each : all) {
        if (each.oracle) continue;
        json.begin_object();
        json.key("composition");
        json.text(each.composition);
        json.key("ns_per_event");
        json.number(each.ns_per_event, time_digits);
        json.key("mirrored_kernel_share");
        json.number(each.mirrored_kernel_share, share_digits);
        json.key("local_share");
        json.number(each.local_share, share_digits);
        json.key("fallbacks");
        json.number(each.fallbacks);
        json.key("failures");
        json.number(each.failures);
        json.key("whole_blocks_share");
        json.number(each.whole_blocks_share, share_digits);
        json.key("pinned_blocks_share");
        json.number(each.pinned_blocks_share, share_digits);
        json.key("compacted_blocks_share");
        each.compacted_blocks_share ? json.number(*each.compacted_blocks_share, share_digits) : json.null();
        json.key("compaction_moves");
        json.number(each.compaction_moves);
        json.end_object();
    }
    json.end_array();
    for (const figures& each : all) {
        if (!each.oracle) continue;
        json.key(each.composition);
        json.begin_object();
        json.key("failures");
        json.number(each.failures);
        json.key("whole_blocks_share");
        json.number(each.whole_blocks_share, share_digits);
        json.end_object();
    }
    json.end_object();
    return json.str();
}

std::string figures_as_csv(const std::vector<figures>& all) {
    std::string csv = csv_line({"composition", "ns_per_event", "mirrored_kernel_share", "mirrored_user_share",
                                "local_share", "fallbacks", "failures", "whole_blocks_share",
                                "pinned_blocks_share", "compacted_blocks_share", "compaction_moves"});
    for (const figures& each : all) {
        if (each.oracle) {
            csv += csv_line({each.composition, "", "", "", "", "", std::to_string(each.failures),
                             fixed(each.whole_blocks_share, share_digits), "", "", ""});
            continue;
        }
        csv += csv_line({each.composition, fixed(each.ns_per_event, time_digits),
                         fixed(each.mirrored_kernel_share, share_digits),
                         fixed(each.mirrored_user_share, share_digits), fixed(each.local_share, share_digits),
                         std::to_string(each.fallbacks), std::to_string(each.failures),
                         fixed(each.whole_blocks_share, share_digits),
                         fixed(each.pinned_blocks_share, share_digits),
                         each.compacted_blocks_share ? fixed(*each.compacted_blocks_share, share_digits) : "",
                         std::to_string(each.compaction_moves)});
    }
    return csv;
}

}  // namespace lab
