// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

namespace bench {

/// A subject whose type is not known where it is used: each operation is a call.
class any_subject {
 public:
    any_subject() = default;
    virtual ~any_subject() = default;
    any_subject(const any_subject&) = delete;
    any_subject& operator=(const any_subject&) = delete;

    [[nodiscard]] virtual std::uint64_t allocate(unsigned cpu, unsigned order) = 0;
    [[nodiscard]] virtual bool free(unsigned cpu, std::uint64_t first, unsigned order) = 0;
    [[nodiscard]] virtual bool is_whole() const = 0;
};

template <class Subject>
class erased final : public any_subject {
 public:
    explicit erased(std::shared_ptr<Subject> subject) : subject_(std::move(subject)) {}

    [[nodiscard]] std::uint64_t allocate(unsigned cpu, unsigned order) override {
        return subject_->allocate(cpu, order);
    }
    [[nodiscard]] bool free(unsigned cpu, std::uint64_t first, unsigned order) override {
        return subject_->free(cpu, first, order);
    }
    [[nodiscard]] bool is_whole() const override { return subject_->is_whole(); }

 private:
    std::shared_ptr<Subject> subject_;
};

}  // namespace bench
