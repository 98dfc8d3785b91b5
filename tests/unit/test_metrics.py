"""What becomes of the broker's Prometheus pages."""

from __future__ import annotations

from drillbook.rabbitmq.metrics import STARTED, Series, at_rest, lines, restarted, samples

DETAILED = """\
# TYPE rabbitmq_detailed_queue_messages_acked_total counter
# HELP rabbitmq_detailed_queue_messages_acked_total Messages acknowledged
rabbitmq_detailed_queue_messages_acked_total{vhost="/",queue="tasks"} 21
rabbitmq_detailed_queue_messages_acked_total{vhost="other",queue="tasks"} 4
rabbitmq_detailed_queue_process_reductions_total{vhost="/",queue="tasks"} 900
rabbitmq_detailed_queue_exchange_messages_published_total{vhost="/",exchange="",queue="a \\"b\\" \\\\ c"} 50
rabbitmq_detailed_queue_get_total{vhost="/",queue="tasks"} 0
rabbitmq_identity_info{rabbitmq_node="rabbit@host"} 1
"""
NODE = """\
rabbitmq_global_messages_dead_lettered_expired_total{queue_type="rabbit_quorum_queue",dead_letter_strategy="disabled"} 10
rabbitmq_queue_messages_ready 7
erlang_vm_memory_bytes_total{kind="system"} 123456
process_start_time_seconds 1795260742
"""
ACKED = Series("queue_messages_acked_total", "tasks", None)
READY = Series("queue_messages_ready", "tasks", None)


def test_a_counter_of_a_queue_is_kept_under_its_name_without_the_prefix() -> None:
    assert samples(DETAILED, "")[ACKED] == 21


def test_what_another_virtual_host_counts_is_not_mixed_in() -> None:
    assert sum(value for series, value in samples(DETAILED, "").items() if series == ACKED) == 21


def test_a_queue_may_have_quotes_and_backslashes_in_its_name() -> None:
    assert samples(DETAILED, "")[Series("queue_exchange_messages_published_total", 'a "b" \\ c', "")] == 50


def test_what_nobody_judges_by_is_left_out() -> None:
    names = {series.name for series in samples(DETAILED, NODE)}
    assert not {"queue_process_reductions_total", "identity_info", "queue_messages_ready", "queue_get_total"} & names


def test_labels_without_a_field_of_their_own_stand_in_the_name_in_order() -> None:
    name = 'global_messages_dead_lettered_expired_total{dead_letter_strategy="disabled",queue_type="rabbit_quorum_queue"}'
    assert samples("", NODE)[Series(name, None, None)] == 10


def test_when_the_broker_started_is_kept() -> None:
    assert samples("", NODE)[STARTED] == 1_795_260_742


def test_over_time_only_what_changed_is_written() -> None:
    assert [line.value for line in lines(1, {ACKED: 21, READY: 1}, {ACKED: 21, READY: 2})] == [2]


def test_at_the_edge_of_a_phase_everything_is_written() -> None:
    written = list(lines(1, {ACKED: 21, READY: 1}, {ACKED: 21, READY: 2}, "load", "start"))
    assert [(line.name, line.value, line.phase, line.edge) for line in written] == [
        ("queue_messages_acked_total", 21, "load", "start"),
        ("queue_messages_ready", 2, "load", "start"),
    ]


def test_a_series_that_is_gone_has_fallen_to_zero() -> None:
    assert [(line.queue, line.value) for line in lines(1, {ACKED: 21}, {})] == [("tasks", 0)]


def test_counters_that_stand_still_are_at_rest_whatever_gauges_do() -> None:
    assert at_rest({ACKED: 21, READY: 3}, {ACKED: 21})


def test_a_counter_that_moves_is_not_at_rest_even_with_labels_in_its_name() -> None:
    dead = Series('global_messages_dead_lettered_expired_total{queue_type="x"}', None, None)
    assert not at_rest({dead: 1}, {dead: 2})


def test_a_broker_that_started_at_another_time_was_restarted() -> None:
    assert restarted({STARTED: 100}, {STARTED: 107})
    assert not restarted({STARTED: 100}, {STARTED: 100})


def test_the_first_samples_tell_of_no_restart() -> None:
    assert not restarted({}, {STARTED: 107})
