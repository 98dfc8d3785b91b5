"""The load without a broker: what is sent when, what is held, what is skipped, and that every task that was due has its line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from drillbook.load import publisher as module
from drillbook.load.control import Control
from drillbook.load.ledger import Ledger
from drillbook.load.publisher import BATCH, STOPPED, TICK, Publisher, PublishResult
from drillbook.load.window import Attempt, Resolution
from drillbook.plan import arrivals
from drillbook.scenario import Load

START = 1_000_000_000_000
SECOND = 1_000_000_000
LATER = START + 3600 * SECOND
FAR = 10**19
"""Later than any clock of this machine."""
SEED = 7


class Session:
    """The broker's side of the publisher, as far as it is asked: it takes what is published, and confirms it when a test says so."""

    def __init__(self) -> None:
        self.usable = True
        self.obstacle = "no connection"
        self.sent: list[tuple[Attempt, str, bytes, Any]] = []
        self.expired: list[int] = []
        self.done: list[str] = []

    def open(self) -> None:
        self.done.append("open")

    def publish(self, attempt: Attempt, routing_key: str, body: bytes, properties: Any) -> None:
        self.sent.append((attempt, routing_key, body, properties))

    @contextmanager
    def batch(self) -> Iterator[None]:
        self.done.append("batch")
        yield
        self.done.append("flush")

    def expire(self, now: int) -> None:
        self.expired.append(now)

    def close(self, reason: str) -> None:
        self.done.append(f"close: {reason}")
        self.usable = False


class Gate:
    """The feature flag."""

    def __init__(self) -> None:
        self.ready, self.to = True, "old"

    def type_of(self, type: str) -> str:
        return self.to


class Publishing:
    """A publisher before a session of our own, told to start at `START`."""

    def __init__(self, folder: Path, gate: Gate | None = None, started: bool = True, **load: Any) -> None:
        self.load = Load.model_validate({"rate": "10/s", "duration": "1s", "most": "1s", "confirm_within": "10s", **load})
        theirs, self._ours = os.pipe()
        self.control = Control(theirs, os.getppid())
        if started:
            self.tell(f"go {START}")
        self.file = folder / "published.jsonl"
        self.ledger = Ledger(self.file, self.load)
        self.seen: list[PublishResult] = []
        self.publisher = Publisher(self.load, SEED, "amqp://127.0.0.1:1/", self.ledger, self.control, self.seen.append, gate=gate)  # type: ignore[arg-type]
        self.session = Session()
        self.publisher.session = self.session  # type: ignore[assignment]
        self.arrivals = list(arrivals(self.load, SEED))

    def tell(self, command: str) -> None:
        os.write(self._ours, f"{command}\n".encode())

    def hang_up(self) -> None:
        os.close(self._ours)

    def at(self, seconds: float) -> float | None:
        """One look at what is due, so long after the start."""
        return self.publisher._tick(START + round(seconds * SECOND))

    def confirm(self, count: int | None = None) -> None:
        for attempt, *_ in self.session.sent[:count]:
            self.publisher._resolve(Resolution(attempt, "ok"))

    @property
    def tasks(self) -> list[str]:
        return [attempt.task for attempt, *_ in self.session.sent]

    def lines(self) -> list[dict[str, Any]]:
        self.ledger.flush()
        return [json.loads(line) for line in self.file.read_text().splitlines()]

    def outcomes(self) -> list[str]:
        return [f"{line['outcome']}: {line['reason']}" if "reason" in line else line["outcome"] for line in self.lines()]


def test_nothing_is_sent_before_the_word_to_go(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path, started=False)
    publishing.at(3600)
    assert publishing.tasks == []


def test_what_is_due_is_sent_and_no_more(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    third = publishing.arrivals[2]
    publishing.publisher._tick(START + third.offset_ns)
    assert publishing.tasks == [arrival.task for arrival in publishing.arrivals[:3]]


def test_a_task_is_not_sent_a_moment_too_early(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    publishing.publisher._tick(START + publishing.arrivals[0].offset_ns - 1)
    assert publishing.tasks == []


def test_a_task_is_sent_once(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    publishing.at(3600)
    publishing.at(3601)
    assert publishing.tasks == [arrival.task for arrival in publishing.arrivals]


def test_what_is_sent_is_the_message_of_its_type(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path, routing_key="to.{type}")
    publishing.at(3600)
    attempt, key, body, properties = publishing.session.sent[0]
    assert (key, json.loads(body)["task"], properties.message_id) == ("to.task", attempt.task, attempt.task)
    assert properties.headers["intended_at"] == START + publishing.arrivals[0].offset_ns


def test_a_sent_task_knows_when_it_left(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    publishing.at(3600)
    assert all((attempt.sent_at or 0) > START for attempt, *_ in publishing.session.sent)


def test_what_is_sent_at_once_leaves_together(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    publishing.at(3600)
    assert publishing.session.done == ["batch", "flush"]


def test_a_batch_is_bounded_and_the_next_follows_at_once(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path, rate="500/s")
    assert publishing.at(3600) == 0.0
    assert len(publishing.tasks) == BATCH
    publishing.at(3600)
    assert len(publishing.tasks) == 2 * BATCH


def test_after_less_than_a_batch_the_next_look_comes_in_a_moment(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    assert publishing.at(3600) == TICK


def test_the_load_is_done_when_every_task_has_its_outcome(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    publishing.at(3600)
    assert publishing.at(3600) == TICK
    publishing.confirm()
    assert publishing.at(3600) is None


def test_the_load_is_not_done_before_the_last_arrival(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    publishing.publisher._tick(START + publishing.arrivals[-2].offset_ns)
    publishing.confirm()
    assert publishing.publisher._tick(START + publishing.arrivals[-2].offset_ns) == TICK


def test_every_outcome_is_written_and_seen(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    publishing.at(3600)
    publishing.confirm()
    assert publishing.outcomes() == ["ok"] * len(publishing.arrivals)
    assert [(result.type, result.outcome, result.reason) for result in publishing.seen] == [("task", "ok", None)] * len(publishing.arrivals)


def test_an_outcome_s_time_counts_from_when_the_task_was_intended(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    publishing.at(3600)
    publishing.confirm(1)
    (line,) = publishing.lines()
    assert publishing.seen[0].milliseconds == (line["resolved_at"] - START - publishing.arrivals[0].offset_ns) / 1e6


# In flight, held, tried again


def test_a_task_over_the_bound_is_skipped_and_counted_so(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path, max_in_flight=2)
    publishing.at(3600)
    assert len(publishing.tasks) == 2
    skipped = publishing.lines()
    assert publishing.outcomes() == ["skipped: over the bound in flight"] * (len(publishing.arrivals) - 2)
    assert [line["task"] for line in skipped] == [arrival.task for arrival in publishing.arrivals[2:]]
    assert [line["intended_at"] for line in skipped] == [START + arrival.offset_ns for arrival in publishing.arrivals[2:]]


def test_skipped_tasks_count_for_the_batch(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path, rate="500/s", max_in_flight=1)
    publishing.at(3600)
    assert len(publishing.lines()) == BATCH - 1


def test_while_nothing_can_be_sent_tasks_are_held(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    publishing.session.usable = False
    publishing.at(1)
    assert (publishing.tasks, publishing.lines()) == ([], [])


def test_what_was_held_is_sent_first_and_in_order_once_it_can_be(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    publishing.session.usable = False
    publishing.publisher._tick(START + publishing.arrivals[2].offset_ns)
    publishing.session.usable = True
    publishing.at(1)
    assert publishing.tasks == [arrival.task for arrival in publishing.arrivals]


def test_what_is_held_too_long_fails_unsent_with_the_reason(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    publishing.session.usable = False
    publishing.at(1)
    publishing.at(12)
    assert publishing.outcomes() == ["fail: no connection"] * len(publishing.arrivals)
    assert not any("sent_at" in line for line in publishing.lines())


def test_held_tasks_are_sent_a_batch_at_a_time(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path, rate="500/s")
    publishing.session.usable = False
    for _ in range(3):
        publishing.at(1)
    publishing.session.usable = True
    publishing.at(1)
    assert len(publishing.tasks) == BATCH


def test_a_task_that_failed_is_tried_again_as_the_same_task(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path, attempts=2)
    publishing.at(3600)
    publishing.publisher._resolve(Resolution(publishing.session.sent[0][0], "fail", "nack"))
    publishing.publisher._tick(FAR)
    again = publishing.session.sent[-1][0]
    assert (again.task, again.number) == (publishing.arrivals[0].task, 2)


def test_unconfirmed_publishes_expire_by_the_same_clock(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    publishing.at(2)
    assert publishing.session.expired == [START + 2 * SECOND]


# The flag


def test_a_gate_decides_what_a_task_is_published_as(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path, gate=Gate(), types={"new": 1.0, "old": 0.0}, routing_key="to.{type}")
    publishing.at(3600)
    assert {key for _, key, *_ in publishing.session.sent} == {"to.old"}


def test_a_task_that_is_tried_again_stays_what_it_was(tmp_path: Path) -> None:
    gate = Gate()
    publishing = Publishing(tmp_path, gate=gate, types={"new": 1.0, "old": 0.0}, routing_key="to.{type}", attempts=2)
    publishing.at(3600)
    gate.to = "new"
    publishing.publisher._resolve(Resolution(publishing.session.sent[0][0], "fail", "nack"))
    publishing.publisher._tick(FAR)
    assert publishing.session.sent[-1][1] == "to.old"


# Stopping


def test_a_stop_waits_for_confirms_as_long_as_it_says(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    publishing.at(1)
    publishing.tell("stop 5")
    assert [publishing.at(1), publishing.at(5.9), publishing.at(6)] == [TICK, TICK, None]


def test_a_stop_ends_the_arrivals(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    second = publishing.arrivals[1]
    publishing.tell("stop 5")
    publishing.publisher._tick(START + second.offset_ns)
    publishing.at(3)
    assert publishing.tasks == [arrival.task for arrival in publishing.arrivals[:2]]


def test_a_stopped_load_whose_tasks_are_all_confirmed_is_done(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    publishing.tell("stop 5")
    publishing.publisher._tick(START + publishing.arrivals[1].offset_ns)
    publishing.confirm()
    assert publishing.publisher._tick(START + publishing.arrivals[1].offset_ns) is None


def test_a_stopped_load_tries_nothing_again(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path, attempts=2)
    publishing.at(3600)
    publishing.tell("stop 5")
    publishing.at(3600)
    for attempt, *_ in list(publishing.session.sent):
        publishing.publisher._resolve(Resolution(attempt, "fail", "nack"))
    assert publishing.at(3600) is None


def test_a_harness_that_is_gone_ends_the_load_at_once(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    publishing.at(0)
    publishing.hang_up()
    assert publishing.at(3600) is None
    assert publishing.tasks == []


def test_whatever_was_due_has_its_line_when_the_load_gives_up(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    publishing.control.poll()
    publishing.publisher._give_up(START + publishing.arrivals[2].offset_ns)
    assert [line["task"] for line in publishing.lines()] == [arrival.task for arrival in publishing.arrivals[:3]]
    assert [line["intended_at"] for line in publishing.lines()] == [START + arrival.offset_ns for arrival in publishing.arrivals[:3]]
    assert set(publishing.outcomes()) == {f"fail: {STOPPED}"}


@pytest.mark.parametrize(("usable", "reason"), [(True, STOPPED), (False, "no connection")])
def test_what_is_still_held_fails_with_what_kept_it(tmp_path: Path, usable: bool, reason: str) -> None:
    publishing = Publishing(tmp_path)
    publishing.session.usable = False
    publishing.at(1)
    publishing.session.usable = usable
    publishing.publisher._give_up(START + SECOND)
    assert set(publishing.outcomes()) == {f"fail: {reason}"}


def test_giving_up_leaves_the_broker_first(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    publishing.publisher._give_up(START)
    assert publishing.session.done == [f"close: {STOPPED}"]


def test_the_ledger_is_on_disk_when_the_load_has_given_up(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    publishing.control.poll()
    publishing.publisher._give_up(LATER)
    assert len(publishing.file.read_text().splitlines()) == len(publishing.arrivals)


def test_the_ledger_is_written_while_the_load_goes_on(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path, max_in_flight=1)
    publishing.at(3600)
    assert publishing.file.read_text() == "" or publishing.file.read_text().endswith("\n")
    publishing.at(3601)
    assert len(publishing.file.read_text().splitlines()) == len(publishing.arrivals) - 1


def test_a_look_right_after_another_writes_nothing(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path, max_in_flight=1)
    publishing.at(-1)
    publishing.publisher._flushed_at = START + SECOND
    publishing.publisher._tick(START + SECOND + module.FLUSH_EVERY_NS - 1)
    assert publishing.file.read_text() == ""
    publishing.publisher._tick(START + SECOND + module.FLUSH_EVERY_NS)
    assert publishing.file.read_text() != ""


def test_a_whole_load_runs_to_its_end(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path)
    publish = publishing.session.publish

    def confirmed(attempt: Attempt, *more: Any) -> None:
        publish(attempt, *more)
        publishing.publisher._resolve(Resolution(attempt, "ok"))

    publishing.session.publish = confirmed  # type: ignore[method-assign]
    publishing.publisher.run()
    assert [line["task"] for line in publishing.lines()] == [arrival.task for arrival in publishing.arrivals]


def test_a_load_that_breaks_off_has_its_lines_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publishing = Publishing(tmp_path)

    def breaks(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(publishing.session, "expire", breaks)
    publishing.session.usable = False
    with pytest.raises(RuntimeError):
        publishing.publisher.run()
    assert len(publishing.lines()) == len(publishing.arrivals)


# Connecting


def test_connecting_waits_until_something_could_be_published(tmp_path: Path) -> None:
    publishing = Publishing(tmp_path, started=False)
    assert publishing.publisher.connect()
    assert publishing.session.done == ["open"]


@pytest.mark.parametrize("how", ["stop", "hang up"])
def test_connecting_is_given_up_when_the_load_is_stopped_or_left(tmp_path: Path, how: str) -> None:
    publishing = Publishing(tmp_path, started=False)
    publishing.session.usable = False
    publishing.tell("stop 1") if how == "stop" else publishing.hang_up()
    assert not publishing.publisher.connect()


def test_connecting_waits_for_the_flag_too(tmp_path: Path) -> None:
    gate = Gate()
    gate.ready = False
    publishing = Publishing(tmp_path, gate=gate, started=False, types={"new": 1.0, "old": 0.0})
    publishing.tell("stop 1")
    assert not publishing.publisher.connect()
