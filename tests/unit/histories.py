"""Small histories, written as people tell them, made into run directories that the judge can read.

Each line happens a second after the one before::

    publish a ok                        publish a unknown attempt 2         publish a skipped
    effect a by v1 in calls             effect a by v1 key a/2              leftover b dead in tasks.dead
    deliver a to v2 from tasks.v2       ack a by v2                         reject a by v2
    requeue a by v2                     resend a to tasks.v1                deliver a to operator from tasks.dead
    redeliver a to v1 from tasks.v1     confirm a to operator               refuse a to operator
    close v2                            ready tasks.v2 10 consumers 2
    step stop v2 begin                  step stop v2 end                    step stop v2 end exit 3
    phase playbook begin                phase playbook end exit 0           phase playbook timeout
    fault slow link begin               fault slow link bit                 fault slow link not_bit
    killed v2                           stopped v2
    tap slow link: armed                tap slow link: ack held by v2
    queue tasks.v2 10 before stop v2    queue tasks.v2 gone after stop v2   queue tasks.v2 0 after stop v2
    tap ack dropped of a by v2          blind wire                          wait 30

A worker named by its version is its first one: ``v2`` is ``workers.v2.1``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness.evidence import Counter, Effect, Event, Leftover, Published, Wire
from harness.evidence.records import FILES
from harness.evidence.run_directory import line

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
ALWAYS = ("published", "effects", "leftovers")
TASKS: dict[str, Any] = {"no_lost_tasks": None, "no_duplicate_effects": None, "conservation": None}

_OPERATOR = 9
"""The number of the operator's connection; a worker's is that of its version."""
_FROM_OPERATOR: dict[str, Any] = {"connection": _OPERATOR, "channel": 1}
_FOLDER = TemporaryDirectory(prefix="histories-")
_NUMBERS = count(1)

Words = Mapping[str, str]


def history(
    *lines: str,
    invariants: Mapping[str, Any] = TASKS,
    sections: Mapping[str, Any] | None = None,
    without: Collection[str] = (),
    empty: Collection[str] = (),
    sql: Mapping[str, str] | None = None,
    plan: Mapping[str, Any] | None = None,
) -> Path:
    """Write a run directory.

    Args:
        lines: what happened.
        invariants: what must hold, with parameters.
        sections: more of the scenario file: load, faults, playbook ….
        without: evidence that is not there.
        empty: evidence that is there although no line tells of it; a wire has its start and its end.
        sql: the user's own invariants by name.
        plan: what ``plan.json`` holds; None: there is none.
    """
    records: dict[str, list[Any]] = {stem: [] for stem in (*ALWAYS, *empty)}
    at = START
    for text in lines:
        at += SECOND
        if wait := re.fullmatch(r"wait (\d+)", text):
            at += int(wait[1]) * SECOND
            continue
        record = _record(text, at)
        records.setdefault(next(stem for stem, kind in FILES.items() if kind is type(record)), []).append(record)
    if "wire" in records:
        records["wire"] = _numbered([Wire(0, START, "start"), *records["wire"], Wire(0, at, "end")])
    run = run_directory(records, {"title": "A history"} | dict(sections or {}) | {"invariants": dict(invariants)}, without, sql)
    if plan is not None:
        (run / "plan.json").write_text(json.dumps(plan))
    return run


def run_directory(
    records: Mapping[str, Collection[Any]], scenario: Mapping[str, Any], without: Collection[str] = (), sql: Mapping[str, str] | None = None
) -> Path:
    """Write records and a scenario (YAML holds JSON) into a new folder."""
    folder = Path(_FOLDER.name) / str(next(_NUMBERS))
    (folder / "invariants").mkdir(parents=True)
    (folder / "scenario.yaml").write_text(json.dumps(scenario))
    for stem, found in records.items():
        if stem not in without:
            (folder / f"{stem}.jsonl").write_text("".join(line(record) + "\n" for record in found))
    for name, text in (sql or {}).items():
        (folder / "invariants" / f"{name}.sql").write_text(text)
    return folder


def _record(text: str, at: int) -> Any:
    for pattern, make in _GRAMMAR.items():
        if match := re.fullmatch(pattern, text):
            return make({name: value for name, value in match.groupdict().items() if value is not None}, at)
    raise ValueError(f"no history has the line {text!r}")


def _numbered(wire: list[Wire]) -> list[Wire]:
    return [Wire(**{name: getattr(record, name) for name in Wire.__slots__} | {"seq": seq}) for seq, record in enumerate(wire, start=1)]


def _published(words: Words, at: int) -> Published:
    outcome, attempt = words["outcome"], int(words.get("attempt", 1))
    sent = None if outcome == "skipped" else at
    return Published(words["task"], "charge", None, attempt, "charge", at, sent, at + SECOND // 100, outcome, words.get("reason"))  # type: ignore[arg-type]


def _effect(words: Words, at: int) -> Effect:
    version, key = words.get("version", "v1"), words.get("key", words["task"])
    return Effect(words["task"], None if key == "none" else key, version, f"workers.{version}.1", at, words.get("source"))


def _wire(event: str, **more: Any) -> Callable[[Words, int], Wire]:
    def make(words: Words, at: int) -> Wire:
        worker = words.get("version")
        peer = {"peer": f"workers.{worker}.1", "version": worker} if worker else {"peer": "operator"}
        place = {"connection": int(worker[1:]) if worker else _OPERATOR, "channel": 1}
        queue = {"queue": words["queue"]} if "queue" in words else {}
        return Wire(seq=0, at=at, event=event, task=words.get("task"), **peer | place | queue | more)  # type: ignore[arg-type]

    return make


def _tap(words: Words, at: int) -> Wire:
    peer = f"workers.{words['version']}.1" if "version" in words else None
    link = f"{peer} -> broker" if peer else None
    return Wire(seq=0, at=at, event="fault", rule=words["name"], reason=words["reason"], peer=peer, link=link)


def _resend(words: Words, at: int) -> Wire:
    return Wire(
        seq=0, at=at, event="publish", task=words["task"], peer="operator", exchange="", routing_key=words["queue"], **_FROM_OPERATOR
    )


def _event(event: str) -> Callable[[Words, int], Event]:
    def make(words: Words, at: int) -> Event:
        exit_code = int(words["exit"]) if "exit" in words else None
        return Event(at, event, words["name"], words["state"], target=words.get("target"), exit_code=exit_code)  # type: ignore[arg-type]

    return make


def _container(words: Words, at: int) -> Event:
    return Event(at, "container", f"workers.{words['version']}.1", words["state"])


def _counter(words: Words, at: int) -> Counter:
    ready = None if words["ready"] == "gone" else int(words["ready"])
    edge = "start" if words["edge"] == "before" else "end"
    return Counter(at, words["queue"], ready is not None, ready, 0, words["step"], edge)  # type: ignore[arg-type]


_GRAMMAR: dict[str, Callable[[Words, int], Any]] = {
    r"publish (?P<task>\S+) (?P<outcome>\w+)(?: attempt (?P<attempt>\d+))?(?: \((?P<reason>.+)\))?": _published,
    r"effect (?P<task>\S+)(?: by (?P<version>\w+))?(?: key (?P<key>\S+))?(?: in (?P<source>\S+))?": _effect,
    r"leftover (?P<task>\S+) (?P<state>\w+)(?: in (?P<queue>\S+))?": lambda words, at: Leftover(
        words["task"],
        words.get("queue"),
        words["state"],  # type: ignore[arg-type]
    ),
    r"deliver (?P<task>\S+) to operator from (?P<queue>\S+)": _wire("deliver", redelivered=False),
    r"redeliver (?P<task>\S+) to (?P<version>v\w+) from (?P<queue>\S+)": _wire("deliver", redelivered=True),
    r"confirm (?P<task>\S+) to operator": _wire("confirm", ok=True),
    r"refuse (?P<task>\S+) to operator": _wire("confirm", ok=False),
    r"close (?P<version>v\w+)": _wire("close"),
    r"ready (?P<queue>\S+) (?P<ready>\d+) consumers (?P<consumers>\d+)": lambda words, at: Counter(
        at, words["queue"], True, int(words["ready"]), int(words["consumers"])
    ),
    r"deliver (?P<task>\S+) to (?P<version>\w+) from (?P<queue>\S+)": _wire("deliver"),
    r"ack (?P<task>\S+) by (?P<version>v\w+)": _wire("ack"),
    r"ack (?P<task>\S+) by operator": _wire("ack"),
    r"reject (?P<task>\S+) by (?P<version>\w+)": _wire("reject", requeue=False),
    r"requeue (?P<task>\S+) by (?P<version>\w+)": _wire("nack", requeue=True),
    r"resend (?P<task>\S+) to (?P<queue>\S+)": _resend,
    r"tap (?P<reason>.+) of (?P<task>\S+) by (?P<version>v\w+)": lambda words, at: replace(
        _wire("fault", rule="a fault")(words, at), reason=words["reason"]
    ),
    r"tap (?P<name>.+): (?P<reason>.+?)(?: by (?P<version>v\w+))?": _tap,
    r"step (?P<name>.+) (?P<state>begin|end)(?: exit (?P<exit>\d+))?": _event("step"),
    r"phase (?P<name>\w+) (?P<state>\w+)(?: exit (?P<exit>\d+))?": _event("phase"),
    r"fault (?P<name>.+?) (?P<state>\w+)(?: on (?P<target>.+))?": _event("fault"),
    r"(?P<state>killed|stopped|died) (?P<version>\w+)": _container,
    r"queue (?P<queue>\S+) (?P<ready>\d+|gone) (?P<edge>before|after) (?P<step>.+)": _counter,
    r"blind (?P<name>\w+)": lambda words, at: Event(at, "blind", words["name"], "from", detail="the tap died"),
}
