// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/remote/window_descriptor.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

/// What the registers of bridges do, for `simulated_bridge`: which bits a register has, and what a window
/// lets pass then. From the same sources as the programs (registers_*.hpp), written down apart from them.
namespace ashlar::testing {

/// What a bridge does with an access to a window.
struct simulated_window {
    bool open = false;
    std::uint64_t target = 0;
    std::uint64_t bytes = 0;
    bool replaces_bits = false;
};

/// Words of a register block, zero at the start.
class register_file {
 public:
    explicit register_file(std::size_t bytes = 0x8800) : words_(bytes / 4) {}

    [[nodiscard]] std::uint32_t get(std::uint64_t offset) const { return words_.at(offset / 4); }
    [[nodiscard]] std::uint64_t get64(std::uint64_t offset) const {
        return std::uint64_t{get(offset + 4)} << 32 | get(offset);
    }
    void set(std::uint64_t offset, std::uint32_t value) { words_.at(offset / 4) = value; }
    void set64(std::uint64_t offset, std::uint64_t value) {
        set(offset, static_cast<std::uint32_t>(value));
        set(offset + 4, static_cast<std::uint32_t>(value >> 32));
    }

 private:
    std::vector<std::uint32_t> words_;
};

/// Where each window is on the accessing side, and how large its BAR is. Derived models say what is written.
struct model_base {
    static constexpr std::size_t register_bytes = 0x8800;
    std::uint64_t aperture = 1 << 20;
    std::uint64_t first_place = 0x38'0000'0000;

    [[nodiscard]] std::uint64_t place(std::uint32_t window) const { return first_place + window * aperture; }

 protected:
    /// The half of a 64-bit register's mask that is at `offset`.
    [[nodiscard]] static std::uint32_t half(std::uint64_t mask, std::uint64_t offset) {
        return static_cast<std::uint32_t>(offset % 8 == 0 ? mask : mask >> 32);
    }
    [[nodiscard]] static std::uint64_t smaller(std::uint64_t a, std::uint64_t b) { return a < b ? a : b; }
};

/// Intel gen1: no bits of a translation below the BAR's size; a limit of 0 opens all.
struct intel_gen1_model : model_base {
    static constexpr std::uint32_t windows = 2;

    void reset(register_file& file) const {
        for (std::uint32_t i = 0; i < windows; ++i) {
            file.set64(0x48 + 8 * i, place(i) | 0xc);
            file.set64(0x20 + 8 * i, place(i));
        }
    }
    void write(register_file& file, std::uint64_t offset, std::uint32_t value) const {
        if (offset >= 0x30 && offset < 0x40) value &= half(~(aperture - 1), offset);
        if (offset < 0x48) file.set(offset, value);
    }
    std::uint32_t read(register_file& file, std::uint64_t offset) const { return file.get(offset); }
    [[nodiscard]] simulated_window look(const register_file& file, std::uint32_t i) const {
        const std::uint64_t limit = file.get64(0x20 + 8 * i);
        const std::uint64_t size = limit == 0 ? aperture : limit > place(i) ? limit - place(i) : 0;
        return {size != 0, file.get64(0x30 + 8 * i), smaller(size, aperture)};
    }
};

/// Intel gen3 and gen4. gen3 has a second limit outside; Ice Lake an index beside; Sapphire Rapids translates
/// pages.
struct intel_gen3_model : model_base {
    static constexpr std::uint32_t windows = 2;
    bool outer_limit = true;
    bool index = false;
    bool any_page = false;

    void reset(register_file& file) const {
        for (std::uint32_t i = 0; i < windows; ++i) {
            file.set64(0x18 + 0x10 * i, place(i));
            file.set64(0x4518 + 8 * i, (place(i) + 0x10'0000'0000) | 0xc);
            file.set64(0x4018 + 0x10 * i, place(i) + 0x10'0000'0000);
        }
    }
    void write(register_file& file, std::uint64_t offset, std::uint32_t value) const {
        const bool translation = offset >= 0x10 && offset < 0x30 && offset % 0x10 < 8;
        if (translation) value &= half(~((any_page ? std::uint64_t{4096} : aperture) - 1), offset);
        file.set(offset, value);
    }
    std::uint32_t read(register_file& file, std::uint64_t offset) const { return file.get(offset); }
    [[nodiscard]] simulated_window look(const register_file& file, std::uint32_t i) const {
        const auto room = [](std::uint64_t limit, std::uint64_t base) {
            return limit > base ? limit - base : 0;
        };
        std::uint64_t size = smaller(room(file.get64(0x18 + 0x10 * i), place(i)), aperture);
        if (outer_limit) {
            size = smaller(size, room(file.get64(0x4018 + 0x10 * i), place(i) + 0x10'0000'0000));
        }
        if (index) size = smaller(size, std::uint64_t{1} << (file.get(0x74) >> (16 * i) & 0x3f));
        return {size != 0, file.get64(0x10 + 0x10 * i), size};
    }
};

/// AMD, three windows: the limit is the size, in the peer's half.
struct amd_model : model_base {
    static constexpr std::uint32_t windows = 3;

    void reset(register_file&) const {}
    void write(register_file& file, std::uint64_t offset, std::uint32_t value) const {
        if (offset >= 0x830 && offset < 0x848) value &= half(~std::uint64_t{0xfff}, offset);
        file.set(offset, value);
    }
    std::uint32_t read(register_file& file, std::uint64_t offset) const { return file.get(offset); }
    [[nodiscard]] simulated_window look(const register_file& file, std::uint32_t i) const {
        const std::uint64_t size = i == 0 ? file.get(0x814) : file.get64(0x810 + 8 * i);
        return {size != 0, file.get64(0x830 + 8 * i), smaller(size, aperture)};
    }
};

/// Switchtec: staged between lock and configure, taken over at once; bits are replaced.
class switchtec_model : public model_base {
 public:
    static constexpr std::uint32_t windows = 3;
    /// How often the status is read until a command is done.
    std::uint32_t polls = 3;
    /// The next configuration fails.
    bool refuse = false;
    /// Commands that were given, and whether one was given before the one before it had ended, or a lock of
    /// what is locked; a reset may come at any time.
    std::uint32_t commands = 0;
    bool was_hurried = false;

    void reset(register_file& file) { file.set(0, 1), taken_ = file; }
    void write(register_file& file, std::uint64_t offset, std::uint32_t value) {
        if (offset == 4) {
            ++commands;
            const bool is_at_it = file.get(0) >= 3 || (file.get(0) == 2 && value == 1);
            was_hurried = was_hurried || (is_at_it && value != 3);
            left_ = polls;
            file.set(0, value == 1 ? 3 : value == 2 ? 4 : 5);
        } else if (offset >= 0x40 && file.get(0) == 2) {
            file.set(offset, value);
        }
    }
    std::uint32_t read(register_file& file, std::uint64_t offset) {
        if (offset == 0 && file.get(0) >= 3 && --left_ == 0) {
            const std::uint32_t was = file.get(0);
            file.set(0, was == 3 ? 2 : 1);
            if (was == 4 && refuse) {
                file.set(0x10, 1);
                file.set(0, 2);
                refuse = false;
            } else if (was == 4) {
                taken_ = file;
            } else if (was == 5) {
                file = taken_;
                file.set(0, 1);
            }
        }
        return file.get(offset);
    }
    [[nodiscard]] simulated_window look(const register_file&, std::uint32_t i) const {
        const std::uint64_t entry = 0x40 + 0x20 * i;
        const std::uint64_t size =
            std::uint64_t{taken_.get(0xa0 + 0x20 * i)} << 32 | (taken_.get(entry + 4) & 0xffff'f000U);
        return {(taken_.get(entry) & 0x10) != 0, taken_.get64(entry + 8) & ~std::uint64_t{0xfff}, size, true};
    }

 protected:
    /// As it was configured last.
    [[nodiscard]] const register_file& taken() const { return taken_; }

 private:
    register_file taken_;
    std::uint32_t left_ = 0;
};

/// The same, seen by its slices.
class switchtec_slices_model : public switchtec_model {
 public:
    static constexpr std::uint32_t windows = 16;
    /// Of the first of these windows; those before are others'.
    std::uint32_t first_entry = 1;

    switchtec_slices_model() { aperture = 64 << 10; }
    [[nodiscard]] simulated_window look(const register_file&, std::uint32_t i) const {
        const std::uint64_t entry = taken().get64(0x1000 + 8 * (first_entry + i));
        const bool has_table = (taken().get(0x40) & 0x20) != 0;
        const std::uint64_t entries = (taken().get(0x40) >> 14) + 1;
        const bool passes = has_table && first_entry + i < entries && (entry & 1) != 0;
        return {passes, entry & ~std::uint64_t{0xffff}, aperture, true};
    }
};

/// IDT: 32-bit registers alone.
struct idt_direct_model : model_base {
    static constexpr std::uint32_t windows = 2;

    void reset(register_file& file) const {
        for (std::uint32_t i = 0; i < windows; ++i) file.set(0x490 + 0x20 * i, 0x8000'0004);
    }
    void write(register_file& file, std::uint64_t offset, std::uint32_t value) const {
        if (offset % 0x20 == 0x18) value &= ~std::uint32_t{3};
        file.set(offset, value);
    }
    std::uint32_t read(register_file& file, std::uint64_t offset) const { return file.get(offset); }
    [[nodiscard]] simulated_window look(const register_file& file, std::uint32_t i) const {
        const std::uint64_t bar = 0x490 + 0x20 * i;
        const std::uint64_t limit = std::uint64_t{file.get(bar + 0x14)} << 32 | file.get(bar + 4);
        const std::uint64_t size = limit > place(i) ? smaller(limit - place(i), aperture) : 0;
        return {size != 0, std::uint64_t{file.get(bar + 12)} << 32 | file.get(bar + 8), size};
    }
};

/// IDT, a table of slices behind an index register.
class idt_slices_model : public model_base {
 public:
    static constexpr std::uint32_t windows = 12;

    void reset(register_file&) const {}
    void write(register_file& file, std::uint64_t offset, std::uint32_t value) {
        if (offset > 0x4e0 && offset <= 0x4ec) {
            entries_.at(file.get(0x4e0) & 0x1f).at((offset - 0x4e4) / 4) = value;
        } else {
            file.set(offset, value);
        }
    }
    std::uint32_t read(register_file& file, std::uint64_t offset) const {
        if (offset <= 0x4e0 || offset > 0x4ec) return file.get(offset);
        return entries_.at(file.get(0x4e0) & 0x1f).at((offset - 0x4e4) / 4);
    }
    [[nodiscard]] simulated_window look(const register_file&, std::uint32_t i) const {
        const std::vector<std::uint32_t>& entry = entries_.at(i);
        return {(entry[2] >> 31) != 0, (std::uint64_t{entry[1]} << 32 | entry[0]) & ~(aperture - 1),
                aperture};
    }

 private:
    std::vector<std::vector<std::uint32_t>> entries_ =
        std::vector<std::vector<std::uint32_t>>(32, std::vector<std::uint32_t>(3));
};

/// A PCI endpoint whose software does commands after a few looks at the status, or never.
class endpoint_model : public model_base {
 public:
    static constexpr std::uint32_t windows = 4;
    std::uint32_t polls = 3;
    bool silent = false;

    void reset(register_file& file) const { file.set(8, 0x1'0000); }
    void write(register_file& file, std::uint64_t offset, std::uint32_t value) {
        file.set(offset, value);
        if (offset == 0) left_ = polls;
    }
    std::uint32_t read(register_file& file, std::uint64_t offset) {
        if (offset == 8 && left_ != 0 && !silent && --left_ == 0) {
            const std::uint32_t which = file.get(4);
            const bool known = which < windows && (file.get(0) == 3 || file.get(0) == 4);
            const bool fits = file.get64(0x18) <= aperture && file.get64(0x10) % 4096 == 0;
            if (known && file.get(0) == 4) shown_[which] = {};
            if (known && file.get(0) == 3 && fits) shown_[which] = {true, file.get64(0x10), file.get64(0x18)};
            file.set(8, (file.get(8) & 0xffff'0000U) | (known && (fits || file.get(0) == 4) ? 1 : 2));
        }
        return file.get(offset);
    }
    [[nodiscard]] simulated_window look(const register_file&, std::uint32_t i) const { return shown_[i]; }

 private:
    simulated_window shown_[windows]{};
    std::uint32_t left_ = 0;
};

}  // namespace ashlar::testing
