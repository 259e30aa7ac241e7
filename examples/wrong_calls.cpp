// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Failure is ordinary: each wrong call has an answer, and leaves everything as it was.
#include <ashlar/ashlar.hpp>

#include "check.hpp"

namespace {

using frames = ashlar::radix_buddy<ashlar::platform>;
constexpr ashlar::range<> bank{{0x1000}, 0x1000};
frames::word words[frames::metadata_words(bank)];
frames source;

}  // namespace

int main() {
    using ashlar::errc;
    check(source.attach(bank, words, ashlar::start::fresh) == errc::ok, "attach");
    check(!source.allocate({.order = 0}), "nothing is online yet");
    check(source.online(bank) == errc::ok, "online");

    const auto block = source.allocate({.order = 4});
    check(block.has_value(), "16 frames");
    const std::uint64_t free = source.free_frames();

    // Wrong frees.
    check(source.free(*block + 1, 4) == errc::misaligned, "not the start of such a block");
    check(source.free({0x2000}, 0) == errc::not_owned, "a frame of somebody else");
    check(source.free(*block, 30) == errc::unsupported, "an order that there is not");
    check(source.free_frames() == free, "none of them did anything");
    check(source.free(*block + 8, 3) == errc::ok, "in pieces, if one likes");
    check(source.free(*block, 4) == errc::double_free, "half of it is free already");
    check(source.free(*block, 3) == errc::ok, "the other half is not");
    check(source.free(*block, 3) == errc::double_free, "now it is");

    // Requests that cannot be met.
    check(source.allocate({.order = 13}).error() == errc::exhausted, "more than there is");
    check(source.allocate({.below = {0x1000}}).error() == errc::exhausted, "nothing lies there");
    check(source.allocate({.mirror = ashlar::mirror::required}).error() == errc::unsupported,
          "a machine knows, not a source");

    // Frames that are gone, with their link or their device.
    const auto lost = source.allocate({.order = 9});
    check(lost && source.revoke({*lost, 512}).has_value(), "revoke");
    check(source.free(*lost, 9) == errc::revoked && !source.owns(*lost), "told from a foreign frame");
    check(source.free_frames() == bank.count - 512 && source.validate() == errc::ok, "all is in order");
}
