"""The tap's event loop: it waits a moment before it reads only while much passes."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from drillbook.tap import gathering
from drillbook.tap.gathering import BUSY_LINES, GatheringSelector


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> Iterator[GatheringSelector]:
    """A selector of two sockets: one can be read now, the other one once somebody has waited."""
    with ExitStack() as stack:
        (now, first), (later, second) = ((stack.enter_context(one) for one in socket.socketpair()) for _ in range(2))
        first.send(b"x")
        monkeypatch.setattr(gathering.time, "sleep", lambda _: second.send(b"x"))
        selector = stack.enter_context(GatheringSelector())
        for one in (now, later):
            selector.register(one, selectors.EVENT_READ)
        yield selector


def test_a_busy_tap_reads_what_comes_a_moment_later_too(ready: GatheringSelector) -> None:
    ready.passed(BUSY_LINES)
    assert len(ready.select(1)) == 2


def test_a_tap_with_little_to_carry_waits_for_nothing(ready: GatheringSelector) -> None:
    ready.passed(BUSY_LINES - 1)
    assert len(ready.select(1)) == 1


def test_a_tap_that_was_busy_waits_no_more_once_little_passes(ready: GatheringSelector) -> None:
    ready.passed(BUSY_LINES)
    ready.passed(1)
    assert len(ready.select(1)) == 1
