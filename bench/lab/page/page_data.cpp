// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/page/page_data.hpp"

#include <string_view>

#include "lab/page/heat_map.hpp"
#include "lab/page/line_chart.hpp"
#include "lab/page/trace_time.hpp"
#include "lab/text/json_writer.hpp"

namespace lab {
namespace {

class data_writer {
 public:
    [[nodiscard]] std::string write(const matrix_results& results) {
        json_.begin_object();
        list("scenarios", results.scenarios, [&](const scenario& told) { write(told); });
        json_.end_object();
        return json_.str();
    }

 private:
    void write(const scenario& told) {
        json_.begin_object(json_writer::layout::lines);
        json_.key("columns");
        json_.number(std::uint64_t{heat_columns(told)});
        list("labels", told.moments, [&](const moment& at) { json_.text(time_label(told, at)); });
        list("places", time_scale_of(told).places,
             [&](double place) { json_.number(chart_units * place, 1); });
        json_.key("zones");
        json_.begin_array();
        for (std::size_t i = 0; i < told.zones.size(); ++i) {
            json_.begin_object();
            json_.key("cells");
            json_.number(std::uint64_t{told.heat.cells[i]});
            json_.key("frames");
            json_.number(told.zones[i].present_frames);
            json_.end_object();
        }
        json_.end_array();
        list("runs", told.runs, [&](const matrix_run& run) { write(run.over_time); });
        json_.end_object();
    }

    void write(const samples& taken) {
        json_.begin_object(json_writer::layout::lines);
        shares("whole", taken.whole_blocks);
        shares("mirror", taken.kernel_in_mirror);
        shares("local", taken.local);
        list("free", taken.zones, [&](const samples::zone& zone) {
            json_.begin_array();
            for (const std::uint64_t frames : zone.free_frames) json_.number(frames);
            json_.end_array();
        });
        std::string_view before;
        list("cells", taken.cells, [&](const std::string& cells) {
            json_.text(encode_cells(before, cells));
            before = cells;
        });
        json_.end_object();
    }

    void shares(std::string_view name, const share_series& values) {
        list(name, values,
             [&](const std::optional<double>& value) { value ? json_.number(*value, 6) : json_.null(); });
    }

    template <class List, class Element>
    void list(std::string_view name, const List& values, Element element) {
        json_.key(name);
        json_.begin_array();
        for (const auto& value : values) element(value);
        json_.end_array();
    }

    json_writer json_;
};

}  // namespace

std::string page_data(const matrix_results& results) {
    return data_writer().write(results);
}

}  // namespace lab
