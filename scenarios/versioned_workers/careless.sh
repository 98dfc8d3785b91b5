#!/bin/bash
# The rollback one finds on the internet: stop the new version, delete its queue, tidy up. It looks clean, exits 0, and has lost tasks.

stop_v2() { # one first, and a look at the table: the others take over; then they go too
    # shellcheck disable=SC2086  # names, separated by spaces
    set -- $WORKERS_V2
    docker kill "$1"
    python3 decide.py --new v2 --old v1 --tasks 80
    docker kill "${@:2}"
}

delete_v2_queue() { # "it was only the canary's"
    curl -sS -X DELETE "$RABBITMQ_API_URL/queues/%2F/tasks.v2"
}

route_to_v1() { # last instead of first: until here publishers are sent to a queue that is gone
    curl -sS -X DELETE "$RABBITMQ_API_URL/bindings/%2F/e/weights/e/v2/9"
    curl -sS -X DELETE "$RABBITMQ_API_URL/bindings/%2F/e/v2.shape/e/v2/~"
    curl -sS -X POST -H "content-type: application/json" -d '{"routing_key": "9"}' "$RABBITMQ_API_URL/bindings/%2F/e/weights/e/v1"
}

stop_v2
delete_v2_queue
route_to_v1
echo "rolled back"
