#!/usr/bin/env bash
set -euo pipefail

start_v1() { # they are back when they consume
    # shellcheck disable=SC2086  # names, separated by spaces
    docker start $WORKERS_V1
    python3 broker.py consumers tasks 3
}

stop_v2() {
    # shellcheck disable=SC2086
    docker stop -t 20 $WORKERS_V2
    python3 broker.py consumers tasks 2
}


start_v1
stop_v2
