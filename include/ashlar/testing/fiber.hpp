// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

namespace ashlar::testing {

/// A call on a stack of its own that stops whenever it says `pause`, and that can be set back to any earlier
/// pause: the used part of the stack, callee-saved registers included, is copied out and in. A call that is
/// never resumed is dropped; its destructors do not run. Not for address or thread sanitizers, which keep a
/// record of stacks that this does not restore.
class fiber {
 public:
    /// Where a call stood, with the used part of its stack.
    struct position {
        std::byte* low = nullptr;
        void** registers = nullptr;
        std::size_t at = 0;  ///< where its stack begins among the saved ones
    };

    explicit fiber(std::size_t stack_bytes = 64 * 1024)
        : stack_(std::make_unique<std::byte[]>(stack_bytes)), stack_bytes_(stack_bytes) {}
    fiber(const fiber&) = delete;
    fiber& operator=(const fiber&) = delete;
    ~fiber() = default;

    /// Runs `call` from its start to its first pause or its end; true when it ended. `call` outlives the
    /// fiber.
    bool start(const std::function<void()>& call) {
        call_ = &call;
        std::memset(stack_.get(), 0, stack_bytes_);
        getcontext(&entry_);
        entry_.uc_stack.ss_sp = stack_.get();
        entry_.uc_stack.ss_size = stack_bytes_;
        entry_.uc_link = nullptr;
        makecontext(&entry_, &fiber::enter, 0);
        registers_ = nullptr;
        return go();
    }
    /// Goes on from where the call stands; true when it ended.
    bool resume() {
        // What calls that are over left behind must not tell positions apart.
        std::byte* const from = low_ - stack_.get() > cleared ? low_ - cleared : stack_.get();
        std::memset(from, 0, static_cast<std::size_t>(low_ - from));
        return go();
    }
    /// Only inside the call. Returns when the fiber is resumed.
    [[gnu::noinline]] void pause() {
        void* here[5];
        registers_ = here;
        low_ = below_caller();
        if (__builtin_setjmp(here) == 0) __builtin_longjmp(outside_, 1);
    }

    /// The used part of the stack of a call that paused. Equal bytes mean that it will go on alike, given
    /// alike memory.
    [[nodiscard]] const std::byte* low() const noexcept { return low_; }
    [[nodiscard]] std::size_t used() const noexcept { return static_cast<std::size_t>(end() - low_); }
    /// Of a call that paused: where it stands, its stack added to `stacks`.
    [[nodiscard]] position save(std::vector<std::byte>& stacks) const {
        const position here{low_, registers_, stacks.size()};
        stacks.insert(stacks.end(), low_, end());
        return here;
    }
    void restore(const position& to, const std::vector<std::byte>& stacks) {
        low_ = to.low;
        registers_ = to.registers;
        std::memcpy(low_, stacks.data() + to.at, used());
    }

 private:
    static constexpr std::ptrdiff_t cleared = 2048;

    [[nodiscard]] std::byte* end() const noexcept { return stack_.get() + stack_bytes_; }
    [[gnu::noinline]] static std::byte* below_caller() {
        return static_cast<std::byte*>(__builtin_frame_address(0));
    }
    [[gnu::noinline]] bool go() {
        ended_ = false;
        running = this;
        if (__builtin_setjmp(outside_) == 0) {
            if (registers_ == nullptr) setcontext(&entry_);
            __builtin_longjmp(registers_, 1);
        }
        return ended_;
    }
    static void enter() {
        (*running->call_)();
        running->ended_ = true;
        __builtin_longjmp(running->outside_, 1);
    }
    inline static fiber* running = nullptr;

    std::unique_ptr<std::byte[]> stack_;
    std::size_t stack_bytes_;
    std::byte* low_ = nullptr;
    void** registers_ = nullptr;  ///< in the frame of `pause`
    void* outside_[5] = {};
    const std::function<void()>* call_ = nullptr;
    bool ended_ = false;
    ucontext_t entry_{};
};

}  // namespace ashlar::testing
