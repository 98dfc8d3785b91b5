#!/usr/bin/env bash
# The rollback where all types share a queue and its workers: there is no worker to stop and no route to take away, only the flag.
set -euo pipefail

turn_flag_off() {
    python3 flag.py set new-report off
}

see_it_off() {
    python3 flag.py wait new-report off --within 120
}

watch_refusals() { # the workers refuse the new type now; wait until all that was queued of it is parked
    python3 broker.py quiet parked --for 4 --within 180
}

hand_back() {
    python3 broker.py hand-back parked tasks --as report --ledger "$DRILL_STATE_DIR/handed_back.jsonl"
}

prove_it() {
    python3 prove.py --ledger "$DRILL_STATE_DIR/handed_back.jsonl"
}

turn_flag_off
see_it_off
watch_refusals
hand_back
prove_it
