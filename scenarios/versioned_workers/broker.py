"""What this team's scripts ask of the broker, one verb each: route, unroute, consumers, drain, move.

Every verb can be repeated: a second run finds the work done and changes nothing. Every wait has an end. Queues and exchanges are
asked for passively, never declared. The broker's address comes from AMQP_URL.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

OF_ITS_LAST_QUEUE = ("x-death", "x-delivery-count", "x-acquired-count", "x-first-death-", "x-last-death-")
"""Headers that tell of the old queue: with them a moved task would arrive with its deliveries already counted."""
POLL_SECONDS = 0.2


def route(channel: BlockingChannel, router: str, to: str, weight: str, instead_of: str | None) -> None:
    """Give one version's exchange the router's tasks: its share where the router has weights, or else all.

    A weight cannot be changed, and a second one would not count: the old one is taken away first, and for a moment the others have all.
    """
    if instead_of is not None:
        unroute(channel, router, to, [instead_of])
    channel.exchange_bind(destination=to, source=router, routing_key=weight)
    print(f"{router} -> {to}: {f'weight {weight}' if weight else 'all'}")


def unroute(channel: BlockingChannel, router: str, to: str, weight: list[str]) -> None:
    """Take them away again, whichever weight it has; tasks go to those that are left, or else to the router's alternate exchange."""
    for each in weight:
        channel.exchange_unbind(destination=to, source=router, routing_key=each)
    print(f"{router} -> {to}: no route")


def consumers(channel: BlockingChannel, queue: str, count: int, within: float) -> None:
    """Wait until exactly so many consumers are on the queue."""
    _wait_until(lambda: _depth(channel, queue)[1] == count, within, f"{queue} does not have {count} consumers after {within:g} s")
    print(f"{queue}: {count} consumers")


def drain(channel: BlockingChannel, queue: str, stall: float, within: float) -> None:
    """Wait until the queue has stayed empty, until nobody consumes from it, or until it gets no emptier.

    Progress is what counts, not that a worker is up: one that dies meanwhile slows the drain, a stuck one does not hold it for ever.

    Args:
        stall: seconds without a new lowest depth after which waiting is of no use. An empty queue is watched for so long too: what
            its consumers hold unacknowledged is not seen here, and comes back when one of them dies.
        within: the longest wait in seconds.
    """
    lowest, progress_at, give_up_at = sys.maxsize, time.monotonic(), time.monotonic() + within
    while True:
        ready, consuming = _depth(channel, queue)
        now = time.monotonic()
        if ready < lowest:
            lowest, progress_at = ready, now
        if consuming == 0 or now - progress_at >= stall or now >= give_up_at:
            print(f"{queue}: {ready} ready, {consuming} consumers")
            return
        channel.connection.sleep(POLL_SECONDS)


def move(channel: BlockingChannel, queue: str, to: str, ledger: Path) -> None:
    """Publish what remains in the queue to another exchange, each task confirmed before it leaves the old queue.

    As many as are there now: whoever still publishes must not keep this going for ever.

    The ledger says which tasks the other side has confirmed. A run that was killed in between is repeated: what is in the ledger is
    only taken off the queue, not published again.
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
            task = properties.message_id
            if task not in moved:
                properties.headers = {
                    name: value for name, value in (properties.headers or {}).items() if not name.startswith(OF_ITS_LAST_QUEUE)
                }
                channel.basic_publish(to, "", body, properties, mandatory=True)  # returns when confirmed, raises when refused
                lines.write(json.dumps({"task": task, "from": queue, "to": to, "at": time.time_ns()}) + "\n")
                lines.flush()
                moved.add(task)
            channel.basic_ack(method.delivery_tag)
    print(f"{queue} -> {to}: {len(moved) - before} moved, {len(moved)} in the ledger")


def _depth(channel: BlockingChannel, queue: str) -> tuple[int, int]:
    """Ready messages and consumers, true at this moment (the management listings are up to 5 s late)."""
    found = channel.queue_declare(queue, passive=True).method
    return found.message_count, found.consumer_count


def _wait_until(true: Callable[[], bool], within: float, otherwise: str) -> None:
    give_up_at = time.monotonic() + within
    while not true():
        if time.monotonic() >= give_up_at:
            raise SystemExit(otherwise)
        time.sleep(POLL_SECONDS)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    for verb in (route, unroute):
        routing = verbs.add_parser(verb.__name__, help=(verb.__doc__ or "").splitlines()[0])
        routing.set_defaults(verb=verb)
        routing.add_argument("router")
        routing.add_argument("to")
        if verb is route:
            routing.add_argument("--weight", default="", help="none: all tasks")
            routing.add_argument("--instead-of", metavar="WEIGHT", help="which it has so far")
        else:
            routing.add_argument("--weight", nargs="+", default=[""], help="each that it may have; none: it has all tasks")
    waiting = verbs.add_parser("consumers", help=consumers.__doc__)
    waiting.set_defaults(verb=consumers)
    waiting.add_argument("queue")
    waiting.add_argument("count", type=int)
    waiting.add_argument("--within", type=float, default=180.0)
    draining = verbs.add_parser("drain", help=(drain.__doc__ or "").splitlines()[0])
    draining.set_defaults(verb=drain)
    draining.add_argument("queue")
    draining.add_argument("--stall", type=float, default=5.0)
    draining.add_argument("--within", type=float, default=30.0)
    moving = verbs.add_parser("move", help=(move.__doc__ or "").splitlines()[0])
    moving.set_defaults(verb=move)
    moving.add_argument("queue")
    moving.add_argument("to")
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
