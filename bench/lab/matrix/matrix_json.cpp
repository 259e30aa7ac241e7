// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <string_view>

#include "lab/matrix/matrix_report.hpp"
#include "lab/text/json_writer.hpp"

namespace lab {
namespace {

using layout = json_writer::layout;

constexpr int time_digits = 2;
constexpr int share_digits = 6;

class writer {
 public:
    [[nodiscard]] std::string write(const matrix_results& results) {
        json_.begin_object(layout::lines);
        json_.key("measured_on");
        write(results.measured_on);
        number("repetitions", results.repetitions);
        json_.key("scenarios");
        json_.begin_array(layout::lines);
        for (const scenario& each : results.scenarios) write(each);
        json_.end_array();
        json_.end_object();
        return json_.str();
    }

 private:
    void write(const host& here) {
        json_.begin_object();
        text("processor", here.processor);
        number("processors", here.processors);
        text("compiler", here.compiler);
        text("date", here.date);
        number("load", here.load, time_digits);
        json_.end_object();
    }

    void write(const scenario& told) {
        json_.begin_object(layout::lines);
        json_.key("machine");
        write_machine(told);
        json_.key("trace");
        write_trace(told);
        number("pageblocks_per_cell", told.heat.blocks_per_cell);
        json_.key("moments");
        write_moments(told);
        json_.key("runs");
        json_.begin_array(layout::lines);
        for (const matrix_run& run : told.runs) write(run);
        json_.end_array();
        json_.end_object();
    }

    void write_machine(const scenario& told) {
        json_.begin_object();
        text("name", told.machine);
        number("nodes", told.nodes);
        number("page_bytes", std::uint64_t{1} << told.page_shift);
        number("frames", told.usable_frames());
        number("mirrored_frames", told.mirrored_frames());
        json_.key("zones");
        json_.begin_array(layout::lines);
        for (std::size_t i = 0; i < told.zones.size(); ++i) {
            const ashlar::zone_description& zone = told.zones[i];
            json_.begin_object();
            number("node", zone.node);
            text("kind", to_string(zone.kind));
            json_.key("mirrored");
            json_.boolean(zone.mirrored);
            number("first_frame", zone.span.first.number);
            number("spanned_frames", zone.span.count);
            number("present_frames", zone.present_frames);
            number("cells", told.heat.cells[i]);
            json_.end_object();
        }
        json_.end_array();
        json_.end_object();
    }

    void write_trace(const scenario& told) {
        json_.begin_object();
        text("file", told.trace);
        number("events", told.events);
        number("seconds", told.seconds(), 6);
        number("peak_frames", told.peak_frames);
        number("left_frames", told.left_frames);
        json_.end_object();
    }

    void write_moments(const scenario& told) {
        json_.begin_object();
        list("seconds", told.moments, [&](const moment& at) { json_.number(at.seconds, 6); });
        list("events", told.moments, [&](const moment& at) { json_.number(std::uint64_t{at.steps}); });
        json_.end_object();
    }

    void write(const matrix_run& run) {
        json_.begin_object(layout::lines);
        text("subject", run.told.composition);
        if (run.told.oracle) {
            for (const char* const name :
                 {"ns_per_event", "mirrored_kernel_share", "mirrored_user_share", "local_share", "fallbacks",
                  "pinned_blocks_share", "compacted_blocks_share", "compaction_moves"}) {
                json_.key(name);
                json_.null();
            }
        } else {
            json_.key("ns_per_event");
            write(run.ns_per_event, run.repetitions);
            number("mirrored_kernel_share", run.told.mirrored_kernel_share, share_digits);
            number("mirrored_user_share", run.told.mirrored_user_share, share_digits);
            number("local_share", run.told.local_share, share_digits);
            number("fallbacks", run.told.fallbacks);
            number("pinned_blocks_share", run.told.pinned_blocks_share, share_digits);
            json_.key("compacted_blocks_share");
            if (run.told.compacted_blocks_share) {
                json_.number(*run.told.compacted_blocks_share, share_digits);
            } else {
                json_.null();
            }
            number("compaction_moves", run.told.compaction_moves);
        }
        number("failures", run.told.failures);
        number("whole_blocks_share", run.told.whole_blocks_share, share_digits);
        json_.key("over_time");
        write(run.over_time);
        json_.end_object();
    }

    void write(const spread& values, const std::vector<double>& repetitions) {
        json_.begin_object();
        number("least", values.least, time_digits);
        number("lower_quartile", values.lower_quartile, time_digits);
        number("median", values.median, time_digits);
        number("upper_quartile", values.upper_quartile, time_digits);
        number("most", values.most, time_digits);
        list("repetitions", repetitions, [&](double time) { json_.number(time, time_digits); });
        json_.end_object();
    }

    void write(const samples& taken) {
        json_.begin_object(layout::lines);
        shares("whole_blocks_share", taken.whole_blocks);
        shares("kernel_mirrored_share", taken.kernel_in_mirror);
        shares("local_share", taken.local);
        json_.key("zones");
        json_.begin_array(layout::lines);
        for (const samples::zone& zone : taken.zones) {
            json_.begin_object();
            list("free_frames", zone.free_frames, [&](std::uint64_t value) { json_.number(value); });
            list("whole_blocks", zone.whole_blocks, [&](std::uint64_t value) { json_.number(value); });
            json_.end_object();
        }
        json_.end_array();
        json_.key("cells");
        json_.begin_array(layout::lines);
        std::string_view before;
        for (const std::string& cells : taken.cells) {
            json_.text(encode_cells(before, cells));
            before = cells;
        }
        json_.end_array();
        json_.end_object();
    }

    template <class List, class Element>
    void list(std::string_view name, const List& values, Element element) {
        json_.key(name);
        json_.begin_array();
        for (const auto& value : values) element(value);
        json_.end_array();
    }
    void shares(std::string_view name, const share_series& values) {
        list(name, values, [&](const std::optional<double>& value) {
            value ? json_.number(*value, share_digits) : json_.null();
        });
    }
    void text(std::string_view name, std::string_view value) {
        json_.key(name);
        json_.text(value);
    }
    void number(std::string_view name, std::uint64_t value) {
        json_.key(name);
        json_.number(value);
    }
    void number(std::string_view name, double value, int digits) {
        json_.key(name);
        json_.number(value, digits);
    }

    json_writer json_;
};

}  // namespace

std::string matrix_as_json(const matrix_results& results) {
    return writer().write(results);
}

}  // namespace lab
