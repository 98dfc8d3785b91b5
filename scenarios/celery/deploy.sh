#!/usr/bin/env bash
# Brings v2 as a canary: its workers take tasks from the same queue as v1's.
set -euo pipefail

start_v2() {
    # shellcheck disable=SC2086  # names, separated by spaces
    docker start $WORKERS_V2
    # shellcheck disable=SC2086
    python3 wait_for.py payments consumers "$(wc -w <<<"$WORKERS_V1 $WORKERS_V2")"
}

start_v2
