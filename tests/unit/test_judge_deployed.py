"""A drill in which there was nothing to roll back, or whose rollback did nothing: it proves nothing, and says which of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from histories import history

from drillbook.api import judge
from drillbook.judge.verdict import Verdict

HELD, INCONCLUSIVE = Verdict.HELD, Verdict.INCONCLUSIVE
DONE = ["publish a ok", "effect a"]
DEPLOYED = ["phase deployment begin", "started v2", "phase deployment end exit 0"]
PLAYED = ["phase playbook begin", "phase playbook end exit 0"]
GIVEN = "deliver a to v2 from tasks.v2"
IDLE = "v2, which the deployment started, was given no task before the playbook began"


def sections(
    *, deployment: dict[str, Any] | None = None, start: dict[str, Any] | None = None, hold: dict[str, str] | None = None, **v2: Any
) -> dict[str, Any]:
    """A scenario whose deployment starts v2."""
    return {
        "stage": {
            "broker": {"queues": {"tasks.v1": {}, "tasks.v2": {}}},
            "database": {},
            "workers": {"v1": {"image": "worker"}, "v2": {"image": "worker", "started": False} | v2},
        },
        "deployment": {"run": "./deploy.sh", "at": "1s"} | (deployment or {}),
        "playbook": {"run": "./rollback.sh", "start": {"at": "5s"} | (start or {}), "steps": ["stop v2", "x"]}
        | ({"hold": hold} if hold else {}),
    }


def drill(*lines: str, plan: dict[str, Any] | None = None, **more: Any) -> Path:
    """A run of it, with a whole wire, judged by what needs neither wire nor leftovers."""
    frame = ["phase collect begin", "phase collect end"]
    return history(*DONE, *lines, *frame, sections=sections(**more), invariants={"no_duplicate_effects": None}, empty=["wire"], plan=plan)


REASONS = {
    "it was given a task": ([*DEPLOYED, GIVEN, *PLAYED], {}, []),
    "it was given a message of the stage without an id": ([*DEPLOYED, *["deliver to v2 from tasks.v2"], *PLAYED], {}, None),
    "it was given nothing": ([*DEPLOYED, *PLAYED], {}, [IDLE]),
    "it was given something only after the playbook had begun": ([*DEPLOYED, PLAYED[0], GIVEN, PLAYED[1]], {}, [IDLE]),
    "it was given something only before it was started": ([GIVEN, *DEPLOYED, *PLAYED], {}, [IDLE]),
    "another was given something": ([*DEPLOYED, "deliver a to v1 from tasks.v1", *PLAYED], {}, [IDLE]),
    "it was told something by others like it": ([*DEPLOYED, "deliver to v2 from celery.pidbox", *PLAYED], {}, [IDLE]),
    "one of two was given a task": ([*DEPLOYED[:2], "started v2.2", DEPLOYED[2], "deliver a to v2.2 from tasks.v2", *PLAYED], {}, []),
    "it takes no tasks": ([*DEPLOYED, *PLAYED], {"consumes": False}, []),
    "it was not started": (
        [DEPLOYED[0], DEPLOYED[2], *PLAYED],
        {},
        ["the deployment did not start v2: none of its workers ran"],
    ),
    "the playbook started it": (
        [DEPLOYED[0], DEPLOYED[2], PLAYED[0], "started v2", PLAYED[1]],
        {},
        ["the deployment did not start v2: the playbook was the first to"],
    ),
    "the playbook started it, which may idle": (
        [DEPLOYED[0], DEPLOYED[2], PLAYED[0], "started v2", PLAYED[1]],
        {"deployment": {"may_idle": True}},
        [],
    ),
    "the playbook started it, and the deployment another": (
        [DEPLOYED[0], "started v1", "deliver a to v1 from tasks.v1", DEPLOYED[2], PLAYED[0], "started v2", PLAYED[1]],
        {},
        [],
    ),
    "it was given only what a scheduler published": (
        [*DEPLOYED, "send sweep to tasks.v2 by v1.2", "deliver sweep to v2 from tasks.v2", *PLAYED],
        {},
        [IDLE],
    ),
    "it was given what a worker published that has tasks itself": (
        [*DEPLOYED, "deliver a to v1 from tasks.v1", "send child to tasks.v2 by v1", "deliver child to v2 from tasks.v2", *PLAYED],
        {},
        [],
    ),
    "nothing was to be started": ([DEPLOYED[0], DEPLOYED[2], *PLAYED], {"started": True}, []),
    "a job that runs when it is needed": (
        [DEPLOYED[0], "started v1", "deliver a to v1 from tasks.v1", DEPLOYED[2], *PLAYED],
        {"may_exit": True},
        [],
    ),
    "a job, and the deployment did nothing": (
        [DEPLOYED[0], DEPLOYED[2], *PLAYED],
        {"may_exit": True},
        ["the deployment did not start v2: none of its workers ran"],
    ),
    "the drill gave up": (
        [*DEPLOYED, "decision playbook abandoned: the playbook never began: v2 was given no task yet"],
        {},
        ["the playbook never began: v2 was given no task yet"],
    ),
    "the drill gave up before the deployment": (
        ["decision playbook abandoned: the deployment never began: 200 confirmed never came"],
        {},
        ["the deployment never began: 200 confirmed never came"],
    ),
}


@pytest.mark.parametrize(("lines", "more", "reasons"), REASONS.values(), ids=REASONS)
def test_what_the_deployment_started_was_given_a_task(lines: list[str], more: dict[str, Any], reasons: list[str] | None) -> None:
    judgement = judge(drill(*lines, **more))
    if reasons is None:
        assert not any("was given no task" in reason for reason in judgement.preconditions)
        return
    assert list(judgement.preconditions) == reasons
    assert judgement.verdict == (INCONCLUSIVE if reasons else HELD)
    assert judgement.notes == ()


def test_what_the_relay_of_an_outbox_publishes_is_no_scheduler_s() -> None:
    lines = [*DEPLOYED, "send sweep to tasks.v2 by v1.2", "deliver sweep to v2 from tasks.v2", *PLAYED]
    outbox = {"outbox": {"query": "select task from outbox"}}
    run = history(
        *DONE,
        *lines,
        "phase collect begin",
        "phase collect end",
        sections=sections() | outbox,
        invariants={"no_duplicate_effects": None},
        empty=["wire"],
    )
    assert judge(run).preconditions == ()


def test_a_container_that_a_fault_brought_back_is_not_the_deployment_s() -> None:
    kill = {"faults": [{"name": "killed", "kill": {"target": "workers.v1.1"}, "at": "1s", "for": "2s"}]}
    fault = [f"fault killed {state} of kill on workers.v1.1" for state in ("begin", "took_effect", "end", "cleared")]
    lines = [DEPLOYED[0], DEPLOYED[1], *fault[:3], "started v1", fault[3], DEPLOYED[2], GIVEN, *PLAYED]
    run = history(
        *DONE, *lines, "phase collect begin", "phase collect end", sections=sections() | kill, invariants={"no_duplicate_effects": None}
    )
    assert judge(run).preconditions == ()


@pytest.mark.parametrize(
    "more", [{"deployment": {"may_idle": True}}, {"start": {"while_deploying": True}}], ids=["may_idle", "while_deploying"]
)
def test_a_version_that_may_idle_is_a_note(more: dict[str, Any]) -> None:
    judgement = judge(drill(*DEPLOYED, *PLAYED, **more))
    assert judgement.verdict == HELD
    assert judgement.notes == (f"{IDLE}.",)


def test_a_version_that_may_idle_must_have_been_started_all_the_same() -> None:
    judgement = judge(drill(DEPLOYED[0], DEPLOYED[2], *PLAYED, deployment={"may_idle": True}))
    assert judgement.preconditions == ("the deployment did not start v2: none of its workers ran",)


def test_a_playbook_that_began_while_the_deployment_ran_is_a_note() -> None:
    lines = [*DEPLOYED[:2], GIVEN, PLAYED[0], DEPLOYED[2], PLAYED[1]]
    judgement = judge(drill(*lines, start={"while_deploying": True}))
    assert judgement.verdict == HELD
    assert judgement.notes == ("The playbook began while the deployment still ran.",)


def test_a_version_that_came_only_after_the_playbook_had_begun_is_noted_as_idle() -> None:
    lines = [DEPLOYED[0], *PLAYED, "started v2", DEPLOYED[2]]
    judgement = judge(drill(*lines, start={"while_deploying": True}))
    assert judgement.notes == ("The playbook began while the deployment still ran.", f"{IDLE}.")


def test_without_the_wire_nothing_tells_whether_it_was_given_a_task() -> None:
    run = drill(*DEPLOYED, *PLAYED)
    (run / "wire.jsonl").unlink()
    assert judge(run).preconditions == (
        "nothing tells whether the versions that the deployment started were given tasks: there is no wire.jsonl",
    )


STEP = ["phase playbook begin", "step stop v2 begin", "step stop v2 end", "phase playbook end exit 0"]
STEPS = {
    "one of them ran": (STEP, ["stop v2", "x"], []),
    "all were skipped": (
        [STEP[0], STEP[1], f"{STEP[2]} exit 0 skipped", STEP[3]],
        ["stop v2", "x"],
        ["the playbook ended without having done anything: none of its 2 steps did anything"],
    ),
    "one was skipped, and another was not": (
        [*STEP[:2], f"{STEP[2]} exit 0 skipped", "step x begin", "step x end", STEP[3]],
        ["stop v2", "x"],
        [],
    ),
    "none ran": (PLAYED, ["stop v2", "x"], ["the playbook ended without having done anything: none of its 2 steps ran"]),
    "the only one never ran": (PLAYED, ["x"], ['the playbook ended without having done anything: its only step "x" never ran']),
    "only one that is not listed ran": (STEP, ["x", "y"], ["the playbook ended without having done anything: none of its 2 steps ran"]),
    "none is listed": (PLAYED, [], []),
    "it failed": ([PLAYED[0], "phase playbook end exit 2"], ["x"], ["the playbook failed with exit code 2"]),
}


@pytest.mark.parametrize(("lines", "steps", "reasons"), STEPS.values(), ids=STEPS)
def test_a_playbook_none_of_whose_steps_ran_proves_nothing(lines: list[str], steps: list[str], reasons: list[str]) -> None:
    assert list(judge(drill(*DEPLOYED, GIVEN, *lines, plan={"steps": steps})).preconditions) == reasons


def test_a_step_that_was_held_in_vain_is_a_reason() -> None:
    lines = [
        STEP[0],
        "wait at stop v2 begin for 20 waiting in tasks.v2",
        "wait 58",
        "wait at stop v2 not_met for 20 waiting in tasks.v2",
        *STEP[1:],
    ]
    judgement = judge(drill(*DEPLOYED, GIVEN, *lines, hold={"stop v2": "20 waiting in tasks.v2"}))
    assert judgement.preconditions == ('the step "stop v2" waited for 20 waiting in tasks.v2, which did not come in 60.0 s',)
    assert judgement.verdict == INCONCLUSIVE


def test_a_step_that_got_what_it_was_held_for_is_none() -> None:
    lines = [STEP[0], "wait at stop v2 begin for 20 waiting in tasks.v2", "wait at stop v2 met for 20 waiting in tasks.v2", *STEP[1:]]
    assert judge(drill(*DEPLOYED, GIVEN, *lines, hold={"stop v2": "20 waiting in tasks.v2"})).verdict == HELD
