# shellcheck shell=bash
# The steps of a rollback by rule; rollback.sh has their order. Each can be run again: it finds its work done and changes nothing.

GRACE_SECONDS=${GRACE_SECONDS:-2} # a healthy task takes milliseconds: what has not ended by then, hangs
AS_OF=$DRILL_STATE_DIR/as-of

route_to_v1() { # in one act: what has no route of its own goes to v1's queue, and waits there
    curl --fail --silent --show-error --request DELETE "$RABBITMQ_API_URL/bindings/%2F/e/tasks/q/tasks.v2/%23" ||
        curl --fail --silent --show-error "$RABBITMQ_API_URL/bindings/%2F/e/tasks/q/tasks.v2" | grep --quiet '^\[\]$'
}

stop_v2() {
    # shellcheck disable=SC2086  # names, separated by spaces
    docker stop -t "$GRACE_SECONDS" $WORKERS_V2
}

hold_v1() { # it is stopped already, unless this is run again after it was started
    # shellcheck disable=SC2086
    docker stop -t 20 $WORKERS_V1
}

wait_for_unacked() { # asked of the channels themselves: the management figures are up to five seconds late
    for _ in {1..200}; do
        unacked=$(docker exec "$BROKER" rabbitmqctl --quiet --no-table-headers list_channels messages_unacknowledged | awk '{ n += $1 } END { print n + 0 }')
        echo "$unacked unacknowledged"
        [ "$unacked" -gt 0 ] || return 0
    done
    return 1
}

dry_run() { # from now on ages stand still, so that what is shown here is what is applied
    [ -f "$AS_OF" ] || date --utc --iso-8601=ns | tr , . >"$AS_OF"
    _script --dry-run
}

apply() { # as often as it takes: the ledger knows how far the last run has got
    for _ in {1..60}; do
        _script --apply && return
        sleep 0.5
    done
    return 1
}

apply_again() { # a second run has nothing to do, or the first one had not done it
    _script --apply | tee "$DRILL_STATE_DIR/second-run"
    grep --quiet '^changes: 0$' "$DRILL_STATE_DIR/second-run"
}

start_v1() {
    # shellcheck disable=SC2086
    docker start $WORKERS_V1
}

verify() {
    _script --verify --within 180
}

_script() {
    python3 apply_rules.py "$@" ${FORCE:+--force} --rollback "$DRILLBOOK_RUN" --version v2 --rules "${RULES:-rules.yaml}" --queue tasks.v2 --to tasks.v1 \
        --as-of "$(cat "$AS_OF")" --set-aside "$DRILL_STATE_DIR/cancelled"
}
