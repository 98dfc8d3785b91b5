"""What this team's scripts ask of the broker: how many consume from a queue, and whether it is empty. The address is in AMQP_URL."""

from __future__ import annotations

import argparse
import os
import time

import pika
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

POLL_SECONDS = 0.2


def found(queue: str) -> tuple[int, int]:
    """Ready messages and consumers, true at this moment (the management listings are up to 5 s late)."""
    with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
        declared = connection.channel().queue_declare(queue, passive=True).method
        return declared.message_count, declared.consumer_count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    waiting = parser.add_subparsers(required=True).add_parser("consumers", help="wait until exactly so many consume from a queue")
    waiting.add_argument("queue")
    waiting.add_argument("count", type=int)
    waiting.add_argument("--within", type=float, default=180.0, metavar="SECONDS")
    given = parser.parse_args()
    give_up_at = time.monotonic() + given.within
    try:
        while (consumers := found(given.queue)[1]) != given.count:
            if time.monotonic() >= give_up_at:
                raise SystemExit(f"{given.queue} has {consumers} consumers after {given.within:g} s, not {given.count}")
            time.sleep(POLL_SECONDS)
    except (AMQPError, AMQPConnectorException, OSError) as error:
        raise SystemExit(f"{given.queue}: {type(error).__name__}: {error}") from error
    print(f"{given.queue}: {given.count} consumers")


if __name__ == "__main__":
    main()
