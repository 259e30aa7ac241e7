// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/machine/machine.hpp"

#include <ashlar/firmware/assign_nodes.hpp>
#include <ashlar/firmware/cedt.hpp>
#include <ashlar/firmware/fdt.hpp>
#include <ashlar/firmware/hmat.hpp>
#include <ashlar/firmware/linux_log.hpp>
#include <ashlar/firmware/linux_memmap.hpp>
#include <ashlar/firmware/multiboot.hpp>
#include <ashlar/firmware/nfit.hpp>
#include <ashlar/firmware/slit.hpp>
#include <ashlar/firmware/srat.hpp>
#include <ashlar/firmware/uefi.hpp>
#include <ashlar/zone/zone_plan.hpp>

#include <algorithm>
#include <optional>
#include <utility>

#include "lab/failure.hpp"
#include "lab/machine/e820_layout.hpp"
#include "lab/machine/input_kind.hpp"
#include "lab/machine/memmap_folder.hpp"
#include "lab/machine/unread_format.hpp"
#include "lab/text/byte_stream.hpp"

namespace lab {
namespace {

struct input {
    std::string path;
    std::string content;
    input_kind kind = input_kind::unknown;
    bool raw_e820 = false;
    bool raw_uefi = false;

    [[nodiscard]] ashlar::bytes bytes() const {
        return {reinterpret_cast<const std::byte*>(content.data()), content.size()};
    }
    [[nodiscard]] ashlar::view<const char> text() const { return {content.data(), content.size()}; }
    /// SRAT, SLIT, what shows memory, then the tables that need nodes which others made.
    [[nodiscard]] int turn() const {
        switch (kind) {
            case input_kind::srat:
                return 0;
            case input_kind::slit:
                return 1;
            case input_kind::nfit:
                return 3;
            case input_kind::cedt:
                return 4;
            case input_kind::hmat:
                return 5;
            default:
                return 2;
        }
    }
};

input load(const std::string& path) {
    const std::optional<std::string> listing = read_memmap_folder(path);
    input loaded{path, listing ? *listing : read_file(path)};
    loaded.kind = recognise(loaded.bytes());
    if (loaded.kind == input_kind::empty) throw failure(path + ": the file is empty");
    if (loaded.kind == input_kind::json) {
        throw failure(path + ": JSON is what --json writes; a machine is read from its tables and logs");
    }
    return loaded;
}

std::vector<input> load_all(const machine_inputs& inputs) {
    std::vector<input> loaded;
    for (const std::string& path : inputs.files) {
        loaded.push_back(load(path));
        if (loaded.back().kind == input_kind::unknown) {
            const std::optional<std::string> format = unread_format(loaded.back().bytes());
            throw failure(
                path + ": " +
                format.value_or("neither a table that is recognised by its content nor text. Raw tables are "
                                "named by --e820, or --uefi with --stride"));
        }
    }
    for (const std::string& path : inputs.e820) {
        loaded.push_back(load(path));
        loaded.back().kind = input_kind::unknown;
        loaded.back().raw_e820 = true;
    }
    for (const std::string& path : inputs.uefi) {
        loaded.push_back(load(path));
        loaded.back().kind = input_kind::unknown;
        loaded.back().raw_uefi = true;
    }
    std::stable_sort(loaded.begin(), loaded.end(),
                     [](const input& a, const input& b) { return a.turn() < b.turn(); });
    return loaded;
}

/// Room for what the inputs can say at most: no entry of any format is shorter than 16 bytes, and one that
/// falls into another makes two more.
std::size_t capacity_for(const std::vector<input>& inputs) {
    constexpr std::size_t most = std::size_t{1} << 20;
    std::size_t total = 0;
    for (const input& each : inputs) total += each.content.size();
    return std::min(most, 1024 + total / 8);
}

class reading {
 public:
    reading(machine& into, std::size_t capacity, std::size_t stride)
        : machine_(into), stride_(stride), found_(capacity) {}

    void read(const input& from) {
        const std::size_t before = defects_.size();
        const ashlar::errc answer = dispatch(from);
        for (std::size_t i = before; i < defects_.size(); ++i) {
            machine_.defects.push_back({defects_[i], from.path});
        }
        if (answer != ashlar::errc::invalid) return;
        const bool explained = defects_.size() > before;
        // As in Linux: distances that cannot be true are done without.
        if (explained && defects_[defects_.size() - 1].kind == ashlar::defect_kind::bad_distance) return;
        const std::string reason =
            explained ? defects_[defects_.size() - 1].text : "the table cannot be read";
        throw failure(from.path + ": " + unread_format(from.bytes()).value_or(reason));
    }

    void finish() {
        const std::size_t before = defects_.size();
        ashlar::assign_nodes(**machine_.map, machine_.nodes, defects_);
        for (std::size_t i = before; i < defects_.size(); ++i) {
            machine_.defects.push_back({defects_[i], ""});
        }
        if (defects_.dropped() > 0) {
            machine_.notes.push_back(std::to_string(defects_.dropped()) + " more defects are not listed");
        }
    }

 private:
    ashlar::errc dispatch(const input& from) {
        ashlar::memory_map& map = **machine_.map;
        if (from.raw_e820) return read_raw_e820(from, map);
        if (from.raw_uefi) return ashlar::read_uefi(from.bytes(), stride_, map, defects_);
        switch (from.kind) {
            case input_kind::efi_map_file:
                return ashlar::read_efi_map_file(from.bytes(), map, defects_);
            case input_kind::srat:
                return ashlar::read_srat(from.bytes(), map, machine_.nodes, defects_);
            case input_kind::slit:
                return ashlar::read_slit(from.bytes(), machine_.nodes, defects_);
            case input_kind::e820:
                return read_raw_e820(from, map);
            case input_kind::multiboot1_map:
                return ashlar::read_multiboot1_map(from.bytes(), map, defects_);
            case input_kind::multiboot2:
                return ashlar::read_multiboot2(from.bytes(), map, defects_);
            case input_kind::device_tree:
                return ashlar::read_fdt(from.bytes(), map, machine_.nodes, defects_);
            case input_kind::text:
                return ashlar::read_linux_log(from.text(), map, &machine_.nodes, defects_);
            case input_kind::memmap:
                return ashlar::read_linux_memmap(from.text(), map, defects_);
            case input_kind::hmat:
                return ashlar::read_hmat(from.bytes(), machine_.nodes, **machine_.performance, defects_);
            case input_kind::nfit:
                return ashlar::read_nfit(from.bytes(), map, machine_.nodes, defects_);
            case input_kind::cedt:
                return ashlar::read_cedt(from.bytes(), map, machine_.nodes, defects_);
            default:
                machine_.notes.push_back(from.path + ": an ACPI table " + from.content.substr(0, 4) +
                                         ", which is ignored");
                return ashlar::errc::ok;
        }
    }

    ashlar::errc read_raw_e820(const input& from, ashlar::memory_map& map) {
        const e820_layout layout = find_e820_layout(from.bytes());
        if (!layout.plausible) throw failure(from.path + ": no E820 entries of 20 or 24 bytes");
        return ashlar::read_e820(from.bytes(), layout.stride, map, defects_, layout.extra);
    }

    machine& machine_;
    std::size_t stride_;
    std::vector<ashlar::defect> found_;
    ashlar::defects defects_{ashlar::view<ashlar::defect>(found_.data(), found_.size())};
};

/// What is missing where the inputs give no memory.
std::string without_memory(const std::vector<input>& inputs) {
    std::string names;
    bool described = false;
    for (const input& each : inputs) {
        names += (names.empty() ? "" : ", ") + each.path;
        if (each.kind == input_kind::device_tree) {
            return each.path +
                   ": no usable memory. No memory node of this device tree has a size: it is the loader that "
                   "writes it, into the tree which it passes on (/sys/firmware/fdt of the running machine)";
        }
        described = described || each.turn() == input{}.turn();
    }
    if (described) {
        return names +
               ": no usable memory: no entry gives any, and no BIOS-e820, efi: memNN or node range line of a "
               "log";
    }
    return names +
           ": no usable memory. It is a memory map, a device tree or a Linux log that says what memory there "
           "is; ACPI's tables only say where it is";
}

/// Of each node, only the lowest so many bytes of mirrored memory stay so.
void limit_mirror(machine& limited, std::uint64_t bytes) {
    ashlar::memory_map& map = **limited.map;
    std::vector<std::uint64_t> left(limited.nodes.node_count(), bytes);
    std::vector<ashlar::memory_entry> kept;
    for (ashlar::memory_entry entry : map.entries()) {
        const bool counts = entry.kind == ashlar::memory_kind::usable && entry.node < left.size() &&
                            entry.has(ashlar::memory_attribute::mirrored);
        if (!counts) continue;
        std::uint64_t& rest = left[entry.node];
        entry.end = entry.begin + std::min(entry.end - entry.begin, rest);
        rest -= entry.end - entry.begin;
        if (entry.begin < entry.end) kept.push_back(entry);
    }
    map.clear_attributes(ashlar::memory_attribute::mirrored);
    for (const ashlar::memory_entry& entry : kept) {
        if (map.mirror(entry.begin, entry.end) != ashlar::errc::ok) throw failure("the memory map is full");
    }
}

}  // namespace

std::vector<ashlar::zone_description> machine::zones() const {
    std::vector<ashlar::zone_description> plan(3 * (*map)->entries().size() + 1);
    const auto count = ashlar::plan_zones(**map, {}, {plan.data(), plan.size()});
    plan.resize(*count);
    return plan;
}

std::unique_ptr<owned_map> machine::map_without_mirror() const {
    auto plain = std::make_unique<owned_map>((*map)->capacity());
    for (ashlar::memory_entry entry : (*map)->entries()) {
        entry.attributes =
            static_cast<std::uint8_t>(entry.attributes & ~unsigned{ashlar::memory_attribute::mirrored});
        if ((*plain)->add(entry) != ashlar::errc::ok) throw failure("the memory map is full");
    }
    return plain;
}

machine read_machine(const machine_inputs& inputs) {
    const std::vector<input> loaded = load_all(inputs);
    const std::size_t capacity = capacity_for(loaded);
    machine built;
    built.map = std::make_unique<owned_map>(capacity);
    reading tables(built, capacity, inputs.stride);
    for (const input& each : loaded) tables.read(each);
    tables.finish();
    if (inputs.mirror_limit) limit_mirror(built, *inputs.mirror_limit);
    if ((*built.map)->usable_frames() == 0) {
        throw failure(without_memory(loaded));
    }
    return built;
}

machine plain_machine(std::uint64_t frames) {
    constexpr std::uint64_t first_at_least = std::uint64_t{1} << 18;
    const std::uint64_t first = std::max(first_at_least, frames);
    machine built;
    built.map = std::make_unique<owned_map>(4);
    const unsigned shift = (*built.map)->page_shift();
    (void)built.nodes.add_processor(0);
    if ((*built.map)->add(first << shift, (first + frames) << shift, ashlar::memory_kind::usable) !=
            ashlar::errc::ok ||
        (*built.map)->set_node(first << shift, (first + frames) << shift, 0) != ashlar::errc::ok) {
        throw failure("no machine of " + std::to_string(frames) + " frames can be made");
    }
    return built;
}

}  // namespace lab
