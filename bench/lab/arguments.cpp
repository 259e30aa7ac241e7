// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/arguments.hpp"

#include <utility>

#include "lab/failure.hpp"

namespace lab {

arguments::arguments(std::vector<std::string> words) : words_(std::move(words)) {}

std::optional<std::string> arguments::next() {
    if (attached_) throw usage_error(option_ + " takes no value");
    if (!options_ended_ && at_ < words_.size() && words_[at_] == "--") {
        options_ended_ = true;
        ++at_;
    }
    if (at_ == words_.size()) return std::nullopt;
    option_ = words_[at_++];
    is_option_ = !options_ended_ && option_.starts_with("--");
    if (!is_option_) return option_;
    if (const std::size_t equals = option_.find('='); equals != std::string::npos) {
        attached_ = option_.substr(equals + 1);
        option_.resize(equals);
    }
    return option_;
}

std::string arguments::value() {
    if (attached_) {
        std::string value = std::move(*attached_);
        attached_.reset();
        return value;
    }
    if (at_ == words_.size()) throw usage_error(option_ + " needs a value");
    return words_[at_++];
}

}  // namespace lab
