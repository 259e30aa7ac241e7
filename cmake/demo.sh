#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# sh cmake/demo.sh [--trace FILE]
# Builds ashlar-lab with a C++ compiler, CMake and xz only (installs them on Debian and its relatives; elsewhere it
# says what is missing), and runs the demo: a machine read from its firmware tables, a trace of page allocations
# replayed on it, and a page with charts of both. FILE is `perf script` output or the compact form, plain or xz; a
# sample is the default.
set -u
called_from=$PWD
cd "$(dirname "$0")/.." || exit 1
. cmake/packages.sh

trace=''
while [ $# -gt 0 ]; do
    case $1 in
        --trace)
            [ $# -ge 2 ] || { echo 'demo.sh: --trace needs a file' >&2; exit 2; }
            case $2 in
                /*) trace=$2 ;;
                *) trace=$called_from/$2 ;;
            esac
            [ -r "$trace" ] || { echo "demo.sh: cannot read $trace" >&2; exit 2; }
            shift 2
            ;;
        *)
            sed -n '3,7s/^# //p' cmake/demo.sh
            exit 2
            ;;
    esac
done

list_needs() {
    need g++ has g++
    need cmake has cmake
    need make has make
    need xz-utils has xz
}
install_missing || exit 1

echo '== Building ashlar-lab'
cmake -S . -B build/demo -DCMAKE_BUILD_TYPE=Release -DASHLAR_LAB=ON -DASHLAR_TESTS=OFF -DASHLAR_BENCHMARKS=OFF \
    -DASHLAR_EXAMPLES=OFF || exit 1
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
cmake --build build/demo --parallel "$jobs" --target ashlar-lab || exit 1

# The demo's command lines: this is the one place.
run_demo() {
    tables=tests/data/firmware/mirror_numa4
    machine="$tables/dmesg.txt $tables/SRAT.dat $tables/SLIT.dat"
    : "${trace:=tests/data/traces/linux-6.18-compile-350k.tsv.xz}"
    out=build/demo
    lab=$out/bench/ashlar-lab

    printf '\n== A machine of four nodes, from its Linux log, SRAT and SLIT\n\n'
    $lab machine $machine --json $out/machine.json || return 1

    printf '\n== A trace of a real kernel, replayed on that machine: the kernel gets mirrored memory\n\n'
    $lab replay --trace "$trace" $machine --json $out/replay.json --csv $out/replay.csv || return 1

    printf '\n== The same if only 16 MiB of each node were mirrored: reliability and nearness part\n\n'
    $lab replay --trace "$trace" $machine --mirror-limit 16M \
        --json $out/replay-scarce.json --csv $out/replay-scarce.csv || return 1

    printf '\n== The policy lab: the same and more, on one page\n\n'
    $lab lab --trace "$trace" --machine 'One node, twice what the trace needs' \
        --machine 'Four nodes, three quarters mirrored' $machine \
        --machine 'Four nodes, 16 MiB of each mirrored' $machine --mirror-limit 16M \
        --repetitions 7 --html $out/lab.html || return 1

    printf '\n== Written: %s\n' "$out/machine.json, replay.json, replay.csv, replay-scarce.json, replay-scarce.csv"
    echo "== The page: $PWD/$out/lab.html    (beside it lab.json and lab.csv)"
    echo "== Your own: $lab replay --trace FILE DMESG [SRAT SLIT]    (FILE: perf script output; --help tells more)"
}
run_demo
