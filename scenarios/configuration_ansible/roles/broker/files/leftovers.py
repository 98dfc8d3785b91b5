"""Move what remains in a queue to an exchange, once nobody consumes from the queue any more; each task is confirmed before it leaves.

    leftovers.py QUEUE EXCHANGE LEDGER [--within SECONDS] [--force]

Can be repeated: the ledger says which tasks the other side has confirmed; those are only taken off the queue. A queue that is not there has
no leftovers. The broker's address comes from AMQP_URL.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import pika
from pika.exceptions import ChannelClosedByBroker

OF_ITS_LAST_QUEUE = ("x-death", "x-delivery-count", "x-acquired-count", "x-first-death-", "x-last-death-")
"""Headers that tell of the old queue: with them a moved task would arrive with its deliveries already counted."""


def wait_until_unused(channel, queue: str, within: float) -> None:
    give_up_at = time.monotonic() + within
    while consumers := channel.queue_declare(queue, passive=True).method.consumer_count:
        if time.monotonic() > give_up_at:
            sys.exit(f"{queue} still has {consumers} consumers after {within:g} s: who are they?")
        channel.connection.sleep(0.1)


def move(channel, queue: str, exchange: str, ledger: Path) -> int:
    channel.confirm_delivery()
    ledger.touch()
    moved = set(ledger.read_text().split())
    count = 0
    with ledger.open("a") as lines:
        while True:
            method, properties, body = channel.basic_get(queue)
            if method is None:
                return count
            if properties.message_id not in moved:
                headers = properties.headers or {}
                properties.headers = {name: value for name, value in headers.items() if not name.startswith(OF_ITS_LAST_QUEUE)}
                channel.basic_publish(exchange, "", body, properties, mandatory=True)  # returns when confirmed, raises when refused
                print(properties.message_id, file=lines, flush=True)
                count += 1
            channel.basic_ack(method.delivery_tag)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queue")
    parser.add_argument("exchange")
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--within", type=float, default=180.0)
    parser.add_argument("--force", action="store_true", help="whoever still consumes")
    arguments = parser.parse_args()
    channel = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])).channel()
    try:
        if not arguments.force:
            wait_until_unused(channel, arguments.queue, arguments.within)
        print(f"{move(channel, arguments.queue, arguments.exchange, arguments.ledger)} tasks moved")
    except ChannelClosedByBroker as refusal:
        if refusal.reply_code != 404:
            raise
        print("there is no such queue")


if __name__ == "__main__":
    main()
