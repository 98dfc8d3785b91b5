#!/usr/bin/env bash
set -euo pipefail

look() {
  curl --silent --fail --output /dev/null "$RABBITMQ_API_URL/overview"
}

note_it() {
  date > "$DRILL_STATE_DIR/noted"
  echo "broker $BROKER, workers $WORKERS_V1"
}

look
note_it
