// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "lab/arguments.hpp"
#include "lab/failure.hpp"
#include "lab/text/csv.hpp"
#include "lab/text/json_writer.hpp"
#include "lab/text/numbers.hpp"
#include "lab/text/text_table.hpp"

namespace {

TEST_CASE("numbers for people") {
    CHECK(lab::grouped(0) == "0");
    CHECK(lab::grouped(999) == "999");
    CHECK(lab::grouped(1'696'851) == "1,696,851");
    CHECK(lab::counted(1, "node") == "1 node");
    CHECK(lab::counted(0, "node") == "0 nodes");
    CHECK(lab::percent(1) == "100.0 %");
    CHECK(lab::percent(0.0625) == "6.2 %");
    CHECK(lab::hexadecimal(0x1741a6) == "0x1741a6");
    CHECK(lab::size_of_bytes(0) == "0 B");
    CHECK(lab::size_of_bytes(1023) == "1023 B");
    CHECK(lab::size_of_bytes(std::uint64_t{128} << 20) == "128 MiB");
    CHECK(lab::size_of_bytes(std::uint64_t{3} << 29) == "1.5 GiB");
    CHECK(lab::size_of_bytes(~std::uint64_t{0}) == "16.0 EiB");
    CHECK(lab::share(1, 4) == 0.25);
    CHECK(lab::share(0, 0) == 0);
}

TEST_CASE("numbers from people") {
    CHECK(lab::parse_number("48") == 48);
    CHECK(lab::parse_number("1f", 16) == 0x1f);
    for (const char* wrong : {"", " 1", "1 ", "-1", "+1", "0x1", "1.5", "18446744073709551616"}) {
        CAPTURE(wrong);
        CHECK(!lab::parse_number(wrong));
    }
    CHECK(lab::parse_size("512") == 512);
    CHECK(lab::parse_size("16M") == std::uint64_t{16} << 20);
    CHECK(lab::parse_size("2T") == std::uint64_t{2} << 40);
    CHECK(!lab::parse_size("M"));
    CHECK(!lab::parse_size("16MB"));
    CHECK(!lab::parse_size("99999999999T"));
}

TEST_CASE("JSON") {
    lab::json_writer json;
    json.begin_object(lab::json_writer::layout::lines);
    json.key("list");
    json.begin_array();
    json.number(std::uint64_t{1});
    json.number(0.5, 3);
    json.boolean(true);
    json.end_array();
    json.key("none");
    json.begin_array(lab::json_writer::layout::lines);
    json.end_array();
    json.key("text");
    json.text("a \"b\" \\ \n \xe9");
    json.end_object();
    CHECK(json.str() ==
          "{\n"
          "  \"list\": [1, 0.500, true],\n"
          "  \"none\": [],\n"
          "  \"text\": \"a \\\"b\\\" \\\\ \\u000a \\u00e9\"\n"
          "}\n");
}

TEST_CASE("CSV") {
    CHECK(lab::csv_line({"", "a", "b,c", "d\"e"}) == ",a,\"b,c\",\"d\"\"e\"\n");
}

TEST_CASE("tables") {
    using align = lab::text_table::align;
    lab::text_table table({{"name", align::left}, {"n", align::right}, {"last", align::left}});
    CHECK(table.empty());
    table.add_row({"a", "12", ""});
    table.add_row({"longer", "3", "x"});
    CHECK(table.str() ==
          "  name     n  last\n"
          "  a       12\n"
          "  longer   3  x\n");
}

TEST_CASE("arguments") {
    lab::arguments words({"file", "--one", "1", "--two=2=2", "--", "--three"});
    CHECK(words.next() == "file");
    CHECK(!words.is_option());
    CHECK(words.next() == "--one");
    CHECK(words.is_option());
    CHECK(words.value() == "1");
    CHECK(words.next() == "--two");
    CHECK(words.value() == "2=2");
    CHECK(words.next() == "--three");
    CHECK(!words.is_option());
    CHECK(!words.next());
}

TEST_CASE("arguments that are wrong") {
    lab::arguments no_value({"--one"});
    (void)no_value.next();
    CHECK_THROWS_AS((void)no_value.value(), lab::usage_error);
    lab::arguments no_taker({"--one=1"});
    (void)no_taker.next();
    CHECK_THROWS_AS((void)no_taker.next(), lab::usage_error);
}

}  // namespace
