"""When a stage is at rest, told from looks at it; and what is said where it is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from drillbook.drive.movers import named_movers
from drillbook.drive.rest import Look, Rest, Terms
from drillbook.evidence.wire_tail import Move

EVERY, TOOK = 0.25, 0.03125
"""Seconds between the beginnings of two looks, and that one takes; sums of them are exact."""
TERMS = Terms(1.0, frozenset({"dead", "later"}), {"retry": 40.0, "unknown": None})
EMPTY = {"tasks": 0, "dead": 0, "later": 0, "retry": 0, "unknown": 0}
CALM = Look(0, 0, depths=EMPTY)
BEGUN: list[Look | None] = [CALM] * 4


def looks(found: Iterable[Look | None], took: float = TOOK, every: float = EVERY) -> Iterator[Look | None]:
    """What each look finds, at its time."""
    for number, look in enumerate(found):
        asked = number * max(every, took)
        yield None if look is None else replace(look, asked=asked, answered=asked + took)


def seen(found: Iterable[Look | None], terms: Terms = TERMS, **pace: Any) -> Rest:
    rest = Rest(terms)
    for look in looks(found, **pace):
        rest.see(look)
    return rest


def first_rest(found: Iterable[Look | None], terms: Terms = TERMS, **pace: Any) -> int | None:
    """Which look is the first that knows of rest."""
    rest = Rest(terms)
    for number, look in enumerate(looks(found, **pace)):
        rest.see(look)
        if rest.come:
            return number
    return None


def still(**found: Any) -> list[Look | None]:
    """The same found at look after look, for half a minute."""
    depths = EMPTY | found.pop("depths", {})
    return [Look(0, 0, depths=depths, **found)] * 120


def test_a_stage_where_nothing_changes_is_at_rest_after_the_time_that_the_scenario_says() -> None:
    assert first_rest(still()) == 5


@pytest.mark.parametrize("queue", ["dead", "later"])
def test_a_task_that_may_rest_where_it_is_needs_no_patience(queue: str) -> None:
    assert first_rest(still(depths={queue: 3})) == 5


WAITING = {
    "in a queue": {"depths": {"tasks": 1}},
    "with a client": {"held": 1},
    "in the outbox": {"outbox": 1},
}


@pytest.mark.parametrize("found", WAITING.values(), ids=WAITING)
def test_what_waits_elsewhere_needs_five_times_the_quiet(found: dict[str, Any]) -> None:
    assert first_rest(still(**found)) == 21


CHANGES: dict[str, dict[str, Any]] = {
    "a task moved": {"moves": 1},
    "an effect was added": {"effects": 1},
    "a row came to the outbox": {"outbox": 1},
    "a queue got longer": {"depths": EMPTY | {"dead": 1}},
    "a queue was deleted": {"depths": EMPTY | {"dead": None}},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_quiet_begins_anew_with_each_change(change: dict[str, Any]) -> None:
    found = BEGUN + [replace(CALM, **change)] * 100
    assert first_rest(found) == (4 + 21 if "outbox" in change else 4 + 5)


def test_quiet_begins_anew_after_a_look_that_had_no_answer() -> None:
    assert first_rest([*still()[:4], None, *still()]) == 5 + 5


def test_a_task_in_a_queue_that_delays_lets_no_rest_come_however_long_it_is_still() -> None:
    assert first_rest(still(depths={"retry": 1})) is None


def test_a_queue_that_delays_and_where_tasks_may_rest_holds_nothing_up() -> None:
    assert first_rest(still(depths={"retry": 1}), replace(TERMS, remaining=frozenset({"retry"}))) == 5


def test_a_look_that_takes_long_is_one_observation_and_no_quiet() -> None:
    assert first_rest(still(), took=8.0) == 2


def test_two_looks_are_not_enough_however_far_apart_they_are() -> None:
    assert first_rest(still(), every=8.0) == 2


# A scheduler


def steady(count: int, undone: bool = False) -> list[Look | None]:
    """A scheduler publishes at each fourth look; its task is seen waiting at that look, and done at the next."""
    found: list[Look | None] = []
    for number in range(count):
        made, ready = number // 4 + 1, number // 4 + 1 if undone else int(number % 4 == 0)
        moves = made if undone else made + 2 * (made - ready)
        found.append(Look(0, 0, scheduled_moves=moves, depths=EMPTY | {"tasks": ready}))
    return found


def test_a_schedulers_steady_tasks_that_are_done_do_not_hold_the_stage_up() -> None:
    assert first_rest(steady(100)) == 5


def test_a_schedulers_tasks_that_stay_undone_only_need_the_patience() -> None:
    assert first_rest(steady(100, undone=True)) == 21


def then(*depths: int) -> list[Look | None]:
    """A scheduler's task moves once, and a queue is found like this at that look and the next; so it stays."""
    found = [Look(0, 0, scheduled_moves=1, depths=EMPTY | {"later": depth}) for depth in depths]
    return [*BEGUN[:2], *found, *[found[-1]] * 100]


EXPLAINED = {"at once": then(1), "at the next look": then(0, 1), "not at all": then(0)}
UNEXPLAINED = {"by more than that": (then(2), 2), "two looks later": (then(0, 0, 1), 4)}


@pytest.mark.parametrize("found", EXPLAINED.values(), ids=EXPLAINED)
def test_a_depth_that_a_schedulers_task_may_have_changed_is_no_change(found: list[Look | None]) -> None:
    assert first_rest(found) == 5


@pytest.mark.parametrize(("found", "changed"), UNEXPLAINED.values(), ids=UNEXPLAINED)
def test_a_depth_that_no_schedulers_task_can_have_changed_is_one(found: list[Look | None], changed: int) -> None:
    assert first_rest(found) == changed + 5


STEPS = some.lists(
    some.tuples(some.sampled_from(["nothing", "ledger", "scheduler", "effect", "away"]), some.integers(0, 2)), min_size=1, max_size=80
)


def story(steps: list[tuple[str, int]]) -> list[Look | None]:
    """Looks at a stage where at each one of these happens; a scheduler's task may be seen waiting."""
    now = Look(0, 0, depths=EMPTY)
    found: list[Look | None] = []
    for what, ready in steps:
        if what == "ledger":
            now = replace(now, moves=now.moves + 1)
        if what == "effect":
            now = replace(now, effects=now.effects + 1)
        if what == "scheduler":
            now = replace(now, scheduled_moves=now.scheduled_moves + 3, depths=EMPTY | {"tasks": ready})
        found.append(None if what == "away" else now)
    return found


@given(STEPS)
def test_no_stage_is_at_rest_where_a_task_of_the_ledger_has_just_moved(steps: list[tuple[str, int]]) -> None:
    rest, last = Rest(TERMS), 0.0
    for (what, _), look in zip(steps, looks(story(steps)), strict=True):
        rest.see(look)
        if look is not None:
            last = look.answered if what in ("ledger", "effect") else last
            assert not rest.come or look.asked - last >= TERMS.quiet_for
        else:
            assert not rest.come


@given(STEPS)
def test_a_scheduler_delays_no_rest_by_more_than_the_patience(steps: list[tuple[str, int]]) -> None:
    only = [("scheduler" if what != "nothing" else what, ready) for what, ready in steps]
    came = first_rest(story(only * 30))
    assert came is not None
    assert came <= 21


@given(STEPS)
def test_what_a_scheduler_does_brings_rest_no_sooner(steps: list[tuple[str, int]]) -> None:
    alone = [(what if what != "scheduler" else "nothing", 0) for what, _ in steps]
    found, calm = first_rest(story(steps)), first_rest(story(alone))
    assert found is None or (calm is not None and found >= calm)


# What is said


def test_a_delayed_task_is_due_at_the_latest_when_its_time_to_live_is_over_since_anything_moved() -> None:
    found = [Look(0, 0, moves=number // 4, depths=EMPTY | {"retry": 3}) for number in range(8)]
    last = Look(0, 0, moves=1, depths=EMPTY | {"retry": 3})
    rest = seen([*found, *[last] * 10])
    assert rest.due() == ["3 tasks in retry are due in at most 37 s"]
    assert rest.why_not([]) == "3 tasks in retry are due in at most 37 s"


def test_a_scheduler_s_move_may_have_brought_the_delayed_task() -> None:
    found = [Look(0, 0, scheduled_moves=min(number, 8), depths=EMPTY | {"retry": 3}) for number in range(18)]
    assert seen(found).due() == ["3 tasks in retry are due in at most 38 s"]


def test_once_it_is_still_only_the_delay_is_told() -> None:
    assert seen(still(depths={"retry": 1})).why_not(MOVERS["steadily"][0]) == "1 task in retry is due in at most 11 s"


def test_a_calm_that_is_still_too_short_is_said() -> None:
    assert seen(still()[:4]).why_not([]) == "there was no change for 0.7 s, and 1 s are needed"


def test_nothing_is_said_of_a_delay_while_other_things_move() -> None:
    assert seen([Look(0, 0, moves=number, depths=EMPTY | {"retry": 3}) for number in range(20)]).due() == []


def test_a_delay_of_unknown_length_is_said_to_be_one() -> None:
    assert seen(still(depths={"unknown": 1})).why_not([]) == "1 task waits in unknown until its time to live is over"


def test_a_task_that_should_have_moved_on_is_said_so() -> None:
    rest = seen(still(depths={"retry": 1}), replace(TERMS, delays={"retry": 2.0}))
    assert rest.why_not([]) == "1 task in retry should have moved on by now: its time to live is 2 s"


def test_where_time_ran_out_in_the_patience_it_is_said_what_waited() -> None:
    rest = seen(still(depths={"tasks": 1200}, held=1)[:10])
    assert rest.why_not([]) == "still 1,200 tasks in tasks, 1 task with a client, for which 5 s without a change are needed"


def test_what_changed_without_a_mover_is_said() -> None:
    rest = seen([Look(0, 0, effects=number, outbox=number, depths=EMPTY | {"later": number}) for number in range(20)])
    assert rest.why_not([]) == "effects were still added; the outbox still changed; the depth of later still changed"


def test_a_service_that_does_not_answer_is_said() -> None:
    assert seen([*still(), None]).why_not([]) == "the broker or the database did not answer"


def test_a_machine_too_slow_to_look_is_said() -> None:
    assert seen(still()[:2], took=12.0).why_not([]) == "there was no time for 3 looks without a change: the last one took 12.0 s"


# The last movers


def moved(peer: str, event: str, place: str, *tasks: str, every: float = 2.0) -> list[Move]:
    return [Move(round(number * every * 1e9), peer, event, place, task, False) for number, task in enumerate(tasks)]


MOVERS: dict[str, tuple[list[Move], list[str]]] = {
    "steadily": (moved("workers.beat.1", "publish", "celery", *"abcd"), ["workers.beat.1 published to celery every 2 s"]),
    "once": (moved("workers.v1.1", "publish", "celery", "a"), ["workers.v1.1 published a to celery"]),
    "in bursts": (
        [*moved("operator", "publish", "tasks", *"abc", every=0.001), Move(9_000_000_000, "operator", "publish", "tasks", "d", False)],
        ["operator published to tasks 4 times in 9 s"],
    ),
    "one task over and over": (
        moved("workers.v1.2", "deliver", "tasks.v1", *["charge-000003"] * 14, every=6 / 13)
        + moved("workers.v1.2", "nack", "tasks.v1", *["charge-000003"] * 14, every=6 / 13),
        ["workers.v1.2 was given charge-000003 from tasks.v1 again and again (14 times in 6 s)"],
    ),
    "given many": (moved("workers.v1.1", "deliver", "tasks", *"abcde", every=0.5), ["workers.v1.1 was given tasks from tasks every 0.5 s"]),
    "settled what it had": (moved("workers.v1.1", "ack", "tasks", "a"), ["workers.v1.1 acknowledged a of tasks"]),
    "and what follows": (
        moved("workers.beat.1", "publish", "celery", *"abcd")
        + moved("workers.v1.1", "deliver", "celery", *"abcd")
        + moved("workers.v1.1", "ack", "celery", *"abcd"),
        ["workers.beat.1 published to celery every 2 s"],
    ),
    "three times": (moved("workers.beat.1", "publish", "celery", *"abc"), ["workers.beat.1 published to celery every 2 s"]),
    "twice": (moved("workers.beat.1", "publish", "celery", *"ab"), ["workers.beat.1 published to celery 2 times in 2 s"]),
    "in bursts, later": (
        [Move(at * 1_000_000_000, "operator", "publish", "tasks", str(at), False) for at in (100, 101, 109)],
        ["operator published to tasks 3 times in 9 s"],
    ),
    "published, and given over and over": (
        moved("operator", "publish", "tasks", "a") + moved("workers.v1.1", "deliver", "tasks", *"aaa"),
        ["operator published a to tasks", "workers.v1.1 was given a from tasks again and again (3 times in 4 s)"],
    ),
    "given, and settled": (
        moved("workers.v1.1", "deliver", "tasks", *"abc") + moved("workers.v1.1", "ack", "tasks", *"abc"),
        ["workers.v1.1 was given tasks from tasks every 2 s"],
    ),
    "publishers first": (
        moved("workers.v1.1", "deliver", "tasks", *"abcde") + moved("operator", "publish", "tasks", "z"),
        ["operator published z to tasks", "workers.v1.1 was given tasks from tasks every 2 s"],
    ),
    "very many": (
        [move for number in range(5) for move in moved(f"workers.v1.{number}", "publish", "tasks", "a")],
        [f"workers.v1.{number} published a to tasks" for number in range(3)] + ["2 more did something of the kind"],
    ),
}


@pytest.mark.parametrize(("moves", "named"), MOVERS.values(), ids=MOVERS)
def test_the_last_movers_are_named(moves: list[Move], named: list[str]) -> None:
    assert named_movers(moves) == named


def test_movers_are_named_before_what_else_changed() -> None:
    rest = seen([Look(0, 0, moves=number, effects=number, depths=EMPTY | {"tasks": number}) for number in range(20)])
    assert rest.why_not(MOVERS["steadily"][0]) == "workers.beat.1 published to celery every 2 s; effects were still added"
