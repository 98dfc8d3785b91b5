#!/usr/bin/env bash
set -euo pipefail

stop_scheduler() {
    docker stop -t 20 "$WORKERS_V2_SCHEDULER"
    python3 broker.py consumers due.v2 0
}

route_to_v1() {
    python3 broker.py route due v1 --weight 1
    curl --fail --silent --show-error --request DELETE "$RABBITMQ_API_URL/bindings/%2F/e/due/q/due.v2/~"
    python3 broker.py move due.v2 v1 --ledger "$DRILL_STATE_DIR/due.jsonl"
}

stop_v2() {
    # shellcheck disable=SC2086  # names, separated by spaces
    docker stop -t 20 $WORKERS_V2
    python3 broker.py consumers tasks.v2 0
}

move_leftovers() {
    python3 broker.py move tasks.v2 v1 --ledger "$DRILL_STATE_DIR/moved.jsonl"
}

stop_scheduler
route_to_v1
stop_v2
move_leftovers
