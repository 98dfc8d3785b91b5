#!/usr/bin/env bash
# Careless: takes the flag's word for what workers and producers do. No worker is stopped, no publish is watched, no route is taken away.
set -euo pipefail

turn_flag_off() {
    python3 flag.py set new-report off
}

see_it_off() {
    python3 flag.py wait new-report off --within 120
}

hand_back() {
    python3 broker.py hand-back report_v2.tasks tasks --as report --ledger "$DRILL_STATE_DIR/handed_back.jsonl"
    python3 broker.py hand-back parked tasks --as report --ledger "$DRILL_STATE_DIR/handed_back.jsonl"
}

turn_flag_off
see_it_off
hand_back
