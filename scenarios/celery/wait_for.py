"""Waits for a queue: wait_for.py QUEUE consumers COUNT, or wait_for.py QUEUE empty. AMQP_URL says where; nothing is declared.

The management API would do too, but its figures lag by seconds; a passive declare tells consumers and ready tasks as they are.
"""

import os
import sys
import time

import pika

SECONDS = 240
"""The longest wait."""


def main(queue: str, what: str, count: int = 0) -> None:
    with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
        channel = connection.channel()
        give_up_at = time.monotonic() + SECONDS
        while True:
            found = channel.queue_declare(queue, passive=True).method
            if (found.message_count if what == "empty" else found.consumer_count) == count:
                print(f"{queue}: {found.consumer_count} consumers, {found.message_count} tasks ready")
                return
            if time.monotonic() > give_up_at:
                sys.exit(f"{queue}: {found.consumer_count} consumers, {found.message_count} tasks ready after {SECONDS} s")
            connection.sleep(0.1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
