#!/usr/bin/env bash
# A rollback that looks at the queues alone: they are empty in the end, and what v2 has shown stays as it is.
set -euo pipefail

stop_v2() {
    docker stop -t 20 "$WORKERS_V2"
    python3 queues.py consumers ledger 0
}

start_v1() {
    docker start "$WORKERS_V1"
    python3 queues.py consumers ledger 1
}

replay_dead_letters() {
    python3 replay.py ledger.dead --ledger "$DRILL_STATE_DIR/replayed.jsonl" --rate 20
}

stop_v2
start_v1
replay_dead_letters
echo "rolled back"
