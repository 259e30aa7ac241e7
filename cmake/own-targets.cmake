# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# `ashlar_own`: what tests, benchmarks and examples link. It carries the warnings, which no user should inherit.
set(ashlar_warning_flags "")
if(ASHLAR_WARNINGS)
    set(ashlar_warning_flags -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
endif()

add_library(ashlar_own INTERFACE)
target_link_libraries(ashlar_own INTERFACE ashlar::ashlar)
target_compile_options(ashlar_own INTERFACE ${ashlar_warning_flags})

# Threads, for the targets that run some.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# Strict C++: what compiles here compiles in a consumer with extensions too (a test says so).
set(CMAKE_CXX_EXTENSIONS OFF)
