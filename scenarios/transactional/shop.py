"""What this shop's operators do by hand or from scripts, one verb each: consumers, sent, take-back, prove.

Every verb can be repeated, and every wait has an end. AMQP_URL and DATABASE_URL say where things are.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pika
import psycopg
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

POLL_SECONDS = 0.2
OF_ITS_LAST_QUEUE = ("x-death", "x-delivery-count", "x-acquired-count", "x-first-death-", "x-last-death-")
"""Headers that tell of the old queue: with them a moved message would arrive with its deliveries already counted."""
OPEN = "select task from orders where state not in ('completed', 'compensated')"

HANDLED = "insert into inbox (message, worker) values (%(message)s, 'operator') on conflict do nothing"
NEXT = """
with next as (insert into outbox (task, step) values (%(task)s, %(step)s))
update orders set state = 'queued', step = %(step)s, worker = 'operator', updated_at = clock_timestamp() where task = %(task)s
"""
FENCE = """
insert into policies (task, state, version, worker) values (%(task)s, 'cancelled', 'v1', 'operator') on conflict do nothing
"""
CONTRADICTIONS = {
    "steps were done twice": "select key from effects group by key having count(*) > 1",
    "orders ended twice": "select task from effects where step in ('ship', 'release') group by task having count(*) > 1",
    "insurances are half-done": "select task from policies where state = 'begun'",
    "orders were undone and stay insured": """
        select task from orders join policies using (task) where orders.state = 'compensated' and policies.state <> 'cancelled'""",
}


def consumers(queue: str, count: int, within: float) -> None:
    """Wait until exactly so many consumers are on the queue."""
    with _broker() as channel:
        _wait_until(lambda: _depth(channel, queue)[1] == count, within, f"{queue} does not have {count} consumers after {within:g} s")
    print(f"{queue}: {count} consumers")


def sent(within: float) -> None:
    """Wait until everything is sent that is in the outbox now; what others write meanwhile is not waited for."""
    with _database() as rows:
        row = rows.execute("select coalesce(max(id), 0) from outbox").fetchone()
        assert row is not None

        def unsent() -> int:
            return rows.execute("select 1 from outbox where sent_at is null and id <= %s", row).rowcount

        _wait_until(lambda: not unsent(), within, f"the outbox is not drained after {within:g} s: does the relay run?")
    print(f"outbox: sent up to {row[0]}")


def take_back(queue: str, to: str, ledger: Path) -> None:
    """Empty v2's queue: what v1 knows is sent to it, what it does not know is decided by how far v2 came.

    Each message leaves the queue when what replaces it is safe: confirmed by the broker, or committed. The ledger says what was sent to
    v1, the inbox says what was decided, so that a second run repeats neither.
    """
    ledger.touch()
    moved = {json.loads(line)["message"] for line in ledger.read_text().splitlines()}
    counts: Counter[str] = Counter()
    with _broker() as channel, _database() as rows, ledger.open("a") as lines:
        channel.confirm_delivery()
        for tag, properties, body in _messages(channel, queue):
            message = str(properties.message_id)
            if properties.type == "insure":
                what = _decide(rows, message, str(properties.correlation_id))
            elif message in moved:
                what = "sent before"
            else:
                what = f"sent to {to}"
                _send(channel, to, properties, body)
                moved.add(message)
                lines.write(json.dumps({"message": message, "at": time.time_ns()}) + "\n")
                lines.flush()
            channel.basic_ack(tag)
            counts[what] += 1
    print(f"{queue}: {', '.join(f'{count} {what}' for what, count in counts.items()) or 'empty'}")


def _messages(channel: BlockingChannel, queue: str) -> Iterator[tuple[int, pika.BasicProperties, bytes]]:
    """What is in the queue, until it is empty; each is for the caller to acknowledge."""
    while True:
        method, properties, body = channel.basic_get(queue)
        if method is None or method.delivery_tag is None or properties is None:
            return
        yield method.delivery_tag, properties, body or b""


def _send(channel: BlockingChannel, to: str, properties: pika.BasicProperties, body: bytes) -> None:
    properties.headers = {name: value for name, value in (properties.headers or {}).items() if not name.startswith(OF_ITS_LAST_QUEUE)}
    channel.basic_publish(to, "", body, properties, mandatory=True)  # returns when confirmed, raises when refused


def _decide(rows: psycopg.Connection[Any], message: str, task: str) -> str:
    """What becomes of an insurance that v2 has left: one transaction, with the inbox row that keeps anybody from deciding again.

    Was it begun, nobody knows whether the insurer has heard of it: the order is undone as a whole. Was it not, the fence keeps it
    so: it waits for a COMMIT of v2 that is still under way, and whoever comes later finds the insurance cancelled.
    """
    given = {"message": message, "task": task}
    with rows.transaction():
        if not rows.execute(HANDLED, given).rowcount:
            return "done before"
        begun = not rows.execute(FENCE, given).rowcount
        rows.execute(NEXT, {**given, "step": "undo" if begun else "ship"})
    return "begun and now undone" if begun else "not begun and shipped without"


def prove(queue: str, dead: str, stall: float, within: float) -> None:
    """Ask the tables and the broker whether the rollback is complete; exit 1 and say what is not so."""
    with _broker() as channel, _database() as rows:
        problems = [*_resting(channel, queue, dead), *_unended(rows, stall, within), *_contradictions(rows)]
        states = rows.execute("select state, count(*) from orders group by state order by state").fetchall()
    print(", ".join(f"{count} orders {state}" for state, count in states))
    if problems:
        raise SystemExit("\n".join(problems))
    print("every order that was open has ended, none twice; no insurance is half-done; nothing remains")


def _resting(channel: BlockingChannel, queue: str, dead: str) -> Iterator[str]:
    ready, consuming = _depth(channel, queue)
    if ready or consuming:
        yield f"{queue} has {ready} messages and {consuming} consumers."
    if waiting := _depth(channel, dead)[0]:
        yield f"{dead} has {waiting} messages: a person must look at them."


def _unended(rows: psycopg.Connection[Any], stall: float, within: float) -> Iterator[str]:
    """Orders that are open now must end, as long as some do: none for ``stall`` seconds, and the rest is stuck."""
    waiting = [task for (task,) in rows.execute(OPEN)]
    give_up_at = time.monotonic() + within
    stalled_at = time.monotonic() + stall
    while waiting and time.monotonic() < min(give_up_at, stalled_at):
        time.sleep(POLL_SECONDS)
        still = [task for (task,) in rows.execute(f"{OPEN} and task = any(%s)", [waiting])]
        if len(still) < len(waiting):
            waiting, stalled_at = still, time.monotonic() + stall
    if waiting:
        yield f"{len(waiting)} orders were open and do not end: {', '.join(sorted(waiting)[:5])} …"


def _contradictions(rows: psycopg.Connection[Any]) -> Iterator[str]:
    for sentence, query in CONTRADICTIONS.items():
        found = [one for (one,) in rows.execute(query)]
        if found:
            yield f"{len(found)} {sentence}: {', '.join(sorted(found)[:5])} …"


@contextmanager
def _broker() -> Iterator[BlockingChannel]:
    """A channel on a connection of its own."""
    with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
        yield connection.channel()


def _database() -> psycopg.Connection[Any]:
    # A transaction of a worker that was cut off may keep its locks until the server gives it up; longer than that is somebody's mistake.
    return psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, options="-c lock_timeout=60000")


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

    def verb(does: Callable[..., None], *names: str, within: float | None = None) -> argparse.ArgumentParser:
        added = verbs.add_parser(does.__name__.replace("_", "-"), help=(does.__doc__ or "").splitlines()[0])
        added.set_defaults(verb=does)
        for name in names:
            added.add_argument(name)
        if within is not None:
            added.add_argument("--within", type=float, default=within, help="seconds")
        return added

    verb(consumers, "queue", within=180).add_argument("count", type=int)
    verb(sent, within=180)
    verb(take_back, "queue", "to").add_argument("--ledger", type=Path, required=True)
    verb(prove, "queue", "dead", within=240).add_argument("--stall", type=float, default=12, help="seconds")
    return parser.parse_args()


def main() -> None:
    arguments = vars(_arguments())
    verb = arguments.pop("verb")
    try:
        verb(**arguments)
    except (AMQPError, AMQPConnectorException, psycopg.Error, OSError) as error:
        raise SystemExit(f"{verb.__name__}: {type(error).__name__}: {error}") from error


if __name__ == "__main__":
    main()
