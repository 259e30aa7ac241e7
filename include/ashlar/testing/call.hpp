// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/source.hpp>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace ashlar::testing {

/// The verbs of a frame source.
enum class verb : std::uint8_t {
    attach,
    detach,
    online,
    offline,
    isolate,
    readmit,
    revoke,
    allocate,
    allocate_at,
    free,
    drain,
    drain_cpu,
    owns,
    free_frames,
    visit_free,
    validate,
    describe,
};

/// The name of the verb.
[[nodiscard]] constexpr const char* to_string(verb which) noexcept {
    constexpr const char* names[] = {"attach",   "detach",     "online",   "offline",     "isolate",
                                     "readmit",  "revoke",     "allocate", "allocate_at", "free",
                                     "drain",    "drain(cpu)", "owns",     "free_frames", "visit_free",
                                     "validate", "describe"};
    return names[static_cast<unsigned>(which)];
}

/// One call of a verb, with the arguments that the verb has and defaults for the rest: what a request stream
/// yields, a probe records and a fault plan judges. `free` and `owns` name their frame in `frames.first`.
template <class Space = machine>
struct call {
    verb which = verb::validate;
    range<Space> frames{};
    unsigned order = 0;
    request<Space> wanted{};
    cpu_id cpu = 0;
    start how = start::fresh;

    [[nodiscard]] friend constexpr bool operator==(const call& a, const call& b) noexcept {
        return a.which == b.which && a.frames == b.frames && a.order == b.order && a.cpu == b.cpu &&
               a.how == b.how && a.wanted.order == b.wanted.order && a.wanted.node == b.wanted.node &&
               a.wanted.nodes == b.wanted.nodes && a.wanted.below == b.wanted.below &&
               a.wanted.mirror == b.wanted.mirror && a.wanted.mobility == b.wanted.mobility &&
               a.wanted.urgent == b.wanted.urgent && a.wanted.effort == b.wanted.effort;
    }
};

/// Texts and numbers one after the other, for messages.
[[nodiscard]] inline std::string join(std::initializer_list<std::string> parts) {
    std::string all;
    for (const std::string& part : parts) all += part;
    return all;
}

/// For messages: the verb and its arguments.
template <class Space>
[[nodiscard]] std::string to_string(const call<Space>& made) {
    const auto number = [](std::uint64_t n) { return std::to_string(n); };
    const std::string name = to_string(made.which);
    if (made.which == verb::allocate) {
        const auto& w = made.wanted;
        return join({name, "{order ", number(w.order), ", node ", number(w.node), ", nodes ",
                     number(w.nodes.bits), ", below ", number(w.below.number), ", mirror ",
                     number(static_cast<unsigned>(w.mirror)), ", mobility ",
                     number(static_cast<unsigned>(w.mobility)), ", effort ", number(w.effort), "}"});
    }
    const std::string first = number(made.frames.first.number);
    if (made.which == verb::free) return join({name, "(", first, ", order ", number(made.order), ")"});
    return join({name, "(", first, " + ", number(made.frames.count), ")"});
}

/// What a call answered: the error, the frame of `allocate`, the count of `revoke`.
template <class Space = machine>
struct answer {
    errc error = errc::ok;
    frame<Space> first{};
    std::uint64_t count = 0;
};

/// Makes the call, for the verbs that change a source; `attach`, `detach` and the const verbs are not among
/// them (they answer `unsupported`). Context and failure: those of the verb.
template <class Source, class Space>
[[nodiscard]] constexpr answer<Space> make(Source& source, const call<Space>& made) noexcept {
    switch (made.which) {
        case verb::online:
            return {source.online(made.frames)};
        case verb::offline:
            return {source.offline(made.frames)};
        case verb::isolate:
            return {source.isolate(made.frames)};
        case verb::readmit:
            return {source.readmit(made.frames)};
        case verb::revoke: {
            const result<std::uint64_t> left = source.revoke(made.frames);
            return {left.error(), {}, *left};
        }
        case verb::allocate: {
            const result<frame<Space>> got = source.allocate(made.wanted);
            return {got.error(), *got};
        }
        case verb::allocate_at:
            return {source.allocate_at(made.frames)};
        case verb::free:
            return {source.free(made.frames.first, made.order)};
        case verb::drain:
            source.drain();
            return {};
        case verb::drain_cpu:
            source.drain(made.cpu);
            return {};
        default:
            return {errc::unsupported};
    }
}

}  // namespace ashlar::testing
