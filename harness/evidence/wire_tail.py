"""Follows ``wire.jsonl`` while it grows: who consumes, what is in flight, whether anything moves. It judges nothing."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from threading import Lock
from typing import Any


class WireTail:
    """What the tap has seen so far.

    Args:
        path: the tap's file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""
        self._lock = Lock()
        self._consumers: Counter[tuple[str, int, int]] = Counter()
        self._in_flight: Counter[tuple[int, int]] = Counter()
        self.moves = 0
        """Events that moved a task."""
        self.started = False
        """The tap listens."""
        self.ended = False
        """The tap wrote its last line in order."""

    def poll(self) -> WireTail:
        """Read what has been appended since."""
        with self._lock:
            if self._path.exists():
                with self._path.open("rb") as file:
                    file.seek(self._offset)
                    chunk = file.read()
                self._offset += len(chunk)
                *whole, self._rest = (self._rest + chunk).split(b"\n")
                for text in whole:
                    self._take(json.loads(text))
        return self

    @property
    def in_flight(self) -> int:
        """Deliveries that no one has acknowledged, on channels that are open."""
        return sum(self._in_flight.values())

    def consumers(self, peer: str) -> int:
        """How many consumers a client has, by the name of its container."""
        return sum(count for (name, _, _), count in self._consumers.items() if name == peer)

    def _take(self, line: dict[str, Any]) -> None:
        event, channel = line["event"], (line.get("connection", 0), line.get("channel", 0))
        match event:
            case "start":
                self.started = True
            case "end":
                self.ended = True
            case "consume":
                self._consumers[(line["peer"], *channel)] += 1
            case "cancel":
                self._consumers[(line["peer"], *channel)] -= 1
            case "deliver":
                self._in_flight[channel] += 1
            case "ack" | "nack" | "reject":
                self._in_flight[channel] -= 1
            case "close":
                self._close(channel, whole=line.get("channel") is None)
        self.moves += event in ("publish", "deliver", "ack", "nack", "reject")

    def _close(self, channel: tuple[int, int], whole: bool) -> None:
        def gone(key: tuple[int, int]) -> bool:
            return key[0] == channel[0] if whole else key == channel

        self._in_flight = Counter({key: count for key, count in self._in_flight.items() if not gone(key)})
        self._consumers = Counter({key: count for key, count in self._consumers.items() if not gone(key[1:])})
