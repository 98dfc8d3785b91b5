#!/usr/bin/env bash
# Brings v2 of the consumer `ledger` in v1's place; the other consumer of the same messages is not touched.
set -euo pipefail

start_v2() {
    docker start "$WORKERS_V2"
    python3 queues.py consumers ledger 2
}

stop_v1() {
    docker stop -t 20 "$WORKERS_V1"
}

start_v2
stop_v1
