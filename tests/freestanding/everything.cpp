// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every template of the library, instantiated whole: what it needs at link time is what the library needs.
// Public templates that are not here are not checked freestanding.
#include <ashlar/ashlar.hpp>
#include <ashlar/remote.hpp>

namespace ashlar {

/// What layers that touch frames ask for.
struct touchable : platform {
    static constexpr std::uint64_t frame_bytes = 4096;
    static void* bytes_of(frame<>) noexcept;
    static void poison(frame<>, std::uint64_t) noexcept {}
    static void unpoison(frame<>, std::uint64_t) noexcept {}
    static errc accept(range<>) noexcept { return errc::ok; }
};
alignas(4096) inline std::byte some_frame[touchable::frame_bytes];
inline void* touchable::bytes_of(frame<>) noexcept {
    return some_frame;
}
inline constexpr scrub_shape scrub_both{.on_allocate = true, .on_free = true};

// core/
template class builtin_atomic<std::uint32_t>;
#if UINTPTR_MAX > 0xffffffff
template class builtin_atomic<std::uint64_t>;  // calls to libatomic on some 32-bit targets
#endif

template class view<std::byte>;
template class view<const std::byte>;
template view<const std::byte>::view(view<std::byte>) noexcept;
template std::uint8_t load_little<std::uint8_t>(bytes, std::size_t) noexcept;
template std::uint16_t load_little<std::uint16_t>(bytes, std::size_t) noexcept;
template std::uint32_t load_little<std::uint32_t>(bytes, std::size_t) noexcept;
template std::uint64_t load_little<std::uint64_t>(bytes, std::size_t) noexcept;
template std::uint32_t load_big<std::uint32_t>(bytes, std::size_t) noexcept;
template std::uint64_t load_big<std::uint64_t>(bytes, std::size_t) noexcept;

template struct frame<machine>;
template struct frame<guest>;
template struct range<machine>;
template struct request<machine>;
template class result<frame<machine>>;
template class result<std::uint64_t>;

// source/ and layer/
template class radix_buddy<platform>;
inline constexpr buddy_shape kept_apart{
    .top_order = 11, .word_bits = 32, .placement = placement::fullest, .mobility_classes = true};
template class radix_buddy<platform, kept_apart>;
template class list_buddy<platform>;
template class locked<radix_buddy<platform>>;
template class counted<radix_buddy<platform>>;
template class counted<locked<list_buddy<platform>>>;
template class cpu_rows<counted<radix_buddy<platform>>>;
template class cpu_rows<radix_buddy<platform, kept_apart>, rows_shape{.contract = slot_contract::shared}>;
template class cpu_magazines<locked<list_buddy<platform>>>;
template class cpu_magazines<counted<radix_buddy<platform>>,
                             magazine_shape{.contract = slot_contract::shared, .high = 512, .huge_order = 9}>;
template class ownership_checked<cpu_rows<radix_buddy<platform>>>;
template class ownership_checked<cpu_magazines<locked<list_buddy<platform>>>>;
template class scrubbed<radix_buddy<touchable>>;
template class scrubbed<counted<locked<list_buddy<touchable>>>, scrub_both>;
template class poisoned<counted<radix_buddy<touchable>>>;
template class accepted<counted<radix_buddy<touchable>>>;
template class accepted<locked<list_buddy<touchable>>>;
template class scrubbed<poisoned<accepted<radix_buddy<touchable>>>, scrub_both>;
template class bump<platform>;

// remote/
struct some_registers {
    static std::uint32_t read32(std::uint64_t) noexcept;
    static std::uint64_t read64(std::uint64_t) noexcept;
    static void write32(std::uint64_t, std::uint32_t) noexcept;
    static void write64(std::uint64_t, std::uint64_t) noexcept;
    static void write16(std::uint64_t, std::uint16_t) noexcept {}
    static void store_fence() noexcept;
};
inline std::uint32_t some_registers::read32(std::uint64_t) noexcept {
    return 0;
}
inline std::uint64_t some_registers::read64(std::uint64_t) noexcept {
    return 0;
}
inline void some_registers::write32(std::uint64_t, std::uint32_t) noexcept {}
inline void some_registers::write64(std::uint64_t, std::uint64_t) noexcept {}
inline void some_registers::store_fence() noexcept {}
struct some_path {
    static void store_fence() noexcept {}
    static std::uint64_t read_back(std::uint32_t) noexcept { return 0; }
    static errc check_link() noexcept { return errc::ok; }
};
struct some_mailbox {
    static errc send(const window_request&) noexcept { return errc::busy; }
    static result<window_reply> receive() noexcept { return errc::busy; }
};
struct some_hypervisor {
    static errc show(std::uint32_t, const window_aim&) noexcept { return errc::ok; }
    static errc hide(std::uint32_t) noexcept { return errc::ok; }
    static result<window_aim> shown(std::uint32_t) noexcept { return errc::busy; }
};
struct some_port {
    static errc send(std::uint32_t, std::uint32_t) noexcept { return errc::busy; }
    static errc receive(std::uint32_t&, std::uint32_t&) noexcept { return errc::busy; }
};
template class intel_gen1_registers<some_registers>;
template class intel_gen3_registers<some_registers>;
template class intel_gen4_registers<some_registers>;
template class amd_registers<some_registers>;
template class switchtec_registers<some_registers>;
template class switchtec_slice_registers<some_registers>;
template class plx_registers<some_registers>;
template class plx_slice_registers<some_registers>;
template class idt_direct_registers<some_registers>;
template class idt_slice_registers<some_registers>;
template class endpoint_registers<some_registers>;
template class requesting_programmer<some_mailbox>;
template class hypervisor_programmer<some_hypervisor>;
template result<window_reply> serve(amd_registers<some_registers>&, const window_request&,
                                    view<const byte_range<peer>>) noexcept;
template class window_gate<platform>;
template class reaiming<platform, idt_direct_registers<some_registers>, some_path>;
template class reaiming<platform, fixed_programmer, some_path>;
template class bridge_windows<platform, switchtec_registers<some_registers>, some_path>;
template class reaiming<platform, endpoint_registers<some_registers>, some_path>;
template class link_guard<platform>;
template class scratchpad_words<some_registers>;
template class message_words<some_port>;
template class hand_shake<scratchpad_words<some_registers>>;
template class hand_shake<message_words<some_port>>;
struct some_windows {
    bool is_stack = false;
    [[nodiscard]] static std::uint32_t windows() noexcept { return 4; }
    [[nodiscard]] static std::uint64_t block_bytes() noexcept { return 0x1'0000; }
    [[nodiscard]] static byte_address<machine> local_of(std::uint32_t window) noexcept {
        return {std::uint64_t{window} << 16};
    }
    [[nodiscard]] static std::uint64_t cost_of(std::uint32_t) noexcept { return 1000; }
    [[nodiscard]] bool is_last_in_first_out() const noexcept { return is_stack; }
    static errc aim(std::uint32_t, byte_address<peer>) noexcept { return errc::ok; }
    static errc disable(std::uint32_t) noexcept { return errc::ok; }
};
struct some_remote_access {
    static result<std::uint64_t> load(byte_address<machine>) noexcept { return errc::unreadable; }
    static bool is_alive(server_id) noexcept { return true; }
};
using some_window_cache = window_cache<some_windows>;
using some_bridge = bridge_windows<platform, switchtec_registers<some_registers>, some_path>;
template class window_cache<some_windows>;
template class window_pin<some_window_cache>;
template class window_cache<some_bridge>;
template class identity_window<platform>;
template class window_pin<identity_window<platform>>;
template class distribution_map<memory_home>;
template class distribution_map<device_home>;
template class p2m_cache<platform>;
template class requester_slots<platform>;
template class scatter_list<some_window_cache::pin_type>;
template class dma_transfer<some_window_cache::pin_type>;
template class remote_space<flat_p2m<>, some_window_cache, some_remote_access>;
template class remote_space<tree_p2m<4>, identity_window<platform>, some_remote_access>;
using some_space = remote_space<flat_p2m<>, some_window_cache, some_remote_access>;
template errc map_for_device(const some_space&, byte_address<guest>, std::uint64_t,
                             const dma_device<some_window_cache>&, dma_transfer<some_window_cache::pin_type>&,
                             no_requester_table&&, pin_owner) noexcept;

// zone/
template class zone<bump<platform>>;
template class zone<counted<radix_buddy<platform>>>;
template class zone<counted<locked<list_buddy<platform>>>>;
template class zone<scrubbed<counted<radix_buddy<touchable>>>>;
template class physical_memory<zone<counted<radix_buddy<platform>>>>;
template class remote_zone<physical_memory<zone<counted<radix_buddy<platform>>>>, identity_window<platform>>;
template class physical_memory<zone<counted<locked<list_buddy<platform>>>>, last_resort<locality_first>,
                               machine_shape{.max_zones = 32, .spare_zones = 4}>;
template class detail::zone_table<machine>;
template class interleave<platform>;
template class weighted_interleave<platform>;

// migrate/
/// The smallest table.
class one_remapping {
 public:
    [[nodiscard]] frame<machine> translate(frame<os> f) const noexcept {
        return used_ && f == origin_ ? target_ : frame<machine>{f.number};
    }
    [[nodiscard]] result<frame<machine>> find(frame<os> f) const noexcept {
        return used_ && f == origin_ ? result<frame<machine>>(target_) : errc::not_owned;
    }
    errc assign(frame<os> f, frame<machine> target) noexcept {
        if (used_ && f != origin_) return errc::limit;
        origin_ = f;
        target_ = target;
        used_ = true;
        return errc::ok;
    }
    errc erase(frame<os> f) noexcept {
        if (!used_ || f != origin_) return errc::not_owned;
        used_ = false;
        return errc::ok;
    }
    [[nodiscard]] std::size_t size() const noexcept { return used_ ? 1 : 0; }
    [[nodiscard]] std::size_t capacity() const noexcept { return 1; }

 private:
    frame<os> origin_{};
    frame<machine> target_{};
    bool used_ = false;
};
using spares_of_touchable = physical_memory<zone<counted<radix_buddy<touchable>>>>;
template class consulting_path<touchable>;
template class lost_lines<touchable>;
template class migration<touchable, one_remapping, spares_of_touchable>;
template class migration<touchable, one_remapping, spares_of_touchable, copy_cursor<>>;
template class migration<touchable, one_remapping, spares_of_touchable, dirty_recopy<>>;
template class remapped_access<one_remapping, touchable>;
template class direct_access<touchable>;
struct ticking : platform {
    static std::uint64_t now() noexcept { return 1; }
};
template class error_counter<ticking>;
struct some_channel {
    static errc start(frame<machine>, frame<machine>, frame_part) noexcept { return errc::ok; }
    static copy_result poll() noexcept { return {0, errc::busy}; }
    static void stop() noexcept {}
};
template class dma_copy<some_channel>;
template class migration<touchable, one_remapping, spares_of_touchable, trap_and_retry,
                         consulting_path<touchable>, dma_copy<some_channel>>;
template class migration<touchable, remap_table<touchable>, spares_of_touchable, trap_and_retry,
                         consulting_path<touchable>, streaming_copy<touchable>>;
template class remap_table<platform>;
inline constexpr remap_shape narrow_remap{.filter_order = 4, .word_bits = 32, .line_order = 3};
template class remap_table<platform, narrow_remap>;
template class remap_hash<platform>;
template class remap_hash<platform, narrow_remap>;
template class remap_image<image_memory>;

// paging/
template struct basic_x86_64<x86_64_shape{}>;
template struct basic_x86_64<x86_64_shape{.levels = 5, .nested = true}>;
template struct basic_ept<ept_shape{}>;
template struct basic_aarch64<aarch64_shape{}>;
template struct basic_aarch64<aarch64_shape{.granule_shift = 14, .hardware_dirty = true}>;
template struct basic_aarch64_stage2<aarch64_shape{.concatenated = true}>;
template struct basic_riscv<riscv_shape{}>;
template struct basic_riscv<riscv_shape{.levels = 4, .guest_stage = true}>;
/// What a mapper of page tables and its mover ask for.
struct shootdown {
    void operator()(std::uint64_t, unsigned) const noexcept {}
};
struct directory {
    using space = machine;
    static result<std::uint64_t> address_of(frame<>) noexcept { return errc::not_owned; }
    static bool pinned(frame<>, unsigned) noexcept { return false; }
    static void moved(std::uint64_t, frame<>, frame<>, unsigned) noexcept {}
};
#if UINTPTR_MAX > 0xffffffff
template <class Format>
using mapper_of = page_mapper<Format, touchable, counted<radix_buddy<touchable>>, shootdown>;
template class page_mapper<x86_64, touchable, counted<radix_buddy<touchable>>, shootdown>;
template class page_mapper<aarch64_stage2, touchable, counted<radix_buddy<touchable>>, shootdown>;
template class page_mapper<sv39x4, touchable, counted<radix_buddy<touchable>>, shootdown>;
template class page_table_mover<mapper_of<x86_64>, directory>;
template class page_table_mover<mapper_of<aarch64>, directory>;
#endif

}  // namespace ashlar

// Member templates are not part of an explicit instantiation of their class.
template <class Source>
void with_sinks(const Source& source) {
    source.visit_free(ashlar::ignore_ranges{});
    source.describe(ashlar::ignore_properties{});
}

template void with_sinks(const ashlar::radix_buddy<ashlar::platform>&);
template void with_sinks(const ashlar::list_buddy<ashlar::platform>&);
template void with_sinks(const ashlar::counted<ashlar::locked<ashlar::list_buddy<ashlar::platform>>>&);
void with_spares(ashlar::memory_map& told, ashlar::memory_map& spares) {
    (void)ashlar::carve_spares(told, spares, ashlar::spares_per_node{.ordinary = 16, .mirrored = 16});
    (void)ashlar::carve_spares(told, spares, ashlar::spare_share{655});
}
using mover_of_touchable =
    ashlar::migration<ashlar::touchable, ashlar::one_remapping, ashlar::spares_of_touchable>;
void with_members(mover_of_touchable& mover,
                  ashlar::remapped_access<ashlar::one_remapping, ashlar::touchable>& memory,
                  ashlar::memory_map& told) {
    (void)ashlar::exclude_retired(mover, told);
    (void)ashlar::migrate_failing(mover, ashlar::frame_alone{}, 0x1000);
    (void)ashlar::migrate_failing(mover, ashlar::dram_failures{}, 0x1000);
    (void)memory.visit({1}, {0, 8}, ashlar::access_kind::write,
                       [](std::byte* content, std::uint64_t, std::uint64_t) noexcept { *content = {}; });
}
using touching = ashlar::scrubbed<
    ashlar::poisoned<ashlar::accepted<ashlar::counted<ashlar::radix_buddy<ashlar::touchable>>>>,
    ashlar::scrub_both>;
template void with_sinks(const touching&);
using checked_stacks =
    ashlar::ownership_checked<ashlar::cpu_magazines<ashlar::locked<ashlar::list_buddy<ashlar::platform>>>>;
template void with_sinks(const checked_stacks&);
template void with_sinks(const ashlar::bump<ashlar::platform>&);
template void with_sinks(const ashlar::zone<ashlar::radix_buddy<ashlar::platform>>&);

template <class Machine>
void with_members(Machine& ram) {
    with_sinks(ram);
    ram.for_each_zone([](const ashlar::zone_description&, const auto&) noexcept {});
    (void)ram.allocate(9);
    const auto run = ashlar::allocate_contiguous(ram, {.count = 300, .boundary = 512});
    if (run) (void)ashlar::free_range(ram, *run);
    ashlar::write_buddyinfo(ram, [](const char*, std::size_t) noexcept {});
    ashlar::write_zoneinfo(ram, [](const char*, std::size_t) noexcept {});
}
template <class Machine>
void with_planned_metadata(Machine& ram, ashlar::memory_map& map, const ashlar::topology& nodes) {
    ashlar::metadata_piece pieces[4];
    const auto count = ashlar::plan_metadata<Machine>(map, nodes, pieces);
    if (!count) return;
    (void)ram.boot(map, nodes, {pieces, *count}, [](ashlar::range<>) noexcept { return ashlar::some_frame; });
}

using counted_radix = ashlar::counted<ashlar::radix_buddy<ashlar::platform>>;
template void with_members(ashlar::physical_memory<ashlar::zone<counted_radix>>&);
template void with_planned_metadata(ashlar::physical_memory<ashlar::zone<counted_radix>>&,
                                    ashlar::memory_map&, const ashlar::topology&);
template void with_planned_metadata(ashlar::physical_memory<ashlar::zone<touching>>&, ashlar::memory_map&,
                                    const ashlar::topology&);
[[gnu::used]] constexpr auto use_unaccepted = &ashlar::memory_map::use_unaccepted;

// migrate/
struct some_user {
    using space = ashlar::machine;
    static ashlar::result<ashlar::used_block<>> block_of(ashlar::frame<> f) noexcept {
        return ashlar::used_block<>{f, 0};
    }
    static ashlar::errc hold(ashlar::used_block<>) noexcept { return ashlar::errc::ok; }
    static ashlar::errc repoint(ashlar::used_block<>, ashlar::frame<>) noexcept { return ashlar::errc::ok; }
    static void release(ashlar::used_block<>, ashlar::frame<>) noexcept {}
};
using some_mover = ashlar::copy_mover<some_user, ashlar::cpu_frame_copy<ashlar::touchable>>;
template class ashlar::copy_mover<some_user, ashlar::cpu_frame_copy<ashlar::touchable>>;
template void ashlar::rewrite_frame<ashlar::touchable>(ashlar::frame<>) noexcept;

template <class Machine>
void with_movers(Machine& ram, ashlar::tenant<Machine>& owner, ashlar::view<std::uint16_t> words,
                 ashlar::view<typename ashlar::retirement<Machine>::word> errors) {
    some_user user;
    some_mover mover(user);
    ashlar::allocated_destination<Machine> anywhere{ram};
    ashlar::evacuation<Machine> emptied(ram);
    (void)emptied.begin({{512}, 512});
    (void)emptied.evacuate(anywhere, mover);
    emptied.end();
    ashlar::promotion<Machine, ashlar::tenant<Machine>> critical(ram, owner);
    (void)critical.promote(mover);
    (void)critical.demote(mover);
    (void)critical.roll_back(mover);
    (void)critical.report();
    ashlar::compaction<Machine> whole(ram, {{512}, 512}, words);
    whole.survey();
    (void)whole.compact(mover);
    (void)whole.make_block(9, mover);
    ashlar::retirement<Machine> failing(ram, errors);
    (void)failing.note({3});
    (void)failing.work(anywhere, mover);
    failing.visit([](ashlar::frame<>, ashlar::retirement_state) noexcept {});
}
using plain_machine = ashlar::physical_memory<ashlar::zone<counted_radix>>;
template void with_movers(plain_machine&, ashlar::tenant<plain_machine>&, ashlar::view<std::uint16_t>,
                          ashlar::view<ashlar::retirement<plain_machine>::word>);

/// What recovers with the user's word on what is in use.
template <class Source>
void with_live(Source& source, ashlar::range<> range, ashlar::view<typename Source::word> words) {
    (void)source.attach(range, words, ashlar::start::recover, [](ashlar::frame<>) noexcept { return true; });
}

template void with_live(ashlar::radix_buddy<ashlar::platform>&, ashlar::range<>,
                        ashlar::view<ashlar::radix_buddy<ashlar::platform>::word>);
template void with_live(checked_stacks&, ashlar::range<>, ashlar::view<checked_stacks::word>);
template void with_live(touching&, ashlar::range<>, ashlar::view<touching::word>);
template void with_live(ashlar::zone<counted_radix>&, ashlar::range<>, ashlar::view<counted_radix::word>);

template <class Table>
void with_image(Table& table, ashlar::view<std::byte> kept) {
    const ashlar::remap_image<> image(kept);
    (void)image.save(table);
    (void)image.load(table);
    (void)image.for_each([](ashlar::frame<ashlar::os>, ashlar::frame<>) noexcept {});
    (void)ashlar::translate_address(table, 0x1000, 12);
    (void)ashlar::find_address(table, 0x1000, 12);
}
template void with_image(ashlar::remap_table<ashlar::platform>&, ashlar::view<std::byte>);
template void with_image(ashlar::remap_table<ashlar::platform, ashlar::narrow_remap>&,
                         ashlar::view<std::byte>);
template void with_image(ashlar::remap_hash<ashlar::platform>&, ashlar::view<std::byte>);
/// A walk over tables that somebody else's memory holds.
template <class Format>
ashlar::errc walked(ashlar::frame<ashlar::guest> root, std::uint64_t address) {
    const auto found = ashlar::walk<Format>(
        root, address, [](ashlar::frame<ashlar::guest> table, std::uint64_t index) noexcept {
            return table.number > 9 ? ashlar::result<std::uint64_t>(ashlar::errc::not_owned)
                                    : index << 12 | 1;
        });
    return found && found->is_mapped() && found->target().number != 0 ? ashlar::errc::ok : found.error();
}
template ashlar::errc walked<ashlar::x86_64>(ashlar::frame<ashlar::guest>, std::uint64_t);
template ashlar::errc walked<ashlar::aarch64>(ashlar::frame<ashlar::guest>, std::uint64_t);
template ashlar::errc walked<ashlar::sv39x4>(ashlar::frame<ashlar::guest>, std::uint64_t);

// Plain functions are inline: whoever takes their address has them.
// firmware/
[[gnu::used]] constexpr auto use_read_e820 = &ashlar::read_e820;
[[gnu::used]] constexpr auto use_read_linux_boot_params = &ashlar::read_linux_boot_params;
[[gnu::used]] constexpr auto use_read_uefi = &ashlar::read_uefi;
[[gnu::used]] constexpr auto use_read_efi_map_file = &ashlar::read_efi_map_file;
[[gnu::used]] constexpr auto use_read_srat = &ashlar::read_srat;
[[gnu::used]] constexpr auto use_read_slit = &ashlar::read_slit;
[[gnu::used]] constexpr auto use_read_hmat = &ashlar::read_hmat;
[[gnu::used]] constexpr auto use_nearest_initiator = &ashlar::memory_performance::nearest_initiator;
[[gnu::used]] constexpr auto use_read_nfit = &ashlar::read_nfit;
[[gnu::used]] constexpr auto use_read_cedt = &ashlar::read_cedt;
[[gnu::used]] constexpr auto use_read_pvh_start_info = &ashlar::read_pvh_start_info;
[[gnu::used]] constexpr auto use_read_pvh_map = &ashlar::read_pvh_map;
[[gnu::used]] constexpr auto use_read_multiboot1_info = &ashlar::read_multiboot1_info;
[[gnu::used]] constexpr auto use_read_multiboot1_map = &ashlar::read_multiboot1_map;
[[gnu::used]] constexpr auto use_read_multiboot2 = &ashlar::read_multiboot2;
[[gnu::used]] constexpr auto use_fdt_size = &ashlar::fdt_size;
[[gnu::used]] constexpr ashlar::errc (*use_read_fdt)(ashlar::bytes, ashlar::memory_map&, ashlar::topology&,
                                                     ashlar::defects&) noexcept = &ashlar::read_fdt;
[[gnu::used]] constexpr auto use_find_fdt_initrd = &ashlar::find_fdt_initrd;
[[gnu::used]] constexpr auto use_read_linux_log = &ashlar::read_linux_log;
[[gnu::used]] constexpr auto use_is_linux_memmap = &ashlar::is_linux_memmap;
[[gnu::used]] constexpr auto use_read_linux_memmap = &ashlar::read_linux_memmap;
[[gnu::used]] constexpr auto use_assign_nodes = &ashlar::assign_nodes;
// zone/
[[gnu::used]] constexpr auto use_plan_zones = &ashlar::plan_zones;
// remote/
[[gnu::used]] constexpr auto use_check_descriptor = &ashlar::check;
[[gnu::used]] constexpr auto use_explain = &ashlar::explain;
[[gnu::used]] constexpr auto use_plan_windows = &ashlar::plan_windows;
[[gnu::used]] constexpr auto use_window_as_set_up = &ashlar::window_as_set_up;
[[gnu::used]] constexpr auto use_window_to_local = &ashlar::window::to_local;
[[gnu::used]] constexpr auto use_write_prps = &ashlar::write_prps;
[[gnu::used]] constexpr auto use_write_sgl = &ashlar::write_sgl;
[[gnu::used]] constexpr auto use_write_raw = &ashlar::write_raw;
[[gnu::used]] constexpr auto use_window_to_peer = &ashlar::window::to_peer;
