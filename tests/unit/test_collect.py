from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pika.spec import BasicProperties

from harness.errors import UsageError
from harness.evidence.collect import cancelled
from harness.evidence.leftovers import _deaths
from harness.evidence.rows import effects, nanoseconds


def test_a_time_of_the_database_keeps_its_microseconds() -> None:
    assert nanoseconds(datetime(1970, 1, 1, 0, 0, 1, 234567, tzinfo=UTC)) == 1_234_567_000


def test_a_time_in_another_zone_is_the_same_moment() -> None:
    here = datetime(2026, 1, 1, tzinfo=UTC)
    assert nanoseconds(here.astimezone(tz=None)) == nanoseconds(here)
    assert nanoseconds(here + timedelta(hours=1)) - nanoseconds(here) == 3_600 * 10**9


def test_a_time_without_a_zone_is_refused_because_nobody_knows_when_it_was() -> None:
    with pytest.raises(UsageError, match="timestamptz"):
        nanoseconds(datetime(2026, 1, 1))


def test_an_effects_query_without_the_task_is_refused_by_the_name_of_the_column() -> None:
    with pytest.raises(UsageError, match="no column task"):
        list(effects([{"at": 1}]))


def test_only_task_and_time_are_needed_of_an_effect() -> None:
    (effect,) = effects([{"task": 7, "at": 5}])
    assert (effect.task, effect.key, effect.at) == ("7", None, 5)


def test_deaths_are_summed_and_the_first_reason_is_kept() -> None:
    # The broker puts the newest death first (rabbitmq.com/docs/dlx).
    headers = {"x-death": [{"count": 2, "reason": "delivery_limit"}, {"count": 1, "reason": "rejected"}]}
    assert _deaths(BasicProperties(headers=headers)) == (3, "rejected")


def test_a_cancel_ledger_names_one_task_a_line(tmp_path: Path) -> None:
    (tmp_path / "cancelled").write_text("a\n\n b \n")
    assert [leftover.task for leftover in cancelled(tmp_path / "cancelled")] == ["a", "b"]


def test_a_playbook_that_cancelled_nothing_leaves_no_ledger(tmp_path: Path) -> None:
    assert list(cancelled(tmp_path / "cancelled")) == []
