#!/usr/bin/env bash
# Takes v2 back. Every step can be repeated, and what fails is tried again, as the broker may be away at any time.
set -euo pipefail

wait_for_the_deployment() { # two programs that route at once undo each other's work
    exec 9> "$DRILL_STATE_DIR/lock"
    flock --wait 60 9
}

route_to_v1() {
    _again _unbind
}

drain_v2() {
    _again timeout 10 python3 broker.py drain tasks.v2 --stall 1 --within 3
}

stop_v2() {
    # shellcheck disable=SC2086  # names, separated by spaces
    docker stop -t 20 $WORKERS_V2
    _again timeout 10 python3 broker.py consumers tasks.v2 0 --within 8
}

move_leftovers() {
    _again timeout 10 python3 broker.py move tasks.v2 v1 --ledger "$DRILL_STATE_DIR/moved.jsonl"
}

_unbind() { # gone is as good as deleted
    local status
    status=$(curl --silent --output /dev/null --write-out '%{http_code}' --max-time 5 --request DELETE \
        "$RABBITMQ_API_URL/bindings/%2F/e/tasks/q/tasks.v2/refund") || return 1
    [ "$status" = 204 ] || [ "$status" = 404 ]
}

_again() {
    for _ in {1..60}; do
        "$@" && return
        sleep 0.5
    done
    return 1
}

wait_for_the_deployment
route_to_v1
drain_v2
stop_v2
move_leftovers
