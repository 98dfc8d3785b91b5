"""Messages that the tap keeps: from when it is asked, whole, and never silently short."""

from __future__ import annotations

import json
import signal
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pika import spec
from tap_process import SECONDS, TapProcess, accept, speak
from tap_speech import LINK, Lines, ack, broker, client, consuming, content, deliver, method, opened, publish

from drillbook.core.wait import until
from drillbook.tap.capture import LARGEST_BODY, Capture
from drillbook.tap.config import CaptureSettings, prefix
from drillbook.tap.connection import Connection
from drillbook.tap.selector import selector


class Kept:
    """A connection of the tap whose deliveries may be kept."""

    def __init__(self, folder: Path, most: int = 1 << 22, id_from: str = "message_id") -> None:
        self.output, self._begin = folder / "captured.jsonl", folder / "capture"
        self.capture = Capture(str(self.output), str(self._begin), most)
        self._connection = Connection(prefix(LINK, 1), Lines(), selector(id_from), self.capture)
        self.hear(*opened(), *consuming())

    def begin(self) -> Kept:
        self._begin.touch()
        self.capture.look()
        return self

    def hear(self, *turns: tuple[str, bytes]) -> Kept:
        for who, data in turns:
            (self._connection.from_client if who == "client" else self._connection.from_broker)(data)
        return self

    @property
    def lines(self) -> list[dict[str, Any]]:
        self.capture.flush()
        return [json.loads(line) for line in self.output.read_text().splitlines()]

    @property
    def events(self) -> list[str]:
        return [line["event"] for line in self.lines]

    @property
    def messages(self) -> list[tuple[str | None, bytes | None]]:
        """Task and body of what was kept."""
        return [
            (line.get("task"), b64decode(line["body"]) if "body" in line else None) for line in self.lines if line["event"] == "message"
        ]


def test_nothing_is_kept_before_it_is_asked_for(tmp_path: Path) -> None:
    kept = Kept(tmp_path).hear(broker(deliver("a", 1)))
    kept.capture.look()
    assert kept.hear(broker(deliver("b", 2))).lines == []


def test_a_delivery_is_kept_with_its_way_its_header_and_its_body(tmp_path: Path) -> None:
    [line] = [line for line in Kept(tmp_path).begin().hear(broker(deliver("a", 1, body=b'{"n": 1}'))).lines if line["event"] == "message"]
    properties = spec.BasicProperties().decode(b64decode(line["header"]), 12)
    assert b64decode(line["body"]) == b'{"n": 1}'
    assert (properties.message_id, properties.headers["intended_at"]) == ("a", 7)
    assert (line["link"], line["peer"], line["version"], line["task"], line["queue"]) == (
        LINK.name,
        LINK.peer,
        LINK.version,
        "a",
        "tasks.v2",
    )


def test_what_is_published_is_not_kept(tmp_path: Path) -> None:
    assert Kept(tmp_path).begin().hear(client(publish("a"))).messages == []


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_body_is_kept_whole_however_the_network_splits_it(tmp_path: Path, step: int) -> None:
    data = deliver("a", 1, body=b"x" * 3000)
    kept = Kept(tmp_path).begin().hear(*(broker(data[start : start + step]) for start in range(0, len(data), step)))
    assert kept.messages == [("a", b"x" * 3000)]


def test_a_body_of_several_frames_is_kept_whole(tmp_path: Path) -> None:
    announced = method(1, spec.Basic.Deliver(consumer_tag="c1", delivery_tag=1, redelivered=False, exchange="", routing_key="q"))
    data = announced + content(spec.BasicProperties(message_id="a"), b"y" * 1000, frame_max=208)
    assert Kept(tmp_path).begin().hear(broker(data)).messages == [("a", b"y" * 1000)]


def test_an_empty_body_is_kept_as_empty(tmp_path: Path) -> None:
    assert Kept(tmp_path).begin().hear(broker(deliver("a", 1, body=b"first")), broker(deliver("b", 2, body=b""))).messages[1] == ("b", b"")


def test_of_a_body_too_large_the_size_is_kept(tmp_path: Path) -> None:
    kept = Kept(tmp_path).begin().hear(broker(deliver("a", 1, body=b"z" * (LARGEST_BODY + 1))))
    assert kept.messages == [("a", None)]
    assert kept.lines[-1]["size"] == LARGEST_BODY + 1


def test_a_message_without_an_id_is_kept_too(tmp_path: Path) -> None:
    assert Kept(tmp_path, id_from="correlation_id").begin().hear(broker(deliver("a", 1))).messages == [(None, b"{}")]


def test_above_its_bound_the_file_says_that_it_is_full_and_keeps_no_more(tmp_path: Path) -> None:
    kept = Kept(tmp_path, most=1000).begin().hear(*(broker(deliver("a", tag)) for tag in range(1, 20)))
    kept.capture.end()
    assert kept.events[-1] == "full"
    assert kept.events.count("full") == 1
    assert kept.output.stat().st_size < 1100


def test_its_beginning_is_in_the_file_at_once(tmp_path: Path) -> None:
    assert '"event":"begin"' in Kept(tmp_path).begin().output.read_text()


def test_what_is_asked_for_twice_begins_once(tmp_path: Path) -> None:
    assert Kept(tmp_path).begin().begin().events == ["begin"]


OVER: dict[str, Callable[[Kept], object]] = {
    "it is full": lambda kept: kept.hear(*(broker(deliver("a", tag)) for tag in range(1, 20))),
    "it has ended": lambda kept: kept.capture.end(),
}


@pytest.mark.parametrize("ends", OVER.values(), ids=OVER)
def test_what_is_over_does_not_begin_again(tmp_path: Path, ends: Callable[[Kept], object]) -> None:
    kept = Kept(tmp_path, most=1000).begin()
    ends(kept)
    assert not kept.capture.on
    assert kept.begin().events.count("begin") == 1


def test_what_was_stopped_in_order_has_an_end(tmp_path: Path) -> None:
    kept = Kept(tmp_path).begin()
    kept.capture.end()
    assert kept.events == ["begin", "end"]


def test_a_tap_that_is_started_again_goes_on_with_the_file(tmp_path: Path) -> None:
    Kept(tmp_path).begin().hear(broker(deliver("a", 1))).capture.flush()
    assert [task for task, _ in Kept(tmp_path).begin().hear(broker(deliver("b", 1))).messages] == ["a", "b"]


def test_capturing_does_not_change_what_the_wire_is_told_of(tmp_path: Path) -> None:
    turns = [*opened(), *consuming(), broker(deliver("a", 1)), client(ack(1))]
    told = []
    for capture in (None, Kept(tmp_path).begin().capture):
        lines = Lines()
        connection = Connection(prefix(LINK, 1), lines, selector("message_id"), capture)
        for who, data in turns:
            (connection.from_client if who == "client" else connection.from_broker)(data)
        told.append(lines.all)
    assert told[0] == told[1]


NOWHERE = "tap: cannot keep messages: [Errno 28] No space left on device. Connections are still carried.\n"
UNWRITTEN: dict[str, Callable[[Capture], None]] = {
    "when it begins": Capture.look,
    "amid its messages": lambda capture: capture.take("", b"header", b"x" * 100_000, 100_000),
    "when it is flushed": lambda capture: (capture.take("", b"header", b"x", 1), capture.flush())[1],
    "in the end": Capture.end,
}


@pytest.mark.parametrize("act", UNWRITTEN.values(), ids=UNWRITTEN)
def test_what_cannot_keep_messages_says_so_once_and_wants_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], act: Callable[[Capture], None]
) -> None:
    (tmp_path / "capture").touch()
    capture = Capture("/dev/full", str(tmp_path / "capture"), 1 << 20)
    capture.on = act is not Capture.look
    act(capture)
    capture.look()
    capture.flush()
    assert not capture.on
    assert capsys.readouterr().err == NOWHERE


def test_a_tap_that_cannot_keep_messages_still_carries_connections(tmp_path: Path, upstream: Any) -> None:
    (tmp_path / "capture").touch()
    settings = CaptureSettings("/dev/full", str(tmp_path / "capture"), 1 << 20)
    tap = TapProcess(tmp_path, upstream.getsockname(), peers=("workers.v1.1",), capture=settings)
    try:
        speak(*tap.joined(upstream), [*opened(), *consuming(), broker(deliver("a", 1)), client(ack(1))])
        assert tap.end() == 0
        assert tap.story == ["deliver a", "ack a"]
        assert tap.errors == NOWHERE
    finally:
        tap.close()


def test_a_running_tap_begins_at_the_signal(tmp_path: Path, upstream: Any) -> None:
    output, begin = tmp_path / "captured.jsonl", tmp_path / "capture"
    tap = TapProcess(tmp_path, upstream.getsockname(), peers=("workers.v1.1",), capture=CaptureSettings(str(output), str(begin), 1 << 20))
    try:
        ours, theirs = tap.dial(), accept(upstream)
        speak(ours, theirs, [*opened(), *consuming(), broker(deliver("a", 1))])
        begin.touch()
        tap.process.send_signal(signal.SIGHUP)
        assert until(lambda: "begin" in output.read_text(), SECONDS)
        speak(ours, theirs, [broker(deliver("b", 2))])
        assert until(lambda: '"task":"b"' in tap.output.read_text(), SECONDS)
        tap.end()
        lines = [json.loads(line) for line in output.read_text().splitlines()]
        assert [(line["event"], line.get("task")) for line in lines] == [("begin", None), ("message", "b"), ("end", None)]
    finally:
        tap.close()
