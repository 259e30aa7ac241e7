#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# sh cmake/test.sh [--host] [--long]
# Installs what the tests need (Debian and its relatives; elsewhere it says what is missing), builds everything and
# runs all tests: by the default compiler; by Clang, with ASan and UBSan; and those that run threads with TSan.
# Builds in build/<preset> and takes up what is there.
#   --host   without cross compilers and emulators
#   --long   the long variants of model, fuzz and interleaving tests; also optimised by Clang
set -u
cd "$(dirname "$0")/.." || exit 1
. cmake/packages.sh

host=no
long=OFF
for argument in "$@"; do
    case $argument in
        --host) host=yes ;;
        --long) long=ON ;;
        *)
            sed -n '3,8s/^# //p' cmake/test.sh
            exit 2
            ;;
    esac
done

list_needs() {
    need g++ has g++
    need cmake has cmake
    need make has make
    want ninja-build has ninja
    need python3 has python3
    need doctest-dev has_header doctest/doctest.h
    want xz-utils has xz
    want binutils has nm
    want clang has clang++
    want libclang-rt-dev has_fuzzer
    want clang-format has clang-format
    want clang-tidy has clang-tidy
    want libbenchmark-dev has_header benchmark/benchmark.h
    # What ashlar-bench measures beside Ashlar, and what counts instructions.
    want libmimalloc-dev has_header mimalloc.h
    want libjemalloc-dev has_header jemalloc/jemalloc.h
    want libtbb-dev has_header tbb/scalable_allocator.h
    want valgrind has valgrind
    want pkgconf has pkg-config
    want gdb has gdb
    want doxygen has doxygen
    [ $host = yes ] || want g++-riscv64-linux-gnu has riscv64-linux-gnu-g++
    [ $host = yes ] || want g++-aarch64-linux-gnu has aarch64-linux-gnu-g++
    # Headers alone of the C and C++ libraries for Arm: their objects are 400 MB.
    [ $host = yes ] || want gcc-arm-none-eabi has arm-none-eabi-g++
    [ $host = yes ] || want libstdc++-arm-none-eabi-dev test -d /usr/include/newlib/c++
    [ $host = yes ] || want libnewlib-dev test -f /usr/include/newlib/errno.h
    [ $host = yes ] || want g++-mingw-w64-x86-64-win32 has x86_64-w64-mingw32-g++
    [ $host = yes ] || want libc6-dev-i386 test -f /usr/include/x86_64-linux-gnu/gnu/stubs-32.h
    [ $host = yes ] || want qemu-system-x86 has qemu-system-x86_64
    [ $host = yes ] || want qemu-system-misc has qemu-system-riscv64
    [ $host = yes ] || want opensbi test -d /usr/lib/riscv64-linux-gnu/opensbi
}
[ $host = no ] || echo '== --host: cross compilers and emulators are left out; where they are missing, tests that need one are skipped'
install_missing || exit 1
[ $host = yes ] || fetch_kernel build/guest-kernel || echo '== Left out, for lack of a kernel: guests with Linux'

jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
summary=''
failed=no

# run_preset NAME [PREFIX...]: configure, build, test. A failure is remembered and the next preset still runs.
run_preset() {
    preset=$1
    shift
    log=build/$preset/ctest.log
    printf '\n== %s: configure\n' "$preset"
    verdict='does not configure'
    if cmake --preset "$preset" -DASHLAR_LONG=$long; then
        printf '\n== %s: build\n' "$preset"
        verdict='does not build'
        if cmake --build --preset "$preset" --parallel "$jobs"; then
            printf '\n== %s: test\n' "$preset"
            rm -f "$log"
            "$@" ctest --preset "$preset" --parallel "$jobs" --output-log "$log" || failed=yes
            verdict=$(grep -E 'tests passed|No tests were found' "$log" || echo 'tests did not run')
            summary="$summary
$preset: $verdict"
            return
        fi
    fi
    failed=yes
    summary="$summary
$preset: $verdict"
}

# The thread sanitizer of these compilers cannot place its shadow under strong address randomisation.
fixed_addresses=''
if setarch "$(uname -m)" -R true 2>/dev/null; then
    fixed_addresses="setarch $(uname -m) -R"
fi

# For build folders that are made now: Ninja spends less on each target, and leaves no processor idle at the ends of
# targets. A folder that is there keeps its own.
if has ninja >/dev/null && [ -z "${CMAKE_GENERATOR:-}" ]; then
    export CMAKE_GENERATOR=Ninja
fi

started=$(date +%s)
run_preset release
if has clang++ >/dev/null; then
    # Where a build folder is made, this is its compiler.
    export CXX=clang++
    [ $long = OFF ] || run_preset clang
    run_preset asan
    unset CXX
else
    summary="$summary
clang: left out, clang++ is missing"
    run_preset asan
fi
run_preset tsan $fixed_addresses

printf '\n== All presets, in %s s%s\n' "$(($(date +%s) - started))" "$summary"
[ $failed = no ]
