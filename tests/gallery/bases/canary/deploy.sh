#!/usr/bin/env bash
set -euo pipefail

start_v2() {
    # shellcheck disable=SC2086  # names, separated by spaces
    docker start $WORKERS_V2
    # shellcheck disable=SC2086
    python3 broker.py consumers tasks.v2 "$(wc -w <<<$WORKERS_V2)"
}

route_to_v2() {
    curl --fail --silent --show-error --header "Content-Type: application/json" --data '{"routing_key": "refund"}' \
        "$RABBITMQ_API_URL/bindings/%2F/e/tasks/q/tasks.v2"
}

start_v2
route_to_v2
