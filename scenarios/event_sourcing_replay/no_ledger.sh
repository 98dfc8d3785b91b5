#!/usr/bin/env bash
# A rollback that has all the steps. Only that the replay keeps no ledger of what it has sent, and is run again when it fails.
set -euo pipefail

stop_v2() {
    docker stop -t 20 "$WORKERS_V2"
}

rebuild_statement() {
    docker start "$WORKERS_REBUILD"
    docker wait "$WORKERS_REBUILD"
}

start_v1() {
    docker start "$WORKERS_V1"
}

replay_dead_letters() {
    until python3 careless_replay.py; do
        echo "once more"
    done
}

stop_v2
rebuild_statement
start_v1
replay_dead_letters
echo "rolled back"
