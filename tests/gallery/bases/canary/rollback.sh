#!/usr/bin/env bash
set -euo pipefail

GRACE_SECONDS=20

route_to_v1() { # in one act: what has no route of its own goes to v1
    curl --fail --silent --show-error --request DELETE "$RABBITMQ_API_URL/bindings/%2F/e/tasks/q/tasks.v2/refund"
}

drain_v2() {
    python3 broker.py drain tasks.v2 --stall 4 --within 4
}

stop_v2() { # with the last consumer gone, nothing is unacknowledged
    # shellcheck disable=SC2086  # names, separated by spaces
    docker stop -t "$GRACE_SECONDS" $WORKERS_V2
    python3 broker.py consumers tasks.v2 0
}

move_leftovers() {
    python3 broker.py move tasks.v2 v1 --ledger "$DRILL_STATE_DIR/moved.jsonl"
}

route_to_v1
drain_v2
stop_v2
move_leftovers
