// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/paging/page_mapper.hpp>
#include <ashlar/paging/page_table_format.hpp>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "paging/rig.hpp"

// One mapper's tables behind virtual functions, so that a model is compiled once for all formats.
namespace ashlar::testing {

/// A leaf, as far as all formats have the same.
struct any_leaf {
    std::uint64_t frame = 0;
    bool write = false;
    bool execute = false;
    std::uint64_t software = 0;
    bool accessed = false;
    bool dirty = false;
    [[nodiscard]] friend bool operator==(const any_leaf&, const any_leaf&) = default;
};
struct any_walk {
    std::uint64_t entry = 0;
    unsigned level = 0;
    bool is_mapped = false;
    std::uint64_t target = 0;
};

class any_tables {
 public:
    using spot = std::pair<unsigned, std::uint64_t>;
    struct figures {
        unsigned page_shift, index_bits, levels, physical_bits, software_bits, address_bits, root_order;
    };

    any_tables() = default;
    any_tables(const any_tables&) = delete;
    any_tables& operator=(const any_tables&) = delete;
    virtual ~any_tables() = default;

    [[nodiscard]] virtual figures sizes() const = 0;
    [[nodiscard]] virtual bool may_be_leaf(unsigned level) const = 0;
    [[nodiscard]] virtual bool is_leaf(std::uint64_t e, unsigned level) const = 0;
    [[nodiscard]] virtual bool is_present(std::uint64_t e) const = 0;
    [[nodiscard]] virtual bool well_formed(std::uint64_t e, unsigned level) const = 0;
    [[nodiscard]] virtual std::uint64_t payload_of(std::uint64_t e) const = 0;
    [[nodiscard]] virtual any_leaf read(std::uint64_t e, unsigned level) const = 0;
    [[nodiscard]] virtual std::uint64_t flagged(std::uint64_t e, bool accessed, bool dirty) const = 0;
    [[nodiscard]] virtual std::uint64_t canonical(std::uint64_t address) const = 0;

    virtual errc map(std::uint64_t address, unsigned level, const any_leaf& leaf,
                     std::uint64_t instead_of) = 0;
    virtual result<std::uint64_t> unmap(std::uint64_t address, unsigned level, std::uint64_t payload) = 0;
    virtual errc set_absent(std::uint64_t address, std::uint64_t payload, std::uint64_t instead_of,
                            unsigned level) = 0;
    virtual errc protect(std::uint64_t address, unsigned level, bool write, bool execute) = 0;
    virtual errc re_point(std::uint64_t address, std::uint64_t from, std::uint64_t to, unsigned level) = 0;
    virtual errc split(std::uint64_t address, unsigned level) = 0;
    virtual void prune() = 0;
    virtual errc release() = 0;
    [[nodiscard]] virtual any_walk at(std::uint64_t address) const = 0;
    /// As hardware does: the entry, past the mapper.
    virtual void poke(std::uint64_t address, std::uint64_t e) = 0;
    [[nodiscard]] virtual std::map<spot, std::uint64_t> dump() const = 0;
    [[nodiscard]] virtual std::uint64_t frames_used() const = 0;
    [[nodiscard]] virtual errc validate() const = 0;
    /// The nth allocation from here on fails, none if 0.
    virtual void fail(std::uint64_t nth) = 0;
    [[nodiscard]] virtual std::uint64_t failed() const = 0;
    [[nodiscard]] virtual std::vector<std::pair<std::uint64_t, unsigned>>& invalidated() = 0;
};

template <class Format>
class tables_of final : public any_tables {
 public:
    [[nodiscard]] figures sizes() const override {
        using geometry = page_geometry<Format>;
        return {Format::page_shift,    Format::index_bits,     Format::levels,      Format::physical_bits,
                Format::software_bits, geometry::address_bits, geometry::root_order};
    }
    [[nodiscard]] bool may_be_leaf(unsigned level) const override { return Format::may_be_leaf(level); }
    [[nodiscard]] bool is_leaf(std::uint64_t e, unsigned level) const override {
        return Format::is_leaf(e, level);
    }
    [[nodiscard]] bool is_present(std::uint64_t e) const override { return Format::is_present(e); }
    [[nodiscard]] bool well_formed(std::uint64_t e, unsigned level) const override {
        return Format::well_formed(e, level);
    }
    [[nodiscard]] std::uint64_t payload_of(std::uint64_t e) const override { return Format::payload_of(e); }
    [[nodiscard]] any_leaf read(std::uint64_t e, unsigned level) const override {
        const auto allowed = Format::permissions_of(e, level);
        return {Format::frame_of(e, level), allowed.write,          allowed.execute,
                Format::software_of(e),     Format::is_accessed(e), Format::is_dirty(e)};
    }
    [[nodiscard]] std::uint64_t flagged(std::uint64_t e, bool accessed, bool dirty) const override {
        if (accessed) e = Format::with_accessed(e, true);
        return dirty ? Format::with_dirty(e, true) : e;
    }
    [[nodiscard]] std::uint64_t canonical(std::uint64_t address) const override {
        return paging_rig<Format>::canonical(address);
    }

    errc map(std::uint64_t address, unsigned level, const any_leaf& leaf, std::uint64_t instead_of) override {
        return rig_.mapper->map(address, {.first = {leaf.frame},
                                          .level = level,
                                          .permissions = allowed(leaf.write, leaf.execute),
                                          .software = leaf.software,
                                          .accessed = leaf.accessed,
                                          .dirty = leaf.dirty,
                                          .instead_of = instead_of});
    }
    result<std::uint64_t> unmap(std::uint64_t address, unsigned level, std::uint64_t payload) override {
        return rig_.mapper->unmap(address, level, payload);
    }
    errc set_absent(std::uint64_t address, std::uint64_t payload, std::uint64_t instead_of,
                    unsigned level) override {
        return rig_.mapper->set_absent(address, payload, instead_of, level);
    }
    errc protect(std::uint64_t address, unsigned level, bool write, bool execute) override {
        return rig_.mapper->protect(address, allowed(write, execute), level).error();
    }
    errc re_point(std::uint64_t address, std::uint64_t from, std::uint64_t to, unsigned level) override {
        return rig_.mapper->re_point(address, {from}, {to}, level);
    }
    errc split(std::uint64_t address, unsigned level) override { return rig_.mapper->split(address, level); }
    void prune() override { rig_.mapper->prune(); }
    errc release() override { return rig_.mapper->release(); }
    [[nodiscard]] any_walk at(std::uint64_t address) const override {
        const auto found = rig_.at(address);
        const bool mapped = found.is_mapped();
        return {found.entry, found.level, mapped, mapped ? found.target().number : 0};
    }
    void poke(std::uint64_t address, std::uint64_t e) override {
        paging_rig<Format>::word(rig_.at(address)).store(e, memory_order::relaxed);
    }
    [[nodiscard]] std::map<spot, std::uint64_t> dump() const override { return rig_.dump(); }
    [[nodiscard]] std::uint64_t frames_used() const override { return rig_.frames_used(); }
    [[nodiscard]] errc validate() const override { return rig_.source.validate(); }
    void fail(std::uint64_t nth) override {
        if (nth == 0) return rig_.source.clear_plan();
        rig_.source.set_plan(
            {.nth = nth, .matches = [](const call<>& made, void*) { return made.which == verb::allocate; }});
    }
    [[nodiscard]] std::uint64_t failed() const override { return rig_.source.injected(); }
    [[nodiscard]] std::vector<std::pair<std::uint64_t, unsigned>>& invalidated() override {
        return rig_.invalidated;
    }

 private:
    [[nodiscard]] static typename Format::permissions allowed(bool write, bool execute) {
        typename Format::permissions allowed{};
        allowed.write = write;
        allowed.execute = execute;
        return allowed;
    }

    paging_rig<Format> rig_;
};

}  // namespace ashlar::testing
