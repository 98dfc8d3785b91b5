#!/usr/bin/env bash
# Takes the new report back: the flag off, a fence behind it, and every task that waited done as the old report.
# Can be run again from the top at any time.
set -euo pipefail

GRACE_SECONDS=20 # longer than any task takes
LEDGER="$DRILL_STATE_DIR/handed_back.jsonl"

turn_flag_off() {
    python3 flag.py set new-report off
}

see_it_off() { # the file says what was wanted; ask the service what it says
    python3 flag.py wait new-report off --within 120
}

stop_v2() { # a worker that did not hear would go on: TERM ends the task in hand and gives back the rest
    # shellcheck disable=SC2086  # names, separated by spaces
    docker stop -t "$GRACE_SECONDS" $WORKERS_REPORT_V2
    python3 broker.py consumers report_v2.tasks 0 --within 180
}

watch_publishes() { # the service says off; whether every producer heard it, only the queue can tell
    python3 broker.py quiet report_v2.tasks
}

fence() { # from now on what is still published of this type is parked
    python3 broker.py unroute tasks report_v2 --key report_v2
}

hand_back() { # what waited behind the flag, and what the new report could not do
    python3 broker.py hand-back report_v2.tasks tasks --as report --ledger "$LEDGER"
    python3 broker.py hand-back parked tasks --as report --ledger "$LEDGER"
}

prove_it() {
    local routes running
    routes=$(curl --fail --silent --show-error "$RABBITMQ_API_URL/exchanges/%2F/report_v2/bindings/destination")
    [ "$routes" = "[]" ] || { echo "tasks still reach the new report: $routes"; return 1; }
    # shellcheck disable=SC2086
    running=$(docker inspect --format '{{if .State.Running}}{{.Name}}{{end}}' $WORKERS_REPORT_V2 | xargs)
    [ -z "$running" ] || { echo "workers of the new report still run: $running"; return 1; }
    python3 prove.py --ledger "$LEDGER"
}

turn_flag_off
see_it_off
stop_v2
watch_publishes
fence
hand_back
prove_it
