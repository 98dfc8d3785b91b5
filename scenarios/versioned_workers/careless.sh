#!/bin/bash
# The rollback one finds on the internet: stop the new version, delete its queue, tidy up. It looks clean, exits 0, and has lost tasks.

stop_v2() { # one after the other, "so that the others can take over"
    for worker in $WORKERS_V2; do
        sleep 3
        docker kill "$worker"
    done
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
