// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/result.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/remote/byte_address.hpp>
#include <ashlar/remote/window_programmer.hpp>
#include <concepts>
#include <cstdint>

namespace ashlar {

/// What a server asks of the one whose memory it wants to see.
enum class window_verb : std::uint8_t { disable, write, read, enable, enabled };

/// A request, and the answer to the one with the same sequence number. Plain numbers: they cross servers.
struct window_request {
    std::uint32_t sequence = 0;
    window_verb verb = window_verb::disable;
    std::uint32_t window = 0;
    window_aim aim{};

    [[nodiscard]] friend constexpr bool operator==(const window_request&,
                                                   const window_request&) noexcept = default;
};
/// The answer: an error, or what was asked for.
struct window_reply {
    std::uint32_t sequence = 0;
    errc error = errc::ok;
    std::uint64_t value = 0;
};

/// Where requests go and answers come from. `busy`: no room, or no answer yet.
template <class M>
concept window_mailbox = requires(M mailbox, const window_request& request) {
    { mailbox.send(request) } -> std::same_as<errc>;
    { mailbox.receive() } -> std::same_as<result<window_reply>>;
};

/// Windows that the target programs when it is asked. Each verb is a request and its acknowledgement: `busy`
/// until that has come. An answer to another request (one that was given up) is thrown away. After
/// `patience` calls without an answer: `unreadable`; what the target did then is unknown, so the window has
/// to be disabled before anybody uses it.
///
/// Source: Linux drivers/ntb/hw/epf/ntb_hw_epf.c (ntb_epf_send_command, one second).
template <window_mailbox Mailbox>
class requesting_programmer {
 public:
    constexpr requesting_programmer(Mailbox& mailbox, std::uint32_t patience) noexcept
        : mailbox_(&mailbox), patience_(patience) {}

    constexpr errc disable(std::uint32_t window) noexcept {
        return ask(window_verb::disable, window, {}).error();
    }
    constexpr errc write(std::uint32_t window, const window_aim& aim) noexcept {
        return ask(window_verb::write, window, aim).error();
    }
    [[nodiscard]] constexpr result<byte_address<peer>> read(std::uint32_t window) noexcept {
        const auto answer = ask(window_verb::read, window, {});
        if (!answer) return answer.error();
        return byte_address<peer>{*answer};
    }
    constexpr errc enable(std::uint32_t window, const window_aim& aim) noexcept {
        return ask(window_verb::enable, window, aim).error();
    }
    [[nodiscard]] constexpr result<bool> enabled(std::uint32_t window) noexcept {
        const auto answer = ask(window_verb::enabled, window, {});
        if (!answer) return answer.error();
        return *answer != 0;
    }

 private:
    constexpr result<std::uint64_t> ask(window_verb verb, std::uint32_t window,
                                        const window_aim& aim) noexcept {
        window_request wanted{asked_.sequence, verb, window, aim};
        if (!under_way_ || wanted != asked_) {
            wanted.sequence = asked_.sequence + 1;
            if (const errc sent = mailbox_->send(wanted); sent != errc::ok) return give_up_or(sent);
            asked_ = wanted;
            under_way_ = true;
            waited_ = 0;
            return errc::busy;
        }
        const result<window_reply> reply = mailbox_->receive();
        if (!reply) return give_up_or(reply.error());
        if (reply->sequence != asked_.sequence) return give_up_or(errc::busy);
        under_way_ = false;
        waited_ = 0;
        if (reply->error != errc::ok) return reply->error;
        return reply->value;
    }
    constexpr errc give_up_or(errc error) noexcept {
        if (error == errc::busy && ++waited_ <= patience_) return errc::busy;
        under_way_ = false;
        waited_ = 0;
        return error == errc::busy ? errc::unreadable : error;
    }

    Mailbox* mailbox_;
    std::uint32_t patience_;
    std::uint32_t waited_ = 0;
    bool under_way_ = false;
    window_request asked_{};
};

namespace detail {

/// Whether a request may be done: of what is offered, a window is written while it is closed, and opened at
/// what was written.
template <window_programmer Programmer>
constexpr errc judge_request(Programmer& programmer, const window_request& request,
                             view<const byte_range<peer>> offered) noexcept {
    if (request.verb != window_verb::write && request.verb != window_verb::enable) return errc::ok;
    bool is_offered = false;
    for (const byte_range<peer>& each : offered)
        is_offered = is_offered || each.contains(byte_range<peer>{request.aim.target, request.aim.bytes});
    if (!is_offered) return errc::not_covered;
    if (request.verb == window_verb::write) {
        const result<bool> open = programmer.enabled(request.window);
        return *open ? errc::invalid : open.error();
    }
    const result<byte_address<peer>> written = programmer.read(request.window);
    if (!written) return written.error();
    return *written == request.aim.target ? errc::ok : errc::invalid;
}

}  // namespace detail

/// What the target does with a request: its own programmer's verb. `busy` is no answer: it is called again.
/// `offered`: what of its memory the one who asks may see, who need not be trusted with more. The answer is
/// `not_covered` for other bytes; `invalid` for a window that is written while it is open, or opened at
/// another place than was written, where its size may reach beyond. Nothing is done then.
template <window_programmer Programmer>
constexpr result<window_reply> serve(Programmer& programmer, const window_request& request,
                                     view<const byte_range<peer>> offered) noexcept {
    window_reply reply{.sequence = request.sequence,
                       .error = detail::judge_request(programmer, request, offered)};
    if (reply.error != errc::ok) return reply.error == errc::busy ? result<window_reply>(errc::busy) : reply;
    switch (request.verb) {
        case window_verb::disable:
            reply.error = programmer.disable(request.window);
            break;
        case window_verb::write:
            reply.error = programmer.write(request.window, request.aim);
            break;
        case window_verb::enable:
            reply.error = programmer.enable(request.window, request.aim);
            break;
        case window_verb::read: {
            const auto found = programmer.read(request.window);
            reply.error = found.error();
            reply.value = found->value;
            break;
        }
        case window_verb::enabled: {
            const auto found = programmer.enabled(request.window);
            reply.error = found.error();
            reply.value = *found ? 1 : 0;
            break;
        }
        default:
            reply.error = errc::unsupported;
    }
    if (reply.error == errc::busy) return errc::busy;
    return reply;
}

}  // namespace ashlar
