"""Alerts and the decision point, sample by sample."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.drive.decision import Alarm, Decision, Reason
from drillbook.scenario import Start


def fed(alarm: Alarm, *samples: tuple[float, float | None]) -> list[tuple[float, str]]:
    return [(at, change) for at, value in samples if (change := alarm.feed(at, value))]


def test_an_alert_is_raised_when_the_value_stayed_above_its_bound_for_the_whole_time():
    alarm = Alarm(above=800, below=None, lasting=3.0)
    assert fed(alarm, (0, 900), (1, 900), (2, 900), (2.9, 900), (3, 900), (4, 900)) == [(3, "raised")]


def test_an_alert_without_a_duration_is_raised_by_the_first_sample():
    assert fed(Alarm(above=None, below=10, lasting=0.0), (5, 9.5)) == [(5, "raised")]


def test_the_bound_itself_is_not_beyond_it():
    assert fed(Alarm(above=800, below=None, lasting=0.0), (0, 800), (1, 800.1)) == [(1, "raised")]


def test_one_good_sample_starts_the_time_anew():
    alarm = Alarm(above=800, below=None, lasting=3.0)
    assert fed(alarm, (0, 900), (2, 700), (3, 900), (5, 900), (6, 900)) == [(6, "raised")]


def test_an_alert_is_cleared_once_and_can_be_raised_again():
    alarm = Alarm(above=1, below=None, lasting=1.0)
    assert fed(alarm, (0, 2), (1, 2), (2, 0), (3, 0), (4, 2), (5, 2)) == [(1, "raised"), (2, "cleared"), (5, "raised")]


def test_a_gap_without_data_starts_the_time_anew():
    assert fed(Alarm(above=1, below=None, lasting=2.0), (0, 2), (1, None), (2, 2), (3, 2), (4, 2)) == [(4, "raised")]


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_no_data_neither_raises_nor_clears(nothing: float | None):
    alarm = Alarm(above=1, below=None, lasting=0.0)
    assert fed(alarm, (0, nothing), (1, 2), (2, nothing), (3, 2), (4, 1)) == [(1, "raised"), (4, "cleared")]


def test_an_alarm_needs_exactly_one_bound():
    with pytest.raises(ValueError, match="exactly one"):
        Alarm(above=1, below=2, lasting=0.0)


values = st.one_of(st.none(), st.floats(-5, 5))


@given(st.lists(values), st.integers(0, 4))
def test_raised_means_that_every_sample_of_the_time_before_was_beyond(series: list[float | None], lasting: int):
    alarm = Alarm(above=0, below=None, lasting=lasting)
    for at, change in fed(alarm, *enumerate(series)):
        before = series[int(at) - lasting : int(at) + 1]
        beyond = len(before) == lasting + 1 and all(value is not None and value > 0 for value in before)
        assert beyond == (change == "raised")


@given(st.lists(values), st.integers(0, 4))
def test_raised_and_cleared_take_turns_beginning_with_raised(series: list[float | None], lasting: int):
    changes = [change for _, change in fed(Alarm(above=0, below=None, lasting=lasting), *enumerate(series))]
    assert changes[:1] in ([], ["raised"])
    assert all(one != other for one, other in pairwise(changes))


def start(**keys: object) -> Decision:
    return Decision(Start.model_validate(keys))


def test_a_playbook_with_a_time_starts_at_it_and_by_nothing_else():
    decision = start(at="5s")
    assert decision.decide(4.9, {"slow": 1.0}) is None
    assert decision.decide(5.0, {}) == Reason("at")


def test_a_playbook_that_waits_for_an_alert_starts_by_its_value():
    decision = start(when="slow", no_later_than="20s")
    assert decision.decide(3.0, {"other": 1.0}) is None
    assert decision.decide(3.0, {"slow": 901.5}) == Reason("alert", "slow", 901.5)


def test_a_playbook_whose_alert_never_came_starts_at_the_latest_time():
    decision = start(when="slow", no_later_than="20s")
    assert decision.decide(19.9, {}) is None
    assert decision.decide(20.0, {}) == Reason("no_later_than", "slow")


def test_an_alert_at_the_latest_time_is_still_the_reason():
    assert start(when="slow", no_later_than="20s").decide(25.0, {"slow": 2.0}) == Reason("alert", "slow", 2.0)
