// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/page/bar_chart.hpp"

#include <algorithm>

#include "lab/page/axis.hpp"
#include "lab/page/markup.hpp"
#include "lab/text/numbers.hpp"

namespace lab {
namespace {

std::string in_words(const matrix_run& run) {
    const spread& time = run.ns_per_event;
    return run.told.composition + ": median " + fixed(time.median, 1) + " ns, quartiles " +
           fixed(time.lower_quartile, 1) + " and " + fixed(time.upper_quartile, 1) + " ns, all of " +
           counted(run.repetitions.size(), "replay") + " from " + fixed(time.least, 1) + " to " +
           fixed(time.most, 1) + " ns";
}

void draw_upright(markup& out, const char* look, double place, const char* from, const char* to) {
    const std::string x = percent_of(place);
    out.shape("line", {{"class", look}, {"x1", x}, {"x2", x}, {"y1", from}, {"y2", to}});
}

void draw_bar(markup& out, const matrix_run& run, const axis& scale, const std::string& look) {
    const spread& time = run.ns_per_event;
    const double low = scale.place(time.lower_quartile);
    const double high = scale.place(time.upper_quartile);
    out.open("svg", {{"class", "plot " + look}, {"role", "img"}, {"aria-label", in_words(run)}});
    out.leaf("title", {}, in_words(run));
    for (const double tick : scale.ticks()) draw_upright(out, "grid", scale.place(tick), "0", "100%");
    out.shape("rect", {{"class", "fill"},
                       {"x", "0"},
                       {"y", "15%"},
                       {"width", percent_of(scale.place(time.median))},
                       {"height", "70%"}});
    out.shape("line", {{"class", "quartiles"},
                       {"x1", percent_of(low)},
                       {"x2", percent_of(high)},
                       {"y1", "50%"},
                       {"y2", "50%"}});
    draw_upright(out, "quartiles", low, "28%", "72%");
    draw_upright(out, "quartiles", high, "28%", "72%");
    out.close();
}

}  // namespace

std::string bar_chart(const std::vector<matrix_run>& runs, const looks& drawn) {
    double longest = 0;
    for (const matrix_run& run : runs) longest = std::max(longest, run.ns_per_event.upper_quartile);
    const axis scale = axis_around(0, longest, 5);
    markup out;
    out.open("div", {{"class", "bars"}});
    for (const matrix_run& run : runs) {
        if (run.told.oracle) continue;
        const spread& time = run.ns_per_event;
        out.name(run.told.composition);
        out.open("span", {{"class", "value"}}).text(fixed(time.median, 1) + " ns ");
        out.leaf("small", {}, fixed(time.lower_quartile, 1) + "–" + fixed(time.upper_quartile, 1)).close();
        draw_bar(out, run, scale, drawn.colour_of(run.told.composition));
    }
    out.open("div", {{"class", "plot ticks"}, {"aria-hidden", "true"}});
    for (const double tick : scale.ticks()) {
        out.leaf("span", {{"style", "left:" + percent_of(scale.place(tick))}}, fixed(tick, scale.digits()));
    }
    out.close().leaf("p", {{"class", "plot unit"}}, "nanoseconds an event");
    return out.close().str();
}

}  // namespace lab
