// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ashlar/ashlar.hpp>

#if !defined(linux)
#error "a consumer with GNU extensions is what is built here"
#endif

const unsigned* version_of_other_unit();

using buddy = ashlar::radix_buddy<ashlar::platform>;
constexpr ashlar::range<> bank{{0x1000}, 0x1000};
constinit buddy::word words[buddy::metadata_words(bank)]{};
constinit buddy source;

int main() {
    if (version_of_other_unit() != &ashlar::version_major) return 1;
    if (source.attach(bank, words, ashlar::start::fresh) != ashlar::errc::ok) return 2;
    if (source.online(bank) != ashlar::errc::ok) return 3;
    const auto huge = source.allocate({.order = 9});
    return huge && bank.contains(*huge) ? 0 : 4;
}
