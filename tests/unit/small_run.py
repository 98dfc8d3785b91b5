"""Small run directories for the tests of reports, line by line; times are seconds of the drill."""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from pathlib import Path

from drillbook.api import open_run
from drillbook.evidence import Effect, Published, RunDirectory
from drillbook.judge.run import Run
from drillbook.report import source
from drillbook.report.source import ReportSource

T0 = 1_763_717_400_000_000_000
SECOND = 1_000_000_000
SCENARIO = """\
title: A slow canary is rolled back while its workers lose their broker link
description: >
  Version 2 is deployed beside version 1 and takes a third of the tasks. Its link to the broker slows down, the alert starts the playbook,
  and one v2 worker dies while it is drained. A good playbook loses nothing, does nothing twice, and leaves no task behind.
method: versioned-workers
tags: [nightly, release]
stage:
  broker:
    exchanges: {tasks: {}}
    bindings:
      - {from: tasks, to: tasks.v1, key: charge}
      - {from: tasks, to: tasks.v1, key: notify}
    queues:
      tasks.v1: {delivery_limit: 5, dead_letter_to: tasks.dead}
      tasks.v2: {delivery_limit: 5, dead_letter_to: tasks.dead}
      tasks.dead: {}
  database: {}
  workers:
    v1: {image: worker, replicas: 2}
    v2: {image: worker, replicas: 2, started: false}
load: {rate: 300/s, duration: 30s, size: 256, exchange: tasks, types: {charge: 0.9, notify: 0.1}}
deployment: {run: ./deploy.sh, at: 5s}
monitors:
  canary_slow: {query: "select p99_ms from completions where version = 'v2'", above: 800, for: 3s}
  dead_letters: {queue_depth: tasks.dead, above: 10}
faults:
  - name: the canary's link slows down
    latency: {link: workers.v2 -> broker, delay: 400ms, jitter: 100ms}
    at: 10s
    for: 12s
  - name: a canary worker dies while it is drained
    kill: {target: workers.v2, pick: one}
    during: {step: drain v2}
playbook:
  run: ./rollback.sh
  start: {when: canary_slow, no_later_than: 20s}
  timeout: 90s
settle: {within: 60s, quiet_for: 3s}
invariants:
  no_lost_tasks:
  no_duplicate_effects:
  version_fence: {version: v2, after: {step: stop v2}}
  recovered: {within: 30s}
"""


def at(seconds: float) -> int:
    """A moment of the drill, counted from the start of the drive."""
    return T0 + round(seconds * SECOND)


def hand_made(path: Path, *records: object, scenario: str = "title: A drill\ninvariants: {no_lost_tasks: }\n") -> Path:
    """A run directory of just these lines and this scenario."""
    directory = RunDirectory(path)
    (path / "scenario.yaml").write_text(scenario)
    (path / "plan.json").write_text("{}")
    directory.append(*records)
    directory.close()
    return path


def published(task: str, seconds: float, outcome: str = "ok", *, resolved: float | None = None, attempt: int = 1) -> Published:
    """One attempt, intended at a moment of the drill."""
    return Published(
        task, "charge", None, attempt, "tasks.v1", at(seconds), at(seconds), at(seconds if resolved is None else resolved), outcome
    )


def effect(task: str, seconds: float, version: str | None = "v1") -> Effect:
    """One effect at a moment of the drill."""
    return Effect(task, task, version, f"workers.{version}.1", at(seconds))


_OPEN = ExitStack()
atexit.register(_OPEN.close)


def opened(path: Path) -> Run:
    """A run that is open until the tests have ended."""
    return _OPEN.enter_context(open_run(path))


def read(path: Path) -> ReportSource:
    """What a report shows of a run."""
    return source.read(opened(path))
