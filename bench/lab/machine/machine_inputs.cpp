// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/machine/machine_inputs.hpp"

#include "lab/failure.hpp"
#include "lab/text/numbers.hpp"

namespace lab {

bool machine_inputs::take(const std::string& word, arguments& rest) {
    constexpr std::size_t smallest_descriptor = 40;
    if (!rest.is_option()) {
        files.push_back(word);
    } else if (word == "--e820") {
        e820.push_back(rest.value());
    } else if (word == "--uefi") {
        uefi.push_back(rest.value());
    } else if (word == "--stride") {
        const std::string text = rest.value();
        const auto value = parse_number(text);
        if (!value || *value < smallest_descriptor || *value > 4096) {
            throw usage_error("--stride " + text + ": a UEFI descriptor has 40 bytes or more (48 is usual)");
        }
        stride = static_cast<std::size_t>(*value);
    } else if (word == "--mirror-limit") {
        const std::string text = rest.value();
        mirror_limit = parse_size(text);
        if (!mirror_limit) throw usage_error("--mirror-limit " + text + ": a size is a number and K, M or G");
    } else {
        return false;
    }
    return true;
}

void machine_inputs::check() const {
    if (!uefi.empty() && stride == 0) {
        throw usage_error(
            "--uefi needs --stride: the DescriptorSize that GetMemoryMap returned (48 is usual)");
    }
    if (mirror_limit && !any()) throw usage_error("--mirror-limit needs a machine to apply to");
    if (uefi.empty() && stride != 0) throw usage_error("--stride belongs to --uefi, and there is none");
}

}  // namespace lab
