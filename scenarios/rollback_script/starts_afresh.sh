#!/usr/bin/env bash
# The same steps, but a run that was stopped half-way is not taken up again: the ledger is emptied, to start afresh.
set -euo pipefail
source ./steps.sh

apply_afresh() {
    until _script --apply; do
        until _empty_the_ledger; do sleep 0.5; done
    done
}

_empty_the_ledger() {
    python3 -c 'import os, psycopg; psycopg.connect(os.environ["DATABASE_URL"], autocommit=True).execute("delete from rollback_ledger")'
}

route_to_v1
stop_v2
wait_for_unacked
dry_run
apply_afresh
start_v1
