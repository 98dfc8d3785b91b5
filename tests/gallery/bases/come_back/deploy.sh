#!/usr/bin/env bash
set -euo pipefail

start_v2() {
    docker start "$WORKERS_V2"
    python3 broker.py consumers tasks 3
}

stop_v1() {
    # shellcheck disable=SC2086  # names, separated by spaces
    docker stop -t 20 $WORKERS_V1
}

start_v2
stop_v1
