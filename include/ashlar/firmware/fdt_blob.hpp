// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/bytes.hpp>
#include <ashlar/firmware/defects.hpp>
#include <cstddef>
#include <cstdint>

namespace ashlar::detail {

/// A node of a device tree.
struct fdt_node {
    std::size_t at = 0;          ///< of its first token, in the blob
    std::size_t properties = 0;  ///< of the first token behind its name
    bytes name{};                ///< without the terminator
    std::uint32_t depth = 0;     ///< 0 is the root
};

/// A property of a node; empty if it is not there.
struct fdt_property {
    bool present = false;
    std::size_t at = 0;  ///< of its value, in the blob
    bytes value{};
};

/// True if `name` is exactly this.
[[nodiscard]] constexpr bool is_name(bytes name, const char* expected) noexcept {
    for (std::size_t i = 0; i < name.size(); ++i, ++expected) {
        const auto character = static_cast<unsigned char>(*expected);
        if (character == 0 || std::to_integer<unsigned char>(name[i]) != character) return false;
    }
    return *expected == '\0';
}

/// True if the value is this string with its terminator.
[[nodiscard]] constexpr bool is_text(bytes value, const char* expected) noexcept {
    if (value.empty() || value[value.size() - 1] != std::byte{0}) return false;
    return is_name(value.subview(0, value.size() - 1), expected);
}

/// True if the value is a list of terminated strings with this one among them.
[[nodiscard]] constexpr bool lists_text(bytes value, const char* expected) noexcept {
    for (std::size_t begin = 0, i = 0; i < value.size(); ++i) {
        if (value[i] != std::byte{0}) continue;
        if (is_name(value.subview(begin, i - begin), expected)) return true;
        begin = i + 1;
    }
    return false;
}

/// A flattened device tree whose structure was checked from the first token to the last, so that walking it
/// needs no checks. Source: Devicetree Specification 0.4, chapter 5.
class fdt_blob {
 public:
    static constexpr std::uint32_t magic = 0xd00dfeed;
    static constexpr std::size_t reservation_bytes = 16;

    /// False, and one finding, if this is no tree or not a whole one.
    constexpr bool open(bytes input, defects& found) noexcept {
        if (holds(input, 0, 4) && load_big<std::uint32_t>(input, 0) != magic) {
            return refuse(found, 0, defect_kind::bad_signature, "not a flattened device tree");
        }
        const std::size_t total = load_big<std::uint32_t>(input, 4);
        if (!holds(input, 0, least_header) || input.size() < total) {
            return refuse(found, input.size(), defect_kind::truncated, "the device tree is cut off");
        }
        blob_ = input.subview(0, total);
        const std::uint32_t version = word(20);
        if (version < 16 || word(24) > 17) {
            return refuse(found, 20, defect_kind::unknown_kind, "a version of the format that is not known");
        }
        const std::size_t header = version == 16 ? least_header : full_header;
        if (total < header) {
            return refuse(found, 4, defect_kind::bad_length, "a device tree without room for its header");
        }
        return find_blocks(found, version) && check_reservations(found) && check_structure(found);
    }

    [[nodiscard]] constexpr bytes content() const noexcept { return blob_; }
    /// Where the memory reservations begin; they end with one of zeros.
    [[nodiscard]] constexpr std::size_t reservations() const noexcept { return reservations_; }
    [[nodiscard]] constexpr fdt_node root() const noexcept { return node_at(first_, 0); }

    /// Calls `sink(fdt_node)` for every node, parents before their children, in the order of the tree.
    template <class Sink>
    constexpr void for_each_node(Sink&& sink) const noexcept {
        std::uint32_t depth = 0;
        for (std::size_t at = first_; word(at) != end;) {
            const std::uint32_t token = word(at);
            if (token == begin_node) {
                const fdt_node node = node_at(at, depth++);
                sink(node);
                at = node.properties;
            } else {
                if (token == end_node) --depth;
                at = token == property ? behind_property(at) : at + token_bytes;
            }
        }
    }

    /// The first property of that name. It stands before the children of its node.
    [[nodiscard]] constexpr fdt_property find(const fdt_node& node, const char* name) const noexcept {
        for (std::size_t at = node.properties;;) {
            const std::uint32_t token = word(at);
            if (token == property) {
                if (is_name(string_at(word(at + 8)), name)) {
                    return {true, at + property_head, blob_.subview(at + property_head, word(at + 4))};
                }
                at = behind_property(at);
            } else if (token == nop) {
                at += token_bytes;
            } else {
                return {};
            }
        }
    }

 private:
    static constexpr std::size_t least_header = 36;
    static constexpr std::size_t full_header = 40;
    static constexpr std::size_t token_bytes = 4;
    static constexpr std::size_t property_head = 12;
    static constexpr std::uint32_t begin_node = 1;
    static constexpr std::uint32_t end_node = 2;
    static constexpr std::uint32_t property = 3;
    static constexpr std::uint32_t nop = 4;
    static constexpr std::uint32_t end = 9;

    static constexpr bool refuse(defects& found, std::size_t at, defect_kind kind,
                                 const char* text) noexcept {
        found.report({table::fdt, at, kind, text});
        return false;
    }
    static constexpr bool malformed(defects& found, std::size_t at, const char* text) noexcept {
        return refuse(found, at, defect_kind::malformed, text);
    }

    [[nodiscard]] constexpr std::uint32_t word(std::size_t at) const noexcept {
        return load_big<std::uint32_t>(blob_, at);
    }
    /// Tokens begin at multiples of 4.
    [[nodiscard]] static constexpr std::size_t aligned(std::size_t at) noexcept {
        return (at + 3) & ~std::size_t{3};
    }

    /// The string from there to its terminator, or to the end of `block` if it has none.
    [[nodiscard]] static constexpr bytes string_in(bytes block, std::size_t at) noexcept {
        std::size_t length = 0;
        while (holds(block, at + length, 1) && block[at + length] != std::byte{0}) ++length;
        return block.subview(at, length);
    }
    [[nodiscard]] constexpr bytes string_at(std::size_t at) const noexcept { return string_in(strings_, at); }

    [[nodiscard]] constexpr fdt_node node_at(std::size_t at, std::uint32_t depth) const noexcept {
        const bytes name = string_in(blob_.subview(0, last_), at + token_bytes);
        return {at, aligned(at + token_bytes + name.size() + 1), name, depth};
    }
    [[nodiscard]] constexpr std::size_t behind_property(std::size_t at) const noexcept {
        return aligned(at + property_head + word(at + 4));
    }

    constexpr bool find_blocks(defects& found, std::uint32_t version) noexcept {
        first_ = word(8);
        const std::size_t strings = word(12);
        reservations_ = word(16);
        const std::size_t strings_bytes = word(32);
        if (first_ > blob_.size() || first_ % token_bytes != 0 || reservations_ > blob_.size() ||
            !holds(blob_, strings, strings_bytes)) {
            return refuse(found, 8, defect_kind::bad_length, "a block that does not lie in the device tree");
        }
        const std::size_t size = version == 16 ? blob_.size() - first_ : std::size_t{word(36)};
        if (!holds(blob_, first_, size)) {
            return refuse(found, 36, defect_kind::bad_length, "a block that does not lie in the device tree");
        }
        last_ = first_ + size;
        strings_ = blob_.subview(strings, strings_bytes);
        return true;
    }

    constexpr bool check_reservations(defects& found) const noexcept {
        for (std::size_t at = reservations_; holds(blob_, at, reservation_bytes); at += reservation_bytes) {
            if (load_big<std::uint64_t>(blob_, at) == 0 && load_big<std::uint64_t>(blob_, at + 8) == 0) {
                return true;
            }
        }
        return malformed(found, reservations_, "memory reservations without an end");
    }

    /// One root, every node closed, properties before children, all of it inside of the structure block.
    constexpr bool check_structure(defects& found) const noexcept {
        const bytes block = blob_.subview(0, last_);
        std::uint32_t depth = 0;
        bool rooted = false;
        bool properties = false;
        for (std::size_t at = first_; holds(block, at, token_bytes);) {
            switch (word(at)) {
                case begin_node: {
                    if (depth == 0 && rooted) return malformed(found, at, "a second root");
                    const fdt_node node = node_at(at, depth++);
                    const std::size_t terminator = at + token_bytes + node.name.size();
                    if (!holds(block, terminator, 1)) return malformed(found, at, "a name without an end");
                    rooted = true;
                    properties = true;
                    at = node.properties;
                    break;
                }
                case end_node:
                    if (depth == 0) return malformed(found, at, "the end of a node that never began");
                    --depth;
                    properties = false;
                    at += token_bytes;
                    break;
                case property:
                    if (!properties)
                        return malformed(found, at, "a property that is not at a node's beginning");
                    if (!holds(block, at, property_head) || !holds(block, at + property_head, word(at + 4))) {
                        return malformed(found, at, "a property that is cut off");
                    }
                    if (!holds(strings_, word(at + 8), 1)) {
                        return malformed(found, at, "a property without a name");
                    }
                    at = behind_property(at);
                    break;
                case nop:
                    at += token_bytes;
                    break;
                case end:
                    if (rooted && depth == 0) return true;
                    return malformed(found, at, "the structure ends inside of a node");
                default:
                    return malformed(found, at, "an unknown token");
            }
        }
        return malformed(found, last_, "a structure without an end");
    }

    bytes blob_{};
    bytes strings_{};
    std::size_t reservations_ = 0;
    std::size_t first_ = 0;  ///< of the structure block
    std::size_t last_ = 0;   ///< behind the structure block
};

}  // namespace ashlar::detail
