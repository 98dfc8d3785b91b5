#!/usr/bin/env bash
# The same steps by somebody in a hurry: the rules are applied while v2 still runs, and v2 is stopped in peace afterwards.
set -euo pipefail
FORCE=yes        # "it refuses because v2 still consumes, but this is urgent"
GRACE_SECONDS=30 # "let it finish what it has"
source ./steps.sh

route_to_v1
dry_run
apply
stop_v2
wait_for_unacked
apply             # "for what it gave back"
start_v1
