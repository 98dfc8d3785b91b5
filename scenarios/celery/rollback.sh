#!/usr/bin/env bash
# Takes v2 back by Celery's warm shutdown. Can be run again from the top at any time.
set -euo pipefail

GRACE_SECONDS=90 # longer than any task takes; Docker's own 10 s would kill a worker in the middle of one

v1_takes_tasks() { # before v2 goes: somebody must be there to take over
    # shellcheck disable=SC2086  # names, separated by spaces
    [ "$(docker inspect --format '{{.State.Running}}' $WORKERS_V1 | sort --unique)" = true ] || { echo "v1 does not run"; return 1; }
}

stop_v2() { # TERM is Celery's warm shutdown: take no more tasks, end those in hand, acknowledge them, leave
    # shellcheck disable=SC2086
    docker stop --time "$GRACE_SECONDS" $WORKERS_V2
    # shellcheck disable=SC2086
    python3 wait_for.py payments consumers "$(wc -w <<<$WORKERS_V1)"
}

v1_catches_up() { # progress is what counts, not that a worker is up
    python3 wait_for.py payments empty
}

prove_it() {
    local running
    # shellcheck disable=SC2086
    running=$(docker inspect --format '{{if .State.Running}}{{.Name}}{{end}}' $WORKERS_V2 | xargs)
    [ -z "$running" ] || { echo "v2 workers still run: $running"; return 1; }
    python3 wait_for.py payments.dead empty
}

v1_takes_tasks
stop_v2
v1_catches_up
prove_it
