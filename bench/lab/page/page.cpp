// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/page/page.hpp"

#include "lab/page/assets.hpp"
#include "lab/page/fill.hpp"
#include "lab/page/look.hpp"
#include "lab/page/markup.hpp"
#include "lab/page/page_data.hpp"
#include "lab/page/scenario_section.hpp"
#include "lab/text/numbers.hpp"

namespace lab {
namespace {

/// None where there is nothing to choose from.
std::string contents(const matrix_results& results) {
    if (results.scenarios.size() < 2) return "";
    markup out;
    out.open("nav", {{"aria-label", "Machines and traces"}}).open("ul");
    for (std::size_t i = 0; i < results.scenarios.size(); ++i) {
        std::string place = "#";
        place += scenario_id(i);
        out.open("li").leaf("a", {{"href", place}}, scenario_title(results, i)).close();
    }
    return out.close().close().str();
}

}  // namespace

std::string matrix_as_html(const matrix_results& results) {
    const looks drawn(results);
    std::string sections;
    for (std::size_t i = 0; i < results.scenarios.size(); ++i) {
        sections += scenario_section(results, i, drawn);
    }
    const host& here = results.measured_on;
    return fill(asset::page_html,
                {{"css", std::string(asset::page_css)},
                 {"js", std::string(asset::page_js)},
                 {"processor", escaped(here.processor + ", " + counted(here.processors, "CPU"))},
                 {"compiler", escaped(here.compiler)},
                 {"date", escaped(here.date)},
                 {"load", fixed(here.load, 2)},
                 {"repetitions", grouped(results.repetitions)},
                 {"contents", contents(results)},
                 {"scenarios", sections},
                 {"data", page_data(results)}});
}

}  // namespace lab
