// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/core/errc.hpp>
#include <ashlar/core/frame.hpp>
#include <ashlar/core/view.hpp>
#include <ashlar/linux_backend/process_pages.hpp>
#include <ashlar/migrate/frame_mover.hpp>
#include <chrono>
#include <cstddef>
#include <thread>

/// The protection left out.
struct unheld_writers {
    ashlar::errc hold(ashlar::view<std::byte>) { return ashlar::errc::ok; }
    void release(ashlar::view<std::byte>, bool) {}
};

/// Takes its time between copy and re-point, so that somebody stores meanwhile, or would.
template <class Hold>
struct slow_pages : ashlar::process_pages<Hold> {
    using ashlar::process_pages<Hold>::process_pages;

    ashlar::errc repoint(ashlar::used_block<> held, ashlar::frame<> to) {
        std::this_thread::sleep_for(std::chrono::microseconds(50));
        return ashlar::process_pages<Hold>::repoint(held, to);
    }
};
