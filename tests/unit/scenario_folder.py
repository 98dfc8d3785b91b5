"""A known-good drill in a folder, for tests that spoil one thing in it and read what the loader says."""

from pathlib import Path

from drillbook.validation.loader import ScenarioError, load, load_to_judge

SOUND = """\
title: A slow canary is rolled back
method: versioned-workers
tags: [nightly, release]
stage:
  broker:
    exchanges: {tasks: {type: topic}}
    queues:
      tasks.v1: {type: quorum, delivery_limit: 5, dead_letter_to: tasks.dead}
      tasks.v2: {type: quorum, dead_letter_to: tasks.dead}
      tasks.dead: {type: classic}
    bindings:
      - {from: tasks, to: tasks.v1, key: "task.#"}
    policies: {short: {pattern: tasks, definition: {max-length: 10}}}
  database: {init: tables.sql}
  workers:
    v1: {build: worker, replicas: 2, env: {QUEUE: tasks.v1}}
    v2: {build: worker, replicas: 2, env: {QUEUE: tasks.v2}, started: false}
load: {rate: 300/s, duration: 30s, size: 256, types: {charge: 0.9, notify: 0.1}, exchange: tasks, routing_key: "task.{type}"}
deployment: {run: ./deploy.sh, at: 5s}
monitors:
  canary_slow: {query: select 1, above: 800, for: 3s}
  backlog: {queue_depth: tasks.v1, above: 100}
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
  version_fence: {version: v2, after: {step: stop v2}}
  recovered: {within: 30s}
"""

ROLLBACK = """\
#!/bin/bash
drain_v2() { true; }
stop_v2() { true; }
drain_v2
stop_v2
"""


def program(path: Path, text: str = ROLLBACK) -> Path:
    """Write a program."""
    path.write_text(text)
    path.chmod(0o755)
    return path


def sound_folder(folder: Path) -> Path:
    """A folder with a known-good scenario and all that it names; gives the scenario file."""
    (folder / "worker").mkdir(parents=True)
    (folder / "worker" / "Dockerfile").write_text("FROM scratch\n")
    (folder / "tables.sql").write_text("create table effects (task text);\n")
    program(folder / "deploy.sh")
    program(folder / "rollback.sh")
    file = folder / "scenario.yaml"
    file.write_text(SOUND)
    return file


def spoiled(file: Path, old: str, new: str) -> list[str]:
    """Replace one thing in the known-good scenario, and give what the loader says, each as ``line:column: message``."""
    assert SOUND.count(old) == 1, f"{old!r} is in the scenario {SOUND.count(old)} times"
    return said(file, SOUND.replace(old, new))


def said(file: Path, text: str, judge_only: bool = False) -> list[str]:
    """What the loader says of a text, each as ``line:column: message``; nothing when it loads."""
    file.write_text(text)
    try:
        load_to_judge(file) if judge_only else load(file)
    except ScenarioError as error:
        return [str(problem).removeprefix(f"{file}:") for problem in error.problems]
    return []
