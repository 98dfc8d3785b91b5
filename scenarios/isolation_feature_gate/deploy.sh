#!/usr/bin/env bash
# Brings the new report: its own workers first, and only when they consume, the flag that lets tasks come.
set -euo pipefail

start_v2() {
    # shellcheck disable=SC2086  # names, separated by spaces
    docker start $WORKERS_REPORT_V2
    # shellcheck disable=SC2086
    python3 broker.py consumers report_v2.tasks "$(wc -w <<<$WORKERS_REPORT_V2)" --within 30
}

turn_flag_on() {
    python3 flag.py set new-report on
    python3 flag.py wait new-report on
}

start_v2
turn_flag_on
