"""Drills that could not happen as written: shares, routes, victims and times."""

from pathlib import Path

import pytest
from scenario_folder import SOUND, said, sound_folder, spoiled

CASES = {
    "shares do not sum to 1": ("notify: 0.1", "notify: 0.2", ["18:47: the shares of types must sum to 1, and these sum to 1.1"]),
    "a share is zero": ("charge: 0.9, notify: 0.1", "charge: 1, notify: 0", ["18:74: the share of notify must be more than 0, not 0"]),
    "a routing key has an unknown placeholder": ("task.{type}", "task.{kind}", ["18:112: routing_key knows {type} only, not {kind}"]),
    "the default exchange reaches no queue": (
        'exchange: tasks, routing_key: "task.{type}"',
        "routing_key: tasks.v3",
        ["18:95: without exchange the routing key is a queue, and there is no tasks.v3; did you mean tasks.v2?"],
    ),
    "the default exchange and the default key": (
        'exchange: tasks, routing_key: "task.{type}"',
        "attempts: 2",
        ["18:1: without exchange the routing key is a queue, and there is no charge or notify; there are tasks.v1, tasks.v2, tasks.dead"],
    ),
    "no binding takes the key": (
        "task.#",
        "job.#",
        ["18:112: no binding of exchange tasks takes the routing key task.charge or task.notify: its tasks would be returned"],
    ),
    "a topic pattern takes one word only": (
        "task.#",
        "task.*.*",
        ["18:112: no binding of exchange tasks takes the routing key task.charge or task.notify: its tasks would be returned"],
    ),
    "a topic pattern is shorter than the key": (
        "task.#",
        "task",
        ["18:112: no binding of exchange tasks takes the routing key task.charge or task.notify: its tasks would be returned"],
    ),
    "a direct exchange has no such key": (
        "{type: topic}",
        "{type: direct}",
        ["18:112: no binding of exchange tasks takes the routing key task.charge or task.notify: its tasks would be returned"],
    ),
    "two faults have one name": (
        "name: a canary worker dies while it is drained",
        "name: the canary's link slows down",
        ["28:11: a fault is named the canary's link slows down already, on line 24"],
    ),
    "more victims than there are": ("pick: one", "pick: 3", ["29:38: pick is 3, and workers.v2 names only 2"]),
    "no victim": ("pick: one", "pick: 0", ["29:38: pick must be at least 1, not 0"]),
    "the deployment comes after the load": (
        "at: 5s",
        "at: 5m",
        ["19:36: the deployment starts at 5m, and the load lasts 5m at most (load.most)"],
    ),
    "the playbook starts when all is over": (
        "no_later_than: 20s",
        "no_later_than: 301s",
        ["33:45: no_later_than is 301s, and the load lasts 5m at most (load.most)"],
    ),
    "the playbook starts too long after the deployment": (
        "no_later_than: 20s",
        "no_later_than: 296s after deployment",
        ["33:45: no_later_than is 296s after deployment, and the load lasts 5m at most (load.most)"],
    ),
    "a fault begins when all is over": (
        "at: 10s",
        "at: 301s",
        ["26:9: the fault would begin at 301s, and the load lasts 5m at most (load.most)"],
    ),
    "a fault lasts beyond the end": (
        "for: 12s",
        "for: 5m",
        ["27:10: the fault would last until 310s, and the load lasts 5m at most (load.most)"],
    ),
    "the load lasts longer than it may": (
        "duration: 30s",
        "duration: 6m",
        ["18:31: the load lasts 6m at least, and 5m at most"],
    ),
    "a fault comes after tasks of a queue that is not there": (
        "at: 10s",
        "after: {tasks: 20 waiting in tasks.v3}",
        ["26:20: there is no queue tasks.v3; did you mean tasks.v2?"],
    ),
    "a fault comes after tasks of a version that is not there": (
        "at: 10s",
        "after: {tasks: 20 given to v3}",
        ["26:20: there is no version v3; there are v1, v2"],
    ),
    "a count of tasks counts none": (
        "at: 10s",
        "after: {tasks: 0 confirmed}",
        [
            "26:20: tasks: '0 confirmed' is not a count of tasks: write a number and where they are, such as 200 confirmed, 20 given to v2 "
            "or 20 waiting in tasks"
        ],
    ),
    "a fault comes after two events": (
        "at: 10s",
        "after: {step: stop v2, deployment: end}",
        ["26:12: after of entry 1 of faults: give exactly one of step, deployment, playbook and tasks"],
    ),
    "more tasks than the load ever has": (
        "at: 10s",
        "after: {tasks: 90001 confirmed}",
        ["26:20: 90,001 tasks are never confirmed: the load has 90,000 at most (300/s for 5m, load.most)"],
    ),
    "the deployment comes after tasks of what it starts": (
        "at: 5s}",
        "after: {tasks: 10 given to v2}}",
        ["19:47: v2 is given no task before the deployment: it is not started (started: false)"],
    ),
    "a step that is not there is held": (
        "timeout: 90s",
        "timeout: 90s\n  hold: {stop v3: 20 waiting in tasks.v2}",
        ["35:10: the playbook has no step stop v3; did you mean stop v2?"],
    ),
    "a step is held for a queue that is not there": (
        "timeout: 90s",
        "timeout: 90s\n  hold: {stop v2: 20 waiting in tasks.v9}",
        ["35:19: there is no queue tasks.v9; did you mean tasks.v2?"],
    ),
    "quiet cannot come in time": ("quiet_for: 3s", "quiet_for: 1m", ["35:34: quiet for 1m cannot come within 1m"]),
    "a tag cannot be chosen": (
        "[nightly, release]",
        "[nightly, big release]",
        ["3:17: the tag 'big release' cannot be chosen with -m: use letters, digits, _ . -"],
    ),
    "a step of a drill without a playbook": (
        "playbook:\n  run: ./rollback.sh\n  start: {when: canary_slow, no_later_than: 20s}\n  timeout: 90s\n",
        "",
        ["1:1: a scenario needs playbook: the rollback under test"],
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), CASES.values(), ids=CASES.keys())
def test_a_drill_that_cannot_happen_is_told(tmp_path: Path, old: str, new: str, expected: list[str]):
    assert spoiled(sound_folder(tmp_path / "drill"), old, new) == expected


WITHOUT_DEPLOYMENT = {
    "the playbook's latest time": ("no_later_than: 20s", "no_later_than: 20s after deployment", 33, 45),
    "a fault at a time": ("at: 10s", "at: 10s after deployment", 26, 9),
    "a fault after its end": ("at: 10s", "after: {deployment: end}", 26, 12),
}


@pytest.mark.parametrize(("old", "new", "line", "column"), WITHOUT_DEPLOYMENT.values(), ids=WITHOUT_DEPLOYMENT.keys())
def test_nothing_comes_after_a_deployment_that_there_is_not(tmp_path: Path, old: str, new: str, line: int, column: int):
    file = sound_folder(tmp_path / "drill")
    deployment = next(text for text in SOUND.splitlines() if text.startswith("deployment:"))
    text = SOUND.replace(deployment, "").replace(old, new, 1)
    assert said(file, text) == [f"{line}:{column}: there is no deployment that it could come after"]


def test_workers_that_take_no_tasks_are_given_none(tmp_path: Path):
    file = sound_folder(tmp_path / "drill")
    text = SOUND.replace("started: false}", "started: false, consumes: false}").replace("at: 10s", "after: {tasks: 5 given to v2}", 1)
    assert said(file, text) == ["26:20: v2 is given no tasks: its consumes is false"]


@pytest.mark.parametrize(
    ("old", "new", "said_is"),
    [
        (
            "no_later_than: 20s",
            "no_later_than: 20s, while_deploying: true",
            "33:67: there is no deployment that the playbook could start in",
        ),
        ("above: 800,", "above: 800, armed: deployment,", "21:53: there is no deployment whose end could arm it"),
    ],
    ids=["a playbook that may start meanwhile", "a monitor that is armed by its end"],
)
def test_nothing_waits_for_a_deployment_that_there_is_not(tmp_path: Path, old: str, new: str, said_is: str):
    file = sound_folder(tmp_path / "drill")
    deployment = next(text for text in SOUND.splitlines() if text.startswith("deployment:"))
    assert said(file, SOUND.replace(deployment, "").replace(old, new, 1)) == [said_is]


SOUND_ROUTES = {
    "a topic's # is any number of words": ("task.#", "#"),
    "a topic's # is no word too": ("task.#", "task.*.#"),
    "a topic's * is one word": ("task.#", "*.*"),
    "a fanout looks at no key": ("{type: topic}", "{type: fanout}"),
    "an alternate exchange takes what no binding does": ("{type: topic}", "{type: direct, arguments: {alternate-exchange: amq.fanout}}"),
    "the default exchange reaches a queue by its name": ('exchange: tasks, routing_key: "task.{type}"', "routing_key: tasks.v1"),
    "the broker's own exchanges need no declaration": ('exchange: tasks, routing_key: "task.{type}"', "exchange: amq.fanout"),
}


@pytest.mark.parametrize(("old", "new"), SOUND_ROUTES.values(), ids=SOUND_ROUTES.keys())
def test_a_route_that_works_is_let_pass(tmp_path: Path, old: str, new: str):
    file = sound_folder(tmp_path / "drill")
    text = SOUND.replace("{from: tasks, to", "{from: amq.fanout, to: tasks.v1}\n      - {from: tasks, to")
    assert said(file, text.replace(old, new)) == []
