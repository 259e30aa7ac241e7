// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The book of who holds which frame, by itself.
#include <doctest/doctest.h>

#include <ashlar/zone/owner_table.hpp>
#include <random>
#include <vector>

namespace {

using namespace ashlar;

constexpr range<> bank{{259}, 1001};

template <class Book>
struct opened {
    std::vector<typename Book::word> words{Book::metadata_words(bank)};
    Book owners;
    opened() { REQUIRE(owners.attach(bank, {words.data(), words.size()}) == errc::ok); }
};
using bytes_book = owner_table<platform>;
using wide_book = owner_table<platform, owner_shape{.bits = 16}>;

static_assert(bytes_book::last_owner == 127);
static_assert(wide_book::last_owner == 32767);

template <class Book>
std::vector<range<>> held(const Book& owners, owner_id id) {
    std::vector<range<>> runs;
    owners.visit(id, [&](range<> run) { runs.push_back(run); });
    return runs;
}

constexpr errc used_at_compile_time() {
    bytes_book::word words[bytes_book::metadata_words({{0}, 100})]{};
    bytes_book owners;
    if (owners.attach({{0}, 100}, words) != errc::ok) return errc::invalid;
    if (owners.claim({{5}, 30}, 1) != errc::ok) return errc::invalid;
    if (owners.leave({{6}, 1}, 2) != errc::not_owned) return errc::invalid;
    if (owners.leave({{6}, 1}, 1) != errc::ok) return errc::invalid;
    std::uint64_t left = 0;
    owners.visit(1, [&](range<> run) { left += run.count; });
    return left == 29 ? owners.leave({{6}, 1}, 1) : errc::invalid;
}
static_assert(used_at_compile_time() == errc::double_free);

TEST_CASE_TEMPLATE("claim, leave, stay; wrong ones change nothing", Book, bytes_book, wide_book) {
    opened<Book> book;
    Book& owners = book.owners;
    const range<> block{{300}, 64};
    REQUIRE(owners.claim(block, Book::last_owner) == errc::ok);
    REQUIRE(owners.claim({{364}, 1}, 2) == errc::ok);
    CHECK(held(owners, Book::last_owner) == std::vector<range<>>{block});
    CHECK(owners.leave(block, 2) == errc::not_owned);
    // His, but for the last frame.
    CHECK(owners.leave({{301}, 64}, Book::last_owner) == errc::not_owned);
    CHECK(owners.leave({{200}, 1}, 2) == errc::not_owned);
    CHECK(owners.leave({{1259}, 2}, 2) == errc::not_owned);
    CHECK(owners.leave({{400}, 1}, 2) == errc::not_owned);
    CHECK(owners.claim({{290}, 11}, 2) == errc::corrupt);
    CHECK(owners.claim({{1259}, 2}, 2) == errc::limit);
    CHECK(held(owners, Book::last_owner) == std::vector<range<>>{block});
    CHECK(held(owners, 2) == std::vector<range<>>{{{364}, 1}});
    CHECK(owners.owner_of({300}) == Book::last_owner);
    CHECK(owners.owner_of({299}) == no_owner);
    CHECK(owners.owner_of({258}) == no_owner);
    REQUIRE(owners.leave({{310}, 3}, Book::last_owner) == errc::ok);
    CHECK(owners.owner_of({310}) == no_owner);
    CHECK(owners.leave({{311}, 1}, Book::last_owner) == errc::double_free);
    CHECK(owners.leave({{311}, 1}, 2) == errc::not_owned);
    CHECK(owners.leave(block, Book::last_owner) == errc::double_free);
    CHECK(held(owners, Book::last_owner) == std::vector<range<>>{{{300}, 10}, {{313}, 51}});
    owners.stay({{310}, 3}, Book::last_owner);
    CHECK(held(owners, Book::last_owner) == std::vector<range<>>{block});
    REQUIRE(owners.leave(block, Book::last_owner) == errc::ok);
    REQUIRE(owners.claim(block, 2) == errc::ok);
    CHECK(held(owners, 2) == std::vector<range<>>{{{300}, 65}});
}

TEST_CASE("storage and owners' numbers") {
    std::vector<bytes_book::word> words(bytes_book::metadata_words(bank));
    bytes_book owners;
    CHECK(owners.enrol(1) == errc::limit);
    CHECK(owners.claim({{300}, 1}, 1) == errc::limit);
    CHECK(owners.leave({{300}, 1}, 1) == errc::not_owned);
    CHECK(owners.attach({{300}, 0}, {words.data(), words.size()}) == errc::invalid);
    CHECK(owners.attach({{300}, ~std::uint64_t{0}}, {words.data(), words.size()}) == errc::invalid);
    CHECK(owners.attach(bank, {words.data(), words.size() - 1}) == errc::limit);
    CHECK(owners.attach({{0}, ~std::uint64_t{0}}, {words.data(), words.size()}) == errc::limit);
    CHECK(bytes_book::metadata_words({{300}, 0}) == 0);
    CHECK(bytes_book::metadata_words({{0}, ~std::uint64_t{0}}) == 0);
    REQUIRE(owners.attach(bank, {words.data(), words.size()}) == errc::ok);
    CHECK(owners.attach(bank, {words.data(), words.size()}) == errc::busy);
    CHECK(owners.enrol(0) == errc::invalid);
    CHECK(owners.enrol(128) == errc::invalid);
    CHECK(owners.enrol(127) == errc::ok);
    CHECK(owners.enrol(127) == errc::busy);
    CHECK(owners.enrol(1) == errc::ok);
    CHECK(owners.detach() == errc::busy);
    owners.dismiss(127);
    CHECK(owners.detach() == errc::busy);
    owners.dismiss(1);
    CHECK(owners.detach() == errc::ok);
    CHECK(owners.covered().empty());
    REQUIRE(owners.attach(bank, {words.data(), words.size()}) == errc::ok);
    CHECK(owners.enrol(127) == errc::ok);
}

TEST_CASE_TEMPLATE("random claims and leaves agree with an array", Book, bytes_book, wide_book) {
    opened<Book> book;
    std::mt19937 random(7);
    std::vector<int> last(bank.count, 0);  // who had it last
    std::vector<bool> has(bank.count, false);
    for (int step = 0; step < 20000; ++step) {
        const std::uint64_t first = random() % bank.count;
        const std::uint64_t count = 1 + random() % (random() % 4 == 0 ? 60 : 3);
        const auto id = static_cast<owner_id>(1 + random() % 3);
        const range<> frames{bank.first + first, count};
        const bool inside = first + count <= bank.count;
        errc deserved = errc::ok;
        if (random() % 2 == 0) {
            if (!inside) deserved = errc::limit;
            for (std::uint64_t i = first; inside && i < first + count; ++i) {
                if (has[i]) deserved = errc::corrupt;
            }
            REQUIRE(book.owners.claim(frames, id) == deserved);
            for (std::uint64_t i = first; deserved == errc::ok && i < first + count; ++i) {
                has[i] = true;
                last[i] = id;
            }
        } else {
            if (!inside) deserved = errc::not_owned;
            for (std::uint64_t i = first; inside && deserved == errc::ok && i < first + count; ++i) {
                if (last[i] != id) deserved = errc::not_owned;
                if (last[i] == id && !has[i]) deserved = errc::double_free;
            }
            REQUIRE(book.owners.leave(frames, id) == deserved);
            for (std::uint64_t i = first; deserved == errc::ok && i < first + count; ++i) has[i] = false;
        }
        if (step % 500 != 0) continue;
        std::vector<int> seen(bank.count, 0);
        for (owner_id id_of = 1; id_of <= 3; ++id_of) {
            book.owners.visit(id_of, [&](range<> run) {
                for (std::uint64_t i = 0; i < run.count; ++i) {
                    seen[run.first.number - bank.first.number + i] = id_of;
                }
            });
        }
        for (std::uint64_t i = 0; i < bank.count; ++i) REQUIRE(seen[i] == (has[i] ? last[i] : 0));
    }
}

}  // namespace
