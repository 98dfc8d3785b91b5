#!/usr/bin/env bash
set -euo pipefail

route_to_v1() { # in one act: what has no route of its own goes to v1
    curl --fail --silent --show-error --request DELETE "$RABBITMQ_API_URL/bindings/%2F/e/tasks/q/tasks.v2/refund"
}

move_leftovers() { # as often as it takes: the ledger knows what v1 has got
    for _ in {1..200}; do
        python3 broker.py move tasks.v2 v1 --ledger "$DRILL_STATE_DIR/moved.jsonl" && return
        sleep 1
    done
    return 1
}

route_to_v1
move_leftovers
