// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/testing/exploration.hpp>
#include <ashlar/testing/stepped_atomic.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace ashlar::testing {

/// A step that was taken: what it found, and which step had stored that, counted from 1; 0 is the start.
struct taken_step {
    std::size_t program = 0;
    step what;
    std::size_t offset = 0;
    std::uint64_t found = 0;
    std::uint32_t stored_by = 0;
    bool newest = true;
};

/// What a trace calls the word at an offset.
[[nodiscard]] inline std::string name_of(const exploration_options& options, std::size_t offset) {
    return options.name_of ? options.name_of(offset) : "byte " + std::to_string(offset);
}
/// The newest store to the word at an offset.
[[nodiscard]] inline std::uint32_t last_writer(const std::vector<taken_step>& path, std::size_t offset) {
    for (std::size_t i = path.size(); i > 0; --i) {
        const taken_step& each = path[i - 1];
        if (each.offset == offset && each.what.writes(each.found)) return static_cast<std::uint32_t>(i);
    }
    return 0;
}

/// A schedule as text, a line a step: number, program, access, memory order, word, what was found and which
/// step had stored that, what was left. With weak memory also where that is not the newest store.
[[nodiscard]] inline std::string to_text(const std::vector<taken_step>& path,
                                         const exploration_options& options) {
    static constexpr const char* accesses[] = {"load",      "store",    "exchange",  "compare-exchange",
                                               "fetch-add", "fetch-or", "fetch-and", "owned access"};
    const auto name_of_order = [](memory_order order) {
        switch (order) {
            case memory_order::relaxed:
                return "relaxed";
            case memory_order::acquire:
                return "acquire";
            case memory_order::release:
                return "release";
            case memory_order::acq_rel:
                return "acq_rel";
            default:
                return "seq_cst";
        }
    };
    const auto hexadecimal = [](std::uint64_t value) {
        char digits[24];
        std::snprintf(digits, sizeof digits, "0x%llx", static_cast<unsigned long long>(value));
        return std::string(digits);
    };
    std::string text;
    for (std::size_t i = 0; i < path.size(); ++i) {
        const taken_step& each = path[i];
        char line[256];
        std::snprintf(line, sizeof line, "%4zu  program %zu  %-16s  %-7s  %-14s  ", i + 1, each.program,
                      accesses[static_cast<std::size_t>(each.what.kind)], name_of_order(each.what.order),
                      name_of(options, each.offset).c_str());
        text += line;
        if (each.what.kind != access::store) text += hexadecimal(each.found);
        if (each.what.writes(each.found)) text += " -> " + hexadecimal(each.what.result(each.found));
        if (each.what.kind == access::compare_exchange && !each.what.writes(each.found))
            text += ", not exchanged";
        if (each.what.kind == access::store) {
            text += each.newest ? "" : ", before a newer store";
        } else if (each.what.kind != access::owned) {
            text += each.newest ? ", of " : ", not the newest, of ";
            text += each.stored_by == 0 ? "the start" : "step " + std::to_string(each.stored_by);
        }
        text += '\n';
    }
    return text;
}

}  // namespace ashlar::testing
