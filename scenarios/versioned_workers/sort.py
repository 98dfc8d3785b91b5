"""Sorts what remains in a queue of v2: to v1 what it can read, in v1's own shape; aside what only v2 knows.

Each task is confirmed on the other side before it leaves its queue, and a ledger says which were: a run that was killed in between is
repeated, and takes off the queue what is in the ledger without publishing it again. What stays aside is marked `queued` in the tasks'
table, since nobody executes it any more. The addresses come from AMQP_URL and DATABASE_URL.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from decimal import Decimal
from pathlib import Path
from typing import TextIO

import pika
import psycopg
from broker import OF_ITS_LAST_QUEUE
from pika.adapters.blocking_connection import BlockingChannel

QUEUED = "update task_state set state = 'queued', updated_at = now() where task = any(%s) and state = 'executing'"


def as_v1(properties: pika.BasicProperties, body: bytes) -> bytes | None:
    """The task as v1 reads it; None where v1 has no word for it.

    v2 gives an amount as text with a currency where v1 has cents, which are euros; refunds are new with v2.
    """
    if (properties.headers or {}).get("version") != "v2":
        return body
    content = json.loads(body)
    if content["type"] != "charge" or content["currency"] != "EUR":
        return None
    amount, _ = content.pop("amount"), content.pop("currency")
    return json.dumps({**content, "amount_cents": int(Decimal(amount) * 100)}).encode()


class Sorting:
    """One queue, gone through once.

    Args:
        channel: with publisher confirms; what stays in its queue goes back to it when the channel closes.
        given: the command line.
    """

    def __init__(self, channel: BlockingChannel, given: argparse.Namespace) -> None:
        self._channel, self._given = channel, given
        given.ledger.touch()
        self._moved = {(line["task"], line["to"]) for line in map(json.loads, given.ledger.read_text().splitlines())}
        self.counts = {"as they are": 0, "translated": 0, "aside": 0}
        self.aside: list[str] = []

    def run(self) -> None:
        """Sort as many as are there now: what comes meanwhile must not keep this going for ever."""
        there = self._channel.queue_declare(self._given.queue, passive=True).method.message_count
        with self._given.ledger.open("a") as ledger:
            for _ in range(there):
                method, properties, body = self._channel.basic_get(self._given.queue)
                if method is None:
                    break
                readable = as_v1(properties, body)
                self.counts["aside" if readable is None else "as they are" if readable == body else "translated"] += 1
                if readable is None:
                    self.aside.append(properties.message_id)
                    if self._given.queue == self._given.parked:
                        continue
                    self._move(ledger, self._given.aside, properties, body)
                else:
                    self._move(ledger, self._given.readable, _of_v1(properties), readable)
                self._channel.basic_ack(method.delivery_tag)

    def _move(self, ledger: TextIO, to: str, properties: pika.BasicProperties, body: bytes) -> None:
        task = properties.message_id
        if (task, to) in self._moved:
            return
        properties.headers = {name: value for name, value in (properties.headers or {}).items() if not name.startswith(OF_ITS_LAST_QUEUE)}
        self._channel.basic_publish(to, "", body, properties, mandatory=True)  # returns when confirmed, raises when refused
        ledger.write(json.dumps({"task": task, "from": self._given.queue, "to": to, "at": time.time_ns()}) + "\n")
        ledger.flush()
        self._moved.add((task, to))


def _of_v1(properties: pika.BasicProperties) -> pika.BasicProperties:
    properties.headers = {**(properties.headers or {}), "version": "v1"}
    return properties


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queue", help="the queue to sort")
    parser.add_argument("--readable", required=True, metavar="EXCHANGE", help="where v1 gets what it can read")
    parser.add_argument("--aside", required=True, metavar="EXCHANGE", help="where the rest is put")
    parser.add_argument("--parked", required=True, metavar="QUEUE", help="where that waits: what is there already stays there")
    parser.add_argument("--ledger", required=True, type=Path, help="which tasks the other side has confirmed")
    given = parser.parse_args()
    with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        sorting = Sorting(channel, given)
        sorting.run()
    if sorting.aside:
        with psycopg.connect(os.environ["DATABASE_URL"]) as database:
            database.execute(QUEUED, [sorting.aside])
    print(f"{given.queue}: {', '.join(f'{count} {what}' for what, count in sorting.counts.items())}")


if __name__ == "__main__":
    main()
