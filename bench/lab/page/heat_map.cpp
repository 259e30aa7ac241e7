// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/page/heat_map.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "lab/page/look.hpp"
#include "lab/page/markup.hpp"
#include "lab/text/numbers.hpp"

namespace lab {
namespace {

/// All that is drawn, from free to full.
const std::string levels = cell::free + std::string(cell::partial) + cell::full;

const char* family(bool mirrored) {
    return mirrored ? "mirrored" : "ordinary";
}

void draw_cells(markup& out, std::string_view cells, std::size_t columns, bool mirrored,
                const std::string& label) {
    const std::string width = std::to_string(columns);
    const std::string height = std::to_string((cells.size() + columns - 1) / columns);
    out.open("svg", {{"class", family(mirrored)},
                     {"viewBox", "0 0 " + width + ' ' + height},
                     {"role", "img"},
                     {"aria-label", label}});
    for (const char level : levels) {
        out.shape("path", {{"class", std::string(1, level)}, {"d", outline(cells, columns, level)}});
    }
    out.shape("rect", {{"class", "mesh"}, {"width", width}, {"height", height}}).close();
}

void draw_legend_item(markup& out, bool mirrored) {
    out.open("li").text(mirrored ? "mirrored memory: " : "ordinary memory: ");
    out.leaf("span", {{"class", "ends"}}, "free");
    out.open("svg", {{"class", family(mirrored)},
                     {"viewBox", "0 0 " + std::to_string(levels.size()) + " 1"},
                     {"preserveAspectRatio", "none"},
                     {"role", "img"},
                     {"aria-label", "from free, over four steps of partly used, to full"}});
    for (std::size_t i = 0; i < levels.size(); ++i) {
        out.shape("rect", {{"class", std::string(1, levels[i])},
                           {"x", std::to_string(i)},
                           {"width", "1"},
                           {"height", "1"}});
    }
    out.close().leaf("span", {{"class", "ends"}}, "full").close();
}

}  // namespace

std::size_t heat_columns(const scenario& told) {
    constexpr std::size_t few = 512;
    const std::vector<std::size_t>& cells = told.heat.cells;
    return std::accumulate(cells.begin(), cells.end(), std::size_t{0}) <= few ? 32 : 64;
}

std::string outline(std::string_view cells, std::size_t columns, char level) {
    std::string path;
    for (std::size_t at = 0; at < cells.size();) {
        const std::size_t line = at / columns;
        const std::size_t line_end = std::min((line + 1) * columns, cells.size());
        std::size_t end = at + 1;
        while (end < line_end && cells[end] == cells[at]) ++end;
        if (cells[at] == level) {
            const std::string width = std::to_string(end - at);
            path.append("M").append(std::to_string(at % columns)).append(" ").append(std::to_string(line));
            path.append("h").append(width).append("v1h-").append(width).append("z");
        }
        at = end;
    }
    return path;
}

std::string heat_map(const scenario& told, const matrix_run& run, const std::string& look) {
    markup out;
    out.open("div", {{"class", "map"}}).open("h4");
    out.add(swatch(look)).name(run.told.composition).close();
    std::string_view cells = run.over_time.cells.back();
    for (std::size_t i = 0; i < told.zones.size(); ++i) {
        const ashlar::zone_description& zone = told.zones[i];
        const std::uint64_t free = run.over_time.zones[i].free_frames.back();
        const std::string title = "node " + std::to_string(zone.node) + ", " + to_string(zone.kind) +
                                  (zone.mirrored ? ", mirrored" : "");
        out.open("div", {{"class", "zone"}}).open("p");
        out.open("span").text(title + ' ');
        out.leaf("small", {}, size_of_bytes(zone.present_frames << told.page_shift)).close();
        out.leaf("span", {{"class", "free"}}, percent(share(free, zone.present_frames)) + " free").close();
        draw_cells(out, cells.substr(0, told.heat.cells[i]), heat_columns(told), zone.mirrored,
                   run.told.composition + ", " + title);
        out.close();
        cells.remove_prefix(told.heat.cells[i]);
    }
    return out.close().str();
}

std::string heat_legend(bool with_mirrored) {
    markup out;
    out.open("ul", {{"class", "legend"}});
    draw_legend_item(out, false);
    if (with_mirrored) draw_legend_item(out, true);
    return out.leaf("li", {}, "no cell: no memory").close().str();
}

}  // namespace lab
