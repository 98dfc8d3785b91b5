"""Both ends of an AMQP conversation as bytes, encoded by pika, and what the tap makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from pika import amqp_object, frame, spec

from drillbook.tap.config import TapLink, prefix
from drillbook.tap.connection import Connection
from drillbook.tap.selector import selector

LINK = TapLink(name="workers.v2.1 -> broker", listen=5701, peer="workers.v2.1", version="v2")
PREAMBLE = b"AMQP\x00\x00\x09\x01"
Turn = tuple[str, bytes]
"""Who speaks, client or broker, and the bytes."""


class Lines:
    """Lines kept in memory."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []

    def write(self, line: str) -> None:
        self.all.append(json.loads(f'{{"event":"{line}}}'))

    def tick(self) -> None:
        """They have no clock."""

    def extend(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)


class Tap:
    """One connection of the tap, told what passes."""

    def __init__(self, id_from: str = "message_id") -> None:
        self.lines = Lines()
        self.connection = Connection(prefix(LINK, 1), self.lines, selector(id_from))

    def hear(self, turns: Iterable[Turn]) -> Tap:
        for who, data in turns:
            (self.connection.from_client if who == "client" else self.connection.from_broker)(data)
        return self

    @property
    def story(self) -> list[str]:
        """Every line in a few words: event, task, queue, and what else it says, without what every line says."""
        return [_words(line) for line in self.lines.all]


def client(*frames: bytes) -> Turn:
    return "client", b"".join(frames)


def broker(*frames: bytes) -> Turn:
    return "broker", b"".join(frames)


def method(number: int, content: amqp_object.Method) -> bytes:
    return frame.Method(number, content).marshal()


def content(properties: spec.BasicProperties, body: bytes = b"", number: int = 1, frame_max: int = 131072) -> bytes:
    """A header frame, and as many body frames as ``frame_max`` makes of the body."""
    room = frame_max - 8
    cuts = [*range(0, len(body), room), len(body)]
    bodies = (frame.Body(number, body[start:end]).marshal() for start, end in pairwise(cuts))
    return frame.Header(number, len(body), properties).marshal() + b"".join(bodies)


def publish(task: str, queue: str = "tasks.v1", body: bytes = b"{}", number: int = 1, frame_max: int = 131072) -> bytes:
    return method(number, spec.Basic.Publish(exchange="", routing_key=queue)) + content(_named(task), body, number, frame_max)


def deliver(task: str, tag: int, consumer: str = "c1", redelivered: bool = False, body: bytes = b"{}", number: int = 1) -> bytes:
    announced = spec.Basic.Deliver(consumer_tag=consumer, delivery_tag=tag, redelivered=redelivered, exchange="", routing_key="q")
    return method(number, announced) + content(_named(task), body, number)


def opened(number: int = 1) -> list[Turn]:
    """A connection with one channel, from its first byte."""
    return [
        client(PREAMBLE),
        broker(method(0, spec.Connection.Start(server_properties={"product": "RabbitMQ"}))),
        client(method(0, spec.Connection.StartOk(response="\x00u\x00p", client_properties={}))),
        broker(method(0, spec.Connection.Tune(2047, 131072, 60))),
        client(method(0, spec.Connection.TuneOk(2047, 131072, 60)), method(0, spec.Connection.Open("/"))),
        broker(method(0, spec.Connection.OpenOk())),
        *channel(number),
    ]


def channel(number: int) -> list[Turn]:
    return [client(method(number, spec.Channel.Open())), broker(method(number, spec.Channel.OpenOk()))]


def consuming(queue: str = "tasks.v2", consumer: str = "c1", number: int = 1, no_ack: bool = False) -> list[Turn]:
    return [
        client(method(number, spec.Basic.Consume(queue=queue, consumer_tag=consumer, no_ack=no_ack))),
        broker(method(number, spec.Basic.ConsumeOk(consumer_tag=consumer))),
    ]


def ack(tag: int, multiple: bool = False, number: int = 1) -> bytes:
    return method(number, spec.Basic.Ack(delivery_tag=tag, multiple=multiple))


CONFIRMS = [client(method(1, spec.Confirm.Select())), broker(method(1, spec.Confirm.SelectOk()))]
IN_TRANSACTION = [client(method(1, spec.Tx.Select())), broker(method(1, spec.Tx.SelectOk()))]
"""Channel 1 put into one of its two modes."""


def _named(task: str) -> spec.BasicProperties:
    headers = {"intended_at": 7, "x-death": [{"queue": "q", "count": 2}]}
    return spec.BasicProperties(content_type="application/json", headers=headers, delivery_mode=2, message_id=task, type="charge")


def _words(line: dict[str, Any]) -> str:
    words = [line["event"]]
    words += [str(line[key]) for key in ("task", "queue", "routing_key") if key in line]
    words += [f"{key}={str(line[key]).lower()}" for key in ("redelivered", "requeue", "ok") if key in line]
    words += [f"channel={line['channel']}"] if line.get("channel", 1) != 1 else []
    words += ["(connection)"] if line["event"] in ("open", "close") and "channel" not in line else []
    words += [f": {line['reason']}"] if "reason" in line else []
    return " ".join(words)
