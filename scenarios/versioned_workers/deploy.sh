#!/usr/bin/env bash
# Brings v2 in steps: its workers first, then what only v2 can read, then 10, 50 and 100 % of the rest, with a decision before each raise.
# v1 keeps running, so that all of it can be given back at once.
set -euo pipefail

V1_WEIGHT=9 # as the broker was set up: 9 of 9 tasks

start_v2() {
    for worker in $WORKERS_V2; do docker start "$worker" & done
    wait
    # shellcheck disable=SC2086  # names, separated by spaces
    python3 broker.py consumers tasks.v2 "$(wc -w <<<$WORKERS_V2)" --within 180
}

open_v2_shapes() { # from here on they reach v2; what came before it has waited in tasks.later
    python3 broker.py route v2.shape v2
    python3 broker.py move tasks.later v2 --ledger "$DRILL_STATE_DIR/taken_over.jsonl"
}

share_10_percent() {
    python3 broker.py route weights v2 --weight 1
}

share_50_percent() {
    decide
    python3 broker.py route weights v2 --weight 9 --instead-of 1
}

share_100_percent() {
    decide
    python3 broker.py unroute weights v1 --weight "$V1_WEIGHT"
}

decide() { # whoever is not content leaves the share as it is, and the alerts to the rollback
    python3 decide.py --new v2 --old v1 || { echo "the share stays as it is"; exit 0; }
}

start_v2
open_v2_shapes
share_10_percent
share_50_percent
share_100_percent
