// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/page/trace_time.hpp"

#include "lab/text/numbers.hpp"

namespace lab {

time_scale time_scale_of(const scenario& told) {
    const bool timed = told.seconds() > 0;
    const double end = timed ? told.seconds() : static_cast<double>(told.events);
    time_scale time{axis_between(0, end, 6), timed ? "seconds of the trace" : "events of the trace", {}};
    for (const moment& at : told.moments) {
        time.places.push_back(time.scale.place(timed ? at.seconds : static_cast<double>(at.steps)));
    }
    return time;
}

std::string time_label(const scenario& told, const moment& at) {
    if (told.seconds() <= 0) return "at event " + grouped(at.steps);
    constexpr double much = 20;
    return "at " + fixed(at.seconds, told.seconds() < much ? 2 : 1) + " s";
}

}  // namespace lab
