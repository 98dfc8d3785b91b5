"""What the broker's own counters say of every queue: what was dropped is found with its number, what only looks like it is not."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from histories import SECOND, START, history

from drillbook.api import judge
from drillbook.evidence import Event
from drillbook.evidence.kinds.metrics import Metric
from drillbook.evidence.kinds.topology import Topology
from drillbook.evidence.kinds.wire import Wire
from drillbook.evidence.run_directory import line
from drillbook.judge.tables import describe, open_tables
from drillbook.judge.verdict import Result, Verdict

CONSERVATION: dict[str, Any] = {"conservation": None}
END = START + 900 * SECOND
NAMES = {
    "published to": "queue_exchange_messages_published_total",
    "acked from": "queue_messages_acked_total",
    "taken from": "queue_messages_delivered_total",
    "got from": "queue_get_total",
}


def run(*lines: str, counts: Collection[str], settings: Collection[str] = (), **more: Any) -> Path:
    """A history, and what the broker counted in it.

    Args:
        lines: as ``history`` takes them; a wire is always there.
        counts: ``10 published to tasks``, ``9 acked from tasks``, ``3 unroutable at default``, ``4 expired (disabled)``; each at the
            end, or with ``at 5:`` before it that many seconds after the start.
        settings: ``tasks dead-letter-exchange nope``: arguments of queues; ``exchange events``, ``binding events``.
    """
    made = history(*lines, invariants=CONSERVATION, **({"empty": ("wire", "counters")} | more))
    metrics = [_metric(text) for text in counts]
    metrics.append(Metric(END, "process_start_time_seconds", 100, phase="collect", edge="start"))
    _write(made, "metrics", metrics)
    _write(made, "topology", [_setting(text) for text in settings] or [Topology(END, "after", "queue", "other", "type", '"quorum"')])
    with (made / "timeline.jsonl").open("a") as timeline:
        timeline.write(line(Event(START, "note", "metrics", "said")) + "\n")
    return made


def _metric(text: str) -> Metric:
    early = re.fullmatch(r"at (\d+): (.+)", text)
    at, text = (START + int(early[1]) * SECOND, early[2]) if early else (END, text)
    phase = {} if early else {"phase": "collect", "edge": "start"}
    number, rest = text.split(" ", 1)
    for words, name in NAMES.items():
        if rest.startswith(words):
            exchange = "" if words == "published to" else None
            return Metric(at, name, int(number), rest.removeprefix(words).strip(), exchange, **phase)
    if rest.startswith("unroutable at "):
        exchange = rest.removeprefix("unroutable at ").replace("default", "")
        return Metric(at, "exchange_messages_unroutable_dropped_total", int(number), None, exchange, **phase)
    if rest == "started":
        return Metric(at, "process_start_time_seconds", int(number), **phase)
    if rest.startswith("delivered by "):
        return Metric(at, f'global_messages_delivered_total{{protocol="{rest.split()[-1]}"}}', int(number), **phase)
    reason, strategy = rest.removesuffix(")").split(" (")
    return Metric(at, f'global_messages_dead_lettered_{reason}_total{{dead_letter_strategy="{strategy}"}}', int(number), **phase)


def _setting(text: str) -> Topology:
    first, second, *value = text.split()
    if first == "binding":
        return Topology(END, "after", "binding", f"{second} -> queue retry", "there", "true")
    if first == "exchange":
        return Topology(END, "after", "exchange", second, "type", '"fanout"')
    field = second if second == "type" else f"arguments.x-{second}"
    return Topology(END, "after", "queue", first, field, f'"{value[0]}"')


def _write(made: Path, stem: str, records: Collection[Any]) -> None:
    (made / f"{stem}.jsonl").write_text("".join(line(record) + "\n" for record in records))


def conserved(made: Path) -> Result:
    return judge(made)["conservation"]


def dropped(made: Path) -> list[str]:
    """What is said of the broker, not of tasks."""
    return [finding.why for finding in conserved(made).findings if finding.task is None]


LOST = ("publish a ok", "publish b ok", "publish c ok", "effect a")
"""Two of three are done by nobody and rest nowhere."""


def test_a_purge_is_found_with_the_number_of_messages_that_went() -> None:
    made = run(*LOST, counts=["3 published to tasks", "1 acked from tasks"])
    assert dropped(made) == [
        "2 messages left tasks without an acknowledgement: for no reason that the broker counts, as when a queue is purged."
    ]


@pytest.mark.parametrize(("delivered", "found"), [((None, None), 0), ((None, "a"), 1), ((), 1)])
def test_what_workers_tell_each_other_may_be_dropped_with_their_queue(delivered: tuple[str | None, ...], found: int) -> None:
    made = run("publish a ok", "effect a", counts=["3 published to gossip", "1 acked from gossip"])
    said = [Wire(0, START, "deliver", peer="workers.v1.1", queue="gossip", task=task) for task in delivered]
    lines = [Wire(0, START, "start"), Wire(0, START, "publish", peer="workers.v1.1", exchange="gossip"), *said, Wire(0, END, "end")]
    _write(made, "wire", [replace(one, seq=number) for number, one in enumerate(lines, start=1)])
    assert len(dropped(made)) == found


def test_what_expired_with_nowhere_to_go_is_found() -> None:
    made = run(*LOST, counts=["3 published to tasks", "1 acked from tasks", "2 expired (disabled)"])
    assert dropped(made) == ["2 messages left tasks without an acknowledgement: 2 expired, with no dead-letter exchange to take them."]


def test_what_went_over_a_length_limit_is_found() -> None:
    made = run(*LOST, counts=["3 published to tasks", "1 acked from tasks", "2 maxlen (disabled)"])
    assert "2 went over its length limit, with no dead-letter exchange" in dropped(made)[0]


def test_a_dead_letter_exchange_that_is_not_there_is_named() -> None:
    counts = ["3 published to tasks", "1 acked from tasks", "2 expired (disabled)"]
    made = run(*LOST, counts=counts, settings=["tasks dead-letter-exchange nope", "exchange events"])
    assert dropped(made) == ["2 messages left tasks without an acknowledgement: 2 expired, and the dead-letter exchange nope is not there."]


def test_dead_letters_that_no_queue_has_are_found() -> None:
    made = run(*LOST, counts=["3 published to tasks", "1 acked from tasks", "2 rejected (at_most_once)"])
    assert dropped(made) == ["2 messages left tasks without an acknowledgement: 2 dead-lettered, and in no queue."]


RETRIED = ["3 published to tasks", "1 acked from tasks", "4 rejected (at_most_once)", "4 expired (at_most_once)"]
"""Refused into a queue that gives back what its time is over for: neither arrival is counted."""
RETRY = ["tasks dead-letter-exchange again", "exchange again", "binding again"]


def test_a_purge_beside_retries_is_not_taken_for_dead_letters_that_went_astray() -> None:
    assert dropped(run(*LOST, counts=RETRIED, settings=RETRY)) == [
        "2 messages left tasks without an acknowledgement: for no reason that the broker counts, as when a queue is purged."
    ]


def test_dead_letters_to_an_exchange_without_a_binding_went_astray() -> None:
    made = run(*LOST, counts=["3 published to tasks", "1 acked from tasks", "2 rejected (at_most_once)"], settings=RETRY[:2])
    assert dropped(made) == ["2 messages left tasks without an acknowledgement: 2 dead-lettered, and in no queue."]


def test_a_publish_that_could_not_be_routed_is_found_in_its_step() -> None:
    made = run(
        *("publish a ok", "phase playbook begin", "step move begin", "resend b to nowhere", "step move end"),
        counts=["1 unroutable at default"],
        without=("nothing",),
    )
    result = conserved(made)
    assert ("1 message published to the default exchange could not be routed and was dropped.", "move") in [
        (finding.why, finding.step) for finding in result.findings
    ]


def test_a_queue_that_was_deleted_with_messages_in_it_is_found_in_its_step() -> None:
    made = run(
        *LOST,
        *(
            "phase playbook begin",
            "queue tasks 2 before tidy up",
            "step tidy up begin",
            "step tidy up end",
            "queue tasks gone after tidy up",
        ),
        counts=["at 4: 3 published to tasks", "0 published to tasks"],
    )
    assert [(finding.why, finding.step) for finding in conserved(made).findings if finding.task is None] == [
        ("The queue tasks went away with at least 2 in it.", "tidy up")
    ]


def test_a_deleted_queue_whose_counters_the_broker_still_has_is_found_with_their_number() -> None:
    made = run(
        *LOST,
        *(
            "phase playbook begin",
            "queue tasks 2 before tidy up",
            "step tidy up begin",
            "step tidy up end",
            "queue tasks gone after tidy up",
        ),
        counts=["3 published to tasks", "1 acked from tasks"],
    )
    assert [(finding.why, finding.step) for finding in conserved(made).findings if finding.task is None] == [
        ("2 messages left tasks without an acknowledgement: gone with the queue.", "tidy up")
    ]


def test_a_queue_deleted_after_a_shovel_had_moved_its_messages_is_no_finding() -> None:
    made = run(
        *("publish a ok", "publish b ok", "effect a", "deliver b to v1 from tasks", "ack b by v1"),
        *("phase playbook begin", "queue old 1 before tidy up", "step tidy up begin", "step tidy up end", "queue old gone after tidy up"),
        counts=["1 published to old", "1 acked from old", "2 published to tasks", "2 acked from tasks"],
    )
    assert dropped(made) == []


def test_two_queues_that_are_short_have_each_its_own_number() -> None:
    made = run(*LOST, counts=["2 published to tasks.v1", "1 acked from tasks.v1", "1 published to tasks.v2"])
    assert [why.split(" without")[0] for why in dropped(made)] == ["1 message left tasks.v1", "1 message left tasks.v2"]


def test_a_purge_beside_dead_letters_that_arrived_is_counted_without_them() -> None:
    made = run(
        *("publish a ok", "publish b ok", "publish c ok", "effect a", "deliver b to v1 from tasks", "leftover b dead in dead"),
        counts=["3 published to tasks", "1 acked from tasks", "1 rejected (at_most_once)"],
    )
    assert dropped(made) == [
        "1 message left tasks without an acknowledgement: for no reason that the broker counts, as when a queue is purged."
    ]


def test_a_worker_s_own_messages_that_went_away_are_found_though_every_task_was_done() -> None:
    made = run(
        "publish a ok", "effect a", "resend follow-up to more", counts=["1 published to tasks", "1 acked from tasks", "1 published to more"]
    )
    assert dropped(made)[0].startswith("1 message left more")


def test_a_task_whose_publish_was_never_confirmed_is_found_when_its_queue_was_purged() -> None:
    made = run("publish a ok", "effect a", "publish b unknown", "resend b to tasks", counts=["2 published to tasks", "1 acked from tasks"])
    assert dropped(made)[0].startswith("1 message left tasks")


HARMLESS: dict[str, tuple[list[str], list[str]]] = {
    "everything was acknowledged": (["publish a ok", "effect a"], ["1 published to tasks", "1 acked from tasks"]),
    "redelivered": (
        ["publish a ok", "deliver a to v1 from tasks", "requeue a by v1", "redeliver a to v1 from tasks", "effect a"],
        ["1 published to tasks", "1 acked from tasks"],
    ),
    "taken without acknowledgement": (
        ["publish a ok", "effect a", "publish b ok", "effect b"],
        ["2 published to tasks", "1 taken from tasks", "1 got from tasks"],
    ),
    "dead letters that arrived": (["publish a ok", "leftover a dead in dead"], ["1 published to tasks", "1 rejected (at_most_once)"]),
    "dead letters that arrived and were replayed": (
        ["publish a ok", "resend a to tasks", "effect a"],
        ["2 published to tasks", "1 acked from tasks", "1 acked from dead", "1 rejected (at_most_once)"],
    ),
    "still waiting, held or set aside for later": (
        [
            *("publish a ok", "publish b ok", "publish c ok"),
            *("leftover a ready in tasks", "leftover b unacked in tasks", "leftover c delayed in tasks"),
        ],
        ["3 published to tasks"],
    ),
    "moved by the operator": (
        ["publish a ok", "deliver a to operator from tasks.v2", "resend a to tasks.v1", "ack a by operator", "effect a"],
        ["1 published to tasks.v2", "1 acked from tasks.v2", "1 published to tasks.v1", "1 acked from tasks.v1"],
    ),
    "a queue deleted when it was empty": (
        [
            *("publish a ok", "effect a", "phase playbook begin", "queue tasks 0 before tidy", "step tidy begin"),
            *("step tidy end", "queue tasks gone after tidy"),
        ],
        ["at 2: 1 published to tasks", "at 2: 1 acked from tasks", "0 published to tasks", "0 acked from tasks"],
    ),
    "an event that no queue wants": (["publish a ok", "effect a"], ["5 unroutable at events"]),
}
ACKNOWLEDGED_TOO_EARLY = ["publish z ok", "deliver z to v1 from early", "ack z by v1"], ["1 published to early", "1 acked from early"]
"""A task that is lost, though no message is."""


@pytest.mark.parametrize(("lines", "counts"), HARMLESS.values(), ids=HARMLESS)
def test_what_a_correct_system_does_is_no_finding(lines: list[str], counts: list[str]) -> None:
    result = conserved(run(*lines, counts=counts))
    assert (result.verdict, [finding.why for finding in result.findings]) == (Verdict.HELD, [])


@pytest.mark.parametrize(("lines", "counts"), HARMLESS.values(), ids=HARMLESS)
def test_nor_is_it_one_beside_a_task_that_was_lost_otherwise(lines: list[str], counts: list[str]) -> None:
    story, counted = ACKNOWLEDGED_TOO_EARLY
    made = run(*lines, *story, counts=[*counts, *counted])
    assert conserved(made).verdict is Verdict.BROKEN
    assert dropped(made) == []


def test_copies_that_were_purged_when_every_task_was_done_are_no_finding() -> None:
    made = run(
        "publish a ok", "effect a", "resend a to spare", counts=["1 published to tasks", "1 acked from tasks", "1 published to spare"]
    )
    assert conserved(made).verdict is Verdict.HELD


NOT_CLAIMED = {
    "the broker was restarted": (["at 2: 90 started", "3 published to tasks"], []),
    "the queue was made anew": (["at 2: 9 published to tasks", "3 published to tasks"], []),
    "a stream keeps what is read": (["3 published to tasks"], ["tasks type stream"]),
    "a queue that refuses publishes at its limit": (["3 published to tasks"], ["tasks overflow reject-publish"]),
    "another protocol acknowledges elsewhere": (["3 published to tasks", "2 delivered by amqp10"], []),
    "a dead letter may be in a queue that was made anew": (
        ["2 published to tasks", "2 rejected (at_most_once)", "at 2: 9 published to dead", "0 published to dead"],
        [],
    ),
}


@pytest.mark.parametrize(("counts", "settings"), NOT_CLAIMED.values(), ids=NOT_CLAIMED)
def test_what_the_counters_cannot_tell_is_not_claimed(counts: list[str], settings: list[str]) -> None:
    assert dropped(run(*LOST, counts=counts, settings=settings)) == []


def test_a_broker_whose_container_was_started_again_is_not_accused_whatever_it_says_itself() -> None:
    made = run(*LOST, counts=["at 1: 1 published to tasks", "3 published to tasks"])
    with (made / "timeline.jsonl").open("a") as timeline:
        timeline.write(line(Event(START + 3 * SECOND, "container", "broker", "started")) + "\n")
    assert dropped(made) == []


def test_a_run_without_metrics_is_judged_by_its_tasks() -> None:
    assert judge(history("publish a ok", "effect a", invariants=CONSERVATION))["conservation"].verdict is Verdict.HELD


def test_metrics_that_were_begun_and_are_missing_are_inconclusive() -> None:
    made = run("publish a ok", "effect a", counts=["1 published to tasks", "1 acked from tasks"])
    (made / "metrics.jsonl").unlink()
    assert (conserved(made).verdict, conserved(made).reason) == (Verdict.INCONCLUSIVE, "there is no metrics.jsonl")


def test_counters_that_were_not_read_at_the_end_are_inconclusive() -> None:
    made = run("publish a ok", "effect a", counts=["at 2: 1 published to tasks"])
    kept = [text for text in (made / "metrics.jsonl").read_text().splitlines() if "collect" not in text]
    (made / "metrics.jsonl").write_text("\n".join(kept) + "\n")
    assert conserved(made).reason == "the broker's counters were not read at the end"


def test_messages_that_went_away_where_nobody_saw_the_wire_are_inconclusive() -> None:
    made = run("publish a ok", "effect a", counts=["2 published to tasks", "1 acked from tasks"], without=("wire",))
    result = conserved(made)
    assert (result.verdict, result.reason.partition(":")[0]) == (Verdict.INCONCLUSIVE, "1 message left tasks without an acknowledgement")


def changes(*counts: str) -> list[tuple[Any, ...]]:
    with open_tables(run("publish a ok", counts=counts)) as (database, _):
        describe(database, [], [])
        return query(database, 'select added::int, reset from metric_changes where queue is not null order by "at"')


def query(database: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return database.execute(sql).fetchall()


def test_a_counter_that_falls_began_again_and_adds_what_it_counts_since() -> None:
    assert changes("at 1: 10 published to tasks", "at 2: 15 published to tasks", "4 published to tasks") == [
        (10, False),
        (5, False),
        (4, True),
    ]


def test_what_a_phase_added_is_counted_from_edge_to_edge() -> None:
    made = run("publish a ok", counts=[])
    samples = [
        Metric(START + seconds * SECOND, "queue_messages_acked_total", value, "tasks", None, phase, edge)  # type: ignore[arg-type]
        for seconds, value, phase, edge in ((1, 10, "load", "start"), (3, 16, None, None), (6, 20, "load", "end"), (7, 99, None, None))
    ]
    _write(made, "metrics", samples)
    _write(made, "timeline", [Event(START + seconds * SECOND, "phase", "load", state) for seconds, state in ((0, "begin"), (5, "end"))])
    with open_tables(made) as (database, _):
        describe(database, [], [])
        assert query(database, "select phase, added::int from phase_counts") == [("load", 10)]
