"""Asks from outside whether the rollback left the tasks as it should; exits 1 and says what is not so.

The old queue is empty and has no consumer, so that nothing is unacknowledged either; no task lies in the dead-letter queue; every
task that was moved to where it can be done has been completed by somebody.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pika
import psycopg

POLL_SECONDS = 0.2


def remaining(old: str, dead: str) -> Iterator[str]:
    """What is wrong at the broker, as sentences."""
    with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
        channel = connection.channel()
        found = channel.queue_declare(old, passive=True).method
        if found.message_count or found.consumer_count:
            yield f"{old} has {found.message_count} ready tasks and {found.consumer_count} consumers."
        waiting = channel.queue_declare(dead, passive=True).method.message_count
        if waiting:
            yield f"{dead} has {waiting} tasks: a person must look at them."


def never_completed(moved: list[str], within: float) -> Iterator[str]:
    """Moved tasks that nobody completed in that time, in seconds, as a sentence."""
    give_up_at = time.monotonic() + within
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
        while True:
            done = database.execute("select task from task_state where state = 'completed' and task = any(%s)", [moved]).fetchall()
            missing = sorted(set(moved) - {task for (task,) in done})
            if not missing:
                return
            if time.monotonic() >= give_up_at:
                yield f"{len(missing)} moved tasks are not completed: {', '.join(missing[:5])} …"
                return
            time.sleep(POLL_SECONDS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", required=True, metavar="QUEUE", help="the queue that was drained and moved")
    parser.add_argument("--dead", required=True, metavar="QUEUE", help="its dead-letter queue")
    parser.add_argument("--ledger", required=True, type=Path, help="what sort.py wrote")
    parser.add_argument("--to", required=True, metavar="EXCHANGE", help="where the moved tasks must be completed")
    parser.add_argument("--within", type=float, default=180.0, help="seconds the moved tasks may take")
    given = parser.parse_args()
    ledger = [json.loads(line) for line in given.ledger.read_text().splitlines()]
    moved = [line["task"] for line in ledger if line["to"] == given.to]
    problems = [*remaining(given.old, given.dead), *never_completed(moved, given.within)]
    if problems:
        raise SystemExit("\n".join(problems))
    print(f"{given.old} is empty and unused, {given.dead} is empty, all {len(moved)} moved tasks are completed")


if __name__ == "__main__":
    main()
