// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Variables for gdb_printers.py, which says how gdb prints each.
#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/request.hpp>
#include <ashlar/core/result.hpp>

using namespace ashlar;

frame<> first{0x1200};
frame<guest> of_guest{16};
const frame<guest>& same_frame = of_guest;
range<> bank{{0x1000}, 0x1000};
range<os> nothing{};

errc answer = errc::double_free;
errc garbage = static_cast<errc>(200);
const errc& seen = answer;

result<frame<>> got = frame<>{0x200};
result<frame<>> failed = errc::exhausted;
result<unsigned> number = 7u;

node_set everywhere = node_set::all();
node_set two{0b101};
node_set nowhere{0};

request<> plain{};
request<guest> of_guests{};
request<> huge{.order = 9, .node = 1, .mirror = mirror::required};
request<> whole{.order = 1,
                .node = 0,
                .nodes = node_set::only(3),
                .below = {0x100000},
                .mirror = mirror::preferred,
                .mobility = mobility::movable,
                .urgent = true,
                .effort = 8};

struct owner {
    frame<> where{0x40};
    errc last = errc::ok;
};
owner nested{};
const owner& borrowed = nested;

int main() {}
