// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "lab/trace/compact_line.hpp"
#include "lab/trace/perf_line.hpp"
#include "lab/trace/trace.hpp"

namespace {

using ashlar::mobility;
using lab::line_kind;
using lab::trace_event;
using action = trace_event::action;

trace_event read_perf(std::string_view line) {
    trace_event event;
    CHECK(!lab::is_compact_line(line));
    REQUIRE(lab::read_perf_line(line, event) == line_kind::event);
    return event;
}

line_kind kind_of_perf(std::string_view line) {
    trace_event event;
    return lab::read_perf_line(line, event);
}

trace_event read_compact(std::string_view line) {
    trace_event event;
    CHECK(lab::is_compact_line(line));
    REQUIRE(lab::read_compact_line(line, event) == line_kind::event);
    return event;
}

line_kind kind_of_compact(std::string_view line) {
    trace_event event;
    return lab::read_compact_line(line, event);
}

void check_same(const trace_event& a, const trace_event& b) {
    CHECK(a.frame == b.frame);
    CHECK(a.cpu == b.cpu);
    CHECK(a.order == b.order);
    CHECK(a.what == b.what);
    CHECK(a.mobility == b.mobility);
    CHECK(a.kernel == b.kernel);
}

TEST_CASE("perf script: an allocation") {
    const trace_event event = read_perf(
        "       perf-exec  1981 [001]   801.637803:        kmem:mm_page_alloc: page=0x1741a7 pfn=0x1741a7 "
        "order=3 migratetype=0 gfp_flags=GFP_NOFS|__GFP_NOFAIL|__GFP_COMP|__GFP_HARDWALL");
    CHECK(event.what == action::allocate);
    CHECK(event.frame == 0x1741a7);
    CHECK(event.order == 3);
    CHECK(event.cpu == 1);
    CHECK(event.time_us == 801'637'803);
    CHECK(event.mobility == mobility::unmovable);
    CHECK(event.kernel);
    check_same(event, read_compact("801637803\t1\ta\t1741a7\t3\t0\tk"));
}

TEST_CASE("perf script: a free") {
    const trace_event event = read_perf(
        "       perf-exec  1981 [017]   801.638401:         kmem:mm_page_free: page=0x115443 pfn=0x115443 "
        "order=0");
    CHECK(event.what == action::free);
    CHECK(event.cpu == 17);
    check_same(event, read_compact("0\t17\tf\t115443\t0\t-\t-"));
}

TEST_CASE("perf script: whose memory it is") {
    const auto is_kernel = [](const std::string& flags) {
        return read_perf(
                   "x 1 [000] 1.000000: kmem:mm_page_alloc: page=0x1 pfn=0x1 order=0 migratetype=1 "
                   "gfp_flags=" +
                   flags)
            .kernel;
    };
    CHECK(!is_kernel("GFP_HIGHUSER|__GFP_ACCOUNT"));
    CHECK(!is_kernel("GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP"));
    CHECK(!is_kernel("GFP_TRANSHUGE_LIGHT|__GFP_ACCOUNT"));
    CHECK(is_kernel("GFP_KERNEL"));
    CHECK(is_kernel("GFP_NOFS|__GFP_HIGHMEM|__GFP_MOVABLE|__GFP_HARDWALL"));  // filled page cache
    CHECK(is_kernel("GFP_USER|__GFP_ZERO"));
    CHECK(is_kernel(""));
}

TEST_CASE("perf script: migratetypes") {
    const auto mobility_of = [](const std::string& type) {
        return read_perf("x 1 [000] 1.000000: kmem:mm_page_alloc: pfn=0x1 order=0 migratetype=" + type +
                         " gfp_flags=GFP_KERNEL")
            .mobility;
    };
    CHECK(mobility_of("0") == mobility::unmovable);
    CHECK(mobility_of("1") == mobility::movable);
    CHECK(mobility_of("2") == mobility::reclaimable);
    CHECK(mobility_of("3") == mobility::unmovable);
}

TEST_CASE("perf script: names of programs may hold anything") {
    CHECK(
        read_perf("Web Content [7] 12/13 [003] 5.000001: kmem:mm_page_free: page=0x2 pfn=0x2 order=1").cpu ==
        3);
    CHECK(read_perf("a: b 1 [002] 5.000001: kmem:mm_page_free: page=0x2 pfn=0x2 order=1").time_us ==
          5'000'001);
    CHECK(read_perf("order=9 pfn=0x9 1 [002] 5.0: kmem:mm_page_free: page=0x2 pfn=0x2 order=1").frame == 2);
}

TEST_CASE("perf script: other forms of the heading") {
    const std::string fields = "mm_page_free: page=0x2 pfn=0x2 order=1";
    SUBCASE("with a period") {
        const trace_event event = read_perf("x 1 [002] 5.250000:          1 kmem:" + fields);
        CHECK(event.cpu == 2);
        CHECK(event.time_us == 5'250'000);
    }
    SUBCASE("with nanoseconds") {
        CHECK(read_perf("x 1 [002] 5.123456789: kmem:" + fields).time_us == 5'123'456);
    }
    SUBCASE("the kernel's own trace file") {
        const trace_event event = read_perf("  bash-12  [002] d..2.  9.000007: " + fields);
        CHECK(event.cpu == 2);
        CHECK(event.time_us == 9'000'007);
    }
    SUBCASE("without a CPU") {
        CHECK(read_perf("x 1 5.123456: kmem:" + fields).cpu == 0);
    }
    SUBCASE("without anything") {
        CHECK(read_perf("kmem:" + fields).frame == 2);
    }
}

TEST_CASE("perf script: other events") {
    const std::string heading = "x 1 [001] 1.000000: kmem:";
    CHECK(kind_of_perf(heading + "mm_page_free_batched: page=0x115443 pfn=0x115443 order=0") ==
          line_kind::other);
    CHECK(kind_of_perf(heading + "mm_page_alloc_zone_locked: page=0x1 pfn=0x1 order=0 migratetype=1") ==
          line_kind::other);
    CHECK(kind_of_perf(heading + "mm_page_alloc_extfrag: page=0x1 pfn=0x1 alloc_order=0") ==
          line_kind::other);
    CHECK(kind_of_perf(heading + "kmalloc: call_site=x ptr=0x1 bytes_req=1") == line_kind::other);
    CHECK(kind_of_perf("") == line_kind::other);
    CHECK(kind_of_perf("# a comment") == line_kind::other);
    CHECK(kind_of_perf("mm_page_alloc") == line_kind::other);
}

TEST_CASE("perf script: an allocation that failed is none") {
    CHECK(kind_of_perf(
              "x 1 [001] 1.0: kmem:mm_page_alloc: page=(nil) pfn=0x0 order=9 migratetype=1 gfp_flags=X") ==
          line_kind::other);
    CHECK(kind_of_perf("x 1 [001] 1.0: kmem:mm_page_alloc: page=(nil) pfn=0xffffffffffffffff order=9") ==
          line_kind::other);
}

TEST_CASE("perf script: lines that cannot be read") {
    const std::string heading = "x 1 [001] 1.000000: kmem:mm_page_free: ";
    for (const char* fields : {"", "order=0", "pfn=0x1", "pfn=0xg order=0", "pfn= order=0", "pfn=0x1 order=",
                               "pfn=0x1 order=64", "pfn=0x1 order=-1", "pfn=0x10000000000000000 order=0",
                               "pfn=0xfffffffffffffff0 order=0", "xpfn=0x1 order=0"}) {
        CAPTURE(fields);
        CHECK(kind_of_perf(heading + fields) == line_kind::unreadable);
    }
}

TEST_CASE("frame numbers of old kernels") {
    const auto frames = [](const std::vector<std::string>& written) {
        std::vector<trace_event> events;
        events.reserve(written.size());
        for (const std::string& pfn : written) {
            events.push_back(
                read_perf("x 1 [0] 1.0: kmem:mm_page_free: page=0xffffea00 pfn=" + pfn + " order=0"));
        }
        lab::settle_frame_numbers(events);
        std::vector<std::uint64_t> numbers;
        numbers.reserve(events.size());
        for (const trace_event& event : events) numbers.push_back(event.frame);
        return numbers;
    };
    CHECK(frames({"1234567", "10"}) == std::vector<std::uint64_t>{1234567, 10});  // decimal
    CHECK(frames({"123", "1741a6"}) ==
          std::vector<std::uint64_t>{0x123, 0x1741a6});  // hexadecimal, as a letter shows
    CHECK(frames({"0x123", "0x10"}) == std::vector<std::uint64_t>{0x123, 0x10});
}

TEST_CASE("compact form") {
    const trace_event event = read_compact("162\t1\ta\t11c6c7\t9\t1\tu");
    CHECK(event.time_us == 162);
    CHECK(event.cpu == 1);
    CHECK(event.frame == 0x11c6c7);
    CHECK(event.order == 9);
    CHECK(event.mobility == mobility::movable);
    CHECK(!event.kernel);
    CHECK(read_compact("1\t0\ta\t1\t0\t2\tk").mobility == mobility::reclaimable);
}

TEST_CASE("compact form: lines that cannot be read") {
    for (const char* line :
         {"1\t0\ta\t1\t0\t2", "1\t0\ta\t1\t0\t2\tk\t", "x\t0\ta\t1\t0\t2\tk", "1\t-1\ta\t1\t0\t2\tk",
          "1\t0\tx\t1\t0\t2\tk", "1\t0\ta\t0x1\t0\t2\tk", "1\t0\ta\t1\t64\t2\tk", "1\t0\ta\t1\t0\t2\tx",
          "1\t0\ta\tffffffffffffffff\t0\t2\tk", "1\t99999\ta\t1\t0\t2\tk", ""}) {
        CAPTURE(line);
        CHECK(kind_of_compact(line) == line_kind::unreadable);
    }
    CHECK(!lab::is_compact_line("no\ttabs"));
    CHECK(!lab::is_compact_line("1\t2\tabc\td"));
}

}  // namespace
