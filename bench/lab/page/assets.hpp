// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string_view>

/// The files beside this one that the page is made of, as the build put them into the program.
namespace lab::asset {

extern const std::string_view page_html;
extern const std::string_view scenario_html;
extern const std::string_view page_css;
extern const std::string_view page_js;

}  // namespace lab::asset
