#!/usr/bin/env bash
# Careless: stops the new report's workers, and leaves its door open to every producer that has not heard that the flag is off.
set -euo pipefail

turn_flag_off() {
    python3 flag.py set new-report off
}

see_it_off() {
    python3 flag.py wait new-report off --within 120
}

stop_v2() {
    # shellcheck disable=SC2086  # names, separated by spaces
    docker stop -t 20 $WORKERS_REPORT_V2
    python3 broker.py consumers report_v2.tasks 0 --within 180
}

hand_back() {
    python3 broker.py hand-back report_v2.tasks tasks --as report --ledger "$DRILL_STATE_DIR/handed_back.jsonl"
    python3 broker.py hand-back parked tasks --as report --ledger "$DRILL_STATE_DIR/handed_back.jsonl"
}

turn_flag_off
see_it_off
stop_v2
hand_back
