// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What VFIO answers about a region, taken apart; a region with a hole, mapped.
#include <ashlar/linux_backend/vfio_areas.hpp>
//
#include <doctest/doctest.h>
#include <linux/vfio.h>
#include <unistd.h>

#include <ashlar/linux_backend/file_descriptor.hpp>
#include <ashlar/linux_backend/mapped_device.hpp>
#include <ashlar/linux_backend/shared_file.hpp>
#include <ashlar/linux_backend/vfio_region.hpp>
#include <ashlar/remote/register_access.hpp>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

namespace {

using namespace ashlar;
static_assert(register_access<mapped_device<vfio_region>>);

constexpr std::uint64_t page = 4096;

/// An answer as the kernel lays it out.
struct answer {
    vfio_region_info info{};
    std::vector<std::byte> raw;

    answer(std::uint32_t flags, std::uint64_t size) {
        info.flags = flags;
        info.size = size;
        info.offset = std::uint64_t{2} << 40;
        info.argsz = sizeof info;
        refresh();
    }
    void refresh() {
        if (raw.size() < sizeof info) raw.resize(sizeof info);
        std::memcpy(raw.data(), &info, sizeof info);
    }
    /// One more capability, behind the others.
    std::size_t capability(std::uint16_t id, const std::vector<std::byte>& content) {
        const std::size_t at = raw.size();
        vfio_info_cap_header header{id, 1, 0};
        raw.resize(at + sizeof header + content.size());
        std::memcpy(raw.data() + at, &header, sizeof header);
        std::memcpy(raw.data() + at + sizeof header, content.data(), content.size());
        if (info.cap_offset == 0) {
            info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
            info.cap_offset = static_cast<std::uint32_t>(at);
        } else {
            const auto next = static_cast<std::uint32_t>(at);
            std::memcpy(raw.data() + last + offsetof(vfio_info_cap_header, next), &next, sizeof next);
        }
        last = at;
        info.argsz = static_cast<std::uint32_t>(raw.size());
        refresh();
        return at;
    }
    void sparse(const std::vector<vfio_region_sparse_mmap_area>& areas) {
        const std::uint32_t count[2] = {static_cast<std::uint32_t>(areas.size()), 0};
        std::vector<std::byte> content(sizeof count + areas.size() * sizeof areas[0]);
        std::memcpy(content.data(), count, sizeof count);
        if (!areas.empty())
            std::memcpy(content.data() + sizeof count, areas.data(), areas.size() * sizeof areas[0]);
        (void)capability(VFIO_REGION_INFO_CAP_SPARSE_MMAP, content);
    }
    result<vfio_region_shape> read(view<device_piece> into) const {
        return read_vfio_region({raw.data(), raw.size()}, page, into);
    }
    std::size_t last = 0;
};

constexpr std::uint32_t all =
    VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE | VFIO_REGION_INFO_FLAG_MMAP;

TEST_CASE("regions that are mapped whole, in areas, or not at all") {
    device_piece pieces[4];
    const auto whole = answer(all, 0x8100).read(pieces);
    REQUIRE(whole.has_value());
    CHECK(whole->bytes == 0x8100);
    CHECK(whole->file_offset == std::uint64_t{2} << 40);
    CHECK(whole->is_readable);
    CHECK(whole->is_writable);
    REQUIRE(whole->areas == 1);
    CHECK(pieces[0].file_offset == whole->file_offset);
    CHECK(pieces[0].bytes == 0x9000);
    const auto ports = answer(VFIO_REGION_INFO_FLAG_READ, 0x40).read(pieces);
    REQUIRE(ports.has_value());
    CHECK(ports->areas == 0);
    CHECK_FALSE(ports->is_writable);
    CHECK(answer(all, 0).read(pieces)->bytes == 0);
    CHECK(answer(all, 0).read({})->areas == 0);
    CHECK(answer(all, 0x1000).read({}).error() == errc::limit);

    answer msix(all, 0x4000);
    (void)msix.capability(VFIO_REGION_INFO_CAP_TYPE, std::vector<std::byte>(8));
    msix.sparse({{0, 0x1000}, {0x1000, 0}, {0x2000, 0x2000}});
    const auto found = msix.read(pieces);
    REQUIRE(found.has_value());
    REQUIRE(found->areas == 2);
    CHECK(pieces[0].at == 0);
    CHECK(pieces[0].bytes == 0x1000);
    CHECK(pieces[1].at == 0x2000);
    CHECK(pieces[1].file_offset == (std::uint64_t{2} << 40) + 0x2000);
    CHECK(pieces[1].bytes == 0x2000);
    CHECK(msix.read({pieces, 1}).error() == errc::limit);
    answer nothing(all, 0x4000);
    nothing.sparse({});
    CHECK(nothing.read(pieces)->areas == 0);
}

TEST_CASE("answers that make no sense are refused") {
    device_piece pieces[4];
    const auto error_of = [&](std::vector<vfio_region_sparse_mmap_area> areas) {
        answer one(all, 0x4100);
        one.sparse(areas);
        return one.read(pieces).error();
    };
    CHECK(error_of({{0x1000, 0x3100}}) == errc::ok);  // up to the region's end
    CHECK(error_of({{0x800, 0x1000}}) == errc::corrupt);
    CHECK(error_of({{0, 0x800}}) == errc::corrupt);
    CHECK(error_of({{0x4000, 0x1000}}) == errc::corrupt);
    CHECK(error_of({{0x5000, 0x1000}}) == errc::corrupt);
    CHECK(error_of({{0x1000, ~std::uint64_t{0xfff}}}) == errc::corrupt);
    CHECK(error_of({{0x1000, 0x2000}, {0x2000, 0x1000}}) == errc::corrupt);
    CHECK(error_of({{0x2000, 0x1000}, {0, 0x1000}}) == errc::corrupt);
    answer wraps(all, ~std::uint64_t{0});
    CHECK(wraps.read(pieces).error() == errc::corrupt);
    answer loops(all, 0x4000);
    const std::size_t at = loops.capability(VFIO_REGION_INFO_CAP_TYPE, std::vector<std::byte>(8));
    const auto self = static_cast<std::uint32_t>(at);
    std::memcpy(loops.raw.data() + at + offsetof(vfio_info_cap_header, next), &self, sizeof self);
    CHECK(loops.read(pieces).error() == errc::corrupt);
    answer sound(all, 0x4000);
    sound.sparse({{0, 0x1000}, {0x2000, 0x2000}});
    for (std::size_t size = 0; size < sound.raw.size(); ++size) {
        std::vector<std::byte> cut(sound.raw.begin(), sound.raw.begin() + static_cast<std::ptrdiff_t>(size));
        CHECK(read_vfio_region({cut.data(), cut.size()}, page, pieces).error() == errc::corrupt);
    }
}

TEST_CASE("whatever an answer holds, pieces are whole, in order and in the region") {
    std::mt19937_64 random(7);
    answer sound(all, 0x40000);
    sound.sparse({{0, 0x1000}, {0x2000, 0x2000}, {0x10000, 0x30000}});
    unsigned accepted = 0;
    for (unsigned i = 0; i < 20000; ++i) {
        auto raw = sound.raw;
        for (unsigned change = 0; change < 1 + random() % 3; ++change)
            raw[random() % raw.size()] = static_cast<std::byte>(random());
        device_piece pieces[4];
        const auto found = read_vfio_region({raw.data(), raw.size()}, page, pieces);
        if (!found) continue;
        ++accepted;
        REQUIRE(found->areas <= 4);
        std::uint64_t end = 0;
        bool is_sound = true;
        for (std::size_t k = 0; k < found->areas; ++k) {
            is_sound =
                is_sound && pieces[k].at >= end && pieces[k].at % page == 0 && pieces[k].bytes % page == 0;
            end = pieces[k].at + pieces[k].bytes;
        }
        CHECK((is_sound && end < found->bytes + page));
    }
    CHECK(accepted > 1000);
    CHECK(accepted < 20000);
}

TEST_CASE("what is no device of VFIO's is refused") {
    shared_file file;
    REQUIRE(file.create("file", page) == errc::ok);
    vfio_region region;
    CHECK(region.open(file.descriptor(), 0) == errc::unsupported);
    CHECK(region.open(-1, 0) == errc::invalid);
    CHECK(mapped_device<vfio_region>().map(std::move(region)) == errc::invalid);
}

/// A file as a region of which pages 1 and 4 may not be mapped: those it reads and writes.
class file_with_holes {
 public:
    static constexpr std::uint64_t size = 5 * page - 0x100;

    file_with_holes() noexcept = default;
    explicit file_with_holes(int descriptor) noexcept : file_(dup(descriptor)) {}
    [[nodiscard]] device_layout layout() const noexcept {
        return {file_.number(), size, 0, page, caching_mode::uncached, {pieces, 2}};
    }
    [[nodiscard]] static bool is_present() noexcept { return true; }
    errc read(std::uint64_t offset, void* into, std::size_t count) const noexcept {
        return pread(file_.number(), into, count, static_cast<off_t>(offset)) == static_cast<ssize_t>(count)
                   ? errc::ok
                   : errc::unreadable;
    }
    errc write(std::uint64_t offset, const void* from, std::size_t count) const noexcept {
        return pwrite(file_.number(), from, count, static_cast<off_t>(offset)) == static_cast<ssize_t>(count)
                   ? errc::ok
                   : errc::unreadable;
    }

 private:
    static constexpr device_piece pieces[] = {{0, 0, page}, {2 * page, 2 * page, 2 * page}};
    file_descriptor file_{};
};

TEST_CASE("parts that may not be mapped are reached all the same, by system calls") {
    if (sysconf(_SC_PAGESIZE) != static_cast<long>(page)) return;
    shared_file file;
    REQUIRE(file.create("region", 5 * page) == errc::ok);
    const file_descriptor whole(dup(file.descriptor()));
    mapped_device<shared_file> all_of_it;
    REQUIRE(all_of_it.map(std::move(file)) == errc::ok);
    mapped_device<file_with_holes> region;
    REQUIRE(region.map(file_with_holes(whole.number())) == errc::ok);
    for (const std::uint64_t offset : {std::uint64_t{0}, page - 8, page, 2 * page - 8, 2 * page, 4 * page - 8,
                                       4 * page, file_with_holes::size - 8}) {
        CHECK(region.store<std::uint64_t>(offset, offset + 1) == errc::ok);
        CHECK(all_of_it.read64(offset) == offset + 1);
        all_of_it.write32(offset, 77);
        CHECK(region.read32(offset) == 77);
    }
    CHECK(region.load<std::uint32_t>(file_with_holes::size).error() == errc::not_owned);
    REQUIRE(ftruncate(whole.number(), 0) == 0);
    CHECK(region.load<std::uint32_t>(page).error() == errc::unreadable);
    CHECK(region.load<std::uint32_t>(2 * page).error() == errc::unreadable);
    CHECK(region.read32(page) == ~std::uint32_t{0});
}

TEST_CASE("regions of VFIO that end nowhere, and capabilities inside of what they belong to") {
    struct {
        vfio_region_info info{};
        vfio_info_cap_header inside{};
    } told;
    const auto read = [&] {
        std::byte raw[sizeof told];
        std::memcpy(raw, &told, sizeof told);
        device_piece pieces[2];
        return read_vfio_region({raw, sizeof raw}, page, pieces);
    };
    told.info.flags = VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_READ;
    told.info.size = 2 * page;
    REQUIRE(read());
    CHECK(read()->areas == 1);
    told.info.size = ~std::uint64_t{0} - page + 1;
    CHECK(read().error() == errc::corrupt);
    told.info.size = 2 * page;
    told.info.offset = ~std::uint64_t{0} - 2 * page + 1;
    CHECK(read().error() == errc::corrupt);
    told.info.offset = 0;
    told.info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
    for (const std::uint32_t at : {8u, 24u, 31u}) {
        told.info.cap_offset = at;
        CHECK(read().error() == errc::corrupt);
    }
    told.info.cap_offset = sizeof told.info;
    CHECK(read());
}

}  // namespace
