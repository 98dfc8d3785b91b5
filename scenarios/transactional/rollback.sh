#!/usr/bin/env bash
# Takes v2 back: what it has committed goes on, what it left half-done is compensated. Can be run again from the top at any time.
set -euo pipefail

GRACE_SECONDS=20 # longer than any step takes
BINDINGS="$RABBITMQ_API_URL/bindings/%2F/e/steps/q/orders.v2"

_unroute() { # $1: a step; a route that is gone already is as good
    local status
    status=$(curl --silent --show-error --output /dev/null --write-out '%{http_code}' --request DELETE "$BINDINGS/$1")
    [[ $status == 204 || $status == 404 ]] || { echo "the route of $1 is still there: HTTP $status"; return 1; }
}

route_charges_to_v1() { # not the insurances: v1 does not know that step, and some of them are still on their way
    _unroute charge
}

stop_v2() { # TERM: each finishes its message or gives it back; with the last consumer gone, nothing is unacknowledged
    # shellcheck disable=SC2086  # names, separated by spaces
    docker stop -t "$GRACE_SECONDS" $WORKERS_V2
    python3 shop.py consumers orders.v2 0
}

drain_outbox() { # v1's relay sends what v2 has committed; afterwards every message of v2 is in its queue
    python3 shop.py sent
    _unroute insure
}

take_back_leftovers() { # charges go to v1; insurances that were begun are cancelled and their orders undone, the others go on without
    python3 shop.py take-back orders.v2 v1 --ledger "$DRILL_STATE_DIR/taken_back.jsonl"
}

prove_it() { # from the tables: nothing promised and unsent, nothing half-done, nothing done twice
    python3 shop.py prove orders.v2 orders.dead
}

route_charges_to_v1
stop_v2
drain_outbox
take_back_leftovers
prove_it
