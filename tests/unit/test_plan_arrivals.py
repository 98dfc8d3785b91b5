"""Arrivals are a function of the load and the seed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from drillbook.plan import Arrival, arrivals
from drillbook.scenario import Load


def load(**fields: Any) -> Load:
    return Load.model_validate({"rate": "300/s", "duration": "10s", "most": "30s", "types": {"charge": 0.9, "notify": 0.1}, **fields})


def test_the_same_seed_gives_the_same_tasks():
    assert list(arrivals(load(), 7)) == list(arrivals(load(), 7))


def test_another_seed_gives_other_tasks():
    assert list(arrivals(load(), 7)) != list(arrivals(load(), 8))


def test_a_seed_means_the_same_in_every_version():
    first = [Arrival("charge-000001", "charge", 1_769_260), Arrival("charge-000002", "charge", 4_134_208)]
    assert list(arrivals(load(), 7))[:2] == first


def test_what_is_not_about_arrivals_does_not_move_them():
    assert list(arrivals(load(size=4096, attempts=3), 7)) == list(arrivals(load(), 7))


def test_a_longer_load_begins_as_a_shorter_one_does():
    shorter = list(arrivals(load(), 7, 10.0))
    assert shorter == [arrival for arrival in arrivals(load(), 7) if arrival.offset_ns < 10 * 10**9]


def test_arrivals_come_in_order_and_within_the_time_the_load_may_last():
    offsets = [arrival.offset_ns for arrival in arrivals(load(), 7)]
    assert offsets == sorted(offsets)
    assert 0 <= offsets[0] < offsets[-1] <= 30 * 10**9


def test_task_ids_are_unique_and_name_their_type():
    tasks = list(arrivals(load(), 7))
    assert len({arrival.task for arrival in tasks}) == len(tasks)
    assert all(arrival.task.startswith(f"{arrival.type}-") for arrival in tasks)


@pytest.mark.parametrize("seed", range(5))
def test_the_rate_is_kept_on_average(seed: int):
    assert sum(1 for _ in arrivals(load(), seed)) == pytest.approx(9000, abs=4 * 9000**0.5)


def test_types_come_by_their_shares():
    kinds = Counter(arrival.type for arrival in arrivals(load(), 7))
    assert kinds["notify"] / kinds.total() == pytest.approx(0.1, abs=0.015)


def test_a_rate_too_low_for_its_duration_may_bring_nothing():
    assert list(arrivals(load(rate="1/h", most="1ms"), 7)) == []
