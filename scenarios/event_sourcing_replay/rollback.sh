#!/usr/bin/env bash
# Takes v2 of the consumer `ledger` back, repairs what it showed, and has done what it refused. Can be run again from the top at any time.
set -euo pipefail

GRACE_SECONDS=20    # longer than any message takes
REBUILD_SECONDS=120  # longer than a rebuild takes: a job that hangs is killed and goes on where it was
REPLAYS_A_SECOND=20 # v1 has the live messages to do, too

stop_v2() { # TERM: it ends the message in hand and gives back the rest. First of all, as it spoils the statement with every message
    docker stop -t "$GRACE_SECONDS" "$WORKERS_V2"
    python3 queues.py consumers ledger 0
}

rebuild_statement() { # from the events, which v2 has not spoilt, beside the statement in use; a job that dies is started again
    local attempt
    for attempt in {1..30}; do
        docker start "$WORKERS_REBUILD"
        [ "$(timeout "$REBUILD_SECONDS" docker wait "$WORKERS_REBUILD")" = 0 ] && return
        docker stop -t 1 "$WORKERS_REBUILD"
        echo "attempt $attempt did not come to its end"
    done
    return 1
}

start_v1() {
    docker start "$WORKERS_V1"
    python3 queues.py consumers ledger 1
}

replay_dead_letters() { # one that lost its connection knows from its ledger where it was
    local attempt code
    for attempt in {1..10}; do
        code=0
        python3 replay.py ledger.dead --ledger "$DRILL_STATE_DIR/replayed.jsonl" --rate "$REPLAYS_A_SECOND" || code=$?
        [ "$code" = 75 ] || return "$code"
        echo "attempt $attempt lost its connection"
    done
    return 1
}

prove_it() {
    python3 prove.py --dead ledger.dead --ledger "$DRILL_STATE_DIR/replayed.jsonl"
}

stop_v2
rebuild_statement
start_v1
replay_dead_letters
prove_it
