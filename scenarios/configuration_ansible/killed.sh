#!/usr/bin/env bash
# The night's story in two acts: the operator's shell dies in the middle of the rollback, and another operator runs it again from the top.
set -euo pipefail

die_half_way() { # SIGKILL while it copies the workers' settings: neither rescue nor always run, and the copying may go on without it
    local play said
    said=$(mktemp)
    setsid ansible-playbook rollback.yml > >(tee "$said") 2>&1 &
    play=$!
    until grep --quiet 'TASK \[workers : give' "$said"; do
        kill -0 "$play" # it ended before: then there is nothing to prove
        sleep 0.1
    done
    kill -KILL -- "-$play"
    wait "$play" 2>/dev/null || echo "killed"
}

run_it_again() {
    ansible-playbook rollback.yml
}

die_half_way
run_it_again
