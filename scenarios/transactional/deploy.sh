#!/usr/bin/env bash
# Brings v2, which insures what it ships: its workers first, and when they consume, all charges and insurances.
set -euo pipefail

BINDINGS="$RABBITMQ_API_URL/bindings/%2F/e/steps/q/orders.v2"

_route() { # $1: a step; what has no route of its own goes to v1
    curl --fail --silent --show-error --header "Content-Type: application/json" --data "{\"routing_key\": \"$1\"}" "$BINDINGS"
}

start_v2() {
    for worker in $WORKERS_V2; do docker start "$worker" & done
    wait
    # shellcheck disable=SC2086  # names, separated by spaces
    python3 shop.py consumers orders.v2 "$(wc -w <<<$WORKERS_V2)"
}

route_to_v2() {
    _route insure
    _route charge
}

start_v2
route_to_v2
