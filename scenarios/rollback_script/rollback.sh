#!/usr/bin/env bash
# Takes v2 back: stops it, lets the rules decide on every task it leaves behind, and gives the service back to v1.
# Can be run again from the top at any time.
set -euo pipefail
source ./steps.sh

route_to_v1      # first of all: nothing new reaches v2
stop_v2
hold_v1
wait_for_unacked # now nobody is at work: what the queue and the table say stays true until v1 is started
dry_run
apply
apply_again
start_v1
verify
