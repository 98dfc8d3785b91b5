import json
from pathlib import Path

from drillbook.evidence.origins import ids_of_ledger
from drillbook.evidence.wire_tail import STEADY_NS, TapAction, WireTail


def write(path: Path, *lines: dict[str, object]) -> WireTail:
    with path.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    return WireTail(path)


def event(name: str, connection: int = 1, channel: int | None = 1, peer: str = "workers.v1.1") -> dict[str, object]:
    line = {"event": name, "at": 1, "connection": connection, "peer": peer}
    return line if channel is None else line | {"channel": channel}


def test_a_file_that_is_not_there_yet_says_nothing(tmp_path: Path) -> None:
    tail = WireTail(tmp_path / "wire.jsonl").poll()
    assert not tail.started
    assert tail.in_flight == 0


def test_a_delivery_is_in_flight_until_it_is_acknowledged(tmp_path: Path) -> None:
    tail = write(tmp_path / "w", event("deliver"), event("deliver"), event("ack"))
    assert tail.poll().in_flight == 1


def test_a_channel_that_closes_holds_nothing_any_more(tmp_path: Path) -> None:
    tail = write(tmp_path / "w", event("deliver"), event("deliver", channel=2), event("close"))
    assert tail.poll().in_flight == 1


def test_a_connection_that_closes_takes_all_its_channels_and_consumers_along(tmp_path: Path) -> None:
    tail = write(tmp_path / "w", event("consume"), event("deliver"), event("deliver", channel=2), event("close", channel=None))
    assert tail.poll().in_flight == 0
    assert tail.consumers("workers.v1.1") == 0


def test_what_a_client_was_given_is_counted_with_the_last_moment(tmp_path: Path) -> None:
    tail = write(tmp_path / "w", event("deliver") | {"at": 5}, event("ack") | {"at": 6}, event("deliver") | {"at": 7}).poll()
    assert (tail.given("workers.v1.1"), tail.given("workers.v2.1")) == ((2, 7), (0, 0))


def test_a_client_consumes_steadily_once_its_consumers_have_stayed_the_same(tmp_path: Path) -> None:
    first, second = (event("consume") | {"at": at, "queue": queue} for at, queue in ((5, "tasks"), (STEADY_NS, "more")))
    tail = write(tmp_path / "w", first, second).poll()
    moments = (STEADY_NS, 2 * STEADY_NS - 1, 2 * STEADY_NS)
    assert [tail.consumes_steadily("workers.v1.1", {"tasks"}, at) for at in moments] == [False, False, True]
    assert not tail.consumes_steadily("workers.v1.1", {"other"}, 9 * STEADY_NS)
    assert not tail.consumes_steadily("workers.v2.1", {"tasks"}, 9 * STEADY_NS)


def test_consumers_are_counted_by_the_name_of_the_client(tmp_path: Path) -> None:
    tail = write(tmp_path / "w", event("consume"), event("consume", connection=2, peer="workers.v2.1"))
    assert tail.poll().consumers("workers.v2.1") == 1


def test_consumers_can_be_counted_on_some_queues_only(tmp_path: Path) -> None:
    own = event("consume") | {"queue": "host.pidbox"}
    tail = write(tmp_path / "w", own, own, event("consume") | {"queue": "tasks"}).poll()
    assert (tail.consumers("workers.v1.1", {"tasks"}), tail.consumers("workers.v1.1")) == (1, 3)


def test_a_client_is_connected_from_the_opening_of_its_connection_until_its_close(tmp_path: Path) -> None:
    opened = event("open", channel=None, peer="workers.relay.1")
    assert write(tmp_path / "w", opened).poll().connected("workers.relay.1")
    assert not write(tmp_path / "w", event("close", channel=None, peer="workers.relay.1")).poll().connected("workers.relay.1")


def test_a_client_that_only_closes_a_channel_is_still_connected(tmp_path: Path) -> None:
    tail = write(tmp_path / "w", event("open", channel=None), event("open"), event("close"))
    assert tail.poll().connected("workers.v1.1")


def test_of_a_tap_that_starts_again_nobody_is_connected(tmp_path: Path) -> None:
    tail = write(tmp_path / "w", event("open", channel=None), {"event": "start", "at": 2})
    assert not tail.poll().connected("workers.v1.1")


def test_a_line_that_is_only_half_there_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "w"
    path.write_text('{"event": "star')
    tail = WireTail(path)
    assert not tail.poll().started
    with path.open("a") as file:
        file.write('t","at":2}\n')
    assert tail.poll().started


def delivered(task: str, queue: str = "tasks", **more: object) -> dict[str, object]:
    return event("deliver") | {"task": task, "queue": queue} | more


def test_what_is_in_flight_is_told_with_its_queue_and_who_has_it(tmp_path: Path) -> None:
    tail = write(
        tmp_path / "w", delivered("a"), delivered("b", peer="operator", connection=2), event("ack") | {"task": "a", "queue": "tasks"}
    )
    assert tail.poll().in_flight_tasks() == [("b", "tasks", "operator")]


def test_a_task_that_was_delivered_twice_and_settled_once_is_in_flight_once(tmp_path: Path) -> None:
    tail = write(tmp_path / "w", delivered("a"), delivered("a"), event("nack") | {"task": "a", "queue": "tasks"})
    assert tail.poll().in_flight_tasks() == [("a", "tasks", "workers.v1.1")]


def test_a_tap_that_starts_again_has_no_connections(tmp_path: Path) -> None:
    tail = write(tmp_path / "w", event("consume"), delivered("a"), {"event": "start", "at": 2})
    assert tail.poll().in_flight_tasks() == []
    assert tail.consumers("workers.v1.1") == 0


def test_consumers_are_told_by_client_and_queue(tmp_path: Path) -> None:
    more = [event("consume") | {"queue": queue, "channel": number} for number, queue in enumerate(("tasks", "tasks", "retry"), start=1)]
    tail = write(tmp_path / "w", *more, event("cancel") | {"queue": "tasks", "channel": 1})
    assert tail.poll().consuming() == {("workers.v1.1", "tasks"): 1, ("workers.v1.1", "retry"): 1}


def fault(reason: str, rule: str = "lost", **more: object) -> dict[str, object]:
    return {"event": "fault", "rule": rule, "reason": reason, "at": 7} | more


def test_a_rule_is_armed_when_the_tap_says_so_and_until_it_is_disarmed(tmp_path: Path) -> None:
    tail = write(tmp_path / "w", fault("armed"))
    assert (tail.armed("lost"), tail.poll().armed("lost"), tail.disarmed("lost")) == (False, True, False)
    assert write(tmp_path / "w", fault("disarmed")).poll().disarmed("lost")


def test_what_the_tap_did_for_a_fault_is_told_by_its_name_in_order(tmp_path: Path) -> None:
    held = fault("ack held", link="workers.v1.1 -> broker", peer="workers.v1.1", task="a")
    tail = write(tmp_path / "w", fault("armed"), fault("armed", rule="other"), held, fault("ack dropped", rule="other"), fault("disarmed"))
    assert tail.poll().acts("lost") == [TapAction("ack held", 7, "workers.v1.1 -> broker", "workers.v1.1", "a")]


def test_a_rule_that_is_armed_again_has_done_nothing_yet(tmp_path: Path) -> None:
    tail = write(tmp_path / "w", fault("armed"), fault("ack dropped"), fault("disarmed"), fault("armed"))
    assert (tail.poll().acts("lost"), tail.disarmed("lost")) == ([], False)


def test_a_publish_moves_and_a_confirm_does_not_as_the_tap_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "w"
    lines = [json.dumps(event(name) | {"task": 'x "event":"confirm"'}, separators=(",", ":")) for name in ("publish", "confirm", "deliver")]
    path.write_text("".join(f"{line}\n" for line in lines))
    tail = WireTail(path).poll()
    assert (tail.moves, tail.in_flight) == (2, 1)


def test_what_workers_tell_each_other_moves_no_task(tmp_path: Path) -> None:
    path = tmp_path / "w"
    path.write_text("".join(json.dumps(event(name), separators=(",", ":")) + "\n" for name in ("publish", "deliver", "ack")))
    assert WireTail(path).poll().moves == 0


def beat(task: str, queue: str = "celery", at: int = 0) -> dict[str, object]:
    return event("publish", connection=9, peer="workers.beat.1") | {"task": task, "exchange": "", "routing_key": queue, "at": at}


def published(task: str, peer: str = "workers.v1.1") -> dict[str, object]:
    return event("publish", peer=peer) | {"task": task, "exchange": "", "routing_key": "tasks"}


def settled(task: str, how: str = "ack") -> dict[str, object]:
    return event(how) | {"task": task, "queue": "tasks"}


def as_the_tap_writes(path: Path, *lines: dict[str, object]) -> WireTail:
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    return WireTail(path, lambda task: task.startswith("charge-")).poll()


def test_what_a_scheduler_publishes_by_itself_is_scheduled_all_the_way(tmp_path: Path) -> None:
    tally = as_the_tap_writes(
        tmp_path / "w", beat("sweep-1"), delivered("sweep-1"), settled("sweep-1"), published("charge-1", "load")
    ).tally()
    assert (tally.moves, tally.scheduled_moves, tally.scheduled) == (4, 3, {"sweep-1": 0})


def test_what_a_client_has_of_a_schedulers_own_is_not_in_flight_for_rest(tmp_path: Path) -> None:
    tail = as_the_tap_writes(tmp_path / "w", beat("sweep-1"), delivered("sweep-1"), delivered("charge-1"))
    assert (tail.tally().in_flight, tail.in_flight) == (1, 2)


def test_what_a_worker_publishes_with_a_task_in_hand_is_caused_by_it(tmp_path: Path) -> None:
    tail = as_the_tap_writes(tmp_path / "w", delivered("charge-1"), published("child"), settled("charge-1"))
    assert tail.tally().scheduled_moves == 0


def test_a_worker_that_acknowledges_before_it_works_causes_what_it_publishes_then(tmp_path: Path) -> None:
    tail = as_the_tap_writes(tmp_path / "w", delivered("charge-1"), settled("charge-1"), published("child"))
    assert tail.tally().scheduled_moves == 0


def test_what_a_scheduled_task_causes_is_scheduled_too(tmp_path: Path) -> None:
    done = [delivered("charge-1"), settled("charge-1")]
    tally = as_the_tap_writes(tmp_path / "w", *done, beat("sweep-1"), delivered("sweep-1"), published("child"), settled("sweep-1")).tally()
    assert tally.scheduled.keys() == {"sweep-1", "child"}


def test_a_task_of_the_ledger_stays_one_whoever_publishes_it_again(tmp_path: Path) -> None:
    assert as_the_tap_writes(tmp_path / "w", beat("charge-1")).tally().scheduled_moves == 0


def test_a_caused_task_stays_one_when_a_scheduler_publishes_it_again(tmp_path: Path) -> None:
    tail = as_the_tap_writes(tmp_path / "w", delivered("charge-1"), published("child"), settled("charge-1"), beat("child"))
    assert tail.tally().scheduled_moves == 0


def test_what_the_operator_publishes_is_never_scheduled(tmp_path: Path) -> None:
    assert as_the_tap_writes(tmp_path / "w", published("anything", "operator")).tally().scheduled_moves == 0


def test_a_schedulers_own_tasks_are_not_counted_as_given(tmp_path: Path) -> None:
    assert as_the_tap_writes(tmp_path / "w", beat("sweep-1"), delivered("sweep-1")).given("workers.v1.1") == (0, 0)


def test_when_a_scheduler_first_published_a_task_is_kept(tmp_path: Path) -> None:
    tail = as_the_tap_writes(tmp_path / "w", beat("a", at=5), beat("b", at=6), beat("a", at=7))
    assert tail.tally().scheduled == {"a": 5, "b": 6}


def test_the_tap_has_told_of_all_before_its_last_line(tmp_path: Path) -> None:
    alive = {"event": "alive", "at": 9}
    tails = (as_the_tap_writes(tmp_path / "w", beat("a", at=5), *more) for more in ([], [alive]))
    assert [tail.told for tail in tails] == [5, 9]


def test_the_last_moves_say_who_moved_what_where(tmp_path: Path) -> None:
    tail = as_the_tap_writes(tmp_path / "w", beat("early", at=5), beat("sweep-1", at=10), delivered("sweep-1", at=11))
    assert [(move.peer, move.event, move.place, move.task) for move in tail.last_moves(since=10)] == [
        ("workers.beat.1", "publish", "celery", "sweep-1"),
        ("workers.v1.1", "deliver", "tasks", "sweep-1"),
    ]


def test_ids_of_the_ledger_are_known_by_their_form() -> None:
    ours = ids_of_ledger({"charge", "charge-back"}, outbox=False)
    assert [ours(task) for task in ("charge-000001", "charge-back-1234567", "sweep-000001", "charge-1", "charge-00000a", "charge")] == [
        *(True, True),
        *(False,) * 4,
    ]


def test_with_an_outbox_any_id_may_be_the_ledgers() -> None:
    assert ids_of_ledger({"charge"}, outbox=True)("order-7")


def test_who_makes_tasks_and_is_given_none_is_a_scheduler(tmp_path: Path) -> None:
    lines = [beat("sweep-1"), delivered("sweep-1"), published("child")]
    assert as_the_tap_writes(tmp_path / "w", *lines).schedulers() == {"workers.beat.1"}


def test_a_schedulers_task_is_open_until_it_is_settled_for_good(tmp_path: Path) -> None:
    again = settled("b", "nack") | {"requeue": True}
    lines = [*(beat(task) for task in "abcd"), *(delivered(task) for task in "abc"), settled("a"), again, settled("c", "reject")]
    assert as_the_tap_writes(tmp_path / "w", *lines).scheduled_open == 2
