// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

namespace bench {

/// Zeros, in huge pages where the system has them: what firmware maps its tables with.
template <class T>
class huge_array {
    static_assert(std::is_trivially_destructible_v<T>);

 public:
    explicit huge_array(std::size_t count) : count_(count) {
        constexpr std::size_t page = std::size_t{2} << 20;
        const std::size_t size = (count * sizeof(T) + page - 1) / page * page;
        void* const memory = std::aligned_alloc(page, size);
        if (memory == nullptr) throw std::bad_alloc();
        (void)madvise(memory, size, MADV_HUGEPAGE);
        data_.reset(static_cast<T*>(memory));
        for (std::size_t i = 0; i < count; ++i) new (data_.get() + i) T{};
    }
    [[nodiscard]] T* data() const { return data_.get(); }
    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] std::size_t bytes() const { return count_ * sizeof(T); }
    [[nodiscard]] T& operator[](std::size_t index) const { return data_.get()[index]; }
    [[nodiscard]] T* begin() const { return data(); }
    [[nodiscard]] T* end() const { return data() + count_; }

 private:
    struct release {
        void operator()(T* memory) const { std::free(memory); }
    };
    std::unique_ptr<T, release> data_;
    std::size_t count_;
};

}  // namespace bench
