// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Blocks move while their users take, free and read them.
#include <ashlar/linux_backend/user_platform.hpp>
#include <ashlar/migrate/compaction.hpp>
#include <ashlar/migrate/evacuation.hpp>
#include <atomic>
#include <thread>

#include "migrate/machines.hpp"

namespace {

using namespace migrate_tests;

/// Each thread has a slot for itself.
using threads_bank = thread_platform<4>;
using thread_rows = cpu_rows<radix_buddy<threads_bank>>;

/// Takes and frees at random until told to stop, and drains its slot now and then; true if every free was
/// taken.
template <class Source>
bool work_on(Source& source, users<bank>& book, std::atomic<bool>& stop, unsigned seed) {
    const threads_bank::registration here;
    std::minstd_rand random(seed);
    std::vector<std::uint64_t> mine;
    bool good = true;
    while (!stop || mine.size() > 200) {
        if (random() % 16 == 0) source.drain();
        if (mine.empty() || (random() % 2 == 0 && mine.size() < 400 && !stop)) {
            const unsigned order = static_cast<unsigned>(random() % 3);
            if (const auto got = source.allocate({.order = order})) mine.push_back(book.enter(*got, order));
        } else {
            const std::size_t pick = random() % mine.size();
            const auto block = book.leave(mine[pick]);
            good = good && source.free(block.first, block.order) == errc::ok;
            mine.erase(mine.begin() + static_cast<std::ptrdiff_t>(pick));
        }
    }
    source.drain();
    return good;
}

TEST_CASE("a range is emptied and a bank compacted under threads that take and free") {
    const threads_bank::registration here;
    attached<thread_rows> on;
    users<bank> book;
    test_mover<bank> mover(book);
    std::atomic<bool> stop{false};
    std::atomic<unsigned> good{0};
    std::vector<std::thread> workers;
    for (unsigned i = 0; i < 2; ++i) {
        workers.emplace_back([&, i] { good += work_on(on.source, book, stop, 11 + i) ? 1 : 0; });
    }
    const range<> dimm{{0}, 4096};
    evacuation<thread_rows> emptied(on.source);
    unsigned rounds = 0;
    unsigned emptied_rounds = 0;
    for (; rounds < 200; ++rounds) {
        errc begun = errc::busy;
        for (unsigned i = 0; i < 1000 && begun == errc::busy; ++i) {
            begun = emptied.begin(dimm);
            std::this_thread::yield();
        }
        // Slots of the other threads that hold frames of the range keep it busy: then nothing is moved.
        if (begun != errc::ok) {
            emptied.end();
            continue;
        }
        errc answer = errc::limit;
        for (unsigned pass = 0; pass < 100 && answer != errc::ok; ++pass) {
            emptied.restart();
            answer = emptied.evacuate(allocated_destination<thread_rows>{on.source}, mover);
        }
        if (answer == errc::ok) ++emptied_rounds;
        CHECK(book.intact());
        emptied.end();
    }
    std::vector<std::uint16_t> words(compaction<thread_rows>::words(bank_frames));
    compaction<thread_rows> whole(on.source, bank_frames, {words.data(), words.size()});
    for (unsigned i = 0; i < 20; ++i) {
        whole.survey();
        (void)whole.compact(mover, 2000);
        CHECK(book.intact());
    }
    stop = true;
    for (std::thread& each : workers) each.join();
    CHECK(good == 2);
    CHECK(emptied_rounds > 0);
    whole.survey();  // ends what was begun
    CHECK(book.intact());
    for (const std::uint64_t id : book.ids()) {
        const auto block = book.leave(id);
        CHECK(on.source.free(block.first, block.order) == errc::ok);
    }
    on.source.drain();
    CHECK(on.source.free_frames() == bank::frames);
    CHECK(on.source.validate() == errc::ok);
}

}  // namespace
