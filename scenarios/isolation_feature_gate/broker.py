"""What this team's scripts ask of the broker, one verb each: consumers, quiet, unroute, hand-back.

Every verb can be repeated: a second run finds the work done and changes nothing. Every wait has an end. The broker's address comes from
AMQP_URL; nothing is declared here.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

OF_ITS_LAST_QUEUE = ("x-death", "x-delivery-count", "x-acquired-count", "x-first-death-", "x-last-death-")
"""Headers that tell of the old queue: with them a task would arrive with its deliveries already counted."""
POLL_SECONDS = 0.1


def consumers(channel: BlockingChannel, queue: str, count: int, within: float) -> None:
    """Wait until exactly so many consumers are on the queue."""
    give_up_at = time.monotonic() + within
    while _depth(channel, queue)[1] != count:
        if time.monotonic() >= give_up_at:
            raise SystemExit(f"{queue} does not have {count} consumers after {within:g} s")
        channel.connection.sleep(POLL_SECONDS)
    print(f"{queue}: {count} consumers")


def quiet(channel: BlockingChannel, queue: str, lasting: float, within: float) -> None:
    """Watch a queue that nobody consumes from: nothing is published to it any more when it has not grown for so long.

    A flag is a wish; only this says whether every producer has heard it. Gives up with a warning, for the fence that follows holds anyway.
    """
    depth, grown_at, give_up_at = _depth(channel, queue)[0], time.monotonic(), time.monotonic() + within
    while (now := time.monotonic()) - grown_at < lasting:
        if now >= give_up_at:
            print(f"{queue}: STILL PUBLISHED TO after {within:g} s: a producer has not heard that the flag is off")
            return
        channel.connection.sleep(POLL_SECONDS)
        found = _depth(channel, queue)[0]
        if found != depth:
            depth, grown_at = found, now
    print(f"{queue}: quiet at {depth} tasks")


def unroute(channel: BlockingChannel, exchange: str, to: str, key: str) -> None:
    """Take a type's route away. What is still published of it goes to the alternate exchange in the same moment, lost to nobody."""
    channel.exchange_unbind(destination=to, source=exchange, routing_key=key)
    print(f"{exchange} -> {to}: no route")


def hand_back(channel: BlockingChannel, queue: str, to: str, kind: str, ledger: Path) -> None:
    """Publish what remains in a queue as tasks of another type, each confirmed before it leaves the queue.

    As many as are there now: a producer that goes on must not keep this going for ever. The ledger says which tasks the other side has
    confirmed; a run that was killed in between is repeated, and takes those off the queue without publishing them again.
    """
    channel.confirm_delivery()
    ledger.touch()
    moved = {json.loads(line)["task"] for line in ledger.read_text().splitlines()}
    before = len(moved)
    with ledger.open("a") as lines:
        for _ in range(_depth(channel, queue)[0]):
            method, properties, body = channel.basic_get(queue)
            if method is None:
                break
            if properties.message_id not in moved:
                properties.type = kind
                properties.headers = {
                    name: value for name, value in (properties.headers or {}).items() if not name.startswith(OF_ITS_LAST_QUEUE)
                }
                channel.basic_publish(to, kind, body, properties, mandatory=True)  # returns when confirmed, raises when refused
                lines.write(json.dumps({"task": properties.message_id, "from": queue, "to": to, "as": kind, "at": time.time_ns()}) + "\n")
                lines.flush()
                moved.add(properties.message_id)
            channel.basic_ack(method.delivery_tag)
    print(f"{queue} -> {to}: {len(moved) - before} handed back as {kind}, {len(moved)} in the ledger")


def _depth(channel: BlockingChannel, queue: str) -> tuple[int, int]:
    """Ready messages and consumers, true at this moment (the management listings are up to 5 s late)."""
    found = channel.queue_declare(queue, passive=True).method
    return found.message_count, found.consumer_count


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    waiting = verbs.add_parser("consumers")
    waiting.set_defaults(verb=consumers)
    waiting.add_argument("queue")
    waiting.add_argument("count", type=int)
    waiting.add_argument("--within", type=float, default=180.0)
    watching = verbs.add_parser("quiet")
    watching.set_defaults(verb=quiet)
    watching.add_argument("queue")
    watching.add_argument("--for", dest="lasting", type=float, default=2.5)
    watching.add_argument("--within", type=float, default=10.0)
    routing = verbs.add_parser("unroute")
    routing.set_defaults(verb=unroute)
    routing.add_argument("exchange")
    routing.add_argument("to")
    routing.add_argument("--key", required=True)
    moving = verbs.add_parser("hand-back")
    moving.set_defaults(verb=hand_back)
    moving.add_argument("queue")
    moving.add_argument("to")
    moving.add_argument("--as", dest="kind", required=True)
    moving.add_argument("--ledger", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    arguments = vars(_arguments())
    verb = arguments.pop("verb")
    try:
        connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
        verb(connection.channel(), **arguments)
        connection.close()
    except (AMQPError, AMQPConnectorException, OSError) as error:
        raise SystemExit(f"{verb.__name__}: {type(error).__name__}: {error}") from error


if __name__ == "__main__":
    main()
