#!/usr/bin/env bash
# What one does at night when the release burns: v2 is killed, and as its containers are gone, all seems well.
set -euo pipefail

kill_v2() {
    # shellcheck disable=SC2086  # names, separated by spaces
    docker kill $WORKERS_V2
    # shellcheck disable=SC2086
    python3 wait_for.py payments consumers "$(wc -w <<<$WORKERS_V1)"
}

v1_catches_up() {
    python3 wait_for.py payments empty
}

kill_v2
v1_catches_up
