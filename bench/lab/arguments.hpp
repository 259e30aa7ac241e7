// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace lab {

/// The words of a command line, one by one; `--option value` and `--option=value` are the same.
class arguments {
 public:
    explicit arguments(std::vector<std::string> words);

    /// The next word without its value; none at the end. Throws `usage_error` if the value of the word before
    /// was not asked for.
    [[nodiscard]] std::optional<std::string> next();

    /// The value of the option that `next` gave. Throws `usage_error` if there is none.
    [[nodiscard]] std::string value();

    /// True if what `next` gave is an option.
    [[nodiscard]] bool is_option() const { return is_option_; }

 private:
    std::vector<std::string> words_;
    std::size_t at_ = 0;
    std::string option_;
    std::optional<std::string> attached_;
    bool is_option_ = false;
    bool options_ended_ = false;
};

}  // namespace lab
