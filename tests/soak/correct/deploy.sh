#!/usr/bin/env bash
# Brings v2. What fails is tried again, as the broker may be away at any time.
set -euo pipefail
exec 9> "$DRILL_STATE_DIR/lock"
flock 9 # the rollback waits for it

start_v2() {
    # shellcheck disable=SC2086  # names, separated by spaces
    docker start $WORKERS_V2
    _again timeout 10 python3 broker.py consumers tasks.v2 2 --within 8
}

route_to_v2() {
    _again curl --fail --silent --show-error --max-time 5 --header "Content-Type: application/json" --data '{"routing_key": "refund"}' \
        "$RABBITMQ_API_URL/bindings/%2F/e/tasks/q/tasks.v2"
}

_again() {
    for _ in {1..60}; do
        "$@" && return
        sleep 0.5
    done
    return 1
}

start_v2
route_to_v2
