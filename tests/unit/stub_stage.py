"""A stage in memory, for tests of what drives one: it behaves as the real one does where it is asked.

A killed container does not run, and its connections end; a cut link does not connect; the tap does what its rules say to what passes, and
writes it down; the engine tells what becomes of containers. The files are real ones, and what reads them is the harness's own: the run
directory, ``wire.jsonl`` behind a `WireTail`, the rules behind a `TapControl`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from queue import SimpleQueue
from threading import RLock
from types import SimpleNamespace
from typing import Any

from drillbook import plan
from drillbook.core.errors import HarnessError
from drillbook.engine.labels import ROLE
from drillbook.evidence import RunDirectory
from drillbook.evidence.kinds.leftovers import Leftover
from drillbook.evidence.kinds.links import LinkUse
from drillbook.evidence.run_directory import now
from drillbook.evidence.sink_file import SinkTail
from drillbook.evidence.wire_tail import WireTail
from drillbook.faults.base import Knock, Toxic
from drillbook.rabbitmq.broker import Depth
from drillbook.rabbitmq.metrics import Series
from drillbook.scenario import RunnableScenario
from drillbook.stage.tap_control import TapControl
from drillbook.tap.rules import Rule, read
from drillbook.validation.partial_scenario import STRICT

DRILL: dict[str, Any] = {
    "title": "A drill",
    "stage": {
        "broker": {"queues": {"tasks": {}}},
        "workers": {"v1": {"image": "x", "replicas": 2}, "v2": {"image": "x", "replicas": 2}},
        "ready_within": "20s",
    },
    "load": {"rate": "10/s", "duration": "10ms", "linger": "10ms", "most": "60s"},
    "playbook": {"run": "./rollback.sh", "start": {"at": "0s"}},
    "settle": {"within": "20s", "quiet_for": "50ms"},
    "invariants": {"no_lost_tasks": None},
}


def drill(**changes: Any) -> RunnableScenario:
    """A small scenario with some of its parts replaced; None takes one away."""
    return RunnableScenario.model_validate({name: part for name, part in {**DRILL, **changes}.items() if part is not None}, **STRICT)


class Engine:
    """What the engine tells of containers, in its own words."""

    def __init__(self) -> None:
        self._told: SimpleQueue[dict[str, Any] | None] = SimpleQueue()

    def tell(self, role: str, action: str, **attributes: str) -> None:
        """Something has become of a container."""
        self._told.put({"Action": action, "timeNano": now(), "Actor": {"Attributes": {ROLE: role, **attributes}}})

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._told.get, None)

    def close(self) -> None:
        """No more is told; iterating ends."""
        self._told.put(None)


class Container:
    """One container; its processes are a word."""

    def __init__(self, name: str, stage: StubStage) -> None:
        self.name, self.status, self.serves = name, "running", True
        self._stage, self._starts = stage, 1
        self.stuck = False
        """The engine does nothing that it is asked."""

    @property
    def started_at(self) -> str:
        return f"start {self._starts}"

    @property
    def started_at_ns(self) -> int:
        return self._starts

    def kill(self) -> None:
        self._ends("9", "137")

    def dies(self, code: int) -> None:
        """It ends by itself."""
        self.status = "exited"
        self._stage.tap_process.ends(self.name)
        self._stage.engine.tell(self.name, "die", exitCode=str(code))

    def pause(self) -> None:
        self._from("running", "paused", "pause")

    def unpause(self) -> None:
        self._from("paused", "running", "unpause")

    def start(self) -> None:
        self._from("exited", "running", "start")
        self._starts += not self.stuck

    def restart(self) -> None:
        self._ends("15", "0")
        self.start()

    def answers(self) -> bool:
        return self.status == "running" and self.serves

    def _ends(self, signal: str, code: str) -> None:
        if not self.stuck and self.status in ("running", "paused"):
            self.status = "exited"
            self._stage.log.append(f"{self.name} ends")
            self._stage.tap_process.ends(self.name)
            self._stage.engine.tell(self.name, "kill", signal=signal)
            self._stage.engine.tell(self.name, "die", exitCode=code)

    def _from(self, before: str, after: str, action: str) -> None:
        if self.stuck:
            return
        if self.status != before:
            raise HarnessError(f"the engine did not {action} {self.name}: it is {self.status}.")
        self.status = after
        self._stage.log.append(f"{action} {self.name}")
        self._stage.engine.tell(self.name, action)


class Standing:
    """A connection over a link that says nothing."""

    def __init__(self, link: Link) -> None:
        self._link, self.closed = link, False

    def ended(self) -> bool:
        return any(kind in ("refuse", "reset_peer") for kind, _ in self._link.harms.values())

    def close(self) -> None:
        self.closed = True


class Link:
    """One path between a client and a service."""

    def __init__(self, name: str, stage: StubStage) -> None:
        self.name, self._stage = name, stage
        self.harms: dict[int, tuple[str, float]] = {}
        self.deaf = False
        """Nothing that is done to it has an effect."""
        self.stood: list[Standing] = []

    def poison(self, owner: object, toxic: Toxic) -> None:
        if toxic.kind == "bandwidth":
            self.narrow(owner, toxic.attributes["rate"] * 1000)
            return
        least = (toxic.attributes.get("latency", 0) - toxic.attributes.get("jitter", 0)) / 1000
        self._harm(owner, {"latency": "delay", "timeout": "drop"}.get(toxic.kind, toxic.kind), least)

    def delay(self, owner: object, delay_seconds: float, jitter_seconds: float) -> None:
        """As ``latency`` poisons it."""
        self.poison(owner, Toxic("latency", {"latency": round(delay_seconds * 1000), "jitter": round(jitter_seconds * 1000)}))

    def drop(self, owner: object) -> None:
        """As a ``cut`` that drops poisons it."""
        self.poison(owner, Toxic("timeout", {"timeout": 0}))

    def narrow(self, owner: object, rate: float) -> None:
        """As a ``bandwidth`` poisons it: so many bytes a second."""
        self._harm(owner, "narrow", 1 / rate)

    def refuse(self, owner: object) -> None:
        self._harm(owner, "refuse", 0.0)
        self._stage.tap_process.ends(plan.client_of(self.name))

    def heal(self, owner: object) -> None:
        self.harms.pop(id(owner), None)
        self._stage.log.append(f"heal {self.name}")

    def round_trip_seconds(self, within: float) -> float | None:
        taken = sum(2 * seconds for kind, seconds in self.harms.values() if kind == "delay")
        return taken if self._carries() and taken <= within else None

    def echo_seconds(self, size: int, within: float) -> float | None:
        taken = sum(2 * seconds * size for kind, seconds in self.harms.values() if kind == "narrow")
        return taken if self._carries() and taken <= within else None

    def knock(self, within: float) -> Knock:
        if any(kind == "reset_peer" for kind, _ in self.harms.values()):
            return "reset"
        return "answered" if self._carries() else "silent"

    def stand(self, within: float) -> Standing | None:
        if not self._carries():
            return None
        self.stood.append(Standing(self))
        return self.stood[-1]

    def _carries(self) -> bool:
        service = self._stage.containers.get(self.name.split(" -> ")[1])
        return (service is None or service.status == "running") and all(kind in ("delay", "narrow") for kind, _ in self.harms.values())

    def _harm(self, owner: object, kind: str, seconds: float) -> None:
        if not self.deaf:
            self.harms[id(owner)] = (kind, seconds)


class TapProcess:
    """The tap behind its files: it reads its rules when it is signalled, and writes of what passes."""

    def __init__(self, wire: Path, links: Collection[str]) -> None:
        self._wire, self._links = wire, links
        self.rules = wire
        self._lock = RLock()
        self._armed: dict[str, Rule] = {}
        self._counted: dict[str, int] = {}
        self._held: dict[str, list[dict[str, Any]]] = {}
        self.reads = True
        """Whether it reads its rules when it is signalled."""
        self.write({"event": "start"})

    def hang_up(self) -> None:
        """Its signal."""
        with self._lock:
            if not self.reads:
                return
            told = {rule.id: rule for rule in read(self.rules, self._links)}
            for gone in self._armed.keys() - told.keys():
                self._disarm(self._armed.pop(gone))
            for new in told.keys() - self._armed.keys():
                self._armed[new] = told[new]
                self._says(told[new], "armed")

    def passes(self, event: str, peer: str, task: str = "a") -> None:
        """A message of a client's comes to the tap."""
        link = f"{peer} -> broker"
        line = {"event": event, "peer": peer, "task": task, "connection": 1, "channel": 1, "queue": "tasks"}
        with self._lock:
            rule = next((rule for rule in self._armed.values() if rule.event == event and link in rule.links), None)
            if rule is None:
                self.write(line)
                return
            self._counted[rule.id] = self._counted.get(rule.id, 0) + 1
            if not rule.nth <= self._counted[rule.id] < rule.nth + rule.count:
                self.write(line)
                return
            said = {"drop": f"{event} dropped", "hold": f"{event} held", "close": "channel closed"}[rule.action]
            self._says(rule, said, peer=peer, link=link, task=task)
            if rule.action == "hold":
                self._held.setdefault(rule.id, []).append(line)

    def ends(self, peer: str) -> None:
        """A client's connections have ended: what is held of them is dropped."""
        with self._lock:
            for rule in self._armed.values():
                for line in [line for line in self._held.get(rule.id, []) if peer in (line["peer"], "broker")]:
                    self._held[rule.id].remove(line)
                    self._says(rule, f"{line['event']} dropped", peer=line["peer"], link=f"{line['peer']} -> broker", task=line["task"])

    def write(self, *lines: dict[str, Any]) -> None:
        """Write lines, of now."""
        with self._lock, self._wire.open("a") as file:
            for line in lines:
                file.write(json.dumps({"at": now(), **line}, separators=(",", ":")) + "\n")

    def _disarm(self, rule: Rule) -> None:
        for line in self._held.pop(rule.id, []):
            self._says(rule, f"{line['event']} let go", peer=line["peer"], link=f"{line['peer']} -> broker", task=line["task"])
            self.write(line)
        self._says(rule, "disarmed", count=self._counted.get(rule.id, 0))

    def _says(self, rule: Rule, reason: str, **more: Any) -> None:
        self.write({"event": "fault", "rule": rule.name, "reason": reason, **more})


class Broker:
    """Queues and their depths."""

    def __init__(self, queues: Collection[str]) -> None:
        self.depths: dict[str, int] = dict.fromkeys(queues, 0)
        self.consumers: dict[str, int] = dict.fromkeys(queues, 0)
        self.redelivered: dict[str, int] = {}
        self.counters: dict[Series, float] = {}
        self.away = False

    def depth(self, queue: str) -> Depth:
        self._answer()
        return Depth(True, self.depths[queue], self.consumers[queue]) if queue in self.depths else Depth(False)

    def redeliveries(self, queue: str) -> int | None:
        self._answer()
        return self.redelivered.get(queue)

    def metrics(self) -> dict[Series, float]:
        self._answer()
        return dict(self.counters)

    def definitions(self) -> dict[str, Any]:
        self._answer()
        return {"queues": [{"name": name, "type": "classic", "durable": True} for name in self.depths]}

    def _answer(self) -> None:
        if self.away:
            raise ConnectionError("the broker does not answer")


class Database:
    """Queries, each with its rows."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.away = False

    def columns(self, query: str) -> list[str]:
        return list(self._asked(query)[0]) if self._asked(query) else ["task", "key", "version", "worker", "at"]

    def count(self, query: str, without: Collection[str] = ()) -> int:
        return sum(row.get("task") not in without for row in self._asked(query))

    def number(self, query: str) -> float | None:
        return next((float(next(iter(row.values()))) for row in self._asked(query)), None)

    def stream(self, query: str, timeout_seconds: float) -> Iterator[dict[str, Any]]:
        yield from self._asked(query)

    def _asked(self, query: str) -> list[dict[str, Any]]:
        if self.away:
            raise ConnectionError("the database does not answer")
        return self.rows.get(query, [])


class StubStage:
    """A stage, started.

    Args:
        folder: of the scenario; the run directory is ``run`` in it.
        scenario: what it is the stage of.
    """

    def __init__(self, folder: Path, scenario: RunnableScenario) -> None:
        self.folder, self.scenario, self.spec = folder, scenario, scenario.stage
        self.run, self.run_id = RunDirectory(folder / "run"), "the-run"
        self.images = SimpleNamespace(workers=dict.fromkeys(self.spec.workers, "an-image"))
        self.log: list[str] = []
        """What was done to it, in order."""
        self.engine = Engine()
        self.containers = {name: Container(name, self) for name in ["broker", "database", "tap", "sink", *plan.workers(scenario)]}
        self.links = {name: Link(name, self) for name in plan.links(scenario)}
        self.wire = WireTail(self.run.file("wire"), lambda task: task.startswith("task-"))
        self.tap_process = TapProcess(self.run.file("wire"), self.links)
        self.tap = TapControl(
            self.run.path / "tap", self.wire, self.tap_process.hang_up, lambda: self.containers["tap"].status == "running"
        )
        self.tap_process.rules = self.tap.prepare()
        self.broker = Broker(self.spec.broker.queues)
        self.database = Database() if self.spec.database is not None else None
        self.sink = SinkTail(self.run.path / "sink.jsonl") if scenario.effects.called else None
        self.remaining: list[Leftover] = []
        self.used: list[LinkUse] = []
        self.unlogged: Exception | None = None
        """Why the proxies' log does not tell of links."""
        self.load_amqp_url, self.load_flags = "amqp://127.0.0.1:1/", None

    def new_broker(self) -> Broker:
        return self.broker

    def container(self, name: str) -> Container:
        return self.containers[name]

    def container_events(self) -> Engine:
        return self.engine

    def link(self, name: str) -> Link:
        return self.links[name]

    def environment(self) -> dict[str, str]:
        return {"AMQP_URL": "amqp://operator", "PATH": os.environ["PATH"]}

    def redact(self, text: str) -> str:
        return text.replace("secret", "***")

    def last_words(self, role: str) -> str:
        return f"the last words of {role}"

    def leftovers(self, look: Any) -> Iterator[Leftover]:
        self.log.append("leftovers")
        yield from self.remaining

    def link_uses(self) -> Iterator[LinkUse]:
        self.log.append("link uses")
        yield from self.used
        if self.unlogged is not None:
            raise self.unlogged

    def stop_workers(self, grace_seconds: int) -> None:
        self.log.append("stop workers")

    def stop_sink(self) -> None:
        self.log.append("stop sink")

    def stop_tap(self) -> None:
        self.log.append("stop tap")


class StubLoad:
    """The publishers, which confirm one task whenever somebody looks whether they live."""

    def __init__(self, stage: StubStage) -> None:
        self._stage = stage
        self.said: list[str] = []
        self.exit_code: int | None = None
        self._tasks = 0
        self.started_at = 0

    @property
    def alive(self) -> bool:
        self.confirms(1)
        return self.exit_code is None

    def confirms(self, count: int) -> None:
        """Tasks are confirmed."""
        with self._stage.run.file("published").open("a") as file:
            for _ in range(count):
                self._tasks += 1
                file.write(f'{{"task":"task-{self._tasks}","outcome":"ok"}}\n')

    def start(self) -> None:
        self.said.append("start")

    def wait_ready(self, timeout: float) -> None:
        self.said.append(f"wait {timeout:g}")

    def go(self, start_at_ns: int) -> None:
        self.said.append("go")
        self.started_at = start_at_ns

    def stop(self, grace_seconds: float) -> None:
        self.said.append(f"stop {grace_seconds:g}")
        self._stage.log.append("stop load")
        self.exit_code = self.exit_code or 0


def told(run: RunDirectory, event: str, *, detail: bool = False) -> list[str]:
    """The events of one kind in the timeline, as ``name state``, in order."""
    lines = [json.loads(line) for line in run.file("timeline").read_text().splitlines()] if run.file("timeline").exists() else []
    found = [line for line in lines if line["event"] == event]
    return [f"{line['name']} {line['state']}" + (f": {line['detail']}" if detail and line.get("detail") else "") for line in found]
