// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/view.hpp>
#include <ashlar/remote/pinned_pieces.hpp>

namespace ashlar {

/// Pinned pieces of memory whose pins are released with the list.
///
/// ```
/// ashlar::scatter_piece pieces[16];  windows::pin_type pins[16];
/// ashlar::scatter_list<windows::pin_type> list(pieces, pins);
/// if (space.resolve({0x7000'0010}, 0x2000, list) == ashlar::errc::ok) copy_from(list.pieces());
/// ```
template <class Pin>
class scatter_list : public pinned_pieces<Pin> {
 public:
    constexpr scatter_list(view<scatter_piece> pieces, view<Pin> pins) noexcept
        : pinned_pieces<Pin>(pieces, pins) {}
    scatter_list(const scatter_list&) = delete;
    scatter_list& operator=(const scatter_list&) = delete;
    constexpr ~scatter_list() { this->clear(); }
};

}  // namespace ashlar
