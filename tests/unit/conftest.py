"""The tap as a process, for the tests that need one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from socket import create_server, socket
from typing import Any

import pytest
from tap_process import SECONDS, TapProcess, speak
from tap_speech import broker, consuming, deliver, opened


@pytest.fixture
def upstream() -> Iterator[socket]:
    """A plain TCP server where a tap's broker would be."""
    with closing(create_server(("127.0.0.1", 0))) as listening:
        listening.settimeout(SECONDS)
        yield listening


@pytest.fixture
def start_tap(tmp_path: Path) -> Iterator[Callable[..., TapProcess]]:
    """Starts taps before an upstream, in the test's own folder; they are killed when it ends."""
    taps: list[TapProcess] = []

    def start(upstream: Any, **more: Any) -> TapProcess:
        taps.append(TapProcess(tmp_path, upstream, **more))
        return taps[-1]

    yield start
    for each in taps:
        each.close()


@pytest.fixture
def tap(start_tap: Callable[..., TapProcess], upstream: socket) -> TapProcess:
    """A tap with one link."""
    return start_tap(upstream.getsockname())


@pytest.fixture
def holding(tap: TapProcess, upstream: socket) -> tuple[TapProcess, socket, socket]:
    """A tap, and both ends of a connection whose consumer has the tasks a to d, by the tags 1 to 4."""
    ours, theirs = tap.joined(upstream)
    speak(ours, theirs, [*opened(), *consuming(), broker(*(deliver(task, tag) for tag, task in enumerate("abcd", 1)))])
    return tap, ours, theirs
