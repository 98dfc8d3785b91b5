"""Rows of the scenario's queries, taken as evidence or refused in a sentence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from drillbook.core.errors import UsageError
from drillbook.evidence.rows import check_columns, effects, handled, nanoseconds, outbox, states


def test_a_time_of_the_database_keeps_its_microseconds() -> None:
    assert nanoseconds(datetime(1970, 1, 1, 0, 0, 1, 234567, tzinfo=UTC)) == 1_234_567_000


def test_a_time_in_another_zone_is_the_same_moment() -> None:
    here = datetime(2026, 1, 1, tzinfo=UTC)
    assert nanoseconds(here.astimezone(tz=None)) == nanoseconds(here)
    assert nanoseconds(here + timedelta(hours=1)) - nanoseconds(here) == 3_600 * 10**9


@pytest.mark.parametrize("at", [datetime(2026, 1, 1), True, "now", 1.5])
def test_a_time_of_which_nobody_knows_when_it_was_is_refused(at: Any) -> None:
    with pytest.raises(UsageError, match="timestamptz"):
        nanoseconds(at)


def test_an_effects_query_without_the_task_is_refused_by_the_name_of_the_column() -> None:
    with pytest.raises(UsageError, match="no column task"):
        list(effects([{"at": 1}]))


def test_only_task_and_time_are_needed_of_an_effect() -> None:
    (effect,) = effects([{"task": 7, "at": 5}])
    assert (effect.task, effect.key, effect.at, effect.source) == ("7", None, 5, None)


def test_an_effect_has_the_name_of_its_source() -> None:
    (effect,) = effects([{"task": "a", "at": 5}], "rows")
    assert effect.source == "rows"


@pytest.mark.parametrize("task", [None, ""])
def test_an_effect_of_no_task_is_refused_because_it_would_be_nobodys(task: Any) -> None:
    with pytest.raises(UsageError, match="a row without a task"):
        list(effects([{"task": task, "at": 5}]))


def test_a_state_has_what_the_table_says_of_it() -> None:
    (state,) = states([{"task": "a", "state": "failed", "version": "v2", "worker": "w", "at": 5}])
    assert (state.task, state.state, state.version, state.worker, state.at) == ("a", "failed", "v2", "w", 5)


def test_only_task_and_state_are_needed_of_a_state() -> None:
    (state,) = states([{"task": "a", "state": "queued"}])
    assert (state.version, state.worker, state.at) == (None, None, None)


def test_a_state_in_the_tables_own_words_is_refused_with_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"gives 'DONE' as the state of a\. It must be one of queued, executing, completed, failed"):
        list(states([{"task": "a", "state": "DONE"}]))


def test_a_decision_has_what_the_ledger_says_of_it() -> None:
    (one,) = handled([{"task": "a", "decision": "failed", "rule": "too old", "at": 5, "done_at": 7}])
    assert (one.task, one.decision, one.rule, one.at, one.done_at) == ("a", "failed", "too old", 5, 7)


def test_a_decision_that_was_not_carried_out_has_no_time_of_it() -> None:
    (one,) = handled([{"task": "a", "decision": "left", "at": 5, "done_at": None}])
    assert (one.done_at, one.rule) == (None, None)


def test_a_decision_in_the_ledgers_own_words_is_refused_with_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"gives 'RETRY' as the decision on a\. It must be one of left, failed, rescheduled"):
        list(handled([{"task": "a", "decision": "RETRY", "at": 5, "done_at": 6}]))


def test_a_row_of_the_outbox_is_a_leftover() -> None:
    (left,) = outbox([{"task": "a", "whatever": 1}])
    assert (left.task, left.queue, left.state) == ("a", None, "outbox")


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        ("effects", "task and at"),
        ("states", "task and state"),
        ("handled", "task and decision and at and done_at"),
        ("outbox", "task"),
    ],
)
def test_a_query_is_told_which_columns_it_lacks(kind: str, missing: str) -> None:
    with pytest.raises(UsageError, match=f"the {kind} query gives no column {missing}"):
        check_columns(kind, ["other"])
