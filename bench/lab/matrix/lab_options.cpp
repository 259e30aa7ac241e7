// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/matrix/lab_options.hpp"

#include <filesystem>
#include <set>

#include "lab/failure.hpp"
#include "lab/text/numbers.hpp"

namespace lab {
namespace {

std::size_t repetitions_of(const std::string& text) {
    constexpr std::uint64_t most = 1000;
    const auto number = parse_number(text);
    if (!number || *number == 0 || *number > most) {
        throw usage_error("--repetitions " + text + ": a number from 1 to 1000");
    }
    return static_cast<std::size_t>(*number);
}

/// What a machine is called that was given no name.
std::string name_of(const machine_inputs& inputs) {
    std::string name;
    for (const auto* paths : {&inputs.files, &inputs.e820, &inputs.uefi}) {
        for (const std::string& path : *paths) {
            const std::string file = std::filesystem::path(path).filename();
            name += (name.empty() ? "" : ", ") + (file.empty() ? path : file);
        }
    }
    if (name.empty()) return "one node, twice what the trace needs";
    if (inputs.mirror_limit) name += ", mirror limit " + size_of_bytes(*inputs.mirror_limit);
    return name;
}

void check(lab_options& options) {
    if (options.traces.empty()) throw usage_error("lab needs --trace FILE");
    if (options.machines.empty()) options.machines.emplace_back();
    std::set<std::string> names;
    for (machine_choice& each : options.machines) {
        each.inputs.check();
        if (each.name.empty()) each.name = name_of(each.inputs);
        if (!names.insert(each.name).second) throw usage_error("two machines are called " + each.name);
    }
    const std::filesystem::path page = options.html_path;
    if (options.json_path.empty()) options.json_path = std::filesystem::path(page).replace_extension(".json");
    if (options.csv_path.empty()) options.csv_path = std::filesystem::path(page).replace_extension(".csv");
    std::set<std::string> outputs{options.html_path, options.json_path, options.csv_path};
    if (outputs.size() < 3) throw usage_error("page, JSON and CSV need files of their own");
}

}  // namespace

lab_options parse_lab_options(arguments words) {
    lab_options options;
    while (const auto word = words.next()) {
        if (*word == "--trace") {
            options.traces.push_back(words.value());
        } else if (*word == "--machine") {
            options.machines.push_back({words.value(), {}});
        } else if (*word == "--composition") {
            options.compositions.push_back(words.value());
        } else if (*word == "--peer") {
            options.peers.push_back(words.value());
        } else if (*word == "--repetitions") {
            options.repetitions = repetitions_of(words.value());
        } else if (*word == "--html") {
            options.html_path = words.value();
        } else if (*word == "--json") {
            options.json_path = words.value();
        } else if (*word == "--csv") {
            options.csv_path = words.value();
        } else {
            if (options.machines.empty()) options.machines.emplace_back();
            if (!options.machines.back().inputs.take(*word, words)) {
                throw usage_error("lab does not know " + *word);
            }
        }
    }
    check(options);
    return options;
}

}  // namespace lab
