// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <concepts>
#include <cstddef>

namespace ashlar {

/// A table that says which frames of the operating system lie elsewhere in the machine (US9600202). A frame
/// is as large as the user's granule: a cache line, a page, a pageblock, a section.
///
/// - `translate(origin)`: where the bytes are: the target that the origin is mapped to, else the frame of the
///   same number. Any context; wait-free; allocates nothing and takes no lock.
/// - `find(origin)`: the target; `not_owned` if the origin is not mapped. As `translate`.
/// - `assign(origin, target)`: maps, or maps elsewhere: a reader sees the target before or the one after, and
///   all that was written before the call. `limit` if the table is full, `not_owned` for frames outside its
///   ranges, `busy` while another writer is inside.
/// - `erase(origin)`: unmaps; `not_owned` if it is not mapped, `busy` as above.
/// - `size()`, `capacity()`: origins that are mapped, and can be.
template <class T>
concept remapping = requires(T table, const T constant, frame<os> origin, frame<machine> target) {
    { constant.translate(origin) } -> std::same_as<frame<machine>>;
    { constant.find(origin) } -> std::same_as<result<frame<machine>>>;
    { table.assign(origin, target) } -> std::same_as<errc>;
    { table.erase(origin) } -> std::same_as<errc>;
    { constant.size() } -> std::same_as<std::size_t>;
    { constant.capacity() } -> std::same_as<std::size_t>;
};

}  // namespace ashlar
