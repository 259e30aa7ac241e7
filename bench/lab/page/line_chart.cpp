// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/page/line_chart.hpp"

#include <algorithm>

#include "lab/page/markup.hpp"
#include "lab/text/numbers.hpp"

namespace lab {
namespace {

/// In per cent. From what is there to what is there, so that small differences can be seen.
axis levels_of(const std::vector<chart_line>& lines) {
    double low = 1;
    double high = 0;
    for (const chart_line& line : lines) {
        for (const auto& value : line.values) {
            low = std::min(low, value.value_or(low));
            high = std::max(high, value.value_or(high));
        }
    }
    // Of a line that does not move, its surroundings.
    constexpr double least = 0.02;
    if (high - low < least) low = std::max(0.0, high - least);
    if (high - low < least) high = low + least;
    return axis_around(100 * low, 100 * high, 4);
}

std::string units(double place) {
    return fixed(chart_units * place, 1);
}

/// Begins anew after each gap.
std::string path_of(const share_series& values, const axis& levels, const std::vector<double>& places) {
    std::string path;
    bool drawing = false;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i]) {
            path += drawing ? 'L' : 'M';
            path += units(places[i]) + ' ' + units(1 - levels.place(100 * *values[i]));
        }
        drawing = values[i].has_value();
    }
    return path;
}

void draw_rule(markup& out, const char* look, double x1, double y1, double x2, double y2) {
    out.shape("line", {{"class", look},
                       {"x1", units(x1)},
                       {"y1", units(y1)},
                       {"x2", units(x2)},
                       {"y2", units(y2)},
                       {"vector-effect", "non-scaling-stroke"}});
}

std::string last_values(const std::string& title, const std::vector<chart_line>& lines) {
    std::string text = title + ", at the end of the trace";
    for (const chart_line& line : lines) {
        const auto& last = line.values.back();
        text += "; " + line.name + ": " + (last ? percent(*last) : "nothing");
    }
    return text;
}

}  // namespace

std::string line_chart(const std::string& title, const std::string& explanation,
                       const std::vector<chart_line>& lines, const time_scale& time) {
    const axis levels = levels_of(lines);
    markup out;
    out.open("figure", {{"class", "lines"}}).open("figcaption");
    out.leaf("h3", {}, title).leaf("p", {}, explanation).close();
    out.open("div", {{"class", "line-plot"}}).open("div", {{"class", "levels"}, {"aria-hidden", "true"}});
    for (const double tick : levels.ticks()) {
        out.leaf("span", {{"style", "top:" + percent_of(1 - levels.place(tick))}},
                 fixed(tick, levels.digits()) + " %");
    }
    const std::string edge = fixed(chart_units, 0);
    out.close().open("svg", {{"viewBox", "0 0 " + edge + ' ' + edge},
                             {"preserveAspectRatio", "none"},
                             {"role", "img"},
                             {"aria-label", last_values(title, lines)}});
    for (const double tick : levels.ticks()) {
        draw_rule(out, "grid", 0, 1 - levels.place(tick), 1, 1 - levels.place(tick));
    }
    for (const double tick : time.scale.ticks()) {
        draw_rule(out, "grid", time.scale.place(tick), 0, time.scale.place(tick), 1);
    }
    for (std::size_t i = 0; i < lines.size(); ++i) {
        out.open("path", {{"class", "series " + lines[i].look},
                          {"data-line", std::to_string(i)},
                          {"vector-effect", "non-scaling-stroke"},
                          {"d", path_of(lines[i].values, levels, time.places)}});
        out.leaf("title", {}, lines[i].name).close();
    }
    draw_rule(out, "cursor", 1, 0, 1, 1);
    out.close().open("div", {{"class", "ticks"}, {"aria-hidden", "true"}});
    for (const double tick : time.scale.ticks()) {
        out.leaf("span", {{"style", "left:" + percent_of(time.scale.place(tick))}},
                 fixed(tick, time.scale.digits()));
    }
    return out.close().leaf("p", {{"class", "unit"}}, time.unit).close().close().str();
}

}  // namespace lab
