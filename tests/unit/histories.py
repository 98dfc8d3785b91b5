"""Small histories, written as people tell them, made into run directories that the judge can read.

Each line happens a second after the one before; ``history_lines`` has them all::

    publish a ok                        publish a unknown attempt 2         publish a skipped, publish a fail unsent
    publish a ok as report              publish a ok of v2                  publish a ok as report of v2
    effect a by v1 in calls             effect a by v1 key a/2              state a completed by v1
    leftover b dead in tasks.dead       leftover b dead in d of expired     leftover b dead in d after rejected in q then expired in r
    leftover b unacked in q with v2     leftover b outbox                   leftover b cancelled
    send a to tasks.v1 through tasks    send a to tasks.dead by v1          resend a to tasks.v1
    confirm a to operator               refuse a to operator                return a to operator
    deliver a to v2 from tasks.v2       deliver a to operator from q        redeliver a to v1 from tasks.v1
    ack a by v2                         reject a by v2                      requeue a by v2
    consume q by v1                     cancel q by v1                      close v2
    select by v1                        rollback by v1
    tap slow link: armed                tap slow link: ack held by v2       tap ack dropped of a by v2
    ready tasks.v2 10 consumers 2       queue tasks.v2 10 before stop v2    queue tasks.v2 gone after stop v2
    metric name{label="x"} 3            declared queue q type stream        found exchange tasks type x-random
    step stop v2 begin                  step stop v2 end                    step stop v2 end exit 3
    phase playbook begin                phase playbook end exit 0           phase playbook timeout
    fault slow link begin of latency    fault slow link took_effect on a link       fault slow link no_effect
    started v2                          killed v2, stopped v2, paused v2    stopped broker
    open v2                             closed load by the broker           blocked load
    deliver to v2 from q with {"header:id": "a"}                            machine 95 % busy
    wait at stop v2 begin for 20 waiting in q                                  decision playbook abandoned: v2 was given no task yet
    used operator -> database 3 times   used operator -> database 0 times and refused
    incomplete wire                          wait 30

A worker named by its version is its first one: ``v2`` is ``workers.v2.1``; the second is ``v2.2``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from history_lines import SECOND
from history_lines import record as record_of

from drillbook.evidence import Wire
from drillbook.evidence.kinds import FILES
from drillbook.evidence.run_directory import line

START = 1_700_000_000 * SECOND
ALWAYS = ("published", "effects", "leftovers")
TASKS: dict[str, Any] = {"no_lost_tasks": None, "no_duplicate_effects": None, "conservation": None}

_FOLDER = TemporaryDirectory(prefix="histories-")
_NUMBERS = count(1)


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
        record = record_of(text, at)
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


def _numbered(wire: list[Wire]) -> list[Wire]:
    return [Wire(**{name: getattr(record, name) for name in Wire.__slots__} | {"seq": seq}) for seq, record in enumerate(wire, start=1)]
