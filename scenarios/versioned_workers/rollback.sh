#!/usr/bin/env bash
# Takes v2 back without losing a task or doing one twice. Can be run again from the top at any time.
set -euo pipefail

V2_WEIGHT=1      # as deploy.sh bound it
DRAIN_SECONDS=5  # the longest drain: a slow canary is not worth more; what it has not done by then, v1 does
STALL_SECONDS=2  # no progress for so long: v2 is done, or stuck
GRACE_SECONDS=20 # longer than any task takes

route_to_v1() { # first of all: nothing new reaches v2, and no publisher finds the door shut
    python3 broker.py unroute tasks v2 --weight "$V2_WEIGHT"
}

drain_v2() {
    python3 broker.py drain tasks.v2 --stall "$STALL_SECONDS" --within "$DRAIN_SECONDS"
}

stop_v2() { # TERM: each worker ends the task in hand and gives back the rest; with the last consumer gone, nothing is unacknowledged
    # shellcheck disable=SC2086  # names, separated by spaces
    docker stop -t "$GRACE_SECONDS" $WORKERS_V2
    python3 broker.py consumers tasks.v2 0 --within 30
}

move_leftovers() {
    python3 broker.py move tasks.v2 v1 --ledger "$DRILL_STATE_DIR/moved.jsonl"
}

prove_it() {
    local routes running
    routes=$(curl --fail --silent --show-error "$RABBITMQ_API_URL/exchanges/%2F/v2/bindings/destination")
    [ "$routes" = "[]" ] || { echo "tasks still reach v2: $routes"; return 1; }
    # shellcheck disable=SC2086
    running=$(docker inspect --format '{{if .State.Running}}{{.Name}}{{end}}' $WORKERS_V2 | xargs)
    [ -z "$running" ] || { echo "v2 workers still run: $running"; return 1; }
    python3 prove.py --old tasks.v2 --dead tasks.dead --ledger "$DRILL_STATE_DIR/moved.jsonl"
}

route_to_v1
drain_v2
stop_v2
move_leftovers
prove_it
