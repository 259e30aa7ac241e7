// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/machine/machine_report.hpp"

#include <cstdint>
#include <map>
#include <utility>

#include "lab/machine/performance_report.hpp"
#include "lab/text/json_writer.hpp"
#include "lab/text/numbers.hpp"
#include "lab/text/text_table.hpp"

namespace lab {
namespace {

using ashlar::node_id;
using align = text_table::align;

struct frame_counts {
    std::uint64_t present = 0;
    std::uint64_t mirrored = 0;
};

/// Usable frames of each node.
std::vector<frame_counts> count_frames(const machine& shown) {
    std::vector<frame_counts> counts(shown.nodes.node_count());
    (*shown.map)->for_each_usable([&](const ashlar::usable_run& run) {
        if (run.node >= counts.size()) return;
        counts[run.node].present += run.frames.count;
        if (run.mirrored) counts[run.node].mirrored += run.frames.count;
    });
    return counts;
}

std::string frames_as_size(const machine& shown, std::uint64_t frames) {
    return size_of_bytes(frames << (*shown.map)->page_shift());
}

std::string nodes_as_text(const machine& shown, const std::vector<frame_counts>& counts) {
    std::vector<text_table::column> columns{{"node", align::right},           {"CPUs", align::right},
                                            {"present frames", align::right}, {"size", align::right},
                                            {"mirrored", align::right},       {"distance to", align::right}};
    for (unsigned to = 0; to < shown.nodes.node_count(); ++to) columns.push_back({std::to_string(to)});
    text_table table(std::move(columns));
    for (unsigned id = 0; id < shown.nodes.node_count(); ++id) {
        const auto node = static_cast<node_id>(id);
        std::vector<std::string> row{std::to_string(id),
                                     std::to_string(shown.nodes.cpus(node)),
                                     grouped(counts[id].present),
                                     frames_as_size(shown, counts[id].present),
                                     percent(share(counts[id].mirrored, counts[id].present)),
                                     ""};
        for (unsigned to = 0; to < shown.nodes.node_count(); ++to) {
            row.push_back(std::to_string(shown.nodes.distance(node, static_cast<node_id>(to))));
        }
        table.add_row(std::move(row));
    }
    return "Nodes\n" + table.str();
}

std::string zones_as_text(const machine& shown) {
    text_table table({{"node", align::right},
                      {"kind", align::left},
                      {"mirrored", align::left},
                      {"first frame", align::right},
                      {"spanned frames", align::right},
                      {"present frames", align::right},
                      {"size", align::right}});
    for (const ashlar::zone_description& zone : shown.zones()) {
        table.add_row({std::to_string(zone.node), to_string(zone.kind), zone.mirrored ? "yes" : "no",
                       hexadecimal(zone.span.first.number), grouped(zone.span.count),
                       grouped(zone.present_frames), frames_as_size(shown, zone.present_frames)});
    }
    return "Zones\n" + table.str();
}

std::string mirror_as_text(const machine& shown, const std::vector<frame_counts>& counts) {
    frame_counts total;
    for (const frame_counts& node : counts) {
        total.present += node.present;
        total.mirrored += node.mirrored;
    }
    if (total.mirrored == 0) return "Mirrored memory: none\n";
    return "Mirrored memory: " + frames_as_size(shown, total.mirrored) + " of " +
           frames_as_size(shown, total.present) + " (" + percent(share(total.mirrored, total.present)) +
           ")\n";
}

/// Bytes that the tables call so, whole pages or not, in the order of `memory_kind`.
std::vector<std::pair<ashlar::memory_kind, std::uint64_t>> bytes_by_kind(const machine& shown) {
    std::map<ashlar::memory_kind, std::uint64_t> bytes;
    for (const ashlar::memory_entry& entry : (*shown.map)->entries()) {
        if (entry.kind != ashlar::memory_kind::none) bytes[entry.kind] += entry.end - entry.begin;
    }
    return {bytes.begin(), bytes.end()};
}

std::string kinds_as_text(const machine& shown) {
    std::string line;
    for (const auto& [kind, bytes] : bytes_by_kind(shown)) {
        line += (line.empty() ? "Described: " : ", ") + size_of_bytes(bytes) + ' ' + to_string(kind);
    }
    return line + '\n';
}

/// Where memory can be added at run time.
std::string windows_as_text(const machine& shown) {
    std::string line;
    for (const ashlar::memory_entry& entry : (*shown.map)->entries()) {
        const bool window =
            entry.kind == ashlar::memory_kind::none && entry.has(ashlar::memory_attribute::hot_pluggable);
        if (!window) continue;
        line += (line.empty() ? "Hot-plug windows: " : ", ") + hexadecimal(entry.begin) + '-' +
                hexadecimal(entry.end - 1) + " of node " + std::to_string(entry.node);
        if (entry.has(ashlar::memory_attribute::non_volatile)) line += " (non-volatile)";
    }
    return line.empty() ? "" : line + '\n';
}

std::string defects_as_text(const machine& shown) {
    if (shown.defects.empty()) return "Defects of the tables: none\n";
    text_table table({{"table", align::left},
                      {"at byte", align::right},
                      {"kind", align::left},
                      {"what", align::left},
                      {"from", align::right},
                      {"to", align::right},
                      {"file", align::left}});
    for (const located_defect& each : shown.defects) {
        const bool has_range = each.what.first != 0 || each.what.last != 0;
        table.add_row({to_string(each.what.source), std::to_string(each.what.offset),
                       to_string(each.what.kind), each.what.text,
                       has_range ? hexadecimal(each.what.first) : "",
                       has_range ? hexadecimal(each.what.last) : "", each.file});
    }
    return "Defects of the tables\n" + table.str();
}

void write_nodes(json_writer& json, const machine& shown) {
    const std::vector<frame_counts> counts = count_frames(shown);
    json.key("nodes");
    json.begin_array(json_writer::layout::lines);
    for (unsigned id = 0; id < shown.nodes.node_count(); ++id) {
        const auto node = static_cast<node_id>(id);
        json.begin_object();
        json.key("id");
        json.number(id);
        json.key("cpus");
        json.number(shown.nodes.cpus(node));
        json.key("present_frames");
        json.number(counts[id].present);
        json.key("distances");
        json.begin_array();
        for (unsigned to = 0; to < shown.nodes.node_count(); ++to) {
            json.number(shown.nodes.distance(node, static_cast<node_id>(to)));
        }
        json.end_array();
        json.end_object();
    }
    json.end_array();
}

void write_zones(json_writer& json, const machine& shown) {
    json.key("zones");
    json.begin_array(json_writer::layout::lines);
    for (const ashlar::zone_description& zone : shown.zones()) {
        json.begin_object();
        json.key("node");
        json.number(zone.node);
        json.key("kind");
        json.text(to_string(zone.kind));
        json.key("mirrored");
        json.boolean(zone.mirrored);
        json.key("first_frame");
        json.number(zone.span.first.number);
        json.key("spanned_frames");
        json.number(zone.span.count);
        json.key("present_frames");
        json.number(zone.present_frames);
        json.end_object();
    }
    json.end_array();
}

void write_kinds(json_writer& json, const machine& shown) {
    json.key("bytes_by_kind");
    json.begin_object();
    for (const auto& [kind, bytes] : bytes_by_kind(shown)) {
        json.key(to_string(kind));
        json.number(bytes);
    }
    json.end_object();
}

void write_defects(json_writer& json, const machine& shown) {
    json.key("defects");
    json.begin_array(json_writer::layout::lines);
    for (const located_defect& each : shown.defects) {
        json.begin_object();
        json.key("source");
        json.text(to_string(each.what.source));
        json.key("offset");
        json.number(each.what.offset);
        json.key("kind");
        json.text(to_string(each.what.kind));
        json.key("text");
        json.text(each.what.text);
        json.end_object();
    }
    json.end_array();
}

}  // namespace

std::string machine_as_text(const machine& shown) {
    const std::vector<frame_counts> counts = count_frames(shown);
    return nodes_as_text(shown, counts) + '\n' + performance_as_text(shown) + zones_as_text(shown) + '\n' +
           kinds_as_text(shown) + windows_as_text(shown) + mirror_as_text(shown, counts) +
           defects_as_text(shown);
}

std::string machine_as_json(const machine& shown) {
    json_writer json;
    json.begin_object(json_writer::layout::lines);
    write_nodes(json, shown);
    write_zones(json, shown);
    write_kinds(json, shown);
    write_defects(json, shown);
    json.end_object();
    return json.str();
}

}  // namespace lab
