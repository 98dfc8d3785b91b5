#!/usr/bin/env bash
# The rollback under test. Put your own here. Each function called below is a step: it is timed, shown in the report, and faults can be
# pinned to it by name (stop_v2 is `stop v2`). It must be safe to run again from the top.
set -euo pipefail

GRACE_SECONDS=20 # longer than any task takes

stop_v2() { # TERM first: each worker ends the task in hand, and gives back those it has not begun
    # shellcheck disable=SC2086  # container names, separated by spaces
    docker stop -t "$GRACE_SECONDS" $WORKERS_V2
}

check_v1() { # a rollback that leaves nobody to do the tasks is none
    for worker in $WORKERS_V1; do
        [ "$(docker inspect --format '{{.State.Running}}' "$worker")" = true ] || { echo "$worker does not run"; return 1; }
    done
}

stop_v2
check_v1
