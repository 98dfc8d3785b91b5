#!/usr/bin/env bash
# Brings v2 as a canary: its workers first, and only when they consume, a quarter of the tasks.
set -euo pipefail

V2_WEIGHT=1 # v1 has 3

start_v2() {
    for worker in $WORKERS_V2; do docker start "$worker" & done
    wait
    # shellcheck disable=SC2086  # names, separated by spaces
    python3 broker.py consumers tasks.v2 "$(wc -w <<<$WORKERS_V2)" --within 30
}

route_a_share_to_v2() {
    python3 broker.py route tasks v2 --weight "$V2_WEIGHT"
}

start_v2
route_a_share_to_v2
