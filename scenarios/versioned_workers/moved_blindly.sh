#!/usr/bin/env bash
# As rollback.sh, but for its last steps: it moves what is left to v1 without a look at it, and proves nothing.
set -euo pipefail

V1_WEIGHT=9      # as the broker was set up
V2_WEIGHTS="1 9" # as deploy.sh may have bound it
DRAIN_SECONDS=4  # the longest drain: a slow canary is not worth more; what it has not done by then, v1 does
STALL_SECONDS=2  # no progress for so long: v2 is done, or stuck
GRACE_SECONDS=20 # longer than any task takes

route_to_v1() { # first of all, v1's share before v2's is taken away: no publisher finds the door shut
    python3 broker.py route weights v1 --weight "$V1_WEIGHT"
    # shellcheck disable=SC2086  # weights, separated by spaces
    python3 broker.py unroute weights v2 --weight $V2_WEIGHTS
}

drain_v2() { # what only v2 can read still goes to it
    python3 broker.py drain tasks.v2 --stall "$STALL_SECONDS" --within "$DRAIN_SECONDS"
}

park_v2_shapes() { # the exchange's alternate takes them at the same moment: to tasks.later, and never to v1
    python3 broker.py unroute v2.shape v2
}

stop_v2() { # TERM: each worker ends the task in hand and gives back the rest; with the last consumer gone, nothing is unacknowledged
    # shellcheck disable=SC2086  # names, separated by spaces
    docker stop -t "$GRACE_SECONDS" $WORKERS_V2
    python3 broker.py consumers tasks.v2 0 --within 180
}

move_leftovers() { # "v1 will know what to do with it"
    python3 broker.py move tasks.v2 v1 --ledger "$DRILL_STATE_DIR/moved.jsonl"
}

route_to_v1
drain_v2
park_v2_shapes
stop_v2
move_leftovers
