#!/usr/bin/env bash
# Puts v2 in v1's place: v2 is started, gets every new task in one act, and v1 is stopped.
set -euo pipefail

start_v2() {
    # shellcheck disable=SC2086  # names, separated by spaces
    docker start $WORKERS_V2
}

route_to_v2() {
    curl --fail --silent --show-error --header "Content-Type: application/json" --data '{"routing_key": "#"}' \
        "$RABBITMQ_API_URL/bindings/%2F/e/tasks/q/tasks.v2"
}

stop_v1() {
    # shellcheck disable=SC2086
    docker stop -t 20 $WORKERS_V1
}

start_v2
route_to_v2
stop_v1
