// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <cstdint>
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
    /// Where a call stands. Equal bytes mean that the call will go on alike, given alike memory.
    struct position {
        std::vector<std::byte> stack;
        ucontext_t registers{};
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
        getcontext(&inside_);
        inside_.uc_stack.ss_sp = stack_.get();
        inside_.uc_stack.ss_size = stack_bytes_;
        inside_.uc_link = nullptr;
        makecontext(&inside_, &fiber::enter, 0);
        return go();
    }
    /// Goes on from a pause; true when the call ended.
    bool resume(const position& from) {
        std::memcpy(end() - from.stack.size(), from.stack.data(), from.stack.size());
        inside_ = from.registers;
        return go();
    }
    /// After `start` or `resume` answered false: where the call stands.
    [[nodiscard]] std::shared_ptr<const position> where() const {
        return std::make_shared<const position>(position{{low_, end()}, inside_});
    }
    /// Only inside the call. Returns when the fiber is resumed.
    [[gnu::noinline]] void pause() {
        __builtin_unwind_init();  // the callee-saved registers go to the stack, too
        low_ = below_caller();
        swapcontext(&inside_, &outside_);
    }

 private:
    [[nodiscard]] std::byte* end() const { return stack_.get() + stack_bytes_; }
    [[gnu::noinline]] static std::byte* below_caller() {
        return static_cast<std::byte*>(__builtin_frame_address(0));
    }
    bool go() {
        ended_ = false;
        running = this;
        swapcontext(&outside_, &inside_);
        return ended_;
    }
    static void enter() {
        (*running->call_)();
        running->ended_ = true;
        setcontext(&running->outside_);
    }
    inline static fiber* running = nullptr;

    std::unique_ptr<std::byte[]> stack_;
    std::size_t stack_bytes_;
    std::byte* low_ = nullptr;
    const std::function<void()>* call_ = nullptr;
    bool ended_ = false;
    ucontext_t inside_{};
    ucontext_t outside_{};
};

}  // namespace ashlar::testing
