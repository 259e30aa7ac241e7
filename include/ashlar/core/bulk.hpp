// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/source.hpp>
#include <ashlar/core/view.hpp>
#include <cstddef>

namespace ashlar {

/// What a bulk verb did before it stopped: so many blocks, the first ones; `error` says what the next one was
/// refused for, ok if none was.
struct bulk_result {
    std::size_t count = 0;
    errc error = errc::ok;

    [[nodiscard]] friend constexpr bool operator==(bulk_result, bulk_result) noexcept = default;
};

/// A source that does many blocks at once more cheaply than one by one.
template <class S>
concept bulk_source = frame_source<S> && requires(S source, request<typename S::space> wanted,
                                                  view<frame<typename S::space>> into, unsigned order) {
    { source.allocate_bulk(wanted, into) } -> std::same_as<bulk_result>;
    { source.free_bulk(view<const frame<typename S::space>>(into), order) } -> std::same_as<bulk_result>;
};

/// As many blocks of one request as `into` has room for (Linux alloc_pages_bulk); nothing is given back where
/// there are fewer. Context and errors as `allocate`.
///
/// ```
/// ashlar::frame<> pages[16];
/// const auto got = ashlar::allocate_bulk(source, {.order = 0}, ashlar::view<ashlar::frame<>>(pages));
/// // pages[0] to pages[got.count - 1] are the caller's; got.error says why there are no more
/// (void)ashlar::free_bulk(source, ashlar::view<const ashlar::frame<>>(pages, got.count), 0);
/// ```
template <frame_source S>
constexpr bulk_result allocate_bulk(S& source, request<typename S::space> wanted,
                                    view<frame<typename S::space>> into) noexcept {
    if constexpr (bulk_source<S>) {
        return source.allocate_bulk(wanted, into);
    } else {
        for (std::size_t done = 0; done < into.size(); ++done) {
            const auto got = source.allocate(wanted);
            if (!got) return {done, got.error()};
            into[done] = *got;
        }
        return {into.size(), errc::ok};
    }
}

/// Gives blocks of one order back, in turn, up to the first that is refused: that one and those behind it are
/// as they were. Context and errors as `free`.
template <frame_source S>
constexpr bulk_result free_bulk(S& source, view<const frame<typename S::space>> blocks,
                                unsigned order) noexcept {
    if constexpr (bulk_source<S>) {
        return source.free_bulk(blocks, order);
    } else {
        for (std::size_t done = 0; done < blocks.size(); ++done) {
            if (const errc wrong = source.free(blocks[done], order); wrong != errc::ok) return {done, wrong};
        }
        return {blocks.size(), errc::ok};
    }
}

}  // namespace ashlar
