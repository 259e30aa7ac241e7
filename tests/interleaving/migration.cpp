// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A frame that moves while its system reads and writes it: every interleaving, with weak memory, of the
// shipped engine, path and accesses; the table, the pool and the guard are the plainest that keep their
// contracts. Frames have two lines of a byte.
#include <doctest/doctest.h>

#include <ashlar/migrate/consulting_path.hpp>
#include <ashlar/migrate/device_fence.hpp>
#include <ashlar/migrate/lost_lines.hpp>
#include <ashlar/migrate/move_engine.hpp>
#include <ashlar/migrate/remapped_access.hpp>
#include <ashlar/migrate/remapping.hpp>
#include <ashlar/migrate/spare_book.hpp>
#include <ashlar/migrate/write_protection.hpp>
#include <ashlar/source/contiguous_request.hpp>
#include <ashlar/testing/unprotected.hpp>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "interleaving/run.hpp"

namespace {

using namespace ashlar;
using namespace ashlar::testing;

using step_word = stepped_atomic<std::uint32_t>;
using cell = stepped_atomic<std::uint8_t>;
static_assert(sizeof(cell) == 1);

constexpr std::uint64_t machine_frames = 5;  ///< 0 to 2 are the system's, 3 and 4 spares
constexpr std::uint64_t lines = 2;
constexpr std::uint8_t poison = 200;  ///< what cannot be read, until it is written

/// The guard is a counter for each program, odd while it is held; who waits passes on what he wrote, and sees
/// what was done under it. All are read-modify-writes: whoever takes the guard later reads from the waiter.
struct moving_platform : stepped_platform {
    static constexpr std::uint64_t frame_bytes = lines;
    static constexpr std::uint64_t line_bytes = 1;
    static inline cell* bytes = nullptr;
    static inline step_word* guards = nullptr;
    static inline std::size_t programs = 0;

    struct cpu_guard {
        std::size_t self = scheduler::current == nullptr ? 0 : scheduler::current->running();
        cpu_guard() noexcept { guards[self].fetch_add(1, memory_order::acq_rel); }
        ~cpu_guard() { guards[self].fetch_add(1, memory_order::acq_rel); }
    };
    static void quiesce() noexcept {
        if (scheduler::current == nullptr) return;
        for (std::size_t i = 0; i < programs; ++i) {
            if (i == scheduler::current->running()) continue;
            const std::uint32_t seen = guards[i].fetch_add(0, memory_order::acq_rel);
            while (seen % 2 != 0 && guards[i].load(memory_order::acquire) == seen) {
            }
        }
    }
    [[nodiscard]] static void* bytes_of(frame<machine> f) noexcept { return &bytes[f.number * lines]; }
    static copy_result copy_part(frame<machine> from, frame<machine> to, frame_part part) noexcept {
        for (std::uint64_t at = part.offset; at < part.offset + part.count; ++at) {
            const std::uint8_t value = bytes[from.number * lines + at].load(memory_order::relaxed);
            if (value == poison) return {at - part.offset, errc::unreadable};
            bytes[to.number * lines + at].store(value, memory_order::relaxed);
        }
        return {part.count, errc::ok};
    }
};

/// A word an origin, 0: not mapped.
struct word_remapping {
    step_word* words = nullptr;

    [[nodiscard]] frame<machine> translate(frame<os> f) const noexcept {
        const std::uint32_t word = words[f.number].load(memory_order::acquire);
        return word == 0 ? frame<machine>{f.number} : frame<machine>{word};
    }
    [[nodiscard]] result<frame<machine>> find(frame<os> f) const noexcept {
        const std::uint32_t word = words[f.number].load(memory_order::acquire);
        return word == 0 ? result<frame<machine>>(errc::not_owned) : frame<machine>{word};
    }
    errc assign(frame<os> f, frame<machine> to) noexcept {
        words[f.number].store(static_cast<std::uint32_t>(to.number), memory_order::release);
        return errc::ok;
    }
    errc erase(frame<os> f) noexcept {
        words[f.number].store(0, memory_order::release);
        return errc::ok;
    }
    [[nodiscard]] static std::size_t size() noexcept { return 0; }
    [[nodiscard]] static std::size_t capacity() noexcept { return 8; }
};
static_assert(remapping<word_remapping>);

/// The lowest spare first. It lies in the mover's program.
struct two_spares {
    struct kind {
        bool mirrored = false;
    };
    bool used[2] = {};
    kind any{};

    result<frame<machine>> allocate(request<machine>) noexcept {
        for (unsigned i = 0; i < 2; ++i) {
            if (used[i]) continue;
            used[i] = true;
            return frame<machine>{3 + i};
        }
        return errc::exhausted;
    }
    result<range<machine>> allocate_contiguous(contiguous_request<machine>) noexcept {
        return errc::exhausted;
    }
    errc free(frame<machine> spare, unsigned) noexcept {
        used[spare.number - 3] = false;
        return errc::ok;
    }
    result<std::uint64_t> revoke(range<machine>) noexcept { return errc::unsupported; }
    [[nodiscard]] static std::uint64_t free_frames() noexcept { return 2; }
    [[nodiscard]] const kind* zone_of(frame<machine>) const noexcept { return &any; }
};

using path_type = consulting_path<moving_platform>;

/// Outcomes of an accessing program: whether its write came through, and what it read, first and last.
constexpr std::size_t written = 0;
constexpr std::size_t first_read = 1;
constexpr std::size_t last_read = 2;
constexpr std::uint8_t before = 1;  ///< line 0 of frame 1; line 1 has one more
constexpr std::uint8_t after = 9;
constexpr std::uint64_t refused = 255;  ///< what is read of a line that is lost

struct world {
    struct alignas(64) shared_memory {
        cell bytes[machine_frames * lines];
        step_word guards[3];
        step_word table[3];
        step_word dirty[1];
        path_type path{view<step_word>(dirty)};
        lost_lines<moving_platform>::entry entries[1];
        lost_lines<moving_platform> lost{view<lost_lines<moving_platform>::entry>(entries)};
    };
    shared_memory shared;
    memory_entry told_entries[2];
    memory_entry spare_entries[2];
    memory_map told{told_entries, 1};
    memory_map spares{spare_entries, 1};
    spare_book seen{spares, {}};  ///< as accesses see it: which frames are spares

    world() {
        REQUIRE(told.add(0, 3 * lines, memory_kind::usable) == errc::ok);
        REQUIRE(spares.add(3 * lines, machine_frames * lines, memory_kind::usable) == errc::ok);
        moving_platform::bytes = shared.bytes;
        moving_platform::guards = shared.guards;
        shared.bytes[1 * lines].store(before, memory_order::relaxed);
        shared.bytes[1 * lines + 1].store(before + 1, memory_order::relaxed);
        shared.bytes[2 * lines].store(77, memory_order::relaxed);
    }
    [[nodiscard]] view<std::byte> bytes() { return {reinterpret_cast<std::byte*>(&shared), sizeof shared}; }
    [[nodiscard]] word_remapping table() { return {shared.table}; }
    [[nodiscard]] remapped_access<word_remapping, moving_platform> access(const word_remapping& remaps) {
        return {remaps, shared.path, seen, shared.lost};
    }
    /// Where the system's byte is, when all is over.
    [[nodiscard]] std::uint8_t at(std::uint64_t origin, std::uint64_t line) {
        return shared.bytes[table().translate({origin}).number * lines + line].load(memory_order::relaxed);
    }
    [[nodiscard]] static std::string name_of(std::size_t offset) {
        if (offset < offsetof(shared_memory, guards)) {
            return "frame " + std::to_string(offset / lines) + " line " + std::to_string(offset % lines);
        }
        if (offset < offsetof(shared_memory, table)) return "guard";
        if (offset < offsetof(shared_memory, dirty)) return "table";
        if (offset < offsetof(shared_memory, path)) return "dirty bits";
        return "path " + std::to_string((offset - offsetof(shared_memory, path)) / 4);
    }
};

/// What the mover does with frame 1.
enum class plan { move, move_another, move_in_lines, give_up, move_twice_and_another, there_and_back };

template <class Protection>
explorer::program mover(world& w, plan what) {
    return [&w, what] {
        word_remapping table = w.table();
        two_spares pool;
        std::uint64_t words[2] = {};
        spare_book book(w.spares, words);
        detail::move_engine<moving_platform, word_remapping, two_spares, Protection, path_type,
                            cpu_part_copy<moving_platform>, no_devices>
            engine(table, pool, w.shared.path, w.told, book, w.shared.lost, {}, {});
        const auto run = [&](std::uint64_t origin, bool back, std::uint64_t budget) {
            if (engine.open({{origin}, 1}, {.serve_rest = true}, back) != errc::ok) return false;
            while (engine.step(budget) == errc::busy) {
            }
            return engine.commit() == errc::ok;
        };
        bool fine = true;
        if (what == plan::move) fine = run(1, false, 64);
        if (what == plan::move_another) fine = run(2, false, 64);
        if (what == plan::move_in_lines) fine = run(1, false, 1);
        if (what == plan::there_and_back) fine = run(1, false, 64) && run(1, true, 64);
        if (what == plan::move_twice_and_another) {
            // The third takes the spare that the first left.
            fine = run(1, false, 64) && run(1, false, 64) && run(2, false, 64);
        }
        if (what == plan::give_up) {
            fine = engine.open({{1}, 1}, {}, false) == errc::ok;
            (void)engine.step(1);
            (void)engine.give_up(errc::busy, move_obstacle::given_up);
        }
        return outcome{fine ? 1u : 0u, 0, 0, 0};
    };
}
/// One access to a line of frame 1; false if it has to wait.
template <class Use>
bool access(world& w, std::uint64_t line, access_kind kind, Use use) {
    const word_remapping table = w.table();
    const auto use_cell = [&use](std::byte* content, std::uint64_t, std::uint64_t) {
        use(*reinterpret_cast<cell*>(content));
    };
    return w.access(table).visit({1}, {line, 1}, kind, use_cell) == errc::ok;
}
std::uint64_t read(world& w, std::uint64_t line) {
    std::uint64_t got = 0;
    // A look-up waits for nobody.
    if (!access(w, line, access_kind::read, [&](cell& c) { got = c.load(memory_order::relaxed); }))
        return 255;
    return got;
}
/// Writes a line, tries once more if it has to wait, and reads it.
explorer::program writer(world& w, std::uint64_t line, unsigned tries = 2) {
    return [&w, line, tries] {
        outcome result{};
        for (unsigned i = 0; i < tries && result[written] == 0; ++i) {
            const auto put = [](cell& c) { c.store(after, memory_order::relaxed); };
            result[written] = access(w, line, access_kind::write, put) ? 1 : 0;
        }
        result[first_read] = result[last_read] = read(w, line);
        return result;
    };
}
explorer::program reader(world& w, std::uint64_t line) {
    return [&w, line] {
        const std::uint64_t once = read(w, line);
        return outcome{0, once, read(w, line), 0};
    };
}

/// Whatever was written is there in the end, and what was read is what was there at some time, in that order.
std::string judge(world& w, const std::vector<outcome>& results, std::uint64_t line) {
    if (results[0][0] == 0) return "the move failed";
    bool is_written = false;
    for (std::size_t i = 1; i < results.size(); ++i) is_written = is_written || results[i][written] != 0;
    const std::uint64_t old = before + line;
    for (std::size_t i = 1; i < results.size(); ++i) {
        const auto& got = results[i];
        for (const std::uint64_t value : {got[first_read], got[last_read]}) {
            if (value != old && value != after) return "somebody else's bytes are read";
        }
        if (got[written] != 0 && got[last_read] != after) return "a program does not read what it wrote";
        if (got[first_read] == after && got[last_read] == old) return "an old value after a new one";
    }
    if (w.at(1, line) != (is_written ? after : old)) return "a write is lost";
    if (w.at(1, 1 - line) != before + 1 - line) return "the other line is wrong";
    return "";
}

template <class Protection>
void run(const char* name, plan what, std::uint64_t line, bool with_reader,
         std::uint32_t deviations = no_bound) {
    world w;
    std::vector<explorer::program> programs{mover<Protection>(w, what), writer(w, line)};
    if (with_reader) programs.push_back(reader(w, line));
    moving_platform::programs = programs.size();
    explore_weak(
        name, w.bytes(), programs, [&](const auto& results) { return judge(w, results, line); },
        {.name_of = world::name_of}, deviations);
}

TEST_CASE("a write while a frame moves is not lost") {
    run<trap_and_retry>("trap and retry, a writer", plan::move, 0, false);
    run<copy_cursor<1>>("a cursor, a writer of the first line", plan::move, 0, false);
    run<copy_cursor<1>>("a cursor, a writer of the last line", plan::move, 1, false);
    run<dirty_recopy<1, 0>>("dirty lines, a writer", plan::move_in_lines, 0, false);
}

TEST_CASE("nor while it is moved back, nor if the move is given up") {
    run<trap_and_retry>("trap and retry, there and back, a writer", plan::there_and_back, 0, false);
    run<trap_and_retry>("trap and retry, given up, a writer", plan::give_up, 0, false);
    run<copy_cursor<1>>("a cursor, given up, a writer of the first line", plan::give_up, 0, false);
    run<copy_cursor<1>>("a cursor, given up, a writer of the last line", plan::give_up, 1, false);
    run<dirty_recopy<1, 0>>("dirty lines, given up, a writer", plan::give_up, 0, false);
}

TEST_CASE("a spare is not used again before every access has left it") {
    run<trap_and_retry>("moved twice, another to the old spare, a writer", plan::move_twice_and_another, 0,
                        false, 4);
}

TEST_CASE("a writer and a reader") {
    run<trap_and_retry>("trap and retry, a writer and a reader", plan::move, 0, true, 3);
    run<copy_cursor<1>>("a cursor, a writer and a reader", plan::move, 0, true, 3);
    run<dirty_recopy<1, 0>>("dirty lines, a writer and a reader", plan::move, 0, true, 3);
}

/// Line 0 cannot be read. Who writes it reads it; who does not write it is told, or reads what was written;
/// and in the end it is lost if and only if nobody wrote it.
template <class Protection>
void run_lost(const char* name, bool with_reader, std::uint32_t deviations = no_bound) {
    world w;
    w.shared.bytes[1 * lines].store(poison, memory_order::relaxed);
    const auto write_and_read = writer(w, 0, 2);
    std::vector<explorer::program> programs{mover<Protection>(w, plan::move), write_and_read};
    if (with_reader) programs.push_back(reader(w, 0));
    moving_platform::programs = programs.size();
    const auto judged = [&](const std::vector<outcome>& results) -> std::string {
        if (results[0][0] == 0) return "the move failed";
        const bool is_written = results[1][written] != 0;
        if (is_written && results[1][last_read] != after) return "a program does not read what it wrote";
        const bool is_lost = w.shared.lost.find({1}, 0) != 0;
        if (is_lost == is_written) return is_lost ? "what was written is lost" : "garbage is served";
        if (is_written && w.at(1, 0) != after) return "a write is lost";
        if (w.at(1, 1) != before + 1) return "the other line is wrong";
        for (std::size_t i = 1; i < results.size(); ++i) {
            // The source answers for itself, by a machine check, as long as it is used.
            for (const std::uint64_t value : {results[i][first_read], results[i][last_read]}) {
                if (value != after && value != poison && value != refused) return "garbage is read";
            }
            if (results[i][first_read] == after && results[i][last_read] != after)
                return "an old value after a new one";
        }
        return "";
    };
    explore_weak(name, w.bytes(), programs, judged, {.name_of = world::name_of}, deviations);
}

TEST_CASE("a line that cannot be read is told of until it is written") {
    run_lost<trap_and_retry>("trap and retry, a lost line, a writer", false);
    run_lost<copy_cursor<1>>("a cursor, a lost line, a writer", false);
    run_lost<dirty_recopy<1, 0>>("dirty lines, a lost line, a writer", false);
    run_lost<trap_and_retry>("trap and retry, a lost line, a writer and a reader", true, 2);
    run_lost<copy_cursor<1>>("a cursor, a lost line, a writer and a reader", true, 2);
}

TEST_CASE("an entry that is used again is nobody else's any more") {
    world w;
    // A line of frame 1 was lost, and written since.
    REQUIRE(w.shared.lost.add({1}, 0, 1) == errc::ok);
    w.shared.lost.publish();
    w.shared.lost.settle(true);
    w.shared.lost.heal({1}, 0, 1);
    // Now frame 2 moves, of which a line cannot be read, while frame 1 is written.
    w.shared.bytes[2 * lines].store(poison, memory_order::relaxed);
    moving_platform::programs = 2;
    const auto judged = [&](const std::vector<outcome>& results) -> std::string {
        if (results[0][0] == 0) return "the move failed";
        if (w.shared.lost.find({2}, 0) != 1) return "garbage is served";
        if (results[1][written] == 0 || results[1][last_read] != after) return "frame 1 is disturbed";
        return "";
    };
    explore_weak("a lost line in an entry of another frame, which is written", w.bytes(),
                 {mover<trap_and_retry>(w, plan::move_another), writer(w, 0)}, judged,
                 {.name_of = world::name_of});
}

TEST_CASE("without protection a write is lost, and the exploration finds it") {
    world w;
    moving_platform::programs = 2;
    const auto seen = explore(w.bytes(), {mover<unprotected>(w, plan::move), writer(w, 0)},
                              [&](const auto& results) { return judge(w, results, 0); },
                              {.memory = memory_model::weak, .name_of = world::name_of});
    CHECK(seen.complete);
    bool is_lost = false;
    for (const finding& each : seen.findings) is_lost = is_lost || each.what == "a write is lost";
    CHECK(is_lost);
}

}  // namespace
