"""What becomes of publishes that wait for their confirm."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drillbook.load.window import Attempt, Window

SECOND = 10**9


def window(*tasks: str, confirm_within: float = 10) -> Window:
    """A window in which these tasks were sent, a second apart from 0 on."""
    made = Window(round(confirm_within * SECOND))
    for position, task in enumerate(tasks):
        made.sent(Attempt(task, "task", 1, 0, sent_at=position * SECOND))
    return made


def said(resolutions) -> list[tuple[str, str]]:
    return [(resolution.attempt.task, resolution.outcome) for resolution in resolutions]


def test_publishes_are_numbered_from_one():
    assert window("a", "b").sent(Attempt("c", "task", 1, 0, 0)) == 3


def test_a_confirm_settles_one_publish():
    assert said(window("a", "b", "c").confirmed(2)) == [("b", "ok")]


def test_a_multiple_confirm_settles_all_up_to_its_number():
    assert said(window("a", "b", "c").confirmed(2, multiple=True)) == [("a", "ok"), ("b", "ok")]


def test_a_multiple_confirm_leaves_out_what_was_settled_before():
    sent = window("a", "b", "c")
    sent.confirmed(2)
    assert said(sent.confirmed(3, multiple=True)) == [("a", "ok"), ("c", "ok")]


def test_number_zero_with_multiple_means_all():
    assert said(window("a", "b").confirmed(0, multiple=True)) == [("a", "ok"), ("b", "ok")]


def test_a_confirm_for_a_number_never_sent_settles_nothing():
    assert window("a").confirmed(9) == []


def test_a_multiple_confirm_beyond_the_last_number_does_not_settle_later_publishes():
    sent = window("a")
    sent.confirmed(9, multiple=True)
    sent.sent(Attempt("b", "task", 1, 0, 0))
    assert said(sent.confirmed(2, multiple=True)) == [("b", "ok")]


def test_a_second_confirm_changes_nothing():
    sent = window("a")
    sent.confirmed(1)
    assert sent.confirmed(1) == []


def test_a_nack_is_a_failure():
    assert window("a").confirmed(1, refused=True)[0][1:] == ("fail", "refused by the broker (nack)")


def test_a_return_makes_its_confirm_a_failure():
    sent = window("a", "b")
    sent.returned("a", 1, "NO_ROUTE")
    assert [resolution[1:] for resolution in sent.confirmed(2, multiple=True)] == [("fail", "returned: NO_ROUTE"), ("ok", None)]


def test_a_late_return_of_the_first_attempt_does_not_fail_the_second():
    sent = window("a", confirm_within=1)
    sent.overdue(2 * SECOND)
    sent.sent(Attempt("a", "task", 2, 0, 2 * SECOND))
    sent.returned("a", 1, "NO_ROUTE")
    assert said(sent.confirmed(2)) == [("a", "ok")]


def test_no_confirm_in_time_is_unknown():
    found = window("a", "b", "c", confirm_within=10).overdue(11 * SECOND)
    assert said(found) == [("a", "unknown"), ("b", "unknown")]
    assert found[0].reason == "not confirmed within 10 s"


def test_a_confirm_that_comes_too_late_changes_nothing():
    sent = window("a", confirm_within=1)
    sent.overdue(2 * SECOND)
    assert sent.confirmed(1) == []


def test_a_confirm_out_of_order_does_not_hide_an_older_publish_from_its_timeout():
    sent = window("a", "b", confirm_within=1)
    sent.confirmed(2)
    assert said(sent.overdue(5 * SECOND)) == [("a", "unknown")]


def test_a_lost_channel_settles_all_that_waited():
    sent = window("a", "b", "c")
    sent.confirmed(2)
    assert said(sent.lost("unknown", "connection lost")) == [("a", "unknown"), ("c", "unknown")]
    assert len(sent) == 0


def test_a_channel_is_proven_by_its_first_confirm():
    sent = window("a")
    assert not sent.proven
    sent.confirmed(1)
    assert sent.proven


steps = st.lists(
    st.one_of(
        st.just(("send",)),
        st.tuples(st.just("confirm"), st.integers(0, 40), st.booleans(), st.booleans()),
        st.tuples(st.just("return"), st.integers(1, 40)),
        st.tuples(st.just("wait"), st.integers(1, 20)),
    ),
    max_size=120,
)


@given(steps)
def test_every_publish_is_settled_exactly_once_and_as_a_plain_model_says(history):
    sent, clock, count = Window(10), 0, 0
    waiting: dict[int, int] = {}
    returned: set[int] = set()
    got: list[tuple[str, str]] = []
    wanted: list[tuple[str, str]] = []
    for step in history:
        match step:
            case ("send",):
                count += 1
                assert sent.sent(Attempt(str(count), "task", 1, 0, sent_at=clock)) == count
                waiting[count] = clock
            case ("confirm", tag, multiple, refused):
                got += said(sent.confirmed(tag, multiple, refused))
                taken = [number for number in sorted(waiting) if (number <= tag or tag == 0 if multiple else number == tag)]
                wanted += [(str(number), "fail" if refused or number in returned else "ok") for number in taken]
                for number in taken:
                    del waiting[number]
            case ("return", number):
                if number in waiting:
                    sent.returned(str(number), 1, "NO_ROUTE")
                    returned.add(number)
            case ("wait", ticks):
                clock += ticks
                got += said(sent.overdue(clock))
                late = [number for number in sorted(waiting) if waiting[number] + 10 <= clock]
                wanted += [(str(number), "unknown") for number in late]
                for number in late:
                    del waiting[number]
    got += said(sent.lost("unknown", "connection lost"))
    wanted += [(str(number), "unknown") for number in sorted(waiting)]
    assert got == wanted
    assert sorted(int(task) for task, _ in got) == list(range(1, count + 1))
