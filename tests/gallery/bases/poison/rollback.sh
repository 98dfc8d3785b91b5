#!/usr/bin/env bash
set -euo pipefail

start_v1() { # the poison makes their consumers come and go
    # shellcheck disable=SC2086  # names, separated by spaces
    docker start $WORKERS_V1
}

stop_v2() {
    # shellcheck disable=SC2086
    docker stop -t 20 $WORKERS_V2
}

start_v1
stop_v2
