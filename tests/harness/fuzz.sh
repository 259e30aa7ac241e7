#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# fuzz.sh BINARY SECONDS LONG_SECONDS [SEED_DIR...]: runs a libFuzzer binary for a while. New inputs and crashes go
# beside the binary; the seeds are only read.
set -eu
binary=$1
seconds=$2
[ "${ASHLAR_LONG:-0}" = 0 ] || seconds=$3
shift 3

mkdir -p "$binary.corpus" "$binary.crashes"
status=0
"$binary" "$binary.corpus" "$@" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -artifact_prefix="$binary.crashes/" -print_final_stats=1 >"$binary.log" 2>&1 || status=$?
if [ "$status" -ne 0 ]; then
    tail -n 60 "$binary.log"
    echo "crashing inputs: $binary.crashes"
    # Not libFuzzer's own status: its 77 for a crash means "left out" to ctest here.
    exit 1
fi
grep -E 'stat::|Done ' "$binary.log"
