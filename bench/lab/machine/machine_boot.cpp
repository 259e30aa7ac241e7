// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/machine/machine_boot.hpp"

#include <ashlar/layer/counted.hpp>
#include <ashlar/source/radix_buddy.hpp>
#include <ashlar/zone/physical_memory.hpp>
#include <ashlar/zone/zone_dump.hpp>

#include <cstddef>
#include <memory>
#include <vector>

#include "lab/failure.hpp"
#include "lab/text/numbers.hpp"
#include "lab/text/text_table.hpp"

namespace lab {
namespace {

/// Blocks as large as Linux's on most machines, so that the columns are the same.
constexpr ashlar::buddy_shape linux_blocks{.top_order = 10};
using zone = ashlar::zone<ashlar::counted<ashlar::radix_buddy<ashlar::platform, linux_blocks>>>;
using booted_machine =
    ashlar::physical_memory<zone, ashlar::reliability_first, ashlar::machine_shape{.max_zones = 255}>;

std::string watermarks_as_text(const booted_machine& ram) {
    using align = text_table::align;
    text_table table({{"node", align::right},
                      {"kind", align::left},
                      {"mirrored", align::left},
                      {"first frame", align::right},
                      {"min", align::right},
                      {"low", align::right},
                      {"high", align::right}});
    ram.for_each_zone([&](const ashlar::zone_description& what, const zone&) {
        const ashlar::watermarks marks = ram.watermarks_of(what.span.first);
        table.add_row({std::to_string(what.node), to_string(what.kind), what.mirrored ? "yes" : "no",
                       hexadecimal(what.span.first.number), grouped(marks.min), grouped(marks.low),
                       grouped(marks.high)});
    });
    return "Watermarks in frames\n" + table.str();
}

}  // namespace

bool boot_views::take(const std::string& word) {
    if (word == "--buddyinfo") return buddyinfo = true;
    if (word == "--zoneinfo") return zoneinfo = true;
    if (word == "--watermarks") return watermarks = true;
    return false;
}

std::string boot_as_text(const machine& shown, const boot_views& views) {
    const ashlar::memory_map& map = **shown.map;
    std::vector<std::byte> metadata(booted_machine::metadata_bytes(map, shown.nodes));
    const auto ram = std::make_unique<booted_machine>();
    const ashlar::errc answer = metadata.empty()
                                    ? ashlar::errc::limit
                                    : ram->boot(map, shown.nodes, {metadata.data(), metadata.size()});
    if (answer != ashlar::errc::ok) {
        throw failure(std::string("the machine cannot be booted: ") + to_string(answer));
    }
    ram->set_watermarks();
    std::string text;
    const auto append = [&text](const char* piece, std::size_t length) { text.append(piece, length); };
    if (views.watermarks) text += '\n' + watermarks_as_text(*ram);
    if (views.buddyinfo) {
        text += '\n';
        ashlar::write_buddyinfo(*ram, append);
    }
    if (views.zoneinfo) {
        text += '\n';
        ashlar::write_zoneinfo(*ram, append);
    }
    return text;
}

}  // namespace lab
