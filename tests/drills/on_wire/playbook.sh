#!/usr/bin/env bash
set -euo pipefail

look() {
  curl --silent --fail --output /dev/null "$RABBITMQ_API_URL/overview"
}

note_it() {
  date > "$DRILL_STATE_DIR/noted"
}

look
note_it
