"""Watches the stage while it is driven: queue depths over time, monitors and their alerts, and containers that die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any, Literal

from drillbook.drive.decision import Alarm
from drillbook.drive.driven import ContainerEvents, DrivenBroker, DrivenStage
from drillbook.engine.labels import ROLE
from drillbook.evidence import Counter, Event, RunDirectory, now
from drillbook.scenario import Monitor, QueryValue, QueueDepth, RedeliveryRate

SAMPLE_EVERY_SECONDS = 0.5
SILENT_SECONDS = 60.0
"""Without a count of queues for longer than this, what was in them is not known; a broker restarts in less."""
EDGE_WITHIN_SECONDS = 5.0
"""A step waits no longer for the count of queues at its edge: a broker that a fault has frozen must not keep the playbook from running."""
JOIN_WITHIN_SECONDS = 20.0
ENDING_SIGNALS = {str(int(number)) for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL, signal.SIGTERM)}
"""What `docker stop` and `docker kill` send to end a container; another signal, such as HUP, does not ask for its end."""


class QueueSampler:
    """Counts queues: over time by itself, and at the edges of steps when asked.

    A broker that is away for a moment, as in a restart, leaves a gap in the samples, which whoever reads them takes for what it is; a gap
    longer than `SILENT_SECONDS` is noted as incomplete.

    Args:
        client: a broker client of its own, since one is not shared by threads that wait on each other.
    """

    def __init__(self, client: DrivenBroker, queues: list[str], run: RunDirectory) -> None:
        self._client, self._queues, self._run = client, queues, run
        self._counted_at = time.monotonic()
        self._asking: list[float] = []
        """When those counts began that have not ended."""

    def sample(self) -> None:
        """Write one line for each declared queue; none while the broker is away."""
        try:
            self._run.append(*self._count(None, None))
            self._counted_at = time.monotonic()
        except ConnectionError as error:
            if time.monotonic() - self._counted_at > SILENT_SECONDS:
                self._run.event("incomplete", "counters", "from", detail=f"no queue could be counted for {SILENT_SECONDS:g} s: {error}")
                self._counted_at = time.monotonic()

    def edge(self, step: str, edge: Literal["start", "end"]) -> None:
        """Count at the edge of a step, which waits for it, but not for a broker that has frozen: then nothing is written of this edge.

        Args:
            step: its name.
            edge: of it.
        """
        if not self._frozen():
            counting = _EdgeCount(partial(self._count, step, edge), self._run)
            counting.start()
            counting.wait(EDGE_WITHIN_SECONDS)

    def _frozen(self) -> bool:
        return any(time.monotonic() - began > EDGE_WITHIN_SECONDS for began in tuple(self._asking))

    def _count(self, step: str | None, edge: Literal["start", "end"] | None) -> list[Counter]:
        began = time.monotonic()
        self._asking.append(began)
        try:
            counted = []
            for queue in self._queues:
                depth = self._client.depth(queue)
                counted.append(Counter(now(), queue, depth.exists, depth.ready, depth.consumers, step, edge))
            return counted
        finally:
            self._asking.remove(began)


class _EdgeCount(Thread):
    """A count that is written if it comes while it is waited for."""

    def __init__(self, count: Callable[[], list[Counter]], run: RunDirectory) -> None:
        super().__init__(name="edge", daemon=True)
        self._count, self._run = count, run
        self._lock, self._late = Lock(), False
        self._failed: Exception | None = None

    def run(self) -> None:
        """Count, and write what was counted in time."""
        try:
            counted = self._count()
        except ConnectionError:
            return
        except Exception as error:
            self._failed = error
            return
        with self._lock:
            if not self._late:
                self._run.append(*counted)

    def wait(self, seconds: float) -> None:
        """Until it has ended; after so many seconds it is late."""
        self.join(seconds)
        with self._lock:
            self._late = True
        if self._failed is not None:
            raise self._failed


class Pacer:
    """Does something at a steady pace in a thread of its own, until it is stopped.

    Args:
        failed: told of an error of the harness itself; the thread ends then.
    """

    def __init__(self, name: str, every_seconds: float, act: Callable[[], None], failed: Callable[[Exception], None]) -> None:
        self._every, self._act, self._failed = every_seconds, act, failed
        self._stop = Flag()
        self._thread = Thread(target=self._loop, name=name, daemon=True)

    def start(self) -> Pacer:
        """Begin."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End, and wait for the last act."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_WITHIN_SECONDS)

    def _loop(self) -> None:
        due = time.monotonic()
        try:
            while not self._stop.is_set():
                self._act()
                due = max(due + self._every, time.monotonic())
                self._stop.wait(due - time.monotonic())
        except Exception as error:
            self._failed(error)


class MachineWatch:
    """Writes every time it is asked in which share of the time since then something waited for a processor; nothing where that is not told.

    Linux counts that time itself (pressure stall information, ``/proc/pressure/cpu``). Where it does not, each sample says of its moment
    whether more wanted to run than there are processors (1) or not (0); over time that is the same share.
    """

    def __init__(self, run: RunDirectory, proc: Path = Path("/proc")) -> None:
        self._run, self._proc = run, proc
        self._last: tuple[float, int] | None = None

    def sample(self) -> None:
        """Take one sample; of waiting the first only begins to count."""
        share = self._waited()
        if share is not None:
            self._run.event("machine", "cpu", "sample", value=round(share, 3))

    def _waited(self) -> float | None:
        try:
            pressure = (self._proc / "pressure" / "cpu").read_text()
        except OSError:
            return self._crowded()
        at, total = time.monotonic(), int(pressure.split("total=", 1)[1].split()[0])
        last, self._last = self._last, (at, total)
        return None if last is None or at <= last[0] else min(1.0, (total - last[1]) / 1e6 / (at - last[0]))

    def _crowded(self) -> float | None:
        """Whether more than the processors can take want to run at this moment, this reader left out."""
        try:
            ready = int((self._proc / "stat").read_text().split("procs_running ", 1)[1].split()[0]) - 1
        except (OSError, LookupError):
            return None
        return float(ready > (os.cpu_count() or 1))


class MonitorWatch:
    """Samples one monitor and raises its alert.

    Args:
        armed: whether it may raise its alert now; until then it is only sampled.
        alerted: told of the monitor's name and value when its alert is raised.
    """

    def __init__(
        self,
        name: str,
        monitor: Monitor,
        stage: DrivenStage,
        run: RunDirectory,
        armed: Callable[[], bool],
        alerted: Callable[[str, float], None],
    ) -> None:
        self._name, self._monitor, self._stage, self._run = name, monitor, stage, run
        self._armed, self._alerted = armed, alerted
        self._alarm = Alarm(above=monitor.above, below=monitor.below, lasting=monitor.lasting)
        self._redelivered: tuple[float, int] | None = None
        self._broker = stage.new_broker()

    def sample(self) -> None:
        """Take one sample; a service that is away gives no value."""
        at = time.monotonic()
        try:
            value = self._value(at)
        except ConnectionError:
            value = None
        change = self._alarm.feed(at, value) if self._armed() else None
        if value is not None:
            self._run.event("alert", self._name, change or "sample", value=value)
        if change == "raised" and value is not None:
            self._alerted(self._name, value)

    def _value(self, at: float) -> float | None:
        match self._monitor.watched:
            case QueryValue(query):
                return self._stage.database.number(query) if self._stage.database else None
            case QueueDepth(queue):
                ready = self._broker.depth(queue).ready
                return None if ready is None else float(ready)
            case RedeliveryRate(queue):
                return self._redelivery_rate(queue, at)

    def _redelivery_rate(self, queue: str, at: float) -> float | None:
        """Since the last sample."""
        count = self._broker.redeliveries(queue)
        if count is None:
            return None
        before, self._redelivered = self._redelivered, (at, count)
        return None if before is None or at <= before[0] else max(0, count - before[1]) / (at - before[0])


class ContainerWatch:
    """Writes what becomes of the run's containers, as the engine tells it, and tells when one dies that nobody touched.

    Args:
        events: those of the run's containers.
        died: told of the role of a container that ended unasked, and its exit code.
        failed: told of an error of the harness itself.
    """

    def __init__(
        self, events: ContainerEvents, run: RunDirectory, died: Callable[[str, int], None], failed: Callable[[Exception], None]
    ) -> None:
        self._run, self._died, self._failed = run, died, failed
        self._asked: set[str] = set()
        self.started: dict[str, int] = {}
        """When each container was last started since the watch began, by role, in nanoseconds since the epoch."""
        self._over = False
        self._events = events
        self._thread = Thread(target=self._follow, name="containers", daemon=True)

    def start(self) -> ContainerWatch:
        """Begin."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End; what happens to containers from now on is the harness's own cleaning up."""
        self._over = True
        self._events.close()

    def _follow(self) -> None:
        try:
            for event in self._events:
                if self._over:
                    return
                self._take(event)
        except Exception as error:
            if not self._over:
                self._failed(error)
            return
        # The client ends the stream without an error when the engine goes away.
        if not self._over:
            self._died("engine", -1)

    def _take(self, event: dict[str, Any]) -> None:
        attributes = event["Actor"]["Attributes"]
        role, action = attributes.get(ROLE, "?"), event["Action"]
        match action:
            case "kill" if attributes.get("signal") in ENDING_SIGNALS:
                self._asked.add(role)
            case "start":
                self._asked.discard(role)
                self.started[role] = event["timeNano"]
                self._note(event, role, "started")
            case "pause" | "unpause":
                self._note(event, role, f"{action}d")
            case "die":
                code = int(attributes.get("exitCode", -1))
                asked = role in self._asked
                self._note(event, role, "stopped" if asked and code != 137 else "killed" if asked else "died", code, asked)
                if not asked:
                    self._died(role, code)

    def _note(self, event: dict[str, Any], role: str, state: str, code: int | None = None, asked: bool | None = None) -> None:
        version = role.split(".")[1] if role.startswith("workers.") else None
        self._run.append(Event(event["timeNano"], "container", role, state, version=version, exit_code=code, asked=asked))
