"""Who is in flight, who is kept back, who is tried again."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from drillbook.load.backlog import Backlog, Backoff
from drillbook.load.window import Attempt
from drillbook.plan import Arrival

SECOND = 10**9


def backlog(bound: int = 10, attempts: int = 1, patience: int = 5) -> Backlog:
    return Backlog(bound, attempts, patience * SECOND, Backoff(Random(1), first=1, longest=8))


def admitted(waiting: Backlog, task: str, at: int = 0) -> Attempt:
    attempt = waiting.admit(Arrival(task, "task", at), at)
    assert attempt is not None
    return attempt


def test_an_arrival_over_the_bound_is_not_admitted():
    waiting = backlog(bound=1)
    admitted(waiting, "a")
    assert waiting.admit(Arrival("b", "task", 0), 0) is None


def test_an_outcome_makes_room_for_the_next_arrival():
    waiting = backlog(bound=1)
    waiting.resolved(admitted(waiting, "a"), "ok", 0)
    assert waiting.admit(Arrival("b", "task", 0), 0) is not None


def test_held_attempts_come_out_oldest_first():
    waiting = backlog()
    for at, task in ((3, "c"), (1, "a"), (2, "b")):
        waiting.hold(admitted(waiting, task, at), at)
    assert [waiting.take(9).task for _ in range(3)] == ["a", "b", "c"]
    assert waiting.take(9) is None


def test_an_attempt_held_past_its_patience_is_overdue():
    waiting = backlog(patience=5)
    waiting.hold(admitted(waiting, "a", 0), 0)
    assert waiting.overdue(5 * SECOND - 1) == []
    assert [attempt.task for attempt in waiting.overdue(5 * SECOND)] == ["a"]


def test_a_failure_is_tried_again_after_a_delay_and_keeps_its_place():
    waiting = backlog(attempts=2)
    waiting.resolved(admitted(waiting, "a"), "fail", 0)
    assert waiting.in_flight == 1
    assert waiting.take(0) is None
    assert waiting.take(SECOND) == Attempt("a", "task", 2, 0)


def test_an_unconfirmed_publish_is_tried_again():
    waiting = backlog(attempts=2)
    waiting.resolved(admitted(waiting, "a"), "unknown", 0)
    assert waiting.take(SECOND).number == 2


def test_the_last_attempt_is_not_tried_again():
    waiting = backlog(attempts=2)
    waiting.resolved(Attempt("a", "task", 2, 0), "fail", 0)
    assert waiting.take(100 * SECOND) is None


def test_a_closed_backlog_drops_retries_and_keeps_what_was_never_tried():
    waiting = backlog(attempts=2)
    waiting.hold(admitted(waiting, "new"), 0)
    waiting.resolved(admitted(waiting, "tried"), "fail", 0)
    waiting.close()
    assert [attempt.task for attempt in waiting.give_up()] == ["new"]
    assert waiting.in_flight == 1


def test_a_closed_backlog_tries_nothing_again():
    waiting = backlog(attempts=2)
    attempt = admitted(waiting, "a")
    waiting.close()
    waiting.resolved(attempt, "fail", 0)
    assert waiting.in_flight == 0


def test_delays_double_up_to_the_longest_and_start_again_after_a_success():
    backoff = Backoff(Random(1), first=1, longest=8)
    delays = [backoff.next() for _ in range(6)]
    assert all(whole / 2 <= delay <= whole for delay, whole in zip(delays, (1, 2, 4, 8, 8, 8), strict=True))
    backoff.reset()
    assert backoff.next() <= 1


def test_the_same_seed_gives_the_same_delays():
    one, other = (Backoff(Random("7 load"), 0.1, 2) for _ in range(2))
    assert [one.next() for _ in range(5)] == [other.next() for _ in range(5)]


@given(st.lists(st.sampled_from(["arrive", "ok", "fail", "close"]), max_size=80), st.integers(1, 5), st.integers(1, 4))
def test_the_bound_holds_and_places_never_leak(history, bound, attempts):
    waiting, sent, clock = backlog(bound, attempts), [], 0
    for number, step in enumerate(history):
        clock += 20 * SECOND
        if step == "arrive" and (attempt := waiting.admit(Arrival(str(number), "task", 0), clock)):
            sent.append(attempt)
        elif step in ("ok", "fail") and sent:
            waiting.resolved(sent.pop(0), step, clock)
        elif step == "close":
            waiting.close()
        while attempt := waiting.take(clock + 19 * SECOND):
            sent.append(attempt)
        assert waiting.in_flight == len(sent) <= bound
